"""Oracle O27: the identities of a quarter, recomputed from the state before and after it and from the named flows.

Nothing is taken from checks.py, which the engine itself runs; where that stops a run, this oracle counts it.
"""

from dataclasses import replace

import numpy as np

from market_abm.engine import Simulation, run_seeds
from market_abm.levers.catalogue import CATALOGUE
from market_abm.oracles.finding import Finding
from market_abm.oracles.running import column
from market_abm.parameters.schema import DatedLever
from market_abm.parameters.switches import NEUTRAL
from market_abm.state.tables import TABLES
from market_abm.units import HOURS_PER_QUARTER, quarter_label

PER_MILLE = 1000.0  # residuals are told in thousandths, so that the tolerance of a finding, 1e-6, stands for 1e-9
COUNTED = {"money": "startups.cash_usd makers.cash_usd clouds.cash_usd regions.cash_usd", "chips": "makers.inventory_pflops clouds.fleet_pflops",
           "chip power": "makers.inventory_mw clouds.fleet_mw", "connections": "clouds.connected_mw clouds.convertible_mw clouds.own_power_mw",
           "compute credits": "startups.credits_usd", "compute credits owed": "clouds.credits_owed_usd"}
KEPT_BY_THE_DEAD = ("identity", "link")  # kinds of column: who they were


def o27_conservation(sheet):
    """Compare every residual of a run with 0: none, each lever of the catalogue, and all mechanisms off, in one batch.

    Residuals are relative, the largest over runs and quarters. Source: double-entry accounts; Godley and Lavoie 2007.
    """
    cases = _cases(sheet)
    simulation = Simulation(cases, run_seeds(sheet.seed, 0, 1).repeat(len(cases)))
    largest = {}
    for _ in range(sheet.quarters):
        before = {quantity: _held(simulation, names) for quantity, names in COUNTED.items()}
        simulation.step()
        if simulation.failures:
            break
        for name, residual in _residuals(simulation, before):
            worst = float(np.max(np.abs(residual), initial=0.0))
            largest[name] = worst if worst != worst else max(largest.get(name, 0.0), worst)  # nan is never right
    over = f", {len(cases)} runs, {sheet.quarters} quarters (per mille)"
    return [Finding("runs stopped by the engine's own checks", 0.0, float(len(simulation.failures))),
            *(Finding(f"largest residual of {name}{over}", 0.0, PER_MILLE * worst) for name, worst in largest.items())]


def _cases(sheet):
    """Return the configurations: no lever, each lever alone from the same quarter, every switch off."""
    base = sheet.configuration(f"startups.opening={sheet.startups}", f"clouds.omega={sheet.omega}")
    base = replace(base, levers=())
    off = sheet.configuration(f"startups.opening={sheet.startups}", *(f"switches.{name}=0" for name in NEUTRAL))
    start = quarter_label(sheet.lever_quarter, base.frame.start)
    dated = [DatedLever(name=lever.name, start=start, strength=sheet.strength) for lever in CATALOGUE.values()]
    return [base, *(replace(base, levers=(lever,)) for lever in dated), replace(off, levers=())]


def _all(simulation, name):
    """Return the sum of a column over everything but runs, `(runs,)`."""
    return _per_run(column(simulation, name))


def _held(simulation, names):
    """Return what all holders of a counted quantity have, and their gross holdings, `(2, runs)`."""
    held = [column(simulation, name) for name in names.split()]
    return np.array([sum(total(array) for array in held) for total in (_per_run, lambda array: _per_run(np.abs(array)))])


def _per_run(array):
    return array.sum(axis=(*range(array.ndim - 2), array.ndim - 1))


def _amount(simulation, *flows):
    """Return what went along some flows this quarter, `(runs,)`."""
    amounts = (np.broadcast_to(simulation.world.ledger.amount(name), (simulation.world.runs, 1)) for name in flows)
    return sum(amount[:, 0] for amount in amounts)


def _residuals(simulation, before):
    """Yield (identity, relative residual by run or cell) of the quarter just stepped."""
    for quantity, names in COUNTED.items():
        yield quantity, _conserved(simulation, before[quantity], names.split())
    yield from _between(simulation)
    yield from _electricity(simulation)
    yield from _compute(simulation)
    yield from _ownership(simulation)


def _conserved(simulation, before, names):
    """Return what a quantity changed by and no flow across the model's boundary explains, over what is held and moved."""
    brought, gross = 0.0, 0.0
    for flow in simulation.world.flows:
        inwards, outwards = flow.enters in names, flow.leaves in names
        if inwards != outwards:
            amount = _amount(simulation, flow.name)
            brought, gross = brought + (amount if inwards else -amount), gross + np.abs(amount)
    after = _held(simulation, " ".join(names))
    return _over(after[0] - before[0] - brought, before[1] + gross)


def _over(residual, size):
    """Return a residual relative to a size; where there is nothing, as it is."""
    return residual / np.where(size > 0, size, 1.0)


def _between(simulation):
    """Yield the residuals of flows with two sides, and of deliveries against what the tables say of them."""
    for left, entered in simulation.world.ledger.sides.values():
        if left is not None and entered is not None:
            yield "what leaves one agent and enters another", _over(left - entered, np.abs(left))
    delivered = _all(simulation, "clouds.delivered_pflops")
    yield "chips delivered and chips sold", _over(delivered - _all(simulation, "makers.sold_pflops"), delivered)
    yield "chips delivered and the flow of them", _over(delivered - _amount(simulation, "chips delivered"), delivered)
    made = _all(simulation, "makers.produced_pflops")
    yield "chips made and the flow of them", _over(made - _amount(simulation, "chips made"), made)
    waiting = column(simulation, "clouds.retiring_pflops").sum(axis=0)
    fleet = column(simulation, "clouds.fleet_pflops")
    yield "chips installed and chips with a day of retirement", _over((fleet - waiting).sum(axis=(0, 2)), fleet.sum(axis=(0, 2)))


def _electricity(simulation):
    """Yield the residuals of load, dispatch, bills and rents."""
    ai, dispatched, short = (column(simulation, f"regions.{name}_mwh") for name in ("ai", "dispatched", "shortage"))
    load = column(simulation, "regions.other_load_mw") * HOURS_PER_QUARTER + ai
    yield "electricity dispatched and short against load, by region", _over(dispatched + short - load, load)
    drawn = np.moveaxis(column(simulation, "clouds.energy_mwh").sum(axis=-1), 0, -1)
    yield "electricity that owners draw and regions deliver", _over(drawn - ai, drawn)
    plants = column(simulation, "regions.plant_mw").sum(axis=0) * HOURS_PER_QUARTER
    yield "dispatch above plants", _over(np.maximum(0.0, dispatched - plants), plants)
    bills = _amount(simulation, "electricity of data centres", "electricity of everybody else")
    costs = _amount(simulation, "fuel", "scarcity rents")
    yield "electricity bills against fuel and rents", _over(bills - costs, bills)
    mine = _all(simulation, "clouds.energy_bill_usd")
    whole = _all(simulation, "market.cloud_exits") == 0  # a takeover writes its bill to nobody
    paid = _amount(simulation, "electricity of data centres", "fuel of own power")
    yield "owners' electricity bills against what they paid", _over((mine - paid) * whole, paid)
    price = np.moveaxis(column(simulation, "clouds.energy_mwh"), 0, -1).sum(axis=1) * column(simulation, "regions.price_usd")
    data_centres = _amount(simulation, "electricity of data centres")
    yield "electricity of data centres against load times price", _over(price.sum(axis=-1) - data_centres, data_centres)


def _compute(simulation):
    """Yield the residuals of compute rented, used and powered."""
    names = ("fleet_pflops", "active_pflops", "active_mw", "used_pflop_hours", "own_pflop_hours", "rented_pflop_hours", "connected_mw",
             "own_power_mw", "fleet_mw")
    fleet, active, powered, used, own, rented, grid, behind, needed = (column(simulation, f"clouds.{name}") for name in names)
    inside = _all(simulation, "startups.training_pflop_hours") + _all(simulation, "startups.serving_pflop_hours")
    inside = inside + _all(simulation, "market.enterprise_pflop_hours") + _all(simulation, "market.closed_pflop_hours")
    yield "compute rented out and rented in", _over(rented.sum(axis=-1) - inside, inside)
    titles = _all(simulation, "startups.own_training_pflop_hours") + _all(simulation, "startups.own_serving_pflop_hours")
    titles = titles + _all(simulation, "market.passed_on_pflop_hours")
    everything = own.sum(axis=-1) + rented.sum(axis=-1)
    yield "compute used above what owners, tenants and startups' own chips account for", _over(
        np.maximum(0.0, used.sum(axis=-1) - everything - titles), everything + titles)
    hours = active * HOURS_PER_QUARTER
    yield "compute used above what has power", _over(np.maximum(0.0, used - hours), hours)
    yield "chips with power above the fleet", _over(np.maximum(0.0, active - fleet.sum(axis=0)), active)
    supply = grid.sum(axis=0) + behind
    yield "power used above connections and own plants", _over(np.maximum(0.0, powered - supply), supply)
    yield "power used above what the fleet draws", _over(np.maximum(0.0, powered - needed.sum(axis=0)), powered)


def _ownership(simulation):
    """Yield the residuals of shares in startups, and what the dead still hold."""
    alive = column(simulation, "startups.alive")
    shares = column(simulation, "startups.stake").sum(axis=0) + column(simulation, "startups.venture_share")
    yield "shares in startups against one", (shares + column(simulation, "startups.founders_share") - 1.0) * alive
    customers = _all(simulation, "clouds.ai_share") + _all(simulation, "startups.ai_share")
    yield "customers' shares above one", np.maximum(0.0, customers - 1.0)
    for table in TABLES:
        living = column(simulation, f"{table.name}.alive") > 0
        for told in table.columns:
            if told.lives not in KEPT_BY_THE_DEAD:
                yield "what the dead hold", np.where(living, 0.0, column(simulation, f"{table.name}.{told.name}"))

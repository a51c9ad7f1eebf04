"""The identities of a quarter, derived from the column declarations and from the ledger of named flows.

`broken(world)` looks at every run on its own and says which identity fails where, so that one broken
run can leave the batch without harming the others.
"""

from dataclasses import dataclass

import numpy as np

from market_abm.exact import add_up, look_up, ratio, stacked, total
from market_abm.state.columns import IDENTITY, LINK
from market_abm.state.flows import per_run
from market_abm.state.tables import STARTUP_POOL
from market_abm.units import FLOP_PER_PFLOP_HOUR, HOURS_PER_QUARTER

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken identity of one run."""

    run: int
    quarter: int
    identity: str
    where: str
    amount: float


def broken(world):
    """Return the worst breach of each identity in each run, an empty list when all hold."""
    breaches = []
    for identity, where, residual, allowed in _identities(world):
        failing = ~(np.abs(residual) <= allowed)  # nan fails too
        if failing.any():
            breaches += _worst(world, identity, where, residual, failing)
    return breaches


def _worst(world, identity, where, residual, failing):
    """Name, for each failing run, the cell that is furthest off."""
    runs_first = np.moveaxis(residual, -2, 0).reshape(world.runs, -1)
    bad = np.moveaxis(failing, -2, 0).reshape(world.runs, -1)
    size = np.where(bad, np.where(np.isnan(runs_first), np.inf, np.abs(runs_first)), -1.0)
    out = []
    for run in np.flatnonzero(bad.any(axis=1)):
        cell = int(size[run].argmax())
        row = cell % residual.shape[-1]
        out.append(Breach(int(run), world.quarter, identity, f"{where} row {row}", float(runs_first[run, cell])))
    return out


def _identities(world):
    """Yield (identity, where, residual, allowed) for everything that must hold."""
    yield from _conserved(world)
    yield from _two_sided_flows(world)
    yield from _life_and_death(world)
    yield from _energy_and_compute(world)
    yield from _ownership(world)
    yield from _largest_run(world)
    yield from _startups_pool(world)


def _conserved(world):
    """Every counted column: closing = opening + what named flows brought and took, cell by cell."""
    ledger = world.ledger
    for name, array in world.counted.items():
        table, column = name.split(".")
        quantity = world.declared[table].column(column).counts_as
        allowed = TOLERANCE * (np.abs(ledger.opening[name]) + ledger.gross[name])
        yield f"{quantity} is conserved", name, array - ledger.opening[name] - ledger.net[name], allowed


def _two_sided_flows(world):
    """Every flow inside the model: what leaves one side enters the other."""
    for name, (left, entered) in world.ledger.sides.items():
        if left is not None and entered is not None:
            yield f"flow '{name}' loses nothing", world.ledger.flow(name).leaves, left - entered, TOLERANCE * np.abs(left)


def _life_and_death(world):
    """Everything is a finite number; the dead own nothing; stocks are not negative.

    Each is looked at in full only where a cheap glance at the whole column is not enough.
    """
    dead = {name: arrays["alive"] == 0 for name, arrays in world.tables.items()}
    for table, column, array in world.each():
        if column.dtype != "float64":
            continue
        name, low, high = f"{table.name}.{column.name}", array.min(), array.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            finite = np.isfinite(array)
            yield "numbers are finite", name, np.where(finite, 0.0, np.nan), np.zeros_like(array)
            array = np.where(finite, array, 0.0)  # the other runs must still be looked at
            low, high = array.min(), array.max()
        if low == high == 0.0:
            continue
        if column.lives not in (IDENTITY, LINK) and ((array != 0) & dead[table.name]).any():
            yield "the dead own nothing", name, array * dead[table.name], np.zeros_like(array)
        if low < 0.0 and not column.signed:
            scale = TOLERANCE * (1.0 + np.abs(array).max(axis=-1, keepdims=True))
            yield "no stock or price is negative", name, np.minimum(array, 0.0), np.broadcast_to(scale, array.shape)


def _energy_and_compute(world):
    """Power, compute and chips balance, and nothing is used that is not there."""
    clouds, regions = world.tables["clouds"], world.tables["regions"]
    startups, market = world.tables["startups"], world.tables["market"]
    hours = HOURS_PER_QUARTER
    load = regions["other_load_mw"] * hours + regions["ai_mwh"]
    served = regions["dispatched_mwh"] + regions["shortage_mwh"]
    yield "electricity dispatched and short is the load", "regions", served - load, TOLERANCE * load
    placed = total(clouds["energy_mwh"])[..., 0].T
    yield "data centres use what regions bill", "regions", placed - regions["ai_mwh"], TOLERANCE * (1.0 + placed)
    spare = stacked(regions["plant_mw"]) * hours * (1.0 + TOLERANCE) - regions["dispatched_mwh"]
    yield "dispatch stays within plants", "regions", np.minimum(spare, 0.0), np.zeros_like(spare)
    powered = stacked(clouds["connected_mw"]) + clouds["own_power_mw"]
    yield _at_most("active MW stay within connections", clouds["active_mw"], powered)
    yield _at_most("own power stays within its plants", clouds["own_power_mwh"], clouds["own_power_mw"] * hours)
    drawn = stacked(clouds["energy_mwh"]) + clouds["own_power_mwh"]
    load = ratio(clouds["used_pflop_hours"], clouds["active_pflops"]) * clouds["active_mw"]
    whole = (market["cloud_exits"] == 0) & (clouds["took_over"] == 0)  # a takeover adds up what ratios are made of
    yield "compute used draws its electricity", "clouds", (drawn - load) * whole, TOLERANCE * (1.0 + drawn)
    yield _at_most("active chips stay within the fleet", clouds["active_pflops"], stacked(clouds["fleet_pflops"]))
    yield _at_most("compute used stays within energised", clouds["used_pflop_hours"], clouds["active_pflops"] * hours)
    dearest = np.maximum(np.maximum(clouds["contested_rent_usd"], clouds["list_rent_usd"]), clouds["transfer_usd"])
    dearest = dearest * clouds["rented_pflop_hours"] + clouds["contract_rent_usd"]
    bills = (clouds["rent_usd"] + clouds["credit_rent_usd"]) * (market["cloud_exits"] == 0)  # a takeover adds up rents but averages their prices
    yield _at_most("rent is paid for hours at a posted price", bills, dearest)
    rented_out = total(clouds["rented_pflop_hours"])
    rented_in = total(startups["training_pflop_hours"] + startups["serving_pflop_hours"]) + market["closed_pflop_hours"]
    rented_in = rented_in + market["enterprise_pflop_hours"]
    yield "compute rented out is rented in", "clouds.rented_pflop_hours", rented_out - rented_in, TOLERANCE * (1.0 + rented_out)
    for stock in ("pflops", "mw"):
        fleet, ages = clouds[f"fleet_{stock}"], clouds[f"retiring_{stock}"].waiting()
        scale = TOLERANCE * (1.0 + per_run(fleet + world.ledger.gross[f"clouds.fleet_{stock}"]))
        yield "every chip has its day of retirement", f"clouds.fleet_{stock}", fleet - ages, np.broadcast_to(scale, fleet.shape)
    shares = total(clouds["ai_share"]) + total(startups["ai_share"])
    yield "customers' shares do not exceed one", "market", np.maximum(shares - 1.0, 0.0), np.full_like(shares, TOLERANCE)


def _ownership(world):
    """Shares of a startup sum to one, only the living hold them, and credits are owed by who must honour them."""
    clouds, startups = world.tables["clouds"], world.tables["startups"]
    shares = stacked(startups["stake"]) + startups["venture_share"] + startups["founders_share"]
    missing = (shares - 1.0) * startups["alive"]
    yield "ownership sums to one", "startups", missing, np.full_like(missing, TOLERANCE)
    holders = np.stack([look_up(clouds["alive"], holder) for holder in startups["holder"]])
    orphaned = startups["stake"] * (holders == 0)
    yield "stakes are held by the living", "startups.stake", orphaned, np.zeros_like(orphaned)
    owed = clouds["credits_owed_usd"]
    due = add_up(startups["credits_usd"], startups["provider"], owed.shape[-1])
    scale = TOLERANCE * (1.0 + owed + world.ledger.gross["clouds.credits_owed_usd"])
    yield "credits are owed by their provider", "clouds.credits_owed_usd", owed - due, scale


def _largest_run(world):
    """The largest run is its hours: so many FLOP, so much money, so much power. Growth of each is then that of its factors."""
    market = world.tables["market"]
    done = market["frontier_pflop_hours"] * FLOP_PER_PFLOP_HOUR * market["frontier_utilisation"] * market["frontier_efficiency"]
    for identity, column, product in (
        ("the largest run's FLOP are hours x peak x utilisation x efficiency", "frontier_run_flop", done),
        ("the largest run's cost is hours x full cost", "frontier_cost_usd", market["frontier_pflop_hours"] * market["frontier_full_cost_usd"]),
        ("the largest run's MW are PFLOP/s x MW per PFLOP/s", "frontier_mw", market["frontier_pflops"] * market["frontier_mw_per_pflops"]),
    ):
        yield identity, f"market.{column}", market[column] - product, TOLERANCE * np.abs(product)


def _startups_pool(world):
    """What startups hold titles to, have ordered, paid in and used is what their pool has."""
    clouds, startups = world.tables["clouds"], world.tables["startups"]
    pool = (clouds["kind"] == STARTUP_POOL) * clouds["alive"]
    book = clouds["ordered_pflops"].waiting() + clouds["overdue_pflops"]
    used = startups["own_training_pflop_hours"] + startups["own_serving_pflop_hours"]
    for identity, column, held, there in (
            ("startups' titles are their pool's chips", "own_pflops", startups["own_pflops"], stacked(clouds["fleet_pflops"])),
            ("startups' orders are their pool's book", "on_order_pflops", startups["on_order_pflops"], stacked(book)),
            ("startups' deposits are their pool's cash", "deposit_usd", startups["deposit_usd"], clouds["cash_usd"]),
            ("startups' own hours are their pool's", "own_training_pflop_hours", used, clouds["used_pflop_hours"])):
        market = total(np.nan_to_num(np.abs(there), posinf=0.0))  # its size: rounding leaves specks of a pool that was large
        yield identity, f"startups.{column}", total(held) - total(np.where(pool > 0, there, 0.0)), TOLERANCE * (1.0 + market)


def _at_most(identity, used, available):
    """Say that something used stays within what there is."""
    return identity, "clouds", np.maximum(used - available, 0.0), TOLERANCE * (1.0 + available)

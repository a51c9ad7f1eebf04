"""The identities of a quarter: they hold, a broken one is found and named, and its run leaves without harm to others."""

import functools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds import same_bits

from market_abm import checks, engine
from market_abm.checks import broken
from market_abm.engine import Simulation, run_seeds, simulate
from market_abm.parameters.loading import load
from market_abm.parameters.switches import NEUTRAL
from market_abm.state.world import Window
from market_abm.units import FLOP_PER_PFLOP_HOUR, HOURS_PER_QUARTER

BASE = Path(checks.__file__).parent.parent / "configs" / "base.toml"
SMALL = ("frame.startup_slots=128", "startups.opening=60", "startups.talent_pool=100")
RUN, RUNS = 1, 3  # the run that is corrupted, among so many


@pytest.fixture(autouse=True)
def quiet():
    """Silence numpy's warnings, as the engine does around a run."""
    with np.errstate(all="ignore"):
        yield


def configuration(quarters, *sets):
    return load(BASE, sets=[f"frame.quarters={quarters}", *SMALL, *sets])


@functools.cache
def stepped():
    """Return a small simulation after twelve quarters; whoever changes it must put it back."""
    simulation = Simulation([configuration(12)] * RUNS, run_seeds(7, 0, RUNS))
    for _ in range(12):
        simulation.step()
        assert broken(simulation.world) == [], f"quarter {simulation.quarter - 1}"
    return simulation


@pytest.fixture
def world():
    """Lend the stepped world to one test."""
    world = stepped().world
    kept = {f"{t.name}.{c.name}": array.copy() for t, c, array in world.each()}
    tallies = [(array, array.copy()) for tally in (world.ledger.net, world.ledger.gross) for array in tally.values()]
    sides = dict(world.ledger.sides)
    yield world
    for name, array in kept.items():
        np.copyto(world.array(name), array)
    for array, copy in tallies:
        np.copyto(array, copy)
    world.ledger.sides = sides


# They hold ------------------------------------------------------------------------------------------


def test_every_identity_holds_in_every_run_and_quarter():
    simulation = stepped()
    assert simulation.failures == []
    assert simulation.running.tolist() == [0, 1, 2]
    assert simulation.world.array("clouds.cash_usd").any(), "an empty world would prove nothing"
    assert simulation.world.array("market.frontier_run_flop").min() > 0


SWITCHED = (
    *(f"switches.{name}=0" for name in NEUTRAL), ",".join(f"switches.{name}=0" for name in NEUTRAL),
    "ownership.backing_hazard=1", "ownership.corporate_chance=1", "ownership.credit_part=1", "ownership.stake_cap=1", "ownership.round_dilution=0.95",
    "mergers.synergy_rate=1", "mergers.rescue_rate=1", "mergers.rule=none", "mergers.purse_share=1", "mergers.startup_buyers=1",
    "contracts.signing_rate=1", "contracts.term_quarters=1", "contracts.discount=0.9", "contracts.capacity_share=1", "conduct.foreclosure=1",
    "customers.contest=0", "startups.selectivity=0", "chips.relationship_exponent=0", "clouds.omega=0", "chips.switching_cost=0",
    "chips.learning_exponent=0", "energy.queue=0", "documentation.efficiency_channel=0", "documentation.switching_channel=0",
    "training.cluster_exponent=0", "training.capability_map=loss", "training.loss_weight=0", "training.data_tokens=1e6", "switches.data_limit=0", "training.ambition_noise=0", "customers.shock=1", "customers.outside=0", "customers.inertia=0",
    "chips.allocation=proportional", "chips.allocation=equal_awards", "chips.allocation=lottery", "chips.pricing=cost_based",
    "integration.allowed=0", "integration.drive=1e6", "integration.return_margin=0", "integration.return_quarters=1", "integration.ramp=0",
    "integration.cost_ratio=10", "integration.performance=2", "integration.design_usd=1e12", "integration.design_quarters=1",
    "entrants.drive=1e6", "entrants.cost_usd=1", "entrants.failures=0", "chips.margin_cap=0.2", "chips.rnd_share=0.6",
    "documentation.portable_share=1", "documentation.open_source_growth=0",
    "documentation.rule=closed", "documentation.rule=delayed", "documentation.rule=open", "documentation.rule=mandated",
    "startups.opening=0", "venture.pool_usd=0", "clouds.neocloud_equity=0", "chips.relationship_floor=0", "clouds.tenant_floor=0",
    "customers.captive_share=0", "customers.captive_share=1", "energy.slots_mw=0", "startups.funded_share=0", "startups.entry_rate=0",
    "clouds.general_usd=0", "customers.legacy_usd=0", "customers.enterprise_usd=0", "customers.spend_max_usd=0", "training.research_usd=0",
    "training.final_run_share=0", "training.opening_budget_usd=0", "clouds.opening_headroom=0", "clouds.power_slack=0",
    "clouds.rent_step=0", "chips.price_speed=0", "chips.innovation_hazard=0", "chips.inventory_share=0", "chips.cancellation=1",
    "chips.life_quarters=5", "chips.life_quarters=40", "chips.delivery_quarters=4", "chips.fab_quarters=1",
    "energy.building_quarters=6", "energy.price_cap=1",
    "switches.behind_the_meter=0", "switches.plant_construction=0", "switches.curtailment=0", "switches.conversion=0",
    "energy.own_power_slots_mw=1e6", "energy.own_power_usd_per_mw=0", "energy.own_power_usd_per_mwh=0", "energy.own_power_quarters=16",
    "energy.own_power_least_mw=0", "energy.conversion_share=1", "energy.conversion_usd_per_mw=1e9", "energy.plant_quarters=1",
    "energy.plant_quarters=28", "energy.plant_retirement=0.5", "energy.plant_start_bound=0", "energy.plant_start_bound=1",
    "energy.reserve_margin=0", "energy.reserve_margin=10", "energy.wait_memory=0", "energy.ai_growth_cap=20",
    "trade.refused_share=1", "clouds.provider_elasticity=20", "startups.wage_share=0", "documentation.utilisation_floor=0",
    "startups.serving_cap=0", "customers.shock=1000", "energy.slots_growth=4", "training.catch_up_growth=1000", "clouds.omega=2",
    "buying.purchase_share=0", "buying.reserve_quarters=0", "buying.least_chips=0", "buying.capital_cost=0", "buying.resale=0",
    "clouds.unserved_share=10", "clouds.planned_cost_share=0", "cast.clouds.coreweave.reach=0", "cast.clouds.google.lab_aim=0", "clouds.expected_decline=0", "chips.choice_elasticity=20", "startups.cash_spread=5",
)


def test_identities_hold_whatever_is_switched_off_or_pushed_to_its_end():
    outcome = simulate([configuration(60, *change.split(",")) for change in SWITCHED], run_seeds(3, 0, len(SWITCHED)))
    assert [(SWITCHED[f.run], f.quarter, f.identity, f.where, f.amount) for f in outcome.failures] == []


# A broken identity is found -------------------------------------------------------------------------


def change(world, name, place, by=None, to=None):
    """Change one cell of the corrupted run; `place` is the row, or (layers..., row). Return the row."""
    *layers, row = place if isinstance(place, tuple) else (place,)
    array = world.array(name)
    cell = (*layers, RUN, row)
    assert array[cell] != to
    array[cell] = to if by is None else array[cell] + by
    return row


def leak(name, place, by):
    def corrupt(world):
        return f"{name} row {change(world, name, place, by)}", by
    return corrupt


def one_sided_flow(world):
    window = Window(world, "test", ("clouds.cash_usd", "makers.cash_usd"))
    paid, received = np.zeros((RUNS, world.rows["clouds"])), np.zeros((RUNS, world.rows["makers"]))
    paid[RUN, 2], received[RUN, 1] = 5e9, 3e9
    window.move("chip purchases", left=paid, entered=received)
    return "clouds.cash_usd row 0", 2e9  # money is lost on the way: a figure of the run, which has one row


def not_finite(value):
    def corrupt(world):
        return f"clouds.full_cost_usd row {change(world, 'clouds.full_cost_usd', 4, to=value)}", np.nan
    return corrupt


def belongings_of_the_dead(world):
    row = int(np.flatnonzero(world.array("startups.alive")[RUN] == 0)[3])
    change(world, "startups.budget_usd", row, to=12.0)
    return f"startups.budget_usd row {row}", 12.0


def negative_orders(world):
    return f"clouds.overdue_pflops row {change(world, 'clouds.overdue_pflops', (2, 3), to=-4.0)}", -4.0


def lost_electricity(world):
    change(world, "regions.dispatched_mwh", 3, by=-5e6)
    return "regions row 3", -5e6


def electricity_that_nobody_billed(world):
    change(world, "clouds.energy_mwh", (2, 1), by=50.0)
    return "regions row 2", 50.0


def electricity_from_nowhere(world):
    change(world, "clouds.energy_mwh", (1, 3), by=70.0)
    return "clouds row 3", 70.0


def plants_torn_down(world):
    plants = world.array("regions.plant_mw")
    plants[:, RUN, 0] *= 0.1
    missing = plants[:, RUN, 0].sum() * HOURS_PER_QUARTER - world.array("regions.dispatched_mwh")[RUN, 0]
    assert missing < 0
    return "regions row 0", missing


def above(used, limit, excess):
    def corrupt(world):
        change(world, used, 1, to=limit(world)[RUN, 1] + excess)
        return "clouds row 1", excess
    return corrupt


def highest_rent(world):
    dearest = np.maximum(world.array("clouds.contested_rent_usd"), world.array("clouds.list_rent_usd"))
    dearest = np.maximum(dearest, world.array("clouds.transfer_usd")) * world.array("clouds.rented_pflop_hours")
    return dearest + world.array("clouds.contract_rent_usd") - world.array("clouds.credit_rent_usd")


def held(name):
    return lambda world: world.array(name).sum(axis=0)


def rent_without_tenant(world):
    change(world, "clouds.rented_pflop_hours", 0, by=9000.0)
    return "clouds.rented_pflop_hours row 0", 9000.0


def tenant_without_rent(world):
    row = int(np.flatnonzero(world.array("startups.alive")[RUN])[5])
    change(world, "startups.training_pflop_hours", row, by=9000.0)
    return "clouds.rented_pflop_hours row 0", -9000.0


def forgotten_dead(world):
    change(world, "market.closed_pflop_hours", 0, by=400.0)
    return "clouds.rented_pflop_hours row 0", -400.0


def chips_without_age(stock):
    def corrupt(world):
        change(world, f"clouds.retiring_{stock}", (5, 0, 2), by=30.0)
        return f"clouds.fleet_{stock} row 2", -30.0
    return corrupt


def too_many_customers(world):
    everybody = world.array("startups.ai_share")[RUN].sum() + world.array("clouds.ai_share")[RUN].sum()
    change(world, "clouds.ai_share", 0, by=1.25 - everybody)
    return "market row 0", 0.25


def given_away(world):
    change(world, "startups.founders_share", 3, by=0.125)
    return "startups row 3", 0.125


def held_by_the_dead(world):
    row = int(np.flatnonzero(world.array("clouds.alive")[RUN] == 0)[0])
    world.array("startups.holder")[0, RUN, 3] = row
    world.array("startups.stake")[0, RUN, 3] = 0.25
    return "startups.stake row 3", 0.25


def owed_to_nobody(world):
    change(world, "startups.credits_usd", 5, by=-world.array("startups.credits_usd")[RUN, 5] + 4e6)
    provider = int(world.array("startups.provider")[RUN, 5])
    owed = world.array("clouds.credits_owed_usd")[RUN, provider]
    held_here = world.array("startups.provider")[RUN] == provider
    return f"clouds.credits_owed_usd row {provider}", owed - world.array("startups.credits_usd")[RUN, held_here].sum()


def misreported(column, factor):
    def corrupt(world):
        true = world.array(f"market.{column}")[RUN, 0]
        change(world, f"market.{column}", 0, by=(factor - 1.0) * true)
        return f"market.{column} row 0", (factor - 1.0) * true
    return corrupt


def more_than_the_pool(column):
    """A startup with more than its pool has: the excess is named as a figure of the run."""
    def corrupt(world):
        row = int(np.flatnonzero(world.array("startups.alive")[RUN])[5])
        change(world, f"startups.{column}", row, by=5e6)
        return f"startups.{column} row 0", 5e6
    return corrupt


CORRUPTIONS = [  # the identity that must be named, and what breaks it
    ("money is conserved", leak("clouds.cash_usd", 2, -1e6)),
    ("money is conserved", leak("makers.cash_usd", 0, 1e6)),
    ("money is conserved", leak("startups.cash_usd", 7, -1e5)),
    ("money is conserved", leak("regions.cash_usd", 1, 1e6)),
    ("chips is conserved", leak("clouds.fleet_pflops", (0, 5), -3.0)),
    ("chips is conserved", leak("makers.inventory_pflops", 1, 3.0)),
    ("chip power is conserved", leak("clouds.fleet_mw", (1, 3), 0.5)),
    ("chip power is conserved", leak("makers.inventory_mw", 0, 0.5)),
    ("connections is conserved", leak("clouds.connected_mw", (2, 0), -0.25)),
    ("credits is conserved", leak("startups.credits_usd", 4, 1e5)),
    ("credits owed is conserved", leak("clouds.credits_owed_usd", 1, -1e5)),
    ("flow 'chip purchases' loses nothing", one_sided_flow),
    ("numbers are finite", not_finite(np.nan)),
    ("numbers are finite", not_finite(np.inf)),
    ("the dead own nothing", belongings_of_the_dead),
    ("no stock or price is negative", negative_orders),
    ("electricity dispatched and short is the load", lost_electricity),
    ("data centres use what regions bill", electricity_that_nobody_billed),
    ("dispatch stays within plants", plants_torn_down),
    ("connections is conserved", leak("clouds.convertible_mw", 2, -0.5)),
    ("connections is conserved", leak("clouds.own_power_mw", 1, 2.0)),
    ("active MW stay within connections", above(
        "clouds.active_mw", lambda w: held("clouds.connected_mw")(w) + w.array("clouds.own_power_mw"), 10.0)),
    ("own power stays within its plants", above("clouds.own_power_mwh", lambda w: w.array("clouds.own_power_mw") * HOURS_PER_QUARTER, 90.0)),
    ("compute used draws its electricity", electricity_from_nowhere),
    ("active chips stay within the fleet", above("clouds.active_pflops", held("clouds.fleet_pflops"), 10.0)),
    ("compute used stays within energised", above(
        "clouds.used_pflop_hours", lambda w: w.array("clouds.active_pflops") * HOURS_PER_QUARTER, 7e6)),
    ("rent is paid for hours at a posted price", above("clouds.rent_usd", highest_rent, 5e8)),
    ("compute rented out is rented in", rent_without_tenant),
    ("compute rented out is rented in", tenant_without_rent),
    ("compute rented out is rented in", forgotten_dead),
    ("every chip has its day of retirement", chips_without_age("pflops")),
    ("every chip has its day of retirement", chips_without_age("mw")),
    ("ownership sums to one", given_away),
    ("stakes are held by the living", held_by_the_dead),
    ("credits are owed by their provider", owed_to_nobody),
    ("customers' shares do not exceed one", too_many_customers),
    ("the largest run's FLOP are hours x peak x utilisation x efficiency", misreported("frontier_run_flop", 1.5)),
    ("the largest run's cost is hours x full cost", misreported("frontier_cost_usd", 0.5)),
    ("the largest run's MW are PFLOP/s x MW per PFLOP/s", misreported("frontier_mw", 1.5)),
    ("startups' titles are their pool's chips", more_than_the_pool("own_pflops")),
    ("startups' orders are their pool's book", more_than_the_pool("on_order_pflops")),
    ("startups' deposits are their pool's cash", more_than_the_pool("deposit_usd")),
    ("startups' own hours are their pool's", more_than_the_pool("own_training_pflop_hours")),
]
NAMES = [f"{identity} {n}" for n, (identity, _) in enumerate(CORRUPTIONS)]


@pytest.mark.parametrize(("identity", "corrupt"), CORRUPTIONS, ids=NAMES)
def test_a_broken_identity_is_named_with_run_place_and_amount(world, identity, corrupt):
    where, amount = corrupt(world)
    found = broken(world)
    assert {b.run for b in found} == {RUN}, "the other runs are whole"
    assert {b.quarter for b in found} == {11}
    named = [b for b in found if b.identity == identity]
    assert [b.where for b in named if b.where == where] == [where], found
    [breach] = [b for b in named if b.where == where]
    assert breach.amount == pytest.approx(amount, rel=1e-6, nan_ok=True)


def test_no_identity_goes_without_a_test(world):
    def kind(identity):
        return re.sub("'.*' ", "'...' ", identity) if identity.startswith("flow") else identity

    yielded = {kind(identity) for identity, *_ in checks._identities(world)}
    for _, corrupt in CORRUPTIONS:
        corrupt(world)
        yielded |= {kind(identity) for identity, *_ in checks._identities(world)}
    assert yielded == {kind(identity) for identity, _ in CORRUPTIONS}


def test_every_conserved_column_is_watched(world):
    for name, array in world.counted.items():
        keep = array.copy()
        array[..., 2, 0] += 1e-6 * (1.0 + np.abs(array).max() + world.ledger.gross[name].max())
        found = broken(world)
        assert any(b.identity.endswith("is conserved") and b.where == f"{name} row 0" and b.run == 2 for b in found), name
        np.copyto(array, keep)
    assert broken(world) == []


def test_the_worst_cell_of_a_run_is_the_one_that_is_named(world):
    cash = world.array("clouds.cash_usd")
    cash[0, 4] += 3e5
    cash[0, 1] -= 7e8
    cash[2, 3] += 5e7
    found = [(b.run, b.where, b.amount) for b in broken(world) if b.identity == "money is conserved"]
    assert found == [(0, "clouds.cash_usd row 1", pytest.approx(-7e8, rel=1e-6)), (2, "clouds.cash_usd row 3", pytest.approx(5e7, rel=1e-6))]


def test_a_missing_number_in_one_run_hides_nothing_in_another(world):
    orders = world.array("clouds.overdue_pflops")
    orders[0, 0, 2], orders[1, 2, 3] = np.nan, -4.0
    found = {(b.run, b.identity) for b in broken(world)}
    assert found == {(0, "numbers are finite"), (2, "no stock or price is negative")}


def test_rounding_breaks_no_identity(world):
    for array in world.counted.values():
        array *= 1.0 + 2.0**-52
    assert broken(world) == []


# A broken run leaves ---------------------------------------------------------------------------------


def sabotaged(monkeypatch, phase_name, sabotage):
    """Let `sabotage(world)` run at the end of a phase of the quarter."""
    def wrap(phase):
        if phase.name != phase_name:
            return phase

        @functools.wraps(phase.function)
        def function(world):
            phase.function(world)
            sabotage(world)

        return replace(phase, function=function)

    phases = tuple(wrap(phase) for phase in engine.QUARTER)
    assert phases != engine.QUARTER
    monkeypatch.setattr(engine, "QUARTER", phases)


@functools.cache
def untouched():
    return simulate([configuration(10)] * 5, run_seeds(5, 0, 5))


def leak_cash(world):
    if world.quarter == 6:
        cash = world.clouds.cash_usd.copy()
        cash[3, 2] -= 1e6
        world.clouds.cash_usd = cash


def burn_chips(world):
    if world.quarter == 6:
        fleet = world.clouds.fleet_pflops.copy()
        fleet[0, 3, 5] -= 12.5
        world.clouds.fleet_pflops = fleet


@pytest.mark.parametrize(("phase", "sabotage", "identity", "where", "amount"), [
    ("owners_find_money", leak_cash, "money is conserved", "clouds.cash_usd row 2 (Google)", -1e6),
    ("owners_close_accounts", leak_cash, "money is conserved", "clouds.cash_usd row 2 (Google)", -1e6),
    ("chips_are_installed", burn_chips, "chips is conserved", "clouds.fleet_pflops row 5 (Oracle)", -12.5),
])
def test_a_run_that_breaks_an_identity_leaves_and_the_others_do_not_notice(monkeypatch, phase, sabotage, identity, where, amount):
    whole = untouched()
    assert whole.failures == ()
    sabotaged(monkeypatch, phase, sabotage)
    outcome = simulate([configuration(10)] * 5, run_seeds(5, 0, 5))
    [failure] = outcome.failures
    assert (failure.run, failure.quarter, failure.identity, failure.where) == (3, 6, identity, where)
    assert failure.amount == pytest.approx(amount, rel=1e-6)
    others = [0, 1, 2, 4]
    assert same_bits(outcome.values[:, :, others], whole.values[:, :, others])
    assert same_bits(outcome.values[:, :6, 3], whole.values[:, :6, 3]), "what it measured before stands"
    assert np.isnan(outcome.values[:, 6:, 3]).all()
    assert not np.isnan(whole.values[:, 6:, 3]).all()
    assert np.isnan(outcome.refused_entries[3])
    assert outcome.refused_entries[others].tolist() == whole.refused_entries[others].tolist()


def test_a_batch_of_which_nothing_is_left_ends_quietly(monkeypatch):
    def burn_everything(world):
        if world.quarter == 2:
            world.clouds.fleet_pflops = 0.5 * world.clouds.fleet_pflops

    sabotaged(monkeypatch, "chips_are_installed", burn_everything)
    outcome = simulate([configuration(5)] * 3, run_seeds(5, 0, 3))
    assert [(f.run, f.quarter) for f in outcome.failures] == [(0, 2), (1, 2), (2, 2)]
    assert np.isnan(outcome.values[:, 2:]).all()
    assert np.isfinite(outcome.values[outcome.names.index("compute_owned_pflops"), :2]).all()


def test_runs_may_fail_one_after_the_other_and_keep_their_numbers(monkeypatch):
    def leak_twice(world):
        place = {2: 1, 4: 2}.get(world.quarter)  # by the fourth quarter run 1 has left: place 2 is run 3
        if place is not None:
            cash = world.clouds.cash_usd.copy()
            cash[place, 0] += 1e7
            world.clouds.cash_usd = cash

    sabotaged(monkeypatch, "owners_close_accounts", leak_twice)
    outcome = simulate([configuration(10)] * 5, run_seeds(5, 0, 5))
    assert [(f.run, f.quarter) for f in outcome.failures] == [(1, 2), (3, 4)]
    others = [0, 2, 4]
    assert same_bits(outcome.values[:, :, others], untouched().values[:, :, others])


# The growth of frontier compute ----------------------------------------------------------------------


def frontier(outcome):
    names = ("run_flop", "run_pflop_hours", "utilisation", "efficiency", "run_cost_usd")
    return (outcome.values[outcome.names.index(f"frontier_{name}")] for name in names)


def test_frontier_compute_is_hours_by_peak_by_utilisation_by_efficiency():
    # A small limit on clusters, or efficiency would be 1 throughout and prove nothing.
    outcome = simulate([configuration(32, "training.cluster_limit_chips=2048")] * 3, run_seeds(2, 0, 3))
    flop, hours, utilisation, efficiency, cost = frontier(outcome)
    assert outcome.failures == ()
    assert flop == pytest.approx(hours * FLOP_PER_PFLOP_HOUR * utilisation * efficiency, rel=1e-12)
    assert efficiency.min() < 0.99 < efficiency.max() == 1.0

    def growth(x):
        return x[1:] / x[:-1]

    per_dollar = hours / cost
    assert growth(flop) == pytest.approx(growth(cost) * growth(per_dollar) * growth(utilisation) * growth(efficiency), rel=1e-12)


def test_the_frontier_run_is_paid_used_and_scaled_as_at_its_host():
    # A limit of 100 chips with a strong loss, so that chips of the host's mean speed show in the efficiency.
    small = ("training.cluster_limit_chips=100", "training.cluster_exponent=0.5", "switches.buying=0", "switches.acquisitions=0")
    kinds = [configuration(12, *small), *[configuration(12, *small, "training.group_share=0")] * (RUNS - 1)]  # owners' labs without money
    simulation = Simulation(kinds, run_seeds(7, 0, RUNS))
    hosts = set()
    for _ in range(12):
        simulation.step()
        world, market = simulation.view, simulation.view.market
        own, hosted = world.clouds.run_flop.max(axis=1), world.startups.run_flop.max(axis=1)
        assert market.frontier_run_flop[:, 0].tolist() == np.maximum(own, hosted).tolist()
        for run in range(RUNS):
            lab_of_owner = own[run] >= hosted[run]
            place = world.clouds.run_flop[run].argmax() if lab_of_owner else world.startups.provider[run, world.startups.run_flop[run].argmax()]
            hosts.add(bool(lab_of_owner))
            hours = market.frontier_pflop_hours[run, 0]
            assert market.frontier_cost_usd[run, 0] == pytest.approx(hours * world.clouds.full_cost_usd[run, place], rel=1e-12)
            assert market.frontier_utilisation[run, 0] == world.clouds.software[run, place]
            there = world.makers.pflops_per_chip[run] > 0
            fleet, speed = world.clouds.fleet_pflops[there, run, place], world.makers.pflops_per_chip[run][there]
            chips = hours / (24 * market.run_days[run, 0]) / (fleet.sum() / (fleet / speed).sum())
            assert market.frontier_efficiency[run, 0] == pytest.approx(max(1.0, chips / 100) ** -0.5, rel=1e-9)
    assert hosts == {True, False}, "both kinds of labs should stand at the frontier now and then"

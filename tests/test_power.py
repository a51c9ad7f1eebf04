"""Power beside the queue, plants under construction, shortages: decisions by hand, then the whole model under strain."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_baseline import CONFIGURATION
from worlds import row, same_bits

from market_abm.behaviour import energy_providers, power
from market_abm.engine import Simulation, run_seeds, simulate
from market_abm.parameters.loading import load
from market_abm.phases import energy
from market_abm.state.tables import EVERYBODY_ELSE, HYPERSCALER, NEOCLOUD
from market_abm.units import HOURS_PER_QUARTER

pytestmark = pytest.mark.usefixtures("quiet")
SMALL = ("frame.startup_slots=128", "startups.opening=60", "startups.talent_pool=100")
STARVED = ("energy.slots_mw=1", "energy.own_power_slots_mw=500", "energy.own_power_least_mw=1", "energy.own_power_quarters=2",
           "energy.study_quarters=8", "cast.clouds.google.convertible_mw=50")
RUINED = ("energy.plant_retirement=0.4", "energy.plant_start_bound=0", "clouds.opening_headroom=1", "clouds.opening_sites=0")


def view(**columns):
    """Return a stand-in for a table or for a section of the rules: single numbers become one row."""
    return SimpleNamespace(**{k: row(v) if isinstance(v, int | float) else v for k, v in columns.items()})


def near(expected, rel=1e-12):
    return pytest.approx(np.asarray(expected, dtype=float), rel=rel, abs=1e-300)


def steps(*values):
    """Return one run and one region of figures by step, `(n, 1, 1)`."""
    return np.array(values, dtype=float).reshape(-1, 1, 1)


def stepped(quarters, *sets, runs=2):
    """Yield a small simulation after each quarter."""
    simulation = Simulation([load(str(CONFIGURATION), sets=[f"frame.quarters={quarters}", *SMALL, *sets])] * runs, run_seeds(5, 0, runs))
    for _ in range(quarters):
        simulation.step()
        yield simulation
    assert simulation.failures == []


# Owners' decisions ------------------------------------------------------------------------------------


def test_conversion_takes_what_is_lacking_but_a_share_of_what_is_left():
    assert power.conversion_wanted(row(4, -5, 100), row(40, 40, 40), view(conversion_share=0.25))[0] == near([4, 0, 10])


SITE = {"own_power_usd_per_mw": 2e6, "own_power_usd_per_mwh": 85.0, "own_power_response": 2.0}


@pytest.mark.parametrize(("gain", "saved", "share"), [
    (0.5e6, 4.0, 1 / 2),   # 2 M over four quarters is what the plant costs
    (1.0e6, 4.0, 4 / 5),   # twice that: 2^2 to 1
    (0.5e6, 2.0, 1 / 5),
    (1e6, 0.0, 0.0), (1e6, -3.0, 0.0), (0.0, 8.0, 0.0),
])
def test_the_share_behind_the_meter_weighs_what_waiting_costs_against_the_plant(gain, saved, share):
    got = power.own_power_share(row(gain), row(saved), row(85.0), view(**SITE), view(capital_cost=0.1, target_utilisation=0.5))
    assert got.item() == pytest.approx(share, rel=1e-12)


def test_dearer_fuel_counts_for_good_and_cheaper_fuel_for_nothing():
    # 40 USD a MWh above the grid at half load for 8760 hours a year, at 10%: 1.752 M a MW on top of 2 M.
    owners = view(capital_cost=0.1, target_utilisation=0.5)
    assert HOURS_PER_QUARTER * 4 == 8760
    got = power.own_power_share(row(3.752e6), row(1.0), row(45.0), view(**SITE), owners)
    assert got.item() == pytest.approx(0.5, rel=1e-12)
    cheap, equal = (power.own_power_share(row(1e6), row(1.0), row(grid), view(**SITE), owners) for grid in (300.0, 85.0))
    assert cheap.item() == equal.item()


def test_a_megawatt_earns_what_rent_leaves_over_what_it_costs():
    # Rent 3 over cost 2: 1 USD for 1095 hours of a quarter (half load) at 1 kW a PFLOP/s: 1.095 M USD a MW.
    owner = view(tenant_share=1.0, contested_rent_usd=row(3, 1), transfer_usd=1.6, full_cost_usd=2.0, new_mw_per_pflops=0.001)
    rules = view(transfer_cost_share=0.8, target_utilisation=0.5)
    assert power.gain_per_mw(owner, row(0.0), row(100.0), rules)[0] == near([1.095e6, 0.0])
    # Where the chips stand idle only electricity is saved by not running them: .1 USD an hour; half and half in between.
    assert power.gain_per_mw(owner, row(1.0), row(100.0), rules)[0] == near([2.9 * 1.095e6, 0.9 * 1.095e6])
    assert power.gain_per_mw(owner, row(0.5), row(100.0), rules)[0] == near([1.95 * 1.095e6, 0.0])


def test_own_power_needs_scale_and_is_shared_in_proportion_to_requests():
    owners = view(kind=row(HYPERSCALER, HYPERSCALER, EVERYBODY_ELSE, NEOCLOUD, NEOCLOUD), alive=row(1, 1, 1, 1, 0))
    rules = view(own_power_fringe_share=0.3, own_power_least_mw=50.0)
    wish = row(100, 49, 200, 100, 100)  # asked: 100, none, 60, 100, none
    assert power.own_power_planned(owners, wish, row(130.0), rules)[0] == near([50, 0, 30, 50, 0])
    assert power.own_power_planned(owners, wish, row(1e9), rules)[0] == near([100, 0, 60, 100, 0])
    assert power.own_power_planned(owners, wish, row(0.0), rules)[0].tolist() == [0.0] * 5


def test_a_short_region_cuts_connections_there_and_nowhere_else():
    connected = np.array([[[100.0, 10.0]], [[50.0, 0.0]]])
    got = power.available_mw(view(connected_mw=connected), row(0.2, 0.0), view(curtailment=1.0))
    assert got[:, 0, :].tolist() == [[80.0, 8.0], [50.0, 0.0]]
    assert same_bits(power.available_mw(view(connected_mw=connected), row(0.2, 0.0), view(curtailment=0.0)), connected)


# Providers' decisions ---------------------------------------------------------------------------------


def test_providers_expect_other_load_on_its_trend_and_ai_load_up_to_what_they_dare():
    # Two years at 10%: 1.21; AI load of 50 MW doubles in two years at most, whatever it did, and never shrinks.
    regions = view(other_load_mw=row(100, 100, 100), load_growth=row(*[math.log(1.1)] * 3), ai_mwh=50.0 * HOURS_PER_QUARTER * np.ones((1, 3)),
                   ai_growth=row(1.0, math.log(1.1) / 8, -1.0))
    other, ai = energy_providers.expected_loads(regions, view(plant_quarters=8.0, ai_growth_cap=math.sqrt(2)))
    assert other[0] == near([121.0] * 3)
    assert ai[0] == near([100.0, 55.0, 50.0])


def test_what_stands_wears_off_until_the_new_plant_is_ready():
    # In quarter 3 of five slots: due in two quarters is slot 0, due in four slot 2; .81 of plants stay a year.
    pipe = np.zeros((5, 1, 1, 1))
    pipe[0], pipe[2] = 10.0, 7.0
    regions = view(plant_mw=steps(100.0), plant_building_mw=SimpleNamespace(array=pipe))
    got = energy_providers.plants_when_ready(regions, 3, view(plant_quarters=4.0, plant_retirement=0.19))
    assert got.item() == pytest.approx(81.0 + 10.0 * 0.9 + 7.0, rel=1e-12)


STACK = {"plant_mw": steps(60, 40), "plant_cost_usd": steps(0, 50), "plant_full_cost_usd": steps(50, 100), "plant_margin": 1.3,
         "other_load_mw": 90.0, "load_growth": 0.0, "ai_growth": 0.0, "ai_mwh": 10.0 * HOURS_PER_QUARTER}
BUILD = {"plant_quarters": 4.0, "ai_growth_cap": 2.0, "price_cap": 500.0, "plant_response": 1.0, "plant_response_high": 3.0,
         "reserve_margin": 1.0, "flat_load_margin": 1.2, "plant_start_bound": 1.0, "plant_construction": 1}


def started(staying, **changes):
    regions, rules = view(**STACK | {k: v for k, v in changes.items() if k in STACK}), view(**BUILD | {k: v for k, v in changes.items() if k in BUILD})
    return energy_providers.plants_to_start(regions, steps(*staying), rules)[:, 0, 0]


def test_plants_are_started_for_other_load_and_for_ai_load_as_far_as_they_earn_their_cost():
    # Expected load 100 on 100 MW clears at 50: the first class earns its cost, the second half of it. The mix for
    # AI leans 60 to 20, so that .75 + .25 * .5 = .875 of 12 MW is built beside 117 for other load, on 100 that stand.
    ai, missing = 12 * 0.875, 17 + 12 * 0.875
    mix = np.array([0.6 * 117 + 0.75 * ai, 0.4 * 117 + 0.25 * ai]) / (117 + ai)
    assert started((60, 40)) == near(missing * mix)


def test_a_price_that_pays_for_all_builds_all_and_a_bound_holds():
    # Load of 100 on 99 MW: the cap of 500 pays ten and five times; both lean as far as they may, so the stack's own mix.
    assert started((59, 40)) == near(np.array([0.6, 0.4]) * (117 + 12 - 99))
    assert started((59, 40), plant_start_bound=0.05) == near([3.0, 2.0])
    assert started((59, 40), plant_construction=0).tolist() == [0.0, 0.0]


def test_nothing_is_started_where_enough_will_stand():
    assert started((100, 40)).tolist() == [0.0, 0.0]


@given(st.lists(st.floats(0, 200), min_size=2, max_size=2), st.floats(0, 1000), st.floats(0, 1))
def test_starts_are_bounded_and_never_negative(staying, ai, bound):
    got = started(staying, ai_mwh=ai * HOURS_PER_QUARTER, plant_start_bound=bound)
    assert got.min() >= 0
    assert got.sum() <= 100.0 * bound * (1 + 1e-12)


# The whole model ---------------------------------------------------------------------------------------


def test_plants_keep_pace_with_other_load_until_what_was_under_construction_stands():
    opening = None
    for simulation in stepped(12):
        regions = simulation.view.regions
        per_load = regions.plant_mw / regions.other_load_mw
        opening = per_load if opening is None else opening
        assert per_load == near(opening, rel=1e-9)


def test_without_construction_plants_and_load_grow_alike_for_ever():
    for simulation in stepped(16, "switches.plant_construction=0"):
        regions = simulation.view.regions
        assert not regions.plant_building_mw.array.any()
        assert regions.plant_mw.sum(axis=0) / regions.other_load_mw == near(regions.plant_margin, rel=1e-12)


def test_a_shortage_reaches_data_centres_a_quarter_later_and_as_hard_as_everybody():
    seen, before = False, None
    for simulation in stepped(20, *RUINED):
        clouds, regions = simulation.view.clouds, simulation.view.regions
        if before is not None and before.max() > 0:
            grid = (clouds.connected_mw * (1 - before.T[:, :, None])).sum(axis=0)
            assert (clouds.active_mw <= (grid + clouds.own_power_mw) * (1 + 1e-9)).all()
            seen = seen or (clouds.active_pflops < 0.999 * clouds.fleet_pflops.sum(axis=0)).any()
        before = regions.shortage_share.copy()
        short = regions.shortage_mwh > 0
        assert (regions.price_usd[short] == simulation.world.rules.energy.price_cap[0]).all()
    assert seen, "a shortage that stops no chip proves nothing"


def test_a_shortage_counts_the_load_of_data_centres_that_were_cut():
    # 50 MW of chips were cut to 40 in one of two regions that share them evenly; at full use they want 25 there:
    # 125 beside 100 MW of plants, a fifth short. In the other nothing is.
    owners = view(connected_mw=np.array([[[30.0]], [[30.0]]]), own_power_mw=0.0, fleet_mw=np.array([[[50.0]]]),
                  used_pflop_hours=4.0 * HOURS_PER_QUARTER, active_pflops=4.0)
    regions = view(other_load_mw=row(100, 100), plant_mw=np.array([[[60.0, 200.0]], [[40.0, 0.0]]]))
    dear = view(own_power_usd_per_mwh=85.0)
    assert energy._shortage_share(owners, regions, row(60), dear)[0] == near([0.2, 0.0])
    # with 20 MW of their own, cheaper than the grid, they want 15 there: 115 beside 100
    owners.own_power_mw = row(20.0)
    assert energy._shortage_share(owners, regions, row(90), dear)[0] == near([15 / 115, 0.0])


@pytest.mark.parametrize(("load", "grid", "own", "price", "used"), [
    (50, 60, 30, 70, 0.0),  # the grid carries all, and is cheaper than fuel at 85
    (80, 60, 30, 70, 20.0),  # what the grid cannot carry
    (80, 60, 30, 90, 30.0),  # own plants first where the grid is dearer
    (20, 60, 30, 90, 20.0),  # no more than the load
])
def test_own_power_runs_by_merit(load, grid, own, price, used):
    assert power.own_power_used(row(load), row(grid), row(own), row(price), view(own_power_usd_per_mwh=85.0))[0, 0] == used


def test_switched_off_a_shortage_stops_no_data_centre():
    for simulation in stepped(20, *RUINED, "switches.curtailment=0"):
        clouds = simulation.view.clouds
        possible = np.minimum(clouds.fleet_mw.sum(axis=0), clouds.connected_mw.sum(axis=0) + clouds.own_power_mw)
        assert clouds.active_mw == near(possible, rel=1e-9)
    assert simulation.view.regions.shortage_share.max() > 0


def test_who_is_starved_of_connections_builds_converts_and_pays():
    spent = burnt = 0.0
    for simulation in stepped(28, *STARVED):
        world, rules = simulation.view, simulation.view.rules.energy
        spent += world.ledger.amount("own power plants").sum()
        burnt += world.ledger.amount("fuel of own power").sum()
        assert world.ledger.amount("fuel of own power") == near((world.clouds.own_power_mwh * rules.own_power_usd_per_mwh).sum(axis=1, keepdims=True))
    clouds = world.clouds
    ordered = clouds.own_power_mw + clouds.own_power_building_mw.array.sum(axis=0)
    assert ordered.sum() > 100
    assert spent == near(ordered.sum() * rules.own_power_usd_per_mw[0, 0], rel=1e-9)
    assert burnt > 0
    assert clouds.convertible_mw[:, 2].max() < 50, "Google converts its halls"
    assert clouds.convertible_mw.min() >= 0


@pytest.mark.parametrize("switch", ["behind_the_meter", "conversion"])
def test_switched_off_there_is_none_of_it(switch):
    *_, simulation = stepped(28, *STARVED, f"switches.{switch}=0")
    clouds = simulation.view.clouds
    if switch == "behind_the_meter":
        assert not clouds.own_power_mw.any() and not clouds.own_power_mwh.any()
    else:
        assert clouds.convertible_mw[:, 2].tolist() == [50.0, 50.0]


def test_an_owner_who_comes_later_brings_its_halls():
    names = [c.name for c in load(str(CONFIGURATION)).cast.clouds]
    row_of = names.index("CoreWeave")
    brought = [simulation.view.clouds.convertible_mw[0, row_of] for simulation in stepped(7)]
    assert brought == [0.0] * 6 + [300.0], "it enters in 2019Q3"


def test_strained_runs_have_the_same_bits_alone_and_in_company():
    kinds = [load(str(CONFIGURATION), sets=["frame.quarters=28", *SMALL, *sets]) for sets in (STARVED, RUINED, ())]
    seeds = run_seeds(9, 0, 3)
    together = simulate(kinds, seeds)
    assert together.failures == ()
    for run, kind in enumerate(kinds):
        assert same_bits(simulate([kind], seeds[run : run + 1]).values, np.ascontiguousarray(together.values[:, :, run : run + 1]))


def test_what_is_counted_by_age_is_what_was_granted_and_withdrawn():
    for simulation in stepped(12, "energy.wait_memory=0", "energy.slots_mw=20"):
        regions = simulation.view.regions
        assert regions.granted_by_age_mw.sum(axis=0) == near(regions.granted_mw, rel=1e-9)
        assert regions.withdrawn_by_age_mw.sum(axis=0) == near(regions.withdrawn_mw, rel=1e-9)
        assert (regions.granted_by_age_mw + regions.withdrawn_by_age_mw <= regions.at_risk_mw * (1 + 1e-9) + 1e-12).all()
    assert not regions.granted_by_age_mw[0].any(), "studies take two quarters"
    assert regions.at_risk_mw[3:].any(), "some have waited longer"

"""Who gets scarce chips and scarce connections: every rule by hand, a battery for all of them, and the engine under each."""

import functools
import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_baseline import CONFIGURATION
from test_documents import quoted, wrong_names
from worlds import row, same_bits

from market_abm.engine import Simulation, run_seeds, simulate
from market_abm.exact import total
from market_abm.parameters.compute import Energy
from market_abm.parameters.declare import declarations
from market_abm.parameters.loading import load
from market_abm.phases import chips, energy
from market_abm.rules import choose
from market_abm.rules.allocation import ALLOCATION, auction, capped, contracts_first, lottery, raffle
from market_abm.rules.electricity import CONNECTION
from market_abm.state.tables import IN_HOUSE, many_small
from market_abm.units import HOURS_PER_QUARTER, HOURS_PER_YEAR

pytestmark = pytest.mark.usefixtures("quiet")
PAGES = Path(__file__).parent.parent / "docs" / "rules"


def near(expected, rel=1e-14):
    return pytest.approx(np.asarray(expected, dtype=float), rel=rel, abs=1e-300)


def shared(rule, orders, supply, **claims):
    """Share `supply` out among orders of one run; claims that are not given are those of nobody."""
    size = len(orders)
    usual = {"weights": [1.0] * size, "lots": [(k + 0.5) / size for k in range(size)], "floor": [0.0],
             "contracted": [0.0] * size, "bids": [0.0] * size, "cap": [1.0]}
    assert not set(claims) - set(usual)
    told = {name: row(*np.atleast_1d(claims.get(name, value))) for name, value in usual.items()}
    return rule(row(*orders), row(supply), *told.values())[0]


def granted(name, waiting, slots, lots=None, bids=None):
    """Grant requests given as ages x owners in one region of one run."""
    owners = len(waiting[0])
    lots = np.array(lots or [(k + 0.5) / owners for k in range(owners)])[None, None, :]
    bids = np.array(bids or [0.0] * owners, dtype=float)[None, None, :]
    return CONNECTION[name](np.array(waiting, dtype=float)[:, None, None, :], np.array([[[float(slots)]]]), lots, bids)[:, 0, 0, :]


@pytest.mark.parametrize(("contracted", "supply", "awards"), [
    ((20, 10, 0), 60, (30, 10 + 20 / 3, 40 / 3)),  # the 30 left are a third of the new 30, 20 and 40
    ((20, 10, 0), 30, (20, 10, 0)), ((20, 10, 0), 15, (10, 5, 0)), ((20, 10, 0), 120, (50, 30, 40)), ((20, 10, 0), 500, (50, 30, 40)),
    ((0, 0, 0), 60, (25, 15, 20)), ((50, 30, 40), 60, (25, 15, 20)),  # all or nothing: the proportional rule
    ((1000, 0, 0), 55, (50, 5 * 3 / 7, 5 * 4 / 7)),  # a contract counts up to the order
])
def test_contracts_come_first_and_each_class_is_served_in_proportion(contracted, supply, awards):
    assert shared(contracts_first, (50, 30, 40), supply, contracted=contracted) == near(awards)


@pytest.mark.parametrize(("bids", "lots", "awards"), [
    ((1, 3, 2), (0.1, 0.2, 0.3), (0, 30, 30)), ((3, 1, 2), (0.3, 0.2, 0.1), (50, 0, 10)), ((-3, -1, -2), (0.1, 0.2, 0.3), (0, 30, 30)),
    ((2, 2, 1), (0.9, 0.1, 0.5), (30, 30, 0)), ((2, 2, 1), (0.1, 0.9, 0.5), (50, 10, 0)), ((0, 0, 0), (0.3, 0.2, 0.1), (0, 20, 40)),
])
def test_the_highest_bids_are_served_whole_and_equal_bids_by_lots(bids, lots, awards):
    assert shared(auction, (50, 30, 40), 60, bids=bids, lots=lots).tolist() == list(awards)


@pytest.mark.parametrize(("orders", "supply", "cap", "awards"), [
    ((50, 30, 40), 60, 1.0, (25, 15, 20)),  # oracle O21: nobody near the cap
    ((50, 30, 40), 60, 0.4, (24, 36 * 30 / 70, 36 * 40 / 70)),  # in proportion the first had 25; the others share 36
    ((100, 30, 20, 10), 80, 0.4, (32, 24, 16, 8)),  # in proportion 50, 15, 10, 5; then 48 over 60
    ((100, 80, 20), 100, 0.4, (40, 40, 20)),  # what the first leaves lifts the second over the cap
    ((50, 30, 40), 60, 0.25, (15, 15, 15)),  # 15 stay unsold
    ((50, 6, 40), 60, 0.25, (15, 6, 15)),
    ((50, 30, 40), 500, 0.05, (25, 25, 25)),  # it binds without scarcity too
    ((50, 30, 40), 60, (0.25, 1, 1), (15, 45 * 30 / 70, 45 * 40 / 70)),  # a cap for the first alone
])
def test_nobody_gets_more_than_its_share_of_supply_and_the_others_share_the_rest(orders, supply, cap, awards):
    assert shared(capped, orders, supply, cap=cap) == near(awards)


def held_at_the_cap(orders, supply, cap):
    """Share by the textbook: hold whoever passes the cap at it, share the rest again, until nobody passes."""
    held = set()
    while True:
        free = [k for k in range(len(orders)) if k not in held]
        wanted, left = math.fsum(orders[k] for k in free), max(0.0, supply - cap * len(held))
        part = min(1.0, left / wanted) if wanted > 0 else 0.0
        over = {k for k in free if orders[k] * part > cap}
        if not over:
            return [cap if k in held else orders[k] * part for k in range(len(orders))]
        held |= over


AMOUNT = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))


@given(st.lists(AMOUNT, min_size=1, max_size=12), st.floats(0.0, 2.0), st.floats(0.05, 1.0))
def test_the_capped_rule_agrees_with_the_textbook(orders, part, cap):
    supply = part * math.fsum(orders)
    expected = held_at_the_cap(orders, supply, cap * supply)
    assert shared(capped, orders, supply, cap=cap) == pytest.approx(expected, rel=1e-9, abs=1e-9 * max(orders))


@pytest.mark.parametrize(("weights", "lots", "awards"), [
    # Keys -ln(1 - lot) / weight: with one lot of all, the heaviest is first.
    ((1, 2, 4), (0.5, 0.5, 0.5), (0, 20, 40)),
    # 1 - e^-1 and 1 - e^-3 with weights 1 and 6: keys 1 and .5; the third, 1 - e^-.2 with .1, has 2.
    ((1, 6, 0.1), (1 - math.exp(-1), 1 - math.exp(-3), 1 - math.exp(-0.2)), (30, 30, 0)),
    ((0, 5, 0), (0.2, 0.999, 0.1), (0, 30, 30)), ((0, 5, 0), (0.1, 0.999, 0.2), (30, 30, 0)),  # without weight: last, by lots
    ((0, 0, 0), (0.3, 0.2, 0.1), (0, 20, 40)),
])
def test_the_raffle_by_hand(weights, lots, awards):
    assert shared(raffle, (50, 30, 40), 60, weights=weights, lots=lots).tolist() == list(awards)


def test_the_raffle_draws_each_place_in_proportion_to_weight():
    # One unit for orders of one: the first served has it. Weights 5:3:2; second place: .3 * 5/7 + .2 * 5/8 and so on.
    runs = 200_000
    lots = (np.random.default_rng(4).permuted(np.tile((np.arange(runs) + 0.5) / runs, (3, 1)), axis=1)).T
    weights, orders = np.broadcast_to(row(5, 3, 2), (runs, 3)), np.ones((runs, 3))
    first = raffle(orders, np.ones((runs, 1)), weights, lots)
    both = raffle(orders, np.full((runs, 1), 2.0), weights, lots)
    three_sigma = 3 * math.sqrt(0.25 / runs)
    assert first.mean(axis=0) == pytest.approx([0.5, 0.3, 0.2], abs=three_sigma)
    second = [0.3 * 5 / 7 + 0.2 * 5 / 8, 0.5 * 3 / 5 + 0.2 * 3 / 8, 0.5 * 2 / 5 + 0.3 * 2 / 7]
    assert (both - first).mean(axis=0) == pytest.approx(second, abs=three_sigma)


def test_with_equal_weights_the_raffle_is_the_lottery():
    rng = np.random.default_rng(6)
    orders, lots = rng.lognormal(0, 2, (200, 9)), rng.random((200, 9))
    supply = rng.random((200, 1)) * total(orders)
    assert same_bits(raffle(orders, supply, np.full_like(orders, 7.0), lots), lottery(orders, supply, None, lots))


def test_who_just_covers_its_full_cost_bids_what_it_must_pay():
    # Full cost 2 USD a PFLOP-h; transfer price 1.6 = .8 of it and rents of 2, 3 and 1 USD, all to tenants: value over
    # cost 1, 1.5 and .5. Half of a year's hours are sold, each .5 * 2 USD above or below cost.
    # At a discount of .12 + .13 a life of 4 years is worth (1 - e^-1) / .25 years.
    owners = SimpleNamespace(transfer_usd=row(1.6, 1.6, 1.6), full_cost_usd=row(2, 2, 2), contested_rent_usd=row(2, 3, 1),
                             tenant_share=row(1, 1, 1), investment_usd_per_pflops=row(9e3, 9e3, 9e3))
    rules = SimpleNamespace(chips=SimpleNamespace(life_quarters=row(16)), clouds=SimpleNamespace(
        transfer_cost_share=row(0.8), capital_cost=row(0.12), expected_decline=row(0.13), target_utilisation=row(0.5)))
    gain = HOURS_PER_YEAR * 0.5 * (1 - math.exp(-1)) / 0.25
    assert chips._worth_usd_per_pflops(owners, rules)[0] == near((9e3, 9e3 + gain, 9e3 - gain), rel=1e-12)


def test_an_owner_bids_for_slots_what_a_further_mw_would_earn_it():
    # A PFLOP-h costs 2 USD and brings 1.5 (.75 of it, rented); 10 kW a PFLOP/s at 50 USD/MWh: .5 USD of electricity. Of 10 MW of
    # chips 4, 10 and 4 MW are connected and 12, 5 and 4 MW wait: idle chips would take .5, none and all of these, so an hour costs
    # 1.25, 2 and .5 USD and leaves .25, nothing and 1. Half of all hours are sold.
    def pipe(*mw):
        return SimpleNamespace(waiting=lambda: row(*mw)[None])

    owners = SimpleNamespace(
        fleet_mw=row(10, 10, 10)[None], connected_mw=row(4, 10, 4)[None], own_power_mw=row(0, 0, 0), queued_mw=pipe(12, 5, 4), sites_mw=pipe(0, 0, 0),
        converting_mw=pipe(0, 0, 0), own_power_building_mw=SimpleNamespace(waiting=lambda: row(0, 0, 0)), new_mw_per_pflops=row(0.01, 0.01, 0.01),
        full_cost_usd=row(2, 2, 2), contested_rent_usd=row(1.5, 1.5, 1.5), tenant_share=row(1, 1, 1), transfer_usd=row(9, 9, 9))
    numbers = SimpleNamespace(clouds=SimpleNamespace(transfer_cost_share=row(0.8), target_utilisation=row(0.5)),
                              energy=SimpleNamespace(own_power_usd_per_mwh=row(85)))
    world = SimpleNamespace(clouds=owners, regions=SimpleNamespace(forecast_usd=row(50), home_bias=row(1)), rules=numbers)
    assert energy._bids_usd(world)[0] == near(np.array([0.25, 0, 1]) * HOURS_PER_QUARTER * 0.5 / 0.01, rel=1e-12)


QUEUE = [[4, 2], [3, 9], [5, 5]]  # oldest first: the first owner waits for 12 MW, the second for 16


@pytest.mark.parametrize(("name", "slots", "lots", "bids", "grants"), [
    ("first_come", 12, None, None, [[4, 2], [1.5, 4.5], [0, 0]]),
    ("lottery", 12, (0.7, 0.2), None, [[0, 2], [0, 9], [0, 1]]), ("lottery", 12, (0.2, 0.7), None, [[4, 0], [3, 0], [5, 0]]),
    ("lottery", 20, (0.2, 0.7), None, [[4, 2], [3, 6], [5, 0]]), ("lottery", 5, (0.2, 0.7), None, [[4, 0], [1, 0], [0, 0]]),
    ("auction", 20, (0.2, 0.7), (1, 2), [[4, 2], [0, 9], [0, 5]]), ("auction", 20, (0.7, 0.2), (2, 1), [[4, 2], [3, 6], [5, 0]]),
    ("auction", 20, (0.2, 0.7), (2, 2), [[4, 2], [3, 6], [5, 0]]), ("auction", 20, (0.7, 0.2), (2, 2), [[4, 2], [0, 9], [0, 5]]),
])
def test_grants_by_hand(name, slots, lots, bids, grants):
    assert granted(name, QUEUE, slots, lots, bids).tolist() == grants


def test_who_bids_most_in_one_region_need_not_in_another():
    waiting = np.full((1, 2, 1, 2), 5.0)
    bids = np.array([[[1.0, 2.0]], [[2.0, 1.0]]])
    got = CONNECTION["auction"](waiting, np.array([[[7.0]], [[3.0]]]), np.full((2, 1, 2), 0.5), bids)
    assert got[0, :, 0, :].tolist() == [[2.0, 5.0], [3.0, 0.0]]


@pytest.mark.parametrize("name", CONNECTION)
def test_slots_without_end_grant_everything_and_leave_no_crumbs(name):
    waiting = np.random.default_rng(2).lognormal(0, 3, (9, 1, 1, 6))
    assert granted(name, waiting[:, 0, 0].tolist(), 1e15).tolist() == waiting[:, 0, 0].tolist()


every_allocation = pytest.mark.parametrize("name", ALLOCATION)
every_connection = pytest.mark.parametrize("name", CONNECTION)
BUYERS = st.lists(st.tuples(AMOUNT, st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), st.floats(0.0, 1.0), st.integers(-2, 2)), min_size=1, max_size=9)
MARKET = {"buyers": BUYERS, "part": st.floats(0.0, 2.0), "floor": st.floats(0.0, 1.0), "cap": st.floats(0.05, 1.0), "seed": st.integers(0, 999)}
REQUESTS = st.integers(1, 5).flatmap(lambda owners: st.lists(st.lists(AMOUNT, min_size=owners, max_size=owners), min_size=1, max_size=6))


def claims_of(buyers, floor, cap, seed):
    """Return the orders of a drawn market and what else a rule may look at; no two lots are alike."""
    orders, weights, contracted, bids = (np.array(column, dtype=float) for column in zip(*buyers, strict=True))
    lots = (np.random.default_rng(seed).permutation(len(orders)) + 0.5) / len(orders)
    return orders, {"weights": weights, "lots": lots, "floor": floor, "contracted": contracted * orders, "bids": bids, "cap": cap}


@every_allocation
@given(**MARKET)
def test_awards_keep_within_orders_and_supply_and_waste_nothing(name, buyers, part, floor, cap, seed):
    orders, claims = claims_of(buyers, floor, cap, seed)
    supply = part * math.fsum(orders)
    got = shared(ALLOCATION[name], orders, supply, **claims)
    assert got.shape == orders.shape
    assert np.all((got >= 0) & (got <= orders))
    takable = np.minimum(orders, cap * supply) if name == "capped" else orders
    assert np.all(got <= takable)
    assert math.fsum(got) == pytest.approx(min(supply, math.fsum(takable)), rel=1e-11)


@every_allocation
@given(**MARKET, factor=st.sampled_from([2.0**30, 2.0**-30, 3.7]), more=st.floats(1.0, 3.0))
def test_neither_order_nor_unit_of_chips_matters_and_more_supply_harms_nobody(name, buyers, part, floor, cap, seed, factor, more):
    orders, claims = claims_of(buyers, floor, cap, seed)
    rule, supply = ALLOCATION[name], part * math.fsum(orders)
    got = shared(rule, orders, supply, **claims)
    turn = np.random.default_rng(seed + 1).permutation(len(orders))
    turned = {key: value[turn] if np.ndim(value) else value for key, value in claims.items()}
    assert shared(rule, orders[turn], supply, **turned) == pytest.approx(got[turn], rel=1e-9, abs=1e-9 * max(orders))
    scaled = claims | {"contracted": factor * claims["contracted"]}
    larger = shared(rule, factor * orders, factor * supply, **scaled)
    assert larger == pytest.approx(factor * got, rel=1e-9, abs=1e-9 * factor * max(orders))
    assert np.all(shared(rule, orders, more * supply, **claims) >= got - 1e-12 * max(orders))


@every_allocation
@pytest.mark.parametrize(("orders", "supply", "awards"), [
    ((0, 0, 0), 5, (0, 0, 0)), ((0, 0, 0), 0, (0, 0, 0)), ((1, 2, 3), 0, (0, 0, 0)), ((7,), 3, (3,)), ((7,), 9, (7,)), ((0, 4, 0), 2, (0, 2, 0)),
])
@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_empty_markets_single_buyers_and_nothing_to_share(name, orders, supply, awards, weight):
    assert shared(ALLOCATION[name], orders, supply, weights=[weight] * len(orders), floor=0.1).tolist() == list(awards)


@every_connection
@given(waiting=REQUESTS, part=st.floats(0.0, 1.5), seed=st.integers(0, 999))
def test_grants_keep_within_requests_and_slots_waste_nothing_and_ages_wait_their_turn(name, waiting, part, seed):
    rng, owners, wanted = np.random.default_rng(seed), len(waiting[0]), math.fsum(np.ravel(waiting))
    lots, bids = ((rng.permutation(owners) + 0.5) / owners).tolist(), rng.integers(-1, 2, owners).tolist()
    got = granted(name, waiting, part * wanted, lots, bids)
    assert got.shape == np.shape(waiting)
    assert np.all((got >= 0) & (got <= np.array(waiting)))
    assert math.fsum(got.ravel()) == pytest.approx(min(part * wanted, wanted), rel=1e-11)
    left = np.array(waiting) - got
    for owner in range(owners):
        short = np.flatnonzero(left[:, owner] > 1e-9 * max(1.0, wanted))
        assert short.size == 0 or np.all(got[short[0] + 1:, owner] <= 1e-9 * max(1.0, wanted)), "a younger request overtook an older one"


@every_connection
@given(waiting=REQUESTS, part=st.floats(0.0, 1.5), seed=st.integers(0, 999), more=st.floats(1.0, 3.0))
def test_the_queue_minds_neither_order_nor_unit_and_more_slots_harm_nobody(name, waiting, part, seed, more):
    rng, owners, wanted = np.random.default_rng(seed), len(waiting[0]), math.fsum(np.ravel(waiting))
    lots, bids = (rng.permutation(owners) + 0.5) / owners, rng.integers(-1, 2, owners)
    got = granted(name, waiting, part * wanted, lots.tolist(), bids.tolist())
    turn = rng.permutation(owners)
    turned = granted(name, np.array(waiting)[:, turn].tolist(), part * wanted, lots[turn].tolist(), bids[turn].tolist())
    assert turned == pytest.approx(got[:, turn], rel=1e-9, abs=1e-9 * (wanted + 1e-3))
    larger = granted(name, (3.7 * np.array(waiting)).tolist(), 3.7 * part * wanted, lots.tolist(), bids.tolist())
    assert larger == pytest.approx(3.7 * got, rel=1e-9, abs=1e-9 * (wanted + 1e-3))
    assert np.all(granted(name, waiting, more * part * wanted, lots.tolist(), bids.tolist()) >= got - 1e-12 * wanted)


@every_connection
@pytest.mark.parametrize(("waiting", "slots", "grants"), [
    ([[0, 0], [0, 0]], 5, [[0, 0], [0, 0]]), ([[1, 2], [3, 4]], 0, [[0, 0], [0, 0]]), ([[3], [5]], 4, [[3], [1]]), ([[3], [5]], 9, [[3], [5]]),
])
def test_empty_queues_single_owners_and_no_slots(name, waiting, slots, grants):
    assert granted(name, waiting, slots).tolist() == grants


def test_the_table_of_connection_rules_holds_the_declared_options_in_their_order():
    assert tuple(CONNECTION) == declarations(Energy)["connection"].options
    assert declarations(Energy)["connection"].best == "first_come"


def chips_case(runs):
    """Return what the phase hands to a rule of allocation: three makers, so many runs, eleven owners."""
    rng = np.random.default_rng(9)
    orders, weights, lots, contracted = rng.lognormal(0, 2, (3, runs, 11)), *rng.random((3, 3, runs, 11))
    supply, floor, cap = rng.random((3, runs, 1)) * total(orders), *rng.random((2, 3, runs, 1))
    return orders, supply, weights, lots, floor, contracted * orders, np.floor(4 * rng.random((3, runs, 11))), cap


def queue_case(runs):
    """Return what the phase hands to a rule of connection: forty ages, three regions, so many runs, eleven owners."""
    rng = np.random.default_rng(9)
    waiting = rng.lognormal(0, 2, (40, 3, runs, 11))
    slots = rng.random((3, runs, 1)) * waiting.sum(axis=(0, 3))[..., None]
    return waiting, slots, rng.random((3, runs, 11)), np.floor(4 * rng.random((3, runs, 11)))


@pytest.mark.parametrize(("table", "make"), [(ALLOCATION, chips_case), (CONNECTION, queue_case)], ids=["chips", "connections"])
def test_runs_with_different_rules_get_the_bits_that_each_gets_alone(table, make):
    runs, names = 4 * len(table), list(table)
    case = make(runs)
    places = (np.arange(runs) % len(table)).reshape(-1, 1)
    mixed = choose(table, places, *case)
    for run in range(runs):
        alone = table[names[run % len(table)]](*(np.take(part, [run], axis=part.ndim - 2) for part in case))
        assert same_bits(np.ascontiguousarray(mixed[..., run : run + 1, :]), np.ascontiguousarray(alone)), names[run % len(table)]


SMALL = ("frame.startup_slots=128", "startups.opening=60", "startups.talent_pool=100", "frame.quarters=12")
SCARCE = ("chips.fab_start_bound=1.15", "energy.slots_mw=40", "clouds.opening_rent_usd=30")  # dear hours, so that power is worth a bid


@functools.cache
def lived(*sets, runs=2):
    """Simulate twelve quarters with scarce chips and connections."""
    return simulate([load(str(CONFIGURATION), sets=[*SMALL, *SCARCE, *sets])] * runs, run_seeds(5, 0, runs))


EVERY_CHOICE = [*(f"chips.allocation={name}" for name in ALLOCATION), *(f"energy.connection={name}" for name in CONNECTION)]
BASELINE = ("chips.allocation=relationship", "energy.connection=first_come")


@pytest.mark.parametrize("choice", EVERY_CHOICE)
def test_the_model_lives_under_every_rule_and_another_rule_makes_another_history(choice):
    outcome = lived(choice)
    assert outcome.failures == ()
    assert np.isfinite(outcome.values[outcome.names.index("hhi_compute_owned")]).all()
    assert same_bits(outcome.values, lived().values) == (choice in BASELINE)


def test_histories_under_different_rules_differ_from_one_another():
    histories = [lived(choice).values.tobytes() for choice in EVERY_CHOICE if choice not in BASELINE]
    assert len(set(histories)) == len(histories)


def test_a_batch_of_mixed_rules_gives_each_run_the_bits_that_it_has_alone():
    kinds = [(f"chips.allocation={chip}", f"energy.connection={grid}")
             for chip, grid in zip(ALLOCATION, [*CONNECTION, *CONNECTION, *CONNECTION][: len(ALLOCATION)], strict=True)]
    configurations = [load(str(CONFIGURATION), sets=[*SMALL, *SCARCE, "frame.quarters=8", *kind]) for kind in kinds]
    seeds = run_seeds(5, 0, len(kinds))
    mixed = simulate(configurations, seeds)
    for run, configuration in enumerate(configurations):
        alone = simulate([configuration], seeds[run : run + 1])
        assert same_bits(np.ascontiguousarray(mixed.values[:, :, run : run + 1]), alone.values), kinds[run]


def test_without_a_queue_it_does_not_matter_who_would_come_first():
    outcomes = [lived("switches.power_queue=0", f"energy.connection={name}") for name in CONNECTION]
    assert all(same_bits(outcome.values, outcomes[0].values) for outcome in outcomes)


def test_lots_for_connections_are_drawn_for_each_owner_each_quarter_and_hold_in_all_regions(monkeypatch):
    drawn = []
    monkeypatch.setitem(CONNECTION, "lottery", lambda waiting, slots, lots, bids: drawn.append(lots) or np.zeros_like(waiting))
    simulate([load(str(CONFIGURATION), sets=[*SMALL, "frame.quarters=3", "energy.connection=lottery"])] * 2, run_seeds(5, 0, 2))
    assert all(same_bits(np.ascontiguousarray(lots[region]), np.ascontiguousarray(lots[0])) for lots in drawn for region in range(len(lots)))
    named = np.array([lots[0, :, :10] for lots in drawn])  # hyperscalers and neoclouds: each has a key of its own
    assert len(drawn) == 3
    assert len(np.unique(named)) == named.size == 60


def test_without_memory_of_purchases_the_raffle_is_the_lottery():
    raffled, drawn = (lived("chips.relationship_exponent=0", f"chips.allocation={name}") for name in ("raffle", "lottery"))
    assert same_bits(raffled.values, drawn.values)
    assert not same_bits(lived("chips.allocation=raffle").values, raffled.values)


def test_no_single_buyer_gets_more_of_a_merchants_supply_than_the_cap_and_nobody_else_is_held():
    alone, small, own = [], [], []  # parts of a maker's supply: single buyers, rows of many small ones, parents of their makers
    simulation = Simulation([load(str(CONFIGURATION), sets=[*SMALL, "chips.allocation=capped", "chips.buyer_cap=0.15"])] * 2, run_seeds(5, 0, 2))
    for _ in range(12):
        simulation.step()
        makers, owners = simulation.view.makers, simulation.view.clouds
        got, left = np.moveaxis(owners.delivered_pflops, 0, -1), makers.inventory_pflops[:, None, :]
        on_sale = got.sum(axis=1, keepdims=True) + left  # what was on sale is sold or in stock
        part = np.divide(got, on_sale, out=np.zeros_like(got), where=on_sale > 0)  # (runs, owners, makers)
        in_house, many = (makers.kind == IN_HOUSE)[:, None, :], many_small(owners.kind)[:, :, None]
        for told, which in ((alone, ~in_house & ~many), (small, ~in_house & many), (own, in_house & ~many)):
            told.append(part[which & np.ones(part.shape, bool)].max())
    assert simulation.failures == []
    assert max(alone) == near(0.15, rel=1e-9), "reached and never passed"
    assert max(small) > 0.2
    assert max(own) > 0.5


@pytest.mark.parametrize(("page", "table"), [("allocation.md", ALLOCATION), ("interconnection.md", CONNECTION)])
def test_a_page_gives_every_rule_a_heading_in_the_order_of_the_table_and_names_nothing_that_is_not(page, table):
    text = (PAGES / page).read_text("utf-8")
    assert re.findall(r"^### `(\w+)`", text, flags=re.MULTILINE) == list(table)
    assert not wrong_names(text)
    assert quoted(text)

"""Every rule that is chosen by name: hand-computed values, oracles, and a battery that all rules must pass."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import row, same_bits

from market_abm.exact import total
from market_abm.parameters.chips import Chips, Documentation
from market_abm.parameters.declare import declarations
from market_abm.parameters.demand import Training
from market_abm.rules import choose
from market_abm.rules.allocation import ALLOCATION, equal_awards, lottery, proportional, relationship, water_filled
from market_abm.rules.capability import CAPABILITY_MAP, DECISIVENESS
from market_abm.rules.choice import contest, logit, size_at_price, stay_or_choose
from market_abm.rules.documentation import CLOSED, DOCUMENTATION, partners
from market_abm.rules.electricity import first_come, merit_order
from market_abm.rules.pricing import CHIP_PRICING, cost_based, nash_logit

pytestmark = pytest.mark.usefixtures("quiet")


# The tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "kind", "name"), [
    (CHIP_PRICING, Chips, "pricing"), (ALLOCATION, Chips, "allocation"), (DOCUMENTATION, Documentation, "rule"),
    (CAPABILITY_MAP, Training, "capability_map"), (DECISIVENESS, Training, "capability_map"),
])
def test_a_table_holds_the_declared_options_in_their_order(table, kind, name):
    assert tuple(table) == declarations(kind)[name].options


# Allocation by hand (oracle O21) --------------------------------------------------------------------


def shared_out(rule, orders, supply, weights=None, lots=None, floor=0.0):
    """Share `supply` out among orders of one run, none contracted earlier and without a cap, and return a list."""
    size = len(orders)
    weights = np.ones((1, size)) if weights is None else row(*weights)
    lots = row(*((k + 0.5) / size for k in range(size))) if lots is None else row(*lots)
    return rule(row(*orders), row(supply), weights, lots, row(floor), np.zeros((1, size)), np.ones((1, size)), row(1.0))[0]


def test_in_proportion_everybody_gets_the_same_fraction():
    got = shared_out(proportional, (50, 30, 40), 60)
    assert got == pytest.approx([25, 15, 20], rel=1e-15)
    part = got / 60
    assert np.sum(part * part) == pytest.approx((25**2 + 15**2 + 20**2) / 3600) == pytest.approx(0.347222, abs=1e-6)


def test_in_proportion_whoever_orders_more_than_it_needs_gains():
    assert shared_out(proportional, (100, 30, 40), 60) == pytest.approx([600 / 17, 180 / 17, 240 / 17], rel=1e-15)
    assert shared_out(proportional, (100, 30, 40), 60)[0] == pytest.approx(35.294, abs=5e-4)


@pytest.mark.parametrize(("orders", "awards"), [((50, 30, 40), (20, 20, 20)), ((50, 10, 40), (25, 10, 25))])
def test_equal_awards_fill_the_smallest_orders_first(orders, awards):
    assert shared_out(equal_awards, orders, 60) == pytest.approx(awards, rel=1e-15)


def test_equal_awards_do_not_reward_an_inflated_order():
    assert shared_out(equal_awards, (100, 30, 40), 60) == pytest.approx([20, 20, 20], rel=1e-15)


@pytest.mark.parametrize(("lots", "awards"), [
    ((0.1, 0.2, 0.3), (50, 10, 0)), ((0.3, 0.2, 0.1), (10, 10, 40)), ((0.9, 0.8, 0.3), (10, 10, 40)), ((0.5, 0.9, 0.6), (50, 0, 10)),
])
def test_lots_serve_whole_orders_one_after_the_other(lots, awards):
    # Oracle O21's strict order is the lottery in which the lots fell in row order: 50, 10 and nothing.
    assert shared_out(lottery, (50, 10, 40), 60, lots=lots).tolist() == list(awards)


def test_at_most_one_order_is_cut_by_the_lottery():
    rng = np.random.default_rng(5)
    orders, lots = rng.lognormal(0, 2, (200, 9)), rng.random((200, 9))
    supply = rng.random((200, 1)) * total(orders)
    got = lottery(orders, supply, None, lots)
    assert np.all(((got > 0) & (got < orders)).sum(axis=1) <= 1)


def test_relationship_by_hand():
    # Weights 3:1:1 and no floor: of 50, 30:10:10; the first wanted 20 only, so 30 is left for two, 15 each.
    assert shared_out(relationship, (20, 40, 40), 50, weights=(3, 1, 1)) == pytest.approx([20, 15, 15], rel=1e-15)
    # A floor of .4 hands out 20 in proportion (4, 8, 8); of the 30 left the weights give 18, 6, 6, but the
    # first wants only 16 more, so the others share 14.
    got = shared_out(relationship, (20, 40, 40), 50, weights=(3, 1, 1), floor=0.4)
    assert got == pytest.approx([20, 15, 15], rel=1e-15)
    got = shared_out(relationship, (30, 40, 30), 50, weights=(3, 1, 1), floor=0.4)  # 6, 8, 6 and then 18, 6, 6
    assert got == pytest.approx([24, 14, 12], rel=1e-15)


def test_relationship_with_equal_weights_and_no_floor_is_equal_awards():
    rng = np.random.default_rng(3)
    orders = rng.lognormal(0, 2, (50, 11))
    supply = rng.random((50, 1)) * total(orders)
    got = relationship(orders, supply, np.ones_like(orders), None, np.zeros((50, 1)))
    assert got == pytest.approx(equal_awards(orders, supply), rel=1e-12)


def test_buyers_without_history_share_what_the_others_leave():
    assert shared_out(relationship, (10, 20, 40), 40, weights=(1, 0, 0)) == pytest.approx([10, 10, 20], rel=1e-15)
    assert shared_out(relationship, (10, 20, 40), 35, weights=(0, 0, 0)) == pytest.approx([5, 10, 20], rel=1e-15)


def test_a_large_relationship_starves_the_small_but_for_the_floor():
    weights = (1e9, 1, 1)
    assert shared_out(relationship, (100, 10, 10), 60, weights=weights)[1] < 1e-6
    assert shared_out(relationship, (100, 10, 10), 60, weights=weights, floor=0.2)[1] == pytest.approx(1.0, rel=1e-6)


def naive_filling(orders, supply, weights):
    """Fill by the textbook: hand out the rest by weight among those not yet full, 200 times."""
    got = [0.0] * len(orders)
    for _ in range(200):
        hungry = [w if o > g else 0.0 for o, g, w in zip(orders, got, weights, strict=True)]
        left = supply - math.fsum(got)
        if left <= 0 or sum(hungry) == 0:
            break
        got = [min(o, g + left * h / sum(hungry)) for o, g, h in zip(orders, got, hungry, strict=True)]
    return got


AMOUNT = st.one_of(st.just(0.0), st.floats(1e-6, 1e6))
BUYERS = st.lists(st.tuples(AMOUNT, st.one_of(st.just(0.0), st.floats(1e-9, 1e9))), min_size=1, max_size=12)


@given(BUYERS, st.floats(0.0, 2.0))
def test_water_filling_agrees_with_the_textbook(buyers, part):
    orders, weights = zip(*buyers, strict=True)
    supply = part * sum(orders)
    got = water_filled(row(*orders), row(supply), row(*weights))[0]
    assert got == pytest.approx(naive_filling(orders, supply, weights), rel=1e-9, abs=1e-9 * max(orders))
    assert all(g == 0 for g, w in zip(got, weights, strict=True) if w == 0)


@given(BUYERS, st.floats(0.0, 2.0), st.floats(0.0, 1.0))
def test_relationship_agrees_with_the_textbook(buyers, part, floor):
    orders, weights = zip(*buyers, strict=True)
    wanted, supply = sum(orders), part * sum(orders)
    first = [o * min(1.0, supply * floor / wanted) if wanted else 0.0 for o in orders]
    second = naive_filling([o - f for o, f in zip(orders, first, strict=True)], supply - sum(first), weights)
    placed = [f + s for f, s in zip(first, second, strict=True)]
    short, left = [o - p for o, p in zip(orders, placed, strict=True)], max(0.0, supply - sum(placed))
    rest = [s * min(1.0, left / sum(short)) if sum(short) > 0 else 0.0 for s in short]
    expected = [p + r for p, r in zip(placed, rest, strict=True)]
    got = shared_out(relationship, orders, supply, weights=weights, floor=floor)
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9 * max(orders))


@pytest.mark.parametrize("name", ALLOCATION)
@given(buyers=BUYERS, part=st.floats(0.0, 2.0), floor=st.floats(0.0, 1.0), seed=st.integers(0, 99))
def test_nobody_gets_more_than_ordered_and_nothing_is_wasted(name, buyers, part, floor, seed):
    orders, weights = zip(*buyers, strict=True)
    supply = part * sum(orders)
    lots = np.random.default_rng(seed).random(len(orders))
    got = shared_out(ALLOCATION[name], orders, supply, weights, lots, floor)
    assert np.all(got >= 0)
    assert np.all(got <= np.array(orders))
    assert math.fsum(got) == pytest.approx(min(supply, math.fsum(orders)), rel=1e-12)


@pytest.mark.parametrize("name", ALLOCATION)
@given(buyers=BUYERS, part=st.floats(0.0, 1.0), more=st.floats(1.0, 2.0), floor=st.floats(0.0, 1.0))
def test_more_supply_harms_nobody(name, buyers, part, more, floor):
    orders, weights = zip(*buyers, strict=True)
    supply = part * sum(orders)
    little = shared_out(ALLOCATION[name], orders, supply, weights, floor=floor)
    much = shared_out(ALLOCATION[name], orders, supply * more, weights, floor=floor)
    assert np.all(much >= little - 1e-12 * max(orders))


# Pricing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("elasticity", "share", "lerner"), [
    (2.0, 0.5, 0.5), (3.0, 0.0, 0.25), (4.0, 0.75, 0.5), (2.0, 0.75, 2 / 3), (1.0, 1.0, 1.0),
])
def test_the_lerner_index_of_the_logit_price(elasticity, share, lerner):
    # p = c (1 + 1/(a(1-s))), so (p - c)/p = 1/(1 + a(1-s)); bounds wide enough not to bind but at s = 1.
    price = nash_logit(row(10.0), row(share), row(elasticity), row(0.0), row(0.99))[0, 0]
    assert (price - 10.0) / price == pytest.approx(min(lerner, 0.99), rel=1e-12)
    if share < 1:
        assert price == pytest.approx(10.0 * (1 + 1 / (elasticity * (1 - share))), rel=1e-12)


@given(st.floats(0.0, 1.0), st.floats(0.1, 20.0), st.floats(0.0, 0.5), st.floats(0.5, 0.95), st.floats(1.0, 1e6))
def test_margins_keep_within_their_bounds_and_rise_with_the_share(share, elasticity, floor, cap, cost):
    def margin(s):
        price = nash_logit(row(cost), row(s), row(elasticity), row(floor), row(cap))[0, 0]
        return 1 - cost / price

    assert floor - 1e-12 <= margin(share) <= cap + 1e-12
    assert margin(min(1.0, share + 0.1)) >= margin(share) - 1e-12


def test_bounds_by_hand():
    # The leader at s = .9, a = 2.6: 1/1.26 = .794, capped at .66; a dwarf: 1/3.6 = .278, raised to .35.
    prices = nash_logit(row(34.0, 65.0), row(0.9, 0.0), row(2.6), row(0.35), row(0.66))
    assert prices[0] == pytest.approx([100.0, 100.0], rel=1e-12)


def test_a_regulated_price_is_cost_and_the_lowest_margin_whatever_the_share():
    prices = cost_based(row(65.0, 65.0, 13.0), row(0.0, 1.0, 0.5), row(2.6), row(0.35), row(0.66))
    assert prices[0] == pytest.approx([100.0, 100.0, 20.0], rel=1e-15)


# Discrete choice (oracles O7, O25) ------------------------------------------------------------------


def test_logit_shares_by_hand():
    assert logit(np.log(row(1, 2, 3)), np.ones((1, 3)))[0] == pytest.approx([1 / 6, 1 / 3, 1 / 2], rel=1e-15)


def test_size_counts_in_proportion_and_price_by_its_elasticity():
    # 3 at 1 USD weighs 3, 8 at 2 USD with elasticity 3 weighs 8/8; who has no size, or no price, is not there.
    assert size_at_price(row(3, 8, 0, 5), row(1, 2, 1, 0), 3.0)[0] == pytest.approx([0.75, 0.25, 0, 0], rel=1e-14)
    assert size_at_price(row(0, 2), row(1, 0), 3.0).tolist() == [[0, 0]]


def test_logit_shares_at_the_bertrand_prices_of_the_oracle():
    # O7: utilities 5, 4, 3 less .1 p, and an outside option worth 0; shares at the equilibrium prices.
    prices = (29.558497, 24.344025, 21.698062)
    utilities = [delta - 0.1 * p for delta, p in zip((5, 4, 3), prices, strict=True)]
    shares = logit(row(*utilities, 0.0), np.ones((1, 4)))[0]
    assert shares == pytest.approx([0.488713, 0.302846, 0.145158, 0.063284], abs=1e-6)
    for p, s in zip(prices, shares[:3], strict=True):
        assert p == pytest.approx(10.0 + 1 / (0.1 * (1 - s)), abs=1e-5)


def test_what_is_not_on_offer_is_never_chosen():
    assert logit(row(0.0, 900.0, 0.0), row(1, 0, 1))[0].tolist() == [0.5, 0.0, 0.5]
    assert logit(row(5.0, -np.inf), row(1, 0))[0].tolist() == [1.0, 0.0]
    assert logit(row(1.0, 2.0), row(0, 0))[0].tolist() == [0.0, 0.0]


@given(st.lists(st.floats(-300.0, 300.0), min_size=1, max_size=9), st.floats(-1e3, 1e3))
def test_only_differences_of_utility_count(utilities, shift):
    here = logit(row(*utilities), np.ones((1, len(utilities))))
    assert total(here)[0, 0] == pytest.approx(1.0, rel=1e-14)
    assert logit(row(*utilities) + shift, np.ones_like(here)) == pytest.approx(here, rel=1e-9, abs=1e-12)


def even_draws(rows, options):
    """Return stay and choice draws that together cover the unit square evenly, `(1, rows * options)`."""
    stay = (np.arange(rows) + 0.5) / rows
    choice = (np.arange(options) + 0.5) / options
    return np.repeat(stay, options)[None], np.tile(choice, rows)[None]


def test_three_equal_options_and_an_inertia_of_two_utils():
    # O25: e^2/(e^2 + 2) = .786986 stay, choosing the same one afresh included; eigenvalue .680479.
    stay, choice = even_draws(20_000, 3)
    shares, current = np.full((1, 3), 1 / 3), np.ones(stay.shape, np.int64)
    chosen = stay_or_choose(current, shares, row(2.0), stay, choice)
    staying = np.mean(chosen == 1)
    assert staying == pytest.approx(math.exp(2) / (math.exp(2) + 2), abs=1e-4) == pytest.approx(0.786986, abs=1e-4)
    assert 1 / (1 - staying) == pytest.approx(4.694528, rel=1e-3)  # mean spell
    assert (staying - np.mean(chosen == 0)) == pytest.approx(0.680479, abs=1e-4)
    assert np.mean(chosen == 0) == pytest.approx(np.mean(chosen == 2), abs=1e-9)


def test_inertia_is_a_logit_with_a_bonus_for_the_present_provider():
    # Three options of shares .5, .3, .2 and a present provider with .2: its odds rise by e^1.5.
    stay, choice = even_draws(2_000, 100)
    chosen = stay_or_choose(np.full(stay.shape, 2), row(0.5, 0.3, 0.2), row(1.5), stay, choice)
    bonus = 0.2 * math.exp(1.5)
    expected = np.array([0.5, 0.3, bonus]) / (0.8 + bonus)
    assert [np.mean(chosen == p) for p in range(3)] == pytest.approx(expected, abs=1e-3)


def test_without_inertia_the_past_does_not_count():
    stay, choice = even_draws(50, 100)
    chosen = stay_or_choose(np.full(stay.shape, 1), row(0.25, 0.0, 0.75), row(0.0), stay, choice)
    assert [np.mean(chosen == p) for p in range(3)] == [0.25, 0.0, 0.75]


def test_newcomers_choose_by_the_plain_logit_and_nobody_stays_with_who_left_the_market():
    stay, choice = even_draws(50, 100)
    for present in (2, 1):  # 2 is nobody; 1 offers nothing any more
        shares = row(0.4, 0.6) if present == 2 else row(1.0, 0.0)
        chosen = stay_or_choose(np.full(stay.shape, present), shares, row(9.0), stay, choice)
        assert [np.mean(chosen == p) for p in range(2)] == pytest.approx(shares[0], abs=1e-12)


def test_where_nobody_offers_anything_nobody_is_chosen():
    stay, choice = even_draws(5, 5)
    chosen = stay_or_choose(np.full(stay.shape, 1), row(0.0, 0.0, 0.0), row(3.0), stay, choice)
    assert np.all(chosen == 3), "a link that equals the number of providers names nobody"


# Contests (oracle O19) ------------------------------------------------------------------------------


@pytest.mark.parametrize(("strengths", "r", "outside", "shares"), [
    ((1.0, 0.5), 1.0, 0.0, (2 / 3, 1 / 3)),
    ((1.0, 0.5), 2.0, 0.0, (0.8, 0.2)),
    ((1.0, 0.5), 2.0, 0.25, (2 / 3, 1 / 6)),
    ((1.0, 0.25, 0.25), 0.5, 0.0, (0.5, 0.25, 0.25)),
    ((1.0, 0.0), 1.0, 0.6, (0.625, 0.0)),
    ((1.0, 0.5, 0.0), 0.0, 0.0, (0.5, 0.5, 0.0)),
])
def test_tullock_shares_by_hand(strengths, r, outside, shares):
    [got] = contest((row(*strengths),), row(r), row(outside))
    assert got[0] == pytest.approx(shares, rel=1e-14)


def test_groups_of_contestants_stand_in_one_contest():
    # Weights 1, 1/4 and 1/16 with r = 2 and 3/16 for doing without: together 24/16.
    owners, startups = contest((row(1.0), row(0.5, 0.25)), row(2.0), row(3 / 16))
    assert owners[0] == pytest.approx([2 / 3], rel=1e-14)
    assert startups[0] == pytest.approx([1 / 6, 1 / 24], rel=1e-14)


def test_a_contest_is_a_logit_in_logs():
    strengths = row(1.0, 0.7, 0.2)
    [got] = contest((strengths,), row(1.3), row(0.4))
    utilities = np.concatenate([1.3 * np.log(strengths), np.log(row(0.4))], axis=1)
    assert got == pytest.approx(logit(utilities, np.ones((1, 4)))[:, :3], rel=1e-13)


def test_a_contest_without_contestants_is_won_by_nobody():
    [got] = contest((row(0.0, 0.0),), row(1.0), row(0.0))
    assert got[0].tolist() == [0.0, 0.0]


# Documentation --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "shown"), [
    ("closed", (0.0, 0.0, 0.0)), ("partners_only", (0.2, 0.5, 0.9)), ("delayed", (0.2, 1.0, 1.0)),
    ("open", (1.0, 1.0, 1.0)), ("mandated", (0.6, 0.6, 0.9)),
])
def test_what_the_public_may_read(name, shown):
    # Own openness .2, .5, .9; generations 7, 8 and 9 quarters old; a delay of 8 quarters; a mandate of .6.
    got = DOCUMENTATION[name](row(0.2, 0.5, 0.9), row(7, 8, 9), row(8), row(0.6))
    assert got[0].tolist() == list(shown)


def test_partners_see_everything_under_every_rule_but_the_closed_one():
    openness, held = np.array([[[0.2]], [[0.5]]]), np.array([[[0.05, 0.02]], [[0.0, 0.03]]])
    for place, name in enumerate(DOCUMENTATION):
        seen = partners(openness, held, np.array([[place]]), row(0.03))
        assert seen.tolist() == ([[[0.2, 0.2]], [[0.5, 0.5]]] if name == "closed" else [[[1.0, 0.2]], [[0.5, 1.0]]]), name


def test_each_run_has_its_own_rule_of_partnership():
    openness, held = np.full((1, 2, 1), 0.1), np.full((1, 2, 1), 0.5)
    places = np.array([[list(DOCUMENTATION).index("partners_only")], [CLOSED]])
    assert partners(openness, held, places, np.full((2, 1), 0.03)).tolist() == [[[1.0], [0.1]]]


# Merit order (oracle O16) ---------------------------------------------------------------------------

STEPS = ((100, 0), (50, 20), (80, 40), (60, 90))


def cleared(load, cap=500.0, steps=STEPS):
    capacity, cost = (np.array([[[float(step[k])]] for step in steps]) for k in (0, 1))
    answer = merit_order(capacity, cost, row(load), row(cap))
    return SimpleNamespace(**{name: float(value[0, 0]) for name, value in answer._asdict().items()})


@pytest.mark.parametrize(("load", "price", "fuel", "rent", "bill"), [
    (200, 40, 3000, 5000, 8000), (240, 90, 5100, 16_500, 21_600), (150, 20, 1000, 2000, 3000), (100, 0, 0, 0, 0), (0, 0, 0, 0, 0),
])
def test_the_last_plant_that_runs_sets_the_price(load, price, fuel, rent, bill):
    # At a load of exactly 150 any price in 20..40 clears; ours is the cost of the last plant used.
    got = cleared(load)
    assert (got.price_usd, got.dispatched_mw, got.fuel_usd_per_hour, got.shortage_mw) == (price, load, fuel, 0)
    assert got.price_usd * got.dispatched_mw == bill == fuel + rent


def test_beyond_every_plant_the_price_is_the_cap_and_the_rest_goes_short():
    got = cleared(300)
    assert (got.price_usd, got.dispatched_mw, got.shortage_mw) == (500, 290, 10)
    assert got.fuel_usd_per_hour == 50 * 20 + 80 * 40 + 60 * 90


def test_a_step_without_plants_sets_no_price():
    assert cleared(120, steps=((100, 0), (0, 20), (80, 40))).price_usd == 40
    assert cleared(100, steps=((100, 5), (0, 20))).price_usd == 5


PLANTS = st.lists(st.tuples(st.floats(0.0, 1e5), st.floats(0.0, 400.0)), min_size=1, max_size=6)


@given(PLANTS, st.floats(0.0, 4e5))
def test_the_bill_is_cost_and_rents_and_no_plant_runs_at_a_loss(plants, load):
    plants = sorted(plants, key=lambda plant: plant[1])
    got = cleared(load, steps=plants)
    left, rents, cost = load, 0.0, 0.0
    for capacity, usd in plants:
        running = min(left, capacity)
        assert running == 0 or usd <= got.price_usd
        rents, cost, left = rents + running * (got.price_usd - usd), cost + running * usd, left - running
    assert got.fuel_usd_per_hour == pytest.approx(cost, rel=1e-12)
    assert got.price_usd * got.dispatched_mw == pytest.approx(cost + rents, rel=1e-9, abs=1e-6)
    assert got.dispatched_mw + got.shortage_mw == pytest.approx(load, rel=1e-12)
    assert got.shortage_mw == pytest.approx(max(0.0, load - sum(c for c, _ in plants)), rel=1e-9, abs=1e-9)


def test_regions_and_runs_clear_apart():
    capacity = np.array([[[10.0, 20.0], [30.0, 0.0]]])
    got = merit_order(capacity, np.array([[[5.0, 6.0], [7.0, 8.0]]]), np.array([[10.0, 25.0], [3.0, 1.0]]), np.array([[99.0], [77.0]]))
    assert got.price_usd.tolist() == [[5.0, 99.0], [7.0, 77.0]]
    assert got.shortage_mw.tolist() == [[0.0, 5.0], [0.0, 1.0]]


# The queue for connections (oracle O17) -------------------------------------------------------------


def granted(waiting, slots):
    """Grant requests given as ages x owners in one region of one run."""
    return first_come(np.array(waiting, dtype=float)[:, None, None, :], np.array([[[float(slots)]]]))[:, 0, 0, :]


@pytest.mark.parametrize(("slots", "awards"), [
    (12, [[4, 2], [1.5, 4.5], [0, 0]]), (3, [[2, 1], [0, 0], [0, 0]]), (0, [[0, 0], [0, 0], [0, 0]]),
    (100, [[4, 2], [3, 9], [5, 5]]),
])
def test_the_oldest_requests_come_first_and_one_quarters_share_in_proportion(slots, awards):
    assert granted([[4, 2], [3, 9], [5, 5]], slots).tolist() == awards


def test_a_region_grants_nothing_of_anothers_slots():
    waiting = np.full((1, 2, 1, 1), 5.0)
    assert first_come(waiting, np.array([[[7.0]], [[2.0]]]))[0, :, 0, 0].tolist() == [5.0, 2.0]


@given(st.lists(st.floats(0.0, 50.0), min_size=1, max_size=6), st.floats(10.0, 60.0))
def test_what_waits_is_what_waited(arrivals, slots):
    # Little's law over a finished episode: MW waiting, summed over quarters = MW granted x quarters waited.
    quarters = len(arrivals) + 2 + math.ceil(sum(arrivals) / slots)
    cohorts, stood, waited, given_out = np.zeros(quarters), 0.0, 0.0, 0.0
    for q in range(quarters):
        cohorts[q] += arrivals[q] if q < len(arrivals) else 0.0
        grant = granted(cohorts[: q + 1, None], slots)[:, 0]
        assert np.all((grant >= 0) & (grant <= cohorts[: q + 1]))
        left = cohorts[: q + 1] - grant
        unserved = np.flatnonzero(left > 1e-9)
        assert unserved.size == 0 or not np.any(grant[unserved[0] + 1 :] > 1e-9), "a younger request overtook an older"
        cohorts[: q + 1] = left
        stood, given_out = stood + cohorts.sum(), given_out + grant.sum()
        waited += float(np.sum(grant * (q - np.arange(q + 1))))
    assert given_out == pytest.approx(sum(arrivals), abs=1e-9)
    assert stood == pytest.approx(waited, abs=1e-6)


# A battery for every rule of every table ------------------------------------------------------------


def allocation_case(runs=64, rows=13, seed=1):
    rng = np.random.default_rng(seed)
    orders = rng.lognormal(0, 3, (runs, rows)) * (rng.random((runs, rows)) < 0.8)
    return {"orders": orders, "supply": rng.random((runs, 1)) * 1.3 * total(orders),
            "weights": rng.lognormal(0, 2, (runs, rows)) * (rng.random((runs, rows)) < 0.7),
            "lots": rng.random((runs, rows)), "floor": rng.random((runs, 1)), "contracted": orders * rng.random((runs, rows)),
            "bids": np.floor(5 * rng.random((runs, rows))), "cap": 0.1 + 0.9 * rng.random((runs, 1))}


def pricing_case(runs=64, rows=13, seed=1):
    rng = np.random.default_rng(seed)
    share = rng.random((runs, rows))
    return {"unit_cost": rng.lognormal(8, 2, (runs, rows)), "share": share / total(share),
            "elasticity": 1 + 3 * rng.random((runs, 1)), "floor": 0.4 * rng.random((runs, 1)), "cap": 0.6 + 0.3 * rng.random((runs, 1))}


def documentation_case(runs=64, rows=13, seed=1):
    rng = np.random.default_rng(seed)
    return {"own": rng.random((runs, rows)), "age": np.floor(20 * rng.random((runs, rows))),
            "delay": np.floor(20 * rng.random((runs, 1))), "mandate": rng.random((runs, 1))}


# The other rules of pricing need to know the market as well: tests/test_chip_prices.py holds all to such a battery.
BY_COST_AND_SHARE = {name: CHIP_PRICING[name] for name in ("nash_logit", "cost_based")}
FAMILIES = {  # the table, its inputs, which of them scale together, and whether the answer scales with them
    "allocation": (ALLOCATION, allocation_case, ("orders", "supply", "contracted"), True),
    "pricing": (BY_COST_AND_SHARE, pricing_case, ("unit_cost",), True),
    "documentation": (DOCUMENTATION, documentation_case, ("age", "delay"), False),
}
EVERY_RULE = [(family, name) for family, (table, *_) in FAMILIES.items() for name in table]
every_rule = pytest.mark.parametrize(("family", "name"), EVERY_RULE, ids=[f"{f}.{n}" for f, n in EVERY_RULE])


def answer(family, name, case):
    return FAMILIES[family][0][name](*case.values())


@every_rule
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 1), (5, 131)])
def test_a_rule_answers_one_figure_a_row(family, name, size):
    got = answer(family, name, FAMILIES[family][1](*size))
    assert got.shape == size
    assert got.dtype == np.float64
    assert np.isfinite(got).all()


@every_rule
@pytest.mark.parametrize("factor", [2.0**40, 2.0**-40, 3.7])
def test_the_unit_of_measurement_does_not_matter(family, name, factor):
    _, make, scaled, answer_scales = FAMILIES[family]
    case = make()
    got = answer(family, name, case)
    larger = answer(family, name, {key: value * factor if key in scaled else value for key, value in case.items()})
    assert larger == pytest.approx(got * (factor if answer_scales else 1.0), rel=1e-9, abs=1e-12 * got.max())


@every_rule
def test_rows_may_stand_in_any_order(family, name):
    case = FAMILIES[family][1]()
    order = np.random.default_rng(8).permutation(13)
    turned = {key: np.take(value, order, axis=-1) if value.shape[-1] == 13 else value for key, value in case.items()}
    expected = np.take(answer(family, name, case), order, axis=-1)
    assert answer(family, name, turned) == pytest.approx(expected, rel=1e-9, abs=1e-12 * expected.max())


@every_rule
def test_a_rule_gives_the_same_bits_alone_and_in_company(family, name):
    case = FAMILIES[family][1]()
    together = answer(family, name, case)
    for runs in (list(range(8)), *([r] for r in range(64))):
        assert same_bits(answer(family, name, {k: np.take(v, runs, axis=0) for k, v in case.items()}), together[runs])


@pytest.mark.parametrize("family", FAMILIES)
def test_runs_with_different_rules_get_what_each_rule_gives(family):
    table, make, *_ = FAMILIES[family]
    case = make()
    places = (np.arange(64) % len(table)).reshape(-1, 1)
    mixed = choose(table, places, *case.values())
    for place, name in enumerate(table):
        runs = np.flatnonzero(places[:, 0] == place)
        assert same_bits(mixed[runs], answer(family, name, case)[runs])
        everybody = choose(table, np.full((64, 1), place), *case.values())
        assert same_bits(everybody, answer(family, name, case))


def test_runs_with_different_rules_share_out_layer_by_layer():
    case = {key: np.stack([value, 2 * value, value[::-1]]) for key, value in allocation_case().items()}
    places = (np.arange(64) % len(ALLOCATION)).reshape(-1, 1)
    mixed = choose(ALLOCATION, places, *case.values())
    for layer in range(3):
        assert same_bits(mixed[layer], choose(ALLOCATION, places, *(value[layer] for value in case.values())))


@pytest.mark.parametrize("name", ALLOCATION)
@pytest.mark.parametrize(("order", "supply", "award"), [(7.0, 3.0, 3.0), (7.0, 9.0, 7.0), (7.0, 0.0, 0.0), (0.0, 5.0, 0.0), (0.0, 0.0, 0.0)])
@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_a_single_buyer_gets_what_there_is_up_to_its_order(name, order, supply, award, weight):
    assert shared_out(ALLOCATION[name], [order], supply, [weight], floor=0.1).tolist() == [award]


@pytest.mark.parametrize("name", ALLOCATION)
@pytest.mark.parametrize("supply", [0.0, 5.0])
def test_nobody_who_orders_nothing_gets_anything(name, supply):
    assert shared_out(ALLOCATION[name], [0.0] * 4, supply, [0.0, 1.0, 2.0, 0.0], floor=0.1).tolist() == [0.0] * 4
    got = shared_out(ALLOCATION[name], [0.0, 4.0, 0.0], 2.0, [5.0, 1.0, 0.0], floor=0.1)
    assert got[[0, 2]].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", ALLOCATION)
def test_without_supply_nobody_gets_anything(name):
    assert shared_out(ALLOCATION[name], [1.0, 2.0, 3.0], 0.0, [0.0, 1.0, 9.0], floor=0.1).tolist() == [0.0] * 3


@pytest.mark.parametrize("name", ALLOCATION)
def test_when_there_is_enough_everybody_is_served(name):
    case = allocation_case()
    case |= {"supply": 2.0 * total(case["orders"]) + 1.0, "cap": np.ones((64, 1))}
    got = ALLOCATION[name](*case.values())
    assert got == pytest.approx(case["orders"], rel=1e-15)


def test_rounding_gives_nobody_more_than_ordered():
    for seed in range(50):
        case = allocation_case(seed=seed)
        for name in ALLOCATION:
            assert np.all(answer("allocation", name, case) <= case["orders"]), (name, seed)


@pytest.mark.parametrize("name", BY_COST_AND_SHARE)
def test_what_costs_nothing_to_make_is_given_away(name):
    assert BY_COST_AND_SHARE[name](row(0.0, 0.0), row(1.0, 0.0), row(2.6), row(0.35), row(0.66))[0].tolist() == [0.0, 0.0]

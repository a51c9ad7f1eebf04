"""Closed forms of firms: golden numbers, and each answer again by another route: no firm gains by departing from it."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from market_abm.oracles.closed_forms import chain, contest, logit, oligopoly, sutton

EXACT = 1e-9  # relative


def near(expected, rel=EXACT, abs=1e-9):
    return pytest.approx(expected, rel=rel, abs=abs)


def printed(expected, digits=6):
    """Compare with a number that is printed with so many digits behind the point."""
    return pytest.approx(expected, rel=0, abs=0.51 * 10.0**-digits)


def highest(function, low, high, points=4001):
    """Return the highest value of a function between two bounds, by grid and then by golden section."""
    grid = np.linspace(low, high, points)
    best = grid[np.argmax([function(x) for x in grid])]
    step = grid[1] - grid[0]
    found = minimize_scalar(lambda x: -function(x), bounds=(max(low, best - step), min(high, best + step)), method="bounded",
                            options={"xatol": 1e-10})
    return max(-found.fun, function(best))


# Cournot: O1, O2, O3, O5 ----------------------------------------------------------------------------


@pytest.mark.parametrize(("firms", "each", "price", "hhi", "elasticity", "margin", "profit", "surplus", "loss"), [
    (1, 45, 55, 1, 1.22222, 0.818182, 2025, 1012.5, 1012.5), (2, 30, 40, 0.5, 0.66667, 0.75, 900, 1800, 450),
    (3, 22.5, 32.5, 0.33333, 0.48148, 0.692308, 506.25, 2278.125, 253.125), (4, 18, 28, 0.25, 0.38889, 0.642857, 324, 2592, 162),
    (8, 10, 20, 0.125, 0.25, 0.5, 100, 3200, 50)])
def test_equal_cournot_firms(firms, each, price, hhi, elasticity, margin, profit, surplus, loss):
    costs = [10.0] * firms
    market = oligopoly.cournot(100, 1, costs)
    assert market.quantities == near(each) and market.price == near(price) and market.profits == near(profit)
    assert oligopoly.herfindahl(market.quantities) == printed(hhi, 5)
    assert oligopoly.elasticity_at(100, 1, market.quantities) == printed(elasticity, 5)
    assert oligopoly.lerner(market.price, costs, market.quantities) == printed(margin)
    assert oligopoly.consumer_surplus(1, market.quantities) == near(surplus)
    assert oligopoly.deadweight_loss(100, 1, costs, market.quantities) == near(loss)
    assert oligopoly.profit_each(100, 1, 10, firms) == near(profit)


def test_unequal_cournot_firms_and_a_rival_whose_costs_are_raised():
    before, after = oligopoly.cournot(100, 1, [10, 20, 30]), oligopoly.cournot(100, 1, [10, 24, 30])
    assert before.quantities == near([30, 20, 10]) and before.price == near(40) and before.profits == near([900, 400, 100])
    assert oligopoly.herfindahl(before.quantities) == printed(0.388889)
    assert oligopoly.lerner(40, [10, 20, 30], before.quantities) == printed(0.583333)
    assert after.quantities == near([31, 17, 11]) and after.price == near(41) and after.profits[0] == near(961)


def test_cournot_firms_that_would_sell_at_a_loss_stay_out():
    market = oligopoly.cournot(100, 2, [80, 10, 20, 200])  # by hand: P = (100 + 10 + 20) / 3 = 43.33 is below 80
    assert market.price == near(130 / 3) and market.quantities == near([0, 50 / 3, 35 / 3, 0]) and market.profits[0] == 0
    nobody = oligopoly.cournot(100, 1, [100, 120])
    assert nobody.price == 100 and not nobody.quantities.any() and math.isnan(oligopoly.herfindahl(nobody.quantities))
    # productive inefficiency counts: best surplus 45^2 = 2025 with 10, and half each at 10 and 20
    assert oligopoly.deadweight_loss(100, 1, [10, 20], [10, 10]) == near(90**2 / 2 - 200 - 10 * 70 - 10 * 60)


@pytest.mark.parametrize("costs", [[10], [10, 10, 10], [10, 12, 30], [5, 9, 6, 20, 11.5]])
@pytest.mark.parametrize("elasticity", [0.7, 1.5, 3.0])
def test_no_firm_on_an_isoelastic_curve_gains_by_another_quantity(costs, elasticity):
    market = oligopoly.isoelastic(50, elasticity, costs)
    if elasticity * len(costs) <= 1:
        assert math.isnan(market.price) and np.isnan(market.quantities).all()
        return
    for cost, own, profit in zip(costs, market.quantities, market.profits, strict=True):
        others = market.quantities.sum() - own
        best = highest(lambda q, cost=cost, rest=others: (50 * max(q + rest, 1e-9) ** (-1 / elasticity) - cost) * q, 0, 5 * market.quantities.sum())
        assert best == near(profit, 1e-7, 1e-7)
    total = market.quantities.sum()
    assert market.price == near(50 * total ** (-1 / elasticity)) and (market.quantities >= 0).all()
    assert oligopoly.lerner(market.price, costs, market.quantities) == near(oligopoly.herfindahl(market.quantities) / elasticity)


def test_isoelastic_golden_numbers_and_a_firm_left_out():
    three = oligopoly.isoelastic(1, 1.5, [10] * 3)
    assert three.price == printed(12.857143) and oligopoly.lerner(three.price, [10] * 3, three.quantities) == printed(0.222222)
    assert oligopoly.isoelastic(7, 2, [10]).price == near(20)  # a monopolist: c e / (e - 1)
    assert oligopoly.isoelastic(1, 2, [10, 10, 30]).quantities[2] == 0  # by hand: two alone ask 20 / 1.5 = 13.3


# Best replies: O1 -----------------------------------------------------------------------------------


def test_simultaneous_replies_converge_cycle_or_run_to_the_corners():
    three = oligopoly.best_reply_path(100, 1, [10] * 3, [20] * 3, 1.0, 4)
    assert three[:, 0] == near([20, 25, 20, 25, 20])
    two = oligopoly.best_reply_path(100, 1, [10] * 2, [20] * 2, 1.0, 60)
    assert two[-1] == near(30)
    four = oligopoly.best_reply_path(100, 1, [10] * 4, [20] * 4, 1.0, 60)
    assert sorted(four[-2:, 0]) == near([0, 45])
    assert oligopoly.best_reply_path(100, 1, [10] * 4, [20] * 4, 0.792, 2000)[-1] == near(18)
    assert abs(oligopoly.best_reply_path(100, 1, [10] * 4, [20] * 4, 0.808, 2000)[-1] - 18).min() > 1
    assert oligopoly.sequential_path(100, 1, [10] * 4, [20] * 4, 1.0, 200)[-1] == near(18)
    assert oligopoly.sequential_path(100, 1, [10, 20], [20, 20], 1.0, 1)[1] == near([35, 22.5])  # (90 - 20) / 2, (80 - 35) / 2


@pytest.mark.parametrize(("firms", "damping"), [(2, 1.0), (4, 0.5), (6, 0.3), (3, 1.0)])
def test_a_common_deviation_is_multiplied_by_the_factor(firms, damping):
    at = 90 / (firms + 1)
    path = oligopoly.best_reply_path(100, 1, [10] * firms, [at + 1] * firms, damping, 5)[:, 0] - at
    assert path == near(oligopoly.deviation_factor(firms, damping) ** np.arange(6), abs=1e-10)


def test_paths_with_unequal_costs_end_at_the_equilibrium_with_its_corner():
    costs, goal = [10, 20, 90], oligopoly.cournot(100, 1, [10, 20, 90]).quantities
    assert goal[2] == 0
    assert oligopoly.best_reply_path(100, 1, costs, [5, 5, 5], 0.6, 400)[-1] == near(goal)
    assert oligopoly.sequential_path(100, 1, costs, [5, 5, 5], 0.6, 400)[-1] == near(goal)


# Capacity and price: O4 -----------------------------------------------------------------------------


@pytest.mark.parametrize(("capacities", "cost", "price"), [
    ([30, 30], 0, 40), ([50, 50], 0, math.nan), ([200, 200], 10, 10), ([1e9, 1e9, 1e9], 10, 10), ([20, 30, 10], 0, 40), ([90, 0], 10, 55),
    ([20], 10, 80), ([20, 60], 0, math.nan), ([100, 100], 0, 0), ([10, 44], 0, 46), ([10, 46], 0, math.nan)])
def test_the_price_that_capacities_leave(capacities, cost, price):
    # by hand: the larger of (10, k) asks for 100 - 10 - k until k = 45, its best reply to 10
    assert oligopoly.capacity_price(100, 1, cost, capacities) == pytest.approx(price, rel=EXACT, nan_ok=True)
    assert oligopoly.pure_price_exists(100, 1, cost, capacities) == (not math.isnan(price))


@pytest.mark.parametrize(("capacities", "cost"), [([30, 30], 0), ([20, 30, 10], 5), ([44, 10], 0), ([200, 200], 10)])
def test_nobody_gains_by_asking_another_price(capacities, cost):
    price = oligopoly.capacity_price(100, 1, cost, capacities)
    for k in capacities:
        left = sum(capacities) - k
        above = highest(lambda p, k=k, left=left: (p - cost) * min(k, max(0, 100 - p - left)), price, 100)
        below = highest(lambda p, k=k: (p - cost) * min(k, 100 - p), 0, price)
        share = min(k, (100 - price) * k / sum(capacities))
        assert max(above, below) <= (price - cost) * share + 1e-6


def test_two_firms_with_too_much_capacity_draw_their_prices():
    mixed = oligopoly.mixed_prices(100, 1, 0, 50)
    assert mixed[:3] == near((12.5, 25, 625)) and mixed.mean_price == printed(15.34264, 5)
    for p in (13.0, 17.5, 25.0):
        assert oligopoly.mixed_price_chance(p, 100, 1, 0, 50) == near((50 * p - 625) / p**2)
    for outside in (30, 33.3, 100, 120):
        assert math.isnan(oligopoly.mixed_prices(100, 1, 0, outside).low) and math.isnan(oligopoly.mixed_price_chance(20, 100, 1, 0, outside))
    assert oligopoly.cournot(100, 1, [10, 10]).quantities == near(30) and oligopoly.cournot(100, 1, [10, 10]).profits == near(900)  # capacity at 10 a unit


@pytest.mark.parametrize(("choke", "slope", "cost", "capacity"), [(100, 1, 0, 50), (100, 1, 0, 35), (80, 2, 8, 25), (10, 0.1, 1, 85)])
def test_every_price_drawn_earns_the_same_and_no_other_earns_more(choke, slope, cost, capacity):
    mixed = oligopoly.mixed_prices(choke, slope, cost, capacity)

    def chance(p):
        return oligopoly.mixed_price_chance(p, choke, slope, cost, capacity)

    def earns(p):
        demand = (choke - p) / slope
        return (p - cost) * (chance(p) * max(0, demand - capacity) + (1 - chance(p)) * min(capacity, demand))

    assert chance(mixed.low) == near(0) and chance(mixed.high) == near(1)
    for p in np.linspace(mixed.low, mixed.high, 7):
        assert earns(p) == near(mixed.profit, 1e-9)
    assert highest(earns, cost, choke) == near(mixed.profit, 1e-7)
    ends = quad(lambda q: chance(q), mixed.low, mixed.high, epsabs=0, epsrel=1e-11)[0]
    assert mixed.mean_price == near(mixed.high - ends, 1e-9)


# Entry and its prevention: O9, O22 ------------------------------------------------------------------


def test_too_many_firms_enter():
    assert oligopoly.free_entry(100, 1, 10, 90) == 8 and oligopoly.free_entry_limit(100, 1, 10, 90) == printed(8.487, 3)
    assert [oligopoly.profit_each(100, 1, 10, n) - 90 for n in (8, 9)] == near([10, -9])
    assert oligopoly.planned_entry(100, 1, 10, 90) == 4 and oligopoly.planned_entry_limit(100, 1, 10, 90) == printed(3.481, 3)
    assert [oligopoly.welfare(100, 1, 10, 90, n) for n in (3, 4, 8)] == near([3526.875, 3528, 3280])
    assert oligopoly.free_entry(100, 1, 10, 100) == 8  # profit is the fixed cost: it covers it


@pytest.mark.parametrize(("choke", "slope", "cost", "fixed"), [(100, 1, 10, 90), (100, 2, 10, 7), (50, 0.3, 49, 0.4), (50, 1, 10, 1500), (50, 1, 10, 399), (9, 1, 10, 1)])
def test_entry_by_trying_every_number(choke, slope, cost, fixed):
    tried = range(1, 200)
    earn = [n for n in tried if oligopoly.profit_each(choke, slope, cost, n) >= fixed]
    assert oligopoly.free_entry(choke, slope, cost, fixed) == max(earn, default=0)
    best = max([0, *tried], key=lambda n: oligopoly.welfare(choke, slope, cost, fixed, n))
    assert oligopoly.planned_entry(choke, slope, cost, fixed) == best
    assert oligopoly.free_entry(choke, slope, cost, 0) == (math.inf if choke > cost else 0)


def test_limit_pricing_keeps_an_entrant_out():
    limit = oligopoly.limit_pricing(100, 1, 10, 400)
    assert limit == (near(50), near(50), near(2000), near(1012.5), "deter")
    assert oligopoly.entrant_profit(100, 1, 10, 400, 45) == near(106.25) and oligopoly.entrant_profit(100, 1, 10, 400, 50) == near(0)
    assert oligopoly.limit_pricing(100, 1, 10, 600).conduct == "blockaded"  # 90 - 2 sqrt(600) = 41 is below 45
    assert oligopoly.limit_pricing(100, 1, 10, 1).conduct == "accommodate"  # 88 units at a margin of 2


@pytest.mark.parametrize(("cost", "entrant_cost"), [(10, 10), (10, 30), (30, 10), (10, 70), (60, 10)])
def test_an_incumbent_that_lets_the_other_in_chooses_best(cost, entrant_cost):
    def leads(q):
        return q * (100 - 2 * q - 2 * max(0, (100 - entrant_cost - 2 * q) / 4) - cost)

    limit = oligopoly.limit_pricing(100, 2, cost, 50, entrant_cost)
    assert limit.accommodation_profit == near(highest(leads, 0, 50), 1e-7, 1e-7)
    assert oligopoly.entrant_profit(100, 2, entrant_cost, 50, limit.quantity) == near(0, abs=1e-7)


# Ownership and mergers: O23, O24 --------------------------------------------------------------------


def test_a_silent_stake_lowers_the_index_and_raises_the_price():
    weights = np.eye(3)
    weights[0, 1] = 0.3
    market = oligopoly.owned_cournot(100, 1, [10, 20, 30], weights)
    assert market.quantities == printed([25.135, 21.622, 11.622], 3) and market.price == printed(41.6216, 4)
    assert oligopoly.herfindahl(market.quantities) == printed(0.362183)
    modified = oligopoly.modified_herfindahl(market.quantities, weights)
    margin = oligopoly.lerner(market.price, [10, 20, 30], market.quantities)
    assert modified == printed(0.410022) and margin == printed(0.575096)
    assert margin == near(modified / oligopoly.elasticity_at(100, 1, market.quantities))


def no_firm_gains(slope, costs, weights):
    market = oligopoly.owned_cournot(100, slope, costs, weights)
    gains = market.price - np.asarray(costs) - slope * np.asarray(weights) @ market.quantities  # of one unit more
    return bool((market.quantities >= 0).all() and gains.max() <= 1e-9 and np.abs(gains * (market.quantities > 0)).max() <= 1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_no_firm_with_stakes_gains_by_another_quantity(seed):
    draw = np.random.default_rng(seed)
    firms, slope = int(draw.integers(1, 8)), draw.uniform(0.2, 4)
    costs = draw.uniform(0, 110, firms)  # some above what anybody pays
    weights = draw.uniform(0, 0.9, (firms, firms)) * (draw.random((firms, firms)) < 0.5)
    np.fill_diagonal(weights, 1.0)
    assert no_firm_gains(slope, costs, weights)
    separate = oligopoly.owned_cournot(100, slope, costs, np.eye(firms))
    assert separate.quantities == near(oligopoly.cournot(100, slope, costs).quantities, abs=1e-8)


def test_one_owner_of_two_plants_runs_the_cheaper_or_shares_between_equals():
    merged = logit.common_ownership(3, [0, 1])
    cheap = oligopoly.owned_cournot(100, 1, [10, 20, 30], merged)
    assert cheap.quantities == near([110 / 3, 0, 50 / 3]) and cheap.price == near(140 / 3)  # Cournot of 10 and 30
    equal = oligopoly.owned_cournot(100, 1, [10, 10, 10], merged)
    assert equal.quantities == near([15, 15, 30]) and equal.price == near(40)
    # equal plants of which the others hold unlike weights: no equal split, and equations that do not fix one
    assert no_firm_gains(1, [100, 20, 10, 10], [[1, 1, 1, 0], [0, 1, 0.5, 1], [0, 0, 1, 1], [1.5, 0.5, 1, 1]])
    assert oligopoly.owned_cournot(100, 1, [100, 101], np.eye(2)).price == 100
    assert math.isnan(oligopoly.modified_herfindahl([0, 0], np.eye(2)))


@pytest.mark.parametrize(("members", "before", "after", "price"), [((0, 1), 648, 506.25, 32.5), ((1, 2, 3), 972, 900, 40), ((0, 1, 2, 3), 1296, 2025, 55)])
def test_most_mergers_of_equal_cournot_firms_lose(members, before, after, price):
    found = oligopoly.merger(100, 1, [10] * 4, members)
    assert (found.profit_before, found.profit_after) == near((before, after)) and (found.before.price, found.after.price) == near((28, price))
    assert oligopoly.herfindahl(found.after.quantities) == near(1 / (5 - len(members)))


def test_a_merger_keeps_the_lowest_cost():
    found = oligopoly.merger(100, 1, [10, 20, 30], [0, 2])
    assert found.profit_before == near(1000) and found.after.quantities == near([70 / 3, 100 / 3]) and found.profit_after == near(10000 / 9)


# The chain: O6 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("firms", "sold", "price", "up", "down", "part"), [
    (1, 22.5, 77.5, 1012.5, 506.25, 0.75), (2, 30, 70, 1350, 450, 0.8889), (4, 36, 64, 1620, 324, 0.96), (math.inf, 45, 55, 2025, 0, 1)])
def test_double_margins(firms, sold, price, up, down, part):
    found = chain.separate(100, 1, 10, 0, firms)
    assert found[:6] == near((55, price, 0, sold, up, down))
    assert (up + down) / chain.monopoly_profit(100, 1, 10, 0) == printed(part, 4) and chain.profit_share_of_monopoly(firms) == printed(part, 4)


def test_integration_shuts_rivals_out_and_may_lower_the_price_or_raise_it():
    apart, together = chain.separate(100, 1, 10, 0, 4), chain.integrated(100, 1, 10, 0, 3)
    assert together.wholesale_price >= 55 and together.price == near(55) and (together.own_quantity, together.others_quantity) == near((45, 0))
    assert (apart.consumer_surplus, together.consumer_surplus) == near((648, 1012.5))
    assert (chain.herfindahl_downstream(apart, 4), chain.herfindahl_downstream(together, 3)) == near((0.25, 1))
    at_cost, secret = chain.access_at_cost(100, 1, 10, 0, 4), chain.two_part_contracts(100, 1, 10, 0, 4)
    assert (at_cost.price, at_cost.others_quantity, at_cost.profit_up, at_cost.profit_down) == near((28, 72, 0, 4 * 324))
    assert (secret.price, secret.profit_up, secret.profit_down) == near((28, 4 * 324, 0))
    assert chain.integration_price_changes(100, 1, 10, 0, 4) == near((-9, 27))
    assert chain.pass_through(4) == near(0.4)


@pytest.mark.parametrize(("choke", "slope", "up", "down", "firms"), [(100, 1, 10, 0, 4), (60, 2.5, 7, 11, 3), (9, 0.2, 1, 2, 1)])
def test_the_chain_by_searching_the_best_wholesale_price(choke, slope, up, down, firms):
    def maker(w):  # firms downstream by the module for Cournot
        return (w - up) * oligopoly.cournot(choke, slope, [w + down] * firms).quantities.sum()

    found = chain.separate(choke, slope, up, down, firms)
    assert found.profit_up == near(highest(maker, 0, choke), 1e-7)
    assert found.price == near(oligopoly.cournot(choke, slope, [found.wholesale_price + down] * firms).price)

    def group(w):
        market = oligopoly.cournot(choke, slope, [up + down] + [w + down] * firms)
        return market.profits[0] + (w - up) * market.quantities[1:].sum()

    together = chain.integrated(choke, slope, up, down, firms)
    assert together.wholesale_price == near((choke - down + up) / 2)
    assert chain.integrated(choke, slope, up, down, firms, together.wholesale_price - 0.01).others_quantity > 0
    assert together.profit_up == near(highest(group, 0, choke), 1e-7) and together.profit_up == near(chain.monopoly_profit(choke, slope, up, down))
    for w in (0.0, up, 1.4 * up, found.wholesale_price, choke):
        market, by_formula = oligopoly.cournot(choke, slope, [up + down] + [w + down] * firms), chain.integrated(choke, slope, up, down, firms, w)
        assert (by_formula.price, by_formula.own_quantity) == near((market.price, market.quantities[0]))
        assert by_formula.profit_up == near(group(w), abs=1e-8)
    dearer = chain.separate(choke, slope, up + 0.5, down, firms).price - found.price
    assert dearer / 0.5 == near(chain.pass_through(firms), 1e-8)
    at_cost = [chain.access_at_cost(choke, slope, c, down, firms).price for c in (up, up + 0.5)]
    assert (at_cost[1] - at_cost[0]) / 0.5 == near(chain.pass_through_at_cost(firms), 1e-8)


def test_a_chain_that_is_worth_nothing_sells_nothing():
    for found in (chain.separate(10, 1, 8, 5, 2), chain.integrated(10, 1, 8, 5, 2), chain.two_part_contracts(10, 1, 8, 5, 2)):
        assert (found.price, found.quantity, found.profit_up, found.profit_down) == (10, 0, 0, 0)
        assert math.isnan(chain.herfindahl_downstream(found, 2))


# Logit: O7, O25 -------------------------------------------------------------------------------------


def test_bertrand_prices_of_a_logit_before_and_after_a_merger():
    before = logit.bertrand([5, 4, 3], [10] * 3, 0.1)
    assert before.prices == printed([29.558497, 24.344025, 21.698062]) and before.shares == printed([0.488713, 0.302846, 0.145158])
    assert before.outside_share == printed(0.063284) and logit.herfindahl(before.shares) == printed(0.400743)
    after = logit.bertrand([5, 4, 3], [10] * 3, 0.1, weights=logit.common_ownership(3, [0, 1]))
    assert after.prices == printed([36.977497, 36.977497, 23.255170]) and after.shares == printed([0.460070, 0.169250, 0.245577])
    assert logit.herfindahl(before.shares) + logit.paper_change(before.shares, [0, 1]) == printed(0.7381, 4)
    assert logit.herfindahl(before.shares, [0, 1]) == printed(0.7381, 4)
    assert logit.herfindahl(after.shares, [0, 1]) == printed(0.5962, 4)


def test_one_good_by_lambert_and_three_without_an_outside_good():
    price, share = logit.single_price(5, 10, 0.1)
    assert price == printed(42.079400) and share == printed(0.688273)
    alone = logit.bertrand([5], [10], 0.1)
    assert (alone.prices[0], alone.shares[0]) == near((price, share))
    assert logit.bertrand([5, 5, 5], [10] * 3, 0.1, outside=False).prices == near(25)
    assert logit.single_price(2000, 10, 0.1)[0] > 10000, "no number is too large for it"
    assert np.isnan(logit.bertrand([5], [10], 0.1, outside=False).prices).all()
    assert np.isnan(logit.bertrand([5, 4], [10, 9], 0.1, outside=False, weights=np.ones((2, 2))).prices).all()


@pytest.mark.parametrize(("appeals", "costs", "outside"), [([5, 4, 3], [10, 10, 10], True), ([1, 30], [2, 60], True), ([8, -2, 0, 3], [1, 5, 0, 9], False)])
@pytest.mark.parametrize("stake", [0.0, 0.4, 1.0])
def test_no_owner_gains_by_another_logit_price(appeals, costs, outside, stake):
    weights = np.eye(len(costs))
    weights[0, 1] = stake
    found = logit.bertrand(appeals, costs, 0.2, outside, weights)

    def objective(firm, price):
        prices = found.prices.copy()
        prices[firm] = price
        return weights[firm] @ ((prices - costs) * logit.logit_shares(appeals, prices, 0.2, outside))

    for firm in range(len(costs)):
        best = highest(lambda p, firm=firm: objective(firm, p), 0, 3 * found.prices.max())
        assert objective(firm, found.prices[firm]) == near(best, 1e-8)
    if not stake:
        assert logit.bertrand(appeals, costs, 0.2, outside).prices == near(found.prices)
        assert found.prices - costs == near(5 / (1 - found.shares))
    assert found.shares.sum() + found.outside_share == near(1)


@pytest.mark.parametrize(("sizes", "costs", "elasticity", "outside"), [
    ([1, 1, 1], [10, 10, 10], 3, 0), ([1, 2, 3], [10, 12, 9], 3, 0), ([5, 1], [1, 4], 0.6, 0), ([2], [10], 4, 1e-4), ([1, 2, 0.1], [3, 4, 1], 8, 1e-5)])
def test_no_firm_gains_by_another_price_where_spending_is_given(sizes, costs, elasticity, outside):
    found = logit.budget_bertrand(sizes, costs, elasticity, outside)
    assert found.prices == near(np.array(costs) * (1 + 1 / (elasticity * (1 - found.shares))))

    def profit(firm, price):
        prices = found.prices.copy()
        prices[firm] = price
        pull = np.array(sizes) * prices ** -float(elasticity)
        return pull[firm] / (pull.sum() + outside) * (1 - costs[firm] / price)

    for firm, cost in enumerate(costs):
        best = highest(lambda x, firm=firm: profit(firm, math.exp(x)), math.log(cost), math.log(100 * cost))
        assert profit(firm, found.prices[firm]) == near(best, 1e-8)


def test_equal_firms_with_given_spending_and_a_lone_one():
    assert logit.budget_bertrand([1] * 4, [10] * 4, 2).prices == near(10 * (1 + 1 / 1.5))  # s = 1/4
    assert np.isnan(logit.budget_bertrand([1], [10], 2).prices).all()


def test_inertia_by_golden_numbers_and_by_the_matrix_of_moves():
    assert logit.inertia(3, 2) == (printed(0.786986), printed(4.694528), printed(0.680479))
    for options, liking in ((2, 0.0), (5, 1.3), (9, 4.0)):
        found = logit.inertia(options, liking)
        moves = np.exp(liking * np.eye(options))
        moves /= moves.sum(axis=1, keepdims=True)
        assert found.stay == near(moves[0, 0])
        assert found.autocorrelation == near(np.sort(np.linalg.eigvalsh(moves))[-2], abs=1e-12)
        assert found.mean_spell == near(sum(found.stay**n for n in range(4000)))
    alone = logit.inertia(1, 2)
    assert alone.stay == 1 and math.isinf(alone.mean_spell) and math.isnan(alone.autocorrelation)


# Sunk costs: O8 -------------------------------------------------------------------------------------


def test_shares_by_quality():
    found = sutton.quality_cournot(1000, [1.5, 1, 1])
    assert found.profits[0] == near(250) and found.shares == near([0.5, 0.25, 0.25])
    left_out = sutton.quality_cournot(1000, [10, 10, 1])  # by hand: two alone sell a unit of quality at 0.2, the third's costs 1
    assert left_out.shares == near([0.5, 0.5, 0]) and left_out.prices == near([2, 2, 1])  # who stays out asks its cost
    assert sutton.quality_cournot(9, [3]).profits == near([9])


@pytest.mark.parametrize(("qualities", "costs"), [([1.5, 1, 1], 1.0), ([3, 1, 2.5, 2], [1, 2, 1.5, 1]), ([10, 10, 1], 4.0)])
def test_no_firm_gains_by_another_quantity_of_its_quality(qualities, costs):
    found, costs = sutton.quality_cournot(1000, qualities, costs), np.broadcast_to(costs, len(qualities))
    units = found.shares * 1000 / found.prices
    for firm, quality in enumerate(qualities):
        others = units @ np.array(qualities, float) - units[firm] * quality
        best = highest(lambda x, u=quality, c=costs[firm], rest=others: (1000 * u / (u * x + rest) - c) * x, 0, 3000)
        assert found.profits[firm] == near(best, 1e-6, 1e-6)


@pytest.mark.parametrize(("exponent", "limit"), [(2, 2.618034), (3, 3.186141), (4, 3.732051), (6, 4.791288)])
def test_the_number_of_firms_stays_bounded(exponent, limit):
    assert sutton.endogenous_limit(exponent) == printed(limit)
    assert sutton.entry_limit(1e13, 1, 1, exponent).firms == printed(limit)
    for spend in (10, 1e3, 1e6):
        assert sutton.entry_limit(spend, 1 / exponent, 1, exponent).firms == near(sutton.endogenous_limit(exponent))


def test_whole_firms_as_the_market_grows():
    spends = (10, 1e2, 1e3, 1e4, 1e6)
    assert [sutton.entry(s, 1, 1, 2).firms for s in spends] == [2, 2, 2, 2, 2]
    assert [sutton.entry(s, 1, 1, 4).firms for s in spends] == [2, 3, 3, 3, 3]
    assert [sutton.exogenous_firms(s, 1) for s in spends] == [3, 10, 31, 100, 1000]
    assert sutton.entry(4, 1, 2, 3).firms == 2  # quality 1: a profit of 4 / 2^2 just covers an outlay of 1
    assert sutton.symmetric_outlay(1e6, 2, 1, 1, 2) / 1e6 == pytest.approx(1 / 8, rel=1e-5)
    for spend in spends[:3]:
        for exponent in (2, 4):
            assert sutton.deviation_gain(spend, sutton.entry(spend, 1, 1, exponent).firms, 1, 1, exponent) <= 1e-9 * spend


def test_the_regime_switches_where_quality_begins_to_pay():
    spend = sutton.switch_spend(4, 2)
    assert spend == printed(10.7635, 4) and sutton.exogenous_limit(spend, 4) == printed(1.6404, 4)
    below, above = (sutton.entry_limit(factor * spend, 4, 2, 4) for factor in (0.999, 1.001))
    assert (below.regime, above.regime) == ("exogenous", "endogenous") and below.quality == 1 < above.quality


@pytest.mark.parametrize(("spend", "setup", "scale", "exponent"), [(300, 2, 1, 3), (1000, 0.2, 2, 2), (50, 4, 2, 4), (40, 0.05, 5, 2.1), (2, 4, 2, 4)])
def test_entry_stops_where_profit_falls_to_the_outlay(spend, setup, scale, exponent):
    found = sutton.entry_limit(spend, setup, scale, exponent)
    n = max(found.firms, 1)
    if found.firms > 1:
        assert spend / n**2 == near(sutton.symmetric_outlay(spend, n, setup, scale, exponent), 1e-9)
        path = [spend / x**2 - sutton.symmetric_outlay(spend, x, setup, scale, exponent) for x in np.linspace(1, n - 1e-4, 500)]
        assert min(path) > 0, "nobody before made a loss"
    assert sutton.entry(spend, setup, scale, exponent).firms == math.floor(found.firms)


def test_the_symmetric_quality_is_best_against_itself():
    # a search over the quality of one of three; exponent and scale of the sheet
    spend, firms, scale, exponent = 500.0, 3, 2.0, 3.0
    own = sutton.symmetric_quality(spend, firms, scale, exponent)

    def net(u):
        return sutton.quality_cournot(spend, [u, own, own]).profits[0] - sutton.outlay(u, 1, scale, exponent)

    assert net(own) == near(highest(net, 1, 4 * own), 1e-9) and own > 1
    assert sutton.deviation_gain(40, 31, 0.04, 4.9, 2.1) > 1, "many firms of low quality would each gain by more of it"


# Contests: O19 --------------------------------------------------------------------------------------


def test_equal_contestants():
    assert contest.symmetric(100, 4, 1) == near((18.75, 75, 6.25))
    assert contest.symmetric(100, 4, 1.2)[::2] == near((22.5, 2.5))
    assert contest.symmetric(100, 5, 1.25).payoff == near(0) and contest.symmetric(100, 6, 1.25).payoff == printed(-0.694, 3)
    assert [contest.participation_bound(r) for r in (1.25, 1.5, 2)] == near([5, 3, 2]) and math.isinf(contest.participation_bound(1))
    spent = contest.symmetric(100, 6, 1.25).spending
    assert contest.best_reply(100, [spent] * 5, 1.25) == 0
    assert [contest.free_entry(value, 100, 1.0) for value in (1e4, 1e6)] == [10, 100]
    assert [contest.free_entry(value, 100, 1.25) for value in (1e4, 1e6)] == [4, 4]
    assert math.isinf(contest.free_entry(100, 0, 1)) and contest.free_entry(100, 0, 1.5) == 3 and contest.free_entry(50, 100, 1) == 0


@pytest.mark.parametrize(("value", "fixed", "decisiveness"), [(1e4, 100, 0.6), (5e3, 7, 1.1), (300, 2, 1.9), (1e3, 37, 1.0)])
def test_free_entry_to_a_contest_by_trying_every_number(value, fixed, decisiveness):
    earn = [n for n in range(1, 300) if contest.symmetric(value, n, decisiveness).payoff >= fixed]
    assert contest.free_entry(value, fixed, decisiveness) == max(earn) < 299


@pytest.mark.parametrize("decisiveness", [0.3, 0.95, 1.0, 1.2, 1.9, 3.0])
@pytest.mark.parametrize("others", [[10.0], [3.0, 0.0, 30.0], [80.0, 90.0], [0.01]])
def test_the_best_reply_by_search(decisiveness, others):
    reply = contest.best_reply(120, others, decisiveness, 1.5)

    def earns(log_own):
        return contest.payoff(120, math.exp(log_own), others, decisiveness, 1.5)

    assert contest.payoff(120, reply, others, decisiveness, 1.5) == near(max(0.0, highest(earns, -25, 5)), 1e-8, 1e-8)
    assert math.isnan(contest.best_reply(120, [0.0], decisiveness))


def test_unequal_contestants_by_golden_numbers():
    two = contest.unequal([100, 50], 1, 1)
    assert two.spending == printed([22.222, 11.111], 3) and two.chances[0] == near(2 / 3)
    four = contest.unequal(100, [1, 1.2, 2, 5], 1)
    assert four.total == printed(47.619, 3) and four.chances == printed([0.523810, 0.428571, 0.047619, 0]) and four.herfindahl == printed(0.460317)
    for r in (1 - 1e-9, 1 + 1e-9):
        assert contest.unequal([100, 50], 1, r).spending == pytest.approx(two.spending, rel=1e-6)


@pytest.mark.parametrize("decisiveness", [0.4, 0.9, 1.0, 1.15, 1.3])
@pytest.mark.parametrize(("values", "costs"), [([100, 50], 1.0), (100, [1, 1.2, 2, 5]), ([30, 80, 75], [1, 2, 2]), (60, [1.0] * 3)])
def test_no_contestant_gains_by_spending_otherwise(decisiveness, values, costs):
    found = contest.unequal(values, costs, decisiveness)
    values, costs = np.broadcast_arrays(np.asarray(values, float), costs)
    assert found.chances.sum() == near(1) and (found.payoffs >= -1e-9).all()
    power = found.spending**decisiveness
    assert found.chances == near(power / power.sum())
    for i, (value, cost) in enumerate(zip(values, costs, strict=True)):
        others = np.delete(found.spending, i)

        def earns(log_own, value=value, others=others, cost=cost):
            return contest.payoff(value, math.exp(log_own), others, decisiveness, cost)

        assert found.payoffs[i] == near(max(0.0, highest(earns, -25, 6)), 1e-7, 1e-7)


def test_contests_without_and_with_just_an_equilibrium():
    assert contest.unequal(100, [1] * 5, 1.25).spending == near([20] * 5)  # payoffs are 0
    assert np.count_nonzero(contest.unequal(100, [1] * 7, 1.25).spending) == 5
    assert contest.unequal(100, [1, 1], 2).payoffs == near([0, 0])
    weak = contest.unequal([100, 50], 1, 1.38)  # two have a pure equilibrium up to r = 1 + (V2 / V1)^r, 1.383 (Nti 1999)
    assert weak.spending[0] == near(2 * weak.spending[1]) and 0 < weak.payoffs[1] < 1
    for none in (contest.unequal([100, 50], 1, 1.39), contest.unequal(100, [1, 1], 2.1), contest.unequal(100, [1], 1), contest.unequal(100, [1], 0.5)):
        assert np.isnan(none.spending).all()


def test_where_the_highest_spender_wins():
    assert contest.all_pay(100, 2)[:2] == (near(100), printed(66.67, 2)) and contest.all_pay(100, 4).highest == printed(57.14, 2)
    for firms in (2, 3, 7):
        expected = contest.all_pay(100, firms)

        def chance(x, firms=firms):
            return contest.all_pay_chance(x, 100, firms)

        assert firms * quad(lambda x, chance=chance: 1 - chance(x), 0, 100)[0] == near(expected.total, 1e-6)
        assert quad(lambda x, chance=chance, n=firms: 1 - chance(x) ** n, 0, 100)[0] == near(expected.highest, 1e-6)
        for x in (5, 50, 99):  # any spending earns nothing against the others
            assert 100 * chance(x) ** (firms - 1) - x == near(expected.payoff)
    assert contest.all_pay(100, 1) == (0, 0, 100)


def test_a_loss_map_is_less_decisive_the_more_compute_there_is():
    at_1e24 = 1.911195 - 1.69
    assert contest.effective_decisiveness(1, 0.153548, at_1e24) == printed(0.0340, 4)
    at_1e26 = at_1e24 * 0.702185**2
    assert contest.effective_decisiveness(1, 0.153548, at_1e26) == pytest.approx(0.0168, abs=1e-4)
    # a second route: the slope of -b L in the logarithm of compute, 3 * 0.4 C^-0.2 at C = 7
    slope = (-3 * 0.4 * (7 * 1.0001) ** -0.2 + 3 * 0.4 * (7 / 1.0001) ** -0.2) / (2 * math.log(1.0001))
    assert contest.effective_decisiveness(3, 0.2, 0.4 * 7**-0.2) == pytest.approx(slope, rel=1e-7)
    assert all(a > b for a, b in pairwise(contest.effective_decisiveness(1, 0.15, loss) for loss in (0.3, 0.2, 0.1)))

"""Textbook answers on technology, chance, power, queues, sharing and estimators: printed numbers, and each by a second route."""

import ast
import itertools
import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

import market_abm
from market_abm.oracles.closed_forms import electricity, estimators, luck, queues, rationing, selection, technology

FOLDER = Path(market_abm.__file__).parent / "oracles" / "closed_forms"
MODULES = (electricity, estimators, luck, queues, rationing, selection, technology)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_they_share_no_code_with_the_model_and_say_their_source(module):
    tree = ast.parse(Path(module.__file__).read_text())
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if not node.level else ["a relative import"]
        for name in names:
            assert name.partition(".")[0] in {*sys.stdlib_module_names, "numpy", "scipy"}, name
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    assert functions and all("Source:" in ast.get_docstring(node) for node in functions)


# Selection (O10) ---------------------------------------------------------------------------------------


def test_selection_as_printed():
    assert selection.cutoff(4, 3, 1, 2.5, 0.1) == pytest.approx(math.sqrt(2.0), rel=1e-12)  # (2 / 2 / .25)^(1/4)
    assert selection.chance_of_staying(4, 3, 1, 2.5, 0.1) == pytest.approx(0.25, rel=1e-12)
    assert selection.survival(np.array([0, 1, 2]), 0.25, 0.1) == pytest.approx([0.25, 0.225, 0.2025], rel=1e-12)
    assert selection.steady_entrants(50, 0.25, 0.1) == pytest.approx(20.0)  # 20 entrants, 5 stay, 5 of 50 die


@pytest.mark.parametrize("case", [(4, 3, 1, 2.5, 0.1), (5.5, 2.2, 0.7, 3.0, 0.04), (3.1, 3.0, 2.0, 9.0, 0.2), (4, 3, 1, 40.0, 0.1), (9.0, 1.5, 1.0, 6.0, 0.3)])
def test_at_the_cutoff_free_entry_pays_exactly(case):
    shape, substitution, fixed, entry, death = case
    cutoff = selection.cutoff(*case)
    # Profit times the density of the logarithm u of a draw, from the first that stays.
    power = substitution - 1
    profit = lambda u: fixed * shape * (math.exp((power - shape) * u) / cutoff**power - math.exp(-shape * u))
    start = math.log(max(1.0, cutoff))
    worth, _ = integrate.quad(profit, start, start + 60, limit=500, epsabs=1e-13, epsrel=1e-11)
    assert worth / death == pytest.approx(entry, rel=1e-8)
    assert selection.chance_of_staying(*case) == pytest.approx(min(1.0, cutoff**-shape))


def test_where_entry_is_dear_everybody_stays_and_units_scale():
    assert selection.cutoff(4, 3, 1, 40.0, 0.1) < 1.0 and selection.chance_of_staying(4, 3, 1, 40.0, 0.1) == 1.0
    assert selection.cutoff(4, 3, 1, 2.5, 0.1, lowest=3.0) == pytest.approx(3.0 * math.sqrt(2.0))
    with pytest.raises(ValueError, match="shape must be above"):
        selection.cutoff(2, 3, 1, 2.5, 0.1)


# Luck (O11) --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("law", "density"), [("logistic", stats.logistic), ("normal", stats.norm)])
@pytest.mark.parametrize("scale", [0.03, 0.1, 0.3])
def test_moments_of_growth_by_integration(law, density, scale):
    moment = lambda function: integrate.quad(lambda x: function(x) * density.pdf(x, scale=scale), -60 * scale, 60 * scale, epsabs=1e-13, limit=400)[0]
    first, second = moment(math.exp), moment(lambda x: math.exp(2 * x))
    assert luck.growth_moment(1.0, scale, law) == pytest.approx(first, rel=1e-9)
    assert luck.log_size_variance(scale, 7, law) == pytest.approx(7 * moment(lambda x: x * x), rel=1e-9)
    assert luck.scaled_hhi_limit(scale, 7, law) == pytest.approx((second / first**2) ** 7, rel=1e-7)
    tilted = moment(lambda x: x * math.exp(x)) / first  # Theil: E[x ln x] / E[x] - ln E[x], additive over steps
    assert luck.theil_limit(scale, 7, law) == pytest.approx(7 * (tilted - math.log(first)), rel=1e-7)


def test_growth_as_printed():
    assert luck.scaled_hhi_limit(0.1, 50, "normal") / 1000 == pytest.approx(0.00164872, abs=5e-9)
    assert luck.lognormal_gini(math.sqrt(0.5)) == pytest.approx(0.382925, abs=5e-7)
    assert luck.lognormal_theil(math.sqrt(0.5)) == pytest.approx(0.25)
    assert luck.log_size_variance(0.1, 50, "normal") == pytest.approx(0.5)
    assert luck.log_size_variance(0.2, 3) == pytest.approx(0.04 * math.pi**2)


def test_growth_without_spread_and_with_too_much():
    for law in ("logistic", "normal"):
        assert luck.scaled_hhi_limit(0.0, 9, law) == 1.0 and luck.theil_limit(0.0, 9, law) == 0.0
    assert math.isinf(luck.scaled_hhi_limit(0.5, 1)) and math.isinf(luck.theil_limit(1.0, 1))
    for function in (luck.growth_moment, luck.log_size_variance, luck.theil_limit):
        with pytest.raises(ValueError, match="take one of logistic, normal"):
            function(1.0, 0.1, "cauchy")


def test_the_gini_of_a_lognormal_by_integration():
    deviation = 0.8  # E|X - Y| / (2 E X) = 1 - 2 P(tilted X < Y), over both quantiles by the midpoint rule
    grid = stats.norm.ppf((np.arange(2000) + 0.5) / 2000) * deviation
    sizes = np.exp(grid)
    gap = np.abs(sizes[:, None] - sizes[None, :]).mean() / (2 * sizes.mean())
    assert luck.lognormal_gini(deviation) == pytest.approx(gap, abs=1e-3)


def within(found, expected, spare=0.0):
    return abs(found.mean - expected) <= 4 * found.standard_error + spare


# Printed means are simulated themselves: as many replicates are allowed for, and their last digit.
@pytest.mark.parametrize(("steps", "hhi"), [(50, 0.07734), (100, 0.10983), (400, 0.28546)])
def test_twenty_lucky_firms_as_printed(steps, hhi):
    found = luck.gibrat_reference(20, 0.1, steps, 4000, 7, "normal")
    assert within(found["hhi"], hhi, 1.5 * found["hhi"].standard_error)
    if steps == 400:
        assert within(found["cr4"], 0.788, 1.5 * found["cr4"].standard_error)


def test_many_lucky_firms_are_close_to_the_limit():
    found = luck.gibrat_reference(1000, 0.1, 50, 150, 8, "normal")
    assert within(found["hhi"], 0.0016486, 1.6e-6)
    assert within(found["gini"], 0.382925, 4e-4) and within(found["theil"], 0.25, 6e-4)  # spare: order 1/n
    scale = 0.1 * math.sqrt(3) / math.pi  # the logistic of the same variance
    found = luck.gibrat_reference(1000, scale, 50, 150, 9)
    assert within(found["hhi"], luck.scaled_hhi_limit(scale, 50) / 1000, 1.6e-6)
    assert within(found["theil"], luck.theil_limit(scale, 50), 6e-4)


@pytest.mark.parametrize(("law", "density"), [("logistic", stats.logistic), ("normal", stats.norm)])
def test_two_lucky_firms_by_integration(law, density):
    grid = density.ppf((np.arange(1500) + 0.5) / 1500, scale=0.6)
    share = 1.0 / (1.0 + np.exp(grid[:, None] - grid[None, :]))
    found = luck.gibrat_reference(2, 0.6, 1, 40000, np.random.default_rng(5), law)
    assert within(found["hhi"], (share**2 + (1 - share) ** 2).mean(), 1e-5)
    assert within(found["gini"], np.abs(share - 0.5).mean(), 1e-5)  # for two: the larger share less one half
    assert found["cr4"] == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-12))


def test_an_estimate_is_a_mean_with_its_error():
    assert luck.estimate([1.0, 2.0, 3.0, 6.0]) == pytest.approx((3.0, math.sqrt(14 / 3 / 4)))
    assert math.isnan(luck.estimate([1.0]).standard_error)


# Random entry (O12) ------------------------------------------------------------------------------------


def test_yule_and_simon_as_printed():
    assert luck.yule_simon_chance(np.array([1, 2]), 0.2) == pytest.approx([0.55556, 0.17094], abs=5e-6)
    assert luck.yule_simon_chance(1, 0.2) == pytest.approx(1.25 / 2.25)  # r / (r + 1)
    assert luck.yule_simon_tail(10, 0.2) == pytest.approx(0.06275, abs=5e-6)


@pytest.mark.parametrize("new_share", [0.05, 0.2, 0.7])
def test_yule_and_simon_by_recursion(new_share):
    exponent, chance, below = 1 / (1 - new_share), None, 0.0
    for size in range(1, 40):
        chance = exponent / (exponent + 1) if size == 1 else chance * (size - 1) / (size + exponent)
        assert luck.yule_simon_chance(size, new_share) == pytest.approx(chance, rel=1e-10)
        assert luck.yule_simon_tail(size, new_share) == pytest.approx(1 - below, abs=1e-10)
        below += chance


def test_counts_after_few_and_many_units():
    a = 0.3  # by hand: of three units, sizes 1+1+1, 2+1 (three ways) or 3
    assert luck.yule_simon_counts(a, 1, 3) == pytest.approx([1, 0, 0])
    expected = [3 * a * a + (a * (1 - a) + (1 - a) * a), 2 * a * (1 - a), (1 - a) ** 2]
    assert luck.yule_simon_counts(a, 3, 3) == pytest.approx(expected)
    counts = luck.yule_simon_counts(0.2, 300, 300)
    assert counts.sum() == pytest.approx(1 + 0.2 * 299) and counts @ np.arange(1, 301) == pytest.approx(300)
    late = luck.yule_simon_counts(0.2, 50_000, 12)
    assert late / (1 + 0.2 * 49_999) == pytest.approx(luck.yule_simon_chance(np.arange(1, 13), 0.2), rel=2e-3)


# Urns (O13) --------------------------------------------------------------------------------------------


def test_polya_as_printed():
    assert luck.polya_hhi(4, 100) == pytest.approx(0.394231, abs=5e-7)
    assert luck.polya_hhi(4, 1000) == pytest.approx(0.399402, abs=5e-7)
    assert luck.polya_hhi(4, 10**9) == pytest.approx(0.4, abs=1e-8)
    assert luck.urn_hhi(4, 100) == pytest.approx(0.394231, abs=5e-7)


@pytest.mark.parametrize(("colours", "draws", "start"), [(4, 30, 1.0), (3, 40, 0.25), (2, 50, 7.5), (4, 0, 2.0), (1, 5, 1.0)])
def test_two_ways_to_the_linear_urn(colours, draws, start):
    assert luck.urn_hhi(colours, draws, 1.0, start) == pytest.approx(luck.polya_hhi(colours, draws, start), rel=1e-10)


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 0.5, 1.0, 1.7, 2.0])
def test_an_urn_by_every_path(exponent):
    colours, draws, start = 3, 6, 0.8
    mean, leads, whole = 0.0, 0.0, colours * start + draws
    for path in itertools.product(range(colours), repeat=draws):
        held, chance = [start] * colours, 1.0
        for colour in path:
            chance *= held[colour] ** exponent / sum(x**exponent for x in held)
            held[colour] += 1
        mean += chance * sum((x / whole) ** 2 for x in held)
        leads += chance * (max(held) / whole > 0.5)
    assert luck.urn_hhi(colours, draws, exponent, start) == pytest.approx(mean, rel=1e-10)
    assert luck.urn_leader_above(0.5, colours, draws, exponent, start) == pytest.approx(leads, rel=1e-10)


def test_leaders_of_two_colours_are_uniform_and_of_a_steep_urn_alone():
    # One ball each, linear: every count from 0 to n is as likely, so the leader has n/2 once and any more twice.
    shares, chances = luck.urn_leader(2, 10)
    assert shares == pytest.approx(np.arange(6, 12) / 12) and chances == pytest.approx(np.array([1, 2, 2, 2, 2, 2]) / 11)
    assert luck.urn_hhi(4, 60, 80.0) > 0.87  # the first drawn takes all but one each: (61^2 + 3) / 64^2 = .9092, less 5e-24
    assert luck.urn_hhi(4, 60, 80.0) == pytest.approx((61**2 + 3) / 64**2, rel=1e-10)
    assert sum(luck.urn_distribution(4, 60, 2.0).values()) == pytest.approx(1.0, abs=1e-12)


def test_drawn_urns_agree_with_the_exact_ones():
    for exponent in (0.5, 1.0, 2.0):
        hhi, leader = luck.urn_reference(4, 60, exponent, 4000, 11, start=0.5)
        assert within(luck.estimate(hhi), luck.urn_hhi(4, 60, exponent, 0.5))
        assert within(luck.estimate(leader > 0.7), luck.urn_leader_above(0.7, 4, 60, exponent, 0.5))


def test_three_regimes_as_printed():
    even, _ = luck.urn_reference(4, 2000, 0.5, 1000, 3)
    assert even.mean() == pytest.approx(0.2525, abs=5e-4)
    steep, leader = luck.urn_reference(4, 2000, 2.0, 2000, 3)
    assert within(luck.estimate(steep), 0.9865, 2e-3)  # printed from as many draws
    assert within(luck.estimate(leader > 0.9), 0.991, 4 * math.sqrt(0.991 * 0.009 / 4000))


def test_lots_divided_by_weight():
    assert luck.divided_lots([3, 1, 0], 4, 1.0, 5) == pytest.approx([18, 6, 0])
    assert luck.divided_lots([3, 1], 10, 2.0, 1) == pytest.approx([12, 2])  # 9 : 1
    once = luck.divided_lots([4, 1], 6, 0.5, 1)
    assert once == pytest.approx([8, 3])  # 2 : 1


# Replicator (O14) --------------------------------------------------------------------------------------


def test_the_replicator_as_printed_and_as_a_differential_equation():
    shares = luck.replicator([0.5, 0.5], [0.1, 0.0], 50)
    assert shares[0] == pytest.approx(0.993307, abs=5e-7) and (shares**2).sum() == pytest.approx(0.986704, abs=5e-7)
    start, fitness = np.array([0.2, 0.5, 0.3]), np.array([0.3, -0.1, 0.05])
    path = integrate.solve_ivp(lambda _, s: s * (fitness - s @ fitness), (0, 8), start, rtol=1e-11, atol=1e-13)
    assert luck.replicator(start, fitness, 8) == pytest.approx(path.y[:, -1], rel=1e-8)
    assert luck.replicator([0.5, 0.5, 0.0], [1e5, 0, 1e9], 1).tolist() == [1.0, 0.0, 0.0]


def test_the_sign_of_competitiveness():
    assert luck.replicator_by_price([0.5, 0.5], [1.0, 1.2], 0.5, 30)[0] == pytest.approx(0.950, abs=5e-4)
    assert luck.replicator_by_price([0.5, 0.5], [1.0, 1.2], -0.5, 30)[0] == pytest.approx(0.065, abs=5e-4)
    assert luck.replicator_by_price([0.5, 0.5], [1.0, 3.0], 1.0, 1) == pytest.approx([0.75, 0.25])  # 1 + 1/2, 1 - 1/2


# Technology (O15, O18) ---------------------------------------------------------------------------------


def test_wright_as_printed():
    exponent = technology.learning_exponent(0.2)
    assert exponent == pytest.approx(0.321928, abs=5e-7) and technology.learning_rate(exponent) == pytest.approx(0.2)
    assert technology.unit_cost(1.0, 1024, exponent) == pytest.approx(0.8**10) == pytest.approx(0.107374, abs=5e-7)
    assert technology.total_cost(1.0, 1024, exponent) == pytest.approx(161.257, abs=5e-4)
    assert technology.total_cost(1.0, 1024, exponent) / 1024 == pytest.approx(0.157478, abs=5e-7)
    assert technology.total_cost(5.0, 2, exponent) == pytest.approx(9.0)
    assert technology.unit_cost(1.0, np.array([1.0, 2.0, 4.0]), exponent) == pytest.approx([1, 0.8, 0.64])  # 20% a year


def test_the_cost_path_of_constant_output():
    exponent = technology.learning_exponent(0.3)
    path = technology.cost_path(50.0, 200.0, 100.0, exponent, 6)
    assert len(path) == 7 and path[[0, 2, 6]] == pytest.approx([50, 35, 24.5])  # 200, 400, 800
    assert technology.cost_path(50.0, 200.0, 100.0, 0.0, 3) == pytest.approx([50] * 4)


def test_chinchilla_as_printed():
    run = technology.best_run(technology.HOFFMANN, 1e24)
    assert (run.parameters, run.tokens) == (pytest.approx(4.12967e10, rel=1e-5), pytest.approx(4.03583e12, rel=1e-5))
    assert run.tokens / run.parameters == pytest.approx(97.73, abs=5e-3) and run.loss == pytest.approx(1.911195, abs=5e-7)
    assert technology.scaling_exponent(technology.HOFFMANN) == pytest.approx(0.153548, abs=5e-7)
    assert technology.reducible_loss_ratio(technology.HOFFMANN, 10) == pytest.approx(0.702185, abs=5e-7)
    refit = technology.best_run(technology.BESIROGLU, 1e24)
    assert refit.tokens / refit.parameters == pytest.approx(18.14, abs=5e-3) and refit.loss == pytest.approx(1.959712, abs=5e-7)


LAWS = (technology.HOFFMANN, technology.BESIROGLU, technology.ScalingLaw(1.0, 100.0, 900.0, 0.5, 0.25))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("compute", [1e20, 1e24, 1e28])
def test_no_other_division_of_compute_is_better(law, compute):
    run = technology.best_run(law, compute)
    assert 6 * run.parameters * run.tokens == pytest.approx(compute, rel=1e-12)
    assert run.loss == technology.loss(law, run.parameters, run.tokens) and run.loss == pytest.approx(law.floor + run.reducible_loss)
    slope = lambda u: law.token_exponent * law.token_loss * math.exp(-law.token_exponent * u) - law.parameter_exponent * law.parameter_loss * (
        compute / 6 / math.exp(u)) ** -law.parameter_exponent  # of loss in -ln D; 0 at the best
    assert math.exp(optimize.brentq(slope, 0, 80, xtol=1e-13)) == pytest.approx(run.tokens, rel=1e-10)
    more = technology.best_run(law, 7 * compute)
    assert more.reducible_loss / run.reducible_loss == pytest.approx(technology.reducible_loss_ratio(law, 7), rel=1e-10)
    assert technology.flop_that_uses(law, run.tokens) == pytest.approx(compute, rel=1e-10)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("beyond", [1.000001, 1.5, 1e2, 1e5])
def test_with_too_few_tokens(law, beyond):
    tokens = 3e12
    compute = beyond * technology.flop_that_uses(law, tokens)
    run = technology.best_run(law, compute, tokens)
    assert run.tokens == tokens and run.parameters == pytest.approx(compute / 6 / tokens, rel=1e-12)
    # A second route to the worth: reducible loss is a power of compute.
    free = technology.best_run(law, compute)
    worth = compute * (run.reducible_loss / free.reducible_loss) ** (-1 / technology.scaling_exponent(law))
    assert technology.worth_flop(law, compute, tokens) == pytest.approx(worth, rel=1e-10)
    assert technology.worth_flop(law, compute, tokens) <= compute
    up, down = (technology.worth_flop(law, compute * math.exp(h), tokens) for h in (1e-7, -1e-7))
    assert technology.worth_elasticity(law, compute, tokens) == pytest.approx(math.log(up / down) / 2e-7, abs=2e-6)


def test_with_enough_tokens_a_run_is_worth_its_compute():
    assert technology.worth_flop(technology.HOFFMANN, 1e24, 5e12) == 1e24 and technology.worth_elasticity(technology.HOFFMANN, 1e24, 5e12) == 1.0
    assert technology.best_run(technology.HOFFMANN, 1e24, 5e12) == technology.best_run(technology.HOFFMANN, 1e24)


# Electricity (O16, O20) --------------------------------------------------------------------------------

STACK = ([100, 50, 80, 60], [0, 20, 40, 90])


def test_the_merit_order_as_printed():
    at_200, at_240, at_300 = (electricity.dispatch(*STACK, load, 500) for load in (200, 240, 300))
    assert (at_200.price_usd, at_200.cost_usd, at_200.rent_usd, at_200.bill_usd) == pytest.approx((40, 3000, 5000, 8000))
    assert (at_240.price_usd, at_240.bill_usd, at_240.rent_usd) == pytest.approx((90, 21600, 16500))
    assert (at_300.unserved_mw, at_300.price_usd, at_300.bill_usd) == pytest.approx((10, 500, 145_000))
    assert at_200.output_mw == pytest.approx([100, 50, 50, 0])


def test_at_an_exact_step_the_last_plant_used_sets_the_price():
    found = electricity.dispatch(*STACK, 150, 500)
    assert (found.price_usd, found.lowest_price_usd, found.highest_price_usd) == pytest.approx((20, 20, 40))
    found = electricity.dispatch([0.1, 0.2, 5], [3, 7, 11], 0.3, 500)  # .1 + .2 is not .3 in binary
    assert (found.price_usd, found.highest_price_usd) == pytest.approx((7, 11))
    found = electricity.dispatch(*STACK, 290, 500)
    assert (found.price_usd, found.highest_price_usd, found.unserved_mw) == pytest.approx((90, 500, 0))
    found = electricity.dispatch(*STACK, 290 * (1 + 1e-8), 500)  # beyond the step by less than a solver's usual tolerance
    assert (found.price_usd, found.unserved_mw) == (500, pytest.approx(2.9e-6, rel=1e-3))
    found = electricity.dispatch(*STACK, 0, 500)
    assert (found.price_usd, found.bill_usd, found.output_mw.sum()) == (0, 0, 0)
    found = electricity.dispatch([0, 0.5, 70], [3, 20, 60], 0, 500)  # without load every price up to the cheapest plant's clears
    assert (found.price_usd, found.lowest_price_usd, found.highest_price_usd, found.rent_usd) == (0, 0, 20, 0)


def test_no_plant_dearer_than_the_cap_runs():
    found = electricity.dispatch([10, 10], [5, 900], 15, 500)
    assert found.output_mw == pytest.approx([10, 0]) and (found.unserved_mw, found.price_usd) == pytest.approx((5, 500))
    assert electricity.dispatch([0, 0], [5, 9], 15, 500).unserved_mw == pytest.approx(15)


plants = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 120)), min_size=1, max_size=7)


@settings(max_examples=60, deadline=None)
@given(plants, st.integers(1, 400).map(lambda x: x + 0.37), st.sampled_from([1e-3, 1.0, 1e5]))
def test_cheapest_first_gives_the_same(stack, load, size):
    capacity, cost = np.array(stack, float).T
    found = electricity.dispatch(capacity * size, cost, load * size, 500)
    left, price, spent = load, 0.0, 0.0
    for place in np.argsort(cost, kind="stable"):
        output = min(left, capacity[place])
        left, spent, price = left - output, spent + output * cost[place], cost[place] if output > 0 else price
    assert found.price_usd == pytest.approx(500 if left > 0 else price, rel=1e-10, abs=1e-10)
    assert found.cost_usd == pytest.approx(spent * size, rel=1e-9, abs=1e-9 * size)
    assert found.unserved_mw == pytest.approx(left * size, rel=1e-9, abs=1e-9 * size)
    assert found.bill_usd == pytest.approx(found.cost_usd + found.rent_usd, rel=1e-10, abs=1e-9 * size)


def test_the_double_auction_as_printed():
    found = electricity.double_auction((5, 6, 7, 8, 9, 10), (8, 3, 5, 4, 7, 6))
    assert found == (4, 6, 7, 16) and found.middle_price_usd == 6.5
    nothing = electricity.double_auction((2, 1), (3, 4))
    assert (nothing.traded, nothing.gains_usd) == (0, 0) and math.isnan(nothing.middle_price_usd)


def test_the_double_auction_with_steps():
    # 5 wanted at 10 and 4 at 6; 3 offered at 2 and 4 at 6: 7 are traded, of which 2 among equals, and 2 at 6 stay wanted.
    assert electricity.double_auction((10, 6), (2, 6), (5, 4), (3, 4)) == (7, 6, 6, 3 * 8 + 2 * 4)
    assert electricity.double_auction((10,), (2,), (3,), (5,)) == (3, 2, 2, 24)  # offers are left: their cost is the price
    assert electricity.double_auction((10,), (2,), (5,), (3,)) == (3, 10, 10, 24)
    assert electricity.double_auction((9, 1), (2, 8, 5), (0.1 + 0.2, 1), (0.1, 9, 0.2)).highest_price_usd == 8


@given(st.lists(st.integers(0, 30), min_size=1, max_size=7), st.lists(st.integers(0, 30), min_size=1, max_size=7))
def test_the_double_auction_takes_all_gains_and_its_prices_clear(values, costs):
    found = electricity.double_auction(values, costs)
    value, cost = np.array(values, float), np.array(costs, float)
    rows, columns = optimize.linear_sum_assignment(np.maximum(0, value[:, None] - cost[None, :]), maximize=True)
    assert found.gains_usd == np.maximum(0, value[rows] - cost[columns]).sum()
    if found.traded:
        for price in (found.lowest_price_usd, found.middle_price_usd, found.highest_price_usd):
            assert (value > price).sum() <= found.traded <= (value >= price).sum()
            assert (cost < price).sum() <= found.traded <= (cost <= price).sum()


# Queues (O17) ------------------------------------------------------------------------------------------


def test_random_queues_as_printed():
    found = queues.many_servers(4, 1, 5)
    assert found == pytest.approx((0.554113, 0.554113, 1.554113, 6.216450), abs=5e-7)
    assert queues.many_servers(0.8, 1, 1).wait == pytest.approx(4) and queues.fixed_service(0.8, 1).wait == pytest.approx(2)
    assert queues.many_servers(0.8, 1, 1).waiting_chance == pytest.approx(0.8)
    assert queues.fixed_service(1.6, 2).wait == pytest.approx(1)  # twice as fast, half the wait
    assert queues.fixed_service(0.8, 1).waiting_chance == pytest.approx(0.8)
    for overrun in (queues.many_servers(5, 1, 5), queues.fixed_service(1, 1)):
        assert overrun.waiting_chance == 1 and math.isinf(overrun.wait) and math.isinf(overrun.number_in_system)


@pytest.mark.parametrize(("arrivals", "service", "servers"), [(4, 1, 5), (0.3, 0.5, 1), (7, 2, 4), (10, 1, 16)])
def test_many_servers_by_balance_of_flows(arrivals, service, servers):
    weights = [1.0]
    for number in range(1, 3000):
        weights.append(weights[-1] * arrivals / (service * min(number, servers)))
    chances = np.array(weights) / math.fsum(weights)
    found = queues.many_servers(arrivals, service, servers)
    assert found.waiting_chance == pytest.approx(chances[servers:].sum(), rel=1e-10)
    assert found.number_in_system == pytest.approx(chances @ np.arange(3000), rel=1e-10)


def test_fixed_service_by_its_chain_of_departures():
    arrived = stats.poisson.pmf(np.arange(201), 0.8)
    step = np.array([[arrived[j - max(i - 1, 0)] if j >= max(i - 1, 0) else 0.0 for j in range(200)] for i in range(200)])
    step[:, -1] += 1 - step.sum(axis=1)
    chances = np.linalg.lstsq(np.vstack([step.T - np.eye(200), np.ones(200)]), np.append(np.zeros(200), 1.0), rcond=None)[0]
    assert queues.fixed_service(0.8, 1).number_in_system == pytest.approx(chances @ np.arange(200), rel=1e-8)


def played(burst, slots, growth, study, lead, quarters, rate=0.0):
    """Play the quarterly queue by hand, exactly, and return granted and energised MW and the wait of each MW."""
    waiting, granted, energised, waits = [], [0] * (quarters + lead + 1), [], []
    for quarter in range(quarters):
        waiting.append([quarter, Fraction(burst if quarter == 0 else 0) + Fraction(rate)])
        left = Fraction(slots) * Fraction(growth) ** quarter
        for request in waiting:
            if quarter - request[0] >= study:
                given = min(request[1], left)
                request[1], left = request[1] - given, left - given
                granted[quarter] += given
                waits += [(quarter + lead, given)]
        energised.append(sum(granted[: max(0, quarter - lead + 1)]))
    return [sum(granted[: q + 1]) for q in range(quarters)], energised, waits


@pytest.mark.parametrize("growth", [1, Fraction(21, 20), Fraction(3, 2), Fraction(9, 10)])
@pytest.mark.parametrize(("study", "lead"), [(0, 0), (1, 3), (2, 5)])
def test_a_burst_played_by_hand(growth, study, lead):
    burst, slots = 37, 5
    granted, energised, waits = played(burst, slots, growth, study, lead, 30)
    options = {"growth": float(growth), "study_quarters": study}
    for quarter in range(30):
        assert queues.burst_granted_mw(quarter, burst, slots, **options) == pytest.approx(float(granted[quarter]), abs=1e-10)
        assert queues.burst_energised_mw(quarter, burst, slots, lead, **options) == pytest.approx(float(energised[quarter]), abs=1e-10)
    served = float(sum(mw for _, mw in waits))
    for place in np.arange(0.5, served, 1.0):
        passed = np.cumsum([float(mw) for _, mw in waits])
        expected = next(wait for (wait, _), end in zip(waits, passed, strict=True) if place <= end)
        assert queues.burst_wait_quarters(place, slots, lead, **options) == expected
    mean = float(sum(wait * mw for wait, mw in waits) / sum(mw for _, mw in waits))
    assert queues.burst_mean_wait_quarters(served, slots, lead, **options) == pytest.approx(mean, abs=1e-9)


def test_the_ends_of_a_burst():
    # 10 + 11 MW: the 21st comes in the second quarter of grants, in binary too.
    assert queues.burst_wait_quarters(21, 10 / 1.1, 4, growth=1.1) == 6 and queues.burst_wait_quarters(21.001, 10 / 1.1, 4, growth=1.1) == 7
    assert queues.burst_wait_quarters(20, 10, 4) == 6 and queues.burst_wait_quarters(20.001, 10, 4) == 7
    assert queues.burst_energised_mw(4, 100, 10, 4) == 0 and queues.burst_energised_mw(5, 100, 10, 4) == 10  # study 1, lead 4
    # Slots that halve from 8 give 8 in all.
    assert math.isinf(queues.burst_wait_quarters(8, 8, 0, growth=0.5)) and math.isinf(queues.burst_mean_wait_quarters(9, 8, 0, growth=0.5))
    assert queues.burst_wait_quarters(7, 8, 0, growth=0.5) == 3 and math.isnan(queues.burst_mean_wait_quarters(0, 8, 0))
    assert queues.slots_mw_through(40, 3, 1 + 1e-12) == pytest.approx(120, rel=1e-9)


def test_a_steady_rate_fills_the_pipeline():
    granted, energised, _ = played(0, 10, 1, 2, 5, 20, rate=3)
    for quarter in range(20):
        assert queues.steady_energised_mw(quarter, 3, 5, 2) == energised[quarter]
        assert queues.steady_pipeline_mw(quarter, 3, 5, 2) == granted[quarter] - energised[quarter]
    assert queues.steady_pipeline_mw(19, 3, 5, 2) == 15  # Little: 3 MW a quarter for 5 quarters


# Rationing (O21), chips and power (O26) ----------------------------------------------------------------


def test_rationing_as_printed():
    orders = [50, 30, 40]
    shared = rationing.proportional(orders, 60)
    assert shared == pytest.approx([25, 15, 20]) and ((shared / 60) ** 2).sum() == pytest.approx(0.347222, abs=5e-7)
    assert rationing.equal_awards(orders, 60) == pytest.approx([20, 20, 20], rel=1e-12)
    assert rationing.equal_awards([50, 10, 40], 60) == pytest.approx([25, 10, 25], rel=1e-12)
    assert rationing.strict_priority([50, 10, 40], 60) == pytest.approx([50, 10, 0])
    assert rationing.proportional([100, 30, 40], 60) == pytest.approx([35.294, 10.588, 14.118], abs=5e-4)


def test_other_ways_to_share_by_hand():
    orders = [50, 30, 40]
    assert rationing.highest_bid_first(orders, 60, [1, 9, 5]) == pytest.approx([0, 30, 30])
    assert rationing.highest_bid_first(orders, 60, [5, 9, 5]) == pytest.approx([30 * 5 / 9, 30, 30 * 4 / 9])
    assert rationing.contracts_first(orders, 60, [40, 0, 0]) == pytest.approx([40 + 2.5, 7.5, 10])  # 20 left over 10, 30, 40
    assert rationing.contracts_first(orders, 60, [40, 0, 50]) == pytest.approx([30, 0, 30])  # 40 and 40 are due, 60 is there
    assert rationing.weighted_awards(orders, 60, [1, 1, 4]) == pytest.approx([10, 10, 40], rel=1e-12)
    assert rationing.weighted_awards(orders, 60, [1, 0, 1]) == pytest.approx([30, 0, 30], rel=1e-12)
    assert rationing.weighted_awards(orders, 60, [0, 5, 0]) == pytest.approx([0, 30, 0])  # the rest stays
    assert rationing.weighted_awards([50, 30], 60, [1, 1e-60]) == pytest.approx([50, 10])


def test_a_cap_is_met_by_steps():
    assert rationing.capped([50, 30, 40], 60, 0.25) == pytest.approx([15, 15, 15])  # 15 stay unsold
    assert rationing.capped([80, 10, 10], 60, 0.5) == pytest.approx([30, 10, 10])  # 48, 6, 6: held at 30, the others whole
    # 30, 20, 5, 5 of 100: the first is held at 24; of 36 left the second would have 24: 24, 24, 6, 6.
    assert rationing.capped([50, 100 / 3, 25 / 3, 25 / 3], 60, 0.4) == pytest.approx([24, 24, 6, 6])
    assert rationing.capped([50, 30], 60, 1.0) == pytest.approx(rationing.proportional([50, 30], 60))


def test_drawn_orders_on_average():
    # The six orders give (50, 10, 0), (50, 0, 10), (30, 30, 0), (0, 30, 30), (20, 0, 40), (0, 20, 40).
    assert rationing.expected_by_drawn_order([50, 30, 40], 60) == pytest.approx([25, 15, 20])
    assert rationing.expected_by_drawn_order([10, 10], 10, [3, 1]) == pytest.approx([7.5, 2.5])
    # The last of three is left out: chances 1/6, 1/3, 1/2 to be first; A last = 1/3 x 3/4 + 1/2 x 2/3 = 7/12, B 1/6 x 3/5 + 1/2 x 1/3 = 4/15.
    assert rationing.expected_by_drawn_order([1, 1, 1], 2, [1, 2, 3]) == pytest.approx([5 / 12, 11 / 15, 17 / 20])


RULES = {
    "proportional": rationing.proportional,
    "equal_awards": rationing.equal_awards,
    "weighted_awards": lambda d, k: rationing.weighted_awards(d, k, np.arange(1.0, len(d) + 1)),
    "strict_priority": rationing.strict_priority,
    "highest_bid_first": lambda d, k: rationing.highest_bid_first(d, k, np.arange(len(d)) // 2),
    "contracts_first": lambda d, k: rationing.contracts_first(d, k, np.arange(len(d)) * 7.0),
    "capped": lambda d, k: rationing.capped(d, k, 0.3),
    "drawn": lambda d, k: rationing.expected_by_drawn_order(d, k, np.arange(1.0, len(d) + 1)),
}


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=40, deadline=None)
@given(orders=st.lists(st.integers(0, 90), min_size=1, max_size=4), supply=st.integers(0, 250))
def test_nobody_gets_more_than_ordered_and_nothing_is_lost(name, orders, supply):
    rule, slack = RULES[name], 1e-9
    award, more = rule(orders, float(supply)), rule(orders, supply + 5.0)
    assert (award >= 0).all() and (award <= np.array(orders) + slack).all() and award.sum() <= supply + slack
    if name == "capped":
        assert (award <= 0.3 * supply + slack).all()
        level = lambda t: np.minimum(np.minimum(orders, np.array(orders) * t), 0.3 * supply).sum() - min(supply, np.minimum(orders, 0.3 * supply).sum())
        assert level(1.0) == pytest.approx(0, abs=1e-9) or level(0.0) <= 0 <= level(1.0)
        expected = np.minimum(np.array(orders) * optimize.brentq(level, 0, 1), 0.3 * supply) if level(0.0) < 0 < level(1.0) else np.minimum(orders, 0.3 * supply)
        assert award == pytest.approx(expected, abs=1e-8)
    else:
        assert award.sum() == pytest.approx(min(supply, sum(orders)), abs=1e-8) and (more >= award - slack).all()
    if name in ("equal_awards", "weighted_awards"):  # whoever is cut has no less by weight than anybody
        levels = award / (np.arange(1, len(orders) + 1) if name == "weighted_awards" else 1.0)
        assert all(level >= levels.max() - 1e-8 for level, got, wanted in zip(levels, award, orders, strict=True) if got < wanted - 1e-8)


def test_chips_without_power_as_printed():
    found = rationing.energised(64_000, 20, 30 / 64, 0.312)
    assert (round(found.live_chips), round(found.idle_chips)) == (42_667, 21_333) and found.pflops == pytest.approx(13_312, rel=1e-12)
    assert found.idle_mw == pytest.approx(0, abs=1e-12)
    assert rationing.shadow_prices(64_000, 20, 30 / 64, 0.312) == (0, pytest.approx(0.312 * 64_000 / 30, rel=1e-10))
    assert rationing.energised(90_000, 20, 30 / 64, 0.312).pflops == found.pflops


def test_power_without_chips():
    found = rationing.energised(1000, 20, 0.5, 2.0)
    assert found == (1000, 0, 19.5, 2000) and rationing.shadow_prices(1000, 20, 0.5, 2.0) == (pytest.approx(2.0, rel=1e-10), 0)
    assert rationing.shadow_prices(0, 20, 0.5, 2.0) == (pytest.approx(2.0), 0)


# Estimators (O28) --------------------------------------------------------------------------------------


def test_survival_as_printed():
    found = estimators.kaplan_meier([3, 1, 2, 3, 5], [1, 1, 0, 1, 0])
    assert found.times.tolist() == [1, 3] and found.survival == pytest.approx([0.8, 0.266667], abs=5e-7)
    assert found.standard_error[1] == pytest.approx(0.225750, abs=5e-7)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=40))
def test_survival_against_the_library(sample):
    ended, going_on = ([time for time, end in sample if end == kind] for kind in (True, False))
    found = estimators.kaplan_meier(*zip(*sample, strict=True))
    curve = stats.ecdf(stats.CensoredData(uncensored=ended, right=going_on)).sf
    assert found.survival == pytest.approx(curve.evaluate(found.times), abs=1e-12)
    if not going_on:  # then Greenwood's is the binomial error
        assert found.standard_error == pytest.approx(np.sqrt(found.survival * (1 - found.survival) / len(sample)), abs=1e-10)


def test_indices_of_ishigami_as_printed():
    found = estimators.ishigami_indices()
    assert found.first == pytest.approx([0.313905, 0.442411, 0], abs=5e-7)
    assert found.total == pytest.approx([0.557589, 0.442411, 0.243684], abs=5e-7)
    assert estimators.ishigami((math.pi / 2, math.pi / 2, 1.0)) == pytest.approx(1 + 7 + 0.1)


@pytest.mark.parametrize(("a", "b"), [(7.0, 0.1), (2.0, 0.5), (0.0, 0.0), (5.0, 0.0)])
def test_indices_of_ishigami_by_quadrature(a, b):
    nodes, weights = np.polynomial.legendre.leggauss(40)
    values = estimators.ishigami(np.meshgrid(*[math.pi * nodes] * 3, indexing="ij"), a, b)
    mean = lambda array, axis: np.tensordot(array, weights / 2, axes=(axis, 0))
    over_all = lambda array: mean(mean(mean(array, 0), 0), 0)
    variance = over_all(values**2) - over_all(values) ** 2
    found = estimators.ishigami_indices(a, b)
    assert found.variance == pytest.approx(variance, rel=1e-10)
    for place, (other, another) in enumerate([(1, 2), (0, 2), (0, 1)]):
        alone = mean(mean(values, another), other)  # the mean for each value of this input
        part = alone**2 @ (weights / 2) - (alone @ (weights / 2)) ** 2
        assert found.first[place] == pytest.approx(part / variance, abs=1e-10)
        within_others = over_all(values**2) - mean(mean(mean(values, place) ** 2, 0), 0)  # what is left once the others are known
        assert found.total[place] == pytest.approx(within_others / variance, abs=1e-10)

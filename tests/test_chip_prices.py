"""Posted prices of chips: every rule by hand, a battery that all must pass, small runs; and what a newcomer hopes for in a contest."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_baseline import CONFIGURATION
from worlds import row, same_bits

from market_abm.behaviour.chip_makers import reach
from market_abm.behaviour.labs import Race, contest_bound
from market_abm.engine import Simulation, run_seeds
from market_abm.parameters.loading import load
from market_abm.parameters.rental import DEMANDS
from market_abm.rules import choose
from market_abm.rules.pricing import CHIP_PRICING, Posting, within

pytestmark = pytest.mark.usefixtures("quiet")


def posting(firms=1, **more):
    """Return what each of some makers knows; the same for all unless a list is given."""
    usual = {"price_usd": 10.0, "cost_before_usd": 5.0, "pressure": 1.0, "reach_usd": 20.0, "share_growth": 0.0}
    columns = {name: row(*(more.get(name) or [value] * firms)) for name, value in usual.items()}
    return Posting(**columns, market_elasticity=row(more.get("market_elasticity", 2.0)), markup_response=row(more.get("markup_response", 0.04)))


def posted(rule, costs, shares, floor=0.0, cap=0.99, elasticity=2.0, **known):
    """Return the prices of one run's makers."""
    return CHIP_PRICING[rule](row(*costs), row(*shares), row(elasticity), row(floor), row(cap), posting(len(costs), **known))[0]


def test_prices_keep_within_their_margins():
    # Of a cost of 6 USD: a margin of at least .25 is 8, of at most .5 is 12.
    assert within(row(1, 10, 90), row(6, 6, 6), row(0.25), row(0.5))[0] == pytest.approx([8, 10, 12], rel=1e-15)


def test_quantities_add_the_share_of_what_a_monopolist_adds():
    assert posted("cournot", (10, 10, 10), (1, 0.5, 0)) == pytest.approx([30, 20, 10], rel=1e-15)  # 10 + s 20
    assert posted("cournot", (10, 10, 10), (1, 0.5, 0), floor=0.2, cap=0.6) == pytest.approx([25, 20, 12.5], rel=1e-15)


def test_the_markup_grows_with_the_share():
    # m = 15/10 - 1 = .5; a share that grows by a half: .5 (1 + .04/2) = .51; one lost at a response of 2: nothing is left.
    known = {"price_usd": [15, 15], "cost_before_usd": [10, 10], "share_growth": [0.5, -1]}
    assert posted("markup", (20, 20), (0.5, 0.5), **known) == pytest.approx([1.51 * 20, 1.48 * 20], rel=1e-14)
    assert posted("markup", (20, 20), (0.5, 0.5), markup_response=2, **known) == pytest.approx([2 * 20, 20], rel=1e-14)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0, 9.0])
def test_the_markup_has_no_anchor(level):
    known = {"price_usd": [5 * (1 + level)] * 2, "cost_before_usd": [5, 5]}
    assert posted("markup", (5, 7), (0.9, 0.1), **known) == pytest.approx([5 * (1 + level), 7 * (1 + level)], rel=1e-14)


def test_a_markup_below_cost_is_none_and_bounds_are_kept():
    known = {"price_usd": [4, 50], "cost_before_usd": [5, 5]}
    assert posted("markup", (6, 6), (0.5, 0.5), floor=0.25, cap=0.5, **known) == pytest.approx([8, 12], rel=1e-15)


@pytest.mark.parametrize(("pressure", "price"), [(1, 10), (1.44, 12), (4, 20), (9, 20), (0.49, 7), (0.25, 5), (0, 5), (1e9, 20)])
def test_scarcity_clears_in_one_step_at_most_doubled_or_halved(pressure, price):
    assert posted("scarcity", (1,), (0.5,), pressure=[pressure])[0] == pytest.approx(price, rel=1e-13)  # 10 pressure^(1/2)


def test_scarcity_clears():
    # Orders of price p: 100 p^-2 times 4; a capacity of 1 is asked for at p = 20 alone.
    price = 12.0
    for _ in range(3):
        price = posted("scarcity", (1,), (0.5,), price_usd=[price], pressure=[400 * price**-2])[0]
    assert price == pytest.approx(20, rel=1e-13)


def test_scarcity_keeps_its_margins():
    assert posted("scarcity", (9, 1), (0.5, 0.5), floor=0.1, cap=0.5, pressure=[0, 4]) == pytest.approx([10, 2], rel=1e-15)


@pytest.mark.parametrize(("price", "pressure", "expected"), [
    (10, 4.0, 20), (10, 1.44, 12),  # what clears: 10 pressure^(1/2)
    (5, 1.44, 8), (10, 1.0, 8), (10, 0.0, 8),  # else 4 (1 + 1/(2 .5))
])
def test_capacity_clears_or_the_price_is_that_of_bertrand(price, pressure, expected):
    assert posted("capacity_clearing", (4,), (0.5,), price_usd=[price], pressure=[pressure])[0] == pytest.approx(expected, rel=1e-13)


# What a monopolist adds to its cost --------------------------------------------------------------------------


def reach_of(price, demand, mw=0.0, energy=0.0, service=0.0):
    """Return what a maker adds, where a USD of chips is .001 USD of an hour; choke rent 100 USD, elasticities 2 and 4."""
    life, required = 20.0, 0.2
    a_year = required / (1 - math.exp(-required * life / 4))
    numbers = {"server_overhead": 0.0, "building_usd_per_mw": 0.0, "capital_cost": 0.15, "expected_decline": 0.05, "upkeep_usd_per_mw_year": 0.0,
               "target_utilisation": a_year / 8.76}
    rules = SimpleNamespace(clouds=SimpleNamespace(**{name: row(value) for name, value in numbers.items()}),
                            chips=SimpleNamespace(life_quarters=row(life), market_elasticity=row(4)),
                            rental=SimpleNamespace(demand=np.array([[DEMANDS.index(demand)]]), choke_usd=row(100), elasticity=row(2)))
    return reach(row(price), row(mw), row(energy), row(service), rules)[0, 0]


def test_what_a_monopolist_adds_on_a_line():
    # An hour costs .001 p, and 10 of electricity (.2 MWh at 50 USD) and 8 of service: (100 - 18 - 30)/.001 of a USD more on chips.
    assert reach_of(30e3, "linear", mw=0.2, energy=50, service=8) == pytest.approx(52e3, rel=1e-12)
    assert reach_of(90e3, "linear", mw=0.2, energy=50, service=8) == 0, "beyond the choke rent nobody buys"


@pytest.mark.parametrize("cost", [10e3, 40e3])
def test_a_chip_monopolist_above_any_number_of_clouds_asks_half_of_choke_and_cost(cost):
    # Oracle O6: w = (A + c)/2, here of the 82 USD that electricity and service leave, 82e3 USD of chips.
    price = (82e3 + cost) / 2
    added = reach_of(price, "linear", mw=0.2, energy=50, service=8)
    assert posted("cournot", (cost,), (1,), reach_usd=[added])[0] == pytest.approx(price, rel=1e-12)


def test_what_a_monopolist_adds_on_a_curve():
    # Where an hour costs chips alone the price is c e/(e - 1) = 2c. With as much again for service the elasticity of chips is half of 2.
    assert posted("cournot", (10e3,), (1,), reach_usd=[reach_of(20e3, "isoelastic")])[0] == pytest.approx(20e3, rel=1e-12)
    assert reach_of(20e3, "isoelastic", service=20) == pytest.approx(20e3, rel=1e-12)


@pytest.mark.parametrize("demand", [d for d in DEMANDS if d not in ("linear", "isoelastic")])
def test_elsewhere_the_elasticity_is_declared(demand):
    assert reach_of(20e3, demand) == pytest.approx(5e3, rel=1e-15)


# A battery for every rule ------------------------------------------------------------------------------

MAKER = st.tuples(st.floats(1.0, 1e4), st.floats(0.01, 1.0), st.floats(0.5, 9.0), st.floats(0.3, 3.0), st.sampled_from([0.0, 0.2, 1.0, 7.0, 1e7]),
                  st.floats(0.0, 2.0), st.floats(-1.0, 3.0))
MAKERS = st.lists(MAKER, min_size=1, max_size=5)
every_rule = pytest.mark.parametrize("rule", CHIP_PRICING)


def drawn(makers):
    """Return the arguments of a rule: costs, shares and the rest as drawn."""
    cost, size, price, before, pressure, gain, growth = (np.array([x]) for x in zip(*makers, strict=True))
    known = Posting(price * cost, before * cost, pressure, gain * cost, growth, row(1.5), row(0.5))
    return cost, size / size.sum(), row(2.6), row(0.2), row(0.7), known


def of_run(arguments, change):
    return tuple(type(a)(*map(change, a)) if isinstance(a, tuple) else change(a) for a in arguments)


@every_rule
@given(makers=MAKERS)
def test_a_rule_of_chip_prices_answers_one_price_a_maker_at_cost_or_above(rule, makers):
    arguments = drawn(makers)
    got = CHIP_PRICING[rule](*arguments)
    assert got.shape == (1, len(makers))
    assert got.dtype == np.float64
    assert np.isfinite(got).all()
    assert np.all(got >= arguments[0] / 0.8 * (1 - 1e-12)), "never below the lowest margin"
    if rule != "capacity_clearing":  # what clears may exceed the cap
        assert np.all(got <= arguments[0] / 0.3 * (1 + 1e-12))


@every_rule
@given(makers=MAKERS, factor=st.sampled_from([2.0**30, 2.0**-30, 3.7]))
def test_the_unit_of_money_does_not_matter(rule, makers, factor):
    cost, share, elasticity, floor, cap, known = drawn(makers)
    scaled = known._replace(**{name: getattr(known, name) * factor for name in known._fields if name.endswith("_usd")})
    expected = factor * CHIP_PRICING[rule](cost, share, elasticity, floor, cap, known)
    assert CHIP_PRICING[rule](factor * cost, share, elasticity, floor, cap, scaled) == pytest.approx(expected, rel=1e-9)


@every_rule
@given(makers=MAKERS, data=st.data())
def test_makers_may_stand_in_any_order(rule, makers, data):
    arguments, order = drawn(makers), data.draw(st.permutations(range(len(makers))))
    turned = of_run(arguments, lambda x: x[:, order] if x.shape[1] == len(makers) > 1 else x)
    assert CHIP_PRICING[rule](*turned) == pytest.approx(CHIP_PRICING[rule](*arguments)[:, order], rel=1e-12)


@every_rule
def test_nobody_in_the_market_has_no_price(rule):
    nothing = Posting(*(row(0, 0) for _ in range(5)), row(1.5), row(0.04))
    assert CHIP_PRICING[rule](row(0, 0), row(0, 0), row(2.6), row(0.2), row(0.7), nothing).tolist() == [[0, 0]]


def test_runs_with_rules_of_their_own_get_the_same_bits_as_alone():
    rng, count = np.random.default_rng(3), 5 * len(CHIP_PRICING)
    runs = [drawn([(rng.lognormal(5), *rng.uniform(0.1, 3, 5), rng.uniform(-1, 3)) for _ in range(7)]) for _ in range(count)]
    cost, share, elasticity, floor, cap = (np.concatenate(column) for column in list(zip(*runs, strict=True))[:5])
    known = Posting(*(np.concatenate(column) for column in zip(*(run[5] for run in runs), strict=True)))
    places = (np.arange(count) % len(CHIP_PRICING)).reshape(-1, 1)
    got = choose(CHIP_PRICING, places, cost, share, elasticity, floor, cap, known)
    for run, (place, arguments) in enumerate(zip(places[:, 0], runs, strict=True)):
        assert same_bits(got[[run]], list(CHIP_PRICING.values())[place](*arguments))


# Small runs of the engine ------------------------------------------------------------------------------

QUARTERS = 16
RULES = tuple(CHIP_PRICING)


@pytest.fixture(scope="module")
def ran():
    """Follow every rule of chip prices in the baseline, two runs each; return (configuration, {column: (quarters, runs, makers)})."""
    base = load(str(CONFIGURATION), [f"frame.quarters={QUARTERS}", "frame.startup_slots=128", "startups.opening=20", "chips.scarcity_premium=0"])
    chips = base.parameters.chips
    runs = [replace(base, parameters=replace(base.parameters, chips=replace(chips, pricing=rule))) for rule in RULES for _ in range(2)]
    simulation, seen = Simulation(runs, run_seeds(5, 0, len(runs))), []
    names = ("price_usd_per_pflops", "unit_cost_usd_per_pflops", "alive", "kind", "made_chips", "share_of_orders")
    for _ in range(QUARTERS):
        simulation.step()
        assert simulation.failures == []
        seen.append([np.array(simulation.world.array(f"makers.{name}")) for name in names])
    return base, SimpleNamespace(**dict(zip(names, map(np.array, zip(*seen, strict=True)), strict=True)))


MERCHANTS = slice(0, 3)  # the first three of the cast are merchants from the start


def of_rule(ran, rule):
    here = slice(2 * RULES.index(rule), 2 * RULES.index(rule) + 2)
    return SimpleNamespace(**{name: values[:, here] for name, values in vars(ran[1]).items()})


@pytest.mark.parametrize("rule", RULES)
def test_prices_are_finite_and_chips_are_made_under_every_rule(ran, rule):
    seen = of_rule(ran, rule)
    price = seen.price_usd_per_pflops[seen.alive > 0]
    assert np.isfinite(price).all()
    assert price.min() > 0
    assert np.all(seen.price_usd_per_pflops[seen.alive == 0] == 0)
    assert np.all(seen.made_chips.sum(axis=-1)[1:] > 0)


def moved(ran, rule, wish):
    """Compare posted prices of merchants from the second quarter on with `wish`, approached at the declared speed."""
    seen, speed = of_rule(ran, rule), ran[0].parameters.chips.price_speed
    price, there = seen.price_usd_per_pflops[:, :, MERCHANTS], (seen.alive[:, :, MERCHANTS] > 0).all(axis=0)
    expected = price[:-1] + speed * (wish(seen)[1:] - price[:-1])
    assert there.any()
    assert price[1:][:, there] == pytest.approx(expected[:, there], rel=1e-12)


def test_a_regulated_price_moves_towards_cost_and_the_lowest_margin(ran):
    moved(ran, "cost_based", lambda seen: seen.unit_cost_usd_per_pflops[:, :, MERCHANTS] / (1 - ran[0].parameters.chips.margin_floor))


def test_prices_move_towards_those_of_bertrand(ran):
    chips = ran[0].parameters.chips

    def wish(seen):
        before = np.concatenate([seen.share_of_orders[:1], seen.share_of_orders[:-1]])[:, :, MERCHANTS]  # orders come after prices
        margin = np.clip(1 / (1 + chips.choice_elasticity * (1 - before)), chips.margin_floor, chips.margin_cap)
        return seen.unit_cost_usd_per_pflops[:, :, MERCHANTS] / (1 - margin)

    moved(ran, "nash_logit", wish)


def test_no_two_rules_give_the_same_prices_and_the_regulated_leader_asks_least_over_its_cost(ran):
    prices = {rule: of_rule(ran, rule).price_usd_per_pflops[-1, :, 0] for rule in RULES}

    def over_cost(rule):
        """Return price over unit cost: the cost itself depends on research, which a rule's profits pay for."""
        return prices[rule] / of_rule(ran, rule).unit_cost_usd_per_pflops[-1, :, 0]

    for k, rule in enumerate(RULES):
        for other in RULES[:k]:
            assert not np.allclose(prices[rule], prices[other], rtol=1e-6), (rule, other)
        assert over_cost("cost_based").mean() <= over_cost(rule).mean() * (1 + 1e-9)


# What a newcomer hopes for -------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "hope", "decisiveness", "bound"), [
    (0.25, 0.0, 1.0, 18.75),  # r s (1 - s) V = .25 .75 100
    (0.0, 0.0, 1.0, 0.0),     # who has no customers and no hope spends nothing
    (0.0, 1.0, 1.0, 18.75),   # hope of an equal part beside three rivals, 1/(3 + 1)
    (0.0, 0.4, 1.0, 9.0),     # of .4 of it: .1 .9 100
    (0.5, 1.0, 1.0, 25.0),    # a larger share of one's own counts instead
    (0.25, 0.0, 4.0, 25.0),   # 4 .75 is above 1: no more than it expects to win
])
def test_the_bound_of_a_contest(share, hope, decisiveness, bound):
    race = Race(row(0), row(0), prize_usd=row(100), rivals=row(3))
    assert contest_bound(row(share), race, row(decisiveness), row(hope))[0, 0] == pytest.approx(bound, rel=1e-14)


def test_posted_prices_rise_by_a_bounded_premium_when_more_is_due_than_can_be_made():
    # Under cost-based prices at once: cost / .8, times 1 + premium x (due over capacity less 1, between 0 and 1).
    sets = ["frame.quarters=3", "frame.startup_slots=128", "startups.opening=20", "chips.pricing=cost_based", "chips.price_speed=1", "chips.margin_floor=0.2"]
    simulation = Simulation([load(str(CONFIGURATION), [*sets, "chips.scarcity_premium=0.3"])], run_seeds(5, 0, 1))
    world = simulation.world
    for due, part in ((0.5, 0.0), (1.4, 0.4), (5.0, 1.0)):
        makers = {name: world.array(f"makers.{name}") for name in ("capacity_chips", "pflops_per_chip", "unit_cost_usd_per_pflops")}
        makers["unit_cost_usd_per_pflops"][:, 0] = 1000.0
        book = world.tables["clouds"]["ordered_pflops"]
        for k in range(len(book.array)):
            book.array[k] = 0.0
        world.array("clouds.overdue_pflops")[...] = 0.0
        world.array("clouds.overdue_pflops")[0, 0, 0] = due * makers["capacity_chips"][0, 0] * makers["pflops_per_chip"][0, 0]
        [post] = [(phase, window) for phase, window in simulation._phases if phase.name == "chip_prices_are_posted"]
        post[0].function(post[1])
        assert world.array("makers.price_usd_per_pflops")[0, 0] == pytest.approx(1000 / 0.8 * (1 + 0.3 * part))

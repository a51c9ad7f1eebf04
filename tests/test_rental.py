"""The rental market: rules of demand and of rents by hand, a battery that all must pass, free entry, and small runs."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from files import write_small
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_baseline import CONFIGURATION
from worlds import row, same_bits

from market_abm.behaviour import rental, tenants
from market_abm.engine import Simulation, run_seeds
from market_abm.errors import BadInput
from market_abm.levers.in_force import rules_in_force
from market_abm.parameters.declare import declarations
from market_abm.parameters.loading import load
from market_abm.parameters.rental import Rental
from market_abm.rules import choose
from market_abm.rules.demand import DEMAND, Market, Offers, elasticity_of, inverse
from market_abm.rules.rents import BEST_REPLY, RENT_PRICING, Conduct, Sellers, best_reply_on_a_curve

pytestmark = pytest.mark.usefixtures("quiet")


def market(form, size=100.0, reference=1.0, choke=100.0, elasticity=1.5, sensitivity=0.1, outside=1):
    """Return what enterprises bring to one run; `size` is the hours that they want at the reference rent."""
    numbers = (size * reference, reference, choke, elasticity, sensitivity, outside)
    return Market(*(row(x) for x in numbers), np.array([[list(DEMAND).index(form)]]))


def offers(hours, quality=None, appeal=None, odds=None):
    ones = [1.0] * len(hours)
    return Offers(row(*hours), row(*(quality or ones)), row(*(appeal or [0.0] * len(hours))), row(*(odds or [1 / len(hours)] * len(hours))))


def sellers(hours, stakes=None, **more):
    """Return what clouds of one run know; `stakes` is {(holder, held): weight}."""
    n = len(hours)
    usual = {"output": 0.0, "rent_usd": 1.0, "asked_hours": 0.0, "cost_usd": 10.0, "cost_before_usd": 10.0, "floor_usd": 0.0,
             "ceiling_usd": math.inf, "share": 1 / n, "share_before": 1 / n, "quality": 1.0, "appeal": 0.0, "odds": 1 / n}
    columns = {name: row(*(more.get(name, [value] * n))) for name, value in usual.items()}
    weights = np.zeros((n, 1, n))
    for (holder, held), weight in (stakes or {}).items():
        weights[held, 0, holder] = weight
    return Sellers(hours=row(*hours), weights=weights, **columns)


def conduct(**more):
    usual = {"rent_speed": 0.6, "rent_step": 0.4, "output_speed": 1.0, "markup_response": 0.04, "margin": 0.2, "elasticity": 2.0}
    return Conduct(**{name: row(value) for name, value in (usual | more).items()})


def priced(rule, known, demand, **how):
    """Return hours offered and rents by a rule, for one run."""
    return RENT_PRICING[rule](known, demand, conduct(**how))[:, 0]


def asked(form, rents, there, **shape):
    """Return the hours that one run's customers ask of each cloud."""
    return (DEMAND[form](row(*rents), there, market(form, **shape)) / row(*rents))[0]


@pytest.mark.parametrize(("table", "name"), [(DEMAND, "demand"), (RENT_PRICING, "pricing"), (BEST_REPLY, "demand")])
def test_a_table_holds_the_declared_options_in_their_order(table, name):
    assert tuple(table) == declarations(Rental)[name].options


# Demand by hand: 100 hours are wanted at 3 USD, and spending is 300 USD ----------------------------------


@pytest.mark.parametrize(("form", "shape", "hours"), [
    ("linear", {"choke": 8.0}, (75, 10)),  # 100 (1 - 2/8) = 75; at 4 USD 50, less the 40 of the cheap cloud
    ("isoelastic", {"elasticity": 2.0}, (225, 16.25)),  # 100 (3/2)^2 = 225; 100 (3/4)^2 = 56.25, less 40
    ("quality", {}, (150, 35)),  # 300/2; 300/4 less 40
    # utilities -1 and -2 and 0: e^-1/(1 + e^-1 + e^-2) = .244728, e^-2/... = .090031
    ("logit", {"sensitivity": 0.5}, (24.4728471, 9.0030573)),
    ("logit", {"sensitivity": 0.5, "outside": 0}, (73.1058579, 26.8941421)),  # 1/(1 + e^-1)
])
def test_two_clouds_at_two_and_four_dollars(form, shape, hours):
    assert asked(form, (2, 4), offers((40, 40)), reference=3.0, **shape) == pytest.approx(hours, rel=1e-8)


def test_a_given_budget_goes_by_the_odds():
    assert asked("budget", (2, 4), offers((40, 40), odds=[0.8, 0.2]), reference=3.0) == pytest.approx([120, 15], rel=1e-14)  # 240/2 and 60/4


def test_the_better_for_its_money_is_taken_first():
    # A unit of quality costs 2 and 4/3. At 4/3 USD 225 units are wanted, 75 hours of quality 3; at 2 USD 150, less 120 units.
    assert asked("quality", (2, 4), offers((40, 40), quality=[1, 3]), reference=3.0) == pytest.approx([30, 75], rel=1e-14)


@pytest.mark.parametrize(("hours", "rents", "wanted"), [
    ((10, 100), (2, 4), (75, 40)),   # cheaper and too small: the dear one is asked for 50 less the 10 that the other has
    ((80, 100), (2, 4), (75, 0)),    # cheaper and large enough: at 4 USD 50 are wanted, fewer than the other has
    ((30, 10), (4, 4), (37.5, 12.5)),  # equals share the 50 by what they offer
    ((0, 30, 10), (1, 4, 4), (0, 37.5, 12.5)),  # who offers nothing is not cheaper than anybody
    ((30, 10), (8, 9), (0, 0)),      # at the choke rent and above it
    ((0, 0), (2, 2), (0, 0)),        # nobody offers
    ((5,), (2,), (75,)),             # one alone is asked for everything
])
def test_the_cheapest_are_taken_first(hours, rents, wanted):
    assert asked("linear", rents, offers(hours), reference=3.0, choke=8.0) == pytest.approx(wanted, rel=1e-14, abs=1e-12)


def test_appeal_is_worth_a_dollar_times_sensitivity_and_who_has_no_hours_is_not_chosen():
    # A dearer rent by 2 USD at .5 utils each is made up for by one util; of the third no hours are to be had.
    wanted = asked("logit", (2, 4, 1), offers((1, 1, 0), appeal=[0, 1, 50]), sensitivity=0.5)
    assert wanted == pytest.approx([100 * math.exp(-1) / (1 + 2 * math.exp(-1))] * 2 + [0], rel=1e-14)


@pytest.mark.parametrize(("form", "hours", "rent"), [
    ("linear", 60, 3.2), ("linear", 100, 0.0), ("linear", 150, 0.0), ("linear", 0, 8.0),  # 8 (1 - 60/100)
    ("isoelastic", 25, 6.0),  # 3 (100/25)^(1/2)
    ("quality", 60, 5.0), ("budget", 60, 5.0), ("logit", 60, 5.0),  # 300/60: spending is given
])
def test_the_rent_at_which_all_hours_are_wanted(form, hours, rent):
    demand = market(form, reference=3.0, choke=8.0, elasticity=2.0)
    assert inverse(row(hours), demand)[0, 0] == pytest.approx(rent, rel=1e-14, abs=1e-14)
    assert elasticity_of(demand)[0, 0] == (2.0 if form == "isoelastic" else 1.0)


@pytest.mark.parametrize("form", ["linear", "isoelastic", "quality"])
@given(hours=st.floats(1.0, 99.0))
def test_demand_and_its_inverse_agree(form, hours):
    rent = inverse(row(hours), market(form, elasticity=0.7))[0, 0]
    assert asked(form, (rent,), offers((hours,)), elasticity=0.7)[0] == pytest.approx(hours, rel=1e-12)


def test_hours_of_two_qualities_at_one_price_share_what_is_wanted():
    known = sellers((50, 50), output=(30, 30), quality=(1, 1.1440960640426951))
    hours, rents = priced("cournot", known, market("quality", size=900), output_speed=0)
    wanted = asked("quality", rents, offers(hours, quality=[1, 1.1440960640426951]), size=900)
    assert wanted == pytest.approx([30, 30], rel=1e-9), "the rent clears all hours, so each is asked for its own"


# Rents by hand --------------------------------------------------------------------------------------


def test_scarcity_moves_the_rent_by_what_is_asked_over_what_is_offered():
    known = sellers((10, 10, 10, 10, 0), rent_usd=[2.0] * 5, asked_hours=[12, 8, 40, 0, 0])
    # ln p moves by .6 ln(asked/offered), at most by .4; where nothing is offered it stays.
    expected = [2 * 1.2**0.6, 2 * 0.8**0.6, 2 * math.exp(0.4), 2 * math.exp(-0.4), 2]
    assert priced("scarcity", known, market("budget")) == pytest.approx(np.array([[10, 10, 10, 10, 0], expected]), rel=1e-13)


def test_scarcity_stays_between_floor_and_list_price():
    known = sellers((10, 10), rent_usd=[2, 2], asked_hours=[40, 0], floor_usd=[1.5, 1.5], ceiling_usd=[2.25, 2.25])
    assert priced("scarcity", known, market("budget"))[1] == pytest.approx([2.25, 1.5], rel=1e-15)


def test_a_regulated_rent_is_cost_and_a_margin():
    assert priced("cost_based", sellers((1, 1), cost_usd=(4, 8)), market("budget"))[1] == pytest.approx([5, 10], rel=1e-15)


def test_the_markup_grows_with_the_share():
    # m = 3/2 - 1 = .5. A share that grows by a quarter: .5 (1 + .04/4) = .505; one lost altogether, at a response of 2: none is left.
    known = sellers((1, 1), rent_usd=(3, 3), cost_before_usd=(2, 2), cost_usd=(4, 4), share=(0.25, 0), share_before=(0.2, 0.2))
    assert priced("markup", known, market("budget"))[1] == pytest.approx([1.505 * 4, 1.48 * 4], rel=1e-14)
    assert priced("markup", known, market("budget"), markup_response=2)[1] == pytest.approx([(1 + 0.5 * 1.5) * 4, 4], rel=1e-14)


@pytest.mark.parametrize("level", [0.0, 0.1, 1.0, 40.0])
def test_the_markup_has_no_anchor(level):
    known = sellers((1, 1), rent_usd=[2 * (1 + level)] * 2, cost_before_usd=[2, 2], cost_usd=[3, 2])
    assert priced("markup", known, market("budget"))[1] == pytest.approx([3 * (1 + level), 2 * (1 + level)], rel=1e-14)


@pytest.mark.parametrize(("output", "hours", "how", "offered"), [
    ((20, 20, 20), (90, 90, 90), {}, (25, 25, 25)),  # Theocharis: (100 - 10 - 40)/2 = 25, and from 25 back to 20
    ((25, 25, 25), (90, 90, 90), {}, (20, 20, 20)),
    ((20, 20, 20), (90, 90, 90), {"output_speed": 0.5}, (22.5, 22.5, 22.5)),
    ((15, 20), (15, 50), {}, (15, 37.5)),    # capacity binds: 35 would be best and 15 are there; the other replies to 15
    ((20, 20), (15, 50), {}, (15, 37.5)),    # nobody sold more than it has
    ((0, 95), (50, 95), {}, (0, 45)),        # beside 95 hours the rent is below cost: not negative, nothing
    ((0,), (90,), {}, (45,)),                # alone: (100 - 10)/2
    ((0, 0), (0, 90), {}, (0, 45)),          # who has no hours offers none
])
def test_best_replies_in_hours_on_a_line(output, hours, how, offered):
    got = priced("cournot", sellers(hours, output=output), market("linear"), **how)
    assert got[0] == pytest.approx(offered, rel=1e-13)
    assert got[1] == pytest.approx([100 - sum(offered)] * len(hours), rel=1e-13)


def test_quality_counts_as_more_of_one_good():
    # Units 20 and 30 at 5 and 10 USD each: (100 - 5 - 30)/2 = 32.5 units are 16.25 hours, (100 - 10 - 20)/2 = 35; P = 32.5.
    hours, rents = priced("cournot", sellers((90, 90), output=(10, 30), quality=(2, 1)), market("linear"))
    assert hours == pytest.approx([16.25, 35], rel=1e-14)
    assert rents == pytest.approx([65, 32.5], rel=1e-14)


def test_a_stake_in_a_rival_holds_hours_back():
    # Oracle O23 one step from (30, 20, 10): with .3 of the second firm the first wants (100 - 10 - 30 - .3 20)/2 = 27.
    known = sellers((90, 90, 90), {(0, 1): 0.3}, output=(30, 20, 10), cost_usd=(10, 20, 30))
    assert priced("cournot", known, market("linear"))[0] == pytest.approx([27, 20, 10], rel=1e-14)
    merged = sellers((90, 90), {(0, 1): 1.0, (1, 0): 1.0}, output=(22.5, 22.5))  # together the 45 of a monopolist
    assert priced("cournot", merged, market("linear"))[0] == pytest.approx([22.5, 22.5], rel=1e-14)


@pytest.mark.parametrize(("cost", "output", "stakes", "elasticity", "size", "reply"), [
    (10.0, (0, 0), {}, 2.0, 1e4, 25.0),  # alone: P = c e/(e - 1) = 20, and 1e4/20^2 hours
    (7.5, (0, 50), {}, 2.0, 1e4, 50.0),  # all 100: P = 10, 10 (1 - 50/200) = 7.5
    (6.5, (0, 50), {(0, 1): 0.4}, 2.0, 1e4, 50.0),  # and .4 of the rival's 50: 10 (1 - 70/200) = 6.5
    (10.0, (0, 5), {(0, 1): 0.2}, 1.0, 1e3, 15.0),  # 1000 (5 - 1)/Y^2 = 10, so all 20
    (10.0, (0, 101), {}, 2.0, 1e4, 0.0),  # beside 101 hours the rent is below cost
])
def test_best_replies_on_a_curve(cost, output, stakes, elasticity, size, reply):
    known = sellers((1e3, 1e3), stakes, cost_usd=(cost, cost))
    got = best_reply_on_a_curve(row(*output), known, market("isoelastic", size=size, elasticity=elasticity))
    assert got[0, 0] == pytest.approx(reply, rel=1e-12)


def test_three_equal_clouds_on_a_curve_stand_still_at_the_known_price():
    # Oracle O3: P = c/(1 - 1/(N e)) = 10/(1 - 1/4.5) = 12.857143.
    price = 10 / (1 - 1 / 4.5)
    output = [1000 * price**-1.5 / 3] * 3
    hours, rents = priced("cournot", sellers((90,) * 3, output=output), market("isoelastic", size=1000))
    assert hours == pytest.approx(output, rel=1e-11)
    assert rents == pytest.approx([12.857142857] * 3, rel=1e-9)


@pytest.mark.parametrize("form", ["quality", "budget"])
def test_best_replies_to_given_spending(form):
    # Y^2 = 1000 16/10 = 1600, so 40 - 16 = 24 beside 16 hours. Two equal clouds stand still at S/4c = 25.
    assert priced("cournot", sellers((90, 90), output=(0, 16)), market(form, size=1000))[0, 0] == pytest.approx(24, rel=1e-13)
    assert priced("cournot", sellers((90, 90), output=(25, 25)), market(form, size=1000))[0] == pytest.approx([25, 25], rel=1e-13)
    held = sellers((90, 90), {(0, 1): 0.75}, output=(0, 16))  # Y^2 = 1000 (16 - 12)/10 = 400
    assert priced("cournot", held, market(form, size=1000))[0, 0] == pytest.approx(4, rel=1e-13)


def test_unequal_qualities_stand_still_at_the_shares_of_sutton():
    # Oracle O8: s = 1 - 2/(1.5 (1/1.5 + 2)) = .5 and .25. P = (10/1.5 + 10 + 10)/2 = 40/3 a unit, 1000/P = 75 units.
    output = (37.5 / 1.5, 18.75, 18.75)
    hours, rents = priced("cournot", sellers((90,) * 3, output=output, quality=(1.5, 1, 1)), market("quality", size=1000))
    assert hours == pytest.approx(output, rel=1e-13)
    assert rents == pytest.approx([20, 40 / 3, 40 / 3], rel=1e-13)
    assert (rents - 10) * hours == pytest.approx([250, 62.5, 62.5], rel=1e-12), "profit is S s^2"


def test_alone_with_given_spending_a_speck_is_offered():
    hours, rents = priced("cournot", sellers((900,)), market("budget", size=1000))
    assert 0 < hours[0] < 1e-4 * 1000
    assert hours[0] * rents[0] == pytest.approx(1000, rel=1e-12), "all is spent on it"


def test_hours_that_cost_nothing_are_all_offered_on_a_curve():
    # With an elasticity above 1 revenue grows with hours for ever: P (1 - y/(e Y)) > 0 = c.
    assert priced("cournot", sellers((5, 5), cost_usd=(0, 0)), market("isoelastic"))[0] == pytest.approx([5, 5])


@pytest.mark.parametrize(("form", "cost"), [
    *((form, 10.0) for form in DEMAND), ("linear", 0.0), ("isoelastic", 0.0), ("quality", 0.0), ("budget", 0.0),
])
def test_nothing_is_offered_to_nobody(form, cost):
    assert priced("cournot", sellers((5, 5), cost_usd=(cost, cost)), market(form, size=0.0))[0].tolist() == [0, 0]


@pytest.mark.parametrize(("appeal", "stakes", "outside", "rents"), [
    ((5, 4, 3), {}, 1, (29.558497, 24.344025, 21.698062)),  # oracle O7
    ((5, 4, 3), {(0, 1): 1.0, (1, 0): 1.0}, 1, (36.977497, 36.977497, 23.255170)),  # its first two merged
    ((0, 0, 0), {}, 0, (25.0, 25.0, 25.0)),  # 10 + 1/(.1 2/3)
    ((5,), {}, 1, (42.079400,)),  # 10 + (1 + W(e^3))/.1, W(e^3) = 2.207940
])
def test_bertrand_rents_of_a_logit(appeal, stakes, outside, rents):
    known = sellers([1] * len(appeal), stakes, appeal=appeal)
    assert priced("nash_logit", known, market("logit", outside=outside))[1] == pytest.approx(rents, abs=1e-6)


def of_size(sizes, rents, **more):
    """Return sellers of one USD of cost whose odds at their present rents follow from sizes, by an elasticity of `a`."""
    a = more.pop("a")
    weights = np.array(sizes) * np.array(rents, float) ** -a
    return sellers([1] * len(sizes), cost_usd=[1] * len(sizes), rent_usd=rents, odds=weights / weights.sum(), **more)


@pytest.mark.parametrize("rents", [(1, 1), (2, 1), (0.5, 3)])
def test_bertrand_rents_of_given_spending(rents):
    # With shares .75 and .25 and a = 2: p = 1 + 1/(2 .25) = 3 and 1 + 1/(2 .75) = 5/3; sizes s p^2: 6.75 and 25/36.
    got = priced("nash_logit", of_size((6.75, 25 / 36), rents, a=2), market("budget"))
    assert got[1] == pytest.approx([3, 5 / 3], rel=1e-12), "whatever the rents before"


@pytest.mark.parametrize(("a", "first"), [(6, 5 / 6), (3.5, 0.95), (2, 0.99), (2, 0.9999)])
def test_bertrand_rents_of_given_spending_beside_a_dwarf(a, first):
    shares = np.array([first, 1 - first])
    prices = 1 + 1 / (a * (1 - shares))  # a = 6: 2 and 1.2
    got = priced("nash_logit", of_size(shares * prices**a, (1, 1), a=a), market("budget"), elasticity=a)
    assert got[1] == pytest.approx(prices, rel=1e-9)


@pytest.mark.parametrize(("hours", "cost", "rent"), [
    ((30, 30), 0, 40), ((30, 30), 10, 40), ((30, 30), 50, 50),  # oracle O4: 100 - 60; at a cost of 50 that is too little
    ((1e4, 1e4), 10, 10), ((50, 50), 0, 0),  # without limits cost; no mixed equilibrium is drawn
])
def test_capacity_clears_or_rents_are_cost(hours, cost, rent):
    known = sellers(hours, cost_usd=(cost, cost))
    assert priced("capacity_clearing", known, market("linear")) == pytest.approx(np.array([hours, (rent, rent)]), abs=1e-9)


def test_capacity_clears_given_spending_and_different_hours():
    assert priced("capacity_clearing", sellers((30, 20)), market("quality", size=1000))[1] == pytest.approx([20, 20], rel=1e-13)
    # Budgets of 500 each over 10 and 500 hours are 50 and 1; two equals at a cost of 1 and an elasticity of 2 ask 2.
    known = sellers((10, 500), cost_usd=(1, 1))
    assert priced("capacity_clearing", known, market("budget", size=1000))[1] == pytest.approx([50, 2], rel=1e-12)
    # Of 100 logit customers 20, 30 and 50 take the first, the second and none: ln(20/50) = 2 - .1 p.
    known, demand = sellers((20, 30), cost_usd=(1, 1), appeal=(2, 2)), market("logit")
    rents = priced("capacity_clearing", known, demand)[1]
    assert rents == pytest.approx([10 * (2 - math.log(0.4)), 10 * (2 - math.log(0.6))], rel=1e-12)
    assert asked("logit", rents, offers((20, 30), appeal=[2, 2])) == pytest.approx([20, 30], rel=1e-12)


@pytest.mark.parametrize(("costs", "rent"), [((10, 20), 20), ((10,), 55)])
def test_without_limits_the_cheapest_asks_the_cost_of_the_next_and_one_alone_the_price_of_a_monopoly(costs, rent):
    known = sellers([1e4] * len(costs), cost_usd=costs)
    assert priced("capacity_clearing", known, market("linear"))[1, 0] == pytest.approx(rent)


# A battery for every rule ---------------------------------------------------------------------------

FIRM = st.tuples(st.sampled_from([0.0, 1.0, 3.0, 20.0, 700.0]), st.floats(0.5, 2.0), st.sampled_from([1.0, 2.0, 4.0]), st.sampled_from([1.0, 2.0, 0.5]),
                 st.floats(0.0, 2.0), st.floats(0.0, 1.5), st.floats(-2.0, 2.0), st.floats(0.05, 0.5))
FIRMS = st.lists(FIRM, min_size=1, max_size=5)
FORM = st.sampled_from(list(DEMAND))
few = settings(max_examples=20)  # a rule may solve a fixed point
every_rule = pytest.mark.parametrize("rule", RENT_PRICING)
every_demand = pytest.mark.parametrize("form", DEMAND)


def drawn(firms, stake=0.0):
    """Return sellers as drawn: hours, cost, last rent, quality, what was asked and sold over hours, appeal, and share by size."""
    hours, cost, rent, quality, wanted, sold, appeal, size = zip(*firms, strict=True)
    there = (np.array(hours) > 0) * np.array(size)
    odds = there / max(there.sum(), 1e-9)
    stakes = {(0, 1): stake} if len(firms) > 1 else {}
    return sellers(hours, stakes, cost_usd=cost, cost_before_usd=cost, rent_usd=rent, quality=quality, asked_hours=np.array(wanted) * hours,
                   output=np.array(sold) * hours, appeal=appeal, odds=odds, share=odds, share_before=odds[::-1], floor_usd=0.3 * np.array(cost))


def bring(form):
    return market(form, size=60.0, reference=2.0, choke=12.0, sensitivity=0.5)


def in_money(x, factor):
    """Count USD in another unit."""
    if isinstance(x, Market):
        scaled = {name: getattr(x, name) * factor for name in ("spend_usd", "reference_usd", "choke_usd")}
        return x._replace(**scaled, sensitivity=x.sensitivity / factor)
    return x._replace(**{name: getattr(x, name) * factor for name in x._fields if name.endswith("_usd")})


def in_hours(x, factor):
    """Count hours in another unit, rents in USD for what was an hour."""
    names = {"spend_usd"} if isinstance(x, Market) else {"hours", "output", "asked_hours"} & set(x._fields)
    return x._replace(**{name: getattr(x, name) * factor for name in names})


def offered(known):
    return Offers(known.hours, known.quality, known.appeal, known.odds)


def in_order(x, order):
    return type(x)(*(v[np.ix_(order, [0], order)] if name == "weights" else v[:, order] for name, v in zip(x._fields, x, strict=True)))


def test_who_has_no_hours_beside_one_who_has_asks_the_market_s_rent_and_not_without_bound():
    idle, alone = (0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.5), (1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.5)
    hours, rents = RENT_PRICING["capacity_clearing"](drawn([idle, alone]), bring("linear"), conduct())
    assert hours[0].tolist() == [0.0, 1.0]
    assert rents[0] == pytest.approx([12 * (1 - 1 / 60)] * 2)  # the line P = a (1 - Y/M) with a = 12 and M = 60, one hour sold


@every_rule
@few
@given(firms=FIRMS, form=FORM, stake=st.floats(0.0, 1.0))
def test_a_rule_of_rents_answers_hours_that_are_there_and_finite_rents(rule, firms, form, stake):
    known = drawn(firms, stake)
    got = RENT_PRICING[rule](known, bring(form), conduct())
    assert got.shape == (2, 1, len(firms))
    assert got.dtype == np.float64
    assert np.isfinite(got).all()
    assert got.min() >= 0
    assert np.all(got[0] <= known.hours)
    if rule in ("nash_logit", "markup", "cost_based", "capacity_clearing"):
        assert np.all(got[1] >= known.cost_usd * (1 - 1e-12)), "at cost or above"


@every_rule
@few
@given(firms=FIRMS, form=FORM, stake=st.floats(0.0, 1.0), factor=st.sampled_from([2.0**20, 2.0**-20, 3.7]))
def test_units_of_rents_do_not_matter(rule, firms, form, stake, factor):
    known, demand = drawn(firms, stake), bring(form)
    hours, rents = RENT_PRICING[rule](known, demand, conduct())
    dearer = RENT_PRICING[rule](in_money(known, factor), in_money(demand, factor), conduct())
    larger = RENT_PRICING[rule](in_hours(known, factor), in_hours(demand, factor), conduct())
    for got, expected in ((dearer, (hours, factor * rents)), (larger, (factor * hours, rents))):
        for mine, theirs in zip(got, expected, strict=True):
            assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-9 * max(theirs.max(), 1e-300))


@every_rule
@few
@given(firms=FIRMS, form=FORM, stake=st.floats(0.0, 1.0), data=st.data())
def test_clouds_may_stand_in_any_order(rule, firms, form, stake, data):
    order, known = data.draw(st.permutations(range(len(firms)))), drawn(firms, stake)
    there = RENT_PRICING[rule](known, bring(form), conduct())[..., order]
    got = RENT_PRICING[rule](in_order(known, order), bring(form), conduct())
    assert got == pytest.approx(there, rel=1e-9, abs=1e-9)


@every_rule
@every_demand
def test_where_nobody_has_hours_none_are_offered(rule, form):
    known = drawn([(0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.1)] * 3)
    got = RENT_PRICING[rule](known, bring(form), conduct())
    assert got[0].tolist() == [[0, 0, 0]]
    assert np.isfinite(got).all()
    assert DEMAND[form](got[1], offered(known), bring(form)).tolist() == [[0, 0, 0]]


def together(parts):
    """Return named tuples of one run each as one of several runs."""
    return type(parts[0])(*(np.concatenate(column, axis=-2) for column in zip(*parts, strict=True)))


def test_runs_with_rules_of_their_own_get_the_same_bits_as_alone():
    rng, everything = np.random.default_rng(4), [(form, rule) for form in DEMAND for rule in RENT_PRICING]
    clouds = [drawn([(rng.choice([0.0, 5.0, 50.0]), *rng.uniform(0.5, 2.0, 2), rng.choice([0.5, 1.0]), *rng.uniform(0.1, 1.4, 4))
                     for _ in range(7)], stake=0.3) for _ in everything]
    markets, how = [bring(form) for form, _ in everything], [conduct(output_speed=0.5)] * len(everything)
    places = np.array([[list(RENT_PRICING).index(rule)] for _, rule in everything])
    known, demand = together(clouds), together(markets)
    got = choose(RENT_PRICING, places, known, demand, together(how))
    spent = choose(DEMAND, demand.form, got[1], offered(known), demand)
    for run, (form, rule) in enumerate(everything):
        alone = RENT_PRICING[rule](clouds[run], markets[run], how[run])
        assert same_bits(np.ascontiguousarray(got[:, [run]]), alone), (form, rule)
        assert same_bits(spent[[run]], DEMAND[form](alone[1], offered(clouds[run]), markets[run])), (form, rule)


@every_demand
@given(firms=FIRMS, data=st.data(), factor=st.sampled_from([2.0**20, 2.0**-20, 3.7]))
def test_what_every_demand_keeps(form, firms, data, factor):
    known, demand = drawn(firms), bring(form)
    spent = DEMAND[form](known.rent_usd, offered(known), demand)
    assert spent.shape == known.hours.shape
    assert np.isfinite(spent).all()
    assert spent.min() >= 0
    assert np.all(spent[known.hours == 0] == 0), "who has nothing to offer is asked for nothing"
    order = data.draw(st.permutations(range(len(firms))))
    turned = in_order(known, order)
    assert DEMAND[form](turned.rent_usd, offered(turned), demand) == pytest.approx(spent[:, order], rel=1e-12, abs=1e-12)
    for unit in (in_money, in_hours):
        counted = unit(known, factor)
        assert DEMAND[form](counted.rent_usd, offered(counted), unit(demand, factor)) == pytest.approx(factor * spent, rel=1e-9, abs=1e-9 * factor)


@every_demand
@given(firms=FIRMS, dearer=st.floats(1.01, 4.0))
def test_at_a_higher_rent_nobody_sells_more_and_no_rival_less(form, firms, dearer):
    known, demand = drawn(firms), bring(form)
    factor = np.array([[dearer, *([1.0] * (len(firms) - 1))]])
    before, after = (np.minimum(DEMAND[form](rent, offered(known), demand) / rent, known.hours)[0] for rent in (known.rent_usd, known.rent_usd * factor))
    assert after[0] <= before[0] * (1 + 1e-12)
    assert np.all(after[1:] >= before[1:] * (1 - 1e-12))


# Entry and quality by hand -----------------------------------------------------------------------------

TEXTBOOK = CONFIGURATION.parent / "oracles" / "textbook.toml"
FIRMS_OF_TEXTBOOK = 8


def amended(configuration, firms=None, **sections):
    """Return a configuration with other numbers; `firms` are lists by cloud, None to leave one alone."""
    parameters = configuration.parameters
    changed = {name: replace(getattr(parameters, name), **numbers) for name, numbers in sections.items()}
    clouds = list(configuration.cast.clouds)
    for name, values in (firms or {}).items():
        for place, value in enumerate(values):
            clouds[place] = replace(clouds[place], **{name: value})
    return replace(configuration, parameters=replace(parameters, **changed), cast=replace(configuration.cast, clouds=tuple(clouds)))


@pytest.fixture(scope="module")
def textbook():
    """Eight equal firms on P = 100 - Q, whose hours cost 10 USD of service and nothing else."""
    line = ["rental.demand=linear", "rental.pricing=cournot", "rental.choke_usd=100", "customers.enterprise_usd=400", "rental.cost=marginal"]
    return load(str(TEXTBOOK), [*line, *(f"cast.clouds.firm{i + 1}.service_usd=10" for i in range(FIRMS_OF_TEXTBOOK))])


def rules_of(configuration, **numbers):
    return rules_in_force([amended(configuration, rental=numbers)], 1)[0]


@pytest.mark.parametrize(("selling", "profit"), [((1, 0, 0, 0), 2025), ((1, 1, 0, 0), 900), ((1, 1, 1, 0), 506.25), ((1, 1, 1, 1), 324)])
def test_the_profit_of_cournot_firms_when_all_have_settled(textbook, selling, profit):
    # Oracle O1: (90/(N + 1))^2 each, less the fixed cost; who is not in the market earns nothing.
    rules = rules_of(textbook, fixed_usd=400.0)
    got = rental.imagined_profit(row(*selling), sellers((900,) * 4), market("linear"), rules)
    assert got[0] == pytest.approx([(profit - 400) * inside for inside in selling], abs=1e-6)


@pytest.mark.parametrize(("standing", "profit"), [(45, 106.25), (50, 0.0), (0, 1625), (95, -400)])
def test_what_a_newcomer_earns_beside_standing_output(textbook, standing, profit):
    # Oracle O22: half of the 90 less `standing`, squared, less 400; beside 95 hours it would not sell at all.
    got = rental.profit_beside(sellers((900, 900), output=(standing, 0)), market("linear"), rules_of(textbook, fixed_usd=400.0).rental)
    assert got[0, 1] == pytest.approx(profit, abs=1e-9)


@pytest.mark.parametrize("pricing", ["cournot", "nash_logit"])
def test_a_newcomer_expects_its_part_of_given_budgets(textbook, pricing):
    # Three equals share 1000. Cournot: S/N^2 each. Logit in log rent with a = 2: p = c (1 + 1/(2 2/3)) = 7c/4, so 3/7 of S/3.
    rules = rules_of(textbook, demand="budget", pricing=pricing)
    got = rental.imagined_profit(row(1, 1, 1), sellers((900,) * 3, odds=(0.5, 0.5, 0)), market("budget", size=1000), rules)
    assert got[0, 2] == pytest.approx({"cournot": 1000 / 9, "nash_logit": 1000 / 7}[pricing], rel=1e-6)


def test_the_cheapest_of_some_and_the_first_of_equals():
    assert rental.cheapest(row(3, 2, 2, 1), row(1, 1, 1, 0))[0].tolist() == [0, 1, 0, 0]
    assert rental.cheapest(row(3, 2, 2, 1), row(0, 0, 0, 0))[0].tolist() == [0, 0, 0, 0]


def numbers(**more):
    usual = {"quality_cost": 1.0, "quality_exponent": 2.0, "quality_speed": 1.0, "fixed_usd": 0.0}
    return SimpleNamespace(**{name: row(value) for name, value in (usual | more).items()})


def test_quality_moves_to_its_best_reply():
    # Two with 50 USD each: u^2 = 2 100 (1/4)(1 - .5/1) = 25. In logs half of the way from 1 is sqrt(5).
    assert rental.better_quality(row(1, 1), row(50, 50), numbers())[0] == pytest.approx([5, 5], rel=1e-13)
    assert rental.better_quality(row(1, 1), row(50, 50), numbers(quality_speed=0.5))[0] == pytest.approx([5**0.5] * 2, rel=1e-13)
    # Shares of .6 and .4 among three, one of whom earns nothing and stays: 2 100 .24 (1 - .4) and 2 100 .24 (1 - .6), over a = 2.
    unequal = rental.better_quality(row(1, 1, 3), row(60, 40, 0), numbers(quality_cost=2.0))
    assert unequal[0] == pytest.approx([14.4**0.5, 9.6**0.5, 3], rel=1e-13)


def test_quality_stays_where_it_costs_nothing_and_alone_it_is_not_worth_anything():
    assert rental.better_quality(row(0.7, 3), row(50, 50), numbers(quality_cost=0.0))[0].tolist() == [0.7, 3]
    assert rental.better_quality(row(3, 3), row(50, 0), numbers())[0].tolist() == [1, 3]


def test_the_outlay_of_being_in_the_market():
    # 90 + (3/3)(2^3 - 1); quality 1 costs nothing beyond the fixed cost.
    assert rental.outlay(row(2, 1), numbers(fixed_usd=90.0, quality_cost=3.0, quality_exponent=3.0))[0] == pytest.approx([97, 90], rel=1e-14)


def test_no_quality_costs_less_than_nothing():
    assert rental.outlay(row(0.5), numbers(quality_cost=3.0, quality_exponent=3.0))[0, 0] >= 0


@pytest.mark.parametrize(("inside", "rents_out", "offer"), [(70, 1.0, 50), (20, 1.0, 80), (70, 0.5, 25), (70, 0.0, 0)])
def test_hours_for_tenants(inside, rents_out, offer):
    # Half of 100 hours is assured; own use leaves 30, or 80.
    cloud = SimpleNamespace(tenant_share=row(0.5), rents_out=row(rents_out))
    assert tenants.hours_for_tenants(cloud, row(100), row(inside))[0, 0] == offer


def test_what_is_held_back_is_not_sold(textbook):
    # 45 of 100 hours are offered at 55 USD (P = 100 - Q, a cost of 10). Of them 20 are promised. On the spot firms ask for 45,
    # startups for 550/55 and captive customers for 5: each gets 25/60.
    one = {"contested_rent_usd": 55, "quality": 1, "appeal": 0, "tenant_odds": 1, "tenant_share": 1, "rents_out": 1, "sells": 1, "alive": 1, "kind": 1,
           "output_pflop_hours": 45, "hour_price_cost_usd": 10, "full_cost_usd": 30, "service_usd": 10, "list_rent_usd": 0, "rented_share": 1,
           "rented_share_before": 1}
    cloud = SimpleNamespace(**{name: row(value) for name, value in one.items()}, profit_weight=np.zeros((1, 1, 1)))
    wants = tenants.Wants(reserved_hours=row(20), startup_usd=row(550), startups_usd=row(550), market=market("linear"), contract_usd=row(0),
                          captive_hours=row(5), backed_usd=row(0), backed_hours=row(0))
    got = tenants.clear(cloud, wants, row(100), row(0), row(0), rules_of(textbook))
    told = {"rent_usd": 55, "kept_promise": 1, "fill": 25 / 60, "asked_hours": 80, "enterprise_usd": 45 * 55, "output_hours": 45}
    assert {name: getattr(got, name)[0, 0] for name in told} == pytest.approx(told, rel=1e-13)


@pytest.mark.parametrize(("cost", "expected"), [("marginal", 0.5), ("full", 3.5)])
def test_the_cost_of_an_hour(textbook, cost, expected):
    # Electricity .2 or all of new capacity 3.2, and service .3.
    cloud = SimpleNamespace(full_cost_usd=row(3.2), service_usd=row(0.3))
    assert rental.hour_cost(cloud, row(0.2), rules_of(textbook, cost=cost).rental)[0, 0] == pytest.approx(expected)


# What a configuration may ask for -------------------------------------------------------------------------


@pytest.mark.parametrize(("rules", "message"), [
    ("demand = 'logit'\npricing = 'cournot'", "rental.pricing .*needs rental.demand = linear or isoelastic or quality or budget, not logit"),
    ("demand = 'linear'\npricing = 'nash_logit'", "rental.pricing .*needs rental.demand = logit or budget, not linear"),
    ("demand = 'linear'\npricing = 'cournot'\nquality_cost = 1", "rental.quality_cost .*needs rental.demand = quality"),
    ("pricing = 'scarcity'\nentrants_expect = 'standing'", "rental.entrants_expect .*needs rental.pricing = cournot, not scarcity"),
])
def test_rules_that_have_no_meaning_together_are_refused(tmp_path, rules, message):
    with pytest.raises(BadInput, match=message):
        load(str(write_small(tmp_path, f"[rental]\n{rules}\n")))


@pytest.mark.parametrize(("cast", "message"), [
    ("holds = 'wset'", "east.holds .*must be the key of another owner.*west"), ("holds = 'east'", "east.holds .*must be the key of another owner"),
    ("holding = 0.3", "east.holding .*says of nobody whose part it is"),
])
def test_a_stake_must_be_in_another_owner(tmp_path, cast, message):
    with pytest.raises(BadInput, match=message):
        load(str(write_small(tmp_path, f"[cast.clouds.east]\n{cast}\n")))


def test_the_cast_of_the_rental_market_arrives_in_the_world(tmp_path):
    path = write_small(tmp_path, "[cast.clouds.east]\nholds = 'west'\nholding = 0.3\nservice_usd = 0.5\nappeal = -2\nquality = 1.5\nsells = 0\n"
                                 "output_pflop_hours = 70\n")
    world = Simulation([load(str(path))], run_seeds(1, 0, 1)).world
    for name, values in {"service_usd": [0.5, 0], "appeal": [-2, 0], "quality": [1.5, 1], "sells": [0, 1], "output_pflop_hours": [70, 0]}.items():
        assert world.array(f"clouds.{name}")[0, :2].tolist() == values, name
    weights = world.array("clouds.profit_weight")[:, 0]
    assert weights[1, 0] == 0.3, "the weight of west's profit in east's objective"
    assert np.count_nonzero(weights) == 1


# Small runs of the engine ---------------------------------------------------------------------------------


def followed(configurations, quarters, names):
    """Step configurations in lockstep, one run each, and return (simulation, {column: (quarters, runs, rows)}); no identity breaks."""
    simulation, seen = Simulation(configurations, run_seeds(5, 0, len(configurations))), {name: [] for name in names}
    for _ in range(quarters):
        simulation.step()
        assert simulation.failures == []
        for name in names:
            seen[name].append(np.array(simulation.world.array(name)))
    return simulation, {name: np.array(values) for name, values in seen.items()}


ENTRY = ("clouds.sells", "clouds.market_outlay_usd", "clouds.rented_pflop_hours", "clouds.output_pflop_hours", "clouds.entry_profit_usd",
         "clouds.contested_rent_usd", "clouds.quality")


@pytest.fixture(scope="module")
def entered(textbook):
    """Follow markets with a fixed cost of 400 USD in which one sells at first, five do, or a dear one does; and two who choose quality."""
    free = {"entry": "free", "fixed_usd": 400.0}
    one = amended(textbook, {"sells": [1] + [0] * 7}, rental=free)
    costs = [10, 10, 10, 10.1, 10.2, 10, 10, 10]
    five = amended(textbook, {"sells": [1] * 5 + [0] * 3, "service_usd": costs, "output_pflop_hours": [15] * 5}, rental=free)
    sutton = {"demand": "quality", "quality_cost": 1.0, "quality_exponent": 2.0, "fixed_usd": 1.0, "output_speed": 0.5}
    two = amended(textbook, {"sells": [1] * 2 + [0] * 6}, rental=sutton)
    dear = amended(textbook, {"sells": [1] * 2 + [0] * 6, "service_usd": [10, 60]}, rental=free)
    return followed([one, five, two, dear], 24, ENTRY)


def test_one_firm_opens_a_quarter_until_the_next_would_lose(entered):
    # (90/(N + 1))^2 is 506.25 for three and 324 for four: the third comes, the fourth does not.
    _, seen = entered
    assert seen["clouds.sells"][:, 0].sum(axis=1).tolist() == [2] + [3] * 23
    assert seen["clouds.entry_profit_usd"][[0, 1, 2], 0].sum(axis=1) == pytest.approx([900 - 400, 506.25 - 400, 324 - 400], abs=1e-6)
    assert seen["clouds.contested_rent_usd"][-1, 0, :3] == pytest.approx([32.5] * 3, rel=1e-9)


def test_the_dearest_closes_first_one_a_quarter_and_nobody_who_would_earn(entered):
    # Five earn 225 each before 400 USD, four 324, three 506: those at 10.2 and then 10.1 USD close.
    _, seen = entered
    sells = seen["clouds.sells"][:, 1]
    assert sells.sum(axis=1).tolist() == [5, 4] + [3] * 22
    assert sells[1].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert sells[-1].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]


def test_nobody_closes_in_a_quarter_in_which_somebody_opens(entered):
    # Beside three at 10 USD the rent is 32.5 and the second firm, at 60, sells nothing: it stays until nobody comes any more.
    _, seen = entered
    assert seen["clouds.sells"][:3, 3, :5].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 0, 1, 1, 0]]
    assert seen["clouds.market_outlay_usd"][1, 3, 1] == 400, "it pays for being there all the same"


def test_who_has_closed_sells_nothing_and_pays_nothing(entered):
    simulation, seen = entered
    sells, closed = seen["clouds.sells"], seen["clouds.sells"] == 0
    assert closed.any()
    for name in ("clouds.market_outlay_usd", "clouds.rented_pflop_hours", "clouds.output_pflop_hours"):
        assert np.all(seen[name][closed] == 0), name
    assert np.all(seen["clouds.market_outlay_usd"][:, :2] == 400 * sells[:, :2])
    assert np.all(seen["clouds.rented_pflop_hours"][:, :3][sells[:, :3] == 1] > 0)
    paid, _ = simulation.world.ledger.sides["outlays on the rental market"]
    assert paid[:2, 0].tolist() == [1200, 1200]
    service, _ = simulation.world.ledger.sides["service of rented hours"]
    assert service[[0, 2], 0] == pytest.approx(10 * seen["clouds.rented_pflop_hours"][-1, [0, 2]].sum(axis=-1), rel=1e-12)


def test_two_firms_escalate_quality_with_the_market(entered):
    # u^2 = 2 S (N - 1)^2/N^3 = 25 for a spending of 100; the outlay is 1 + (25 - 1)/2. Sutton 1991, ch. 3.
    _, seen = entered
    assert seen["clouds.quality"][-1, 2, :2] == pytest.approx([5, 5], rel=1e-6)
    assert seen["clouds.market_outlay_usd"][-1, 2, :2] == pytest.approx([13, 13], rel=1e-6)


FORMS = tuple(DEMAND)
PAIRS = [*((form, "cournot") for form in FORMS if form != "logit"), ("logit", "nash_logit"), ("budget", "nash_logit"),
         *((form, rule) for rule in ("capacity_clearing", "markup", "scarcity", "cost_based") for form in FORMS)]
QUARTERS = 16
SEEN = ("clouds.contested_rent_usd", "clouds.output_pflop_hours", "clouds.rented_pflop_hours", "clouds.hour_price_cost_usd", "clouds.tenant_odds",
        "clouds.alive", "clouds.rents_out", "clouds.sells", "clouds.quality", "market.enterprise_usd", "market.demand_shock")


@pytest.fixture(scope="module")
def baseline():
    return load(str(CONFIGURATION), [f"frame.quarters={QUARTERS}", "frame.startup_slots=128", "startups.opening=20"])


@pytest.fixture(scope="module")
def ran(baseline):
    """Follow every sensible pair of demand and pricing in the baseline, on both costs of an hour, in lockstep."""
    rules = [amended(baseline, rental={"demand": form, "pricing": rule, "cost": cost}) for form, rule in PAIRS for cost in ("marginal", "full")]
    return followed(rules, QUARTERS, SEEN)[1]


def of_pair(ran, pair):
    """Return what the two runs under a pair of rules saw, and where there was a cloud that rents out."""
    here = slice(2 * PAIRS.index(pair), 2 * PAIRS.index(pair) + 2)
    seen = SimpleNamespace(**{name.partition(".")[2]: values[:, here] for name, values in ran.items()})
    return seen, (seen.alive > 0) & (seen.rents_out > 0)


def wanted_at_reference(seen, baseline):
    """Return the hours that spending buys at the reference rent, `(quarters, runs, 1)`."""
    part = 1 - baseline.parameters.customers.captive_share
    return part * seen.enterprise_usd * seen.demand_shock / baseline.parameters.rental.reference_usd


@pytest.mark.parametrize("pair", PAIRS, ids=".".join)
def test_rents_are_finite_and_hours_are_sold_under_every_pair(ran, pair):
    seen, selling = of_pair(ran, pair)
    rents = seen.contested_rent_usd[selling]
    assert np.isfinite(rents).all()
    assert np.all(seen.contested_rent_usd[seen.output_pflop_hours > 0] > 0)
    assert np.all(seen.contested_rent_usd[~selling] == 0), "who rents nothing out has no rent"
    assert np.all(seen.rented_pflop_hours.sum(axis=-1) > 0)


def test_no_two_pairs_give_the_same_market(ran):
    rented = ran["clouds.rented_pflop_hours"][:, ::2]
    for k in range(len(PAIRS)):
        for other in range(k):
            assert not np.allclose(rented[:, k], rented[:, other], rtol=1e-6), (PAIRS[k], PAIRS[other])


@pytest.mark.parametrize("form", [form for form, rule in PAIRS if rule == "cournot"])
def test_under_cournot_one_rent_clears_what_is_offered(ran, baseline, form):
    seen, selling = of_pair(ran, (form, "cournot"))
    hours, size, numbers = seen.output_pflop_hours.sum(axis=-1, keepdims=True), wanted_at_reference(seen, baseline), baseline.parameters.rental
    expected = {"linear": numbers.choke_usd * np.maximum(0, 1 - hours / size),
                "isoelastic": numbers.reference_usd * (size / hours) ** (1 / numbers.elasticity)}.get(form, numbers.reference_usd * size / hours)
    offering = selling & (seen.output_pflop_hours > 0)
    assert seen.contested_rent_usd[offering] == pytest.approx((expected * selling)[offering], rel=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_regulated_rents_are_cost(ran, form):
    seen, selling = of_pair(ran, (form, "cost_based"))
    offering = selling & (seen.output_pflop_hours > 0)
    assert seen.contested_rent_usd[offering] == pytest.approx(seen.hour_price_cost_usd[offering], rel=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_markups_open_with_the_first_rents(ran, baseline, form):
    # Shares have not moved yet, so m = m0: the first rent is that of the opening, or the cost where that is more.
    seen, selling = of_pair(ran, (form, "markup"))
    expected = np.maximum(baseline.parameters.clouds.opening_rent_usd, seen.hour_price_cost_usd[0][selling[0]])
    assert seen.contested_rent_usd[0][selling[0]] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("form", ["linear", "isoelastic", "quality"])
def test_capacity_clears_one_good_or_rents_are_cost(ran, baseline, form):
    seen, selling = of_pair(ran, (form, "capacity_clearing"))
    hours, size, numbers = seen.output_pflop_hours.sum(axis=-1, keepdims=True), wanted_at_reference(seen, baseline), baseline.parameters.rental
    clearing = {"linear": numbers.choke_usd * np.maximum(0, 1 - hours / size),
                "isoelastic": numbers.reference_usd * (size / hours) ** (1 / numbers.elasticity), "quality": numbers.reference_usd * size / hours}[form]
    offering, cost = selling & (seen.output_pflop_hours > 0), seen.hour_price_cost_usd
    cheapest = cost <= np.where(offering, cost, np.inf).min(axis=-1, keepdims=True)  # it asks up to the next lowest cost
    others, expected = offering & ~cheapest, np.maximum(cost, clearing)
    assert seen.contested_rent_usd[others] == pytest.approx(expected[others], rel=1e-9)
    assert np.all(seen.contested_rent_usd[offering] >= expected[offering] * (1 - 1e-9))


def test_bertrand_rents_meet_their_first_order_conditions(ran, baseline):
    numbers, a = baseline.parameters.rental, baseline.parameters.clouds.provider_elasticity
    seen, selling = of_pair(ran, ("logit", "nash_logit"))
    weight = np.where(seen.output_pflop_hours > 0, np.exp(-numbers.sensitivity * seen.contested_rent_usd), 0)
    share = weight / (1 + weight.sum(axis=-1, keepdims=True))
    expected, offering = seen.hour_price_cost_usd + 1 / (numbers.sensitivity * (1 - share)), selling & (seen.output_pflop_hours > 0)
    assert seen.contested_rent_usd[offering] == pytest.approx(expected[offering], rel=1e-9)
    seen, selling = of_pair(ran, ("budget", "nash_logit"))
    # Odds are those of last quarter's rents. Quarters are left out in which somebody failed after rents were set.
    rents, last, odds = seen.contested_rent_usd[1:], seen.contested_rent_usd[:-1], seen.tenant_odds[1:]
    known = (odds > 0) & (odds.sum(axis=-1, keepdims=True) > 1 - 1e-9)
    weight = np.where(known, odds * (np.where(known, rents, 1) / np.where(known, last, 1)) ** -a, 0)
    share = weight / np.maximum(weight.sum(axis=-1, keepdims=True), 1e-300)
    expected = seen.hour_price_cost_usd[1:] * (1 + 1 / (a * (1 - share)))
    assert known.any(axis=-1).mean() > 0.7
    assert rents[known] == pytest.approx(expected[known], rel=1e-9)


def test_a_cloud_that_waits_for_its_chips_asks_for_a_rent(ran):
    seen, selling = of_pair(ran, ("budget", "cost_based"))
    assert np.all(seen.contested_rent_usd[selling] > 0)


def test_who_comes_late_can_sell():
    """A neocloud with a date, a public cloud and one half of a divided cloud all rent out within two years."""
    late = load(str(CONFIGURATION), ["frame.quarters=12", "frame.startup_slots=128", "startups.opening=20", "cast.clouds.coreweave.enters=2018Q2"],
                levers=["public_cloud@2018Q2", "break_up@2018Q2"])
    names = [cloud.key for cloud in late.cast.clouds]
    runs = [amended(late, rental={"demand": form, "pricing": rule}) for form, rule in (("budget", "scarcity"), ("linear", "cournot"), ("quality", "markup"))]
    _, seen = followed(runs, 12, SEEN)
    born = [names.index("coreweave"), names.index("public_cloud"), len(names)]  # the carved out stands in the first spare row
    assert np.all(seen["clouds.alive"][0][:, born] == 0)
    assert np.all(seen["clouds.alive"][1][:, born] == 1)
    for name in ("clouds.sells", "clouds.quality"):
        assert np.all(seen[name][1:][:, :, born][seen["clouds.alive"][1:][:, :, born] > 0] == 1), name
    assert np.all(seen["clouds.rented_pflop_hours"].max(axis=0)[:, born] > 0)

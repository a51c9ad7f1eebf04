"""How agents decide, on tiny hand-made arrays: every expected value is worked out beside it."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from worlds import row, same_bits

from market_abm.behaviour import chip_makers, clouds, investors, labs, power, startups
from market_abm.randomness import Draws, birth_key
from market_abm.state import tables
from market_abm.state.tables import MERCHANT, NEOCLOUD
from market_abm.units import FLOP_PER_PFLOP_HOUR

pytestmark = pytest.mark.usefixtures("quiet")


def view(**columns):
    """Return a stand-in for a table or for a section of the rules: single numbers become one row."""
    return SimpleNamespace(**{k: row(v) if isinstance(v, int | float) else v for k, v in columns.items()})


def near(expected, rel=1e-12):
    return pytest.approx(np.asarray(expected, dtype=float), rel=rel, abs=1e-300)


# Chip makers: learning, launches ----------------------------------------------------------------------


def unit_cost(made, base=1000.0, pflops=2.0, exponent=0.32192809488736235, before=1000.0):
    makers = view(cumulative_chips=row(made), base_cost_usd_per_chip=row(base), pflops_per_chip=row(pflops))
    return chip_makers.unit_cost_usd_per_pflops(makers, view(chips_before_start=before, learning_exponent=exponent))[0, 0]


@pytest.mark.parametrize(("made", "factor"), [(0.0, 1.0), (1000.0, 0.8), (3000.0, 0.64), (1_023_000.0, 0.8**10)])
def test_each_doubling_of_output_cuts_unit_cost_by_a_fifth(made, factor):
    # O15: b = -ln .8/ln 2 = .321928; X0 = 1000 chips before the start, so 1000 more are one doubling.
    assert unit_cost(made) == near(500.0 * factor)


def test_ten_doublings_leave_a_tenth():
    assert unit_cost(1_023_000.0) / unit_cost(0.0) == pytest.approx(0.107374, abs=1e-6)


def test_everybody_learns_from_the_chips_of_the_industry_whatever_their_speed():
    makers = view(cumulative_chips=row(400.0, 600.0), base_cost_usd_per_chip=row(100.0, 100.0), pflops_per_chip=row(1.0, 50.0))
    got = chip_makers.unit_cost_usd_per_pflops(makers, view(chips_before_start=1000.0, learning_exponent=0.32192809488736235))
    assert got[0] == near([80.0, 1.6])


def launching(gain, alive):
    makers = view(laboratory_gain=row(*gain), alive=row(*alive), pflops_per_chip=row(*[0.5] * len(gain)),
                  watts_per_chip=row(*[400.0] * len(gain)), base_cost_usd_per_chip=row(*[3000.0] * len(gain)))
    return chip_makers.launch(makers, view(launch_gain=math.log(2), watts_elasticity=0.5, cost_elasticity=2.0))


def test_a_launch_waits_for_the_threshold_and_brings_all_that_the_laboratory_has():
    gain = (math.log(2) - 1e-9, math.log(2), math.log(4), math.log(4))
    new = launching(gain, (1, 1, 1, 0))
    assert new.launched[0].tolist() == [False, True, True, False]
    assert new.pflops_per_chip[0] == near([0.5, 1.0, 2.0, 0.5])  # all of the gain
    assert new.watts_per_chip[0] == near([400.0, 400.0 * 2**0.5, 800.0, 400.0])  # half of it, in logs
    assert new.base_cost_usd_per_chip[0] == near([3000.0, 12_000.0, 48_000.0, 3000.0])  # twice, in logs
    assert new.laboratory_gain[0] == near([gain[0], 0.0, 0.0, gain[3]])


# Chip makers: factories -------------------------------------------------------------------------------


def starts(capacity, building, orders, bound=1.28, expectation=1.0, pflops=1.0):
    makers = view(capacity_chips=row(*capacity), pflops_per_chip=row(*[pflops] * len(capacity)))
    return chip_makers.capacity_starts(makers, row(*building), row(*orders), view(fab_start_bound=bound, fab_expectation=expectation))[0]


def test_makers_build_for_the_orders_they_expect_less_what_is_coming():
    # 60 PFLOP/s of .5 each are 120 chips, times 1.5 expected: 180, of which 100 + 50 are there or coming.
    assert starts((100,), (50,), (60,), expectation=1.5, pflops=0.5) == near([30.0])


def test_together_they_start_no_more_than_the_foundry_can():
    # Wishes 300 and 100; the foundry can add .25 of 400 + 0 in all: 100, a quarter of each wish.
    assert starts((300, 100), (0, 0), (600, 200), bound=1.25) == near([75.0, 25.0])


def test_nobody_tears_a_factory_down_or_builds_without_need():
    assert starts((100, 100), (0, 50), (100, 0)).tolist() == [0.0, 0.0]
    assert starts((0, 0), (0, 0), (0, 0)).tolist() == [0.0, 0.0]
    assert starts((0, 0), (0, 0), (50, 50)).tolist() == [0.0, 0.0], "growth of nothing is nothing"


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e7)), min_size=1, max_size=6), st.floats(1.0, 2.0))
def test_starts_keep_within_the_bound_on_capacity_and_what_is_under_construction(makers, bound):
    capacity, building, orders = zip(*makers, strict=True)
    got = starts(capacity, building, orders, bound=bound, expectation=1.3)
    there = sum(capacity) + sum(building)
    wishes = [max(0.0, 1.3 * o - c - b) for c, b, o in makers]
    assert np.all(got >= 0)
    assert np.all(got <= np.array(wishes) * (1 + 1e-12))
    assert got.sum() == pytest.approx(min(sum(wishes), (bound - 1) * there), rel=1e-9, abs=1e-9)


# Chip makers: research, software ----------------------------------------------------------------------


RESEARCH = {"rnd_share": 0.2, "difficulty_exponent": 1.0, "reference_rnd_usd": 100.0, "innovation_hazard": 0.5,
            "innovation_returns": 0.5, "gain_low": 0.05, "gain_high": 0.2, "imitation": 0.1, "imitation_closed": 0.5}


def researching(sales, level, quarter=0, runs=4000, openness=0.0, alive=1.0, **chips):
    many = np.ones((runs, 1))
    makers = view(alive=alive * many, birth=np.full((runs, 1), birth_key(-1, 0)), planned_sales_usd=sales * many, other_rnd_usd=0 * many,
                  kind=MERCHANT * many, programme_usd=0 * many,
                  pflops_per_chip=level * many, first_pflops_per_chip=many, laboratory_gain=0 * many,
                  openness=openness * many, share_of_orders=many)
    return chip_makers.research(makers, view(**RESEARCH | chips), Draws(np.arange(runs, dtype=np.uint64), quarter))


@pytest.mark.parametrize(("sales", "level", "hazard"), [
    (500.0, 1.0, 0.5), (2000.0, 1.0, 1.0), (500.0, 4.0, 0.25), (0.0, 1.0, 0.0),
])
def test_success_comes_with_spending_over_a_difficulty_that_grows(sales, level, hazard):
    # Spending 20% of sales; hazard .5 (spending/100/level)^.5; a chance of 1 - e^-hazard in 4000 runs.
    done = researching(sales, level)
    chance = 1 - math.exp(-hazard)
    share = np.mean(done.gain > 0)
    assert abs(share - chance) <= 4 * math.sqrt(chance * (1 - chance) / 4000)
    assert done.spent_usd == near(np.full((4000, 1), 0.2 * sales))
    won = done.gain[done.gain > 0]
    assert np.all((won >= 0.05) & (won <= 0.2))


def test_a_maker_that_is_not_there_neither_spends_nor_learns():
    done = researching(500.0, 1.0, alive=0.0)
    assert not done.gain.any()
    assert not done.spent_usd.any()


def test_a_laggard_closes_part_of_the_gap_and_more_when_the_leader_documents():
    # No success (hazard 0); the gap is ln 4; imitation .1 (.5 + openness of what is sold).
    makers = view(alive=row(1, 1), birth=np.array([[1, 2]], np.uint64), planned_sales_usd=row(0, 0), other_rnd_usd=row(0, 0),
                  kind=row(MERCHANT, MERCHANT), programme_usd=row(0, 0),
                  pflops_per_chip=row(4, 1), first_pflops_per_chip=row(1, 1), laboratory_gain=row(0, 0),
                  share_of_orders=row(0.75, 0.25), openness=row(0.4, 0.8))
    done = chip_makers.research(makers, view(**RESEARCH), Draws(np.array([1], np.uint64), 0))
    assert done.gain[0] == near([0.0, 0.1 * (0.5 + 0.75 * 0.4 + 0.25 * 0.8) * math.log(4)])


SOFTWARE = {"ecosystem_growth": 0.27, "ecosystem_concavity": 0.5, "ecosystem_decay": 0.03, "public_part": 0.6,
            "software_half": 2.5, "efficiency_channel": 1.0, "utilisation_floor": 0.11, "utilisation_span": 0.44}


def test_software_is_written_for_users_and_goes_out_of_date():
    # .97 x 2 + .27 x sqrt(.25); nobody writes for a chip without users; at rest 9 = .27/.03; twice the developers write twice as much.
    grown = chip_makers.ecosystem_growth(row(2.0, 2.0, 9.0), row(0.25, 0.0, 1.0), row(1.0), view(**SOFTWARE))
    assert grown[0] == near([2.075, 1.94, 9.0])
    assert chip_makers.ecosystem_growth(row(2.0), row(0.25), row(2.0), view(**SOFTWARE))[0] == near([1.94 + 0.27])


def test_utilisation_by_hand():
    got = chip_makers.utilisation(row(0.0, 2.5, 7.5), view(**SOFTWARE))
    assert got[0] == near([0.11, 0.33, 0.11 + 0.44 * 0.75])


def test_buyers_use_vendor_software_as_far_as_they_may_read_and_open_source_as_far_as_chips_are_documented():
    # Vendor software 5, open source 2, openness .3: without access 5 x .6 + .6, with all of it 5 + .6.
    ecosystem, openness, access = np.array([[[5.0]]]), np.array([[[0.3]]]), np.array([[[0.0, 0.5, 1.0]]])
    got = chip_makers.software_for_buyers(ecosystem, openness, access, row(2.0), row(0, 0, 0), view(**SOFTWARE))
    assert got[0, 0] == near([3.6, 4.6, 5.6])
    # A stack of its own of 1 is worth as much as the vendor's: .6, .8 and 1 more.
    own = chip_makers.software_for_buyers(ecosystem, openness, access, row(2.0), row(1, 1, 1), view(**SOFTWARE))
    assert own[0, 0] == near([4.2, 5.4, 6.6])
    off = chip_makers.software_for_buyers(ecosystem, openness, access, row(2.0), row(1, 1, 1), view(**SOFTWARE | {"efficiency_channel": 0.0}))
    assert off[0, 0] == near([2.5, 2.5, 2.5])  # half of the span for everybody: documentation makes no difference


# Owners: what capacity costs --------------------------------------------------------------------------


MONEY = {"server_overhead": 0.35, "building_usd_per_mw": 11e6, "capital_cost": 0.12, "expected_decline": 0.28,
         "upkeep_usd_per_mw_year": 0.45e6, "target_utilisation": 0.7}


def test_what_it_takes_to_buy_house_and_network_a_pflops():
    assert clouds.investment_per_pflops(row(30_000.0), row(0.0014), view(**MONEY)) == near([[40_500 + 15_400]])


def full_cost(**more):
    capacity = view(investment_usd_per_pflops=row(57_250.0), new_mw_per_pflops=row(0.0014))
    return clouds.full_cost(capacity, row(70.0), view(**MONEY | more), view(life_quarters=22))[0, 0]


def test_full_cost_by_hand():
    # An H100: 31,000 USD, 1.4 kW. Investment 41,850 + 15,400 = 57,250. Return .12 and rents that fall by .28 a
    # year, for 5.5 years: .4/(1 - e^-2.2) = .449844, so 25,753.6 a year; upkeep 630; over 8,760 x .7 = 6,132
    # hours that is 4.3026; electricity at 70 USD/MWh .098.
    assert clouds.investment_per_pflops(row(31_000.0), row(0.0014), view(**MONEY))[0, 0] == near(57_250.0)
    assert full_cost() == pytest.approx((57_250 * 0.4 / (1 - math.exp(-2.2)) + 630) / 6_132 + 0.098, rel=1e-12)
    assert full_cost() == pytest.approx(4.4006, abs=1e-3)


def test_full_cost_pays_the_money_back_with_its_return():
    # Rents that start at the yearly cost and fall by g, discounted at r over the life, are worth the investment.
    yearly = (full_cost(upkeep_usd_per_mw_year=0.0) - 0.098) * 6_132
    times = (np.arange(200_000) + 0.5) * 5.5 / 200_000
    worth = np.sum(yearly * np.exp(-(0.12 + 0.28) * times)) * 5.5 / 200_000
    assert worth == pytest.approx(57_250.0, rel=1e-9)


def test_without_return_or_decline_full_cost_is_straight_line_wear():
    got = full_cost(capital_cost=0.0, expected_decline=0.0, upkeep_usd_per_mw_year=0.0)
    assert got == pytest.approx(57_250 / 5.5 / 6_132 + 0.098, rel=1e-5)


# Owners: prices ---------------------------------------------------------------------------------------


def reviewed(old, age, cost, rents_out=1.0, alive=1.0):
    rows = view(list_rent_usd=row(old), quarters_since_review=row(age), full_cost_usd=row(cost), rents_out=row(rents_out), alive=row(alive))
    price, since = clouds.list_price_review(rows, view(review_quarters=6, list_markup=3.0, list_raise=1.05))
    return float(price[0, 0]), float(since[0, 0])


@pytest.mark.parametrize(("old", "age", "cost", "price", "since"), [
    (12.0, 4, 2.0, 12.0, 5),  # not due: the sixth quarter is the next
    (12.0, 5, 2.0, 6.0, 0),  # due: three times full cost
    (4.0, 5, 2.0, 4.2, 0),  # never raised by more than 5%
    (5.9, 5, 2.0, 6.0, 0),  # a raise of less than that is a raise to the markup
    (0.0, 100, 2.0, 6.0, 0),  # the first price
])
def test_the_list_price_is_reviewed_seldom_and_hardly_raised(old, age, cost, price, since):
    assert reviewed(old, age, cost) == (pytest.approx(price, rel=1e-15), since)


def test_an_owner_who_is_no_cloud_posts_no_price():
    assert reviewed(0.0, 100, 2.0, rents_out=0.0)[0] == 0.0


@given(st.floats(0.01, 100.0), st.integers(0, 20), st.floats(0.01, 100.0))
def test_a_list_price_never_rises_by_more_than_a_twentieth(old, age, cost):
    assert reviewed(old, age, cost)[0] <= 1.05 * old * (1 + 1e-15)


def test_own_use_pays_part_of_cost_or_of_rent_whichever_is_more():
    rows = view(full_cost_usd=row(2.0, 2.0), contested_rent_usd=row(2.0, 4.0))
    got = clouds.transfer_price(rows, view(transfer_cost_share=0.8, transfer_rent_share=0.55))
    assert got[0] == near([1.6, 2.2])


RENT = {"rent_speed": 0.5, "rent_step": 0.4, "rent_floor": 1.3, "public_rent": 1.1}


def next_rent(rent, wants, offered, energy=0.1, listed=0.0, rents_out=1.0, kind=tables.HYPERSCALER):
    cloud = worlds.one_cloud(contested_rent_usd=rent, list_rent_usd=listed, rents_out=rents_out, kind=kind, full_cost_usd=2.0)
    return float(worlds.next_rent(cloud, wants, offered, energy, worlds.rental_rules(**RENT))[0, 0])


@pytest.mark.parametrize(("wants", "offered", "factor"), [
    (100, 100, 1.0), (144, 100, 1.2), (100, 144, 1 / 1.2), (1e6, 1, math.exp(0.4)), (0, 100, math.exp(-0.4)), (50, 0, 1.0),
])
def test_the_contested_rent_moves_by_half_of_the_pressure_in_logs_up_to_a_step(wants, offered, factor):
    # (144/100)^.5 = 1.2; beyond e^.4 it waits for the next quarter; with nothing on offer it stays.
    assert next_rent(2.0, wants, offered) == near(2.0 * factor)


def test_a_public_clouds_rent_is_its_cost_at_most():
    # full cost 2, at most 1.1 of it; wants of e times the offer would raise a rent of 2 by half of 1 in logs, at most by .4
    assert next_rent(2.0, math.e * 10, 10.0, kind=tables.PUBLIC_CLOUD) == near(2.2)
    assert next_rent(2.0, math.e * 10, 10.0) == near(2.0 * math.exp(0.4))
    assert next_rent(2.0, 10.0, 10.0, energy=3.0, kind=tables.PUBLIC_CLOUD) == near(3.9)  # never below the cost of energy


def test_the_contested_rent_keeps_between_energy_cost_and_list_price():
    assert next_rent(2.0, 1, 100, energy=1.5) == near(1.95)  # floor: 1.3 x 1.5
    assert next_rent(4.0, 1e6, 1, listed=5.0) == near(5.0)  # ceiling
    assert next_rent(4.0, 1e6, 1, energy=1.0, listed=0.5) == near(1.3)  # a list price under the floor is no ceiling
    assert next_rent(2.0, 100, 100, rents_out=0.0) == 0.0


@given(st.floats(0.1, 50), st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0.001, 5), st.one_of(st.just(0.0), st.floats(0.1, 99)))
def test_the_contested_rent_stays_in_bounds_whatever_is_wanted(rent, wants, offered, energy, listed):
    got = next_rent(rent, wants, offered, energy, listed)
    floor, ceiling = 1.3 * energy, max(listed, 1.3 * energy) if listed else math.inf
    assert floor * (1 - 1e-12) <= got <= ceiling * (1 + 1e-12)
    reach = (max(floor, rent * math.exp(-0.4)), min(ceiling, rent * math.exp(0.4)))
    assert min(reach) * (1 - 1e-12) <= got <= max(reach) * (1 + 1e-12)


# Owners: expectations, investment, money --------------------------------------------------------------


def test_demand_is_extrapolated_no_faster_than_the_owner_dares():
    # Growth of ln 1.1 a quarter for two quarters; of ln 3 a quarter, capped at 16 a year: 2 a quarter.
    rows = view(demand_growth=row(math.log(1.1), math.log(3), -math.log(2)), expected_pflops=row(100, 100, 100))
    assert clouds.expected_demand(rows, row(2.0), row(16.0))[0] == near([121.0, 400.0, 25.0])


GATE = {"gate_exponent": 1.0, "neocloud_gate_exponent": 2.0, "gate_high": 1.6, "gate_low": 0.35}


def test_investment_responds_to_value_over_cost_within_bounds_and_neoclouds_more():
    ratios, neocloud = row(0.1, 1.0, 1.5, 4.0, 0.7, 4.0), row(0, 0, 0, 0, 1, 1)
    assert clouds.worth_investing(ratios, neocloud, view(**GATE))[0] == near([0.35, 1.0, 1.5, 1.6, 0.49, 1.0])


def test_a_public_cloud_aims_at_what_its_money_can_buy_and_orders_it_whole():
    rows = view(kind=row(tables.HYPERSCALER, tables.NEOCLOUD, tables.PUBLIC_CLOUD))
    level, part = clouds.capacity_aimed_at(rows, row(100, 100, 100), row(0.5, 0.7, 0.5), row(7, 7, 7), row(0, 60, 0))
    assert level[0].tolist() == [100, 160, 7]
    assert part[0].tolist() == [0.5, 0.7, 1.0]


def test_price_takers_divide_what_tenants_lack_where_rent_covers_cost():
    # Weights 1, .5 and 1; the third has a rent below .9 of full cost, and one without weight gets nothing: 2/3 and 1/3 of half of 90.
    rows = view(reach=row(1.0, 0.5, 1.0, 0.0), alive=row(1, 1, 1, 1), contested_rent_usd=row(1.8, 3.0, 1.7, 5.0), full_cost_usd=row(2, 2, 2, 2))
    got = clouds.unserved_for(rows, row(90.0), view(unserved_share=0.5, neocloud_leverage_gate=0.9))
    assert got[0] == near([30.0, 15.0, 0.0, 0.0])


def test_chips_that_a_loan_pays_for_are_its_collateral():
    rows = view(fleet_pflops=row(10.0)[None], investment_usd_per_pflops=row(100.0), backlog_usd=row(0.0), group_cash_flow_usd=row(0.0),
                debt_usd=row(200.0), kind=row(tables.NEOCLOUD))
    rules = view(collateral_share=0.6, backlog_share=0.5, credit_share=0.5)
    assert clouds.credit_room(rows, rules)[0] == near([400.0])
    assert clouds.credit_room(rows, rules, row(5.0))[0] == near([700.0])


def test_an_owners_lab_strives_for_its_aim_and_gives_way_to_the_startup_it_backs():
    aims = labs.own_labs_aim(view(lab_aim=row(1.0, 0.5, 0.5)), row(0, 0, 1), view(backing_share=0.8))
    assert aims[0] == near([1.0, 0.5, 0.1])
    race = labs.Race(row(100.0), row(1e9), row(0.0), row(1.0))
    budget = labs.desired_budget(row(90.0), row(0.0), race, 0.0, view(catch_up_growth=16.0, hope=1.0), row(1.0), aims)[0]
    assert budget[0] == near([100.0, 50.0, 10.0])


def test_value_over_cost_weighs_own_use_and_tenants():
    # Own use pays 2.2 where it should pay .8 x 2 at least: 1.375; tenants 3 over 2: 1.5; a quarter are tenants.
    rows = view(transfer_usd=row(2.2), full_cost_usd=row(2.0), contested_rent_usd=row(3.0), tenant_share=row(0.25))
    assert clouds.value_over_cost(rows, view(transfer_cost_share=0.8)) == near([[1.375 * 0.75 + 1.5 * 0.25]])


def test_lenders_look_at_group_cash_flow_or_at_a_neoclouds_chips():
    # Half a year of cash flow of 100 a quarter: 200, less debt; chips of 1000 carry 600 for a neocloud alone.
    fleet = np.array([[[150.0] * 5], [[100.0] * 5]])  # of two makers
    rows = view(group_cash_flow_usd=row(100, 100, 0, 0, 0), debt_usd=row(50, 900, 100, 0, 700),
                fleet_pflops=fleet, investment_usd_per_pflops=row(4, 4, 4, 4, 4), kind=row(1, 1, NEOCLOUD, 1, NEOCLOUD),
                backlog_usd=row(400, 0, 80, 0, 0))
    got = clouds.credit_room(rows, view(credit_share=0.5, collateral_share=0.6, backlog_share=0.25))
    assert got[0] == near([150.0, 0.0, 520.0, 0.0, 0.0])  # a fourth of rent to come, for neoclouds alone


# Owners: suppliers, power, sites ----------------------------------------------------------------------


def supplier_shares(price=(1.0, 1.0), utilisation=(0.3, 0.3), access=(1.0, 1.0), fleet=(1.0, 1.0), for_sale=(1, 1), taste=(0, 0), kappa=2.0,
                    channel=1.0, stack=0.0):
    def layers(values):
        return np.array(values, dtype=float).reshape(2, 1, 1)

    offers = clouds.Offers(layers(price), layers(utilisation), layers(access), layers(for_sale))
    rows = view(fleet_pflops=layers(fleet), taste=layers(taste), portable_stack=row(stack))
    rules = view(choice_elasticity=2.0, switching_cost=kappa, taste_spread=0.5)
    return clouds.choose_suppliers(rows, offers, rules, view(switching_channel=channel, software_half=2.5))[:, 0, 0]


def test_suppliers_are_chosen_by_cost_per_realised_flops():
    assert supplier_shares(price=(1.0, 2.0)) == near([0.8, 0.2])  # twice the price: e^(-2 ln 2) = 1/4
    assert supplier_shares(utilisation=(0.4, 0.2)) == near([0.8, 0.2])
    assert supplier_shares(for_sale=(0, 1)) == near([0.0, 1.0])
    assert supplier_shares(for_sale=(0, 0)) == near([0.0, 0.0])
    assert supplier_shares(taste=(2 * math.log(3), 0)) == near([0.75, 0.25])  # half of the taste counts


def test_switching_costs_fall_on_who_neither_has_the_stack_nor_may_read_about_it():
    # All chips from the first maker: the second costs kappa (1 - access) utils; documented, nothing.
    assert supplier_shares(access=(0, 0), fleet=(1, 0), kappa=math.log(4)) == near([0.8, 0.2])
    assert supplier_shares(access=(1, 1), fleet=(1, 0), kappa=math.log(4)) == near([0.5, 0.5])
    assert supplier_shares(access=(0, 0), fleet=(1, 1), kappa=math.log(4)) == near([0.5, 0.5])
    assert supplier_shares(access=(0, 0.5), fleet=(1, 0), kappa=math.log(16)) == near([0.8, 0.2])
    assert supplier_shares(access=(0, 0), fleet=(1, 0), kappa=math.log(4), channel=0.0) == near([0.5, 0.5])
    assert supplier_shares(access=(0, 0), fleet=(1, 0), kappa=math.log(16), stack=2.5) == near([0.8, 0.2])  # half of the span is its own


def test_power_is_asked_for_on_its_own_horizon():
    # 100 MW growing by ln 1.1 a quarter over 2 quarters of waiting: 121, of which 50 are coming; waits are
    # planned up to 3 quarters, and nobody gives connections back.
    rules = view(horizon_cap=3.0)
    got = clouds.power_wanted(view(alive=row(1, 1, 1, 1, 1, 0)), row(*[100] * 6), row(50, 0, 0, 500, 50, 0), row(2, 2, 9, 2, 2, 2),
                              row(math.log(1.1), math.log(2), math.log(1.1), 0.0, 0.0, 0.0), rules)
    assert got[0] == near([71.0, 400.0, 100 * 1.1**3, 0.0, 50.0, 0.0])


def test_power_is_planned_for_growth_in_bounds_and_boldly_by_neoclouds_whose_rent_covers_cost():
    # growth is planned up to 2 a quarter (16 a year); a neocloud plans for 3 (81 a year) while its rent covers cost
    rows = view(demand_growth=row(math.log(1.1), math.log(3), -1.0, 0.1, 0.1), kind=row(1, 1, 1, NEOCLOUD, NEOCLOUD),
                contested_rent_usd=row(9, 9, 9, 2, 1), full_cost_usd=row(1, 1, 1, 2, 2))
    got = power.growth_planned(rows, view(neocloud_growth=81.0), view(request_growth_cap=16.0))
    assert got[0] == near([math.log(1.1), math.log(2), 0.0, math.log(3), 0.1])


REGIONS = {"home_bias": row(0.5, 0.5, 1.0), "forecast_usd": row(50, 100, 10), "quoted_wait_quarters": row(4, 4, 0),
           "alive": row(1, 1, 1), "controlled": row(0, 0, 1)}
SITES = {"price_response": 1.0, "wait_response": 0.5}


def test_owners_under_export_control_build_at_home_and_the_others_elsewhere():
    sites = clouds.choose_sites(view(controlled=row(0, 1, 0), alive=row(1, 1, 0)), view(**REGIONS), view(**SITES))[:, 0, :]
    assert sites[:, 0] == near([2 / 3, 1 / 3, 0.0])  # half the price, twice the share; the third is closed to it
    assert sites[:, 1].tolist() == [0.0, 0.0, 1.0]
    assert sites[:, 2].tolist() == [0.0, 0.0, 0.0]


def test_sites_go_where_the_wait_is_shorter():
    # Two quarters more at .5 each: e^-1 as attractive; prices equal.
    regions = view(**REGIONS | {"forecast_usd": row(50, 50, 10), "quoted_wait_quarters": row(4, 6, 0)})
    sites = clouds.choose_sites(view(controlled=row(0), alive=row(1)), regions, view(**SITES))[:, 0, 0]
    assert sites == near([1 / (1 + math.exp(-1)), 1 / (1 + math.e), 0.0])


def test_own_wants_are_money_over_the_transfer_price():
    rows = view(legacy_weight=row(3, 1), transfer_usd=row(2, 4), lab_funded_usd=row(10, 0), lab_serving_usd=row(6, 8))
    legacy, training, serving = clouds.own_wants(rows, row(80.0))
    assert (legacy.tolist(), training.tolist(), serving.tolist()) == ([[30.0, 5.0]], [[5.0, 0.0]], [[3.0, 2.0]])


def test_research_is_planned_on_sales_that_follow_slowly():
    # A sixth of the way from 100 to 160; who has sold nothing yet plans on its first sales; the dead on none.
    rows = view(planned_sales_usd=row(100, 0, 50), sales_usd=row(160, 40, 90), alive=row(1, 1, 0))
    assert chip_makers.planned_sales(rows, view(rnd_speed=1 / 6))[0] == near([110.0, 40.0, 0.0])


def test_runs_get_longer_until_labs_lose_patience():
    training = view(opening_run_days=25.0, run_days_growth=1.44, run_days=95.0)
    assert [float(np.ravel(labs.run_days(q, training))[0]) for q in (0, 2, 4, 40)] == near([25.0, 30.0, 36.0, 95.0])


# Training runs ----------------------------------------------------------------------------------------


TRAINING = {"final_run_share": 0.25, "cluster_limit_chips": 25_000.0, "cluster_exponent": 0.08}


def trained(hours, utilisation, chip=0.312, **more):
    days = more.pop("run_days", 90.0)
    return labs.training_run(row(hours), row(utilisation), row(chip), row(days), view(**TRAINING | more))


@pytest.mark.parametrize("days", [30.0, 60.0, 90.0])
def test_a_cluster_of_2048_a100_gives_639_pflops_and_so_many_flop(days):
    # 2048 x .312 = 638.976 PFLOP/s; times seconds gives peak FLOP; at 30% utilisation .3 of it.
    run = trained(638.976 * 24 * days, 0.3, run_days=days)
    assert run.pflops[0, 0] == near(638.976)
    assert run.efficiency[0, 0] == 1.0
    assert run.flop[0, 0] == near(638.976e15 * 86_400 * days * 0.3)


def test_gpt3_takes_that_cluster_nineteen_days():
    # 3.14e23 FLOP / (638.976e15 x .30 x 86,400) = 18.96 days.
    run = trained(638.976 * 24 * 18.96, 0.30, run_days=18.96)
    assert run.flop[0, 0] == pytest.approx(3.14e23, rel=1e-3)


def test_gpt4_takes_25000_a100_ninety_five_days():
    # 25,000 x .312 = 7,800 PFLOP/s at 34% for 95 days: 2.18e25 FLOP; published 2.1e25.
    run = trained(7_800 * 24 * 95, 0.34, run_days=95.0)
    assert run.pflops[0, 0] == near(7_800.0)
    assert run.efficiency[0, 0] == near(1.0)
    assert run.flop[0, 0] == pytest.approx(2.1e25, rel=0.05)


def test_the_run_is_a_part_of_a_years_research_compute():
    run = trained(1000.0, 0.5, final_run_share=0.1)
    assert run.pflop_hours[0, 0] == near(400.0)  # a tenth of four quarters
    assert run.flop[0, 0] == near(400.0 * FLOP_PER_PFLOP_HOUR * 0.5)


def test_beyond_the_limit_a_cluster_loses_efficiency():
    hours = 2 * 25_000 * 0.312 * 24 * 90  # twice the limit: 2^-.08 of the peak, 2^-1 when the exponent is one
    assert trained(hours, 0.3).efficiency[0, 0] == near(2**-0.08)
    assert trained(hours, 0.3, cluster_exponent=1.0).efficiency[0, 0] == near(0.5)
    assert trained(hours, 0.3, cluster_exponent=0.0).efficiency[0, 0] == 1.0
    assert trained(hours, 0.3, chip=0.624).efficiency[0, 0] == near(1.0), "half as many chips, twice as fast"


@given(st.floats(1.0, 1e9), st.floats(1.0, 1e9))
def test_more_compute_never_makes_a_smaller_run(one, other):
    little, much = sorted((one, other))
    assert trained(little, 0.3).flop[0, 0] <= trained(much, 0.3).flop[0, 0] * (1 + 1e-12)


# The race ---------------------------------------------------------------------------------------------


def race(largest=1e9, research=1.0, prize=100.0, rivals=3.0):
    return labs.Race(row(largest), row(research), row(prize), row(rivals))


@pytest.mark.parametrize(("share", "rivals", "r", "spend"), [
    (0.25, 3, 1.0, 18.75), (0.25, 3, 1.2, 22.5), (0.0, 3, 1.0, 18.75), (0.5, 3, 1.0, 25.0), (0.75, 3, 2.0, 37.5), (0.0, 1, 1.0, 25.0),
])
def test_a_lab_spends_what_the_contest_bears(share, rivals, r, spend):
    # O19, four labs and a prize of 100: 100 x 1/4 x 3/4 = 18.75 each; a newcomer expects an equal share.
    assert labs.contest_bound(row(share), race(rivals=rivals), row(r), row(1.0))[0, 0] == near(spend)


def test_nobody_spends_more_than_it_expects_to_win():
    # O19: with r = 1.25 six labs would each spend 17.36 for a sixth of 100; nobody takes part for more than 16.67.
    assert labs.contest_bound(row(0.0), race(rivals=5), row(1.25), row(1.0))[0, 0] == near(100 / 6)
    assert labs.contest_bound(row(0.0), race(rivals=4), row(1.25), row(1.0))[0, 0] == near(20.0), "with five, all of it"


BUDGET = {"catch_up_growth": 16.0, "hope": 1.0}


@pytest.mark.parametrize(("budget", "largest", "research", "prize", "wish", "bound"), [
    (4.0, 1e9, 1.0, 100.0, 8.0, 0),  # twice its own past wish a quarter (16 a year)
    (4.0, 5.0, 1.0, 100.0, 5.0, 0),  # at most the largest of the market
    (40.0, 1e9, 1.0, 100.0, 18.75, 1),  # at most what the contest is worth
    (40.0, 1e9, 30.0, 100.0, 30.0, 1),  # but a research budget needs no revenue
    (40.0, 1e9, 3.0, 0.0, 3.0, 1),
    (0.0, 1e9, 3.0, 100.0, 0.0, 0),
])
def test_a_budget_grows_from_its_past_to_the_largest_and_to_what_it_is_worth(budget, largest, research, prize, wish, bound):
    got, stopped = labs.desired_budget(row(budget), row(0.25), race(largest, research, prize), row(0.0), view(**BUDGET), row(1.0))
    assert (got[0, 0], stopped[0, 0]) == (near(wish), bound)


def test_ambition_varies_from_quarter_to_quarter():
    got, _ = labs.desired_budget(row(4.0, 4.0), row(0.25, 0.25), race(), row(math.log(2), -math.log(2)), view(**BUDGET), row(1.0))
    assert got[0] == near([16.0, 4.0])


def test_the_race_describes_what_may_be_spent_and_won():
    # 100 may grow by 16 a year (2 a quarter) and by the root of a shock of 4; spending of 10 a quarter that
    # grows by ln 1.1 a quarter is 10 x 1.1^8 in two years, of which .45 is left after serving.
    market = view(frontier_budget_usd=100.0, customer_growth=math.log(1.1), customer_spend_usd=10.0, shock_growth=row(4.0),
                  research_usd=row(7.0))
    training = view(ambition_growth=16.0, shock_on_labs=0.5, prize_growth_cap=3.0, prize_years=2.0)
    got = labs.the_race(market, row(3.0), training, row(0.55))
    assert got.largest_budget_usd[0, 0] == near(400.0)
    assert got.prize_usd[0, 0] == near(4.5 * 1.1**8)
    assert (got.research_usd[0, 0], got.rivals[0, 0]) == (7.0, 3.0)
    for growth, factor in ((math.log(9) / 4, 9.0), (-1.0, 1.0)):  # capped at 3 a year; no prize shrinks
        market.customer_growth = row(growth)
        assert labs.the_race(market, row(3.0), training, row(0.55)).prize_usd[0, 0] == near(4.5 * factor)


# Customers --------------------------------------------------------------------------------------------


def test_spending_is_logistic_in_the_power_of_ten_of_capability():
    customers = view(spend_max_usd=400.0, spend_midpoint=30.0, spend_width=0.5)
    effective = row(1e30, 10 ** (30 + 0.5 * math.log(3)), 10 ** (30 - 0.5 * math.log(3)), 1e99, 0.0)
    got = labs.spending_on_services(effective, customers)[0]
    assert got[:4] == pytest.approx([50.0, 75.0, 25.0, 100.0], rel=1e-9)
    assert got[4] < 1e-20


def test_appeal_is_strength_less_a_dearer_service():
    got = labs.appeal(row(0.5, 1.0, 1.0, 0.0), row(1.2, 1.2, 1.2, 0.0), row(2.0, 2.0, 4.0, 2.0), row(2.0), row(2.0))
    assert got[0] == near([0.5, 1.0, 0.25, 0.0]), "twice the price to the power of -2"


def test_with_the_contest_switched_off_capability_and_price_do_not_count():
    got = labs.appeal(row(1.0, 1.0, 0.0), row(0.0, 0.0, 0.0), row(4.0, 1.0, 2.0), row(2.0), row(1.0))
    assert got[0].tolist() == [1.0, 1.0, 0.0]


def test_a_part_of_customers_stays():
    assert labs.shares_with_inertia(row(0.2, 0.0), row(0.6, 0.4), row(0.25))[0] == near([0.5, 0.3])


# Startups ---------------------------------------------------------------------------------------------


def test_wages_follow_the_last_round_or_revenue():
    rows = view(round_usd=row(100, 100), ai_revenue_usd=row(40, 90))
    assert startups.wages(rows, view(wage_share=0.1, wage_revenue_share=0.2))[0] == near([10.0, 18.0])


SPENDING = {"reserve_quarters": 2.0, "spending_quarters": 4.0, "serving_cap": 0.9}


def spend(cash, share=0.0, budget=1e9, wages=10.0, expected=100.0, credits=0.0):
    rows = view(cash_usd=row(cash), credits_usd=row(credits), wages_usd=row(wages), ai_share=row(share), budget_usd=row(budget))
    got = startups.spending(rows, row(expected), view(**SPENDING), row(0.5))
    return float(got.training_usd[0, 0]), float(got.serving_usd[0, 0])


@pytest.mark.parametrize(("cash", "share", "budget", "training", "serving"), [
    (100, 0.0, 1e9, 20.0, 0.0),  # 100 - 2 x 10 of wages = 80, a quarter of it
    (100, 0.0, 5.0, 5.0, 0.0),  # no more than it wishes
    (15, 0.0, 1e9, 0.0, 0.0),  # wages first
    (100, 0.4, 1e9, 25.0, 20.0),  # serves half of 40; (80 - 20)/4, and a margin of 40 - 20 - 10
    (30, 0.4, 1e9, 1.0, 9.0),  # of 10 free it puts at most .9 into serving and never more than is left into research
    (-5, 0.4, 1e9, 0.0, 0.0),
])
def test_money_is_split_between_customers_and_research_after_wages(cash, share, budget, training, serving):
    assert spend(cash, share, budget) == (near(training), near(serving))


@given(st.floats(-1e3, 1e6), st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 1e4), st.floats(0, 1e6))
def test_no_startup_spends_its_reserve(cash, share, budget, wages, expected):
    training, serving = spend(cash, share, budget, wages, expected)
    assert training >= 0 and serving >= 0
    assert training + serving <= max(0.0, cash - 2 * wages) * (1 + 1e-12)
    assert training <= budget


def test_credits_pay_for_compute_and_not_for_wages():
    assert spend(15, credits=40.0) == (near(10.0), 0.0)  # wages take the cash; a quarter of the credits goes into research


def test_whoever_has_less_than_its_runway_seeks_money():
    # Burning 10 of wages and 20 of compute less 6 of revenue: 24 a quarter, 72 for three quarters.
    rows = view(wages_usd=row(10, 10, 10, 10), training_usd=row(15, 15, 15, 0), serving_usd=row(5, 5, 5, 0),
                ai_revenue_usd=row(6, 6, 6, 90), cash_usd=row(71, 72, 71, 31), credits_usd=row(0, 1, 0, 0), alive=row(1, 1, 0, 1))
    assert startups.seek_money(rows, view(runway_quarters=3.0))[0].tolist() == [1, 0, 0, 0]
    rows.cash_usd = row(71, 73, 71, 29)  # the profitable one keeps three quarters of wages, 30
    assert startups.seek_money(rows, view(runway_quarters=3.0))[0].tolist() == [1, 0, 0, 1]


FUNDING = {"score_noise": 0.0, "funded_share": 0.5, "selectivity": 4.0, "largest_round": 1e9}


def rounds(capability, seeks, pool=100.0, budget=None, **rules):
    size = len(capability)
    rows = view(effective_flop=row(*capability), wages_usd=row(*[0.0] * size), budget_usd=row(*(budget or [1.0] * size)))
    return startups.funding_rounds(rows, row(*seeks), row(pool), view(**FUNDING | rules), row(*[0.0] * size), lots=row(*range(size)))[0]


def test_equals_are_funded_by_lot_and_not_by_slot():
    rows = view(effective_flop=row(7, 7, 7, 7), wages_usd=row(0, 0, 0, 0), budget_usd=row(1, 1, 1, 1))
    rules = view(**FUNDING | {"funded_share": 0.25})
    got = startups.funding_rounds(rows, row(1, 1, 1, 1), row(100.0), rules, row(0, 0, 0, 0), lots=row(0.9, 0.7, 0.2, 0.4))
    assert got[0].tolist() == [0.0, 0.0, 100.0, 0.0]


def test_only_the_top_part_of_seekers_is_funded_and_shares_follow_rank():
    # Four seek, two are funded: ranks 1 and 1/2, so e^(4 - 2) = 7.389 times as much for the first.
    got = rounds([5.0, 9.0, 1e9, 7.0, 8.0], [1, 1, 0, 1, 1])
    first = 100 / (1 + math.exp(-2))
    assert got == near([0.0, first, 0.0, 0.0, 100.0 - first])
    assert got[1] / got[4] == near(math.exp(2))


def test_without_selectivity_the_funded_share_equally():
    assert rounds([4.0, 3.0, 2.0, 1.0], [1, 1, 1, 1], selectivity=0.0) == near([50.0, 50.0, 0.0, 0.0])


def test_a_round_is_no_larger_than_can_be_used():
    # Five times a year of spending: 5 x 4 x (0 + budget).
    assert rounds([2.0, 1.0], [1, 1], funded_share=1.0, largest_round=5.0, budget=[1.0, 99.0])[0] == near(20.0)


def test_without_seekers_or_funds_nobody_raises_anything():
    assert rounds([2.0, 1.0], [0, 0]).tolist() == [0.0, 0.0]
    assert rounds([2.0, 1.0], [1, 1], funded_share=0.0).tolist() == [0.0, 0.0]
    assert rounds([2.0, 1.0], [1, 1], pool=0.0).tolist() == [0.0, 0.0]


@given(st.lists(st.tuples(st.floats(1.0, 1e30), st.booleans(), st.floats(0, 1e3)), min_size=1, max_size=30), st.floats(0, 1e6),
       st.floats(0, 1), st.floats(0, 50))
def test_the_pool_is_never_exceeded_and_only_the_best_seekers_get_any(seekers, pool, funded, psi):
    capability, seeks, budget = zip(*seekers, strict=True)
    got = rounds(capability, [float(s) for s in seeks], pool, list(budget), funded_share=funded, selectivity=psi)
    assert np.all(got >= 0)
    assert got.sum() <= pool * (1 + 1e-12)
    assert not np.any(got[~np.array(seeks)])
    assert np.count_nonzero(got) <= math.floor(funded * sum(seeks) + 0.5)
    refused = [c for c, s, g, b in zip(capability, seeks, got, budget, strict=True) if s and g == 0 and b > 0]
    served = [c for c, g in zip(capability, got, strict=True) if g > 0]
    if served and refused and pool > 1e-3 and psi < 20:
        assert max(refused) <= min(served) * (1 + 1e-12)


FOUNDING = {"entry_cost_usd": 10.0, "entry_run_share": 0.0, "entry_cap": 3.0, "entry_rate": 12.0, "talent_pool": 200.0, "voucher_usd": 0.0}


def founded(alive, pool, run=0.0, **more):
    living = (np.arange(400) < alive)[None] * 1.0
    return startups.founders(living, view(venture_pool_usd=pool, frontier_cost_usd=run), view(**FOUNDING | more))[0, 0]


@pytest.mark.parametrize(("alive", "pool", "expected"), [
    (100, 250.0, 6.0),  # 1000 a year for 100 startups: as much as entry costs; half of the talent is free
    (100, 125.0, 3.0), (100, 1e9, 18.0), (200, 1e9, 0.0), (300, 1e9, 0.0), (100, 0.0, 0.0), (0, 2.5, 12.0), (0, 1e9, 36.0),
])
def test_founders_follow_prospects_and_stop_at_the_talent_pool(alive, pool, expected):
    assert founded(alive, pool) == near(expected)


def test_entry_gets_dearer_with_the_largest_run():
    # 10 and a tenth of a run of 300: entry costs four times as much, so a quarter of the founders come.
    assert founded(100, 250.0, run=300.0, entry_run_share=0.1) == near(1.5)


# Investors --------------------------------------------------------------------------------------------


VENTURE = {"share": 0.1, "growth_cap": 1.0, "step": 0.25, "shock_weight": 0.5}


def pool_after(pool, floor=0.0, spend=0.0, growth=0.0, shock=1.0):
    market = view(customer_growth=growth, customer_spend_usd=spend, venture_floor_usd=floor, shock_growth=shock, venture_pool_usd=row(pool))
    return float(investors.venture_pool(market, view(**VENTURE), row(2.0))[0, 0])


def test_the_pool_follows_the_gain_that_investors_expect():
    # Spending of 100 that grows by ln 1.5 a year for two years gains 125; a tenth of it and a floor of 8.
    assert pool_after(20.0, floor=8.0, spend=100.0, growth=math.log(1.5) / 4) == near(20.5)
    assert pool_after(20.0, floor=20.0, spend=100.0, growth=-0.3) == near(20.0)  # a fall is no gain
    assert pool_after(100.0, floor=0.0, spend=156.5, growth=9.0) == near(0.1 * 156.5 * (math.e**2 - 1))  # capped growth


def test_the_pool_moves_by_a_step_at_most_but_jumps_with_the_shock():
    assert pool_after(10.0, floor=1e6) == near(10 * math.exp(0.25))
    assert pool_after(10.0, floor=0.0) == near(10 * math.exp(-0.25))
    assert pool_after(10.0, floor=10.0, shock=4.0) == near(20.0)


def test_an_empty_pool_stays_empty():
    assert pool_after(0.0, floor=5.0, spend=100.0, growth=0.1) == 0.0


# All of them ------------------------------------------------------------------------------------------


def test_decisions_are_the_same_to_the_bit_alone_and_in_company():
    runs, slots = 64, 131
    rng = np.random.default_rng(4)

    def decide(part):
        def cut(seed, size=slots, top=1.0):
            return np.ascontiguousarray(top * np.random.default_rng(seed).random((runs, size))[part])

        rows = view(effective_flop=1 + cut(1, top=1e25), wages_usd=cut(2), budget_usd=cut(3), cash_usd=cut(4, top=9.0), credits_usd=cut(29),
                    training_usd=cut(5), serving_usd=cut(6), ai_revenue_usd=cut(7), alive=np.rint(cut(8)), ai_share=cut(9) / slots)
        rules = view(**FUNDING | SPENDING | FOUNDING | {"runway_quarters": 3.0, "selectivity": cut(10, 1, 8.0)})
        seeks = startups.seek_money(rows, rules)
        yield startups.funding_rounds(rows, seeks, cut(11, 1, 50.0), rules, cut(12), cut(28))
        yield from startups.spending(rows, cut(13, 1, 90.0), rules, cut(14, 1))
        yield startups.founders(rows.alive, view(venture_pool_usd=cut(15, 1, 50.0), frontier_cost_usd=cut(27, 1)), rules)
        yield from labs.training_run(cut(16, top=1e9), cut(17), 0.1 + cut(18), row(90.0), view(**TRAINING | {"cluster_exponent": cut(19, 1)}))
        yield from labs.desired_budget(rows.budget_usd, rows.ai_share, labs.Race(*(cut(20 + i, 1) for i in range(4))), cut(24),
                                       view(catch_up_growth=1 + cut(25, 1), hope=cut(30, 1)), cut(26, 1))

    together = list(decide(slice(None)))
    for part in (slice(0, 8), *(slice(r, r + 1) for r in rng.permutation(runs)[:16])):
        for alone, company in zip(decide(part), together, strict=True):
            assert same_bits(np.ascontiguousarray(alone), np.ascontiguousarray(company[part]))

"""Barriers to entry on worlds made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import measured, row, value_of

from market_abm.metrics import barriers
from market_abm.state.tables import EVERYBODY_ELSE, HYPERSCALER, NEOCLOUD
from market_abm.units import HOURS_PER_YEAR


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), dead=st.integers(0, 5))
def test_the_median_is_that_of_those_present(values, dead):
    x, present = row(*values, *[9e9] * dead), row(*[1] * len(values), *[0] * dead)
    assert barriers.median(x, present).item() == pytest.approx(np.median(values))


def test_the_median_of_nobody_is_missing():
    assert np.isnan(barriers.median(row(1, 2), row(0, 0)).item())


def test_efficient_scale_spreads_the_fixed_cost_thinly_enough(quiet):
    scale = barriers.minimum_efficient_scale(100.0, 2.0, 0.05)
    assert scale == pytest.approx(1000)
    assert 100 / scale + 2 == pytest.approx(1.05 * 2), "average cost there is 5% above the lowest"
    assert barriers.minimum_efficient_scale(0.0, 2.0) == 0
    assert np.isnan(barriers.minimum_efficient_scale(1.0, 0.0))


def test_the_switching_discount_makes_a_buyer_indifferent(quiet):
    discount = barriers.switching_discount(2.5, 2.6)
    assert -2.6 * np.log(1 - discount) == pytest.approx(2.5), "utility of the lower price is the cost of switching"
    assert barriers.switching_discount(0.0, 2.6) == 0
    assert barriers.switching_discount(np.float64(2.0), np.float64(0.0)) == 1, "whom price does not move no discount moves"


def test_deterrence_compares_entry_with_a_paired_run(quiet):
    assert barriers.entry_deterrence(row(3), row(12)).item() == 0.75
    assert barriers.entry_deterrence(row(3), row(2)).item() == -0.5
    assert np.isnan(barriers.entry_deterrence(row(3), row(0)).item())


STARTUPS = {"startups.alive": [1, 1, 1, 1, 0], "startups.cash_usd": [10, 200, 3000, -5, 0], "startups.credits_usd": [0, 100, 0, 0, 0]}
RUN = {"market.frontier_pflop_hours": 500, "market.spot_rent_usd": 2}


def test_a_run_is_compared_with_what_startups_have():
    view = measured(STARTUPS | RUN, startups=5)
    assert value_of("run_cost_usd_full_run", view) == 1000
    assert value_of("median_funds_usd_startups", view) == pytest.approx(155), "between 10 and 200 + 100"
    assert value_of("capital_ratio_full_run", view) == pytest.approx(1000 / 155)
    assert value_of("capital_ratio_tenth_run", view) == pytest.approx(100 / 155)
    assert value_of("eligible_share_full_run", view) == 0.25
    assert value_of("eligible_share_tenth_run", view) == 0.5


def test_without_startups_or_runs_there_is_no_barrier_to_measure():
    assert np.isnan(value_of("capital_ratio_full_run", measured(RUN)))
    assert np.isnan(value_of("eligible_share_full_run", measured(RUN)))
    assert np.isnan(value_of("eligible_share_full_run", measured(STARTUPS, startups=5)))


def test_a_cluster_is_bought_for_the_days_of_a_run():
    # 480 PFLOP-h in 10 days: 2 PFLOP/s at 30,000 USD a PFLOP/s, a third more for servers, 1 kW each at 10 USD a watt
    view = measured({"market.frontier_pflop_hours": 480, "market.run_days": 10, "makers.kind": [1], "makers.sales_usd": [3e6], "makers.sold_pflops": [100], "makers.mw_per_pflops": [1e-3]},
                    {"clouds": {"server_overhead": 1 / 3, "building_usd_per_mw": 1e7}}, makers=1)
    assert value_of("cluster_cost_usd_full_run", view) == pytest.approx(2 * (40_000 + 10_000))
    assert value_of("cluster_cost_usd_tenth_run", view) == pytest.approx(0.2 * 50_000)


INSIDER = {"clouds.kind": [HYPERSCALER, NEOCLOUD, EVERYBODY_ELSE], "clouds.fleet_pflops": [[30, 20, 50]],
           "clouds.full_cost_usd": [0.51, 9, 9], "clouds.transfer_usd": [0.4, 9, 9], "clouds.investment_usd_per_pflops": [12_500, 9, 9],
           "clouds.new_mw_per_pflops": [1.5e-3, 9, 9], "clouds.energy_bill_usd": [160, 9, 9], "clouds.energy_mwh": [[2, 9, 9]],
           "market.spot_rent_usd": 0.6, "clouds.list_rent_usd": [2, 4, 0], "clouds.active_pflops": [30, 10, 40]}


def test_a_person_of_compute_costs_an_insider_and_an_outsider_differently():
    view = measured(INSIDER, {"clouds": {"target_utilisation": 0.7}}, clouds=3, makers=1, regions=1)
    hours = 20 * HOURS_PER_YEAR * 0.7
    # 250,000 USD over four years at .7 of the hours: .51 USD a PFLOP-hour
    assert 250_000 / (4 * hours) == pytest.approx(0.51, abs=0.001)
    assert value_of("person_year_usd_insider", view) == pytest.approx(0.51 * hours)
    assert value_of("person_year_usd_transfer", view) == pytest.approx(0.4 * hours)
    assert value_of("person_year_usd_rent", view) == pytest.approx(0.6 * hours)
    assert value_of("person_year_usd_list", view) == pytest.approx(2.5 * hours)
    assert value_of("person_of_compute_usd_insider", view) == pytest.approx(250_000)
    kw, price = value_of("person_of_compute_kw_insider", view), value_of("power_price_usd_per_mwh_insider", view)
    assert (kw, price) == pytest.approx((30, 80))
    assert kw * HOURS_PER_YEAR == pytest.approx(262_800) and kw * HOURS_PER_YEAR * price / 1000 == pytest.approx(21_024)
    assert value_of("access_premium_compute", view) == pytest.approx(0.5)


def test_efficient_scale_of_labs_is_research_over_serving():
    view = measured({"market.frontier_cost_usd": 40, "market.spot_rent_usd": 2, "clouds.serving_pflop_hours": [3000, 0],
                     "startups.serving_pflop_hours": [500, 500]}, {"training": {"final_run_share": 0.1}}, clouds=2, startups=2)
    assert value_of("efficient_scale_labs", view) == pytest.approx(100 / (0.05 * 2) / 4000), "a run is a tenth of a year's research"


def test_rationing_is_compared_between_the_four_largest_and_the_rest():
    view = measured({"clouds.kind": [1, 1, 1, 1, 2, 4], "clouds.fleet_pflops": [[9, 8, 7, 6, 5, 99]],
                     "clouds.delivered_pflops": [[10, 10, 10, 10, 4, 6]], "clouds.unserved_pflops": [0, 0, 0, 10, 6, 4]}, clouds=6, makers=1)
    assert value_of("shortfall_chips", view) == pytest.approx(20 / 70)
    assert value_of("shortfall_gap_chips", view) == pytest.approx(0.5 - 10 / 50)
    assert np.isnan(value_of("shortfall_chips", measured({})))


def test_tenants_shortfall_is_of_what_they_would_have_rented():
    view = measured({"clouds.rented_pflop_hours": [50, 30], "clouds.fill_rate": [0.5, 1]}, clouds=2)
    assert value_of("shortfall_compute_rented", view) == pytest.approx(50 / 130)


def test_switching_costs_of_chips_and_of_rental():
    rules = {"chips": {"switching_cost": 2.0, "choice_elasticity": 2.0}, "documentation": {"switching_channel": 1.0},
             "clouds": {"provider_inertia": 3.0, "provider_elasticity": 2.0}}
    view = measured({"makers.alive": [1, 1], "makers.openness": [0.5, 1], "clouds.contested_rent_usd": [2, 3], "startups.provider": [0, 1, 2],
                     "startups.training_pflop_hours": [10, 10, 0]}, rules, makers=2, clouds=2, startups=3)
    assert value_of("switching_discount_chips", view) == pytest.approx(0.5 * (1 - np.exp(-0.5)))
    assert value_of("switching_discount_rental", view) == pytest.approx(1 - np.exp(-1.5))
    assert value_of("switching_cost_usd_rental", view) == pytest.approx((1 - np.exp(-1.5)) * 25 * 4)


def test_sunk_costs_are_research_over_sales():
    view = measured({"makers.rnd_usd": [20, 5], "makers.sales_usd": [90, 10], "clouds.transfer_usd": [2], "clouds.training_pflop_hours": [10],
                     "clouds.contested_rent_usd": [3], "startups.provider": [0], "startups.training_pflop_hours": [10],
                     "clouds.ai_revenue_usd": [60], "startups.ai_revenue_usd": [40]}, makers=2, clouds=1, startups=1)
    assert value_of("sunk_cost_ratio_chips", view) == 0.25
    assert value_of("sunk_cost_ratio_labs", view) == 0.5


def test_funding_and_compute_are_divided_unequally():
    view = measured({"startups.raised_usd": [60, 20, 15, 5], "startups.alive": [1, 1, 1, 1], "startups.training_pflop_hours": [4, 0, 0, 0]}, startups=4)
    assert value_of("cr2_funding", view) == pytest.approx(0.8)
    assert value_of("cr10_funding", view) == pytest.approx(1)
    assert value_of("gini_compute_startups", view) == pytest.approx(0.75), "one of four has everything"
    assert np.isnan(value_of("cr2_funding", measured({}))), "nobody raised anything"


def test_founders_are_judged_two_years_later():
    view = measured({"startups.alive": [1, 0, 0, 0], "startups.birth": [7, 0, 0, 0]}, startups=4)
    births, alive, revenue = (view.world.array(f"startups.{name}") for name in ("birth", "alive", "ai_revenue_usd"))
    for quarter in range(10):
        view.world.quarter = quarter
        if quarter == 1:
            births[...], alive[...] = [[7, 8, 9, 10]], 1  # three founders
        if quarter == 4:
            births[0, 3], revenue[0, :2] = 11, 5  # the last one's slot goes to another
        view.forget()
        found = [value_of(name, view) for name in ("lasting_entry_startups", "successful_entry_startups")]
        assert np.isnan(found).all() == (quarter < 9)
    assert found == pytest.approx([2 / 3, 1 / 3])


def test_the_amortised_cost_of_a_run_is_its_part_of_the_life_of_its_hardware_and_its_electricity():
    # 2 PFLOP/s at 30,000 USD and a third more for servers, for 10 of the 22 x 91.25 days that chips live; 3 kW for 240 h at 100 USD/MWh.
    view = measured({"market.frontier_pflops": 2, "market.frontier_mw": 0.003, "market.run_days": 10, "makers.kind": [1], "makers.sales_usd": [3e6],
                     "makers.sold_pflops": [100], "regions.price_usd": [100], "regions.ai_mwh": [1]},
                    {"chips": {"life_quarters": 22}, "clouds": {"server_overhead": 1 / 3}}, makers=1, regions=1)
    assert value_of("frontier_run_amortised_usd", view) == pytest.approx(2 * 40_000 * 10 / (22 * 91.25) + 0.003 * 240 * 100)


def test_the_largest_lab_counts_research_and_serving_wherever_they_run():
    # The owner's lab uses 300 hours at 1 kW a PFLOP/s; the startup 500, 100 of them on own chips, at its host's 2 kW: .5 of 2,190 hours are sold.
    view = measured({"clouds.active_mw": [0.010, 0.020], "clouds.active_pflops": [10, 10], "clouds.training_pflop_hours": [200, 0],
                     "clouds.serving_pflop_hours": [100, 0], "startups.provider": [1], "startups.training_pflop_hours": [350],
                     "startups.serving_pflop_hours": [50], "startups.own_training_pflop_hours": [100]},
                    {"clouds": {"top_utilisation": 0.5}}, clouds=2, startups=1)
    assert value_of("largest_lab_mw", view) == pytest.approx(500 * 0.002 / (2190 * 0.5))


def test_what_clouds_pay_of_the_raise():
    view = measured({"clouds.joining_usd": [30, 0], "clouds.backing_usd": [0, 20], "startups.raised_usd": [150, 50]}, clouds=2, startups=2)
    assert value_of("corporate_share_funding", view) == pytest.approx(0.25)
    assert np.isnan(value_of("corporate_share_funding", measured({}, clouds=2, startups=2)))

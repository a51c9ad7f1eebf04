"""Welfare and scale on worlds made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import measured, value_of

from market_abm.metrics.welfare import logit_surplus


@given(weights=st.lists(st.floats(0.01, 10.0), min_size=1, max_size=6), elasticity=st.floats(0.2, 4.0))
def test_the_surplus_is_what_the_last_price_rise_would_have_to_be(weights, elasticity):
    # weight w p^-a against 1 for doing without; at prices e^t the inclusive value ln(1 + W e^-at) falls at a s(t): its
    # whole fall is the area under the share of money spent inside, over a
    inside = sum(weights)
    steps = np.linspace(0, 60 / elasticity, 400_001)
    demand = inside * np.exp(-elasticity * steps) / (1 + inside * np.exp(-elasticity * steps))
    area = np.trapezoid(demand, steps)
    assert logit_surplus(np.float64(1.0), np.float64(1 / (1 + inside)), np.float64(elasticity)) == pytest.approx(area, rel=1e-5)


def test_no_customers_no_surplus_and_no_price_no_measure(quiet):
    assert logit_surplus(np.float64(5.0), np.float64(1.0), np.float64(1.0)) == 0
    assert np.isnan(logit_surplus(np.float64(5.0), np.float64(0.5), np.float64(0.0)))


def test_consumer_surplus_counts_what_was_served():
    view = measured({"market.customer_spend_usd": 100, "clouds.ai_share": [0.5], "startups.ai_share": [0.25], "clouds.ai_revenue_usd": [50],
                     "startups.ai_revenue_usd": [10]}, {"customers": {"price_elasticity": 2.0}}, clouds=1, startups=1)
    assert value_of("consumer_surplus_usd", view) == pytest.approx(4 * 100 * np.log(4) / 2 * 60 / 75)


def test_makers_earn_sales_less_cost_and_their_own_research():
    view = measured({"makers.sales_usd": [100, 20], "makers.sold_pflops": [10, 4], "makers.unit_cost_usd_per_pflops": [3, 4],
                     "makers.rnd_usd": [20, 10], "makers.other_rnd_usd": [0, 8]}, makers=2)
    assert value_of("profit_usd_chips", view) == pytest.approx(4 * (100 - 30 - 20 + 20 - 16 - 2))


def test_owners_earn_rent_and_imputed_rent_less_what_compute_costs():
    view = measured({"clouds.rent_usd": [100], "clouds.transfer_usd": [2], "clouds.own_pflop_hours": [30], "clouds.energy_bill_usd": [15],
                     "clouds.fleet_mw": [[4]], "clouds.connected_mw": [[6]], "clouds.fleet_pflops": [[10]],
                     "clouds.investment_usd_per_pflops": [20]},
                    {"clouds": {"upkeep_usd_per_mw_year": 10, "connection_usd_per_mw_year": 2}, "chips": {"life_quarters": 20}},
                    clouds=1, makers=1, regions=1)
    assert value_of("profit_usd_compute", view) == pytest.approx(4 * (100 + 60 - 15 - 10 - 3 - 10))


def test_labs_earn_revenue_less_compute_and_people():
    view = measured({"clouds.ai_revenue_usd": [50], "clouds.training_pflop_hours": [10], "clouds.serving_pflop_hours": [5],
                     "clouds.transfer_usd": [2], "clouds.lab_funded_usd": [20], "startups.ai_revenue_usd": [40], "startups.provider": [0],
                     "startups.billed_usd": [30],
                     "startups.wages_usd": [7]}, {"training": {"people_share": 0.5}}, clouds=1, startups=1)
    assert value_of("profit_usd_labs", view) == pytest.approx(4 * ((50 - 30 - 10) + (40 - 30 - 7)))


def test_electricity_earns_the_price_above_fuel_on_the_load_of_data_centres():
    # 100 MW at 10 USD and 50 of 100 MW at 40: price 40, fuel 3,000 USD an hour on 150 MW, 20 USD a MWh
    view = measured({"regions.plant_mw": [[100], [100]], "regions.plant_cost_usd": [[10], [40]], "regions.other_load_mw": [100],
                     "regions.ai_mwh": [50 * 2190], "regions.price_usd": [40]}, {"energy": {"price_cap": 500}}, regions=1, plants=2)
    assert value_of("profit_usd_electricity", view) == pytest.approx(4 * 50 * 2190 * 20)


def test_hours_are_told_apart_by_use():
    view = measured({"clouds.training_pflop_hours": [1, 2], "startups.training_pflop_hours": [4], "clouds.serving_pflop_hours": [8, 0],
                     "startups.serving_pflop_hours": [16], "clouds.legacy_pflop_hours": [32, 0], "market.enterprise_pflop_hours": 64,
                     "market.closed_pflop_hours": 128, "clouds.ai_revenue_usd": [48, 0]}, clouds=2, startups=1)
    found = [value_of(f"pflop_hours_{use}", view) / 4 for use in ("training", "serving", "legacy", "enterprise", "closed")]
    assert found == [7, 24, 32, 64, 128]
    assert value_of("price_usd_per_pflop_hour_serving", view) == 2
    assert np.isnan(value_of("price_usd_per_pflop_hour_serving", measured({})))

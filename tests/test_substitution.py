"""Elasticities, diversion and pass-through, against derivatives taken numerically."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import measured, row, value_of

from market_abm.behaviour.clouds import tenants_logit
from market_abm.metrics import substitution
from market_abm.rules.choice import logit
from market_abm.rules.demand import BUDGET, LINEAR
from market_abm.rules.pricing import CHIP_PRICING, nash_logit

ALPHA = 2.6
STEP = 1e-6


def shares_at(log_prices):
    return logit(-ALPHA * row(*log_prices), np.ones((1, len(log_prices))))


def test_elasticities_are_the_derivatives_of_a_logit_in_log_price():
    prices = np.array([0.1, 0.5, -0.3])
    here, there = shares_at(prices), shares_at(np.array([0.1 + STEP, 0.5, -0.3]))
    slope = (np.log(there) - np.log(here))[0] / STEP
    assert substitution.own_elasticity(ALPHA, here)[0, 0] == pytest.approx(slope[0], rel=1e-5)
    assert substitution.cross_elasticity(ALPHA, here)[0, 0] == pytest.approx(slope[1], rel=1e-5)
    assert slope[1] == pytest.approx(slope[2], rel=1e-5), "the same for all others"
    moved = (there - here)[0]
    assert substitution.diversion(here, row(1, 0, 0))[0] == pytest.approx([0, -moved[1] / moved[0], -moved[2] / moved[0]], rel=1e-5)


def test_diversion_goes_in_proportion_to_shares_and_sums_to_one(quiet):
    assert substitution.diversion(row(0.5, 0.3, 0.2), row(1, 0, 0))[0] == pytest.approx([0, 0.6, 0.4])
    assert np.isnan(substitution.diversion(row(1.0, 0.0), row(1, 0))).all(), "a monopolist loses to nobody inside"


@given(share=st.floats(0.0, 0.95), alpha=st.floats(0.5, 8.0))
def test_pass_through_is_what_the_markup_equation_says(share, alpha):
    # p = c e/(e - 1), e = 1 + a (1 - s), the share moving with the price: solved for a cost that is one millionth higher
    def price_for(cost_step):
        log_price = 0.0
        for _ in range(200):
            moved = share * np.exp(-alpha * log_price) / (share * np.exp(-alpha * log_price) + 1 - share)
            e = 1 + alpha * (1 - moved)
            base = 1 + alpha * (1 - share)
            log_price += 0.3 * (cost_step + np.log(e / (e - 1)) - np.log(base / (base - 1)) - log_price)
        return log_price

    expected = price_for(1e-5) / 1e-5
    assert substitution.pass_through(np.float64(alpha), np.float64(share)) == pytest.approx(expected, rel=1e-3)


def test_pass_through_is_whole_for_the_smallest_firm_and_for_a_monopolist_at_the_other_end():
    assert substitution.pass_through(2.6, 0.0) == 1
    assert 0 < substitution.pass_through(2.6, 0.7) < 1


def test_buyers_who_differ_are_added_up():
    # two buyers of weight 1 and 3: shares (.5, .5) and (.9, .1); option 1 takes .5 + 2.7 = 3.2 and would lose .25 + .27 = .52 a
    shares = np.array([[[0.5, 0.9]], [[0.5, 0.1]]])
    own, goes = substitution.mixed_logit(2.0, shares, row(1, 3))
    assert own[0] == pytest.approx([-2 * 0.52 / 3.2, -2 * 0.52 / 0.8])
    assert goes[:, 0].tolist() == [[0, 1], [1, 0]], "of two options all goes to the other"


def test_the_leading_maker_is_measured_as_its_buyers_act():
    view = measured({
        "clouds.supplier_share": [[0.6, 0.6], [0.3, 0.3], [0.1, 0.1]], "clouds.planned_pflops": [[6, 12], [3, 6], [1, 2]],
        "makers.price_usd_per_pflops": [100, 100, 100], "makers.investment_usd_per_pflops": [270, 200, 200],
    }, {"chips": {"choice_elasticity": 2.0}, "clouds": {"server_overhead": 0.35}}, clouds=2, makers=3)
    assert value_of("own_elasticity_chips", view) == pytest.approx(-2 * 0.4 * 135 / 270), "half of the investment is the chip"
    assert value_of("diversion_chips", view) == pytest.approx(0.75)


def test_bounded_margins_pass_costs_on_in_full():
    makers = {"makers.share_of_orders": [0.9, 0.1], "makers.sales_usd": [3, 1]}
    rules = {"choice_elasticity": 2.6, "margin_floor": 0.2, "margin_cap": 0.66, "pricing": 0}
    view = measured(makers, {"chips": rules}, makers=2)
    assert 1 / (1 + 2.6 * 0.1) > 0.66 and 0.2 < 1 / (1 + 2.6 * 0.9) < 0.66
    e = 1 + 2.6 * 0.9
    small = 1 / (1 + 2.6**2 * 0.1 * 0.9 / (e * (e - 1)))
    assert value_of("pass_through_chips", view) == pytest.approx((3 + small) / 4)
    assert value_of("pass_through_chips", measured(makers, {"chips": rules | {"pricing": 1}}, makers=2)) == 1
    assert nash_logit(row(10), row(0.9), 2.6, 0.2, 0.66).item() == pytest.approx(10 / 0.34), "the cap that the metric takes to bind"


RENTAL = {"clouds.active_pflops": [60, 20, 20, 50], "clouds.tenant_share": [1, 1, 1, 1], "clouds.rents_out": [1, 1, 1, 0],
          "clouds.contested_rent_usd": [2, 2, 2, 0], "clouds.sells": [1, 1, 1, 1]}


def test_rented_compute_loses_hours_to_rent_and_money_to_rivals():
    view = measured(RENTAL, {"clouds": {"provider_elasticity": 2.0}, "rental": {"demand": BUDGET}}, clouds=4)
    assert value_of("own_elasticity_rental", view) == pytest.approx(-1 - 2 * 0.4)
    assert value_of("diversion_rental", view) == pytest.approx(0.5)
    assert substitution.rental_shares(view) == pytest.approx(tenants_logit(view.clouds, view.rules.clouds)), "the demand in force"


def test_the_margin_of_rent_is_over_full_cost():
    view = measured({"clouds.full_cost_usd": [1, 3], "clouds.contested_rent_usd": [2, 2], "clouds.rented_pflop_hours": [3, 1]}, clouds=2)
    assert value_of("lerner_rental", view) == pytest.approx((3 * 0.5 - 0.5) / 4)


def test_under_another_rule_the_closed_form_does_not_hold_and_nothing_is_told():
    view = measured(RENTAL, {"clouds": {"provider_elasticity": 2.0}, "rental": {"demand": LINEAR}}, clouds=4)
    assert np.isnan(value_of("own_elasticity_rental", view)) and np.isnan(value_of("diversion_rental", view))
    makers = {"makers.share_of_orders": [0.9, 0.1], "makers.sales_usd": [3, 1]}
    rules = {"choice_elasticity": 2.6, "margin_floor": 0.2, "margin_cap": 0.66, "pricing": list(CHIP_PRICING).index("markup")}
    assert np.isnan(value_of("pass_through_chips", measured(makers, {"chips": rules}, makers=2)))


def test_markets_without_demand_are_missing():
    view = measured({}, {"clouds": {"provider_elasticity": 2.0, "server_overhead": 0.35},
                         "chips": {"choice_elasticity": 2.0, "margin_floor": 0.2, "margin_cap": 0.66, "pricing": 0}, "rental": {"demand": BUDGET}})
    for metric in substitution.METRICS:
        assert np.isnan(value_of(metric.name, view)), metric.name

"""Indices of concentration: golden numbers, edges, and what must hold for any market."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from worlds import row, same_bits

from market_abm.metrics import indices
from market_abm.metrics.indices import Market

GOLDEN = row(31, 24, 12, 8, 7, 6, 5, 4, 2, 1)  # percent
WORKED = {  # by hand or with exact fractions; entropy with mpmath
    "herfindahl": 0.1876, "normalised_herfindahl": 0.0973333333, "entropy": 1.919851, "effective_number": 6.819944, "theil": 0.382734,
    "gini": 0.474, "corrected_gini": 0.5266666667, "hall_tideman": 0.1901140684, "garcia_alba": 0.365043, "kwoka": 0.0218,
}
PLAIN = [getattr(indices, name) for name in WORKED]
sizes = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30).map(lambda values: np.array([values]))


@pytest.mark.parametrize("name", WORKED)
def test_the_golden_market_has_its_worked_index(name):
    assert getattr(indices, name)(GOLDEN).item() == pytest.approx(WORKED[name], abs=1e-6)


@pytest.mark.parametrize(("k", "share"), [(1, 0.31), (3, 0.67), (4, 0.75), (10, 1.0), (50, 1.0)])
def test_the_golden_market_has_its_concentration_ratios(k, share):
    assert indices.largest(GOLDEN, k).item() == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize(("order", "number"), [(0, 10), (1, 6.819944), (2, 5.330490), (np.inf, 1 / 0.31)])
def test_the_golden_market_has_its_hill_numbers(order, number):
    assert indices.hill(GOLDEN, order).item() == pytest.approx(number, abs=1e-6)


@pytest.mark.parametrize(("name", "alone"), [
    ("herfindahl", 1), ("normalised_herfindahl", 1), ("entropy", 0), ("effective_number", 1), ("theil", 0), ("gini", 0),
    ("corrected_gini", 0), ("hall_tideman", 1), ("garcia_alba", 1), ("kwoka", 1)])
def test_one_firm_alone(name, alone):
    for market in (row(7.0), row(0.0, 7.0, 0.0)):
        assert getattr(indices, name)(market).item() == alone


@pytest.mark.parametrize(("name", "equal"), [
    ("herfindahl", 0.25), ("normalised_herfindahl", 0), ("entropy", np.log(4)), ("effective_number", 4), ("theil", 0), ("gini", 0),
    ("corrected_gini", 0), ("hall_tideman", 0.25), ("garcia_alba", 0.25), ("kwoka", 0)])
def test_four_equal_firms(name, equal):
    assert getattr(indices, name)(np.full((1, 4), 3.0)).item() == pytest.approx(equal, abs=1e-12)


@pytest.mark.parametrize("function", PLAIN, ids=WORKED)
def test_an_empty_market_is_undefined_and_a_wrong_size_an_error(function, quiet):
    assert np.isnan(function(np.zeros((1, 3)))).all()
    for wrong in (row(1.0, -0.1), row(1.0, np.nan)):
        with pytest.raises(ValueError, match="market"):
            function(wrong)


def test_an_empty_run_leaves_its_neighbour_alone(quiet):
    both = np.concatenate([np.zeros((1, 10)), GOLDEN], axis=0)
    for function in PLAIN:
        assert np.isnan(function(both)[0, 0])
        assert same_bits(function(both)[1:], function(GOLDEN))


@pytest.mark.parametrize("function", PLAIN, ids=WORKED)
@given(market=sizes, scale=st.floats(1e-6, 1e6), order=st.randoms(use_true_random=False))
def test_scale_and_order_and_firms_outside_the_market_change_nothing(function, market, scale, order):
    shuffled = market[0].tolist()
    order.shuffle(shuffled)
    moved = np.array([[*shuffled, 0.0, 0.0]]) * scale
    assert function(moved).item() == pytest.approx(function(market).item(), rel=1e-9, abs=1e-9)


@given(market=sizes)
def test_indices_stay_in_their_bounds_and_in_their_order(market):
    firms, slack = market.shape[-1], 1e-9
    value = {name: getattr(indices, name)(market).item() for name in WORKED}
    for name in ("herfindahl", "hall_tideman", "garcia_alba"):
        assert 1 / firms - slack <= value[name] <= 1 + slack, name
    for name in ("normalised_herfindahl", "kwoka", "corrected_gini"):
        assert -slack <= value[name] <= 1 + slack, name
    assert -slack <= value["gini"] <= 1 - 1 / firms + slack
    assert value["entropy"] + value["theil"] == pytest.approx(np.log(firms), abs=1e-9)
    assert value["hall_tideman"] == pytest.approx(1 / (firms * (1 - value["gini"])), rel=1e-9)
    hills = [indices.hill(market, order).item() for order in (0, 1, 2, np.inf)]
    assert all(more >= less - slack for more, less in zip(hills, [*hills[1:], 1.0], strict=True))


@given(market=sizes)
def test_a_merger_of_two_adds_twice_the_product_of_their_shares(market):
    assume(market.shape[-1] > 1)
    shares = market / market.sum()
    merged = np.concatenate([market[:, :1] + market[:, 1:2], market[:, 2:]], axis=-1)
    gain = indices.herfindahl(merged) - indices.herfindahl(market)
    assert gain.item() == pytest.approx(2 * shares[0, 0] * shares[0, 1], abs=1e-12)


def test_firms_in_the_market_without_a_size_count_where_numbers_count():
    idle, present = np.concatenate([GOLDEN, np.zeros((1, 2))], axis=-1), np.ones((1, 12))
    # n = 12 in place of 10: G = 1 - (2 x sum of rank x share - 1)/n = 1 - 5.26/12, ln 12 - E, (H - 1/12)/(1 - 1/12)
    assert indices.gini(idle, present=present).item() == pytest.approx(1 - 5.26 / 12, abs=1e-12)
    assert indices.theil(idle, present=present).item() == pytest.approx(np.log(12) - 1.919851, abs=1e-6)
    assert indices.normalised_herfindahl(idle, present=present).item() == pytest.approx((0.1876 - 1 / 12) / (11 / 12), abs=1e-12)


def test_each_index_has_its_own_way_with_many_small_firms():
    market = Market(row(30, 20, 50), fringe=row(0, 0, 1))
    assert indices.herfindahl(market).item() == pytest.approx(0.13)
    assert indices.largest(market, 1).item() == pytest.approx(0.3)
    assert indices.hill(market, 0).item() == 3
    assert indices.hill(market, np.inf).item() == pytest.approx(2), "as one firm"
    assert indices.normalised_herfindahl(market).item() == pytest.approx((0.52 - 0.5) / 0.5), "shares .6 and .4 among named firms"
    assert indices.gini(market).item() == pytest.approx(0.1)
    assert indices.kwoka(market).item() == pytest.approx(0.04)


@pytest.mark.parametrize("function", PLAIN, ids=WORKED)
def test_wide_markets_have_the_same_bits_with_spare_rows_and_in_company(function):
    draw = np.random.default_rng(5)
    wide = draw.lognormal(0, 2, (3, 526)) * (draw.random((3, 526)) < np.array([[0.2], [0.5], [0.95]]))
    spare = np.concatenate([wide, np.zeros((3, 128))], axis=-1)
    assert same_bits(function(spare), function(wide))
    for run in range(3):
        assert same_bits(function(wide[run : run + 1].copy()), function(wide)[run : run + 1])


# Lerner, instability, turnover -----------------------------------------------------------------------


def test_the_lerner_index_weighs_margins_and_is_negative_below_cost(quiet):
    assert indices.lerner(row(10, 20), row(5, 5), row(3, 1)).item() == pytest.approx((0.5 * 3 + 0.75) / 4)
    assert indices.lerner(row(10), row(15), row(1)).item() == pytest.approx(-0.5)
    assert np.isnan(indices.lerner(row(0), row(1), row(1)).item())


def test_instability_is_half_of_what_moved():
    assert indices.share_instability(row(50, 50), row(50, 50)).item() == 0
    assert indices.share_instability(row(60, 40, 0), row(50, 30, 20)).item() == pytest.approx(0.2)
    assert indices.share_instability(row(0, 0, 3), row(1, 2, 0)).item() == pytest.approx(1), "all replaced"
    assert indices.share_instability(row(50, 50), row(50, 50), same=row(1, 0)).item() == pytest.approx(0.5), "another firm in the row"


def test_turnover_counts_new_leaders():
    assert indices.rank_turnover(row(5, 4, 3, 2, 1), row(5, 4, 3, 2, 1), 4).item() == 0
    assert indices.rank_turnover(row(5, 4, 3, 1, 2), row(5, 4, 3, 2, 1), 4).item() == pytest.approx(0.25)
    assert indices.rank_turnover(row(5, 4, 0), row(5, 0, 4), 4).item() == pytest.approx(0.5), "of fewer firms than k, all"
    assert indices.rank_turnover(row(5, 4), row(5, 4), 2, same=row(1, 0)).item() == pytest.approx(0.5)
    assert np.isnan(indices.rank_turnover(row(1, 2), row(1, 2) * 0, 4).item()), "nobody led before"


def test_reversals_follow_kendalls_tau_among_survivors():
    assert indices.rank_reversals(row(1, 2, 3), row(10, 20, 30)).item() == 0
    assert indices.rank_reversals(row(3, 2, 1), row(10, 20, 30)).item() == 1
    # one of three pairs changed: tau = 1/3; the fourth firm is new and counts for nothing
    assert indices.rank_reversals(row(1, 3, 2, 9), row(1, 2, 3, 0)).item() == pytest.approx(1 / 3)
    # a tie in one of three pairs: tau_b = 2/sqrt(2 x 3)
    assert indices.rank_reversals(row(1, 1, 2), row(1, 2, 3)).item() == pytest.approx(0.5 * (1 - 2 / np.sqrt(6)))
    assert np.isnan(indices.rank_reversals(row(1, 0), row(1, 2)).item()), "one survivor has no order"

"""Estimators of patterns: values by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from market_abm.evidence.estimators import ESTIMATORS, ends_of, estimate, last_of, periods_like, year_in_middle

LABELS = tuple(f"{year}Q{quarter}" for year in (2018, 2019) for quarter in (1, 2, 3, 4))
NAN = float("nan")


def measured(estimator, period, *series, labels=LABELS, **arguments):
    """Return an estimate of series, each a list of quarters for one run or `(quarters, runs)`."""
    names = tuple(f"m{place}" for place in range(len(series)))
    values = {name: np.array(one, float).reshape(len(labels), -1) for name, one in zip(names, series, strict=True)}
    return estimate(SimpleNamespace(estimator=estimator, metrics=names, period=period, arguments=arguments), values, labels)


COUNT = [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(("period", "ends"), [
    ("2023Q4", (("2023Q4", "2023Q4"), ("2023Q4", "2023Q4"))),
    ("2023", (("2023Q1", "2023Q4"), ("2023Q1", "2023Q4"))),
    ("2019Q1..2025Q4", (("2019Q1", "2019Q1"), ("2025Q4", "2025Q4"))),
    ("2019..2024Q2", (("2019Q1", "2019Q4"), ("2024Q2", "2024Q2"))),
])
def test_a_period_has_two_ends(period, ends):
    assert ends_of(period) == ends
    assert last_of(period) == ends[1][1]


@pytest.mark.parametrize("period", ["", "23", "2023Q5", "2023-Q4", "2024..2023", "2023Q2..2023Q1", "2023Q4..2023", "2023..2024..2025", "2023..2023Q4"])
def test_what_is_no_period_is_refused(period):
    with pytest.raises(ValueError, match="2"):
        ends_of(period or "no 2")


@pytest.mark.parametrize(("period", "year"), [("2023", 2023.5), ("2023Q1", 2023.125), ("2023Q4", 2023.875), ("2022..2023", 2023.0)])
def test_the_middle_of_a_period(period, year):
    assert year_in_middle(period) == year


@pytest.mark.parametrize(("estimator", "period", "value"), [
    ("at", "2018Q3", 3.0), ("at", "2018", 4.0),
    ("mean", "2018", 2.5), ("mean", "2018Q2..2018Q3", 2.5), ("mean", "2019Q1", 5.0),
    ("total", "2018", 2.5), ("total", "2018Q4", 1.0), ("total", "2018Q1..2019Q4", 9.0),  # a yearly rate lasts a quarter of a year: 36/4
    ("change", "2018Q1..2019Q4", 7.0), ("change", "2018..2019", 4.0),
    ("times", "2018Q2..2019Q4", 4.0), ("times", "2018..2019", 2.6),
    ("share_of_quarters", "2018", 1.0),
])
def test_figures_of_a_period(estimator, period, value):
    assert measured(estimator, period, COUNT) == pytest.approx([value])


def test_growth_is_the_slope_of_the_logarithm():
    assert measured("growth", "2018Q1..2019Q4", [3.0 ** (q / 4) for q in range(8)]) == pytest.approx([3.0])
    # ln is 0, 0, 0, 1: centred times -.375, -.125, .125, .375 of a year, slope .375/.3125 = 1.2
    assert measured("growth", "2018", [1, 1, 1, np.e, 9, 9, 9, 9]) == pytest.approx([np.exp(1.2)])


def test_growth_leaves_out_quarters_without_a_value_and_needs_two():
    doubling = [2.0 ** (q / 4) for q in range(8)]
    assert measured("growth", "2018Q1..2019Q4", [doubling[0], NAN, 0.0, *doubling[3:]]) == pytest.approx([2.0])
    assert np.isnan(measured("growth", "2018", [NAN, NAN, NAN, 2, 3, 4, 5, 6])).all()


def test_the_running_top_ignores_runs_below_the_record():
    # records 1, 4, 4, 16 at 0, .25, .5, .75 years: ln 0, 1, 1, 2 times ln 4; slope (.375 * 2) / .3125 = 2.4
    found = measured("running_top", "2018", [1, 4, 2, 16, 1, 1, 1, 1])
    assert found == pytest.approx([4.0**2.4])


def test_the_running_top_remembers_what_was_before_the_period():
    assert measured("running_top", "2018Q2..2018Q4", [100, 1, 2, 3, 4, 5, 6, 7]) == pytest.approx([1.0])
    assert measured("record", "2018Q4", [100, 1, 2, 3, 4, 5, 6, 7]) == pytest.approx([100.0])


def test_a_record_bears_quarters_without_a_run_and_ends_with_a_failure():
    assert measured("record", "2018Q2", [NAN, 2, NAN, 1, 1, 1, 1, 1]) == pytest.approx([2.0])
    assert measured("record", "2018Q3", [NAN, 2, NAN, 1, 1, 1, 1, 1]) == pytest.approx([2.0])
    assert np.isnan(measured("record", "2018Q1", [NAN, 2, 1, 1, 1, 1, 1, 1])).all()
    assert np.isnan(measured("record", "2019Q4", [1, 2, 3, NAN, NAN, NAN, NAN, NAN])).all()


def test_ratio_product_part_and_sum():
    assert measured("ratio", "2018", COUNT, [5, 5, 5, 5, 1, 1, 1, 1]) == pytest.approx([0.5])  # mean over mean, 2.5/5
    assert measured("mean", "2018", COUNT, [2] * 8, of="product") == pytest.approx([5.0])
    assert measured("at", "2018Q3", COUNT, [9] * 8, of="part") == pytest.approx([0.25])  # 3 of 12
    assert measured("at", "2018Q3", COUNT, [9] * 8, of="sum") == pytest.approx([12.0])
    assert np.isnan(measured("ratio", "2018", COUNT, [0] * 8)).all()


def test_factor_inverse_and_since():
    assert measured("at", "2018Q4", COUNT, factor=1e-9) == pytest.approx([4e-9])
    assert measured("at", "2018Q4", COUNT, inverse=True) == pytest.approx([0.25])
    assert measured("growth", "2018Q1..2019Q4", [0.5 ** (q / 4) for q in range(8)], inverse=True) == pytest.approx([2.0])
    assert measured("at", "2019Q1", [4] * 8, since="2018Q2") == pytest.approx([4.0])  # four quarters of a yearly 4
    assert np.isnan(measured("at", "2018Q1", [4] * 8, since="2018Q2")).all()
    assert np.isnan(measured("at", "2018Q1", [4] * 8, since="2017Q2")).all()


LEADER, OWN, LATE, ALL = [0.6] * 8, [0.2] * 8, [0.2] * 8, [10.0] * 8


def test_makers_that_the_source_does_not_count_yet_are_left_out():
    arguments = {"late": 1, "enter": "2019Q1"}
    assert measured("two_makers", "2018Q4", LEADER, OWN, LATE, ALL, **arguments) == pytest.approx([0.75])
    assert measured("two_makers", "2019Q1", LEADER, OWN, LATE, ALL, **arguments) == pytest.approx([0.6])
    assert measured("two_makers", "2018Q4", LEADER, OWN, LATE, ALL, index="hhi", **arguments) == pytest.approx([0.75**2 + 0.25**2])
    assert measured("two_makers", "2018Q4..2019Q1", LEADER, OWN, LATE, ALL, **arguments) == pytest.approx([12 / 18])  # flows 6, 6 of 8, 10


def test_a_stock_adds_up_what_was_counted():
    arguments = {"late": 1, "enter": "2019Q1", "since": "2018Q3"}
    # 2018Q3 to 2019Q1: 6 + 6 + 6 of 8 + 8 + 10
    assert measured("two_makers", "2019Q1", LEADER, OWN, LATE, ALL, **arguments) == pytest.approx([18 / 26])
    assert measured("two_makers", "2019Q1", LEADER, OWN, LATE, ALL, index="hhi", factor=1e4, **arguments) == pytest.approx(
        [1e4 * (18**2 + 6**2 + 2**2) / 26**2])


def test_the_share_of_quarters_and_the_pulses_of_the_frontier():
    frontier = [0, 1, 1, 0, 0, 1, 1, 1]
    assert measured("share_of_quarters", "2018Q1..2019Q4", frontier) == pytest.approx([5 / 8])
    assert measured("share_of_quarters", "2018Q1..2019Q4", COUNT, above=6) == pytest.approx([0.25])
    assert measured("pulses", "2018Q1..2019Q4", frontier) == pytest.approx([3.0])
    assert np.isnan(measured("pulses", "2018", [0, NAN, 1, 0, 0, 1, 1, 1])).all()
    assert np.isnan(measured("share_of_quarters", "2018", [0, NAN, 1, 0, 0, 1, 1, 1])).all()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_each_run_is_alone_and_a_failed_one_has_no_value(name):
    least = ESTIMATORS[name].series[0]
    whole = np.array(COUNT, float) / 10
    failed = np.where(np.arange(8) < 5, whole, NAN)
    period = "2018Q1..2019Q4"
    both = measured(name, period, *[np.stack([whole, failed], axis=1)] * least)
    assert both.shape == (2,)
    assert both[0] == pytest.approx(measured(name, period, *[whole] * least)[0])
    assert np.isnan(both[1])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_runs_that_are_too_short_have_no_value(name):
    assert np.isnan(measured(name, "2018Q1..2020Q4", *[COUNT] * ESTIMATORS[name].series[0])).all()
    assert np.isnan(measured(name, "2017Q1..2018Q4", *[COUNT] * ESTIMATORS[name].series[0])).all()


def test_another_period_than_the_patterns_own():
    pattern = SimpleNamespace(estimator="at", metrics=("m",), period="2018Q1", arguments={})
    assert estimate(pattern, {"m": np.array(COUNT, float)[:, None]}, LABELS, "2019Q4") == pytest.approx([8.0])


def test_periods_of_the_same_kind():
    assert periods_like("2023Q4", LABELS) == LABELS
    assert periods_like("2023", LABELS) == ("2018", "2019")
    assert periods_like("2023", LABELS[1:7]) == ()
    assert periods_like("2018..2019", LABELS) == ()

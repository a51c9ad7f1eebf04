"""Ablations: measures by hand, verdicts, and the table on runs of the market."""

import csv
import math

import numpy as np
import pytest

import market_abm as ma
from market_abm.evidence import ablation
from market_abm.evidence.patterns import Pattern
from market_abm.metrics.catalogue import catalogue
from market_abm.parameters.switches import NEUTRAL

LABELS = tuple(f"{2018 + q // 4}Q{q % 4 + 1}" for q in range(72))


def one(*figures):
    """Return {metric: (quarters, 1)} of one run."""
    return {"x": np.array(figures, float)[:, None]}


def test_growth_is_the_slope_of_the_logarithm_a_year():
    """Doubling every quarter is 4 ln 2 a year; a bump in the middle of three does not change the slope by least squares."""
    assert ablation.growth("x", "2018Q1", "2018Q4")(one(1, 2, 4, 8), LABELS) == pytest.approx(4 * math.log(2))
    assert ablation.growth("x", "2018Q1", "2018Q3")(one(1, 1000, 4, 9), LABELS) == pytest.approx(4 * math.log(2))


def test_a_figure_of_zero_has_no_growth():
    assert np.isnan(ablation.growth("x", "2018Q1", "2018Q3")(one(0, 1, 2), LABELS)).all()


def test_a_level_is_a_mean_over_quarters_and_a_change_a_difference():
    assert ablation.level("x", "2018Q2")(one(1, 2, 6), LABELS) == pytest.approx(2)
    assert ablation.level("x", "2018Q2", "2018Q3")(one(1, 2, 6), LABELS) == pytest.approx(4)
    assert ablation.change("x", "2018Q1", "2018Q3")(one(1, 2, 6), LABELS) == pytest.approx(5)


def test_the_fall_from_the_peak_is_the_part_that_is_lost():
    assert ablation.fall_from_peak("x", "2018Q4")(one(1, 8, 4, 2), LABELS) == pytest.approx(0.75)
    assert ablation.fall_from_peak("x", "2018Q4")(one(1, 2, 3, 4), LABELS) == pytest.approx(0)
    assert ablation.fall_from_peak("x", "2018Q2")(one(1, 8, 4, 2), LABELS) == pytest.approx(0)


def test_the_largest_rise_is_above_the_lowest_before():
    """8, 4, 6, 3, 5: from 3 to 5 is more than from 4 to 6, and the 8 came before."""
    assert ablation.largest_rise("x", "2018Q1", "2019Q1")(one(8, 4, 6, 3, 5), LABELS) == pytest.approx(math.log(5 / 3))
    assert ablation.largest_rise("x", "2018Q1", "2018Q3")(one(8, 4, 2), LABELS) == pytest.approx(0)


@pytest.mark.parametrize(("low", "difference", "high", "q_value", "sign", "left", "told"), [
    (-0.4, -0.3, -0.2, 0.001, "-", 0.4, "breaks"),
    (-0.4, -0.3, -0.2, 0.001, "-", 0.6, "weakens"),
    (-0.4, -0.3, -0.2, 0.001, "+", math.nan, "contradicts"),
    (0.2, 0.3, 0.4, 0.001, "+", math.nan, "breaks"),
    (0.2, 0.3, 0.4, 0.001, "-", 1.4, "contradicts"),
    (0.2, 0.3, 0.4, 0.2, "+", math.nan, "inconclusive"),  # not after the correction for many tests
    (-0.05, 0.0, 0.05, 0.9, "-", 1.0, "holds"),
    (-0.09, -0.08, -0.07, 1e-9, "-", 0.1, "holds"),  # told apart from zero, and not material
    (-0.2, -0.09, -0.01, 0.04, "-", 0.1, "inconclusive"),
    (math.nan, -0.3, math.nan, math.nan, "-", 0.1, "inconclusive"),
])
def test_verdicts(low, difference, high, q_value, sign, left, told):
    row = {"low": low, "difference": difference, "high": high, "q_value": q_value, "predicted_sign": sign, "material": 0.1, "left": left}
    assert ablation.verdict(row) == told


@pytest.mark.parametrize(("baseline", "ablated", "sign", "left"), [
    (0.8, 0.2, "-", 0.25),  # a level that should fall
    (-0.4, -0.3, "+", 0.75),  # a fall that should not be
    (0.1, 0.5, "+", math.nan),  # something that should appear
    (-0.1, -0.5, "-", math.nan),
])
def test_what_is_left_of_a_fact(baseline, ablated, sign, left):
    found = ablation.left_of({"baseline": baseline, "ablated": ablated, "predicted_sign": sign})
    assert found == pytest.approx(left, nan_ok=True)


def test_the_table_pairs_runs_and_leaves_out_failed_ones():
    """Differences of -1, -2 and -3 have mean -2 and standard error 1/sqrt(3); t of two degrees at .975 is 4.3027."""
    test = ablation.Test("fact", "off", "x", "1", ("x",), ablation.level("x", "2018Q1"), "-", 0.1, "theory")
    values = {"baseline": {"x": np.array([[1.0, 2.0, 3.0, 4.0]])}, "off": {"x": np.array([[0.0, 0.0, 0.0, np.nan]])}}
    [row] = ablation.table([test], values, LABELS[:1])
    assert (row["baseline"], row["ablated"], row["difference"], row["pairs"]) == (2.0, 0.0, -2.0, 3)
    assert row["low"] == pytest.approx(-2 - 4.302653 / math.sqrt(3))
    assert row["verdict"] == "inconclusive"
    assert row["q_value"] == pytest.approx(row["p_value"])


def test_theory_has_a_line_for_each_of_eight_facts():
    assert len(ablation.FACTS) == 8
    assert {test.fact for test in ablation.TESTS} == set(ablation.FACTS)
    assert {test.ablation for test in ablation.TESTS} == set(ablation.ABLATIONS)


def test_every_metric_and_every_switch_exists():
    known = {metric.name for metric in catalogue(["amazon"])}
    assert {metric for test in ablation.TESTS for metric in test.metrics} <= known
    switches = {key.removeprefix("switches.") for setting in ablation.ABLATIONS.values() for key in setting if key.startswith("switches.")}
    assert switches <= set(NEUTRAL)


def band(name, metric, period, low, high):
    """Return a pattern: the level of one metric at the end of a quarter."""
    return Pattern(name, name, "", "1", "at", (metric,), "linear", period, low, high, "made up")


def test_bands_are_met_by_the_median():
    values = {"baseline": {"x": np.array([[1.0, 2.0, 9.0, np.nan]])}, "off": {"x": np.array([[5.0, 5.0, 1.0, 1.0]])}}
    rows = ablation.bands([band("p", "x", "2018Q1", 1.5, 2.5)], values, LABELS[:1])
    assert [(row["ablation"], row["value"], row["ok"], row["ok_in_baseline"]) for row in rows] == [("baseline", 2.0, True, True), ("off", 3.0, False, True)]


def test_ablations_run_on_the_same_seeds_and_are_kept(tmp_path):
    """Without own chips no in-house maker sells, so with a short market the share of own chips falls to nothing, pair by pair."""
    config = ma.load("configs/base.toml", sets=["frame.startup_slots=128", "startups.opening=40"])
    tests = (ablation.Test("own chips are sold", "no own chips", "in_house_share_chips, 2018Q4", "share", ("in_house_share_chips",),
                           ablation.level("in_house_share_chips", "2018Q4"), "-", 0.01, "none"),)
    patterns = [band("own chips", "in_house_share_chips", "2018Q4", 0.01, 1.0), band("later", "hhi_chip_sales", "2030Q4", 0.0, 1.0)]
    found = ablation.ablations(config, 3, tmp_path, 0, patterns=patterns, tests=tests, until="2018Q4", seed=4)
    [row] = found.rows
    assert (row["pairs"], row["ablated"]) == (3, 0.0)
    assert row["baseline"] > 0
    assert row["difference"] == pytest.approx(-row["baseline"])
    assert [(line["ablation"], line["pattern"], line["ok"]) for line in found.patterns] == [
        ("baseline", "own chips", True), ("no own chips", "own chips", False)]
    assert found.failures == []
    with open(tmp_path / "ablations.csv", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["fact"] == "own chips are sold"
    with open(tmp_path / "patterns_by_ablation.csv", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 2

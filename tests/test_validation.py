"""Judging, skill and validation: by hand on made-up runs, and once on a small market."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from files import write_small
from scipy.special import ndtri

from market_abm.errors import BadInput
from market_abm.evidence import validation
from market_abm.evidence.judging import (
    held_out,
    interval_score,
    judged,
    naive_interval,
    predictive_interval,
    share_of,
    sharpness,
    wilson,
    years,
)
from market_abm.evidence.patterns import Pattern, Point
from market_abm.evidence.skill import series_of, sign_flip, skill
from market_abm.evidence.validation import validate, verdict_of
from market_abm.evidence.validation_tables import KEYS
from market_abm.plots import history
from market_abm.studies.store import plain

LABELS = tuple(f"{year}Q{quarter}" for year in (2018, 2019, 2020, 2021, 2022) for quarter in (1, 2, 3, 4))
Z = 1.6448536  # normal, 95%


def pattern(period="2019Q4", low=1.0, high=3.0, use="fit", points=(), scale="linear", name="p", metric="x"):
    history = tuple(Point(*point) for point in points)
    return Pattern(name, "It rises", "owners", "1", "at", (metric,), scale, period, low, high, "made up", use, 1.0, history)


def runs(*values):
    """Return runs that each have one value in every quarter."""
    return {"x": np.tile(np.array(values, float), (len(LABELS), 1))}


# Bands


def test_a_band_is_met_by_the_median_and_runs_pass_one_by_one():
    found = judged(pattern(), runs(0.0, 2.0, 2.0, 4.0), LABELS, "2019Q4")
    assert (found.value, found.ok, found.pass_rate, found.held_out) == (2.0, True, 0.5, False)
    assert not judged(pattern(low=2.5), runs(0.0, 2.0, 2.0, 4.0), LABELS, "2019Q4").ok


def test_runs_without_a_value_do_not_pass_and_half_of_them_are_too_many():
    some = judged(pattern(), runs(2.0, 2.0, np.nan, np.nan), LABELS, "2019Q4")
    assert (some.value, some.pass_rate, some.ok) == (2.0, 0.5, True)
    assert judged(pattern(), runs(2.0, np.nan, np.nan), LABELS, "2019Q4").ok is False
    none = judged(pattern(), runs(np.nan, np.nan), LABELS, "2019Q4")
    assert (none.measured, none.ok) == (False, None)
    assert np.isnan(none.pass_rate)


@pytest.mark.parametrize(("use", "period", "out"), [("fit", "2019Q4", False), ("fit", "2020Q1", True), ("fit", "2019Q1..2020Q1", True), ("judge", "2018", True)])
def test_what_a_fit_did_not_know_is_held_out(use, period, out):
    assert held_out(pattern(use=use), period, "2019Q4") is out


@pytest.mark.parametrize(("passed", "tried"), [(8, 10), (1, 7), (3, 3), (0, 4)])
def test_wilsons_bounds_are_where_the_rate_would_be_just_as_far_as_the_normal_allows(passed, tried):
    for bound in wilson(passed / tried, tried):
        assert (passed / tried - bound) ** 2 == pytest.approx(Z**2 * bound * (1 - bound) / tried, abs=1e-7)
    assert np.isnan(wilson(0, 0)).all()


# Pattern-years


def test_the_interval_of_the_runs_alone_is_their_quantiles():
    assert predictive_interval(np.arange(21.0), 0.0) == pytest.approx((1.0, 19.0))


def test_measurement_error_is_added_exactly():
    assert predictive_interval(np.array([5.0]), 2.0) == pytest.approx((5 - 2 * Z, 5 + 2 * Z))
    # two points far apart: below the lower end lies a tenth of the lower normal
    assert predictive_interval(np.array([0.0, 100.0]), 1.0) == pytest.approx((ndtri(0.1), 100 - ndtri(0.1)))


def test_a_pattern_year_is_inside_with_measurement_error_and_outside_without():
    [year] = years(pattern(points=[("2019Q4", 2.5, 0.5)]), runs(2.0, 2.0), LABELS, "2019Q4")
    assert (year.value, year.inside, year.inside_seeds, year.held_out) == (2.0, True, False, False)
    assert year.interval == pytest.approx((2 - 0.5 * Z, 2 + 0.5 * Z))
    assert year.width == pytest.approx(Z / 2.5)
    assert year.scores[0] == pytest.approx(2 * Z)  # of a width in units of error, and nothing missed


def test_a_pattern_year_in_logarithms_is_told_in_its_own_unit():
    [year] = years(pattern(points=[("2019Q4", 2.0, 0.1)], scale="log"), runs(2.0, 2.0), LABELS, "2018Q4")
    assert year.interval == pytest.approx((2 * np.exp(-0.1 * Z), 2 * np.exp(0.1 * Z)))
    assert year.held_out


def test_a_run_with_nothing_counts_as_a_thousandth_in_logarithms():
    [year] = years(pattern(points=[("2019Q4", 2.0, 0.1)], scale="log"), runs(0.0), LABELS, "2018Q4")
    assert year.interval == pytest.approx((0.002 * np.exp(-0.1 * Z), 0.002 * np.exp(0.1 * Z)))
    assert year.inside is False


def test_a_year_that_no_run_reaches_is_not_measured():
    [year] = years(pattern(points=[("2030Q4", 2.0, 0.1)]), runs(2.0), LABELS, "2018Q4")
    assert (year.inside, year.inside_seeds, year.measured) == (None, None, False)


def test_the_interval_score():
    assert interval_score(1.0, 3.0, 2.0) == pytest.approx(2.0)
    assert interval_score(1.0, 3.0, 4.0) == pytest.approx(22.0)  # width 2, and 2/.1 for each unit missed
    assert interval_score(1.0, 3.0, 0.5) == pytest.approx(12.0)
    assert np.isnan(interval_score(np.nan, 3.0, 2.0))


def test_the_naive_interval_is_a_random_walks():
    known = [("2018", 1.0, 0.1), ("2020", 3.0, 0.1), ("2022", 9.0, 0.2)]
    one = pattern(points=known)
    # squared steps 4 over 2 years: 2 a year, 2 years ahead, and both errors: 4 + .01 + .04
    assert naive_interval(one, one.history[2], "2020Q4") == pytest.approx((3 - Z * 4.05**0.5, 3 + Z * 4.05**0.5))
    assert np.isnan(naive_interval(one, one.history[2], "2018Q4")).all(), "one figure has no steps"
    assert np.isnan(naive_interval(one, one.history[1], "2020Q4")).all(), "nothing is foreseen of what is known"


def test_sharpness_is_compared_where_both_scores_are_known():
    one = pattern(points=[("2018Q4", 1.0, 0.5), ("2019Q4", 2.0, 0.5), ("2020Q4", 3.0, 0.5)])
    told = sharpness(years(one, runs(2.0), LABELS, "2019Q4"))
    low, high = naive_interval(one, one.history[2], "2019Q4")
    assert told["points"] == 1
    # the truth is 3, the model's interval ends at 2 + .5 Z: missed by 1 - .5 Z, told in errors of .5
    assert told["score"] == pytest.approx((Z + 20 * (1 - 0.5 * Z)) / 0.5)
    assert told["naive_score"] == pytest.approx((high - low) / 0.5)
    assert told["width"] == pytest.approx(np.median([Z / 1, Z / 2, Z / 3]))


def test_rates_leave_out_what_was_not_measured():
    assert share_of([True, None, False, True]) == pytest.approx(2 / 3)
    assert np.isnan(share_of([None]))


# Skill


def rising(*levels):
    """Return one run that has a level in each year from 2018 on, the last one to the end."""
    return {"x": np.repeat([*levels, *[levels[-1]] * (5 - len(levels))], 4).astype(float)[:, None]}


def test_errors_of_the_model_of_the_last_value_and_of_a_line():
    one = pattern(points=[("2018Q4", 1.0, 0.1), ("2019Q4", 2.0, 0.1), ("2020Q4", 3.5, 0.2), ("2021Q4", 4.5, 0.4)])
    [series] = series_of([one], rising(0, 0, 3.0, 5.0), LABELS, "2019Q4")
    assert series.points == 2
    assert (series.model, series.constant, series.trend) == pytest.approx((0.5, 2.0, 0.5))  # .5, .5; 1.5, 2.5; .5, .5
    assert series.error == pytest.approx(0.3)
    assert series.by("measurement error") == pytest.approx(0.3)
    assert series.by("error of the constant") == pytest.approx(2.0)


def test_a_line_is_drawn_through_logarithms_where_the_scale_is_log():
    one = pattern(points=[("2018Q4", 1.0, 0.1), ("2019Q4", 2.0, 0.1), ("2020Q4", 8.0, 0.1)], scale="log")
    [series] = series_of([one], rising(1, 2, 8), LABELS, "2019Q4")
    assert (series.model, series.constant, series.trend) == pytest.approx((0.0, np.log(4), np.log(2)))


def test_series_on_one_side_of_the_split_are_none():
    early, late = [("2018Q4", 1.0, 0.1), ("2019Q4", 2.0, 0.1)], [("2020Q4", 1.0, 0.1), ("2021Q4", 2.0, 0.1)]
    assert series_of([pattern(points=early), pattern(points=late), pattern()], rising(1), LABELS, "2019Q4") == ()
    [lone] = series_of([pattern(points=[early[1], late[0]])], rising(1), LABELS, "2019Q4")
    assert np.isnan(lone.trend), "a line needs two points"


def test_the_skill_score_weighs_each_series_once():
    first = pattern(points=[("2019Q4", 2.0, 0.5), ("2020Q4", 4.0, 0.5)])  # model 3: off by 1, constant by 2, in errors 2 and 4
    second = pattern(points=[("2019Q4", 3.0, 0.1), ("2020Q4", 3.1, 0.1), ("2021Q4", 3.1, 0.1)])  # model off by .1, constant by .1: 1 and 1
    rows = {(row["naive"], row["scale"]): row for row in skill(series_of([first, second], rising(3), LABELS, "2019Q4"))}
    row = rows["constant", "measurement error"]
    assert (row["series"], row["better"]) == (2, 1)
    assert row["skill"] == pytest.approx(1 - 3 / 5)
    assert row["p_value"] == 1.0  # differences 2 and 0: no sign makes it smaller
    scaled = rows["constant", "error of the constant"]
    assert scaled["skill"] == pytest.approx(1 - 1.5 / 2)
    assert rows["trend", "measurement error"]["series"] == 0
    assert np.isnan(rows["trend", "measurement error"]["skill"])


@pytest.mark.parametrize(("differences", "p"), [([1, 1, 1], 2 / 8), ([3, 1], 2 / 4), ([1, -1], 1.0), ([-2, -2, -2, -2], 2 / 16), ([5], 1.0)])
def test_the_permutation_test_is_exact_for_few_series(differences, p):
    assert sign_flip(differences) == pytest.approx(p)


def test_the_permutation_test_draws_signs_for_many():
    assert sign_flip(np.ones(30)) == pytest.approx(1 / (2**16 + 1))
    balanced = np.tile([1.0, -1.0], 15)
    assert sign_flip(balanced) == 1.0
    assert sign_flip(np.linspace(-1, 2, 25)) == sign_flip(np.linspace(-1, 2, 25))
    assert np.isnan(sign_flip([]))


# Verdicts


def judged_by(ok_fitted, ok_held, inside):
    """Return a verdict with so many (met, missed) of each kind."""
    patterns = []
    for use, (met, missed) in (("fit", ok_fitted), ("judge", ok_held)):
        patterns += [pattern(use=use, name=f"{use}{place}", low=1.0 if place < met else 5.0, high=6.0) for place in range(met + missed)]
    met, missed = inside
    patterns[0] = pattern(name="fit0", low=1.0, high=6.0, points=[(f"{2018 + k // 4}Q{k % 4 + 1}", 2.0 if k < met else 99.0, 0.5) for k in range(met + missed)])
    return verdict_of(patterns, runs(2.0, 2.0), LABELS, "2022Q4", "a market", "mine.toml", 2)


@pytest.mark.parametrize(("fitted", "held", "inside", "ok"), [
    ((9, 1), (2, 1), (17, 3), True),
    ((8, 1), (2, 1), (17, 3), False),  # 89% of fitted
    ((9, 1), (5, 3), (17, 3), False),  # 63% of held out
    ((9, 1), (2, 1), (16, 3), False),  # 84% of pattern-years
    ((9, 1), (0, 0), (17, 3), True),  # nothing is held out
])
def test_what_a_configuration_must_meet(fitted, held, inside, ok):
    verdict = judged_by(fitted, held, inside)
    assert verdict.ok is ok
    assert [one["of"] for one in verdict.criteria] == [sum(fitted), sum(held), sum(inside)]


def test_rows_have_their_keys_in_order_and_a_year_of_the_band_beside_it():
    one = pattern(points=[("2019Q4", 2.5, 0.5), ("2020Q4", 9.0, 0.5)])
    verdict = verdict_of([one], runs(2.0, 2.0), LABELS, "2019Q4")
    assert [tuple(row) for row in verdict.rows] == [KEYS, KEYS]
    assert KEYS[:10] == ("pattern", "base", "period", "low", "high", "value", "pass_rate", "held_out", "source", "ok")
    band, later = verdict.rows
    assert (band["period"], band["low"], band["ok"], band["held_out"], band["history"], band["inside"]) == ("2019Q4", 1.0, True, False, 2.5, True)
    assert (later["period"], later["low"], later["ok"], later["held_out"], later["history"], later["inside"]) == ("2020Q4", None, None, True, 9.0, False)
    json.dumps(plain(verdict.rows), allow_nan=False)


def test_the_page_says_what_fails_and_what_was_held_out():
    told = validation.page(judged_by((9, 1), (2, 1), (17, 3)))
    assert "- fit9 (fitted, 2019Q4): 2 1, below 5 to 6. It rises." in told
    assert "- judge2 (held out, 2019Q4)" in told
    for head in ("## Criteria", "## Data", "## Fit", "## Held out", "## What fails", "## Pattern-years", "## Skill"):
        assert head in told
    assert "| medians in band, held out | 67% | 3 |" in told


# On a market

MINE = """
[owners_many]
says = "All compute is owned"
estimator = "at"
metrics = ["cr4_compute_owned"]
period = "2018Q4"
low = 0.0
high = 1.0
source = "by definition"
history = [["2018Q2", 0.5, 0.5], ["2018Q4", 0.5, 0.5]]
[owners_too_few]
estimator = "at"
metrics = ["cr4_compute_owned"]
period = "2018Q3"
low = 2.0
high = 3.0
source = "impossible"
use = "judge"
[nobody]
estimator = "at"
metrics = ["share_owned_nobody"]
period = "2018Q3"
low = 0.0
high = 1.0
source = "of another market"
[long_ago]
estimator = "at"
metrics = ["cr4_compute_owned"]
period = "2010Q3"
low = 0.0
high = 1.0
source = "before the start"
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


def test_a_configuration_is_judged_on_figures_of_ones_own_and_kept(tmp_path, mine):
    config, out = str(write_small(tmp_path)), tmp_path / "out"
    seen = []
    verdict = validate(config, 2, str(mine), "2018Q3", out, workers=0, progress=lambda done, total: seen.append((done, total)))
    assert [(band.pattern.name, band.ok, band.held_out) for band in verdict.bands] == [("owners_many", True, True), ("owners_too_few", False, True)]
    assert verdict.until == "2018Q4"
    assert verdict.unmeasured == {"nobody": "this configuration has no share_owned_nobody", "long_ago": "begins before 2018Q1"}
    assert verdict.ok is False
    assert seen[-1] == (2, 2)
    with open(out / "patterns.csv", encoding="utf-8") as file:
        assert [row["pattern"] for row in csv.DictReader(file)] == ["owners_many", "owners_too_few"]
    with open(out / "pattern_years.csv", encoding="utf-8") as file:
        assert [(row["period"], row["held_out"]) for row in csv.DictReader(file)] == [("2018Q2", "False"), ("2018Q4", "True")]
    assert (out / "skill.csv").exists() and (out / "runs" / "manifest.json").exists()
    assert (out / "validation.md").read_text().startswith(f"# Validation of {config}")
    again = validate(config, 2, str(mine), "2018Q3", out, workers=0)
    assert again.rows == verdict.rows


def test_what_cannot_be_judged_is_refused(tmp_path, mine):
    config = str(write_small(tmp_path))
    with pytest.raises(BadInput, match="is no quarter"):
        validate(config, 2, str(mine), "lately")
    lone = tmp_path / "lone.toml"
    lone.write_text(MINE[MINE.index("[nobody]"):])
    with pytest.raises(BadInput, match="has no pattern that this configuration can be measured by"):
        validate(config, 2, lone)


# The picture


def made(labels=LABELS):
    """Return a result by hand: two runs of a metric that doubles, the second half as large again."""
    values = np.linspace(1.0, 2.0, len(labels))[:, None] * np.array([1.0, 1.5])
    frame = SimpleNamespace(title="", history_until="2022Q4")
    return SimpleNamespace(labels=labels, names=("x",), runs=2, seed=1, failures=(), config=SimpleNamespace(frame=frame), metric=lambda name: values)


def test_a_panel_a_series_with_the_figures_that_are_known():
    quarters = pattern(points=[("2018Q4", 1.0, 0.1), ("2020Q4", 2.0, 0.1)], name="of quarters")
    of_years = pattern(points=[("2019", 1.0, 0.1), ("2021", 2.0, 0.1), ("2030", 3.0, 0.1)], name="of_years", scale="log")
    single, spans = pattern(points=[("2018Q4", 1.0, 0.1)]), pattern(points=[("2018..2019", 1.0, 0.1), ("2019..2020", 1.0, 0.1)])
    other = pattern(points=[("2018Q4", 1.0, 0.1), ("2020Q4", 2.0, 0.1)], metric="y")
    patterns = [quarters, of_years, single, spans, other]
    assert [one.name for one in history.series(made(), patterns)] == ["of quarters", "of_years"]
    x, band = history.fan(of_years, made())
    assert x.tolist() == [2018.5, 2019.5, 2020.5, 2021.5, 2022.5]
    assert band.shape == (3, 5)
    assert band[1, -1] == pytest.approx(2.5)  # 2 and 3 in the last quarter
    figure = history.draw(made(), patterns, "2019Q4")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["It rises", "It rises"]
    told = history.says(made(), patterns, "2019Q4")
    assert "2 series" in told and "of years, 2021: 2 known (held out)" in told


def test_a_picture_of_nothing_says_so():
    assert "There is no series." in history.says(made(), [])
    history.draw(made(), [])
    history.draw(made(LABELS[:1]))

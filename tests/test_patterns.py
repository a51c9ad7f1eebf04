"""Patterns as data: what a file may say, what is refused, and that the shipped ones can be measured."""

from pathlib import Path

import pytest

import market_abm
from market_abm.errors import BadInput
from market_abm.evidence.patterns import Point, read_patterns
from market_abm.metrics.catalogue import catalogue_of
from market_abm.parameters.frame import with_frame
from market_abm.units import quarter_number

ROOT = Path(market_abm.__file__).parent
WHOLE = {"estimator": '"at"', "metrics": '["m"]', "period": '"2023Q4"', "low": "0.5", "high": "0.7", "source": '"a paper"'}


def written(folder, **words):
    """Write a file with one pattern named p, and return its path; None leaves a word out."""
    lines = [f"{word} = {value}" for word, value in (WHOLE | words).items() if value is not None]
    path = folder / "mine.toml"
    path.write_text("[p]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def refusal(folder, **words):
    with pytest.raises(BadInput) as refused:
        read_patterns(written(folder, **words))
    return str(refused.value)


def test_a_small_file_is_enough(tmp_path):
    [pattern] = read_patterns(written(tmp_path))
    assert (pattern.name, pattern.estimator, pattern.metrics, pattern.low, pattern.high) == ("p", "at", ("m",), 0.5, 0.7)
    assert (pattern.scale, pattern.use, pattern.weight, pattern.history, pattern.arguments) == ("linear", "fit", 1.0, (), {})


def test_everything_that_a_pattern_may_say(tmp_path):
    more = {"says": '"it rises"', "base": '"owners"', "unit": '"share"', "scale": '"log"', "use": '"judge"', "weight": "2", "period": '"2019..2024Q2"',
            "estimator": '"change"', "history": '[["2022..2023", 1, 0.1]]', "arguments": "{ factor = 1e-9 }"}
    [pattern] = read_patterns(written(tmp_path, **more))
    assert (pattern.says, pattern.base, pattern.unit, pattern.scale, pattern.use, pattern.weight) == ("it rises", "owners", "share", "log", "judge", 2.0)
    assert pattern.history == (Point("2022..2023", 1.0, 0.1),)
    assert pattern.arguments == {"factor": 1e-9}
    assert pattern.last == "2024Q2"


@pytest.mark.parametrize(("period", "quarter", "over"), [
    ("2023Q4", "2023Q4", True), ("2023", "2023Q3", False), ("2023", "2023Q4", True), ("2019Q1..2024Q4", "2024Q3", False), ("2023Q4", "2030Q1", True)])
def test_a_pattern_ends_by_a_quarter(tmp_path, period, quarter, over):
    [pattern] = read_patterns(written(tmp_path, period=f'"{period}"'))
    assert pattern.ends_by(quarter) is over


@pytest.mark.parametrize(("words", "told"), [
    ({"low": None}, "mine.toml: p.low: must be said; write low = 0.5"),
    ({"source": None}, "p.source: must be said"),
    ({"lows": "1"}, "p.lows = 1: is no word for a pattern; did you mean low?"),
    ({"low": '"much"'}, 'p.low = "much": must be a finite number'),
    ({"low": "true"}, "p.low = true: must be a finite number"),
    ({"high": "inf"}, "p.high = inf: must be a finite number"),
    ({"low": "0.9"}, "p.low = 0.9: is above high = 0.7; exchange them"),
    ({"estimator": '"means"'}, 'p.estimator = "means": is not known; did you mean mean?'),
    ({"scale": '"logarithmic"'}, "is not known; "),
    ({"use": '"both"'}, 'p.use = "both": is not known'),
    ({"period": '"2023-12"'}, 'p.period = "2023-12": is no period; write "2023Q4", "2023" or'),
    ({"estimator": '"change"'}, 'p.period = "2023Q4": is too short for change; write a period of two parts'),
    ({"estimator": '"growth"'}, "is too short for growth"),
    ({"estimator": '"ratio"'}, "p.metrics: has 1 metrics, but ratio takes 2"),
    ({"metrics": '["a", "b"]'}, "p.metrics: has 2 metrics, but at takes 1; name as many, or say"),
    ({"metrics": '"m"'}, "must be a list of metrics"),
    ({"metrics": "[]"}, "must be a list of metrics, at least one"),
    ({"scale": '"log"', "low": "0"}, "p.low = 0: has no logarithm"),
    ({"weight": "0"}, "p.weight = 0: must be above 0"),
    ({"history": '[["2023Q4", 1.0]]'}, "must be a list of [period, value, one standard deviation]"),
    ({"history": '[["2023Q4", 1.0, 0.0]]'}, "p.history 2023Q4 = 0.0: must have an error above 0"),
    ({"history": '[["2023Q5", 1.0, 0.1]]'}, "is no period"),
    ({"history": '[["2023", 1, 0.1], ["2023", 2, 0.1]]'}, "p.history 2023: is said twice"),
    ({"scale": '"log"', "history": '[["2023", -1.0, 0.1]]'}, "p.history 2023 = -1.0: has no logarithm"),
    ({"arguments": "{ factors = 2.0 }"}, "p.arguments.factors = 2.0: is no argument of this estimator; did you mean factor?"),
    ({"arguments": '{ of = "products" }', "metrics": '["a", "b"]'}, "is no way to make one series of several; did you mean product?"),
    ({"arguments": '{ since = "lately" }'}, "p.arguments.since"),
    ({"arguments": "{ inverse = 1 }"}, "p.arguments.inverse = 1: must be true or false"),
    ({"arguments": '{ factor = "k" }'}, "p.arguments.factor"),
])
def test_what_is_wrong_is_said(tmp_path, words, told):
    assert told in refusal(tmp_path, **words)


def test_everything_wrong_is_said_at_once(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text('top = 1\n[a]\nlow = 2\n[b]\nestimator = "at"\nmetrics = ["m"]\nperiod = "2023"\nlow = 3\nhigh = 2\nsource = ""\n')
    with pytest.raises(BadInput) as refused:
        read_patterns(path)
    told = str(refused.value)
    assert "top = 1: is no table of a pattern" in told and "a.high: must be said" in told and "b.low = 3: is above high = 2" in told


@pytest.mark.parametrize(("text", "told"), [("", "names no pattern"), ("[p", "is not TOML")])
def test_a_file_that_is_none(tmp_path, text, told):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=told):
        read_patterns(path)
    with pytest.raises(BadInput, match="there is no such file"):
        read_patterns(tmp_path / "other.toml")


# What is shipped


@pytest.fixture(scope="module")
def shipped():
    return read_patterns()


@pytest.fixture(scope="module")
def base():
    return with_frame(str(ROOT.parent / "configs" / "base.toml"))


def test_there_are_enough_and_a_part_is_held_out(shipped):
    assert len(shipped) >= 30
    part = sum(pattern.use == "judge" for pattern in shipped) / len(shipped)
    assert 0.25 <= part <= 0.45


def test_each_mechanism_keeps_something_that_it_is_never_fitted_to(shipped):
    bases = {pattern.base for pattern in shipped}
    lonely = {base for base in bases if sum(pattern.base == base for pattern in shipped) > 2} - {p.base for p in shipped if p.use == "judge"}
    assert not lonely


def test_the_baseline_can_be_measured_by_all(shipped, base):
    known = {metric.name for metric in catalogue_of(base.cast)}
    assert {name for pattern in shipped for name in pattern.metrics} <= known
    for pattern in shipped:
        for period in (pattern.period, *(point.period for point in pattern.history)):
            assert quarter_number(period[:4] + "Q1", base.frame.start) >= 0


def test_nothing_of_2025_is_a_target(shipped):
    for pattern in shipped:
        assert pattern.ends_by("2024Q4"), pattern.name
        assert all(point.period.rpartition("..")[2][:4] <= "2024" for point in pattern.history), pattern.name


def test_every_pattern_names_its_source_unit_and_base(shipped):
    for pattern in shipped:
        assert pattern.says and pattern.source and pattern.unit and pattern.base, pattern.name


def test_figures_are_those_of_the_sources(shipped):
    by_name = {pattern.name: {point.period: point.value for point in pattern.history} for pattern in shipped}
    assert by_name["owned_cr4"] == {"2023Q4": 0.595, "2024Q4": 0.682}
    assert by_name["frontier_run_flop"]["2020Q2"] == 3.14e23
    assert by_name["chip_price_usd_per_pflops"]["2018Q1"] == pytest.approx(11458 / 0.125, rel=1e-4)
    assert by_name["chip_price_usd_per_pflops"]["2024Q3"] == pytest.approx(36018 / 0.9894, rel=1e-4)
    assert by_name["contested_rent_usd_per_pflop_hour"]["2022Q3"] == pytest.approx(1.10 / 0.312, rel=2e-3)
    assert by_name["contested_rent_usd_per_pflop_hour"]["2024Q3"] == pytest.approx(2.99 / 0.989, rel=2e-3)
    assert by_name["list_rent_usd_per_pflop_hour"]["2023Q1"] == pytest.approx((4.10 * 3.40) ** 0.5 / 0.312, rel=5e-3)
    assert by_name["run_rented_over_amortised"]["2022Q4"] == pytest.approx(78.6 / 40.7, rel=2e-3)


def test_a_history_of_the_bands_own_period_lies_in_the_band(shipped):
    for pattern in shipped:
        for point in pattern.history:
            if point.period == pattern.period:
                assert pattern.low <= point.value <= pattern.high, pattern.name

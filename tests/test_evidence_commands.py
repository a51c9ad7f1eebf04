"""`calibrate` and `validate` from the command line."""

import json

import pytest

from market_abm.cli import main

KEYS = ["pattern", "base", "period", "low", "high", "value", "pass_rate", "held_out", "source", "ok"]
SMALL = """extends = "{base}"

[frame]
startup_slots = 128

[startups]
opening = 12
talent_pool = 20
"""
PATTERNS = """[owners]
says = "Some owners hold most"
base = "compute_owned"
unit = "share"
estimator = "at"
metrics = ["cr4_compute_owned"]
period = "2018Q2"
low = {low}
high = 0.99
source = "made up"
history = [["2018Q2", 0.6, 0.5], ["2018Q4", 0.6, 0.5]]
"""
CALIBRATION = """[calibration]
config = "small.toml"
until = "2018Q4"
runs = 2
points = 2
searches = 1
patterns = "patterns.toml"

[free]
"customers.legacy_growth" = {}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with a small market, a pattern that it meets and a calibration."""
    from market_abm.delivery import built_in

    (tmp_path / "small.toml").write_text(SMALL.format(base=built_in("base.toml")))
    (tmp_path / "patterns.toml").write_text(PATTERNS.format(low=0.01))
    (tmp_path / "calibration.toml").write_text(CALIBRATION)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def status(*arguments):
    """Run the command line and return its exit status."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code or 0
    return 0


def test_validate_prints_a_line_a_pattern_and_one_a_further_year(place, capsys):
    assert status("validate", "small.toml", "--patterns", "patterns.toml", "--split", "2018Q3", "--runs", 2, "--workers", 0, "--out", "judged", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [list(row)[: len(KEYS)] for row in rows] == [KEYS] * 2
    assert [(row["period"], row["held_out"], row["ok"]) for row in rows] == [("2018Q2", False, True), ("2018Q4", True, None)]
    assert {"patterns.csv", "pattern_years.csv", "skill.csv", "validation.md", "runs"} <= {path.name for path in (place / "judged").iterdir()}


def test_validate_says_no_when_medians_lie_outside(place, capsys):
    (place / "patterns.toml").write_text(PATTERNS.format(low=0.98))
    assert status("validate", "small.toml", "--patterns", "patterns.toml", "--runs", 2, "--workers", 0, "--out", "judged") == 1
    said = capsys.readouterr()
    assert "owners" in said.out
    assert "judged has the tables" in said.err


@pytest.mark.parametrize(("arguments", "said"), [
    (("validate", "small.toml", "--patterns", "nowhere.toml"), "nowhere.toml"),
    (("validate", "small.toml", "--patterns", "patterns.toml", "--split", "soon"), "is no quarter"),
    (("validate", "nowhere.toml"), "nowhere.toml"),
    (("calibrate", "nowhere.toml"), "nowhere.toml"),
    (("calibrate", "small.toml"), "calibration"),
])
def test_what_cannot_be_used_is_refused_in_words(place, capsys, arguments, said):
    assert status(*arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert not told.out
    assert "Traceback" not in told.err


def test_calibrate_tells_of_each_parameter_and_goes_on_where_it_stopped(place, capsys):
    assert status("calibrate", "calibration.toml", "--out", "fit", "--workers", 0, "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert "customers.legacy_growth" in json.dumps(first)
    assert (place / "fit" / "fitted.toml").exists()
    assert status("calibrate", "calibration.toml", "--out", "fit", "--workers", 0) == 0
    again = capsys.readouterr()
    assert "customers.legacy_growth" in again.out
    assert "0 runs were new" in again.err
    assert status("check", "fit/fitted.toml") == 0

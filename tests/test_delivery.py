"""Comparison, demo, report, figure and units as commands: what they print, what they leave, what they refuse."""

import io
import json
import os
import shutil
from contextlib import redirect_stderr, redirect_stdout

import pandas as pd
import pytest
from files import write_small

from market_abm import delivery
from market_abm.cli import main
from market_abm.errors import BadInput
from market_abm.studies.store import load_study

ARGUMENTS = ("--runs", 3, "--quarters", 8, "--at", "2019Q4")
TWO = ("--lever", "compute_vouchers@2018Q3", "--lever", "documentation_mandate@2018Q4+faster_grid@2018Q4")
KEYS = ["lever", "metric", "quarter", "start", "baseline", "difference", "low", "high", "predicted_sign", "verdict"]


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Compare two policies on a small market, once for all tests; return (status, out, err, folder)."""
    place, status, before = tmp_path_factory.mktemp("compared"), 0, os.getcwd()
    os.chdir(place)
    try:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            main([str(word) for word in ("compare", write_small(place), *TWO, *ARGUMENTS, "--out", "here")])
    except SystemExit as end:
        status = end.code
    finally:
        os.chdir(before)
    return status, out.getvalue(), err.getvalue(), place / "here"


@pytest.fixture
def compared(once, call, tmp_path):
    """Return that comparison with a copy of its folder in the present one, where a command may be called on it."""
    *told, folder = once
    shutil.copytree(folder, tmp_path / "here")
    write_small(tmp_path)
    return *told, tmp_path / "here"


def test_compare_leaves_a_table_pictures_a_page_and_a_manifest(compared):
    status, out, err, folder = compared
    assert status == 0
    assert {path.name for path in folder.iterdir()} == {"effects.csv", "figures", "manifest.json", "metrics.parquet", "points.parquet", "report.html"}
    assert {"policies.svg", "policies.png", "owners.svg"} <= {path.name for path in (folder / "figures").iterdir()}
    assert "3 paired runs of 8 quarters: the baseline and 2 beside it" in err
    assert "compute_vouchers@2018Q3" in out and "verdict" in out
    assert pd.read_parquet(folder / "points.parquet")["policy"].tolist() == ["", "compute_vouchers@2018Q3", TWO[3]]
    metrics = pd.read_parquet(folder / "metrics.parquet")
    assert metrics["point"].value_counts().to_dict() == {0: 24, 1: 24, 2: 24}
    assert (folder / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_the_table_holds_the_differences_of_the_stored_metrics(compared):
    *_, folder = compared
    table, metrics = pd.read_csv(folder / "effects.csv", dtype={"predicted_sign": str}), pd.read_parquet(folder / "metrics.parquet")
    at = metrics[metrics["quarter"] == "2019Q4"].pivot(index="run", columns="point", values="startups_alive")
    row = table[(table["metric"] == "startups_alive") & (table["lever"] == "compute_vouchers@2018Q3")].iloc[0]
    assert row["baseline"] == pytest.approx(at[0].mean())
    assert row["difference"] == pytest.approx((at[1] - at[0]).mean())
    assert (row["pairs"], row["predicted_sign"], row["start"]) == (3, "+", "2018Q3")


@pytest.fixture
def undrawn(monkeypatch):
    """Leave pictures and page out, which other tests look at."""
    for name in ("draw", "write_report"):
        monkeypatch.setattr(delivery, name, lambda *asked: None)


def test_json_lists_one_flat_object_a_row(call, undrawn, tmp_path):
    status, out, _ = call("compare", write_small(tmp_path), *TWO, *ARGUMENTS, "--metrics", "startups_alive,hhi_chip_sales", "--json", "--out", "here")
    rows = json.loads(out)
    assert (status, len(rows)) == (0, 4)
    assert set(KEYS) <= set(rows[0])
    assert {row["metric"] for row in rows} == {"startups_alive", "hhi_chip_sales"}
    assert all(row["verdict"] in ("agree", "disagree", "inconclusive", "ambiguous") for row in rows)


def test_a_report_is_written_again_from_the_folder_alone(compared, call):
    *_, folder = compared
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    status, out, _ = call("report", folder)
    assert (status, out.strip()) == (0, str(folder / "report.html"))
    assert (folder / "report.html").read_bytes() == before


def test_one_scenario_can_be_reported_too(call, tmp_path):
    call("run", write_small(tmp_path), "--out", "here")
    status, _, err = call("report", "here")
    assert (status, err) == (0, "")
    assert "<h1" in (tmp_path / "here" / "report.html").read_text("utf-8")


def test_a_figure_is_exported_in_every_format(compared, call):
    *_, folder = compared
    status, out, _ = call("figure", folder, "policies")
    assert status == 0
    assert [line.rsplit("/", 1)[-1] for line in out.split()] == ["policies.svg", "policies.png", "policies.pdf"]
    assert (folder / "figures" / "policies.pdf").read_bytes().startswith(b"%PDF")
    status, out, _ = call("figure", folder, "owners", "--out", folder / "mine.png")
    assert (status, (folder / "mine.png").read_bytes()[1:4]) == (0, b"PNG")


@pytest.mark.parametrize(("arguments", "said"), [
    (("figure", "here", "policy"), "policy: cannot be drawn as that; did you mean policies?"),
    (("figure", "here", "policies", "--out", "x.gif"), "--out: x.gif: must be one file that ends in .svg, .png, .pdf"),
    (("figure", "nowhere", "policies"), "nowhere: is no results folder"),
    (("report", "nowhere"), "nowhere: is no results folder"),
    (("compare", "small.toml"), "--lever: names no policy to compare"),
    (("compare", "small.toml", "--lever", "brake_up"), "--lever: brake_up: is no lever of the catalogue; did you mean break_up?"),
    (("compare", "small.toml", "--lever", "break_up", "--metrics", "hhi_chip_sale"), "--metrics: hhi_chip_sale: is no metric; did you mean hhi_chip_sales?"),
    (("compare", "small.toml", "--lever", "break_up", "--at", "2040Q1"), "--at: 2040Q1: must be a quarter of the run, 2018Q1 to 2018Q4"),
    (("compare", "small.toml", "--lever", "break_up", "--start", "soon"), "--start: soon"),
    (("compare", "small.toml", "--lever", "public_cloud"), "needs an owner of kind public_cloud in the cast"),
    (("units", "--in", "GW"), "--in: GW: needs a quantity"),
])
def test_what_cannot_be_used_is_refused_with_2_and_nothing_is_written(compared, call, arguments, said):
    *_, folder = compared
    there = {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")}
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")} == there


def test_units_are_rows_with_both_columns(call):
    status, out, _ = call("units", "1 GW", "--json")
    rows = json.loads(out)
    assert status == 0
    assert all(list(row)[:4] == ["quantity", "as_stated", "as_published", "unit"] for row in rows)
    persons = [row for row in rows if "person" in row["unit"]]
    assert any(row["as_stated"] == pytest.approx(1e9 / 30e3) for row in persons)  # 1 GW at 30 kW a person
    status, out, _ = call("units")
    assert (status, "314" in out) == (0, True)


def test_the_demo_compares_five_levers_with_what_is_built_in(call, undrawn):
    status, out, _ = call("demo", "--runs", 2, "--quarters", 34, "--json")
    told = json.loads(out)
    assert (status, told["out"], told["runs"], told["quarters"], told["failed"]) == (0, "results/demo", 2, 34, 0)
    study, manifest = load_study("results/demo")
    assert list(study.results) == ["documentation_mandate", "faster_grid", "break_up", "compute_vouchers", "training_cap"]
    assert study.quarters == ("2026Q2",)  # the last of a run that ends before 2030
    assert manifest["command"][0] == "market-abm"


def test_what_is_not_installed_is_said():
    with pytest.raises(BadInput, match="install market-abm again"):
        delivery.built_in("none.toml")

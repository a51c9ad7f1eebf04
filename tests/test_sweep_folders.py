"""Other designs in the folder of a sweep: what is refused, what is reused; and results read back."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from damage import POINTS, RUNS, run
from files import write_small
from sweeping import Toy, tables, toy_design

import market_abm as ma
from market_abm.errors import BadInput
from market_abm.sweeps import runner
from market_abm.sweeps.export import exported
from market_abm.sweeps.results import load_results
from market_abm.sweeps.runner import run_design

LIST = """
[design]
config = "small.toml"
method = "list"
runs = 2
seed = 1
metrics = ["startups_alive"]
at = ["2018Q4"]
[[points]]
[[points]]
"clouds.omega" = 0.8
"""

pytestmark = pytest.mark.usefixtures("small_batches")


# Other designs in the same folder -----------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """Return a folder with a small market's sweep of two points and two runs each."""
    folder = tmp_path_factory.mktemp("listed")
    write_small(folder)
    (folder / "list.toml").write_text(LIST)
    assert runner.sweep(folder / "list.toml", folder / "out", workers=0).new == 4
    return folder


@pytest.mark.parametrize(("file", "old", "new", "said"), [
    ("base.toml", "cash_usd = 1e9", "cash_usd = 2e9", "cast.clouds.0.cash_usd was 1000000000.0, is 2000000000.0"),
    ("small.toml", "\n", "\n[clouds]\nomega = 0.6\n", "parameters.clouds.omega was 0.55, is 0.6"),
    ("list.toml", "seed = 1", "seed = 2", "seed was 1, is 2"),
    ("list.toml", "runs = 2", "runs = 2\nquarters = 5", "frame.quarters was 4, is 5"),
    ("list.toml", '"startups_alive"', '"hhi_chip_sales"', 'startups_alive.*hhi_chip_sales'),
    ("list.toml", '"startups_alive"', '"hhi_chip_sales", "startups_alive"', "metrics was"),
    ("list.toml", "2018Q4", "2018Q3", "2018Q4.*2018Q3"),
    ("list.toml", 'config = "small.toml"', 'model = "ishigami"', None),
])
def test_a_changed_configuration_is_refused_with_what_changed(listed, tmp_path, file, old, new, said):
    for name in ("base.toml", "small.toml", "list.toml"):
        shutil.copy(listed / name, tmp_path)
    shutil.copytree(listed / "out", tmp_path / "out")
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    if said is None:
        (tmp_path / file).write_text('[design]\nmodel = "ishigami"\nmethod = "list"\n[[points]]\nx1 = 1.0\n')
        said = 'model was "?market"?, is "?ishigami'
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match=f"holds a sweep of something else: .*{said}.*name another folder with --out"):
        runner.sweep(tmp_path / "list.toml", tmp_path / "out", workers=0)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_a_rule_of_ones_own_is_part_of_what_is_swept(listed, tmp_path):
    shutil.copytree(listed / "out", tmp_path / "out")
    with pytest.raises(BadInput, match=r"rules.*chips.allocation"):
        runner.sweep(listed / "list.toml", tmp_path / "out", workers=0, rules={"chips.allocation": give_nothing})


def give_nothing(orders, supply, *others):
    return 0.0 * orders


def test_more_runs_and_points_reuse_what_is_there(tmp_path, whole):
    out = tmp_path / "out"
    run(out, points=3, runs=5)
    old = load_results(out).metrics
    assert run(out, points=3, runs=RUNS).new == 9
    assert run(out, points=POINTS, runs=RUNS).new == 8
    assert tables(out) == whole
    both = load_results(out).metrics.merge(old, on=["point", "run", "quarter"], suffixes=("", "_before"))
    assert len(both) == len(old) == 45
    assert all((both[name] == both[f"{name}_before"]).all() for name in ("seed", "level", "luck"))


def test_values_put_before_the_old_ones_leave_their_numbers(tmp_path):
    out, design = tmp_path / "out", toy_design(points=4, runs=3)
    late = replace(design, points=design.points[2:], keys=design.keys[2:], rows=np.arange(2))
    assert run_design(late, out, workers=0).new == 6
    old = load_results(out).metrics
    assert run_design(design, out, workers=0).new == 6
    results = load_results(out)
    assert results.points["x"].tolist() == [3, 4, 1, 2]
    assert results.sample["point"].tolist() == [2, 3, 0, 1]
    assert results.values("level", "2018Q2")[:, 0].tolist() == [31.0, 41.0, 11.0, 21.0]
    pd.testing.assert_frame_equal(results.metrics[results.metrics["point"] < 2].reset_index(drop=True), old)


@pytest.mark.parametrize(("asked", "said"), [({"points": 3}, "holds 4 points, of which 1 are not in this design"),
                                             ({"runs": 7}, "holds runs that this design does not have")])
def test_a_design_that_drops_something_is_refused(swept, whole, asked, said):
    with pytest.raises(BadInput, match=f"{said}.*name another folder with --out"):
        run(swept, **asked)
    assert tables(swept) == whole
    assert run(swept).new == 0


def test_points_of_a_list_that_stand_twice_are_run_once(swept, listed):
    text = (listed / "list.toml").read_text()
    path = listed / "twice.toml"
    path.write_text(text + '[[points]]\n"clouds.omega" = 0.8\n[[points]]\n"clouds.omega" = 0.9\n')
    assert runner.sweep(path, listed / "twice", workers=0).new == 6
    assert load_results(listed / "twice").sample["point"].tolist() == [0, 1, 1, 2]


def test_a_line_added_for_a_point_that_is_there_is_in_the_sample_afterwards(swept):
    design = toy_design(points=POINTS, runs=RUNS)
    assert run_design(replace(design, rows=np.array([0, 1, 0, 2, 3])), swept, workers=0).new == 0
    assert load_results(swept).sample["point"].tolist() == [0, 1, 0, 2, 3]


def test_a_morris_design_runs_each_point_once(tmp_path):
    (tmp_path / "morris.toml").write_text('[design]\nmodel = "ishigami"\nmethod = "morris"\nsize = 30\nlevels = 4\n[factors]\nx1 = {}\nx2 = {}\n')
    done = runner.sweep(tmp_path / "morris.toml", tmp_path / "out", workers=0)
    results = load_results(tmp_path / "out")
    assert len(results.sample) == 30 * 3  # trajectories of two steps
    assert done.new == len(results.points) == len(results.points[["x1", "x2"]].drop_duplicates()) <= 4 * 4


# Reading back ---------------------------------------------------------------------------------------


def test_results_hold_what_was_swept(swept):
    results = ma.load_results(swept)
    assert (results.complete, results.failures) == (True, [])
    assert results.values("level", "2018Q2").tolist() == [[11.0] * 8, [21.0] * 8, [31.0] * 8, [41.0] * 8]
    assert [(f["key"], f["values"]) for f in results.factors] == [("x", [1, 2, 3, 4])]
    assert results.points["x"].tolist() == [1, 2, 3, 4]
    assert results.sample["point"].tolist() == [0, 1, 2, 3]
    assert results.runs["failure"].isna().all()
    assert len(results.metrics) == 4 * 8 * 3


def test_values_of_a_failed_run_are_missing(tmp_path):
    run(tmp_path / "out", points=2, runs=2, toy=Toy("break", 2))
    assert np.isnan(ma.load_results(tmp_path / "out").values("level", "2018Q3")).tolist() == [[False] * 2, [True] * 2]
    assert np.isnan(ma.load_results(tmp_path / "out").values("level", "2018Q1")).tolist() == [[False] * 2, [False] * 2]


def test_an_unfinished_sweep_gives_what_is_stored_and_says_what_is_not(begun):
    results = ma.load_results(begun)
    assert not results.complete
    assert results.metrics["level"].tolist() == [10.0 * x + q for x in (1, 2) for _ in range(8) for q in range(3)]
    with pytest.raises(BadInput, match="is not complete: 16 runs of 32 are stored; run the same command again"):
        results.values("level", "2018Q1")
    with pytest.raises(BadInput, match=r"holds no runs.parquet; the sweep is not complete"):
        results.runs  # noqa: B018
    with pytest.raises(BadInput, match="is not complete; run the same command again"):
        list(exported(begun))


def test_what_was_not_recorded_is_told(swept):
    results = ma.load_results(swept)
    with pytest.raises(BadInput, match="hhi: did not record it; recorded are level, luck, heavy_modules"):
        results.values("hhi", "2018Q1")
    with pytest.raises(BadInput, match="2018Q4: did not record it; recorded are 2018Q1, 2018Q2, 2018Q3"):
        results.values("level", "2018Q4")
    with pytest.raises(AttributeError, match="has no table 'matrics'; it may have metrics"):
        results.matrics  # noqa: B018
    with pytest.raises(BadInput, match=r"holds no events.parquet"):
        results.events  # noqa: B018


def test_a_damaged_table_is_told_with_the_way_out(swept, whole):
    path = swept / "metrics.parquet"
    path.write_bytes(path.read_bytes()[:100])
    for read in (lambda: ma.load_results(swept).metrics, lambda: ma.load_results(swept).values("level", "2018Q1")):
        with pytest.raises(BadInput, match=r"metrics.parquet: cannot be read: .*; remove it, and run the same command again: it is made anew"):
            read()
    path.unlink()
    assert run(swept).new == 0
    assert tables(swept) == whole


def test_a_folder_of_run_is_read_too(call, tmp_path):
    assert call("run", write_small(tmp_path), "--out", tmp_path / "one")[0] == 0
    results = ma.load_results(tmp_path / "one")
    assert (results.complete, len(results.metrics)) == (True, 2 * 4)
    for ask in (lambda: results.factors, lambda: results.sample, lambda: results.values("hhi_chip_sales", "2018Q1")):
        with pytest.raises(BadInput, match="holds no sweep; make one with `market-abm sweep DESIGN`"):
            ask()
    with pytest.raises(BadInput, match=r"holds no runs.parquet; run the study again"):
        results.runs  # noqa: B018
    status, out, _ = call("export", tmp_path / "one", "--csv")
    assert status == 0
    assert str(tmp_path / "one/metrics.csv") in out.splitlines()
    assert (results.metrics["seed"] == pd.read_csv(tmp_path / "one/metrics.csv", dtype={"seed": np.uint64})["seed"]).all()


@pytest.mark.parametrize("place", ["nowhere", "empty", "file"])
def test_a_place_without_results_is_refused(tmp_path, place):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="is no results folder: it has no manifest.json of ours"):
        ma.load_results(tmp_path / place)


def test_exported_tables_are_equal_when_they_are_read_back(call, tmp_path):
    run(tmp_path / "out", toy=Toy("break", 2))
    results = ma.load_results(tmp_path / "out")
    status, out, err = call("export", tmp_path / "out", "--csv")
    assert (status, err) == (0, "")
    assert out.splitlines() == [str(tmp_path / f"out/{name}.csv") for name in ("metrics", "points", "runs")]
    for name in ("metrics", "points", "runs"):
        back = pd.read_csv(tmp_path / f"out/{name}.csv", dtype={"seed": np.uint64, "quarter": "str"})
        pd.testing.assert_frame_equal(back, getattr(results, name), check_dtype=False, check_categorical=False)
    assert run(tmp_path / "out", toy=Toy("break", 2)).new == 0  # tables beside the originals do no harm


def test_a_wrong_table_and_no_format_are_refused(call, swept):
    status, out, err = call("export", swept, "--csv", "--table", "metric")
    assert (status, out, "metric: is no table of a results folder; did you mean metrics?" in err) == (2, "", True)
    status, out, err = call("export", swept, "--csv", "--table", "events")
    assert (status, out, "holds no events.parquet" in err) == (2, "", True)
    status, out, err = call("export", swept)
    assert (status, out, "--csv" in err) == (2, "", True)
    status, out, _ = call("export", swept, "--csv", "--table", "points")
    assert (status, out) == (0, f"{swept / 'points.csv'}\n")
    assert not (swept / "metrics.csv").exists()

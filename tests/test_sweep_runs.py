"""The runner of sweeps: the same tables whoever does the work and whatever befalls it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from files import write_small
from sweeping import Toy, at_work, market_design, tables, toy_design

import market_abm as ma
from market_abm.engine import run_seeds
from market_abm.sweeps import runner
from market_abm.sweeps.results import load_results
from market_abm.sweeps.runner import Stopped, run_design, sweep

COMMAND = "import sys, market_abm.sweeps.runner as r; r.BATCH = 8; r.CHUNK_SECONDS = 0; {more}; from market_abm.cli import main; main(sys.argv[1:])"
ROOT = Path(__file__).parent.parent
LONG = 60.0  # seconds that nothing here should take

pytestmark = pytest.mark.usefixtures("small_batches")


# What is measured -----------------------------------------------------------------------------------


def test_tables_hold_every_run_of_every_point_in_order(tmp_path):
    done = run_design(toy_design(points=3, runs=5), tmp_path / "out", workers=0)
    assert (done.runs, done.new, done.quarters, done.failures) == (15, 15, 3, [])
    metrics = load_results(tmp_path / "out").metrics
    assert metrics["point"].tolist() == [p for p in range(3) for _ in range(15)]
    assert metrics["run"].tolist() == [r for _ in range(3) for r in range(5) for _ in range(3)]
    assert metrics["quarter"].tolist() == ["2018Q1", "2018Q2", "2018Q3"] * 15
    assert metrics["level"].tolist() == [10.0 * x + q for x in (1, 2, 3) for _ in range(5) for q in range(3)]
    seeds = run_seeds(3, 0, 5)
    assert metrics["seed"].tolist() == [int(s) for _ in range(3) for s in seeds for _ in range(3)]  # common random numbers
    assert metrics["luck"].tolist() == [float(s) for _ in range(3) for s in seeds for _ in range(3)]


def test_only_the_quarters_asked_for_are_kept(tmp_path):
    run_design(toy_design(points=2, runs=2, at=("2018Q3",)), tmp_path / "out", workers=0)
    metrics = load_results(tmp_path / "out").metrics
    assert metrics["quarter"].unique().tolist() == ["2018Q3"]
    assert metrics["level"].tolist() == [12.0, 12.0, 22.0, 22.0]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_tables_are_the_same_bytes_whoever_does_the_work(tmp_path, workers):
    run_design(toy_design(points=10, runs=7), tmp_path / "here", workers=0)
    run_design(toy_design(points=10, runs=7), tmp_path / "there", workers=workers)
    assert tables(tmp_path / "here") == tables(tmp_path / "there")


def test_a_point_has_the_bits_of_a_run_with_its_numbers_set(tmp_path):
    path = market_design(tmp_path, runs=3)
    sweep(path, tmp_path / "out", workers=0)
    results = load_results(tmp_path / "out")
    for number in (0, 5, 11, 15):
        point = results.points.iloc[number]
        sets = [f"clouds.omega={point['clouds.omega']}", f"chips.allocation={point['chips.allocation']}"]
        (tmp_path / "lever.toml").write_text(
            f'[[levers]]\nname = "documentation_mandate"\nstart = "{point["levers.documentation_mandate.start"]}"\n'
            f'strength = {point["levers.documentation_mandate"]}\n')
        alone = ma.run(ma.load(tmp_path / "small.toml", sets=sets, levers=[str(tmp_path / "lever.toml")]), runs=3).metrics
        ours = results.metrics[results.metrics["point"] == number].reset_index(drop=True)
        for name in alone.columns.drop("point"):
            assert alone[name].astype(str).tolist() == ours[name].astype(str).tolist(), name


def test_tables_are_the_same_bytes_whatever_the_batch(tmp_path, monkeypatch):
    path = market_design(tmp_path, runs=1)
    sweep(path, tmp_path / "of eight", workers=0)
    for batch, least, seconds in ((64, 8, 1.0), (5, 1, 0.0)):
        monkeypatch.setattr(runner, "BATCH", batch)
        monkeypatch.setattr(runner, "LEAST", least)
        monkeypatch.setattr(runner, "CHUNK_SECONDS", seconds)
        sweep(path, tmp_path / f"of {batch}", workers=0)
        assert len(list((tmp_path / f"of {batch}/parts").iterdir())) == -(-16 // batch)
        assert tables(tmp_path / f"of {batch}") == tables(tmp_path / "of eight")


def test_a_choice_of_metrics_has_the_bits_of_all(tmp_path):
    path = market_design(tmp_path, runs=2)
    sweep(path, tmp_path / "all", workers=0)
    path.write_text(path.read_text().replace("[factors]", 'metrics = ["hhi_chip_sales", "startups_alive"]\n[factors]'))
    sweep(path, tmp_path / "few", workers=0)
    every, few = load_results(tmp_path / "all").metrics, load_results(tmp_path / "few").metrics
    assert set(few.columns) == {"point", "run", "seed", "quarter", "hhi_chip_sales", "startups_alive"}
    for name in few:
        assert every[name].astype(str).tolist() == few[name].astype(str).tolist()


def test_progress_goes_up_to_all_runs(tmp_path):
    shown = []
    run_design(toy_design(points=10, runs=8), tmp_path / "out", workers=2, progress=lambda done, total: shown.append((done, total)))
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    assert shown[-1] == (80, 80)
    assert len(shown) == 10


def test_the_same_point_is_run_once(tmp_path):
    write_small(tmp_path)
    (tmp_path / "list.toml").write_text('[design]\nconfig = "small.toml"\nmethod = "list"\nruns = 2\n[[points]]\n"clouds.omega" = 0.5\n'
                                        '[[points]]\n"clouds.omega" = 0.6\n[[points]]\n"clouds.omega" = 0.5\n[[points]]\n[[points]]\n"clouds.omega" = 0.55\n')
    assert sweep(tmp_path / "list.toml", tmp_path / "out", workers=0).new == 6  # .5, .6, and .55, which is the configuration's
    results = load_results(tmp_path / "out")
    assert results.sample["point"].tolist() == [0, 1, 0, 2, 2]
    assert results.points["clouds.omega"].tolist() == [0.5, 0.6, 0.55]
    assert sweep(tmp_path / "list.toml", tmp_path / "out", workers=0).new == 0


# What fails -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_identity_is_a_line_and_the_others_go_on(tmp_path, workers):
    seed = int(run_seeds(3, 2, 1)[0])
    run_design(toy_design(points=4, runs=6), tmp_path / "whole", workers=0)
    done = run_design(toy_design(points=4, runs=6, toy=Toy("break", 2, seed)), tmp_path / "out", workers=workers)
    assert [(f["point"], f["run"], f["kind"], f["quarter"]) for f in done.failures] == [(1, 2, "identity", "2018Q2")]
    results = load_results(tmp_path / "out")
    line = results.runs[results.runs["failure"].notna()].iloc[0]
    assert (line["point"], line["run"], line["failed_in"]) == (1, 2, "2018Q2")
    assert line["reason"] == "identity money broken at clouds.cash_usd row 2 by 7.5"
    assert results.failures[0]["reason"] == line["reason"]
    ours, whole = results.metrics, load_results(tmp_path / "whole").metrics
    failed = (ours["point"] == 1) & (ours["run"] == 2)
    pd.testing.assert_frame_equal(ours[~failed], whole[~failed])
    assert ours[failed]["level"].tolist()[0] == 20.0
    assert ours[failed]["level"].isna().tolist() == [False, True, True]
    assert run_design(toy_design(points=4, runs=6, toy=Toy("break", 2, seed)), tmp_path / "out", workers=workers).new == 0  # it is a result


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_raises_stands_alone_and_is_tried_again(tmp_path, workers):
    seed = int(run_seeds(3, 4, 1)[0])
    run_design(toy_design(points=4, runs=6), tmp_path / "whole", workers=0)
    toy = Toy("raise", 3, seed)
    done = run_design(toy_design(points=4, runs=6, toy=toy), tmp_path / "out", workers=workers)
    assert [(f["point"], f["run"], f["kind"], f["reason"]) for f in done.failures] == [(2, 4, "exception", "ArithmeticError: the toy is broken")]
    assert "in simulate" in load_results(tmp_path / "out").failures[0]["traceback"]
    ours, whole = load_results(tmp_path / "out").metrics, load_results(tmp_path / "whole").metrics
    failed = (ours["point"] == 2) & (ours["run"] == 4)
    pd.testing.assert_frame_equal(ours[~failed], whole[~failed])
    assert ours[failed]["level"].isna().all()
    again = run_design(toy_design(points=4, runs=6, toy=Toy()), tmp_path / "out", workers=workers)
    assert (again.new, again.failures) == (1, [])
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_a_run_that_ends_its_worker_every_time_is_a_line(tmp_path):
    seed = int(run_seeds(3, 1, 1)[0])
    run_design(toy_design(points=4, runs=6), tmp_path / "whole", workers=0)
    done = run_design(toy_design(points=4, runs=6, toy=Toy("die", 2, seed)), tmp_path / "out", workers=2)
    assert [(f["point"], f["run"], f["kind"], f["reason"]) for f in done.failures] == [(1, 1, "worker", "its worker was ended by SIGKILL")]
    ours, whole = load_results(tmp_path / "out").metrics, load_results(tmp_path / "whole").metrics
    failed = (ours["point"] == 1) & (ours["run"] == 1)
    pd.testing.assert_frame_equal(ours[~failed], whole[~failed])
    assert ours[failed]["level"].isna().all()
    again = run_design(toy_design(points=4, runs=6), tmp_path / "out", workers=2)
    assert (again.new, again.failures) == (1, [])
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_a_worker_that_dies_once_costs_nothing(tmp_path):
    run_design(toy_design(points=4, runs=6), tmp_path / "whole", workers=0)
    done = run_design(toy_design(points=4, runs=6, toy=Toy("die", 2, mark=str(tmp_path / "mark"))), tmp_path / "out", workers=2)
    assert (done.runs, done.failures) == (24, [])
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_failed_runs_are_told_with_status_3(call, tmp_path, monkeypatch):
    monkeypatch.setattr("market_abm.sweeps.runner.read_design", lambda *_: toy_design(points=2, runs=3, toy=Toy("raise", 1)))
    status, out, err = call("sweep", "toy.toml", "--out", tmp_path / "out", "--workers", 0, "--json")
    told = json.loads(out)
    assert (status, told["runs"], told["failed"], told["quarters"]) == (3, 6, 3, 3)
    assert "point 0, run 0 failed: ArithmeticError: the toy is broken" in err


# What is killed -------------------------------------------------------------------------------------


def command(folder, more="pass", **options):
    """Start the command on the market's design, with small batches."""
    return subprocess.Popen([sys.executable, "-c", COMMAND.format(more=more), "sweep", "grid.toml", "--out", "out", "--workers", "2"],
                            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def parts(folder):
    place = folder / "out/parts"
    return sorted(path.name for path in place.glob("*.parquet")) if place.exists() else []


def wait_for(condition, seconds=LONG):
    since = time.monotonic()
    while not condition():
        assert time.monotonic() - since < seconds
        time.sleep(0.01)


def finished(process):
    out, err = process.communicate(timeout=LONG)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the tables of the sweep that is disturbed below."""
    folder = tmp_path_factory.mktemp("undisturbed")
    sweep(market_design(folder), folder / "out", workers=0)
    return tables(folder / "out")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_killed_twice_the_tables_are_those_of_an_undisturbed_sweep(tmp_path, undisturbed):
    market_design(tmp_path)
    for count in (2, 5):
        process = command(tmp_path)
        wait_for(lambda: len(parts(tmp_path)) >= count or process.poll() is not None)  # noqa: B023
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(LONG)
        process.communicate()
        wait_for(lambda: not at_work(children))  # noqa: B023
        assert not (tmp_path / "out/metrics.parquet").exists()
        kept = {name: (tmp_path / "out/parts" / name).read_bytes() for name in parts(tmp_path)}
        assert len(kept) >= count
        assert len(load_results(tmp_path / "out").metrics) == 8 * 4 * len(kept)  # what is there can be read
    status, _, err = finished(command(tmp_path))
    assert (status, "Traceback" in err) == (0, False)
    assert f"{8 * len(kept)} had been there before" in err
    assert {name: (tmp_path / "out/parts" / name).read_bytes() for name in kept} == kept
    assert tables(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("moment", [0, 1, 2, 3])
def test_killed_while_tables_are_made_nothing_is_lost(tmp_path, moment):
    path = market_design(tmp_path, runs=1)
    sweep(path, tmp_path / "undisturbed", workers=0)
    dies = (f"import os, signal, market_abm.sweeps.tables as t; old = t.install if {moment} < 2 else t.fill_unfinished; calls = []\n"
            f"def dying(*a):\n    calls.append(a)\n    if len(calls) > {moment} % 2: os.kill(os.getpid(), signal.SIGKILL)\n    old(*a)\n"
            f"if {moment} < 2: t.install = dying\nelse: t.fill_unfinished = dying\n")
    status, *_ = finished(subprocess.Popen([sys.executable, "-c", COMMAND.format(more="exec(sys.argv.pop())"), "sweep", "grid.toml", "--out", "out",
                                            "--workers", "0", dies], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    assert status == -signal.SIGKILL
    assert not load_results(tmp_path / "out").complete
    assert finished(command(tmp_path))[0] == 0
    assert tables(tmp_path / "out") == tables(tmp_path / "undisturbed")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_what_is_stored_and_says_so(tmp_path, undisturbed, sent):
    market_design(tmp_path)
    process = command(tmp_path, start_new_session=True)
    wait_for(lambda: len(parts(tmp_path)) >= 2)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, sent) if sent == signal.SIGINT else process.send_signal(sent)
    status, out, err = finished(process)
    assert (status, out, "Traceback" in err) == (130, "", False)
    wait_for(lambda: not at_work(children), 2.0)
    stored = 8 * len(parts(tmp_path))
    said = int(err.split("interrupted; ")[1].split(" of 64 runs are stored in out")[0])
    assert said == stored
    assert "run the same command to go on" in err
    status, _, err = finished(command(tmp_path))
    assert status == 0
    assert f"{stored} had been there before" in err
    assert tables(tmp_path / "out") == undisturbed


def test_an_interruption_while_workers_start_leaves_no_trace(tmp_path):
    market_design(tmp_path)
    for extra in (0.0, 0.3):  # seconds: one worker is there; both are importing
        process = command(tmp_path, start_new_session=True)
        wait_for(lambda: len(psutil.Process(process.pid).children()) >= 2)  # noqa: B023
        time.sleep(extra)
        os.killpg(process.pid, signal.SIGINT)
        status, out, err = finished(process)
        assert (status, out, err.splitlines()[-1]) == (130, "", "interrupted; 0 of 64 runs are stored in out; run the same command to go on")
        assert "Traceback" not in err


def test_an_interruption_in_python_is_told_with_what_is_stored(tmp_path):
    def stop(done, total):
        if done >= 16:
            raise KeyboardInterrupt

    with pytest.raises(Stopped, match=r"interrupted; 16 of 48 runs are stored in .*out"):
        run_design(toy_design(points=6, runs=8), tmp_path / "out", workers=0, progress=stop)
    assert not load_results(tmp_path / "out").complete
    assert run_design(toy_design(points=6, runs=8), tmp_path / "out", workers=0).new == 32
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert [session["runs"] for session in manifest["sweep"]["sessions"]] == [16, 32]
    assert manifest["sweep"]["complete"]


def test_a_log_tells_rate_and_time_left(tmp_path, capsys, monkeypatch):
    from market_abm.delivery import run_sweep

    monkeypatch.setattr("market_abm.printing.PLAIN_LINES_EVERY", 0.0)
    monkeypatch.setattr("market_abm.sweeps.runner.read_design", lambda *_: toy_design(points=3, runs=8, toy=Toy("sleep")))
    run_sweep("toy.toml", tmp_path / "out", 0, None)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].split(",")[0].strip() for line in lines] == ["33%", "67%", "100%"]
    assert all("runs/s" in line and line.endswith("left") for line in lines)


# What the pages show --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_sweep(tmp_path_factory):
    """Return the folder in which README's sweep lies in results/small."""
    folder = tmp_path_factory.mktemp("readme")
    sweep(ROOT / "configs/sweeps/small.toml", folder / "results/small", workers=2)
    return folder


def test_the_python_on_the_page_of_sweeps_runs(small_sweep, monkeypatch, capsys):
    monkeypatch.chdir(small_sweep)
    blocks = [block.split("```")[0] for block in (ROOT / "docs/sweeps.md").read_text("utf-8").split("```python\n")[1:]]
    assert len(blocks) >= 2
    for block in blocks:
        exec(block, {})
    said = capsys.readouterr().out
    assert "(32, 4)" in said
    assert "2023Q4" in said


def test_the_small_sweep_finds_that_software_concentrates_the_chip_market(small_sweep, call):
    status, out, _ = call("discover", small_sweep / "results/small", "--metric", "hhi_chip_sales", "--above", 0.5, "--json")
    bounded = {row["parameter"] for row in json.loads(out) if row["index"] == "range"}
    assert (status, "switches.efficiency" in bounded) == (0, True)
    assert np.isfinite(load_results(small_sweep / "results/small").values("hhi_chip_sales", "2023Q4")).all()

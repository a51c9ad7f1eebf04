"""Worker processes of a sweep: what befalls them, and what they may not carry with them."""

import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from sweeping import HEAVY, Toy, at_work, market_design, tables, toy_design, workers_of_mine

from market_abm.errors import BadInput
from market_abm.sweeps import pools
from market_abm.sweeps.results import load_results
from market_abm.sweeps.runner import Stopped, run_design, sweep

LONG = 60.0  # seconds that nothing here should take

pytestmark = pytest.mark.usefixtures("small_batches")


@pytest.mark.parametrize("moment", ["starting", "working"])
def test_a_worker_killed_from_outside_costs_nothing(tmp_path, monkeypatch, moment):
    killed = []

    def kill(*_):
        if not killed:
            killed.extend(workers_of_mine())
            os.kill(killed[0].pid, signal.SIGKILL)

    def started(pool, old=pools.Processes._started):
        worker = old(pool)
        kill()
        return worker

    if moment == "starting":
        monkeypatch.setattr(pools.Processes, "_started", started)
    run_design(toy_design(points=4, runs=8), tmp_path / "whole", workers=0)
    done = run_design(toy_design(points=4, runs=8, toy=Toy("sleep")), tmp_path / "out", workers=2, progress=kill)
    assert (len(killed) > 0, done.runs, done.new, done.failures) == (True, 32, 32, [])
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_workers_that_can_never_begin_end_the_sweep(tmp_path, monkeypatch):
    def started(pool, old=pools.Processes._started):
        worker = old(pool)
        os.kill(worker.process.pid, signal.SIGKILL)
        return worker

    monkeypatch.setattr(pools.Processes, "_started", started)
    with pytest.raises(BadInput, match="--workers: a worker process ended with status -9 before it could begin"):
        run_design(toy_design(points=4, runs=8), tmp_path / "out", workers=1)


def test_too_few_processes_are_told_and_those_that_began_are_ended(tmp_path, monkeypatch):
    begun = []

    def started(pool, old=pools.Processes._started):
        if len(begun) == 2:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        begun.append(old(pool))
        return begun[-1]

    monkeypatch.setattr(pools.Processes, "_started", started)
    with pytest.raises(BadInput, match="workers = 3: only 2 processes could be started: Resource temporarily unavailable; ask for fewer"):
        run_design(toy_design(points=4, runs=8), tmp_path / "out", workers=3)
    assert [worker.process.exitcode for worker in begun] == [-signal.SIGTERM] * 2


def test_a_halted_worker_does_not_outlive_its_sweep(tmp_path, monkeypatch):
    halted = []

    def stop(done, total):
        halted.extend(workers_of_mine())
        for worker in halted:
            worker.suspend()
        raise KeyboardInterrupt

    monkeypatch.setattr(pools, "PATIENCE", 0.5)
    with pytest.raises(Stopped):
        run_design(toy_design(points=4, runs=8), tmp_path / "out", workers=2, progress=stop)
    assert (len(halted), at_work(halted)) == (2, [])


def test_a_rule_that_cannot_travel_is_refused_before_workers_start(tmp_path):
    def mine(orders, supply, *others):
        return orders * np.minimum(1.0, supply / np.maximum(orders.sum(axis=-1, keepdims=True), 1e-9))

    path = market_design(tmp_path, runs=1)
    with pytest.raises(BadInput, match=r"rules: cannot be sent to worker processes: .*mine.*; define the rule at the top of a module, or sweep with workers=0"):
        sweep(path, tmp_path / "out", workers=2, rules={"chips.allocation": mine})
    assert not workers_of_mine()
    assert sweep(path, tmp_path / "out", workers=0, rules={"chips.allocation": mine}).new == 16


# What is light --------------------------------------------------------------------------------------


def test_workers_import_none_of_the_heavy_libraries(tmp_path):
    run_design(toy_design(points=2, runs=2, toy=Toy("look around")), tmp_path / "out", workers=1)
    assert load_results(tmp_path / "out").metrics["heavy_modules"].unique().tolist() == [0.0]


IMPORTS_TOLD = """
import os, sys
class Watch:
    def find_spec(name, path=None, target=None):
        with open("imports", "a") as file:
            file.write(f"{os.getpid()} {name.partition('.')[0]}\\n")
sys.meta_path.insert(0, Watch)
"""


def test_workers_of_the_command_import_none_of_the_heavy_libraries(tmp_path):
    market_design(tmp_path, runs=1)
    (tmp_path / "sitecustomize.py").write_text(IMPORTS_TOLD)
    done = subprocess.run([sys.executable, "-m", "market_abm", "sweep", "grid.toml", "--out", "out", "--workers", "2"], cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stderr
    imported = {}
    for line in (tmp_path / "imports").read_text().splitlines():
        process, name = line.split()
        imported.setdefault(process, set()).add(name)
    engines = [names for names in imported.values() if "pyarrow" in names]
    assert len(engines) == 3
    assert sorted(len(names & HEAVY) > 0 for names in engines) == [False, False, True]  # only the command reads files with pydantic

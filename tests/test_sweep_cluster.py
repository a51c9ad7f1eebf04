"""Sweeps on a Dask cluster: the same tables, whatever becomes of its workers and its scheduler."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from files import write_small
from sweeping import Toy, tables, toy_design

from market_abm.engine import run_seeds
from market_abm.errors import BadInput
from market_abm.sweeps import cluster as cluster_pool
from market_abm.sweeps import runner
from market_abm.sweeps.results import load_results
from market_abm.sweeps.runner import Stopped, run_design

distributed = pytest.importorskip("distributed")
LONG = 60.0  # seconds that nothing here should take

pytestmark = pytest.mark.usefixtures("small_batches")


def new_cluster(workers):
    return distributed.LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0")


@pytest.fixture(scope="module")
def cluster():
    with new_cluster(2) as cluster:
        yield cluster


def processes_of(cluster):
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


def test_tables_are_the_bytes_of_local_processes(cluster, tmp_path):
    run_design(toy_design(points=6, runs=8), tmp_path / "here", workers=2)
    done = run_design(toy_design(points=6, runs=8), tmp_path / "there", scheduler=cluster.scheduler_address)
    assert (done.runs, done.new, done.failures) == (48, 48, [])
    assert tables(tmp_path / "there") == tables(tmp_path / "here")


def test_the_command_sweeps_the_market_on_a_cluster(cluster, tmp_path):
    write_small(tmp_path)
    (tmp_path / "grid.toml").write_text('[design]\nconfig = "small.toml"\nmethod = "grid"\nruns = 3\n[factors]\n"clouds.omega" = [0.5, 0.8, 0.9]\n')
    command = [sys.executable, "-m", "market_abm", "sweep", "grid.toml", "--out"]
    for out, who in (("here", ["--workers", "0"]), ("there", ["--scheduler", cluster.scheduler_address])):
        done = subprocess.run([*command, out, *who], cwd=tmp_path, capture_output=True, text=True, timeout=LONG)
        assert (done.returncode, done.stdout) == (0, f"{out}\n"), done.stderr
        assert "9 runs are stored" in done.stderr
        assert "Traceback" not in done.stderr
    assert tables(tmp_path / "there") == tables(tmp_path / "here")


def test_a_cluster_goes_on_with_what_processes_began(cluster, tmp_path):
    def stop(done, total):
        if done >= 16:
            raise KeyboardInterrupt

    run_design(toy_design(points=6, runs=8), tmp_path / "whole", workers=0)
    with pytest.raises(Stopped):
        run_design(toy_design(points=6, runs=8), tmp_path / "out", workers=0, progress=stop)
    assert run_design(toy_design(points=6, runs=8), tmp_path / "out", scheduler=cluster.scheduler_address).new == 32
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_a_failed_run_is_a_line(cluster, tmp_path):
    toy = Toy("raise", 2)
    design = toy_design(points=3, runs=2, toy=toy)
    done = run_design(design, tmp_path / "out", scheduler=cluster.scheduler_address)
    assert [(f["point"], f["run"], f["kind"], f["reason"]) for f in done.failures] == [
        (1, 0, "exception", "ArithmeticError: the toy is broken"), (1, 1, "exception", "ArithmeticError: the toy is broken")]
    assert load_results(tmp_path / "out").metrics["level"].isna().tolist() == [False] * 6 + [True] * 6 + [False] * 6


def test_an_interruption_leaves_the_cluster_to_others(cluster, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(Stopped, match="interrupted; 8 of 48 runs are stored"):
        run_design(toy_design(points=6, runs=8), tmp_path / "out", scheduler=cluster.scheduler_address, progress=stop)
    assert run_design(toy_design(points=6, runs=8), tmp_path / "out", scheduler=cluster.scheduler_address).new == 40


def test_a_worker_killed_from_outside_loses_nothing(cluster, tmp_path):
    killed = []

    def kill(done, total):
        if not killed:
            killed.append(processes_of(cluster)[0])
            os.kill(killed[0], signal.SIGKILL)

    run_design(toy_design(points=6, runs=8), tmp_path / "whole", workers=0)
    done = run_design(toy_design(points=6, runs=8, toy=Toy("sleep")), tmp_path / "out", scheduler=cluster.scheduler_address, progress=kill)
    assert (len(killed), done.runs, done.failures) == (1, 48, [])
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_all_workers_killed_at_once_lose_nothing(tmp_path):
    with new_cluster(1) as cluster:
        killed = []

        def kill(done, total):
            if not killed:
                killed.extend(processes_of(cluster))
                for process in killed:
                    os.kill(process, signal.SIGKILL)

        run_design(toy_design(points=4, runs=8), tmp_path / "whole", workers=0)
        done = run_design(toy_design(points=4, runs=8, toy=Toy("sleep")), tmp_path / "out", scheduler=cluster.scheduler_address, progress=kill)
    assert (len(killed), done.runs, done.failures) == (1, 32, [])
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_a_run_that_ends_every_worker_is_a_line(tmp_path):
    import dask

    seed = int(run_seeds(3, 0, 1)[0])
    run_design(toy_design(points=2, runs=1), tmp_path / "whole", workers=0)
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), new_cluster(1) as cluster:
        done = run_design(toy_design(points=2, runs=1, toy=Toy("die", 2, seed)), tmp_path / "out", scheduler=cluster.scheduler_address)
    assert [(f["point"], f["run"], f["kind"]) for f in done.failures] == [(1, 0, "worker")]
    assert "its worker on the cluster ended" in done.failures[0]["reason"]
    ours, whole = load_results(tmp_path / "out").metrics, load_results(tmp_path / "whole").metrics
    failed = ours["point"] == 1
    assert ours[~failed].equals(whole[~failed])
    assert run_design(toy_design(points=2, runs=1), tmp_path / "out", workers=0).new == 1  # an accident is tried again
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_a_scheduler_that_closes_ends_the_sweep_with_what_is_stored(call, tmp_path, monkeypatch):
    design = toy_design(points=6, runs=8, toy=Toy("sleep"))
    monkeypatch.setattr(runner, "read_design", lambda *_: design)
    run_design(replace(design, model=Toy()), tmp_path / "whole", workers=0)
    cluster = new_cluster(1)
    old, since = runner._Session._take_in, []

    def closing(session, name, account):
        old(session, name, account)
        if not since:
            since.append(time.monotonic())
            cluster.close()

    monkeypatch.setattr(runner._Session, "_take_in", closing)
    status, out, err = call("sweep", "toy.toml", "--out", tmp_path / "out", "--scheduler", cluster.scheduler_address)
    assert (status, out, "Traceback" in err) == (130, "", False), err
    assert f"the scheduler at {cluster.scheduler_address} went away; 8 of 48 runs are stored in {tmp_path / 'out'}" in err
    assert "run the same command to go on" in err
    assert time.monotonic() - since[0] < LONG
    kept = {path.name: path.read_bytes() for path in (tmp_path / "out/parts").iterdir()}
    assert len(kept) == 1
    assert run_design(replace(design, model=Toy()), tmp_path / "out", workers=0).new == 40
    assert {name: (tmp_path / "out/parts" / name).read_bytes() for name in kept} == kept
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_a_full_disk_is_told_as_one_and_not_as_a_lost_scheduler(cluster, tmp_path, monkeypatch):
    def full(folder, part):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cluster_pool, "write_part", full)
    with pytest.raises(BadInput, match="No space left on device; 0 of 16 runs are stored"):
        run_design(toy_design(points=2, runs=8), tmp_path / "out", scheduler=cluster.scheduler_address)


# What cannot be reached ---------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["nobody listens", "nowhere", "tcp://127.0.0.1:port"])
def test_an_address_that_does_not_answer_is_refused(tmp_path, address):
    assert float(cluster_pool.REACHABLE_WITHIN.removesuffix("s")) < 30
    (tmp_path / "grid.toml").write_text('[design]\nmodel = "ishigami"\nmethod = "grid"\nruns = 2\n[factors]\nx1 = [1.0, 2.0]\n')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}" if address == "nobody listens" else address
    code = "import sys, market_abm.sweeps.cluster as c; c.REACHABLE_WITHIN = '2s'; from market_abm.cli import main; main(sys.argv[1:])"
    # In a process of its own: what the library leaves of a client that failed can get in the way of the next one.
    done = subprocess.run([sys.executable, "-c", code, "sweep", "grid.toml", "--out", "out", "--scheduler", address], cwd=tmp_path,
                          capture_output=True, text=True, timeout=LONG)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False), done.stderr
    assert f"--scheduler: {address}: does not answer" in done.stderr
    assert "dask scheduler" in done.stderr


def test_a_cluster_without_workers_is_refused_at_once(tmp_path):
    with new_cluster(0) as cluster:
        began = time.monotonic()
        with pytest.raises(BadInput, match="has no workers; start some with `dask worker") as refusal:
            run_design(toy_design(points=2, runs=2), tmp_path / "out", scheduler=cluster.scheduler_address)
        assert cluster.scheduler_address in str(refusal.value)
        assert time.monotonic() - began < 15


def test_workers_with_other_code_are_refused(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_pool, "code_of_the_engine", _another_code)
    with pytest.raises(BadInput, match="has workers with other code or another numpy: tcp://"):
        run_design(toy_design(points=2, runs=2), tmp_path / "out", scheduler=cluster.scheduler_address)


def _another_code():
    return f"code of process {os.getpid()}"

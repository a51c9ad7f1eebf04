"""Folders of sweeps that went wrong: full disks, damaged and foreign files, two sweeps at once."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damage import LONG, POINTS, RUNS, contents, end_of_a_page, flip, parts_of, run
from files import write_small
from sweeping import tables, toy_design

from market_abm.errors import BadInput
from market_abm.sweeps import parts, runner
from market_abm.sweeps.results import load_results
from market_abm.sweeps.runner import run_design

LIST = '[design]\nconfig = "small.toml"\nmethod = "list"\nruns = 100\n[[points]]\n[[points]]\n"clouds.omega" = 0.8\n'

pytestmark = pytest.mark.usefixtures("small_batches")


# Disks ----------------------------------------------------------------------------------------------

SMALL_DISK = """
import pathlib, shutil, subprocess, sys
def mounted(*how):
    subprocess.run(["mount", "-t", "tmpfs", "-o", *how, "tmpfs", "disk"], check=True)
def swept():
    done = subprocess.run([sys.executable, "-m", "market_abm", "sweep", "grid.toml", "--out", "disk/out", "--workers", "0"], capture_output=True, text=True)
    print(done.returncode, done.stderr, sep="\\n", end="---\\n")
pathlib.Path("disk").mkdir()
mounted("size=300k")
swept()
mounted("remount,size=100m")
swept()
shutil.copytree("disk/out", "copied")
"""


def can_mount(place):
    asked = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(place)]
    return shutil.which("unshare") is not None and subprocess.run(asked, capture_output=True).returncode == 0


def test_a_disk_that_fills_up_costs_nothing_that_was_stored(tmp_path):
    if not can_mount(tmp_path):
        pytest.skip("needs a file system of its own")
    (tmp_path / "grid.toml").write_text('[design]\nmodel = "ishigami"\nmethod = "grid"\nruns = 4096\n[factors]\nx1 = [1.0, 2.0]\nseed_noise = [1.0]\n')
    done = subprocess.run(["unshare", "-rm", sys.executable, "-c", SMALL_DISK], cwd=tmp_path, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    full, roomy = (told.split("\n", 1) for told in done.stdout.split("---\n")[:2])
    assert (full[0], "Traceback" in full[1]) == ("2", False), full
    said = int(full[1].split("disk/out: --out: cannot be written: No space left on device; ")[1].split(" of 8192 runs are stored in disk/out; make room")[0])
    assert 64 <= said < 8192
    assert roomy[0] == "0", roomy
    assert int(roomy[1].split(" had been there before")[0].split()[-1]) >= said  # what was acknowledged is kept
    runner.sweep(tmp_path / "grid.toml", tmp_path / "roomy", workers=0)
    assert tables(tmp_path / "copied") == tables(tmp_path / "roomy")


@pytest.mark.parametrize("when", [0, 1, 3])
def test_an_error_of_the_disk_while_parts_are_written(tmp_path, monkeypatch, whole, when):
    out, wrote = tmp_path / "out", []

    def fails(folder, part):
        if len(wrote) == when:
            raise OSError(errno.ENOSPC, "No space left on device")
        wrote.append(part.name)
        parts.write_part(folder, part)

    monkeypatch.setattr("market_abm.sweeps.pools.write_part", fails)
    with pytest.raises(BadInput, match=rf"out: --out: cannot be written: No space left on device; {8 * when} of 32 runs are stored in .*; make room"):
        run(out)
    monkeypatch.setattr("market_abm.sweeps.pools.write_part", parts.write_part)
    kept = contents(out)
    assert len(kept) == when
    assert run(out).new == 32 - 8 * when
    assert contents(out).items() >= kept.items()
    assert tables(out) == whole


def test_an_error_of_the_disk_in_a_worker_is_told_by_the_sweep(begun, tmp_path, monkeypatch, whole):
    old, kept = runner._Session._make, contents(begun)

    def gone(session, missing):
        (begun / "parts").rename(tmp_path / "aside")
        (begun / "parts").write_text("")  # a file in the folder's place
        old(session, missing)

    monkeypatch.setattr(runner._Session, "_make", gone)
    with pytest.raises(BadInput, match="cannot be written: Not a directory; 16 of 32 runs are stored"):
        run_design(toy_design(points=POINTS, runs=RUNS), begun, workers=2)
    monkeypatch.setattr(runner._Session, "_make", old)
    (begun / "parts").unlink()
    (tmp_path / "aside").rename(begun / "parts")
    assert contents(begun) == kept
    assert run(begun).new == 16
    assert tables(begun) == whole


@pytest.mark.parametrize("name", ["points.parquet", "design.parquet", "manifest.json", "metrics.parquet", "runs.parquet"])
def test_an_error_of_the_disk_while_tables_are_written(begun, monkeypatch, whole, name):
    import market_abm.studies.files as files

    def fails(path, fill):
        if Path(path).name == name:
            files.unfinished(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        old(path, fill)

    old, kept = files.fill_unfinished, contents(begun)
    monkeypatch.setattr(files, "fill_unfinished", fails)
    monkeypatch.setattr("market_abm.sweeps.tables.fill_unfinished", fails)
    with pytest.raises(BadInput, match=r"cannot be written: No space left on device; \d+ of 32 runs are stored"):
        run(begun)
    monkeypatch.setattr(files, "fill_unfinished", old)
    monkeypatch.setattr("market_abm.sweeps.tables.fill_unfinished", old)
    assert contents(begun).items() >= kept.items()
    assert not load_results(begun).complete
    assert run(begun).runs == 32
    assert tables(begun) == whole
    assert not list(begun.glob("*.unfinished"))


def test_a_place_that_cannot_be_written_is_refused(call, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "read_design", lambda *_: toy_design(points=2, runs=2))
    (tmp_path / "file").write_text("mine")
    for place, why in ((tmp_path / "file", "exists and is no folder of a sweep"), (tmp_path / "file/below", "cannot be written: Not a directory"),
                       ("/proc/sweep", "cannot be written"), ("a\0b", "cannot be written")):
        status, out, err = call("sweep", "toy.toml", "--out", place)
        assert (status, out, "Traceback" in err) == (2, "", False), err
        assert f"{place}: --out: {why}" in err
        assert "name another" in err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("below", ["", "parts"])
def test_a_folder_without_permission_is_refused(begun, below):
    (begun / below).chmod(0o500)
    try:
        with pytest.raises(BadInput, match="cannot be written: Permission denied"):
            run(begun)
    finally:
        (begun / below).chmod(0o700)


# Whose folder ---------------------------------------------------------------------------------------


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.txt").write_text("mine")
    with pytest.raises(BadInput, match="thesis: --out: exists and is no folder of a sweep; name another with --out, or empty it"):
        run(tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


def test_sweep_and_run_refuse_each_others_folders(call, tmp_path, swept, whole):
    small = write_small(tmp_path)
    status, _, err = call("run", small, "--out", swept)
    assert (status, "exists and is no results folder" in err) == (2, True)
    assert tables(swept) == whole
    assert call("run", small, "--out", tmp_path / "one")[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "one").rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match="one: --out: exists and is no folder of a sweep"):
        run(tmp_path / "one")
    assert {path: path.read_bytes() for path in (tmp_path / "one").rglob("*") if path.is_file()} == before


def test_two_sweeps_of_one_folder_take_turns(begun):
    code = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('mine', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", code, str(begun / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "mine\n"
        before = contents(begun)
        with pytest.raises(BadInput, match=r"is being swept by another process \(process \d+ on .*, since 20.*\); wait for it, or name another"):
            run(begun)
        assert contents(begun) == before
        assert len(load_results(begun).metrics) == 3 * 16  # who only reads may do so meanwhile
    finally:
        other.kill()  # a lock ends with its process
        other.communicate()
    assert run(begun).new == 16


def test_two_commands_at_once_are_not_both_let_in(tmp_path):
    write_small(tmp_path)
    (tmp_path / "list.toml").write_text(LIST)
    design = runner.read_design(tmp_path / "list.toml")
    command = [sys.executable, "-m", "market_abm", "sweep", "list.toml", "--out", "out", "--workers", "0"]
    first = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    since = time.monotonic()
    while not (tmp_path / "out/manifest.json").exists():
        assert first.poll() is None and time.monotonic() - since < LONG
        time.sleep(0.01)
    with pytest.raises(BadInput, match=rf"is being swept by another process \(process {first.pid} on"):
        run_design(design, tmp_path / "out", workers=0)
    _, err = first.communicate(timeout=LONG)
    assert first.returncode == 0, err
    assert run_design(design, tmp_path / "out", workers=0).new == 0


# Parts and tables that are not as they were written ----------------------------------------------


@pytest.mark.parametrize("harm", ["half", "empty", "end", "text"])
def test_a_part_that_cannot_be_opened_is_set_aside_and_made_anew(begun, whole, harm):
    path, kept = parts_of(begun)[0], contents(begun)
    data = path.read_bytes()
    path.write_bytes({"half": data[:len(data) // 2], "empty": b"", "end": data[:-1], "text": b"x" * len(data)}[harm])
    assert len(load_results(begun).metrics) == 3 * 8  # the other one, and nothing is renamed by who only reads
    assert path.exists()
    done = run(begun)
    assert ([name for name, _ in done.damaged], done.new, done.runs) == ([path.name], 24, 32)
    assert path.with_name(path.name + ".damaged").exists()
    assert contents(begun)[parts_of(begun)[1].name] == kept[parts_of(begun)[1].name]
    assert tables(begun) == whole
    assert json.loads((begun / "manifest.json").read_text())["sweep"]["damaged"] == [path.name]


def test_a_part_with_a_flipped_byte_in_a_page_is_found_when_tables_are_made(call, begun, whole, monkeypatch):
    monkeypatch.setattr(runner, "read_design", lambda *_: toy_design(points=POINTS, runs=RUNS))
    path = parts_of(begun)[0]
    flip(path, end_of_a_page(path, "level"))
    with pytest.raises(BadInput, match=f"{path.name}: is not as it was written: .*; run the same command again: its runs will be made anew"):
        load_results(begun).metrics  # noqa: B018
    status, out, err = call("sweep", "toy.toml", "--out", begun, "--workers", 0)
    assert (status, out, "Traceback" in err) == (2, "", False)
    assert f"parts/{path.name}: is not as it was written and is set aside" in err
    assert "run the same command again: its runs will be made anew" in err
    assert len(parts_of(begun)) == 3
    assert call("sweep", "toy.toml", "--out", begun, "--workers", 0)[0] == 0
    assert tables(begun) == whole


@pytest.mark.parametrize("word", [b'"runs": [', b'"quarters": ', b'"failures": ', b'"points": [', b'"keys": ["', b'"study": "'])
def test_a_part_with_a_flipped_bit_in_its_account_is_set_aside(begun, whole, word):
    path = parts_of(begun)[0]
    flip(path, path.read_bytes().index(word) + len(word))
    done = run(begun)
    assert [name for name, _ in done.damaged] == [path.name]
    assert tables(begun) == whole


def test_a_part_whose_columns_were_renamed_is_found(begun, whole):
    path = parts_of(begun)[0]
    path.write_bytes(path.read_bytes().replace(b"level", b"lever"))
    with pytest.raises(BadInput, match="is set aside: its columns or lines are not those that it was written with"):
        run(begun)
    assert run(begun).runs == 32
    assert tables(begun) == whole


def test_no_flipped_bit_changes_a_figure(begun, whole):
    path = parts_of(begun)[0]
    data = path.read_bytes()
    for place in np.random.default_rng(5).choice(len(data), 25, replace=False).tolist():
        copy = begun.with_name(f"flipped at {place}")
        shutil.copytree(begun, copy)
        flip(copy / "parts" / path.name, place, place % 8)
        for _ in range(2):  # found when opened, or when tables are made; what cannot be told from another's file is refused
            try:
                run(copy)
            except BadInput as refusal:
                assert str(copy / "parts" / path.name) in str(refusal)
        if load_results(copy).complete:
            assert tables(copy) == whole, place
        shutil.rmtree(copy)


def test_files_of_others_among_the_parts_are_refused_and_left(begun, whole):
    pd.DataFrame({"a": [1]}).to_parquet(begun / "parts/mine.parquet")
    before = contents(begun)
    with pytest.raises(BadInput, match=r"parts/mine.parquet: is no part of this sweep; move it away, or name another folder with --out"):
        run(begun)
    (begun / "parts/mine.parquet").unlink()
    (begun / "parts/notes.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"parts/notes.txt: is no part of this sweep; move it away"):
        run(begun)
    assert (begun / "parts/notes.txt").read_text() == "mine"
    (begun / "parts/notes.txt").unlink()
    assert contents(begun).items() <= before.items()
    assert run(begun).new == 16
    assert tables(begun) == whole


def test_a_part_of_another_sweep_is_refused(begun, tmp_path, whole):
    run_design(toy_design(points=1, runs=2, seed=4), tmp_path / "seed", workers=0)
    run_design(toy_design(points=POINTS + 1, runs=RUNS), tmp_path / "points", workers=0)
    for other, why in (("seed", "is no part of this sweep; move it away"), ("points", "holds runs that this design does not have; name another folder")):
        source = parts_of(tmp_path / other)[-1]
        shutil.copy(source, begun / "parts")
        with pytest.raises(BadInput, match=f"{source.name}: {why}"):
            run(begun)
        (begun / "parts" / source.name).unlink()
    assert run(begun).new == 16
    assert tables(begun) == whole


def test_what_a_kill_left_half_written_is_cleared_away(begun, whole):
    left = begun / "parts/00000003-000000-abc.parquet.unfinished"
    left.write_bytes(b"PAR1half")
    (begun / "metrics.parquet.unfinished").write_bytes(b"PAR1half")
    assert run(begun).new == 16
    assert (left.exists(), (begun / "metrics.parquet.unfinished").exists()) == (False, False)
    assert tables(begun) == whole


@pytest.mark.parametrize("text", ["", "{", "[]", '{"package": "market_abm", "sweep": null}', '{"package": "market_abm", "sweep": {"complete": true}}', "\0\0"])
def test_a_broken_manifest_is_named_with_the_way_out(swept, whole, text):
    (swept / "manifest.json").write_text(text)
    kept = contents(swept)
    with pytest.raises(BadInput, match=r"out/manifest.json: cannot be read; bring it back from a copy; or remove this file alone, and run the same"):
        run(swept)
    assert contents(swept) == kept
    (swept / "manifest.json").unlink()
    assert run(swept).new == 0
    assert tables(swept) == whole
    assert load_results(swept).complete


@pytest.mark.parametrize("name", ["metrics", "runs", "points", "design"])
@pytest.mark.parametrize("harm", ["gone", "half", "empty"])
def test_a_table_that_is_lost_or_damaged_is_made_again_from_the_parts(swept, whole, name, harm):
    path = swept / f"{name}.parquet"
    data = path.read_bytes()
    path.unlink() if harm == "gone" else path.write_bytes(data[:len(data) // 2] if harm == "half" else b"")
    kept = contents(swept)
    if name == "points" and harm != "gone":  # it tells which number a point has: it is not thrown away unasked
        with pytest.raises(BadInput, match=r"points.parquet: cannot be read: .*; bring it back from a copy; or remove it, and run the same command"):
            run(swept)
        path.unlink()
    assert run(swept).new == 0
    assert contents(swept) == kept
    assert tables(swept) == whole


def test_points_that_are_lost_in_an_unfinished_sweep_are_made_again(begun, whole):
    (begun / "points.parquet").unlink()
    assert run(begun).new == 16
    assert tables(begun) == whole


def test_a_store_that_is_lost_is_filled_again(swept, whole):
    shutil.rmtree(swept / "parts")
    assert run(swept).new == 32
    assert tables(swept) == whole

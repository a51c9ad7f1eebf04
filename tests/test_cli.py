"""The commands: what they print, where they write, and with which status they end."""

import json
import os
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from files import fake_engine, use_engine, write_small

import market_abm
from market_abm.errors import BadInput
from market_abm.studies.store import open_folder, store
from market_abm.sweeps.results import load_results

HEAVY = {"numpy", "pandas", "pyarrow", "pydantic", "rich", "matplotlib", "seaborn"}
ENVIRONMENT = os.environ | {"PYTHONPATH": os.getcwd()}


@pytest.fixture
def engine(monkeypatch):
    """Put a stand-in in the engine's place."""
    stand_in = fake_engine()
    use_engine(monkeypatch, stand_in)
    return stand_in


@pytest.fixture
def real_engine():
    """Skip where there is no engine yet."""
    return pytest.importorskip("market_abm.engine")


def test_run_writes_a_results_folder_and_says_so(call, engine, tmp_path):
    status, out, err = call("run", write_small(tmp_path), "--runs", 3, "--seed", 5, "--quarters", 6)
    assert (status, "results/small" in err) == (0, True)
    assert sorted(p.relative_to(tmp_path / "results/small").as_posix() for p in (tmp_path / "results/small").rglob("*")) == [
        "figures", "figures/owners.png", "figures/owners.svg", "manifest.json", "metrics.parquet"]
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["hhi_compute_owned"]  # 2024Q4 and 2030Q4 lie beyond 6 quarters
    stored = load_results(tmp_path / "results/small")
    frame, manifest = stored.metrics, stored.manifest
    assert list(frame.columns) == ["point", "run", "seed", "quarter", "hhi_compute_owned", "share_owned_east"]
    assert frame["seed"].tolist() == [5000] * 6 + [5001] * 6 + [5002] * 6
    assert frame["quarter"].tolist()[:6] == ["2018Q1", "2018Q2", "2018Q3", "2018Q4", "2019Q1", "2019Q2"]
    assert frame["hhi_compute_owned"].tolist()[6:8] == [5001.0, 5001.01]
    assert (manifest["seed"], manifest["runs"], manifest["quarters"], manifest["failures"]) == (5, 3, 6, [])
    assert manifest["configuration"]["cast"]["clouds"][1]["name"] == "west"
    assert manifest["configuration"]["sources"]["startups.opening"].endswith("base.toml")
    assert manifest["versions"]["numpy"] == np.__version__


def test_json_is_one_document_and_nothing_else(call, engine, tmp_path):
    status, out, _ = call("run", write_small(tmp_path), "--json", "--out", "here")
    document = json.loads(out)
    assert (status, list(document)) == (0, ["out", "runs", "quarters", "failed", "seconds", "runs_per_second"])
    assert (document["out"], document["runs"], document["quarters"], document["failed"]) == ("here", 2, 4, 0)


def test_seed_zero_is_a_seed(call, engine, tmp_path):
    call("run", write_small(tmp_path), "--seed", 0, "--out", "here")
    assert load_results(tmp_path / "here").manifest["seed"] == 0


def test_runs_go_in_batches_of_64_and_progress_counts_quarters_of_runs(engine, tmp_path):
    seen = []
    result = market_abm.run(write_small(tmp_path), runs=130, quarters=2, progress=lambda done, total: seen.append((done, total)))
    assert engine.batches == [64, 64, 2]
    assert seen == [(64, 260), (128, 260), (192, 260), (256, 260), (258, 260), (260, 260)]
    assert result.seeds.tolist() == list(range(1000, 1130))
    assert len(result.metrics) == 260


def test_failed_runs_end_with_3_and_are_named(call, monkeypatch, tmp_path):
    failure = types.SimpleNamespace(run=1, quarter=2, identity="money", where="clouds.cash_usd", amount=float("nan"))
    use_engine(monkeypatch, fake_engine([failure], refused=2.0))
    status, _, err = call("run", write_small(tmp_path), "--runs", 66, "--out", "here")
    assert status == 3
    assert "run 1 failed in 2018Q3: identity money, where clouds.cash_usd, amount nan" in err
    assert "run 65 failed in 2018Q3" in err
    assert "66 of 66 runs turned founders away for want of slots: raise frame.startup_slots" in err
    manifest = load_results(tmp_path / "here").manifest
    assert manifest["failures"][1] == {"run": 65, "quarter": "2018Q3", "identity": "money", "where": "clouds.cash_usd", "amount": None}
    assert manifest["refused_entries"]["65"] == 2.0


@pytest.mark.parametrize(("at", "kept"), [(1, None), (2, 64)])
def test_an_interrupt_ends_with_130_and_keeps_whole_batches(call, monkeypatch, tmp_path, at, kept):
    use_engine(monkeypatch, fake_engine(interrupt_at=at))
    status, _, err = call("run", write_small(tmp_path), "--runs", 130, "--out", "here")
    assert (status, "Traceback" in err) == (130, False)
    if kept is None:
        assert "nothing is kept" in err
        assert not (tmp_path / "here").exists()
    else:
        assert "interrupted; kept 64 of 130 runs in here" in err
        assert load_results(tmp_path / "here").manifest["runs"] == kept


@pytest.mark.parametrize(("arguments", "said"), [
    (["--runs", 0], "--runs: frame.runs = 0: must be a whole number between 1 and 1000000 (unit: count)"),
    (["--runs", -1], "--runs: frame.runs = -1: must be a whole number"),
    (["--quarters", 0], "--quarters: frame.quarters = 0: must be a whole number between 1 and 400 (unit: quarters)"),
    (["--seed", -1], "--seed: frame.seed = -1: must be a whole number between 0 and 9007199254740992 (unit: seed)"),
    (["--set", "clouds.omega=3"], "--set: clouds.omega = 3: must be a number between 0 and 2 (unit: share)"),
    (["--lever", "data_akt"], "--lever: data_akt: is no lever of the catalogue; did you mean data_act?"),
    (["--record", "agent"], "--record: agent: is nothing that can be recorded; did you mean agents?"),
    (["--record", "none", "--record", "edges"], "--record: none: goes with no other; leave it out"),
    (["--runs", "many"], "Invalid value for '--runs'"),
    (["--rnus", 3], "No such option"),
    (["--out", "small.toml"], "small.toml: --out: exists and is no results folder of market-abm"),
    (["--out", "full"], "full: --out: exists and is no results folder of market-abm; name another with --out, or empty it"),
    (["--out", "small.toml/below"], "small.toml/below: --out: cannot be written: Not a directory"),
    (["--out", "a\0b"], "cannot be written: embedded null byte"),
])
def test_bad_input_ends_with_2_one_message_and_no_folder(call, engine, tmp_path, arguments, said):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/diary.txt").write_text("mine")
    (tmp_path / "full/manifest.json").write_text('{"package": "another"}')
    status, out, err = call("run", write_small(tmp_path), *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["base.toml", "full", "small.toml"]
    assert (tmp_path / "full/diary.txt").read_text() == "mine"
    assert engine.batches == []


def test_a_bad_file_ends_every_command_with_2(call, tmp_path):
    path = write_small(tmp_path, "[clouds]\nomega = 3\n")
    for command in ("run", "check"):
        for file, said in ((path, "clouds.omega = 3"), ("absent.toml", "absent.toml: there is no such file"), (".", ".: is a directory")):
            status, out, err = call(command, file)
            assert (status, out, said in err, "Traceback" in err) == (2, "", True, False)
    assert not (tmp_path / "results").exists()


def test_a_folder_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(BadInput, match="cannot be written: permission denied; name another folder with --out"):
        open_folder(tmp_path / "locked")


def test_a_folder_of_ours_is_replaced_and_what_an_interrupt_left_is_taken_over(engine, tmp_path):
    small = write_small(tmp_path)
    for runs in (2, 3):
        store(market_abm.run(small, runs=runs), open_folder(tmp_path / "out"))
    assert load_results(tmp_path / "out").metrics["run"].nunique() == 3
    (tmp_path / "out/manifest.json").unlink()
    assert open_folder(tmp_path / "out") == tmp_path / "out"
    with pytest.raises(BadInput, match="is no results folder: it has no manifest.json of ours"):
        load_results(tmp_path / "out")


def test_record_says_what_else_is_kept(call, real_engine, tmp_path):
    for options, kept in (([], {"events", "edges"}), (["--record", "none"], {"events"}),
                          (["--record", "agents", "--record", "edges"], {"events", "edges", "agents"})):
        status, out, _ = call("run", write_small(tmp_path), *options, "--out", "here", "--json")
        assert (status, json.loads(out)["runs"]) == (0, 2)
        assert {file.stem for file in (tmp_path / "here").glob("*.parquet")} == kept | {"metrics"}
        assert load_results("here").manifest["record"] == options[1::2]


def test_run_refuses_what_is_no_whole_number(tmp_path):
    for wrong in ({"runs": 2.5}, {"runs": True}, {"seed": -1}, {"quarters": "4"}):
        with pytest.raises(BadInput, match=f"frame.{next(iter(wrong))} = .*must be a whole number"):
            market_abm.run(write_small(tmp_path), **wrong)


def test_check_prints_changes_and_levers(call, tmp_path):
    path = write_small(tmp_path, "[[levers]]\nname = 'data_act'\nstart = '2025Q3'\nstrength = 0.5\n")
    status, out, err = call("check", path, "--json", "--set", "clouds.omega=0.9")
    rows = {row["key"]: row for row in json.loads(out)}
    assert (status, err) == (0, "")
    assert rows["clouds.omega"] == {"key": "clouds.omega", "value": 0.9, "default": 0.55, "unit": "share"} | dict.fromkeys(
        ("start", "end", "ramp_quarters", "announced_quarters", "grandfathered"))
    assert (rows["levers.data_act"]["start"], rows["levers.data_act"]["value"]) == ("2025Q3", 0.5)
    status, out, err = call("check", path)
    assert (status, "startups.opening" in out, "is valid: 2 makers, 3 owners of compute, 1 regions, 4 quarters from 2018Q1" in err) == (0, True, True)


def test_describe_parameters_tells_every_declaration(call):
    rows = {row["key"]: row for row in json.loads(call("describe", "parameters", "--json")[1])}
    omega = rows["clouds.omega"]
    assert (omega["unit"], omega["low"], omega["best"], omega["high"], omega["at_least"], omega["at_most"]) == ("share", 0.4, 0.55, 0.9, 0, 2)
    assert {"frame.quarters", "cast.clouds.*.fleet_share", "levers[*].strength"} <= rows.keys()
    assert rows["chips.pricing"]["unit"] == "nash_logit | cost_based | cournot | markup | scarcity | capacity_clearing"
    assumed = json.loads(call("describe", "parameters", "--assumed", "--json")[1])
    assert {row["source"] for row in assumed} == {"assumed"}
    assert len(assumed) < len(rows)


def test_describe_columns_tells_every_table(call):
    from market_abm.state.tables import TABLES

    rows = json.loads(call("describe", "columns", "--json")[1])
    assert len(rows) == sum(len(table.columns) for table in TABLES)
    assert list(rows[0]) == ["table", "column", "lives", "unit", "by", "counts_as", "says"]
    status, out, _ = call("describe", "columns")
    assert (status, len(out.splitlines())) == (0, len(rows) + 1)


def test_describe_quarter_tells_every_phase(call):
    pytest.importorskip("market_abm.phases.quarter")
    rows = json.loads(call("describe", "quarter", "--json")[1])
    assert all(list(row) == ["step", "name", "why", "writes"] and row["why"] for row in rows)
    assert call("describe", "nothing")[0] == 2


def test_help_and_version_import_nothing_heavy():
    for arguments in (["--help"], ["--version"], ["run", "--help"]):
        done = subprocess.run([sys.executable, "-m", "market_abm", *arguments], env=ENVIRONMENT, capture_output=True, text=True)
        assert (done.returncode, bool(done.stdout)) == (0, True)
    code = f"import sys, market_abm.cli; sys.exit(bool({HEAVY} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT).returncode == 0


def test_the_same_seed_gives_the_same_bytes(engine, tmp_path):
    assert_same_bytes(tmp_path)


def test_the_same_seed_gives_the_same_bytes_from_the_engine(real_engine, tmp_path):
    assert_same_bytes(tmp_path)


def assert_same_bytes(folder):
    written = []
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        store(market_abm.run(write_small(folder), runs=2, quarters=3, seed=seed), open_folder(folder / name))
        written.append((folder / name / "metrics.parquet").read_bytes())
    assert written[0] == written[1] != written[2]


def test_ctrl_c_on_the_real_engine_ends_with_130(real_engine, tmp_path):
    path = write_small(tmp_path)
    command = [sys.executable, "-m", "market_abm", "run", str(path), "--runs", "100000", "--quarters", "400", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "out").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert "kept" in err

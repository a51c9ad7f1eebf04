"""What is recorded beside metrics: events, edges and agents, against lines by hand and against the metrics."""

import numpy as np
import pandas as pd
import pytest
from files import write_small
from worlds import same_bits, tiny_world, whose

import market_abm
from market_abm.engine import Simulation, run_seeds, simulate
from market_abm.errors import BadInput
from market_abm.parameters.loading import load
from market_abm.phases import turnover
from market_abm.phases.quarter import QUARTER
from market_abm.randomness import Draws, birth_key
from market_abm.recording.agents import AGENTS, shown
from market_abm.recording.recorder import Recorder
from market_abm.state.journal import Journal
from market_abm.state.lifecycle import bury, give_birth, merge, split
from market_abm.state.world import Window
from market_abm.studies import run as study
from market_abm.studies.records import packed, unpacked
from market_abm.studies.store import open_folder, store
from market_abm.sweeps.results import load_results

EVERYTHING = ("edges", "agents")
NEOCLOUD = '[cast.clouds.west]\nkind = "neocloud"\n[cast.clouds.later]\npresent = 1\nkind = "neocloud"\n'


@pytest.fixture(scope="module")
def living(tmp_path_factory):
    """Run five baselines of 24 quarters with everything recorded, in batches of two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "BATCH", 2)
        return market_abm.run("configs/base.toml", runs=5, quarters=24, seed=3, record=EVERYTHING)


def opened(folder, runs=2, more="", record=EVERYTHING):
    """Return a simulation of the small cast with its recorder, before its first quarter."""
    configuration = load(write_small(folder, more))
    simulation, recorder = Simulation([configuration] * runs, run_seeds(1, 0, runs)), Recorder(record)
    recorder.begin(simulation)
    return simulation, recorder


def tables(simulation, recorder):
    """Return {name: table} of what a recorder has, as if this were the first batch of a study."""
    labels = tuple(f"q{q:02d}" for q in range(simulation.frame.quarters))
    records = recorder.records(simulation, [load_again(simulation)] * len(simulation.seeds))
    return {name: unpacked(name, [file]) for name, file in packed(records, 0, simulation.seeds, labels).items()}


def load_again(simulation):
    from market_abm.parameters.schema import Configuration

    return Configuration(frame=simulation.frame, cast=simulation.cast)


def phase(simulation, function):
    """Carry out one phase on a simulation."""
    [listed] = [p for p in QUARTER if p.function is function]
    function(Window(simulation.world, listed.name, listed.writes))


def lines(table, *columns, **where):
    """Return some columns of the lines that say what is asked, as tuples."""
    for name, value in where.items():
        table = table[table[name] == value]
    return list(table[list(columns)].astype(object).where(table[list(columns)].notna(), None).itertuples(index=False, name=None))


# The journal ------------------------------------------------------------------------------------------


def test_nothing_is_noted_unless_a_journal_is_kept():
    world = tiny_world()
    give_birth(world, "shops", whose(4, 2, run0=[1]), {})
    assert world.journal is None


def test_births_deaths_mergers_and_splits_by_hand():
    world = tiny_world(runs=3)
    world.journal, world.quarter = Journal(), 5
    give_birth(world, "shops", whose(4, 3, run0=[0, 2], run2=[1]), {"birth": np.array([[7, 8, 9, 10]], np.uint64)}, reason="founded", amount=3.0, unit="USD")
    world.keep(np.array([0, 2]))  # what was run 2 is now second
    give_birth(world, "shops", whose(4, 2, run1=[3]), {})
    merge(world, "shops", whose(4, 2, run0=[0]), np.full((2, 4), 2))
    bury(world, "shops", whose(4, 2, run0=[1], run1=[1]), reason="fire")  # there is nobody in row 1 of run 0
    split(world, "shops", whose(4, 2, run1=[3]), whose(4, 2, run1=[0]), np.full((2, 1), 0.5), {})
    noted = [(n.event, n.table, n.quarter, n.runs.tolist(), n.rows.tolist(), n.reason, n.other_rows.tolist()) for n in world.journal.notes]
    assert noted == [
        ("entry", "shops", 5, [0, 0, 2], [0, 2, 1], "founded", [0, 0, 0]),
        ("entry", "shops", 5, [2], [3], "", [0]),
        ("exit", "shops", 5, [0], [0], "merger", [2]),
        ("exit", "shops", 5, [2], [1], "fire", [0]),
        ("entry", "shops", 5, [2], [0], "split", [3]),
    ]
    assert world.journal.notes[0].keys.tolist() == [7, 9, 8]
    assert world.journal.notes[0].amount.tolist() == [3.0, 3.0, 3.0]
    assert world.journal.notes[2].other_keys.tolist() == [9]


# Events -----------------------------------------------------------------------------------------------


def test_a_bankruptcy_a_takeover_and_founders_by_hand(tmp_path, quiet):
    simulation, recorder = opened(tmp_path, more=NEOCLOUD)
    world = simulation.world
    world.draws = Draws(simulation.seeds, 0)
    world.array("startups.cash_usd")[1, 3] = -7.0
    world.array("clouds.cash_usd")[0, 1] = -11.0
    fleet = world.array("clouds.fleet_pflops")[:, 0, 1].sum()
    for function in (turnover.bankrupts_leave, turnover.distressed_owners_are_taken_over, turnover.founders_enter):
        phase(simulation, function)
    events = tables(simulation, recorder)["events"]
    assert list(events.columns) == ["point", "run", "seed", "quarter", "event", "kind", "agent", "other", "amount", "unit", "reason"]
    what = ("run", "quarter", "kind", "agent", "other", "amount", "unit", "reason")
    assert lines(events, *what, event="exit") == [
        (0, "q00", "clouds", "west", "east", pytest.approx(fleet), "PFLOP/s", "takeover"),
        (1, "q00", "startups", "startup 2017Q4-4", None, 7.0, "USD", "bankruptcy"),
    ]
    assert lines(events, *what, event="acquisition") == [(0, "q00", "clouds", "east", "west", pytest.approx(fleet), "PFLOP/s", "takeover")]
    founded = world.array("market.entries")[:, 0]
    assert founded.sum() > 0
    entered = lines(events, "run", "agent", "amount", event="entry")
    assert [(run, name) for run, name, _ in entered] == [(r, f"startup 2018Q1-{k + 1}") for r in (0, 1) for k in range(int(founded[r]))]
    newborn = world.array("startups.birth") == birth_key(0, 0)
    assert entered[0][2] == world.array("startups.cash_usd")[newborn][0]
    assert events["seed"].tolist() == [simulation.seeds[run] for run in events["run"]]


def test_levers_have_a_start_a_full_strength_and_an_end(tmp_path):
    def dated(start, more=""):
        return f'[[levers]]\nname = "data_act"\nstart = "{start}"\nstrength = 0.5\n{more}'

    def told(text, quarters=4):
        path = write_small(tmp_path, text)
        events = market_abm.run(path, runs=2, quarters=quarters, record="none").events
        return lines(events[events["run"] == 1], "quarter", "agent", "reason", "amount", event="lever")

    assert told(dated("2018Q2", "ramp_quarters = 2\nend = '2018Q4'")) == [
        ("2018Q2", "data_act", "start", 0.25), ("2018Q3", "data_act", "full strength", 0.5), ("2018Q4", "data_act", "end", 0.0)]
    assert told(dated("2018Q2", "ramp_quarters = 4\nend = '2018Q4'")) == [("2018Q2", "data_act", "start", 0.125), ("2018Q4", "data_act", "end", 0.0)]
    assert told(dated("2018Q4", "ramp_quarters = 4")) == [("2018Q4", "data_act", "start", 0.125)]
    assert told(dated("2017Q3", "ramp_quarters = 4")) == [("2018Q2", "data_act", "full strength", 0.5)]


def test_a_failed_run_keeps_its_events_up_to_its_failure_and_harms_nobody(tmp_path):
    def told(failing):
        simulation, recorder = opened(tmp_path, runs=3, record=("none",))
        for q in range(4):
            if failing and q == 2:
                simulation.world.array("clouds.effective_flop")[1, 0] = np.nan
            simulation.step()
        return tables(simulation, recorder)["events"], simulation.failures

    (whole, none), (broken, [failure]) = told(False), told(True)
    assert none == []
    line = lines(broken, "run", "quarter", "kind", "agent", "amount", event="failure")
    assert line == [(1, "q02", "clouds", "east", None)]
    assert broken[broken["event"] == "failure"]["reason"].item() == f"{failure.identity}: {failure.where}"
    lived = broken["event"] != "failure"
    assert broken[lived & (broken["run"] == 1)]["quarter"].max() <= "q02"
    for runs, until in (([0, 2], "q03"), ([1], "q01")):
        kept, there = ([t[t["run"].isin(runs) & (t["quarter"] <= until)].astype(str).reset_index(drop=True) for t in (broken[lived], whole)])
        pd.testing.assert_frame_equal(kept, there)
    assert whole["run"].nunique() == 3


@pytest.mark.parametrize(("kind", "alive"), [("startups", "startups_alive"), ("clouds", "clouds_alive")])
def test_entries_less_exits_are_the_change_of_those_alive(living, kind, alive):
    metrics, events = living.metrics.set_index(["run", "quarter"]), living.events
    events = events[events["kind"] == kind]
    counts = {event: events[events["event"] == event].groupby(["run", "quarter"], observed=True).size() for event in ("entry", "exit")}
    change = counts["entry"].reindex(metrics.index, fill_value=0) - counts["exit"].reindex(metrics.index, fill_value=0)
    if alive in metrics:
        alive = metrics[alive]
    else:
        alive = living.agents.query("kind == @kind").groupby(["run", "quarter"], observed=True).size().reindex(metrics.index)
    moved = alive.groupby("run").diff()
    assert moved.notna().sum() == 5 * 23
    assert (moved.dropna() == change[moved.notna()]).all()
    assert kind == "clouds" or (counts["exit"].sum() > 50 and counts["entry"].sum() > 50)


def test_counts_of_events_are_those_of_the_metrics(living):
    metrics, events = living.metrics.set_index(["run", "quarter"]), living.events
    for metric, event, kind, reason in (("entries_startups", "entry", "startups", "founded"), ("exits_startups", "exit", "startups", "bankruptcy"),
                                        ("exits_clouds", "exit", "clouds", "takeover")):
        counts = events[(events["event"] == event) & (events["kind"] == kind) & (events["reason"] == reason)].groupby(["run", "quarter"], observed=True).size()
        assert (counts.reindex(metrics.index, fill_value=0) == metrics[metric]).all(), metric


def test_a_generation_has_the_power_of_its_chip(living):
    launches = living.events.query("event == 'generation'")
    makers = living.agents.query("kind == 'makers'").set_index(["run", "quarter", "agent"])
    assert len(launches) > 5
    for line in launches.itertuples():
        assert makers.loc[(line.run, line.quarter, line.agent), "pflops_per_chip"] == line.amount
        assert makers.loc[(line.run, line.quarter, line.agent), "quarters_since_launch"] == 0.0


def test_every_exit_by_somebodys_doing_is_also_told_of_the_buyer(living):
    events = living.events
    gone = events[(events["event"] == "exit") & events["other"].notna()]
    what = ("run", "quarter", "amount", "reason")
    told = [lines(gone, *what, "agent", "other"), lines(events, *what, "other", "agent", event="acquisition")]
    assert sorted(told[0]) == sorted(told[1])
    bought = gone[gone["reason"] == "acquisition"]
    assert (bought["amount"] >= 0).all()
    assert set(bought["kind"]) == {"startups"}
    clouds = {agent.name for agent in living.config.cast.clouds}
    assert all(name in clouds or name.startswith("startup ") for name in bought["other"])
    assert len(bought) > 5


# Edges ------------------------------------------------------------------------------------------------


def test_edges_of_every_quarter_add_up(tmp_path):
    simulation, recorder = opened(tmp_path, more=NEOCLOUD + "[mergers]\nrescue_rate = 0\nsynergy_rate = 0\n")
    world, sums = simulation.world, []
    for q in range(4):
        world.array("startups.cash_usd")[world.array("startups.alive") > 0] = 1e12  # so that nobody closes with a bill paid
        simulation.step()
        recorder.after_quarter(simulation)
        hours = world.array("startups.training_pflop_hours") + world.array("startups.serving_pflop_hours")
        credit = world.array("startups.credit_rent_usd").sum(axis=-1)
        for run in range(2):
            sums.append((run, f"q{q:02d}", world.array("clouds.delivered_pflops")[:, run].sum(), world.array("makers.sales_usd")[run].sum(),
                         hours[run].sum(), world.ledger.amount("startup rent")[run, 0] + credit[run]))
    assert simulation.failures == []
    edges = tables(simulation, recorder)["edges"]
    assert list(edges.columns) == ["point", "run", "seed", "quarter", "edge", "source_kind", "source", "target_kind", "target", "amount", "unit"]
    told = edges.groupby(["run", "quarter", "edge", "unit"], observed=True)["amount"].sum()
    assert sum(hosted for *_, hosted, _ in sums) > 0
    for run, quarter, delivered, sales, hosted, paid in sums:
        for edge, unit, amount in (("bought", "PFLOP/s", delivered), ("bought", "USD", sales), ("hosts", "PFLOP-h", hosted), ("hosts", "USD", paid)):
            assert told[run, quarter, edge, unit] == pytest.approx(amount, rel=1e-9), (edge, unit, run, quarter)


def test_edges_of_ownership_by_hand(tmp_path):
    simulation, recorder = opened(tmp_path)
    world = simulation.world
    world.array("startups.holder")[0, 1, 4], world.array("startups.stake")[0, 1, 4] = 1, 0.3
    world.array("startups.holder")[2, 1, 4], world.array("startups.stake")[2, 1, 4] = 0, 0.2
    world.array("startups.holder")[3, 0, 2] = 1  # holds nothing
    world.array("startups.backer")[1, 5] = 1
    world.array("clouds.parent")[0, 1] = 0
    world.array("makers.parent")[1, 1] = 0
    world.quarter = 3
    recorder.after_quarter(simulation)
    edges = tables(simulation, recorder)["edges"]
    what = ("run", "quarter", "source_kind", "source", "target_kind", "target", "amount", "unit")
    assert sorted(lines(edges, *what, edge="owns")) == sorted([
        (0, "q03", "clouds", "east", "clouds", "west", 1.0, "share"),
        (1, "q03", "clouds", "east", "makers", "beta", 1.0, "share"),
        (1, "q03", "clouds", "west", "startups", "startup 2017Q4-5", 0.3, "share"),
        (1, "q03", "clouds", "east", "startups", "startup 2017Q4-5", 0.2, "share"),
    ])
    assert lines(edges, *what, edge="backs") == [(1, "q03", "clouds", "west", "startups", "startup 2017Q4-6", 1.0, "0 or 1")]


@pytest.mark.parametrize(("record", "quarters"), [
    ((), ["2018Q4", "2019Q2"]), (("agents",), ["2018Q4", "2019Q2"]), (("none",), []),
    (("edges",), ["2018Q1", "2018Q2", "2018Q3", "2018Q4", "2019Q1", "2019Q2"]),
])
def test_edges_are_recorded_once_a_year_and_at_the_end_unless_asked_otherwise(tmp_path, record, quarters):
    result = market_abm.run(write_small(tmp_path), quarters=6, record=record)
    assert sorted(result.edges["quarter"].unique()) == quarters
    assert (len(result.agents) > 0) == ("agents" in record)
    assert len(result.events) > 0


# Agents -----------------------------------------------------------------------------------------------


def test_agents_are_those_alive_with_their_own_figures(tmp_path):
    simulation, recorder = opened(tmp_path)
    world, rents = simulation.world, []
    for _ in range(4):
        simulation.step()
        recorder.after_quarter(simulation)
        rents.append(world.array("clouds.contested_rent_usd")[1, 1])
    agents = tables(simulation, recorder)["agents"]
    last = agents[(agents["quarter"] == "q03") & (agents["run"] == 1)]
    for table in ("makers", "clouds", "startups", "regions"):
        there = last[last["kind"] == table]
        alive = world.array(f"{table}.alive")[1] > 0
        assert len(there) == alive.sum()
        assert there["cash_usd"].tolist() == world.array(f"{table}.cash_usd")[1][alive].tolist()
    assert agents.query("run == 1 and agent == 'west'")["contested_rent_usd"].tolist() == rents
    assert set(last["provider"].dropna()) <= {"east", "west"}
    assert last.query("kind == 'startups'")["pflops_per_chip"].isna().all()
    startups = world.array("startups.birth")[1][world.array("startups.alive")[1] > 0]
    named = {f"startup {year}-{k + 1}": birth_key(q, k) for q, year in ((-1, "2017Q4"), (0, "2018Q1"), (1, "2018Q2"), (2, "2018Q3"), (3, "2018Q4"))
             for k in range(256)}
    assert [named[name] for name in last.query("kind == 'startups'")["agent"]] == startups.tolist()


def test_figures_of_one_name_have_one_unit():
    units = {}
    for table in AGENTS:
        for column in shown(table):
            units.setdefault(column.name, set()).add(column.unit)
    assert {name: unit for name, unit in units.items() if len(unit) > 1} == {}


# All together -----------------------------------------------------------------------------------------


def test_recording_changes_no_bit_of_the_metrics():
    configuration = load("configs/base.toml", sets=["frame.quarters=12"])
    plain, watched = (simulate([configuration] * 4, run_seeds(2, 0, 4), recorder=r) for r in (None, Recorder(EVERYTHING)))
    assert same_bits(plain.values, watched.values)
    assert plain.records == {}


def test_lines_do_not_depend_on_the_batch(living):
    together = market_abm.run("configs/base.toml", runs=5, quarters=24, seed=3, record=EVERYTHING)
    for name in ("events", "edges", "agents"):
        here, there = getattr(living, name), getattr(together, name)
        key = [c for c in ("run", "quarter", "edge", "kind", "agent", "event", "source", "target", "unit", "other", "reason") if c in here]
        here, there = (t.astype({c: str for c in key}).sort_values(key, kind="stable").reset_index(drop=True) for t in (here, there))
        text = [c for c in here if c not in ("amount",) and str(here[c].dtype) == "category"]
        pd.testing.assert_frame_equal(here.astype(dict.fromkeys(text, str)), there.astype(dict.fromkeys(text, str)), check_exact=True)
    assert sorted(living.events["run"].unique()) == [0, 1, 2, 3, 4]


def test_words_are_categories_and_quarters_are_in_order(living):
    for table in (living.events, living.edges, living.agents):
        assert (table["quarter"] >= "2020Q1").any()
        assert (table["quarter"] < "2020Q1").any()
        assert all(str(dtype) != "object" for dtype in table.dtypes)


# Folders ----------------------------------------------------------------------------------------------


def kept(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_keeps_what_was_recorded_and_nothing_of_an_earlier_study(tmp_path):
    small, out = write_small(tmp_path), tmp_path / "out"
    first = market_abm.run(small, record=("edges", "agents"))
    store(first, open_folder(out))
    assert kept(out) == ["agents.parquet", "edges.parquet", "events.parquet", "manifest.json", "metrics.parquet"]
    for name in ("events", "edges", "agents", "metrics"):
        pd.testing.assert_frame_equal(getattr(load_results(out), name), getattr(first, name), check_categorical=False)
    assert load_results(out).manifest["record"] == ["edges", "agents"]
    (out / "agents.parquet.unfinished").write_bytes(b"half")
    store(market_abm.run(small), open_folder(out))
    assert kept(out) == ["edges.parquet", "events.parquet", "manifest.json", "metrics.parquet"]
    store(market_abm.run(small, record="none"), open_folder(out))
    assert kept(out) == ["events.parquet", "manifest.json", "metrics.parquet"]
    with pytest.raises(BadInput, match="holds no agents.parquet; run the study again with --record agents"):
        load_results(out).arrow("agents")
    with pytest.raises(AttributeError, match="has no table 'evnts'"):
        getattr(load_results(out), "evnts")  # noqa: B009
    with pytest.raises(BadInput, match="is no results folder"):
        load_results(tmp_path)


def test_a_study_that_cannot_be_written_leaves_the_earlier_one_whole(tmp_path, monkeypatch):
    small, out = write_small(tmp_path), tmp_path / "out"
    store(market_abm.run(small, record="agents"), open_folder(out))
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("market_abm.studies.store.copied", full)
        with pytest.raises(BadInput, match="cannot be written: No space left on device"):
            store(market_abm.run(small, runs=3), open_folder(out))
    assert {name: (out / name).read_bytes() for name in before} == before
    store(market_abm.run(small), open_folder(out))
    assert kept(out) == ["edges.parquet", "events.parquet", "manifest.json", "metrics.parquet"]


@pytest.mark.parametrize("moment", range(4))
def test_a_study_killed_among_its_files_has_no_manifest_and_is_taken_over(tmp_path, monkeypatch, moment):
    small, out = write_small(tmp_path), tmp_path / "out"
    store(market_abm.run(small, record="agents"), open_folder(out))
    calls = []

    def stops(path):
        calls.append(path)
        if len(calls) > moment:
            raise KeyboardInterrupt
        path.with_name(path.name + ".unfinished").replace(path)

    with monkeypatch.context() as patch:
        for module in ("store", "files"):
            patch.setattr(f"market_abm.studies.{module}.install", stops)
        with pytest.raises(KeyboardInterrupt):
            store(market_abm.run(small, runs=3), open_folder(out))
    assert not (out / "manifest.json").exists()
    assert not (out / "agents.parquet").exists()
    store(market_abm.run(small, runs=3), open_folder(out))
    assert kept(out) == ["edges.parquet", "events.parquet", "manifest.json", "metrics.parquet"]
    assert load_results(out).edges["run"].nunique() == 3


def test_the_same_seed_gives_the_same_bytes_of_every_table(tmp_path):
    small = write_small(tmp_path)
    for name in ("one", "two"):
        store(market_abm.run(small, record=EVERYTHING), open_folder(tmp_path / name))
    for file in ("events", "edges", "agents"):
        assert (tmp_path / "one" / f"{file}.parquet").read_bytes() == (tmp_path / "two" / f"{file}.parquet").read_bytes()


@pytest.mark.parametrize(("record", "said"), [
    (("edge",), "--record: edge: is nothing that can be recorded; did you mean edges?"),
    (("edges,agents",), "--record: edges,agents: is nothing that can be recorded; give --record edges --record agents"),
    (("events",), "--record: events: is nothing that can be recorded"),
    (("none", "agents"), "--record: none: goes with no other; leave it out"),
])
def test_what_cannot_be_recorded_is_refused(tmp_path, record, said):
    with pytest.raises(BadInput) as refusal:
        market_abm.run(write_small(tmp_path), record=record)
    assert said in str(refusal.value)

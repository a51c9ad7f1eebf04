"""Policies against a baseline: branches are the same to the bit as runs of their own, and nothing is lost on the way."""

import functools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from files import write_small
from worlds import same_bits

import market_abm
from market_abm import engine
from market_abm.engine import Simulation, parting, run_seeds, simulate, simulate_policies
from market_abm.errors import BadInput
from market_abm.levers.in_force import rules_in_force
from market_abm.parameters.loading import load, with_levers
from market_abm.parameters.schema import DatedLever
from market_abm.studies import comparison
from market_abm.studies.comparison import Comparison, compare, planned
from market_abm.studies.store import load_study, open_folder, store

BASE = Path(market_abm.__file__).parent.parent / "configs" / "base.toml"
SMALL = ("frame.startup_slots=128", "startups.opening=60", "startups.talent_pool=100", "mergers.synergy_rate=0.05")
QUARTERS, RUNS = 10, 3
POLICIES = ("documentation_mandate@2019Q1", "public_cloud@2017Q1", "compute_vouchers@2030Q1", "break_up@2019Q1", "faster_grid@2018Q3+chip_neutrality@2019Q3")
PARTINGS = (4, 0, 10, 4, 2)  # quarters since 2018Q1; the third never starts


@functools.cache
def base():
    return load(BASE, sets=[f"frame.quarters={QUARTERS}", f"frame.runs={RUNS}", *SMALL])


@functools.cache
def scenarios():
    return tuple(with_levers(base(), text.split("+")) for text in POLICIES)


@functools.cache
def seeds(count=RUNS):
    return run_seeds(base().frame.seed, 0, count)


@functools.cache
def alone(place):
    """Return the outcome of one scenario on its own; the baseline is -1."""
    return simulate([base() if place < 0 else scenarios()[place]] * RUNS, seeds())


@functools.cache
def compared():
    return compare(base(), POLICIES)


def metric(outcome, name):
    return outcome.values[outcome.names.index(name)]


# Branches -------------------------------------------------------------------------------------------


def test_rules_part_in_the_first_quarter_in_which_a_number_differs():
    rules = [rules_in_force([each], QUARTERS) for each in (base(), *scenarios())]
    assert tuple(parting(rules[0], other) for other in rules[1:]) == PARTINGS
    assert parting(rules[0], rules[0]) == QUARTERS


def test_a_branch_is_the_policy_alone_to_the_bit():
    outcomes = simulate_policies([base(), *scenarios()], seeds())
    for place, outcome in enumerate(outcomes, -1):
        own = alone(place)
        assert same_bits(outcome.values, own.values), POLICIES[place]
        assert (outcome.names, outcome.labels, outcome.failures) == (own.names, own.labels, ())
        assert outcome.seeds.tolist() == own.seeds.tolist()
        assert outcome.refused_entries.tolist() == own.refused_entries.tolist()


def test_before_a_policy_parts_it_is_the_baseline_and_afterwards_it_is_not():
    for place, quarter in enumerate(PARTINGS):
        same = [same_bits(alone(place).values[:, part].copy(), alone(-1).values[:, part].copy()) for part in (slice(0, quarter), slice(quarter, None))]
        assert same == [True, quarter == QUARTERS], POLICIES[place]


def test_runs_are_counted_as_they_are_advanced():
    counted = []
    simulate_policies([base(), *scenarios()], seeds(), on_quarter=counted.append)
    # the baseline and the policy of the first quarter; one more from the third, two more from the fifth; one never
    assert counted == [2 * RUNS] * 2 + [3 * RUNS] * 2 + [5 * RUNS] * 6


def test_a_simulation_may_branch_from_some_runs_and_more_than_once():
    together = Simulation([base()] * RUNS, seeds())
    mandate, broken_up = (rules_in_force([scenarios()[place]] * count, QUARTERS) for place, count in ((0, 1), (3, 2)))
    for _ in range(4):
        together.step()
    together.branch(mandate, [1])
    together.branch(broken_up, [2, 0])
    measured = []
    for _ in range(QUARTERS - 4):
        together.step()
        measured.append(together.measure())
    values = np.stack(measured, axis=1)
    assert together.seeds.tolist() == seeds()[[0, 1, 2, 1, 2, 0]].tolist()
    expected = [alone(-1).values[:, 4:], alone(0).values[:, 4:, [1]], alone(3).values[:, 4:, [2, 0]]]
    # metrics of a quarter before are unknown where nobody measured it
    known = [k for k, name in enumerate(alone(-1).names) if not name.startswith(("share_instability", "rank_", "lasting_", "successful_"))]
    assert same_bits(values[known, 1:], np.concatenate(expected, axis=2)[known, 1:])


def test_a_comparison_has_what_separate_runs_have():
    study, place = compared(), list(POLICIES).index("break_up@2019Q1")
    assert list(study.results) == list(POLICIES)
    assert study.baseline.values.tobytes() == alone(-1).values.tobytes()
    for number, name in enumerate(POLICIES):
        assert same_bits(study.results[name].values, alone(number).values), name
    own = market_abm.run(scenarios()[place], record="none")
    differences = metric(own, "hhi_compute_owned")[-1] - metric(alone(-1), "hhi_compute_owned")[-1]
    [row] = [row for row in study.effects if row["lever"] == "break_up@2019Q1" and row["metric"] == "hhi_compute_owned"]
    assert row["quarter"] == "2020Q2", "the last, where 2030Q4 is not reached"
    assert row["difference"] == pytest.approx(np.mean(differences))
    assert row["baseline"] == pytest.approx(np.mean(metric(alone(-1), "hhi_compute_owned")[-1]))
    assert (row["pairs"], row["start"], row["predicted_sign"]) == (RUNS, "2019Q1", "-")
    assert row["difference"] < 0, "two halves are less concentrated than the whole"


def test_a_policy_that_never_starts_changes_nothing():
    rows = [row for row in compared().effects if row["lever"] == "compute_vouchers@2030Q1"]
    assert len(rows) == 6
    for row in rows:
        assert (row["difference"], row["p_value"]) == (0.0, 1.0) or np.isnan(row["baseline"]), row


@pytest.mark.parametrize("together", [1, 8, 6])
def test_batches_of_seeds_of_any_size_give_the_same(monkeypatch, together):
    monkeypatch.setattr(comparison, "TOGETHER", together)  # one, two and one seed at a time, of three with three scenarios
    counted = []
    study = compare(base(), POLICIES[2:4], progress=lambda done, everything: counted.append((done, everything)))
    for name in POLICIES[2:4]:
        assert same_bits(study.results[name].values, compared().results[name].values), name
    assert same_bits(study.baseline.values, compared().baseline.values)
    assert study.baseline.seeds.tolist() == seeds().tolist()
    # the baseline's ten quarters, none of who never starts, six of who parts in the fifth
    everything = RUNS * (10 + 0 + 6)
    assert {told for _, told in counted} == {everything}
    assert [done for done, _ in counted] == sorted({done for done, _ in counted})
    assert counted[-1] == (everything, everything)


# Failures -------------------------------------------------------------------------------------------


def sabotaged(monkeypatch, places, quarter):
    """Let money vanish from runs, by their place in the whole batch, in one quarter."""
    def wrap(phase):
        if phase.name != "owners_close_accounts":
            return phase

        @functools.wraps(phase.function)
        def function(world):
            phase.function(world)
            if world.quarter == quarter:
                cash = world.clouds.cash_usd.copy()
                cash[np.isin(world.world.members, places), 2] -= 1e6
                world.clouds.cash_usd = cash

        return replace(phase, function=function)

    monkeypatch.setattr(engine, "QUARTER", tuple(wrap(phase) for phase in engine.QUARTER))


def test_a_run_that_fails_before_a_branch_has_failed_in_the_branch(monkeypatch):
    sabotaged(monkeypatch, [1], 2)
    study = compare(base(), POLICIES[:1])
    told = {"run": 1, "quarter": "2018Q3", "identity": "money is conserved", "where": "clouds.cash_usd row 2 (Google)"}
    for failure, policy in zip(study.failures, ("", POLICIES[0]), strict=True):
        assert failure.pop("amount") == pytest.approx(-1e6, rel=1e-6)
        assert failure == {"policy": policy} | told
    for place, result in ((-1, study.baseline), (0, study.results[POLICIES[0]])):
        assert same_bits(result.values[:, :, [0, 2]], alone(place).values[:, :, [0, 2]])
        assert same_bits(result.values[:, :2, 1], alone(place).values[:, :2, 1])
        assert np.isnan(result.values[:, 2:, 1]).all()
        assert np.isnan(result.refused_entries).tolist() == [False, True, False]
    assert {row["pairs"] for row in study.effects if row["metric"] == "hhi_compute_owned"} == {2}


def test_a_run_that_fails_under_one_policy_leaves_all_others_unharmed(monkeypatch):
    sabotaged(monkeypatch, [2 * RUNS + 1], 6)  # blocks: the baseline, the policy of the first quarter, then the one that parts in the fifth
    study = compare(base(), POLICIES[:2])
    [failure] = study.failures
    assert (failure["policy"], failure["run"], failure["quarter"]) == (POLICIES[0], 1, "2019Q3")
    assert same_bits(study.baseline.values, alone(-1).values)
    assert same_bits(study.results[POLICIES[1]].values, alone(1).values)
    hit = study.results[POLICIES[0]].values
    assert same_bits(hit[:, :, [0, 2]], alone(0).values[:, :, [0, 2]])
    assert same_bits(hit[:, :6, 1], alone(0).values[:, :6, 1])
    assert np.isnan(hit[:, 6:, 1]).all()
    pairs = {row["lever"]: row["pairs"] for row in study.effects if row["metric"] == "hhi_compute_owned"}
    assert pairs == {POLICIES[0]: 2, POLICIES[1]: 3}


def test_a_failure_keeps_the_number_of_its_run_in_a_later_batch(monkeypatch):
    monkeypatch.setattr(comparison, "TOGETHER", 2)
    sabotaged(monkeypatch, [1], 6)  # of each batch of one seed under two scenarios, the policy
    study = compare(base(), POLICIES[:1])
    assert [(failure["policy"], failure["run"]) for failure in study.failures] == [(POLICIES[0], run) for run in range(RUNS)]


def test_a_batch_of_which_nothing_is_left_still_branches(monkeypatch):
    sabotaged(monkeypatch, range(RUNS), 1)
    outcomes = simulate_policies([base(), *scenarios()[:3]], seeds())
    for place in (0, 1, 3):
        assert [(failure.run, failure.quarter) for failure in outcomes[place].failures] == [(run, 1) for run in range(RUNS)]
        assert np.isnan(outcomes[place].values[:, 1:]).all()
        assert np.isfinite(metric(outcomes[place], "compute_owned_pflops")[0]).all()
    assert same_bits(outcomes[2].values, alone(1).values)


def test_nothing_is_left_at_all(monkeypatch):
    sabotaged(monkeypatch, range(20), 1)
    study = compare(base(), POLICIES[:2])
    assert len(study.failures) == 3 * RUNS
    assert {(row["pairs"], row["verdict"] in ("inconclusive", "ambiguous")) for row in study.effects} == {(0, True)}


# What may be asked ----------------------------------------------------------------------------------


def test_every_policy_may_start_in_several_quarters():
    plan = planned(base(), ("data_act", "break_up+faster_grid"), starts=("2018Q2", "2019Q1"))
    standing = base().levers
    assert len(standing) == 2
    assert list(plan.scenarios)[:2] == ["data_act@2018Q2", "data_act@2019Q1"]
    assert [name.rpartition("@")[2] for name in plan.scenarios] == ["2018Q2", "2019Q1"] * 2
    for (name, scenario), own in zip(plan.scenarios.items(), (["data_act"], ["data_act"], *[["break_up", "faster_grid"]] * 2), strict=True):
        assert scenario.levers[:2] == standing, "what stood before keeps its dates"
        assert {lever.start for lever in scenario.levers[2:]} == {name[-6:]}
        assert [lever.name for lever in scenario.levers[2:]] == own


def test_a_start_of_its_own_and_a_start_for_all_are_one_too_many():
    with pytest.raises(BadInput, match="cannot move break_up@2019Q1, which names a start of its own"):
        planned(base(), ("data_act", "break_up@2019Q1"), starts="2018Q2")


def test_a_file_without_levers_is_no_policy(tmp_path):
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(BadInput, match="holds no lever"):
        planned(base(), str(tmp_path / "empty.toml"))


def test_policies_that_come_too_late_are_named():
    assert compare(base(), ("break_up@2030Q1", "break_up@2018Q4"), runs=2, quarters=6).idle == ["break_up@2030Q1"]


def test_metrics_that_are_not_of_the_manifest_are_refused(tmp_path):
    study = compare(base(), "break_up@2018Q4", runs=2, quarters=5)
    folder = open_folder(tmp_path / "results")
    store(study, folder)
    table = pd.read_parquet(folder / "metrics.parquet")
    for spoilt in (table[table["point"] == 0], table.drop(columns="hhi_chip_sales"), table.iloc[:-1]):
        spoilt.to_parquet(folder / "metrics.parquet")
        with pytest.raises(BadInput, match=r"does not hold what manifest.json says; run the study again"):
            load_study(folder)


def test_two_policies_of_one_name_are_refused(tmp_path):
    for folder, size in (("mild", 0.3), ("strict", 1.0)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "act.toml").write_text(f'[[levers]]\nname = "data_act"\nstrength = {size}\n')
    with pytest.raises(BadInput, match="act: is the name of two policies; give one of the files another name"):
        planned(base(), [str(tmp_path / "mild" / "act.toml"), str(tmp_path / "strict" / "act.toml")])


def test_starts_make_a_map_of_policies_by_quarter():
    study = compare(base(), "chip_neutrality", runs=2, quarters=6, metrics="hhi_compute_owned", at=("2018Q4", "2019Q2"), starts=("2018Q3", "2019Q1"))
    places = [(row["lever"], row["start"], row["quarter"]) for row in study.effects]
    assert places == [(f"chip_neutrality@{start}", start, at) for at in ("2018Q4", "2019Q2") for start in ("2018Q3", "2019Q1")]
    assert study.effects[1]["difference"] == 0.0, "in 2018Q4 the one of 2019Q1 has not begun"
    assert study.effects[0]["difference"] != 0.0
    assert list(study.table.columns)[:6] == ["lever", "metric", "unit", "quarter", "start", "baseline"]
    assert len(study.table) == 4


def test_a_policy_may_be_a_file_of_levers_with_sizes_of_its_own(tmp_path):
    small, large = tmp_path / "small+cheap.toml", tmp_path / "large.toml"
    for path, size in ((small, "2e5"), (large, "4e6")):
        path.write_text(f'[[levers]]\nname = "compute_vouchers"\nstart = "2018Q3"\nramp_quarters = 1\nvoucher_usd = {size}\n'
                        '[[levers]]\nname = "data_act"\nstart = "2018Q2"\n')
    plan = planned(base(), [str(small), str(large), f"{large}+break_up"])
    assert list(plan.scenarios) == ["small+cheap", "large", f"{large}+break_up"]
    assert [each.parameters.policy.voucher_usd for each in plan.scenarios.values()] == [2e5, 4e6, 4e6]
    assert [lever.name for lever in plan.scenarios[f"{large}+break_up"].levers[2:]] == ["compute_vouchers", "data_act", "break_up"]
    assert plan.scenarios["large"].levers[2:4] == (DatedLever("compute_vouchers", "2018Q3"), DatedLever("data_act", "2018Q2", ramp_quarters=7))
    assert base().parameters.policy.voucher_usd == 1e6, "the baseline stays as it was"


def test_a_configuration_may_be_named_by_its_file_and_its_frame_replaced(tmp_path):
    path = write_small(tmp_path, "[frame]\nquarters = 4\n")
    study = compare(str(path), ["chip_neutrality@2018Q2"], runs=3, seed=8, quarters=3, metrics=["chips_made"], at="2018Q3")
    assert (study.runs, study.labels, study.config.frame.seed) == (3, ("2018Q1", "2018Q2", "2018Q3"), 8)
    assert study.baseline.seeds.tolist() == run_seeds(8, 0, 3).tolist()
    assert [(row["metric"], row["quarter"]) for row in study.effects] == [("chips_made", "2018Q3")]


def test_by_default_a_round_date_is_compared():
    assert planned(load(BASE), "data_act").quarters == ("2030Q4",)
    assert planned(base(), "data_act").quarters == ("2020Q2",)
    plan = planned(base(), ("data_act", "data_act"), metrics=("chips_made", "chips_made"), at=("2018Q2", "2018Q1", "2018Q2"))
    assert (plan.metrics, plan.quarters, list(plan.scenarios)) == (("chips_made",), ("2018Q2", "2018Q1"), ["data_act"])


@pytest.mark.parametrize(("levers", "asked", "message"), [
    ((), {}, "--lever: names no policy to compare; for example --lever documentation_mandate"),
    (("break_upp",), {}, "--lever: break_upp: is no lever of the catalogue; did you mean break_up?"),
    (("break_up+data_akt",), {}, "--lever: data_akt: is no lever of the catalogue; did you mean data_act?"),
    (("break_up+",), {}, "--lever: break_up+: names a policy with an empty part"),
    (("break_up@soon",), {}, '--lever: levers[0].start = "soon": must be a quarter written like 2026Q1'),
    (("data_act",), {"metrics": ("hhi_compute_owed",)}, "--metrics: hhi_compute_owed: is no metric; did you mean hhi_compute_owned?"),
    (("data_act",), {"at": "2020Q3"}, "--at: 2020Q3: must be a quarter of the run, 2018Q1 to 2020Q2"),
    (("data_act",), {"at": ("2018Q1", "later")}, "--at: later: must be a quarter of the run"),
    (("data_act",), {"starts": ("soon",)}, "--start: soon: 'soon' is no quarter; write it like 2026Q1"),
    (("absent.toml",), {}, "absent.toml: there is no such file"),
    (("data_act",), {"runs": 0}, "--runs: frame.runs = 0: must be a whole number between 1 and"),
])
def test_what_cannot_be_compared_is_refused_before_anything_runs(monkeypatch, levers, asked, message):
    monkeypatch.setattr(engine, "simulate_policies", None)
    with pytest.raises(BadInput, match=re.escape(message)):
        compare(base(), levers, **asked)


def test_everything_wrong_with_metrics_and_quarters_is_said_at_once():
    with pytest.raises(BadInput) as refusal:
        planned(base(), "data_act", metrics=("hhi_compute_owed", "chips_maid"), at=("2035Q4", "2018Q1"))
    assert [problem.key for problem in refusal.value.problems] == ["hhi_compute_owed", "chips_maid", "2035Q4"]


# Interrupted, stored, loaded ------------------------------------------------------------------------


def interrupted(monkeypatch, at):
    """Return what is kept of three batches of one seed when somebody stops at so many quarters of runs."""
    monkeypatch.setattr(comparison, "TOGETHER", 2)

    def progress(done, everything):
        if done >= at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stop:
        compare(base(), POLICIES[:1], progress=progress)
    return stop.value.kept


def test_whole_batches_are_kept_when_interrupted(monkeypatch):
    # of each seed 10 quarters of the baseline and 6 of the policy: the third batch has begun at 33
    kept = interrupted(monkeypatch, 33)
    assert isinstance(kept, Comparison)
    assert kept.runs == 2
    assert same_bits(kept.baseline.values, alone(-1).values[:, :, :2])
    assert same_bits(kept.results[POLICIES[0]].values, alone(0).values[:, :, :2])
    assert {row["pairs"] for row in kept.effects if row["metric"] == "hhi_compute_owned"} == {2}


def test_without_a_whole_batch_nothing_is_kept(monkeypatch):
    assert interrupted(monkeypatch, 15) is None


def same_comparison(found, study):
    """Compare two comparisons: rules, numbers to the bit, failures and effects."""
    assert list(found.scenarios) == list(study.scenarios)
    assert (found.policies, found.metrics, found.quarters, found.labels, found.runs) == (
        study.policies, study.metrics, study.quarters, study.labels, study.runs)
    for name, result in study.scenarios.items():
        twin = found.scenarios[name]
        assert same_bits(twin.values, np.ascontiguousarray(result.values)), name
        assert (twin.names, twin.labels, twin.seeds.tolist(), twin.failures) == (result.names, result.labels, result.seeds.tolist(), result.failures)
        for part in ("frame", "parameters", "cast", "levers"):
            assert getattr(twin.config, part) == getattr(result.config, part), (name, part)
    assert found.failures == study.failures
    pd.testing.assert_frame_equal(found.table, study.table, check_exact=True)


def test_a_stored_comparison_comes_back_as_it_was(monkeypatch, tmp_path):
    sabotaged(monkeypatch, [1, RUNS + 2], 2)  # of the baseline and so of its branch, and of who has a size of its own from the first quarter
    measure = tmp_path / "measure.toml"
    measure.write_text('[[levers]]\nname = "compute_vouchers"\nstart = "2018Q4"\nend = "2019Q3"\nvoucher_usd = 5e6\n')
    study = compare(base(), [str(measure), "break_up@2019Q1"], metrics=("hhi_compute_owned", "chips_made"), at=("2019Q2", "2020Q2"))
    assert [(failure["policy"], failure["run"]) for failure in study.failures] == [("", 1), ("measure", 2), ("break_up@2019Q1", 1)]
    folder = open_folder(tmp_path / "results")
    store(study, folder, ["market-abm", "compare"])
    found, manifest = load_study(folder)
    same_comparison(found, study)
    assert (manifest["runs"], manifest["metrics"], manifest["policy_sizes"]) == (RUNS, ["hhi_compute_owned", "chips_made"], {"measure": {"voucher_usd": 5e6}, "break_up@2019Q1": {}})
    assert pd.read_parquet(folder / "points.parquet")["policy"].tolist() == ["", "measure", "break_up@2019Q1"]
    assert pd.read_parquet(folder / "metrics.parquet").groupby("point").size().tolist() == [RUNS * QUARTERS] * 3
    written = pd.read_csv(folder / "effects.csv", keep_default_na=False, na_values=[""])
    assert written["lever"].tolist() == study.table["lever"].tolist()
    assert written["difference"].to_numpy() == pytest.approx(study.table["difference"].to_numpy(), nan_ok=True)


def test_an_interrupted_comparison_can_be_stored_too(monkeypatch, tmp_path):
    kept = interrupted(monkeypatch, 33)
    store(kept, open_folder(tmp_path / "results"))
    found, manifest = load_study(tmp_path / "results")
    same_comparison(found, kept)
    assert (manifest["runs"], manifest["requested_runs"]) == (2, RUNS)


def test_a_folder_holds_one_study(tmp_path):
    result = market_abm.run(base(), runs=1, quarters=4)
    study = compare(base(), "break_up@2018Q2", runs=1, quarters=4)
    store(result, open_folder(tmp_path / "results"))
    store(study, open_folder(tmp_path / "results"))
    files = {"manifest.json", "metrics.parquet", "points.parquet", "effects.csv"}
    assert {path.name for path in (tmp_path / "results").iterdir()} == files
    store(result, open_folder(tmp_path / "results"))
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"manifest.json", "metrics.parquet", "events.parquet", "edges.parquet"}
    found, _ = load_study(tmp_path / "results")
    assert same_bits(found.values, np.ascontiguousarray(result.values))


def test_a_policy_moved_to_another_start_lasts_as_long(tmp_path):
    file = tmp_path / "some_years.toml"
    file.write_text("[[levers]]\nname = 'compute_vouchers'\nstart = '2019Q1'\nend = '2019Q3'\n")
    study = planned(base(), str(file), starts="2019Q2")
    lever = study.scenarios["some_years@2019Q2"].levers[-1]
    assert (lever.start, lever.end) == ("2019Q2", "2019Q4")


def test_one_lever_has_one_size_in_a_scenario(tmp_path):
    small, large = (tmp_path / f"{name}.toml" for name in ("small", "large"))
    for file, usd in ((small, "1e5"), (large, "5e6")):
        file.write_text(f"[[levers]]\nname = 'compute_vouchers'\nvoucher_usd = {usd}\n")
    with pytest.raises(BadInput, match=r"levers\[1\].voucher_usd = 5000000.0: is given as 100000.0 elsewhere"):
        planned(base(), f"{small}+{large}")
    standing = with_levers(base(), [str(small)])
    assert standing.parameters.policy.voucher_usd == 1e5
    with pytest.raises(BadInput, match="one lever has one size in a scenario"):
        planned(standing, str(large))
    assert list(planned(standing, str(small)).scenarios) == ["small"]


def test_another_cast_parts_from_the_start():
    config = base()
    richer = replace(config, cast=replace(config.cast, clouds=(replace(config.cast.clouds[0], cash_usd=9e10), *config.cast.clouds[1:])))
    _, other = simulate_policies([config, richer], seeds())
    assert same_bits(other.values, simulate([richer] * RUNS, seeds()).values)

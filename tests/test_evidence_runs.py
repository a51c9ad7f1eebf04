"""Runs at settings of one's own: the same runs as a study's, kept, never run twice."""

import numpy as np
import pytest

import market_abm as ma
from market_abm.errors import BadInput
from market_abm.evidence.runs import simulated, stored_settings

METRICS = ("compute_owned_pflops", "frontier_run_flop")
SMALL = """
extends = "{base}"
[frame]
startup_slots = 16
seed = 5
[startups]
opening = 6
bystanders = 2
talent_pool = 12
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "small.toml"
    path.write_text(SMALL.format(base=(ma.__path__[0] + "/../configs/base.toml")))
    return path


def asked(config, settings, folder=None, runs=2, until="2018Q3", **more):
    return simulated(config, settings, runs, until, METRICS, folder, workers=0, **more)


def test_the_runs_are_those_of_a_study_of_the_same_seed(config):
    found = asked(config, [{}, {"customers.legacy_growth": 1.7}])
    study = ma.run(config, runs=2, quarters=3)
    changed = ma.run(ma.load(config, ["customers.legacy_growth=1.7"]), runs=2, quarters=3)
    assert found.labels == ("2018Q1", "2018Q2", "2018Q3")
    for values, expected in zip(found.values, (study, changed), strict=True):
        for name in METRICS:
            table = expected.metrics.pivot(index="quarter", columns="run", values=name).to_numpy()
            assert np.array_equal(values[name], table)


def test_another_seed_is_another_history_and_a_seed_may_be_named(config):
    named = asked(config, [{}], seed=5)
    other = asked(config, [{}], seed=6)
    same = asked(config, [{}])
    assert np.array_equal(named.values[0]["frontier_run_flop"], same.values[0]["frontier_run_flop"])
    assert not np.array_equal(named.values[0]["frontier_run_flop"], other.values[0]["frontier_run_flop"])


def test_a_folder_runs_only_what_is_new_and_answers_in_the_order_asked(config, tmp_path):
    first = asked(config, [{"customers.legacy_growth": 1.6}, {}], tmp_path / "store")
    again = asked(config, [{}, {"customers.legacy_growth": 1.6}], tmp_path / "store")
    more = asked(config, [{"training.ambition_growth": 2.2}, {"customers.legacy_growth": 1.6}, {}], tmp_path / "store")
    assert (first.new, again.new, more.new) == (4, 0, 2)
    assert np.array_equal(first.values[0]["compute_owned_pflops"], again.values[1]["compute_owned_pflops"])
    assert np.array_equal(first.values[0]["compute_owned_pflops"], more.values[1]["compute_owned_pflops"])
    assert np.array_equal(first.values[1]["frontier_run_flop"], more.values[2]["frontier_run_flop"])
    assert len(stored_settings(tmp_path / "store")) == 3


def test_a_setting_asked_twice_is_run_once(config, tmp_path):
    standing = ma.load(config).parameters.customers.legacy_growth
    found = asked(config, [{}, {}, {"customers.legacy_growth": standing}], tmp_path / "store")
    assert found.new == 2
    assert len(found.values) == 3


def test_replicates_may_be_added(config, tmp_path):
    few = asked(config, [{}], tmp_path / "store")
    many = asked(config, [{}], tmp_path / "store", runs=5)
    assert many.new == 3
    assert np.array_equal(many.values[0]["frontier_run_flop"][:, :2], few.values[0]["frontier_run_flop"])


def test_policies_and_levers_may_be_settings(config):
    plain, under = asked(config, [{}, {"policy": "compute_vouchers@2018Q1"}], until="2018Q4").values
    assert not np.array_equal(plain["compute_owned_pflops"], under["compute_owned_pflops"]) or not np.array_equal(
        plain["frontier_run_flop"], under["frontier_run_flop"])


def test_nothing_asked_is_nothing_run(config):
    found = asked(config, [])
    assert found.values == []
    assert found.labels[-1] == "2018Q3"


@pytest.mark.parametrize(("change", "parts"), [
    ({"until": "2017Q4"}, ("until", "2017Q4", "from 2018Q1 on", "write for example 2018Q1")),
    ({"until": "soon"}, ("until", "soon")),
    ({"metrics": ("hhi",)}, ("hhi", "is no metric", "describe metrics")),
    ({"settings": [{"customers.legacy_growht": 1.6}]}, ("customers.legacy_growht", "did you mean customers.legacy_growth?")),
    ({"settings": [{}, {"customers.legacy_growth": 99.0}]}, ("points[1].customers.legacy_growth", "99", "lower it to 10")),
    ({"settings": [{"chips.margin_floor": 0.9, "chips.margin_cap": 0.1}]}, ("chips.margin_",)),
])
def test_what_cannot_be_run_is_refused_in_words(config, change, parts):
    asking = {"settings": [{}], "until": "2018Q3", "metrics": METRICS} | change
    with pytest.raises(BadInput) as refusal:
        simulated(config, asking["settings"], 2, asking["until"], asking["metrics"], None, workers=0)
    assert all(part in str(refusal.value) for part in parts), refusal.value


def test_another_configuration_is_refused_in_the_same_folder(config, tmp_path):
    asked(config, [{}], tmp_path / "store")
    with pytest.raises(BadInput, match="holds a sweep of something else"):
        asked(config, [{}], tmp_path / "store", seed=6)


def test_a_failed_run_is_told_with_its_setting(config, tmp_path, monkeypatch):
    from market_abm.sweeps.market import Market

    simulate = Market.simulate

    def sometimes(self, settings, seeds):
        if any(setting.get("customers.legacy_growth") == 1.6 for setting in settings):
            raise ArithmeticError("made to fail")
        return simulate(self, settings, seeds)

    monkeypatch.setattr(Market, "simulate", sometimes)
    found = asked(config, [{}, {"customers.legacy_growth": 1.6}], tmp_path / "store")
    assert [(failure["setting"], failure["run"]) for failure in found.failures] == [(1, 0), (1, 1)]
    assert np.isnan(found.values[1]["frontier_run_flop"]).all()
    assert np.isfinite(found.values[0]["compute_owned_pflops"]).all()

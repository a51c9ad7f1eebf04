"""A rule of one's own: it stands where a named one would, is held to what its family promises, and is recorded."""

import json

import numpy as np
import pytest

import market_abm
from market_abm.engine import Simulation, run_seeds
from market_abm.errors import BadInput
from market_abm.rules import choose
from market_abm.rules.allocation import ALLOCATION, equal_awards, proportional
from market_abm.rules.capability import DECISIVENESS
from market_abm.rules.catalogue import CHOSEN
from market_abm.rules.own import FAMILIES, PROMISES, in_place
from market_abm.studies.store import load_study, open_folder, store

BASE = "configs/base.toml"
BESIDE = {"rental.pricing": {"cournot": "rental.demand=isoelastic", "nash_logit": "rental.demand=logit"}, "rental.demand": {"logit": "rental.pricing=nash_logit"}}
CASES = [(key, name) for key, table in CHOSEN.items() for name in table]


def equally(orders, supply, *others):
    """Give everybody the same part of its order."""
    return orders * np.minimum(1.0, supply / np.maximum(orders.sum(axis=-1, keepdims=True), 1e-300))


def small(*sets):
    return market_abm.load(BASE, [*sets, "startups.opening=60", "frame.startup_slots=128", "frame.quarters=4"])


@pytest.fixture(scope="module")
def by_name():
    """Metrics under every named rule, all in one batch of lockstep runs: the one engine."""
    configurations = [small(f"{key}={name}", *filter(None, [BESIDE.get(key, {}).get(name)])) for key, name in CASES]
    simulation, seen = Simulation(configurations, np.repeat(run_seeds(3, 0, 1), len(CASES))), []
    for _ in range(4):
        simulation.step()
        seen.append(simulation.measure())
    assert not simulation.failures
    return np.array(seen)


@pytest.mark.parametrize("place", range(len(CASES)), ids=[f"{key}-{name}" for key, name in CASES])
def test_a_named_rule_given_as_ones_own_changes_no_bit(by_name, place):
    key, name = CASES[place]
    beside = list(filter(None, [BESIDE.get(key, {}).get(name)]))
    rules = {key: CHOSEN[key][name]} | ({"training.decisiveness": DECISIVENESS[name]} if key == "training.capability_map" else {})
    # `partners` asks for the name of the documentation rule, and rents are judged beside the demand that is named.
    result = market_abm.run(small(f"{key}={name}", *beside), runs=1, seed=3, rules=rules)
    np.testing.assert_array_equal(result.values[:, :, 0].T, by_name[:, :, place])


def test_an_own_rule_is_what_runs():
    plain, own = (market_abm.run(small("chips.allocation=equal_awards"), runs=1, seed=3, rules=rules) for rules in ({}, {"chips.allocation": equally}))
    named = market_abm.run(small("chips.allocation=proportional"), runs=1, seed=3)
    assert not np.array_equal(plain.values, own.values, equal_nan=True)
    np.testing.assert_allclose(own.values, named.values, rtol=1e-9)


def test_mesas_model_takes_own_rules_too():
    model = market_abm.ComputeMarket(small(), rng=3, rules={"chips.allocation": equal_awards})
    model.step()
    expected = market_abm.run(small("chips.allocation=equal_awards"), runs=1, seed=3, quarters=1)
    assert model.metrics["hhi_compute_owned"] == expected.metric("hhi_compute_owned")[0, 0]


@pytest.mark.parametrize(("rule", "why"), [
    (lambda orders, supply, *others: 2 * orders, "above the most allowed: returned"),
    (lambda orders, supply, *others: -orders, "below the least allowed, or not a number: returned -"),
    (lambda orders, supply, *others: orders * np.nan, "not a number: returned nan"),
    (lambda orders, supply, *others: orders[0], r"must return shape \(10, 1, 15\), one number a run and row, not \(1, 15\)"),
    (lambda orders, supply, *others: np.where(supply < orders.sum(-1, keepdims=True), orders, 0), "in all more than there is"),
])
def test_what_a_family_does_not_allow_is_refused_by_name(rule, why):
    with pytest.raises(BadInput, match=why) as caught:
        market_abm.run(small(), runs=1, seed=3, rules={"chips.allocation": rule})
    assert str(caught.value).startswith("rules['chips.allocation']: ")


@pytest.mark.parametrize(("rules", "why"), [
    ({"chips.alocation": equally}, "chips.alocation: is no family of rules; did you mean chips.allocation?"), ({"chips.allocation": 3}, "must be a function"),
    ({"training.capability_map": equally}, "needs training.decisiveness beside it"),
])
def test_rules_that_cannot_be_are_refused_before_anything_runs(rules, why):
    with pytest.raises(BadInput, match=why.replace("?", r"\?")):
        market_abm.run(small(), rules=rules)


def test_a_rule_cannot_write_to_what_it_is_given():
    def grasping(orders, supply, *others):
        orders[...] = 0.0
        return orders

    with pytest.raises(ValueError, match="read-only"):
        market_abm.run(small(), runs=1, rules={"chips.allocation": grasping})


def test_it_stands_in_for_its_family_alone_and_only_while_its_simulation_steps():
    orders, supply = np.array([[4.0, 8.0]]), np.array([[6.0]])
    place = np.array([[list(ALLOCATION).index("proportional")]])
    with in_place({"chips.allocation": equal_awards}):
        assert choose(ALLOCATION, place, orders, supply).tolist() == [[3.0, 3.0]]
        assert choose({"x": proportional}, np.array([[0]]), orders, supply).tolist() == [[2.0, 4.0]], "another table is no family"
    assert choose(ALLOCATION, place, orders, supply).tolist() == [[2.0, 4.0]]


def test_every_family_has_its_promise():
    assert set(PROMISES) == set(FAMILIES) == {*CHOSEN, "training.decisiveness"}


def test_the_manifest_tells_name_and_text(tmp_path):
    result = market_abm.run(small(), runs=1, seed=3, rules={"chips.allocation": equally})
    folder = open_folder(tmp_path / "own")
    store(result, folder)
    told = json.loads((tmp_path / "own" / "manifest.json").read_text())["rules"]
    assert told["chips.allocation"]["name"] == "equally" and "Give everybody the same part" in told["chips.allocation"]["source"]
    study, _ = load_study(tmp_path / "own")
    assert study.own_rules == told

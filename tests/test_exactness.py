"""The whole model gives the same bits alone and in company, with spare slots, on other processors, and under idle levers."""

import functools
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_exact import features_that_can_be_switched_off
from worlds import same_bits

from market_abm import engine
from market_abm.engine import run_seeds, simulate
from market_abm.levers.catalogue import CATALOGUE
from market_abm.parameters.loading import load

ROOT = Path(engine.__file__).parent.parent
BASE = ROOT / "configs" / "base.toml"
QUARTERS = 20
LEVER_FROM = 12  # 2021Q1, when the runs below let their levers begin

# What tells the runs of one batch apart: numbers, dates, rules by name, lead times, levers.
KINDS = (
    ((), ()),
    (("clouds.omega=0.9", "training.ambition_growth=2.9"), ()),
    (("chips.allocation=proportional", "documentation.rule=open", "startups.selectivity=0"), ()),
    (("chips.allocation=equal_awards", "documentation.rule=delayed", "chips.pricing=cost_based"), ("export_control@2021Q1",)),
    (("chips.allocation=lottery", "documentation.rule=closed", "chips.delivery_quarters=3", "chips.fab_quarters=5"), ("data_act@2019Q3",)),
    (("documentation.rule=mandated", "documentation.mandated_openness=0.8", "customers.contest=1.4", "chips.life_quarters=16",
      "training.capability_map=loss"), ()),
    (("switches.integration=0", "startups.opening=180", "customers.shock_quarter=2020Q2", "chips.relationship_exponent=0.5", "customers.contest=0.5",
      "training.data_tokens=1e11", "training.data_epochs=1"), ("data_act@2018Q2",)),
    (("energy.queue=0", "energy.building_quarters=5", "clouds.tenant_floor=0.2", "chips.switching_cost=0",
      "integration.drive=1", "integration.return_quarters=2", "entrants.drive=0.1", "buying.reserve_quarters=0", "buying.capital_cost=0", "buying.least_chips=0"), ("export_control@2018Q1",)),
)


def configuration(*sets, levers=(), quarters=QUARTERS):
    return load(BASE, sets=[f"frame.quarters={quarters}", *sets], levers=levers)


@functools.cache
def kinds():
    return [configuration(*sets, levers=levers) for sets, levers in KINDS]


def batch(first, count, seed=11):
    """Simulate runs `first` to `first + count - 1` of one study, whose configurations take turns."""
    return simulate([kinds()[r % len(KINDS)] for r in range(first, first + count)], run_seeds(seed, first, count))


@functools.cache
def sixty_four():
    return batch(0, 64)


@functools.cache
def plain(seed=11):
    """Simulate three runs of the baseline."""
    return simulate([configuration()] * 3, run_seeds(seed, 0, 3))


def changed(*sets, levers=()):
    """Simulate the same three runs with something changed."""
    return simulate([configuration(*sets, levers=levers)] * 3, run_seeds(11, 0, 3))


# Company ----------------------------------------------------------------------------------------------


def test_the_runs_of_a_mixed_batch_live_and_differ():
    outcome = sixty_four()
    assert outcome.failures == ()
    first = outcome.values[:, -1, : len(KINDS)]
    fleets = first[outcome.names.index("compute_owned_pflops")]
    assert len(set(fleets.tolist())) == len(KINDS), "configurations that all do the same prove nothing"


@pytest.mark.parametrize("first", [0, 24, 56])
def test_eight_runs_give_the_same_bits_as_among_sixty_four(first):
    assert same_bits(batch(first, 8).values, np.ascontiguousarray(sixty_four().values[:, :, first : first + 8]))


@pytest.mark.parametrize("run", range(len(KINDS)))
def test_a_run_alone_gives_the_same_bits_as_among_sixty_four(run):
    assert same_bits(batch(run, 1).values, np.ascontiguousarray(sixty_four().values[:, :, run : run + 1]))


def test_the_order_of_runs_in_a_batch_does_not_matter():
    backwards = list(range(15, -1, -1))
    seeds = run_seeds(11, 0, 16)[backwards]
    outcome = simulate([kinds()[r % len(KINDS)] for r in backwards], seeds)
    assert same_bits(outcome.values, np.ascontiguousarray(sixty_four().values[:, :, backwards]))


# Seeds ------------------------------------------------------------------------------------------------


def test_a_run_has_the_same_seed_in_whatever_batch():
    everybody = run_seeds(3, 0, 64)
    assert len(set(everybody.tolist())) == 64
    for first in (0, 8, 63):
        assert run_seeds(3, first, 1)[0] == everybody[first]
    assert not set(run_seeds(4, 0, 64).tolist()) & set(everybody.tolist())


def test_the_same_seed_gives_the_same_bits():
    again = simulate([configuration()] * 3, run_seeds(11, 0, 3))
    assert same_bits(again.values, plain().values)


def test_another_seed_gives_another_history():
    here, there = plain(11), plain(12)
    for name in ("compute_owned_pflops", "frontier_run_flop", "hhi_chip_sales", "exits_startups"):
        metric = here.names.index(name)
        assert not np.array_equal(here.values[metric], there.values[metric]), name
        assert len(set(here.values[metric, -4].tolist())) > 1 or name == "exits_startups", "runs of one study differ"


# Slots ------------------------------------------------------------------------------------------------


def test_a_bystander_changes_no_bit():
    assert same_bits(changed("startups.bystanders=1").values, plain().values)


@pytest.mark.parametrize("slots", [640, 600, 1024])
def test_spare_slots_change_no_bit(slots):
    assert same_bits(changed(f"frame.startup_slots={slots}").values, plain().values)


# Levers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lever", CATALOGUE)
def test_a_lever_changes_nothing_before_it_starts_and_something_later(lever):
    outcome = changed("policy.cap_flop=1e20", levers=[f"{lever}@2021Q1"])  # a cap that binds so early
    assert same_bits(outcome.values[:, :LEVER_FROM], plain().values[:, :LEVER_FROM])
    assert not same_bits(outcome.values[:, LEVER_FROM:], plain().values[:, LEVER_FROM:])


@pytest.mark.parametrize("lever", CATALOGUE)
def test_a_lever_without_strength_changes_nothing(lever, tmp_path):
    levers = tmp_path / "idle.toml"
    levers.write_text(f'[[levers]]\nname = "{lever}"\nstart = "2018Q3"\nstrength = 0.0\n')
    assert same_bits(changed(levers=[str(levers)]).values, plain().values)


def test_a_lever_in_one_run_is_not_felt_in_the_next():
    pushed = configuration(levers=["export_control@2018Q3", "data_act@2018Q3"])
    outcome = simulate([configuration(), pushed, configuration()], run_seeds(11, 0, 3))
    assert same_bits(outcome.values[:, :, 0::2].copy(), plain().values[:, :, 0::2].copy())
    assert not same_bits(outcome.values[:, :, 1].copy(), plain().values[:, :, 1].copy())


# Machines ---------------------------------------------------------------------------------------------


def digest():
    """Return the sha256 of all metrics of a mixed batch: what is compared between processors."""
    values = batch(0, 8).values
    values[np.isnan(values)] = np.nan  # one bit pattern for missing
    return hashlib.sha256(values.tobytes()).hexdigest()


def test_a_processor_without_wide_instructions_gives_the_same_bits():
    features = features_that_can_be_switched_off()
    if not features:
        pytest.skip("this processor or this numpy has no dispatched features to switch off")
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(features), "PYTHONPATH": paths}
    script = "import test_exactness as t\nprint(t.features_that_can_be_switched_off(), t.digest())"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], env=environment, capture_output=True, text=True, check=True)
    left, there = done.stdout.split()
    assert left == "[]", f"numpy kept {left}"
    assert there == digest()

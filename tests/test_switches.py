"""A mechanism that is switched off does exactly nothing: its numbers are at their neutral values, levers or not."""

from dataclasses import replace

import numpy as np
import pytest

from market_abm.levers.in_force import rules_in_force
from market_abm.parameters.declare import declarations
from market_abm.parameters.schema import Configuration, DatedLever, Parameters
from market_abm.parameters.switches import NEUTRAL, Switches

SWITCHES = list(declarations(Switches))


def with_switches(**values):
    parameters = Parameters(switches=Switches(**values))
    return Configuration(parameters=parameters)


def number(rules, key):
    section, name = key.split(".")
    return getattr(getattr(rules, section), name)


def test_every_switch_says_what_it_sets():
    assert set(NEUTRAL) == set(SWITCHES)


@pytest.mark.parametrize("switch", SWITCHES)
def test_off_sets_the_neutral_values_and_nothing_else(switch):
    on, off = (rules_in_force([with_switches(**{switch: place})], 3)[2] for place in (1, 0))
    for section in ("chips", "documentation", "trade", "clouds", "energy", "customers", "training", "startups", "buying", "venture"):
        for name in declarations(getattr(Parameters(), section)):
            key = f"{section}.{name}"
            neutral = dict(NEUTRAL[switch]).get(key)
            expected = number(on, key) if neutral is None else np.array([[neutral]])
            assert np.array_equal(number(off, key), expected), key


@pytest.mark.parametrize("switch", SWITCHES)
def test_on_leaves_every_number_as_declared(switch):
    rules = rules_in_force([with_switches()], 1)[0]
    for key, neutral in NEUTRAL[switch]:
        section, name = key.split(".")
        declared = getattr(getattr(Parameters(), section), name)
        if not isinstance(declared, str):
            assert number(rules, key) == declared
            assert declared != neutral, f"{key} does nothing even when {switch} is on"


def test_runs_of_one_batch_may_differ_in_their_switches():
    rules = rules_in_force([with_switches(learning=0), with_switches()], 1)[0]
    assert rules.chips.learning_exponent.tolist() == [[0.0], [Parameters().chips.learning_exponent]]


def test_no_lever_brings_back_what_a_switch_takes_out():
    off = replace(with_switches(power_queue=0), levers=(DatedLever(name="data_act", start="2018Q1"),))
    assert rules_in_force([off], 1)[0].energy.queue.tolist() == [[0]]

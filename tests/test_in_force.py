"""The rules in force: dated, blended, composed, and decided before the first quarter."""

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import same_bits

from market_abm.levers import in_force
from market_abm.levers.catalogue import CATALOGUE, OUTCOMES, Amendment, Lever
from market_abm.levers.in_force import rules_in_force
from market_abm.parameters.chips import Chips, Documentation
from market_abm.parameters.declare import declarations
from market_abm.parameters.demand import Customers
from market_abm.parameters.schema import SECTIONS, Configuration, DatedLever, Frame, Parameters

QUARTERS = 12


@pytest.fixture(autouse=True)
def own_levers(monkeypatch):
    """Replace the catalogue: two levers on one number in this order, one on another, one on whole numbers."""
    levers = (
        Lever("set_tax", "Tax goes to .5.", "", (Amendment("chips.tax", target=0.5),)),
        Lever("double_tax", "Tax doubles.", "", (Amendment("chips.tax", factor=2.0),)),
        Lever("no_interest", "Interest goes, and research too.", "",
              (Amendment("clouds.interest", target=0.0), Amendment("chips.rnd_share", factor=0.5))),
        Lever("tie_down", "Relationships hardly count.", "", (Amendment("chips.relationship_exponent", target=0.1),)),
        Lever("slow_delivery", "Chips take longer.", "", (Amendment("chips.delivery_quarters", target=7),)),
    )
    monkeypatch.setattr(in_force, "CATALOGUE", {lever.name: lever for lever in levers})


def configuration(*levers, start="2018Q1", **chips):
    return Configuration(Frame(start=start), Parameters(chips=Chips(tax=0.2, **chips)), levers=levers)


def lever(name, start="2018Q3", end="", strength=1.0, ramp_quarters=1):
    return DatedLever(name, start, end, strength, ramp_quarters)


def numbers(rules):
    """Return every number of every quarter: {(quarter, section, name): array}."""
    return {
        (q, section, f.name): getattr(getattr(rule, section), f.name)
        for q, rule in enumerate(rules) for section in SECTIONS for f in fields(getattr(rule, section))
    }


def taxes(*configurations):
    rules = rules_in_force(configurations, QUARTERS)
    return np.stack([rule.chips.tax[:, 0] for rule in rules], axis=-1).tolist()


# Without levers -------------------------------------------------------------------------------------


def test_every_number_is_one_figure_per_run_with_the_declared_value():
    rules = rules_in_force([configuration(), configuration(rnd_share=0.123)], 3)
    assert len(rules) == 3
    for (q, section, name), array in numbers(rules).items():
        assert array.shape == (2, 1), (q, section, name)
    assert rules[2].chips.rnd_share.tolist() == [[0.22], [0.123]]
    assert rules[2].chips.tax.tolist() == [[0.2], [0.2]]


def test_whole_numbers_are_whole_and_the_others_are_not():
    rules = rules_in_force([configuration(), configuration(delivery_quarters=3)], 1)[0]
    for section in SECTIONS:
        for name, told in declarations(getattr(Parameters(), section)).items():
            kind = np.int64 if told.whole or told.options else np.float64
            assert getattr(getattr(rules, section), name).dtype == kind, f"{section}.{name}"
    assert rules.chips.delivery_quarters.tolist() == [[2], [3]]


def test_rules_chosen_by_name_become_their_place_among_the_options():
    names = ("proportional", "lottery", "relationship", "equal_awards")
    rules = rules_in_force([configuration(allocation=name) for name in names], 1)[0]
    assert rules.chips.allocation.tolist() == [[0], [3], [2], [1]]
    opened = Configuration(parameters=Parameters(documentation=Documentation(rule="open")))
    assert rules_in_force([opened], 1)[0].documentation.rule.tolist() == [[3]]


def test_dates_become_quarters_since_the_start_of_their_own_run():
    starts = ("2018Q1", "2022Q4", "2024Q2")
    runs = [Configuration(Frame(start=s), Parameters(customers=Customers(shock_quarter="2022Q4"))) for s in starts]
    assert rules_in_force(runs, 1)[0].customers.shock_quarter.tolist() == [[19.0], [0.0], [-6.0]]


def test_nobody_can_change_a_rule_in_force():
    rules = rules_in_force([configuration(lever("set_tax"))], QUARTERS)
    for name, array in numbers(rules).items():
        with pytest.raises(ValueError, match="read-only"):
            array *= 2
        assert not array.flags.writeable, name


# One lever ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("idle", [
    lever("set_tax", strength=0.0), lever("set_tax", start="2021Q1"), lever("set_tax", start="2015Q1", end="2018Q1"),
    lever("set_tax", start="2018Q3", end="2018Q3"), lever("slow_delivery", strength=0.0), lever("double_tax", strength=0.0),
])
def test_an_idle_lever_changes_no_bit_alone_or_beside_a_working_one(idle):
    plain = numbers(rules_in_force([configuration()], QUARTERS))
    for key, array in numbers(rules_in_force([configuration(idle)], QUARTERS)).items():
        assert same_bits(array, plain[key]), key
    busy = configuration(*(lever(name) for name in ("set_tax", "double_tax", "no_interest", "slow_delivery")))
    for key, array in numbers(rules_in_force([busy, configuration(idle), busy], QUARTERS)).items():
        assert same_bits(array[1:2], plain[key]), key


def test_a_lever_holds_from_its_start_to_before_its_end():
    assert taxes(configuration(lever("set_tax", start="2018Q3", end="2019Q2"))) == [[0.2] * 2 + [0.5] * 3 + [0.2] * 7]
    assert taxes(configuration(lever("set_tax", start="2018Q3"))) == [[0.2] * 2 + [0.5] * 10]


def test_a_lever_that_began_before_the_run_is_in_force_at_once():
    assert taxes(configuration(lever("set_tax", start="2010Q1"))) == [[0.5] * QUARTERS]
    halfway = taxes(configuration(lever("set_tax", start="2017Q4", ramp_quarters=4)))[0]
    assert halfway[:4] == pytest.approx([0.35, 0.425, 0.5, 0.5])


def test_a_ramp_rises_by_equal_steps_to_full_strength():
    got = taxes(configuration(lever("set_tax", strength=0.8, ramp_quarters=4)))[0]
    # strength .2, .4, .6, .8 of the way from .2 to .5
    assert got == pytest.approx([0.2, 0.2, 0.26, 0.32, 0.38] + [0.44] * 7, rel=1e-15)


@pytest.mark.parametrize("value", [0.1, 0.8, 1.3, 2.9, 1 / 3])
def test_full_strength_reaches_the_target_to_the_bit(value):
    rules = rules_in_force([configuration(lever("tie_down"), relationship_exponent=value)], QUARTERS)
    assert [rule.chips.relationship_exponent.item() for rule in rules] == [value] * 2 + [0.1] * 10


def test_a_factor_multiplies_each_runs_own_value():
    runs = [Configuration(parameters=Parameters(chips=Chips(tax=t)), levers=(lever("double_tax"),)) for t in (0.1, 0.3)]
    assert np.array(taxes(*runs))[:, 2].tolist() == [0.2, 0.6]


def test_a_lever_may_amend_several_numbers():
    rules = rules_in_force([configuration(lever("no_interest"))], QUARTERS)
    assert rules[1].clouds.interest.tolist() == [[0.08]]
    assert rules[2].clouds.interest.tolist() == [[0.0]]
    assert rules[2].chips.rnd_share.tolist() == [[0.11]]


@pytest.mark.parametrize(("strength", "quarters"), [(1.0, 7), (0.5, 4), (0.3, 4), (0.2, 3), (0.0, 2)])
def test_an_amended_whole_number_is_rounded(strength, quarters):
    # from 2 towards 7: 7, 4.5 (to even), 3.5 (to even), 3, 2
    rules = rules_in_force([configuration(lever("slow_delivery", strength=strength))], QUARTERS)
    assert rules[5].chips.delivery_quarters.tolist() == [[quarters]]
    assert rules[5].chips.delivery_quarters.dtype == np.int64


# Several levers -------------------------------------------------------------------------------------


def test_two_levers_compose_in_the_order_of_the_catalogue():
    both = (lever("double_tax", start="2018Q2"), lever("set_tax", start="2018Q3", end="2018Q4"))
    # doubled from quarter 1; in quarter 2 set to .5 first and then doubled
    assert taxes(configuration(*both))[0][:4] == [0.2, 0.4, 1.0, 0.4]
    assert taxes(configuration(*reversed(both))) == taxes(configuration(*both))


def test_one_lever_used_twice_counts_at_its_largest_strength():
    twice = (lever("set_tax", strength=0.25), lever("set_tax", start="2018Q4", strength=0.75, end="2019Q1"))
    assert taxes(configuration(*twice))[0][:5] == pytest.approx([0.2, 0.2, 0.275, 0.425, 0.275], rel=1e-15)
    assert taxes(configuration(*reversed(twice))) == taxes(configuration(*twice))


def test_runs_of_one_batch_have_their_own_levers():
    runs = (configuration(), configuration(lever("set_tax")), configuration(lever("double_tax", start="2018Q2")),
            configuration(lever("set_tax", start="2018Q2", end="2018Q3")))
    together = taxes(*runs)
    assert [t[:4] for t in together] == [[0.2] * 4, [0.2, 0.2, 0.5, 0.5], [0.2, 0.4, 0.4, 0.4], [0.2, 0.5, 0.2, 0.2]]
    assert together == [taxes(run)[0] for run in runs]


@given(st.lists(
    st.tuples(st.sampled_from(["set_tax", "double_tax", "no_interest", "slow_delivery"]), st.integers(0, 8),
              st.integers(0, 8), st.floats(0.0, 1.0), st.integers(1, 6)), max_size=4),
    st.integers(0, 3))
def test_a_run_has_the_same_rules_alone_and_in_company(uses, place):
    levers = [lever(name, f"{2018 + a // 4}Q{a % 4 + 1}", f"{2019 + b // 4}Q{b % 4 + 1}", s, r) for name, a, b, s, r in uses]
    mine = configuration(*levers)
    company = [configuration(), configuration(lever("set_tax")), configuration(lever("no_interest", strength=0.5))]
    company.insert(place, mine)
    alone = numbers(rules_in_force([mine], QUARTERS))
    for key, array in numbers(rules_in_force(company, QUARTERS)).items():
        assert same_bits(array[place : place + 1].copy(), alone[key]), key


# The model's own catalogue --------------------------------------------------------------------------


def default_of(value):
    """Return a number of the catalogue, or the default of the parameter that it names."""
    if not isinstance(value, str):
        return value
    section, name = value.split(".")
    return getattr(getattr(Parameters(), section), name)


@pytest.mark.parametrize("name", [*CATALOGUE])
def test_every_lever_says_where_it_comes_from_and_what_theory_expects(name):
    entry = CATALOGUE[name]
    assert entry.reference and entry.why.endswith(".")
    assert list(entry.signs) == list(OUTCOMES) and set(entry.signs.values()) <= {"+", "-", "0", "±"}
    assert set(entry.arguments) <= set(declarations(Parameters().policy))
    assert any(amendment.old for amendment in entry.amends) <= bool(entry.grandfathers)
    assert not (entry.once and entry.ramp_quarters != 1)


@pytest.mark.parametrize("name", [*CATALOGUE])
def test_a_lever_of_the_model_amends_declared_numbers_within_their_bounds(name):
    entry = CATALOGUE[name]
    assert entry.name == name
    assert entry.says.endswith(".")
    for amendment in entry.amends:
        section, number = amendment.key.split(".")
        told = declarations(getattr(Parameters(), section))[number]
        if told.options:
            assert amendment.factor is None
            assert 0 <= amendment.target < len(told.options)
            continue
        assert told.unit not in ("text", "quarter"), f"{name}: {amendment.key} is no number"
        target, factor = (default_of(value) for value in (amendment.target, amendment.factor))
        reached = target if factor is None else factor * told.best
        assert math.isfinite(reached), "an infinite target turns 0 times infinity into nan"
        assert told.at_least <= reached <= told.at_most, f"{name}: {amendment.key} would become {reached}"

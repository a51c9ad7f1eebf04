"""What a sweep varies: ranges and values by hand, levers and policies as `load` would have them, and the content of points."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from files import write_small
from hypothesis import given, settings
from hypothesis import strategies as st

import market_abm as ma
from market_abm.parameters.declare import declarations
from market_abm.parameters.loading import load, with_levers
from market_abm.parameters.schema import SECTIONS, Configuration
from market_abm.sweeps.design import key_of, read_design
from market_abm.sweeps.factors import Factor
from market_abm.sweeps.ishigami import Ishigami
from market_abm.sweeps.market import Market

BELOW_ONE = math.nextafter(1.0, 0.0)
UNITS = st.floats(0.0, 1.0)
MARKET = Market(Configuration())


def design_of(folder, factors, more="", method="grid"):
    """Return a design over a small configuration that `more` amends."""
    write_small(folder, more)
    size = "" if method in ("grid", "list") else "size = 4\n"
    table = "" if method == "list" else "[factors]\n"
    (folder / "asked.toml").write_text(f'[design]\nconfig = "small.toml"\nmethod = "{method}"\n{size}{table}{factors}')
    return read_design(folder / "asked.toml")


def the_factor(folder, line, more="", method="latin_hypercube"):
    [factor] = design_of(folder, line, more, method).factors
    return factor


def ranged(key, low, high, scale="linear"):
    told, standing = MARKET.told(key)
    return Factor(key, told, standing, low, high, (), scale)


# Ranges and values -----------------------------------------------------------------------------------


def test_a_range_left_out_is_the_declared_one(tmp_path):
    told = declarations(Configuration().parameters.clouds)["omega"]
    factor = the_factor(tmp_path, '"clouds.omega" = {}')
    assert (factor.low, factor.high, factor.standing) == (told.low, told.high, told.best)
    half = the_factor(tmp_path, '"clouds.omega" = { high = 0.8 }')
    assert (half.low, half.high) == (told.low, 0.8)


@pytest.mark.parametrize(("more", "low", "high"), [
    ("[cast.clouds.east]\ncash_usd = { value = 1e9, low = 5e8, high = 4e9 }", 5e8, 4e9),
    ('[cast.clouds.east]\ncash_usd = { value = 1e9, low = "5e8 USD", high = "4e9 USD" }', 5e8, 4e9),
    ("[cast.clouds.east]\ncash_usd = { value = 1e9, high = 4e9 }", 0.0, 4e9),  # declared: 0 to 1e10
    ("[cast.clouds.east]\ncash_usd = 2e9", 0.0, 1e10),
])
def test_an_agents_range_is_what_stands_beside_its_value(tmp_path, more, low, high):
    factor = the_factor(tmp_path, '"cast.clouds.east.cash_usd" = {}', more)
    assert (factor.low, factor.high) == (low, high)


def test_a_range_beside_a_value_of_a_section_counts_too_and_the_design_goes_before_it(tmp_path):
    more = "[clouds]\nomega = { value = 0.6, low = 0.5, high = 0.7 }"
    factor = the_factor(tmp_path, '"clouds.omega" = {}', more)
    assert (factor.low, factor.high, factor.standing) == (0.5, 0.7, 0.6)
    factor = the_factor(tmp_path, '"clouds.omega" = { low = 0.55 }', more)
    assert (factor.low, factor.high) == (0.55, 0.7)


@pytest.mark.parametrize(("factor", "expected"), [
    (ranged("clouds.omega", 0.4, 0.9), {0.0: 0.4, 0.5: 0.65, 1.0: 0.9}),
    (ranged("clouds.interest", 0.1, 0.3), {0.0: 0.1, 1.0: 0.3}),  # .1 + (.3 - .1) rounds below .3
    (ranged("policy.cap_flop", 1e26, 1e28, "log"), {0.0: 1e26, 0.5: 1e27, 1.0: 1e28}),
    (ranged("startups.opening", 10, 12), {0.0: 10, 0.33: 10, 0.34: 11, 0.66: 11, 0.67: 12, BELOW_ONE: 12, 1.0: 12}),
    (ranged("switches.learning", 0, 1), {0.0: 0, 0.49: 0, 0.5: 1, BELOW_ONE: 1, 1.0: 1}),
    (Factor("chips.allocation", *MARKET.told("chips.allocation"), values=("proportional", "auction")),
     {0.0: "proportional", 0.49: "proportional", 0.5: "auction", BELOW_ONE: "auction", 1.0: "auction"}),
    (Factor("clouds.omega", *MARKET.told("clouds.omega"), values=(0.9, 0.4, 0.6)), {0.0: 0.9, 0.33: 0.9, 0.34: 0.4, 0.67: 0.6, 1.0: 0.6}),
])
def test_a_place_between_0_and_1_is_a_value_by_hand(factor, expected):
    for u, value in expected.items():
        found = factor.at(u)
        assert found == pytest.approx(value, rel=1e-12) if isinstance(value, float) else found == value
        assert type(found) is type(value)
    assert factor.at(0.0) == expected[0.0] and factor.at(1.0) == expected[1.0]


def test_rounding_does_not_carry_a_log_scale_beyond_its_end():
    assert 0.3 * (0.7 / 0.3) ** BELOW_ONE > 0.7
    assert ranged("clouds.omega", 0.3, 0.7, "log").at(BELOW_ONE) == 0.7


@pytest.mark.parametrize(("line", "levels"), [
    ('"clouds.omega" = { low = 0.25, high = 1.25, steps = 5 }', (0.25, 0.5, 0.75, 1.0, 1.25)),
    ('"chips.cancellation" = { low = 0.1, high = 0.3, steps = 2 }', (0.1, 0.3)),
    ('"startups.opening" = { low = 10, high = 15, steps = 4 }', (10, 12, 13, 15)),  # 11.67 and 13.33 rounded
    ('"startups.opening" = { low = 10, high = 12, steps = 9 }', (10, 11, 12)),
    ('"switches.learning" = {}', (0, 1)),
    ('"cast.clouds.later.has_lab" = {}', (0, 1)),
    ('"energy.connection" = {}', ("first_come", "auction", "lottery")),
    ('"clouds.omega" = [0.9, 0.4]', (0.9, 0.4)),
    ('"clouds.omega" = { values = ["0.9 share", 1] }', (0.9, 1.0)),
    ('"customers.shock_quarter" = ["2018Q2", "2018Q4"]', ("2018Q2", "2018Q4")),
])
def test_the_levels_of_a_grid_by_hand(tmp_path, line, levels):
    if "mergers.rule" in line:
        levels = declarations(Configuration().parameters.mergers)["rule"].options
    found = the_factor(tmp_path, line, method="grid").levels
    assert found == levels
    assert [type(one) for one in found] == [type(one) for one in levels]


def test_the_steps_of_a_log_scale_have_equal_ratios(tmp_path):
    levels = the_factor(tmp_path, '"clouds.omega" = { low = 0.02, high = 2.0, scale = "log", steps = 5 }', method="grid").levels
    np.testing.assert_allclose(levels, [0.02, 0.02 * 10**0.5, 0.2, 0.2 * 10**0.5, 2.0], rtol=1e-12)
    assert (levels[0], levels[-1]) == (0.02, 2.0)


@given(low=st.floats(1e-6, 1e6), more=st.floats(1e-6, 1e6), scale=st.sampled_from(["linear", "log"]), u=UNITS, v=UNITS)
def test_a_number_lies_within_its_bounds_ends_included_and_grows_with_its_place(low, more, scale, u, v):
    factor = ranged("clouds.omega", low, low + more, scale)
    if factor.low == factor.high:
        return
    assert (factor.at(0.0), factor.at(1.0)) == (factor.low, factor.high)
    small, large = factor.at(min(u, v)), factor.at(max(u, v))
    assert factor.low <= small <= large <= factor.high
    assert isinstance(small, float)


@given(low=st.integers(-50, 50), more=st.integers(1, 40), u=UNITS, v=UNITS)
def test_a_whole_number_is_whole_within_its_bounds_and_grows_with_its_place(low, more, u, v):
    factor = ranged("startups.opening", low, low + more)
    small, large = factor.at(min(u, v)), factor.at(max(u, v))
    assert type(small) is int and low <= small <= large <= low + more


@given(count=st.integers(1, 40))
def test_whole_numbers_and_values_have_equal_parts(count):
    middles = [(part + 0.5) / count for part in range(count)]
    listed = Factor("clouds.omega", *MARKET.told("clouds.omega"), values=tuple(range(count)))
    assert [listed.at(u) for u in middles] == list(range(count))
    if count > 1:
        assert [ranged("startups.opening", 7, 6 + count).at(u) for u in middles] == list(range(7, 7 + count))


def test_every_declared_number_can_be_varied_over_its_range():
    keys = MARKET.keys()
    for key in keys:
        told, standing = MARKET.told(key)
        assert told is not None, standing
        if told.low is not None:
            factor = Factor(key, told, standing, told.low, told.high)
            assert told.at_least <= factor.at(0.0) < factor.at(1.0) <= told.at_most, key
    assert {key.split(".")[0] for key in keys} == {*SECTIONS, "levers", "policy"}


def test_the_test_function_names_its_arguments():
    assert Ishigami().told("x1")[0].high == math.pi
    assert Ishigami().told("x4") == (None, "known are x1, x2, x3, seed_noise, cell_noise")


# Levers, policies, agents: the configuration that `load` would give ----------------------------------

AGREED = '[[levers]]\nname = "data_act"\nstart = "2018Q2"\nstrength = 0.2\nramp_quarters = 3\n[[levers]]\nname = "faster_grid"\nstart = "2018Q2"\n'
VOUCHERS = '[[levers]]\nname = "compute_vouchers"\nstart = "2018Q2"\nvoucher_usd = 3e6\n'


def same(design, point, expected):
    """Hold a point's configuration against another, but for the sources."""
    config = design.model.configuration(design.setting(point))
    assert config.parameters == expected.parameters
    assert config.cast == expected.cast and config.frame == expected.frame
    assert config.levers == expected.levers


def test_a_levers_strength_and_start_are_those_of_the_command_line(tmp_path):
    design = design_of(tmp_path, '"levers.break_up" = { low = 0, high = 1, steps = 3 }\n"levers.break_up.start" = ["2018Q2", "2018Q3"]')
    small = load(tmp_path / "small.toml")
    assert design.points == [(s, q) for s in (0.0, 0.5, 1.0) for q in ("2018Q2", "2018Q3")]
    for strength, start in design.points:
        (tmp_path / "one.toml").write_text(f'[[levers]]\nname = "break_up"\nstart = "{start}"\nstrength = {strength}')
        same(design, (strength, start), with_levers(small, [str(tmp_path / "one.toml")]))
    same(design, (1.0, "2018Q3"), load(tmp_path / "small.toml", levers=["break_up@2018Q3"]))


def test_a_lever_alone_starts_as_the_catalogue_has_it(tmp_path):
    design = design_of(tmp_path, '"levers.stake_limit" = [0, 1]')
    same(design, (0.0,), load(tmp_path / "small.toml"))
    same(design, (1.0,), load(tmp_path / "small.toml", levers=["stake_limit"]))


def test_a_lever_in_force_keeps_its_place_and_what_is_not_varied(tmp_path):
    design = design_of(tmp_path, '"levers.data_act" = [0.2, 0.7]', AGREED)
    same(design, (0.2,), load(tmp_path / "small.toml"))
    assert design.setting((0.2,)) == {}
    write_small(tmp_path, AGREED.replace("0.2", "0.7"), "other.toml")
    same(design, (0.7,), load(tmp_path / "other.toml"))


@pytest.mark.parametrize("lines", [
    '"levers.stake_limit" = [1.0]\n"levers.stake_limit.grandfathered" = [0, 1]',
    'levers.stake_limit.strength = [1.0]\nlevers.stake_limit.grandfathered = [0, 1]',
    "[factors.levers.stake_limit]\nstrength = [1.0]\ngrandfathered = {}",
    "[factors.levers]\nstake_limit = { values = [1.0], grandfathered = { values = [0, 1] } }",
    '[factors."levers.stake_limit"]\nvalues = [1.0]\n"grandfathered" = {}',
])
def test_a_key_may_be_written_with_dots_or_as_tables_in_tables(tmp_path, lines):
    design = design_of(tmp_path, lines)
    assert design.points == [(1.0, 0), (1.0, 1)]
    small = load(tmp_path / "small.toml", levers=["stake_limit"])
    same(design, (1.0, 1), small)  # as the catalogue has it
    [lever] = design.model.configuration(design.setting((1.0, 0))).levers
    assert lever == replace(small.levers[0], grandfathered=0) != small.levers[0]


@pytest.mark.parametrize("lines", [
    '"clouds.omega" = [0.5]\n"cast.clouds.east.cash_usd" = [2e9]', "clouds.omega = [0.5]\ncast.clouds.east.cash_usd = [2e9]",
    "[factors.clouds]\nomega = [0.5]\n[factors.cast.clouds.east]\ncash_usd = { values = [2e9] }",
    '[factors.cast]\n"clouds.east".cash_usd = [2e9]\n[factors."clouds.omega"]\nvalues = [0.5]',
])
def test_numbers_of_sections_and_of_the_cast_are_those_of_set(tmp_path, lines):
    design = design_of(tmp_path, lines)
    same(design, design.points[0], load(tmp_path / "small.toml", ["clouds.omega=0.5", "cast.clouds.east.cash_usd=2e9"]))


def test_policies_are_those_of_compare_and_files_of_levers_lie_beside_the_design(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "vouchers.toml").write_text(VOUCHERS)
    policies = ["", "break_up", "break_up+faster_grid@2018Q3", "vouchers.toml", "vouchers.toml + break_up"]
    monkeypatch.chdir(tmp_path)  # not where the design is
    design = design_of(tmp_path / "here", f"policy = {json.dumps(policies)}", '[[levers]]\nname = "data_act"\nstart = "2018Q2"')
    assert [point[0] for point in design.points] == policies
    small, file = load("here/small.toml"), "here/vouchers.toml"
    for policy, levers in zip(policies, ([], ["break_up"], ["break_up", "faster_grid@2018Q3"], [file], [file, "break_up"]), strict=True):
        same(design, (policy,), with_levers(small, levers) if levers else small)
    assert design.model.configuration({"policy": "vouchers.toml"}).parameters.policy.voucher_usd == 3e6


def test_the_argument_of_a_lever_is_a_number_of_its_own(tmp_path):
    design = design_of(tmp_path, 'policy = ["", "compute_vouchers@2018Q2"]\n[factors."policy.voucher_usd"]\nlow = 1e6\nhigh = 3e6\nsteps = 2')
    (tmp_path / "vouchers.toml").write_text(VOUCHERS)
    same(design, ("compute_vouchers@2018Q2", 3e6), load(tmp_path / "small.toml", levers=[str(tmp_path / "vouchers.toml")]))
    same(design, ("compute_vouchers@2018Q2", 1e6), load(tmp_path / "small.toml", levers=["compute_vouchers@2018Q2"]))
    same(design, ("", 3e6), load(tmp_path / "small.toml", ["policy.voucher_usd=3e6"]))


def test_a_factor_goes_before_what_a_policy_says_even_where_it_is_what_stands_without_it(tmp_path):
    write_small(tmp_path)
    (tmp_path / "vouchers.toml").write_text(VOUCHERS)
    standing = load(tmp_path / "small.toml").parameters.policy.voucher_usd
    design = design_of(tmp_path, f'policy = ["vouchers.toml"]\n"policy.voucher_usd" = [{standing}, 3e6]\n"levers.compute_vouchers.start" = ["2026Q1", "2018Q2"]')
    for voucher_usd, start in ((standing, "2026Q1"), (standing, "2018Q2"), (3e6, "2026Q1"), (3e6, "2018Q2")):
        config = design.model.configuration(design.setting(("vouchers.toml", voucher_usd, start)))
        assert (config.parameters.policy.voucher_usd, [lever.start for lever in config.levers]) == (voucher_usd, [start])


def test_where_a_point_of_a_list_is_silent_its_policy_speaks(tmp_path):
    text = '[[points]]\n[[points]]\npolicy = "break_up@2018Q3"\n[[points]]\nlevers.break_up.strength = 0.5\nlevers.break_up.start = "2018Q2"'
    design = design_of(tmp_path, text, method="list")
    assert [factor.key for factor in design.factors] == ["policy", "levers.break_up", "levers.break_up.start"]
    assert design.points == [("", 0.0, "2026Q1"), ("break_up@2018Q3", 1.0, "2018Q3"), ("", 0.5, "2018Q2")]
    same(design, design.points[1], load(tmp_path / "small.toml", levers=["break_up@2018Q3"]))


@pytest.mark.parametrize(("factors", "more", "said"), [
    ('"levers.data_act" = [0.5]', AGREED + AGREED.replace("0.2", "1.0"), "data_act is used twice in the configuration: say in files of levers"),
    ('policy = ["data_act@2018Q3"]\n"levers.data_act" = [0.5]', AGREED, "would change two uses of data_act: one is in force already, data_act@2018Q3 adds another"),
])
def test_a_lever_that_is_used_twice_is_no_factor(tmp_path, factors, more, said):
    with pytest.raises(ma.errors.BadInput, match=said):
        design_of(tmp_path, factors, more)


# Content ---------------------------------------------------------------------------------------------


def test_what_stands_already_makes_no_difference(tmp_path):
    design = design_of(tmp_path, '"clouds.omega" = [0.7, 0.9]\n"switches.learning" = [1]\n"levers.break_up" = [0.0]', "[clouds]\nomega = 0.7")
    assert [design.setting(point) for point in design.points] == [{}, {"clouds.omega": 0.9}]
    assert design.keys == [key_of(design.model, {}), key_of(design.model, {"clouds.omega": 0.9})]


def test_one_content_has_one_number_whichever_factor_says_it(tmp_path):
    text = '[[points]]\nlevers.break_up = 1.0\n[[points]]\npolicy = "break_up"\n[[points]]\nlevers.break_up.strength = 1\nlevers.break_up.start = "2026Q1"\n' \
           '[[points]]\npolicy = "mine.toml"\n[[points]]\n[[points]]\npolicy = ""\n[[points]]\npolicy = "break_up + faster_grid"\n[[points]]\npolicy = "faster_grid+break_up+faster_grid"'
    (tmp_path / "mine.toml").write_text('[[levers]]\nname = "break_up"')
    design = design_of(tmp_path, text, method="list")
    assert design.rows.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert len(set(design.keys)) == len(design.points) == 3


def test_the_same_values_in_another_order_or_design_have_the_same_keys(tmp_path):
    lines = ['"clouds.omega" = [0.5, 0.9]', '"levers.break_up" = [0.5, 1.0]', '"levers.faster_grid" = [0.5]', '"cast.clouds.east.cash_usd" = [2e9]']
    one, other = design_of(tmp_path, "\n".join(lines)), design_of(tmp_path, "\n".join(lines[::-1]))
    assert one.keys != other.keys and set(one.keys) == set(other.keys)
    [key] = design_of(tmp_path, '[[points]]\nclouds.omega = 0.9', method="list").keys
    assert key in design_of(tmp_path, '"clouds.omega" = [0.3, 0.9]\n"switches.learning" = {}').keys


CONTENTS = st.dictionaries(st.sampled_from(["clouds.omega", "clouds.tax", "energy.slots_growth", "chips.tax", "levers.break_up", "levers.stake_limit", "policy.voucher_usd"]),
                           st.floats(0.25, 0.5), max_size=5)


@given(one=CONTENTS, other=CONTENTS)
@settings(max_examples=60)
def test_different_contents_have_different_keys_and_equal_ones_the_same(one, other):
    assert (key_of(MARKET, one) == key_of(MARKET, other)) == (one == other)
    assert key_of(MARKET, dict(reversed(one.items()))) == key_of(MARKET, one)


@pytest.mark.parametrize(("one", "other"), [
    ({"levers.break_up": 1.0}, {"levers.break_up": 1.0, "levers.break_up.start": "2027Q1"}), ({"levers.break_up": 1.0}, {"levers.faster_grid": 1.0}),
    ({"chips.allocation": "auction"}, {"chips.allocation": "lottery"}), ({"switches.learning": 0}, {"switches.stakes": 0}), ({}, {"switches.learning": 0}),
])
def test_contents_that_look_alike_have_different_keys(one, other):
    assert key_of(MARKET, one) != key_of(MARKET, other)


def test_what_a_sweep_runs_is_what_run_runs(tmp_path):
    design = design_of(tmp_path, '"clouds.omega" = [0.5]\n"levers.faster_grid" = [1.0]\n"levers.faster_grid.start" = ["2018Q2"]')
    alone = ma.run(load(tmp_path / "small.toml", ["clouds.omega=0.5"], ["faster_grid@2018Q2"]), runs=2, seed=1)
    with np.errstate(all="ignore"):
        outcome = design.model.simulate([design.setting(design.points[0])] * 2, ma.engine.run_seeds(1, 0, 2))
    np.testing.assert_array_equal(outcome.values, alone.values)

"""The levers of the catalogue: what each sets, what it does in a small world, and that it leaves all else alone."""

import functools
import itertools
import re
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from files import write_small
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import real_world, row, same_bits

import market_abm
from market_abm.behaviour import clouds as owners
from market_abm.behaviour import labs, startups
from market_abm.checks import broken
from market_abm.engine import Simulation, run_seeds, simulate
from market_abm.errors import BadInput
from market_abm.levers.catalogue import CATALOGUE
from market_abm.levers.in_force import rules_in_force
from market_abm.parameters.loading import load, with_levers
from market_abm.parameters.policy import Policy
from market_abm.parameters.schema import SECTIONS, Configuration, DatedLever, Parameters
from market_abm.phases.quarter import QUARTER
from market_abm.randomness import Draws, lab_birth
from market_abm.rules.allocation import ALLOCATION
from market_abm.state.columns import PIPELINE, STOCK
from market_abm.state.world import Window
from market_abm.units import FLOP_PER_PFLOP_HOUR, quarter_label

BASE = Path(market_abm.__file__).parent.parent / "configs" / "base.toml"
SMALL = ("frame.startup_slots=128", "startups.opening=60", "startups.talent_pool=100")
EAGER = ("ownership.corporate_chance=1", "ownership.backing_hazard=1", "ownership.backing_edge=1.1", "contracts.signing_rate=0.5")
ENACTED = tuple(name for name in CATALOGUE if CATALOGUE[name].enacted)
NEW = tuple(name for name in CATALOGUE if name not in ENACTED)
pytestmark = pytest.mark.usefixtures("quiet")


@functools.cache
def base(quarters, *sets):
    return load(BASE, sets=[f"frame.quarters={quarters}", *SMALL, *sets])


def use(name, start="2019Q1", **more):
    """Return a use of a lever with the catalogue's defaults."""
    known = CATALOGUE[name]
    told = {key: getattr(known, key) for key in ("strength", "ramp_quarters", "announced_quarters", "grandfathered")}
    return DatedLever(name, start, **(told | more))


def under(configuration, *levers, **sizes):
    """Return a configuration with further levers, and with sizes of measures."""
    parameters = replace(configuration.parameters, policy=replace(configuration.parameters.policy, **sizes))
    return replace(configuration, levers=configuration.levers + levers, parameters=parameters)


def numbers(rules):
    """Return {key: number} of one quarter and one run."""
    return {f"{s}.{f.name}": getattr(getattr(rules, s), f.name).item() for s in SECTIONS for f in fields(getattr(rules, s))}


def in_force(*levers, quarter=0, **sizes):
    """Return the numbers that levers change in a quarter of a run that begins in 2018Q1."""
    plain = Configuration()
    before, after = (numbers(rules_in_force([each], quarter + 1)[quarter]) for each in (plain, under(plain, *levers, **sizes)))
    return {key: value for key, value in after.items() if value != before[key]}


# What each sets -------------------------------------------------------------------------------------

FULL = {  # by hand: defaults of the policy section, and of the sections for what is blended or multiplied
    "export_control": {"trade.refused_share": 0.5},
    "data_act": {"clouds.provider_inertia": 1.5},  # half of 3
    "documentation_mandate": {"documentation.required_openness": 0.8, "documentation.required_of_old": 0.8},
    "switching_ban": {"clouds.provider_inertia": 0.9, "clouds.switch_rate": 0.01, "contracts.exit_right": 1.0},  # .3 of 3
    "public_cloud": {"clouds.public_budget_usd": 5e9},
    "faster_grid": {"energy.slots_factor": 2.0, "energy.study_quarters": 1.0},  # half of 2
    "break_up": {"mergers.break_up_share": 0.5},
    "structural_separation": {"conduct.separation": 1.0, "ownership.backing_end": 1.0},
    "chip_neutrality": {"chips.relationship_floor": 1.0},
    "compute_vouchers": {"startups.voucher_usd": 1e6},
    "training_cap": {"training.cap_bite": 1.0},
    "stake_limit": {"ownership.corporate_chance": 0.0, "ownership.backing_hazard": 0.0, "ownership.stake_cap": 0.0,
                    "ownership.backing_end": 1.0, "ownership.divestiture": 0.25},
}
OLD = {"documentation_mandate": {"documentation.required_of_old"}, "switching_ban": {"contracts.exit_right"},
       "stake_limit": {"ownership.backing_end", "ownership.divestiture"}}  # what reaches agreements and chips that exist


def test_the_table_names_every_lever():
    assert set(FULL) == set(CATALOGUE)
    assert len(NEW) == 10


@pytest.mark.parametrize("name", [*CATALOGUE])
def test_at_full_strength_a_lever_sets_its_numbers_and_no_other(name):
    full = {"strength": 1.0, "ramp_quarters": 1, "announced_quarters": 0}
    assert in_force(use(name, "2018Q1", **full, grandfathered=0)) == pytest.approx(FULL[name])
    spared = {key: value for key, value in FULL[name].items() if key not in OLD.get(name, ())}
    assert in_force(use(name, "2018Q1", **full, grandfathered=1)) == pytest.approx(spared)


def test_at_half_strength_a_lever_goes_half_the_way():
    half = {"start": "2018Q1", "strength": 0.5, "ramp_quarters": 1, "announced_quarters": 0}
    assert in_force(use("faster_grid", **half)) == pytest.approx({"energy.slots_factor": 1.5, "energy.study_quarters": 1.5})
    # inertia from 3 to 1.95, half of the way to .9; moving workloads from .002 to .006
    assert in_force(use("switching_ban", **half)) == pytest.approx({"clouds.provider_inertia": 1.95, "clouds.switch_rate": 0.006})


def test_the_announcement_counts_into_the_ramp():
    mandate = use("documentation_mandate", "2018Q3", ramp_quarters=4, announced_quarters=2)
    # nothing before the start; then three quarters of .8, and all of it
    got = [in_force(mandate, quarter=q).get("documentation.required_openness", 0.0) for q in range(5)]
    assert got == pytest.approx([0.0, 0.0, 0.6, 0.8, 0.8])
    at_once = use("documentation_mandate", "2018Q3", ramp_quarters=4, announced_quarters=9)
    assert in_force(at_once, quarter=2)["documentation.required_openness"] == pytest.approx(0.8)
    assert in_force(at_once, quarter=1) == {}


def test_a_use_that_spares_nothing_reaches_what_a_stronger_one_spares():
    both = (use("stake_limit", "2018Q1", grandfathered=1), use("stake_limit", "2018Q1", grandfathered=0, strength=0.4))
    got = in_force(*both)
    assert got["ownership.divestiture"] == pytest.approx(0.4 * 0.25)
    assert got["ownership.stake_cap"] == 0.0
    assert in_force(*both[::-1]) == got


def test_data_act_and_switching_ban_together_leave_a_part_of_a_part():
    both = (use("switching_ban", "2018Q1", ramp_quarters=1), use("data_act", "2018Q1", strength=1.0, ramp_quarters=1))
    assert in_force(*both)["clouds.provider_inertia"] == pytest.approx(3 * 0.5 * 0.3)


# Arguments and refusals -----------------------------------------------------------------------------

ARGUMENTS = {"documentation_mandate": {"openness": 0.9}, "switching_ban": {"inertia_left": 0.5, "general_switch_rate": 0.02},
             "public_cloud": {"public_budget_usd": 2e9}, "faster_grid": {"slots_factor": 3.0, "study_factor": 0.25},
             "break_up": {"break_up_share": 0.25}, "structural_separation": {"endowment_quarters": 2.0},
             "compute_vouchers": {"voucher_usd": 3e6}, "training_cap": {"cap_flop": 1e26}, "stake_limit": {"divestiture": 0.5}}


def written(name, **told):
    return f'[[levers]]\nname = "{name}"\n' + "".join(f"{key} = {value!r}\n".replace("'", '"') for key, value in told.items())


def test_every_size_is_the_argument_of_one_lever():
    assert {name: set(told) for name, told in ARGUMENTS.items()} == {name: set(CATALOGUE[name].arguments) for name in CATALOGUE if CATALOGUE[name].arguments}
    named = [argument for told in ARGUMENTS.values() for argument in told]
    assert sorted(named) == sorted(f.name for f in fields(Policy))


@pytest.mark.parametrize("name", [*ARGUMENTS])
def test_a_lever_takes_its_arguments_from_a_file(tmp_path, name):
    told = ARGUMENTS[name]
    path = tmp_path / "measure.toml"
    path.write_text(written(name, start="2019Q2", **told))
    plain = base(8)
    changed = with_levers(plain, [str(path)])
    assert changed.parameters.policy == replace(plain.parameters.policy, **told)
    assert changed.levers == (*plain.levers, use(name, "2019Q2"))
    assert {changed.sources[f"policy.{argument}"] for argument in told} == {f"set in {path}"}
    assert load(BASE, levers=[str(path)]).parameters.policy == changed.parameters.policy
    assert replace(changed.parameters, policy=plain.parameters.policy) == plain.parameters


def test_an_argument_may_carry_its_source_and_reaches_the_rules(tmp_path):
    more = '[[levers]]\nname = "compute_vouchers"\nstart = "2018Q2"\nramp_quarters = 1\nvoucher_usd = { value = 7e5, source = "a guess" }\n'
    configuration = load(write_small(tmp_path, more))
    assert configuration.sources["policy.voucher_usd"] == "a guess"
    assert [rules.startups.voucher_usd.item() for rules in rules_in_force([configuration], 3)] == [0.0, 7e5, 7e5]


@pytest.mark.parametrize(("more", "message"), [
    (written("break_up", ramp_quarters=4), "levers[0].ramp_quarters = 4: means nothing to break_up, which happens at once; leave it out"),
    (written("structural_separation", announced_quarters=2), "levers[0].announced_quarters = 2: means nothing to structural_separation"),
    (written("faster_grid", grandfathered=1), "levers[0].grandfathered = 1: means nothing to faster_grid: it touches nothing that was agreed or made before"),
    (written("public_cloud"), 'levers[0].name = "public_cloud": needs an owner of kind public_cloud in the cast; add one with present = 0'),
    ("[frame]\nspare_clouds = 0\n" + written("break_up"), 'levers[0].name = "break_up": needs a free row for the new firm; set frame.spare_clouds = 1 or more'),
    (written("compute_vouchers", vouchers_usd=1.0), "levers[0].vouchers_usd = 1.0: is no key of this section"),
    (written("compute_vouchers", cap_flop=1e26), "levers[0].cap_flop = 1e+26: is no key of this section"),
    (written("documentation_mandate", openness=1.5), "policy.openness = 1.5: must be a number between 0 and 1 (unit: 0 to 1); lower it to 1 or less"),
    (written("faster_grid", end="2025Q4"), 'levers[0].end = "2025Q4": must come after start = 2026Q1'),
])
def test_what_makes_no_sense_is_refused(tmp_path, more, message):
    with pytest.raises(BadInput, match=re.escape(message)):
        load(write_small(tmp_path, more))
    if not more.startswith("[frame]"):  # a file of levers holds nothing else
        (tmp_path / "measure.toml").write_text(more)
        with pytest.raises(BadInput, match=re.escape(message)):
            with_levers(load(write_small(tmp_path)), [str(tmp_path / "measure.toml")])


def test_two_mistakes_are_told_at_once(tmp_path):
    with pytest.raises(BadInput) as refusal:
        load(write_small(tmp_path, written("break_up", ramp_quarters=4) + written("public_cloud", strength=2.0)))
    assert len(refusal.value.problems) == 3


# Small worlds ---------------------------------------------------------------------------------------


@functools.cache
def stepped(quarters, *sets, runs=2):
    """Return a small simulation after some quarters, with as many to come; copy it before it goes on."""
    simulation = Simulation([base(quarters + 12, *sets)] * runs, run_seeds(11, 0, runs))
    for _ in range(quarters):
        simulation.step()
    assert simulation.failures == []
    return simulation


def copied(simulation, *levers, **sizes):
    """Return a copy that goes on under further levers."""
    twin = object.__new__(Simulation)
    twin.__setstate__(__import__("copy").deepcopy(simulation.__getstate__()))
    frame = simulation.frame
    configuration = under(Configuration(frame, Parameters(), levers=()), *levers, **sizes)
    changed = numbers_of(configuration, frame.quarters)
    twin.rules = [patched(rules, changed[q]) for q, rules in enumerate(twin.rules)]
    return twin

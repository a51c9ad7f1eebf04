"""The levers of the catalogue: what each sets, what it does in a small world, and that it leaves all else alone."""

import copy
import functools
import itertools
import re
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import worlds
from files import write_small
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import real_world, row, same_bits

import market_abm
from market_abm.behaviour import labs, startups
from market_abm.checks import broken
from market_abm.engine import Simulation, run_seeds, simulate
from market_abm.errors import BadInput
from market_abm.levers.catalogue import CATALOGUE
from market_abm.levers.in_force import rules_in_force
from market_abm.parameters.loading import load, with_levers
from market_abm.parameters.policy import Policy
from market_abm.parameters.schema import SECTIONS, Configuration, DatedLever
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
    "training_cap": {"training.cap_tightness": 1.0},
    "stake_limit": {"ownership.corporate_chance": 0.0, "ownership.backing_hazard": 0.0, "ownership.stake_cap": 0.0,
                    "ownership.backing_end": 1.0, "ownership.divestiture": 0.25},
}
OLD = {"documentation_mandate": {"documentation.required_of_old"}, "switching_ban": {"contracts.exit_right"},
       "stake_limit": {"ownership.stake_cap", "ownership.backing_end", "ownership.divestiture"}}  # what reaches agreements and chips that exist


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
    assert got["ownership.stake_cap"] == pytest.approx(0.6 * 0.49)
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
    (written("break_up", ramp_quarters=4), "levers[0].ramp_quarters = 4.0: means nothing to break_up, which happens at once; leave it out"),
    (written("structural_separation", announced_quarters=2), "levers[0].announced_quarters = 2.0: means nothing to structural_separation"),
    (written("faster_grid", grandfathered=1), "levers[0].grandfathered = 1: means nothing to faster_grid: it touches nothing that was agreed or made before"),
    (written("public_cloud"), 'levers[0].name = "public_cloud": needs an owner of kind public_cloud in the cast; add one with present = 0'),
    ("[frame]\nspare_clouds = 0\n" + written("break_up"), 'levers[0].name = "break_up": needs a free row for the new firm; set frame.spare_clouds = 1 or more'),
    (written("compute_vouchers", vouchers_usd=1.0), "levers[0].vouchers_usd = 1.0: is no key of this lever; did you mean voucher_usd?"),
    (written("compute_vouchers", cap_flop=1e26), "levers[0].cap_flop = 1e+26: is no key of this lever"),
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
def stepped(quarters, *levers, sets=(), runs=2, sizes=()):
    """Return a small simulation after some quarters, with twelve to come; whoever lets it go on takes a copy."""
    simulation = Simulation([under(base(quarters + 12, *sets), *levers, **dict(sizes))] * runs, run_seeds(11, 0, runs))
    for _ in range(quarters):
        simulation.step()
    assert simulation.failures == []
    return simulation


def begun(simulation):
    """Return a copy of a simulation at the beginning of its next quarter."""
    simulation = copy.deepcopy(simulation)
    world = simulation.world
    world.quarter, world.rules = simulation.quarter, simulation.rules[simulation.quarter]
    world.draws = Draws(simulation.seeds, simulation.quarter)
    world.ledger.open()
    return simulation


def act(world, name):
    """Let one phase happen."""
    [phase] = [phase for phase in QUARTER if phase.name == name]
    phase.function(Window(world, name, phase.writes))


def hand_made(columns, rules, quarter=0, **rows):
    """Return one run of the model's own tables with some columns and rules set, at the beginning of a quarter."""
    world = real_world(1, **rows)
    for name, values in columns.items():
        array = world.array(name)
        array[...] = np.reshape(np.array(values, array.dtype), array.shape)
    world.rules = SimpleNamespace(**{section: SimpleNamespace(**{k: np.array([[v]]) for k, v in told.items()}) for section, told in rules.items()})
    world.quarter, world.draws, world.lasting = quarter, Draws(np.array([1], np.uint64), quarter), Draws(np.array([1], np.uint64), -1)
    world.ledger.open()
    return world


def shares_stock(world, name):
    return [column for column in world.declared[name].columns if column.lives in (STOCK, PIPELINE)]


def conserved(world):
    """Return the breaches of what one phase alone must keep."""
    kept = ("conserved", "dead", "owner", "stake", "credits", "customers", "negative", "finite")
    return [breach for breach in broken(world) if any(word in breach.identity for word in kept)]


def goes_on(simulation, quarters=8):
    """Let the rest of the quarter, and some more, happen in a copy."""
    simulation = copy.deepcopy(simulation)
    for _ in range(quarters):
        simulation.step()
    assert simulation.failures == []
    return simulation.world


# Documentation mandate ------------------------------------------------------------------------------


@pytest.mark.parametrize(("required", "of_old", "expected"), [
    (0.0, 0.0, [0.25, 0.45, 0.9, 0.2, 0.0]),  # the law has been lifted
    (0.6, 0.0, [0.6, 0.45, 0.9, 0.3, 0.0]),  # what was demanded at launch, and no more than today
    (0.8, 0.5, [0.8, 0.5, 0.9, 0.5, 0.0]),
])
def test_openness_is_at_least_what_the_law_demands(required, of_old, expected):
    world = hand_made({"makers.alive": (1, 1, 1, 1, 0), "makers.own_openness": (0.25, 0.45, 0.9, 0.2, 0.2), "makers.openness_due": (0.8, 0, 0.8, 0.3, 0.8)},
                      {"documentation": {"rule": 1, "delay_quarters": 8.0, "mandated_openness": 0.8, "required_openness": required, "required_of_old": of_old}})
    act(world, "documentation_opens")
    assert world.array("makers.openness")[0].tolist() == expected


MANDATE = use("documentation_mandate", "2018Q4", ramp_quarters=1, announced_quarters=0)


def test_chips_on_sale_are_opened_unless_they_are_spared():
    everybody, spared = (stepped(5, replace(MANDATE, grandfathered=g), runs=3).world for g in (0, 1))
    alive, openness = (everybody.array(f"makers.{name}") for name in ("alive", "openness"))
    assert np.all(openness[alive > 0] >= 0.8)
    alive, openness, age, own = (spared.array(f"makers.{name}") for name in ("alive", "openness", "quarters_since_launch", "own_openness"))
    new = (alive > 0) & (age <= 1)  # the law came in the fourth quarter, this was the fifth
    old = (alive > 0) & (age > 1)
    assert new.any()
    assert old.any()
    assert np.all(openness[new] >= 0.8)
    assert np.array_equal(openness[old], own[old])
    assert np.all(own[old] < 0.8)


# Switching ban --------------------------------------------------------------------------------------


def tenants(exit_right, offered=(0, 5), **more):
    """Return the world after seven startups under contract with the first of two clouds have chosen; none is inert."""
    held = {"alive": 1, "birth": range(1, 8), "provider": 0, "backer": 2, "reserved_pflop_hours": 10, "contract_quarters": 3}
    clouds = {"clouds.alive": 1, "clouds.sells": 1, "clouds.rents_out": 1, "clouds.tenant_share": 1, "clouds.contested_rent_usd": 1, "clouds.active_pflops": offered}
    columns = {f"startups.{name}": np.broadcast_to(list(value) if isinstance(value, range) else value, 7) for name, value in (held | more).items()}
    columns |= {name: np.broadcast_to(value, 2) for name, value in clouds.items()}
    rules = {"clouds": {"provider_elasticity": 1.0, "provider_inertia": 0.0}, "contracts": {"exit_right": exit_right}}
    world = hand_made(columns, rules, startups=7, clouds=2)
    act(world, "startups_choose_providers")
    return [world.array(f"startups.{name}")[0].tolist() for name in ("provider", "reserved_pflop_hours", "contract_quarters")]


def test_a_tenant_under_contract_leaves_with_an_exit_right_and_its_contract_ends():
    assert tenants(exit_right=0.0) == [[0] * 7, [10] * 7, [3] * 7]
    assert tenants(exit_right=1.0) == [[1] * 7, [0] * 7, [0] * 7]


def test_who_stays_keeps_its_contract():
    assert tenants(exit_right=1.0, offered=(5, 0)) == [[0] * 7, [10] * 7, [3] * 7]


def test_credits_and_a_backer_still_bind():
    assert tenants(exit_right=1.0, credits_usd=(1, 0, 0, 0, 0, 0, 1), backer=(2, 2, 2, 0, 2, 2, 2))[0] == [0, 1, 1, 0, 1, 1, 0]


def test_a_part_of_an_exit_right_is_for_a_part_of_tenants():
    provider, reserved, _ = tenants(exit_right=0.5)
    drawn = Draws(np.array([1], np.uint64), -1).uniform("right to leave a contract", np.arange(1, 8, dtype=np.uint64)[None, :])
    assert provider == (drawn[0] < 0.5).astype(int).tolist()
    assert {0, 1} == set(provider)
    assert reserved == [10 * (1 - p) for p in provider]


# Public cloud ---------------------------------------------------------------------------------------

PUBLIC = use("public_cloud", "2018Q4", ramp_quarters=1)


def row_of(configuration, name):
    [place] = [place for place, owner in enumerate(configuration.cast.clouds) if owner.name == name]
    return place


def test_a_public_cloud_is_founded_with_four_quarters_of_its_budget():
    simulation = begun(stepped(3, PUBLIC))
    world, place = simulation.world, row_of(base(15), "Public cloud")
    offered = world.array("clouds.active_pflops") * world.array("clouds.rents_out")
    rent = (world.array("clouds.contested_rent_usd") * offered).sum(axis=1) / offered.sum(axis=1)
    assert not world.array("clouds.alive")[:, place].any()
    act(world, "ordered_events_happen")
    assert world.array("clouds.alive")[:, place].tolist() == [1, 1]
    assert world.array("clouds.cash_usd")[:, place].tolist() == [4 * 5e9] * 2
    assert world.array("clouds.rents_out")[:, place].tolist() == [1, 1]
    assert world.array("clouds.contested_rent_usd")[:, place] == pytest.approx(rent)
    assert conserved(world) == []
    act(world, "ordered_events_happen")
    assert world.array("clouds.cash_usd")[:, place].tolist() == [4 * 5e9] * 2, "founded once"
    act(world, "owners_find_money")
    assert world.array("clouds.cash_usd")[:, place].tolist() == [5 * 5e9] * 2
    assert world.ledger.sides["public money"][1].tolist() == [[5 * 5e9]] * 2


def test_a_public_cloud_rents_out_at_full_cost_at_most_and_grows():
    simulation, place = copy.deepcopy(stepped(4, PUBLIC)), row_of(base(16), "Public cloud")
    world, rented = simulation.world, 0.0
    for _ in range(12):
        rent, cost = (world.array(f"clouds.{name}")[:, place] for name in ("contested_rent_usd", "full_cost_usd"))
        assert np.all((rent > 0) & (rent <= cost))
        rented = rented + world.array("clouds.rented_pflop_hours")[:, place]
        simulation.step()
    assert simulation.failures == []
    assert np.all(rented > 0)
    assert np.all(world.array("clouds.fleet_pflops")[:, :, place].sum(axis=0) > 0)


@pytest.mark.parametrize(("kind", "list_rent", "expected"), [
    (1, 0.0, 4.0), (3, 0.0, 2.4), (3, 1.0, 1.0), (1, 3.0, 3.0),  # rent 4; cost 2 at a public rent of 1.2; a list price below either
])
def test_the_rent_of_a_public_cloud_is_bounded_by_its_cost(kind, list_rent, expected):
    cloud = worlds.one_cloud(contested_rent_usd=4.0, list_rent_usd=list_rent, full_cost_usd=2.0, kind=kind)
    rules = worlds.rental_rules(rent_speed=0.1, rent_step=0.1, rent_floor=1.0, public_rent=1.2)
    assert worlds.next_rent(cloud, 10.0, 10.0, 0.1, rules)[0, 0] == pytest.approx(expected)


def test_a_public_cloud_outlives_its_lever_and_is_not_founded_again():
    twice = (replace(PUBLIC, end="2019Q2"), replace(PUBLIC, start="2019Q4"))
    result = market_abm.run(under(base(12), *twice), runs=2, seed=3, record="none")
    entries = result.events[(result.events["event"] == "entry") & (result.events["agent"] == "Public cloud")]
    assert entries[["run", "quarter"]].to_numpy().tolist() == [[0, "2018Q4"], [1, "2018Q4"]]
    assert result.failures == []
    place = row_of(base(12), "Public cloud")
    assert stepped(7, *twice).world.array("clouds.alive")[:, place].tolist() == [1, 1]  # 2019Q3, while no lever pays


# Faster grid ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("factor", "study", "granted", "quoted"), [
    (1.0, 1.0, 10, 90 / 10 + 1 + 3), (2.0, 1.0, 20, 80 / 20 + 1 + 3), (2.0, 3.0, 0, 100 / 20 + 3 + 3), (2.0, 1.5, 20, 80 / 20 + 1.5 + 3),
])
def test_slots_are_multiplied_and_studies_shortened(factor, study, granted, quoted):
    world = hand_made({"regions.alive": 1, "regions.slots_mw": 10, "clouds.alive": (1, 1)},
                      {"energy": {"slots_growth": 1.0, "slots_factor": factor, "study_quarters": study, "building_quarters": 3, "queue": 1, "connection": 0,
                                  "withdrawal": 0.0, "withdrawal_growth": 0.0, "wait_memory": 0.5}}, quarter=2, regions=1, clouds=2, ages=40)
    queue = world.array("clouds.queued_mw")
    queue[0, 0, 0] = (25.0, 75.0)  # asked for in the first quarter, two ago
    act(world, "queue_advances")
    assert world.array("regions.granted_mw").item() == pytest.approx(granted)
    assert world.array("clouds.sites_mw")[5, 0, 0] == pytest.approx([granted / 4, 3 * granted / 4])
    assert queue.sum() == pytest.approx(100 - granted)
    assert world.array("regions.quoted_wait_quarters").item() == pytest.approx(quoted)
    assert world.array("regions.slots_mw").item() == 10, "the state adds to the path and does not move it"


# Break-up -------------------------------------------------------------------------------------------

BREAK_UP = use("break_up", "2021Q1")
PART = (("break_up_share", 0.3),)


def test_the_largest_cloud_is_divided_by_share():
    simulation = begun(stepped(12, BREAK_UP, sets=EAGER, sizes=PART))
    world, spare = simulation.world, len(simulation.cast.clouds)
    fleet = world.array("clouds.fleet_pflops").sum(axis=0)
    rents = [owner.kind == "hyperscaler" and owner.rents_out > 0 for owner in simulation.cast.clouds] + [False, False]
    before = {f"clouds.{c.name}": world.array(f"clouds.{c.name}").copy() for c in shares_stock(world, "clouds")}
    pull, provider = world.array("clouds.new_workload_pull").copy(), world.array("startups.provider").copy()
    act(world, "largest_cloud_is_divided")
    assert conserved(world) == []
    for run in range(2):
        old = int(np.where(rents, fleet[run], -1).argmax())
        assert fleet[run, old] > 0
        for name, stock in before.items():
            now = world.array(name)[..., run, :]
            if name != "clouds.credits_owed_usd":  # which goes where the tenants go
                np.testing.assert_allclose(now[..., spare], 0.3 * stock[..., run, old], rtol=1e-12, err_msg=name)
                np.testing.assert_allclose(now[..., old], 0.7 * stock[..., run, old], rtol=1e-12, err_msg=name)
            others = np.delete(np.arange(spare), old)
            np.testing.assert_allclose(now[..., others], stock[..., run, others], rtol=1e-12, err_msg=name)
        assert world.array("clouds.new_workload_pull")[run, [old, spare]] == pytest.approx([0.7 * pull[run, old], 0.3 * pull[run, old]])
        stays = provider[run] != old
        assert np.array_equal(world.array("startups.provider")[run, stays], provider[run, stays])


def test_who_rents_nothing_out_is_not_divided_however_large():
    simulation = begun(stepped(12, BREAK_UP, sets=EAGER, sizes=PART))
    world, names = simulation.world, [owner.name for owner in simulation.cast.clouds]
    meta, spare, fleet = names.index("Meta"), len(names), world.array("clouds.fleet_pflops")
    fleet[:, :, meta] *= 1e6
    before = fleet[:, :, meta].copy()
    act(world, "largest_cloud_is_divided")
    assert np.array_equal(fleet[:, :, meta], before)
    assert world.array("clouds.alive")[:, spare].tolist() == [1, 1]


def test_tenants_fall_to_either_part_by_lot_and_take_their_credits_along():
    simulation = begun(stepped(12, BREAK_UP, sets=EAGER, sizes=PART))
    world, spare = simulation.world, len(simulation.cast.clouds)
    before, backer = world.array("startups.provider").copy(), world.array("startups.backer").copy()
    lot = world.draws.uniform("which part of a divided cloud", world.array("startups.birth"))
    act(world, "largest_cloud_is_divided")
    provider, credits = world.array("startups.provider"), world.array("startups.credits_usd")
    for run in range(2):
        [old] = set(before[run, provider[run] == spare].tolist())
        tenants_before = before[run] == old
        goes = tenants_before & (lot[run] < 0.3) & (backer[run] == world.rows["clouds"])
        assert np.array_equal(provider[run] == spare, goes)
        assert np.array_equal(provider[run] == old, tenants_before & ~goes)
        owed = world.array("clouds.credits_owed_usd")[run]
        assert owed[spare] == pytest.approx(credits[run, goes].sum())
        assert owed[old] == pytest.approx(credits[run, tenants_before & ~goes].sum())
        assert owed[old] > 0


def test_a_cloud_is_divided_once_and_both_parts_live_on():
    simulation = stepped(12, BREAK_UP, sets=EAGER, sizes=PART)
    spare = len(simulation.cast.clouds)
    assert not simulation.world.array("clouds.alive")[:, spare:].any()
    world = goes_on(simulation)
    assert world.array("clouds.alive")[:, spare:].tolist() == [[1, 0]] * 2
    assert np.all(world.array("clouds.active_pflops")[:, spare] > 0)
    assert world.array("market.broken_up").tolist() == [[1], [1]]


# Structural separation ------------------------------------------------------------------------------

SEPARATION = use("structural_separation", "2021Q1")


def test_labs_become_startups_with_capability_customers_and_money():
    simulation = begun(stepped(12, SEPARATION))
    world = simulation.world
    names = [owner.name for owner in simulation.cast.clouds]
    before = {c.name: world.array(f"clouds.{c.name}").copy() for c in world.declared["clouds"].columns}
    people = world.rules.training.people_share
    ahead = 4.0 * ((1 + people) * before["lab_funded_usd"] + before["lab_serving_usd"])
    paid = np.minimum(np.maximum(before["cash_usd"], 0), ahead)
    alive = world.array("startups.alive").sum(axis=1)
    shares = world.array("startups.ai_share").sum(axis=1) + before["ai_share"].sum(axis=1)
    act(world, "labs_are_let_go")
    assert conserved(world) == []
    gone = [names.index(name) for name in ("Amazon", "Microsoft", "Google", "Alibaba")]
    assert world.array("startups.alive").sum(axis=1).tolist() == (alive + len(gone)).tolist()
    startup = {c.name: world.array(f"startups.{c.name}") for c in world.declared["startups"].columns if not c.by}
    for run, owner in itertools.product(range(2), gone):
        [place] = np.flatnonzero(startup["birth"][run] == lab_birth(before["birth"][run, owner : owner + 1]))
        for name in ("effective_flop", "ai_share", "ai_revenue_usd"):
            assert startup[name][run, place] == before[name][run, owner] > 0, name
            assert world.array(f"clouds.{name}")[run, owner] == 0, name
        assert startup["budget_usd"][run, place] == before["lab_budget_usd"][run, owner]
        assert (startup["provider"][run, place], startup["founders_share"][run, place]) == (owner, 1)
        assert startup["skill"][run, place] == pytest.approx(np.exp(before["insight"][run, owner]))
        assert startup["cash_usd"][run, place] == paid[run, owner] > 0
        assert world.array("clouds.cash_usd")[run, owner] == before["cash_usd"][run, owner] - paid[run, owner]
        assert world.array("clouds.has_lab")[run, owner] == 0
    now = world.array("startups.ai_share").sum(axis=1) + world.array("clouds.ai_share").sum(axis=1)
    assert now == pytest.approx(shares)


def test_who_rents_nothing_out_keeps_its_lab_and_no_other_gets_one_back():
    world = goes_on(stepped(12, SEPARATION))
    names = [owner.name for owner in stepped(12, SEPARATION).cast.clouds]
    assert {name for name, lab in zip(names, world.array("clouds.has_lab")[0], strict=False) if lab} == {"Meta"}
    without = (world.array("clouds.has_lab") == 0) & (world.array("clouds.alive") > 0)
    for name in ("training_pflop_hours", "serving_pflop_hours", "ai_revenue_usd", "run_flop", "lab_funded_usd"):
        assert not world.array(f"clouds.{name}")[without].any(), name
    assert np.all(world.array("startups.backer") == world.rows["clouds"])


def test_a_lab_gets_no_more_than_its_owner_has_and_what_finds_no_room_stays():
    simulation = begun(stepped(12, SEPARATION))
    world = simulation.world
    names = [owner.name for owner in simulation.cast.clouds]
    world.array("startups.occupied")[1] = 1.0  # every slot is taken but two
    world.array("startups.occupied")[1, [100, 120]] = 0.0
    cash = world.array("clouds.cash_usd")
    cash[0, names.index("Google")], cash[0, names.index("Amazon")] = 1e6, -5e6
    world.ledger.open()
    act(world, "labs_are_let_go")
    kept = {name for name, lab in zip(names, world.array("clouds.has_lab")[1], strict=False) if lab}
    assert len({"Amazon", "Microsoft", "Google", "Alibaba"} & kept) == 2
    assert world.array("startups.alive")[1, [100, 120]].tolist() == [1, 1]
    assert cash[0, [names.index("Google"), names.index("Amazon")]].tolist() == [0, -5e6]
    assert [breach for breach in conserved(world) if "negative" not in breach.identity] == []


def test_half_a_separation_reaches_the_same_owners_for_good():
    half = replace(SEPARATION, strength=0.5)
    simulation = stepped(12, half, runs=8)
    births, labs_then = simulation.world.array("clouds.birth").copy(), simulation.world.array("clouds.has_lab").copy()
    world = goes_on(simulation, 4)
    lot = world.lasting.uniform("falls under separation", births)
    reached = (labs_then > 0) & (lot < 0.5) & (world.array("clouds.rents_out") > 0)
    assert np.array_equal(world.array("clouds.has_lab"), labs_then * ~reached)
    assert 0 < reached.sum() < 8 * 4


# Chip neutrality ------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [(1, 1, 1), (100, 1, 0), (0, 0, 5)])
def test_scarce_chips_go_by_orders_whoever_the_buyers_are(weights):
    got = ALLOCATION["relationship"](row(10, 30, 60), row(50), row(*weights), row(0, 0, 0), row(1))
    assert got[0] == pytest.approx([5, 15, 30])


def test_under_neutrality_every_buyer_gets_the_same_part_of_its_order():
    for lever, equal in ((use("chip_neutrality", "2018Q1"), True), (None, False)):
        simulation = begun(stepped(8, *filter(None, [lever])))
        world = simulation.world
        world.array("makers.inventory_pflops")[...] = 0.0
        world.array("makers.inventory_mw")[...] = 0.0
        world.array("makers.capacity_chips")[...] *= 0.2  # scarce
        world.array("clouds.cash_usd")[...] = 1e14  # whoever orders can pay
        world.ledger.open()
        slots = len(world.array("clouds.ordered_pflops"))
        due = world.array("clouds.overdue_pflops") + world.array("clouds.ordered_pflops")[8 % slots]
        act(world, "chips_are_made_and_delivered")
        got = world.array("clouds.delivered_pflops")
        for run in range(2):
            wanted = due[0, run] > 1e-9  # of NVIDIA's chips
            part = got[0, run, wanted] / due[0, run, wanted]
            assert len(part) > 5
            assert part.mean() < 0.9
            assert (np.ptp(part) < 1e-9) == equal


# Compute vouchers -----------------------------------------------------------------------------------


def test_a_voucher_pays_what_it_can_and_the_startup_the_rest():
    simulation = copy.deepcopy(stepped(11, use("compute_vouchers", "2018Q1", ramp_quarters=1), sizes=(("voucher_usd", 3e5),), sets=EAGER))
    simulation.step()
    world = simulation.world
    alive, bill, credits, paid = (world.array(f"startups.{name}") for name in ("alive", "billed_usd", "credit_rent_usd", "voucher_usd"))
    still = (alive > 0) & (paid > 0)
    assert paid[still] == pytest.approx(np.minimum(3e5, (bill - credits)[still]))
    assert ((bill - credits)[still] > 3.1e5).any()
    assert ((bill - credits)[still] < 2.9e5).any()


def test_money_of_vouchers_goes_from_the_state_to_the_cloud():
    simulation = begun(stepped(11, use("compute_vouchers", "2018Q1", ramp_quarters=1), sizes=(("voucher_usd", 3e5),), sets=EAGER))
    world = simulation.world
    for name in ("startups_choose_providers", "labs_set_budgets", "own_chips_come_first", "contracts_are_signed"):
        act(world, name)
    cash = {name: world.array(f"{name}.cash_usd").copy() for name in ("startups", "clouds")}
    act(world, "compute_is_priced_and_shared")
    bill, used, voucher = (world.array(f"startups.{name}") for name in ("billed_usd", "credit_rent_usd", "voucher_usd"))
    assert voucher == pytest.approx(np.minimum(3e5 * world.array("startups.alive"), bill - used))
    np.testing.assert_allclose(cash["startups"] - world.array("startups.cash_usd"), bill - used - voucher, rtol=1e-6, atol=1e-3)
    earned = world.array("clouds.cash_usd") - cash["clouds"]
    np.testing.assert_allclose(earned, world.array("clouds.rent_usd"), rtol=1e-6, atol=1e-2)
    sides = world.ledger.sides
    assert sides["compute vouchers"][1][:, 0] == pytest.approx(voucher.sum(axis=1))
    assert sides["startup rent"][0][:, 0] == pytest.approx((bill - used - voucher).sum(axis=1))
    assert sides["startup rent"][1][:, 0] == pytest.approx((bill - used - voucher).sum(axis=1))
    assert voucher.sum() > 1e6


@pytest.mark.parametrize(("cash", "voucher", "expected"), [
    (0, 0, 0), (0, 40, 40), (0, 90, 60),  # no money: the voucher, up to the budget of 60
    (80, 0, 20), (80, 30, 50), (80, 70, 60),  # a quarter of what it has, and the voucher
])
def test_a_voucher_adds_to_what_a_startup_can_train(cash, voucher, expected):
    startup = SimpleNamespace(cash_usd=row(cash), wages_usd=row(0), credits_usd=row(0), ai_share=row(0), budget_usd=row(60))
    rules = SimpleNamespace(reserve_quarters=1.0, serving_cap=0.9, spending_quarters=4.0)
    got = startups.spending(startup, row(0), rules, 0.5, row(voucher))
    assert (got.training_usd.item(), got.serving_usd.item()) == (expected, 0)


def test_vouchers_count_as_funding_for_founders():
    market = SimpleNamespace(venture_pool_usd=row(3e7), frontier_cost_usd=row(0.0))
    rules = SimpleNamespace(entry_cost_usd=2e7, entry_run_share=0.1, voucher_usd=1e6, talent_pool=40, entry_rate=12.0, entry_cap=3.0)
    # a year of 30 m and ten vouchers of 1 m, by ten startups at 20 m: .8; a quarter of the talent pool is used
    assert startups.founders(row(*[1] * 10), market, rules).item() == pytest.approx(12 * 0.8 * 0.75)


# Training cap ---------------------------------------------------------------------------------------

TRAINING = {"final_run_share": 0.1, "cluster_limit_chips": 1e9, "cluster_exponent": 0.5}


@pytest.mark.parametrize(("tightness", "part"), [(0.0, 1.0), (1.0, 0.1), (0.5, 0.2), (0.05, 1.0)])
def test_a_run_of_ten_times_the_cap_is_cut_to_it_hours_and_cluster_alike(tightness, part):
    training = SimpleNamespace(**TRAINING, cap_tightness=row(tightness))
    rules = SimpleNamespace(training=training, policy=SimpleNamespace(cap_flop=row(7.2e22)))
    # a year of 4 million hours, a tenth of it at half of the peak: 4e5 x 3.6e18 x .5 = 7.2e23
    run = labs.training_run(row(1e6), row(0.5), row(1.0), row(100.0), training, labs.largest_allowed(rules))
    assert run.flop.item() == pytest.approx(part * 7.2e23)
    assert (run.pflop_hours.item(), run.pflops.item()) == pytest.approx((part * 4e5, part * 4e5 / 2400))
    assert run.flop.item() == pytest.approx(run.pflop_hours.item() * FLOP_PER_PFLOP_HOUR * 0.5 * run.efficiency.item())


def test_runs_below_the_cap_and_labs_without_a_run_are_left_alone():
    run = labs.training_run(row(1e6, 0, 1e6), row(0.5, 0.5, 0.0), row(1, 1, 1), row(100.0), SimpleNamespace(**TRAINING), row(7.3e23))
    assert run.flop[0] == pytest.approx([7.2e23, 0, 0])
    assert run.pflop_hours[0].tolist() == [4e5, 0, 4e5]


@pytest.mark.parametrize(("budget", "rent", "utilisation", "tightness", "expected"), [
    # 7.2e22 are 1e5 hours a quarter of research at half of the peak: 2e5 USD at 2 USD an hour
    (1e6, 2.0, 0.5, 1.0, 2e5), (1e5, 2.0, 0.5, 1.0, 1e5), (1e6, 2.0, 0.5, 0.25, 8e5), (1e7, 2.0, 0.5, 0.1, 2e6), (1e6, 2.0, 0.5, 0.0, 1e6),
    (1e6, 0.0, 0.5, 1.0, 1e6), (1e6, 2.0, 0.0, 1.0, 1e6), (1e6, 0.0, 0.0, 0.0, 1e6),  # without a rent or chips nothing is known
])
def test_a_budget_is_cut_to_what_the_largest_run_allowed_needs(budget, rent, utilisation, tightness, expected):
    rules = SimpleNamespace(training=SimpleNamespace(**TRAINING, cap_tightness=row(tightness)), policy=SimpleNamespace(cap_flop=row(7.2e22)))
    assert labs.capped_budget(row(budget), row(rent), row(utilisation), rules).item() == pytest.approx(expected)


def test_no_run_of_a_market_exceeds_the_cap():
    cap = 0.5 * stepped(8).world.array("market.frontier_run_flop").max()
    config = under(base(20), use("training_cap", "2020Q1"), cap_flop=float(cap))
    free, capped = (simulate([each] * 3, run_seeds(11, 0, 3)) for each in (base(20), config))
    place = free.names.index("frontier_run_flop")
    assert capped.failures == ()
    assert same_bits(capped.values[:, :8], free.values[:, :8])
    assert np.all(capped.values[place, 8:] <= cap * (1 + 1e-12))
    assert np.all(capped.values[place, 8:].max(axis=0) >= 0.99 * cap)
    assert np.all(free.values[place, 8:].max(axis=0) > cap)


# Stake limit ----------------------------------------------------------------------------------------


def test_stakes_are_sold_at_the_last_value_and_a_rest_whole():
    columns = {"startups.alive": (1, 1, 1, 0), "startups.valuation_usd": (100, 100, 1000, 0), "startups.ai_revenue_usd": (1, 5, 0, 0),
               "startups.venture_share": (0.3, 0.3, 0.3, 0), "startups.founders_share": (0.5, 0.65, 0.6988, 0), "clouds.alive": 1,
               "startups.stake": ((0.2, 0.0, 0.0, 0), (0.0, 0.05, 0.0012, 0)), "startups.holder": ((1, 2, 2, 2), (2, 0, 1, 2))}
    columns = {name: np.broadcast_to(value, 2) if name == "clouds.alive" else value for name, value in columns.items()}
    world = hand_made(columns, {"ownership": {"divestiture": 0.25, "revenue_multiple": 10.0}}, startups=4, clouds=2, holders=2)
    act(world, "stakes_are_divested")
    # a quarter of .2 at 100; a quarter of .05 at 200, ten years of revenue; .0012 would leave less than .001, so all of it at 1000
    assert world.array("startups.stake")[:, 0] == pytest.approx(np.array([[0.15, 0, 0, 0], [0, 0.0375, 0, 0]]))
    assert world.array("startups.venture_share")[0] == pytest.approx([0.35, 0.3125, 0.3012, 0])
    assert world.array("clouds.cash_usd")[0] == pytest.approx([0.0125 * 200, 0.05 * 100 + 0.0012 * 1000])
    assert world.ledger.sides["stakes divested"][1].item() == pytest.approx(2.5 + 6.2)
    assert conserved(world) == []


@pytest.mark.parametrize("spared", [0, 1])
def test_clouds_buy_no_more_stakes_and_sell_old_ones_unless_they_are_spared(spared):
    simulation = stepped(12, use("stake_limit", "2021Q1", grandfathered=spared), sets=EAGER)
    world = simulation.world
    before, birth = world.array("startups.stake").copy(), world.array("startups.birth").copy()
    backed = world.array("startups.backer") < world.rows["clouds"]
    assert before.sum() > 1
    assert backed.any()
    world = goes_on(simulation, 6)
    stake = world.array("startups.stake")
    new = world.array("startups.birth") != birth
    assert not stake[:, new].any(), "founded since"
    assert np.all((stake <= np.where(spared, before, before * 0.75**6) * (1 + 1e-12)) | (backed & bool(spared)))  # spared, backing goes on
    assert (world.array("startups.backer") < world.rows["clouds"]).any() == bool(spared)
    assert (world.array("clouds.backing_usd").max() > 0) == bool(spared)
    assert bool(stake.any())


# Every lever ----------------------------------------------------------------------------------------


def outcomes(configurations, runs, seed=5):
    """Run configurations on the same seeds in one batch; return `(metrics, quarters, configurations, runs)` and the failures."""
    outcome = simulate([each for each in configurations for _ in range(runs)], np.tile(run_seeds(seed, 0, runs), len(configurations)))
    values = outcome.values.reshape(*outcome.values.shape[:2], len(configurations), runs)
    return values, [(failure.run // runs, failure) for failure in outcome.failures]


def test_a_lever_that_never_starts_or_has_no_strength_changes_no_bit():
    plain = base(12)
    idle = [use(name, "2021Q1") for name in CATALOGUE]  # the quarter after the last
    idle += [use(name, "2019Q1", strength=0.0) for name in CATALOGUE]
    idle += [use(name, "2015Q1", end="2018Q1") for name in CATALOGUE]
    values, failures = outcomes([plain, *(under(plain, lever) for lever in idle)], 3)
    assert failures == []
    for place, lever in enumerate(idle, 1):
        assert same_bits(values[:, :, place].copy(), values[:, :, 0].copy()), lever


def test_with_any_lever_in_force_no_identity_breaks_and_every_lever_does_something():
    plain = base(24, *EAGER)
    uses = [use(name, "2019Q1", ramp_quarters=1, announced_quarters=0, grandfathered=0, strength=1.0) for name in CATALOGUE]
    values, failures = outcomes([plain, *(under(plain, lever, cap_flop=1e22) for lever in uses)], 8)
    assert [(uses[place - 1].name, failure) for place, failure in failures] == []
    for place, lever in enumerate(uses, 1):
        before, after = (same_bits(values[:, part, place].copy(), values[:, part, 0].copy()) for part in (slice(0, 4), slice(4, None)))
        assert (before, after) == (True, False), lever.name


def test_two_levers_compose_to_the_same_bits_in_either_order():
    plain = base(12)
    pairs = list(itertools.combinations(NEW, 2))
    both = [tuple(use(name, start) for name, start in zip(pair, ("2018Q3", "2019Q1"), strict=True)) for pair in pairs]
    values, failures = outcomes([under(plain, *levers) for pair in both for levers in (pair, pair[::-1])], 1)
    assert failures == []
    for place, pair in enumerate(pairs):
        assert same_bits(values[:, :, 2 * place].copy(), values[:, :, 2 * place + 1].copy()), pair


@st.composite
def policies(draw):
    """Draw a policy: some of the new levers, each from a quarter of its own, as strong and as slow as it likes."""
    levers = []
    for name in draw(st.lists(st.sampled_from(NEW), unique=True, min_size=1, max_size=6)):
        start, long = draw(st.integers(-3, 11)), draw(st.sampled_from([0, 1, 3, 20]))
        told = {"strength": draw(st.sampled_from([0.2, 0.5, 1.0])), "end": quarter_label(start + long, "2018Q1") if long else ""}
        if not CATALOGUE[name].once:
            told |= {"ramp_quarters": draw(st.sampled_from([1, 2.5, 6])), "announced_quarters": draw(st.sampled_from([0, 3]))}
        if CATALOGUE[name].grandfathers:
            told["grandfathered"] = draw(st.integers(0, 1))
        levers.append(use(name, quarter_label(start, "2018Q1"), **told))
    return tuple(levers)


def amended_by(name, rules):
    """Return the numbers that a lever amends, quarter by quarter."""
    keys = [amendment.key.split(".") for amendment in CATALOGUE[name].amends]
    return [[getattr(getattr(now, section), number).item() for section, number in keys] for now in rules]


@settings(max_examples=8)
@given(st.lists(policies(), min_size=6, max_size=6))
def test_whatever_is_put_together_no_run_fails_and_enacted_levers_stand(chosen):
    plain = base(14, *EAGER)
    configurations = [under(plain, *levers, cap_flop=1e22) for levers in chosen]
    _, failures = outcomes(configurations, 1, seed=len(chosen[0]))
    assert [(chosen[place], failure) for place, failure in failures] == []
    enacted = replace(plain, frame=replace(plain.frame, start="2022Q1"))  # so that they are in force
    alone = rules_in_force([enacted], 14)
    for levers in chosen:
        moved = tuple(replace(lever, start=f"{int(lever.start[:4]) + 4}{lever.start[4:]}", end="") for lever in levers)
        together = rules_in_force([under(enacted, *moved)], 14)
        for name in ENACTED:
            if name == "export_control" or not any(lever.name == "switching_ban" for lever in levers):
                assert amended_by(name, together) == amended_by(name, alone), name

"""Owners make chips of their own and go back to merchants; merchants enter and fail; software is carried along."""

import functools
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from files import write_small
from hypothesis import given
from hypothesis import strategies as st
from worlds import fill, real_world, row, same_bits

import market_abm
from market_abm.behaviour import chip_makers, clouds, integration
from market_abm.checks import broken
from market_abm.engine import Simulation, run_seeds, simulate
from market_abm.exact import stacked
from market_abm.parameters.loading import load
from market_abm.randomness import Draws
from market_abm.state.columns import IDENTITY, LINK
from market_abm.state.lifecycle import vacate
from market_abm.state.tables import IN_HOUSE, MERCHANT

BASE = Path(market_abm.__file__).parent.parent / "configs" / "base.toml"
SMALL = ("frame.startup_slots=128", "startups.opening=60", "startups.talent_pool=100")
NAMES = [maker.name for maker in load(BASE).cast.makers]
GOOGLE_CHIPS, GOOGLE = NAMES.index("Google chips"), 2

pytestmark = pytest.mark.usefixtures("quiet")


def view(**columns):
    """Return a stand-in for a table or for a section of the rules: single numbers become one row."""
    return SimpleNamespace(**{k: row(v) if isinstance(v, int | float) else v for k, v in columns.items()})


def near(expected):
    return pytest.approx(np.asarray(expected, dtype=float), rel=1e-12)


def waiting(amount):
    return SimpleNamespace(waiting=lambda: amount)


# What an owner orders from its own maker --------------------------------------------------------------


# Three makers (two merchants, the second owner's own), two owners; the number of owners means nobody.
MAKERS = {"alive": row(1, 1, 1), "kind": row(MERCHANT, MERCHANT, IN_HOUSE), "parent": np.array([[2, 2, 1]]),
          "capacity_chips": row(10, 0, 10)}


def test_in_house_chips_are_sold_to_the_parent_alone():
    own = integration.own_makers(view(**MAKERS), 2)
    assert own[:, 0].tolist() == [[False, False], [False, False], [False, True]]
    assert integration.for_sale(view(**MAKERS), own)[:, 0].tolist() == [[True, True], [False, False], [False, True]]  # the second makes none


def test_own_orders_are_cut_to_the_limit_and_merchants_get_the_rest():
    own = integration.own_makers(view(**MAKERS), 2)
    share = np.array([[[0.6, 0.2]], [[0.4, 0.0]], [[0.0, 0.8]]])
    assert integration.limit_own(share, own, row(0.5, 0.5))[:, 0] == near([[0.6, 0.5], [0.4, 0.0], [0.0, 0.5]])
    assert same_bits(integration.limit_own(share, own, row(0.0, 0.9)), share)
    alone = np.array([[[0.6, 0.0]], [[0.4, 0.0]], [[0.0, 1.0]]])
    assert same_bits(integration.limit_own(alone, own, row(0.5, 0.5)), alone)  # no merchant sells


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0, 1))
def test_cutting_own_orders_loses_none(parts, limit):
    share = np.array(parts).reshape(3, 1, 1) * np.ones(2)
    own = integration.own_makers(view(**MAKERS), 2)
    cut = integration.limit_own(share, own, row(limit, limit))
    assert stacked(cut) == pytest.approx(stacked(share))
    assert np.all(cut >= 0)


def test_the_limit_is_what_own_uses_and_willing_tenants_take_and_what_the_maker_can_make():
    # Tenants have .5 of capacity and accept .4: 1 - .5 x .6 = .7. Capacity 10 + 5 building, 2 PFLOP/s each,
    # times 1.5: 45 a quarter; orders of 100 in the book over 2 quarters: .9; of 180, .5.
    makers = view(**MAKERS, pflops_per_chip=row(2, 2, 2), capacity_building_chips=waiting(row(0, 0, 5)))
    rules, chips = view(tenant_acceptance=0.4, ramp=1.5), view(delivery_quarters=2)

    def limit(book):
        owners = view(alive=row(1, 1), tenant_share=row(0.5, 0.5), ordered_pflops=waiting(np.array([[[book, book]]])))
        return integration.own_limit(owners, makers, rules, chips)[0]

    assert limit(100.0) == near([0.0, 0.7])  # the first has no maker, and nothing can come from one
    assert limit(180.0) == near([0.0, 0.5])
    assert limit(0.0) == near([0.7, 0.7])


# Starting and giving up -------------------------------------------------------------------------------


# The better merchant is the second: 2 PFLOP/s, 400 W, 1000 USD before learning; the third place is free.
TECHNOLOGY = {"alive": row(1, 1, 0), "kind": row(MERCHANT, MERCHANT, IN_HOUSE), "parent": np.array([[2, 2, 1]]), "pflops_per_chip": row(1, 2, 0),
              "watts_per_chip": row(100, 400, 0), "base_cost_usd_per_chip": row(900, 1000, 0), "first_pflops_per_chip": row(1, 0.5, 0),
              "price_usd_per_pflops": row(50, 40, 0), "unit_cost_usd_per_pflops": row(20, 10, 0), "birth": np.array([[1, 2, 3]], np.uint64)}
RULES = {"allowed": 1, "drive": 0.1, "minimum_scale_chips": 100.0, "volume_exponent": 2.0, "age_exponent": 0.5, "design_usd": 1000.0,
         "design_elasticity": 0.5, "design_quarters": 4, "performance": 0.5, "performance_spread": 0.0, "watts_ratio": 0.8, "cost_ratio": 1.5,
         "tenant_acceptance": 0.4, "return_margin": 0.25}


def owners(book):
    """Return two owners, the second with orders of `book` PFLOP/s in two quarters, half its capacity its tenants'."""
    return view(alive=row(1, 1), tenant_share=row(0.5, 0.5), ordered_pflops=waiting(np.array([[[0.0, book]]])))


def test_a_new_design_follows_the_best_merchants_chip():
    got = integration.in_house_design(view(**TECHNOLOGY), view(**RULES), Draws(np.array([1], np.uint64), 0))
    assert [column[0, 2] for column in got] == near([1.0, 0.5 * 0.8 * 400, 0.5 * 1.5 * 1000, 0.5])


def test_designs_scatter_around_the_ratio():
    many = {name: np.repeat(column, 2000, axis=0) for name, column in TECHNOLOGY.items()}
    draws = Draws(np.arange(2000, dtype=np.uint64), 0)
    got = integration.in_house_design(view(**many), view(**RULES | {"performance_spread": 0.1}), draws).pflops_per_chip[:, 2]
    assert np.log(got).mean() == pytest.approx(0.0, abs=0.01)
    assert np.log(got).std() == pytest.approx(0.1, abs=0.01)


def test_a_design_costs_more_the_faster_the_chip():
    # Four times the first chip, to the power .5: twice 1000 USD, over 4 quarters.
    assert integration.design_cost(row(4.0), row(1.0), view(**RULES))[0] == near([500.0])


def test_a_design_pays_when_the_saving_on_own_volume_covers_it():
    # Own cost 1.5 x 10, saving 25 a PFLOP/s; design 1000 (.5 x 2 / .5)^.5; annuity for a year at 10%.
    fixed, annuity = 1000 * math.sqrt(2), (1 - math.exp(-0.1)) / 0.1
    volume = fixed / (25 * annuity)  # PFLOP/s a year that break even: .7 of four quarters' orders
    for factor, pays in ((1.001, True), (0.999, False)):
        book = 2 * factor * volume / 4 / 0.7
        got = integration.design_pays(owners(book), view(**TECHNOLOGY), row(0.1), view(**RULES), view(delivery_quarters=2))
        assert bool(got[0, 2]) is pays


def test_owners_integrate_with_psi_over_one_plus_psi():
    # Orders of 100 a quarter, .7 of them servable: 280 PFLOP/s a year are 140 chips, 1.4 of the scale; age 4.
    psi = 0.1 * 1.4**2 * 2.0
    for luck, starts in ((psi / (1 + psi) - 1e-9, True), (psi / (1 + psi) + 1e-9, False)):
        got = integration.integrates(owners(200.0), view(**TECHNOLOGY), row(4.0), view(**RULES), view(delivery_quarters=2), row(luck, luck, luck))
        assert bool(got[0, 2]) is starts
    assert not integration.integrates(owners(0.0), view(**TECHNOLOGY), row(4.0), view(**RULES), view(delivery_quarters=2), row(0.5, 0.5, 1e-9))[0, 2]


def behind(merchant_usd, quarters=3.0, programme=70.0):
    # Own chips: 10 USD and a design of 70 over 70 PFLOP/s a quarter, 1 more; both run at .4.
    makers = view(alive=row(1, 1), kind=row(MERCHANT, IN_HOUSE), parent=np.array([[2, 1]]), investment_usd_per_pflops=row(merchant_usd, 10.0),
                  programme_usd=row(0.0, programme), quarters_behind=row(0.0, quarters))
    buyers = owners(200.0)
    buyers.maker_utilisation = np.array([[[0.4, 0.4]], [[0.4, 0.4]]])
    return integration.quarters_behind(buyers, makers, integration.own_makers(makers, 2), view(**RULES), view(delivery_quarters=2))[0].tolist()


def test_a_parent_counts_how_long_merchants_have_been_the_better_buy_by_a_margin():
    assert behind(11.0 / 1.25 * 0.999) == [0.0, 4.0]
    assert behind(11.0 / 1.25 * 1.001) == [0.0, 0.0]
    assert behind(10.0 / 1.25 * 1.001, programme=0.0) == [0.0, 0.0]


def test_entrants_come_the_more_the_industry_earns():
    # Merchants earn 300 - 10 x 20 = 100 a quarter, 400 a year over a cost of entry of 800: odds .2 x .5.
    makers = view(alive=row(1, 1, 0), kind=row(MERCHANT, IN_HOUSE, MERCHANT), sales_usd=row(300, 900, 0), sold_pflops=row(10, 10, 0),
                  unit_cost_usd_per_pflops=row(20, 20, 0))
    rules = view(drive=0.2, cost_usd=800.0)
    assert integration.entrants_come(makers, rules, row(0.0, 0.0, 0.1 / 1.1 - 1e-9))[0, 2]
    assert not integration.entrants_come(makers, rules, row(0.0, 0.0, 0.1 / 1.1 + 1e-9))[0, 2]
    makers.sales_usd = row(100, 900, 0)
    assert not integration.entrants_come(makers, rules, row(0.0, 0.0, 1e-9))[0, 2], "a loss attracts nobody"


# Owners' portable software ----------------------------------------------------------------------------


def test_an_owner_depends_on_the_undocumented_maker_of_most_of_its_chips():
    # .8 of an open maker (.75 told) is .2; .2 of a closed one .2 x .9; own chips are no dependence.
    fleet, openness = np.array([[[8.0, 3.0]], [[2.0, 1.0]], [[0.0, 6.0]]]), np.array([[[0.75]], [[0.1]], [[0.0]]])
    own = integration.own_makers(view(**MAKERS), 2)
    assert clouds.dependence(fleet, openness, own)[0] == near([0.2, 0.09])


def test_engineers_write_with_diminishing_returns_and_software_goes_out_of_date():
    rules = view(portable_share=0.01, portable_growth=0.06, portable_reference_usd=20e6, ecosystem_decay=0.03)
    assert chip_makers.portable_spending(row(0.5), row(4e9), rules)[0] == near([20e6])
    assert chip_makers.portable_growth(row(0, 1, 1), row(20e6, 0.0, 60e6), rules)[0] == near([0.03, 0.97, 0.97 + 0.045])


# Lifecycle --------------------------------------------------------------------------------------------


def test_a_vacated_place_keeps_who_it_was_and_holds_nothing():
    world, rng = real_world(), np.random.default_rng(3)
    fill(world, rng, living=1.0)
    before = {c.name: world.array(f"makers.{c.name}").copy() for c in world.declared["makers"].columns}
    gone = np.zeros((3, 5), bool)
    gone[1, 2] = True
    vacate(world, "makers", gone)
    for column in world.declared["makers"].columns:
        array = world.array(f"makers.{column.name}")
        if column.lives in (IDENTITY, LINK) and column.name != "alive":
            assert same_bits(array, before[column.name]), column.name
        else:
            assert not array[..., 1, 2].any(), column.name
            assert np.array_equal(array[..., ~gone], before[column.name][..., ~gone]), column.name


# Whole runs -------------------------------------------------------------------------------------------


def configuration(quarters, *sets):
    return load(BASE, sets=[f"frame.quarters={quarters}", *SMALL, *sets])


@functools.cache
def stepped(quarters, *sets, runs=3):
    simulation = Simulation([configuration(quarters, *sets)] * runs, run_seeds(4, 0, runs))
    for _ in range(quarters):
        simulation.step()
    assert simulation.failures == []
    return simulation


def test_in_house_chips_are_in_the_parents_fleet_alone_and_make_no_profit():
    world = stepped(30, "integration.drive=1000").world
    kind, alive, parent = (world.array(f"makers.{name}") for name in ("kind", "alive", "parent"))
    in_house = (kind == IN_HOUSE) & (alive > 0)
    assert in_house.sum(axis=1).min() >= 3, "with such a drive most owners make chips"
    owner = np.arange(world.rows["clouds"])
    foreign = (np.moveaxis(kind == IN_HOUSE, -1, 0)[..., None]) & (np.moveaxis(parent, -1, 0)[..., None] != owner)
    for name in ("fleet_pflops", "supplier_share", "planned_pflops", "delivered_pflops"):
        assert not (world.array(f"clouds.{name}") * foreign).any(), name
    assert np.array_equal(world.array("makers.price_usd_per_pflops")[in_house], world.array("makers.unit_cost_usd_per_pflops")[in_house])
    assert np.abs(world.array("makers.cash_usd")[in_house]).max() < 1e-3, "every dollar is the parent's"
    paid = world.array("makers.sold_pflops") * world.array("makers.price_usd_per_pflops")
    assert world.array("makers.sales_usd")[in_house] == pytest.approx(paid[in_house])


def test_some_runs_of_a_batch_have_in_house_makers_and_some_not():
    world = stepped(20, runs=8).world
    places = (world.array("makers.kind") == IN_HOUSE) & (np.arange(len(NAMES)) != GOOGLE_CHIPS)
    counts = (world.array("makers.alive") * places).sum(axis=1)
    assert counts.min() < counts.max()


def test_switched_off_nobody_makes_chips_and_the_chips_of_the_start_are_merchants():
    simulation = stepped(6, "switches.integration=0")
    world = simulation.world
    in_house = world.array("makers.kind") == IN_HOUSE
    assert not (world.array("makers.alive") * in_house).any()
    assert not world.array("clouds.fleet_pflops")[GOOGLE_CHIPS].any()
    off = simulate([configuration(6, "switches.integration=0")] * 2, run_seeds(4, 0, 2))
    forbidden = simulate([configuration(6, "integration.allowed=0")] * 2, run_seeds(4, 0, 2))
    assert same_bits(off.values, forbidden.values)
    assert set(off.values[off.names.index("in_house_share_chips")].ravel().tolist()) == {0.0}


def test_a_parent_goes_back_to_merchants_and_winds_its_maker_up():
    hopeless = ("integration.return_quarters=3", "integration.return_margin=0")
    simulation = Simulation([configuration(12, *hopeless, "integration.drive=0", "entrants.drive=0", "integration.design_usd=1e11")] * 2,
                            run_seeds(4, 0, 2))
    world, history = simulation.world, []
    for _ in range(12):
        capacity = world.array("makers.capacity_chips").sum() + world.array("makers.capacity_building_chips").sum()
        simulation.step()
        history.append(world.array("makers.alive")[:, GOOGLE_CHIPS].tolist())
        assert broken(world) == []
        if history[-1] == [0.0, 0.0]:
            break
        before = world.array("clouds.fleet_pflops")[GOOGLE_CHIPS, :, GOOGLE].copy()
    assert history == [[1.0, 1.0]] * 3 + [[0.0, 0.0]], "three quarters behind, and gone when the next begins"
    assert not world.array("clouds.ordered_pflops")[:, GOOGLE_CHIPS].any()
    assert not world.array("makers.inventory_pflops")[:, GOOGLE_CHIPS].any()
    there = world.array("makers.capacity_chips").sum() + world.array("makers.capacity_building_chips").sum()
    assert there >= capacity * (1 - 1e-12), "others have the factories"
    kept = world.array("clouds.fleet_pflops")[GOOGLE_CHIPS, :, GOOGLE].copy()
    assert np.all(kept > 0.9 * before)
    simulation.step()
    assert np.all(world.array("clouds.fleet_pflops")[GOOGLE_CHIPS, :, GOOGLE] < kept), "installed chips retire in time"
    assert world.array("makers.parent")[:, GOOGLE_CHIPS].tolist() == [GOOGLE, GOOGLE]


def test_merchants_who_cannot_pay_leave_but_never_the_last():
    poor = ("chips.margin_floor=0", "chips.margin_cap=0", "chips.rnd_share=0.6", "integration.allowed=0", "entrants.drive=0",
            "chips.switching_cost=0")
    world = stepped(64, *poor).world
    left = world.array("makers.alive").sum(axis=1)
    assert left.max() < 3 and left.min() == 1
    assert np.all(world.array("makers.cash_usd")[left == 1].sum(axis=1) < 0), "the last one stays though it cannot pay"
    staying = stepped(64, *poor, "entrants.failures=0").world.array("makers.alive")
    assert staying.sum(axis=1).tolist() == [3.0, 3.0, 3.0]


def test_an_entrant_starts_behind_with_its_investors_money():
    world = Simulation([configuration(3, "entrants.drive=1e6", "chips.innovation_hazard=0", "chips.imitation=0")], run_seeds(4, 0, 1))
    place, makers = NAMES.index("Challenger"), world.world
    while makers.array("makers.alive")[0, place] == 0.0:  # it needs a quarter's gross profit to look at
        world.step()
    assert makers.array("makers.pflops_per_chip")[0, place] == pytest.approx(0.5 * makers.array("makers.pflops_per_chip")[0, 0])
    assert makers.array("makers.programme_usd")[0, place] == 1e9 / 16
    assert makers.array("makers.own_openness")[0, place] == 0.45
    assert makers.array("makers.cash_usd")[0, place] == pytest.approx(1e9 - 1e9 / 16), "a quarter of research, no dividend out of its capital"


def test_portable_stacks_are_written_by_owners_who_depend_on_one_maker():
    world = stepped(12).world
    stack, alive = world.array("clouds.portable_stack"), world.array("clouds.alive")
    kind = world.array("clouds.kind")
    assert np.all(stack[(alive > 0) & (kind == 1)] > 0)
    assert not stack[kind == 4].any(), "thousands of small buyers write none"
    assert not stepped(12, "switches.portable_stacks=0").world.array("clouds.portable_stack").any()
    assert not stepped(12, "switches.open_source=0").world.array("market.open_source_stock").any()


def test_a_cast_without_in_house_makers_runs(tmp_path):
    outcome = simulate([load(str(write_small(tmp_path)))] * 2, run_seeds(1, 0, 2))
    assert outcome.failures == ()
    assert not outcome.values[outcome.names.index("in_house_share_chips")].any()


def test_own_chips_can_be_forbidden_and_allowed_again():
    simulation = Simulation([configuration(36, "integration.drive=1e6")] * 2, run_seeds(4, 0, 2))
    for quarter in range(24, 30):
        integration_then = replace(simulation.rules[quarter].integration, allowed=np.array([[0], [1]]))
        simulation.rules[quarter] = replace(simulation.rules[quarter], integration=integration_then)
    makers, counts = simulation.world.tables["makers"], []
    for _ in range(36):
        simulation.step()
        counts.append((makers["alive"] * (makers["kind"] == IN_HOUSE)).sum(axis=1).tolist())
    assert simulation.failures == []
    assert counts[23][0] >= 3, "there was something to forbid"
    assert [run for run, _ in counts[24:30]] == [0.0] * 6
    assert min(run for _, run in counts[24:30]) >= 3, "the other run of the batch goes on"
    assert counts[35][0] >= 3, "the places can be taken again"


def test_an_in_house_maker_whose_parent_is_gone_is_wound_up():
    simulation = stepped_alone()
    simulation.world.array("makers.parent")[0, GOOGLE_CHIPS] = simulation.world.rows["clouds"]
    simulation.step()
    assert simulation.failures == []
    assert simulation.world.array("makers.alive")[0, GOOGLE_CHIPS] == 0
    assert simulation.world.array("makers.cash_usd")[0, GOOGLE_CHIPS] == 0


def stepped_alone():
    simulation = Simulation([configuration(4)], run_seeds(4, 0, 1))
    simulation.step()
    return simulation

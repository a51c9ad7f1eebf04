"""Lock-in of customers and policies against a dominant maker, as Malerba, Nelson, Orsenigo and Winter (2001) have it."""

import numpy as np
import pytest

import market_abm as ma
from market_abm.checks import broken
from market_abm.engine import Simulation, run_seeds
from market_abm.evidence import lock_in as checked
from market_abm.metrics import indices

SMALL = ["frame.startup_slots=128", "startups.opening=60"]


@pytest.fixture(scope="module")
def config():
    return ma.load("configs/base.toml", sets=SMALL)


@pytest.fixture(scope="module")
def found(config):
    """Two dozen paired seeds: five policies in two regimes, of which the years to 2023 are run once."""
    return checked.lock_in(config, runs=24, seed=1)


def row(found, over, policy, comparison):
    [one] = [one for one in found.rows if (one["over"], one["policy"], one["comparison"]) == (over, policy, comparison)]
    return one


INTERACTION = "effect under weak less under strong lock-in"


def test_weak_lock_in_leaves_the_market_less_concentrated(found):
    assert not found.failures
    for over in (checked.SINCE, checked.LATE):
        assert row(found, over, checked.NOTHING, "weak less strong lock-in")["verdict"] == "agree"


def test_dividing_a_firm_whose_brand_stays_bites_only_where_lock_in_is_weak(found):
    """Their result: where customers stick to the brand, the part without it cannot hold any of them."""
    assert row(found, checked.SINCE, checked.DIVIDED, "effect under weak lock-in")["verdict"] == "agree"
    assert row(found, checked.SINCE, checked.DIVIDED, INTERACTION)["verdict"] == "agree"
    assert row(found, checked.SINCE, checked.DIVIDED, "effect under strong lock-in")["low"] > -0.02


def test_support_of_entry_lowers_concentration_where_lock_in_is_weak(found):
    assert row(found, checked.SINCE, checked.SUPPORT, "effect under weak lock-in")["verdict"] == "agree"


def test_dividing_the_customers_as_well_takes_the_lock_in_itself_apart(found):
    """The other way round than theirs: each part keeps the customers that it was given, so the market stays divided under strong lock-in."""
    strong = row(found, checked.SINCE, checked.WITH_CUSTOMERS, "effect under strong lock-in")
    assert strong["high"] < -0.2
    assert row(found, checked.SINCE, checked.WITH_CUSTOMERS, INTERACTION)["verdict"] == "disagree"


def test_nothing_differs_before_the_policy(found):
    before = found.labels.index("2024Q1")
    for regime in checked.REGIMES:
        for policy in checked.POLICIES:
            assert np.array_equal(found.hhi[regime, policy][:before], found.hhi[regime, checked.NOTHING][:before])
            assert not np.isnan(found.hhi[regime, policy]).any()


def test_every_leader_was_divided(found):
    assert set(found.undivided) == {(regime, policy) for regime in checked.REGIMES for policy in checked.BREAK_UPS}
    assert set(found.undivided.values()) == {0}


def test_the_interaction_is_a_difference_of_paired_differences():
    """Strong .9, .8 and .7 without policy and .9, .7, .7 with; weak .5, .4, .3 and .4, .2, .2: effects 0, -.1, 0 and -.1, -.2, -.1."""
    hhi = {(regime, policy): np.array([0.9, 0.8, 0.7]) if regime == "strong" else np.array([0.5, 0.4, 0.3])
           for regime in checked.REGIMES for policy in checked.POLICIES}
    hhi["strong", checked.SUPPORT] = np.array([0.9, 0.7, 0.7])
    hhi["weak", checked.SUPPORT] = np.array([0.4, 0.2, 0.2])
    rows = {(one["policy"], one["comparison"]): one for one in checked.compared(hhi, "now")}
    assert rows[checked.NOTHING, "weak less strong lock-in"]["difference"] == pytest.approx(-0.4)
    assert rows[checked.SUPPORT, "effect under weak lock-in"]["difference"] == pytest.approx(-0.4 / 3)
    assert rows[checked.SUPPORT, "effect under strong lock-in"]["difference"] == pytest.approx(-0.1 / 3)
    both = rows[checked.SUPPORT, INTERACTION]
    assert (both["difference"], both["low"], both["high"], both["verdict"]) == (pytest.approx(-0.1), pytest.approx(-0.1), pytest.approx(-0.1), "agree")
    assert rows[checked.DIVIDED, INTERACTION]["verdict"] == "inconclusive"


def stepped(config, quarters=8, runs=3):
    simulation = Simulation([checked.with_places(config)] * runs, run_seeds(2, 0, runs), metrics=())
    for _ in range(quarters):
        simulation.step()
    return simulation


def test_a_division_shares_out_by_halves_and_loses_nothing(config):
    simulation = stepped(config)
    world, held = simulation.world, ("makers.capacity_chips", "makers.cash_usd", "makers.sales_usd", "clouds.fleet_pflops", "clouds.retiring_mw",
                                     "clouds.ordered_pflops", "clouds.bought_pflops")
    before = {name: world.array(name).sum() for name in held}
    leader = int(world.array("makers.sales_usd")[0].argmax())
    fleet = world.array("clouds.fleet_pflops")[leader, 0].copy()
    done = checked.divide_leader(world, np.array([True, False, False]))
    assert done.tolist() == [True, False, False]
    [part] = [k for k in range(world.rows["makers"]) if k != leader and np.array_equal(world.array("clouds.fleet_pflops")[k, 0], fleet / 2)]
    for name in held:
        assert world.array(name).sum() == pytest.approx(before[name], rel=1e-12)
    for name in ("capacity_chips", "cash_usd", "ecosystem", "pflops_per_chip", "price_usd_per_pflops"):
        assert world.array(f"makers.{name}")[0, part] == world.array(f"makers.{name}")[0, leader]
    assert world.array("makers.birth")[0, part] != world.array("makers.birth")[0, leader]
    for _ in range(4):  # the books still balance
        simulation.step()
    assert not simulation.failures
    assert not broken(world)


def test_what_stays_with_the_brand_is_not_divided(config):
    simulation = stepped(config)
    world = simulation.world
    leader = int(world.array("makers.sales_usd")[0].argmax())
    fleet, software = world.array("clouds.fleet_pflops").copy(), world.array("makers.ecosystem")[0, leader]
    before = world.array("makers.alive")[0].copy()
    checked.divide_leader(world, np.array([True, False, False]), checked.DIVIDED)
    [part] = np.flatnonzero(world.array("makers.alive")[0] - before)
    assert np.array_equal(world.array("clouds.fleet_pflops"), fleet)
    assert world.array("makers.ecosystem")[0, leader] == software
    assert world.array("makers.ecosystem")[0, part] == config.parameters.entrants.opening_software
    simulation.step()
    assert not simulation.failures


def test_without_a_free_place_nobody_is_divided(config):
    simulation = Simulation([config], run_seeds(2, 0, 1), metrics=())
    simulation.step()
    world = simulation.world
    world.array("makers.alive")[...] = 1.0
    assert not checked.divide_leader(world, np.array([True])).any()


def test_the_market_measured_is_that_of_merchants(config):
    """Own chips are left out, so the index is that of the merchants' sales alone."""
    simulation = stepped(config, 3)
    world = simulation.world
    sales = world.array("makers.sales_usd")[:, :3]  # NVIDIA, AMD and Intel sell to everybody
    assert world.array("makers.sales_usd")[:, 3:].sum() > 0
    np.testing.assert_allclose(checked.merchants_hhi(world), indices.herfindahl(sales)[:, 0])


def test_support_helps_entrants_and_changes_nothing_else(config):
    """Every number moves to the side of entrants, against what stands in the configuration; lock-in is stronger in the strong regime."""
    standing = config.parameters.entrants
    for key, value in checked.ENTRY_SUPPORT.items():
        section, name = key.split(".")
        now = getattr(standing, name)
        assert section == "entrants"
        assert value < now if name == "cost_ratio" else value > now
    strong, weak = (checked.with_numbers(config, setting).parameters for setting in checked.REGIMES.values())
    assert strong.chips.switching_cost > config.parameters.chips.switching_cost > weak.chips.switching_cost
    assert (strong.documentation.rule, weak.documentation.rule) == ("closed", "open")

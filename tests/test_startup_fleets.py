"""Rent or buy: the decision by hand, and who holds what of startups' pool after each phase."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from worlds import real_world, row, same_bits

import market_abm
from market_abm.behaviour import startup_fleets as behaviour
from market_abm.behaviour import startups
from market_abm.checks import broken
from market_abm.engine import Simulation, run_seeds, simulate
from market_abm.errors import BadInput
from market_abm.parameters.loading import load
from market_abm.phases import startup_fleets as phases
from market_abm.state.tables import EVERYBODY_ELSE, HYPERSCALER, STARTUP_POOL
from market_abm.state.world import Window
from market_abm.units import HOURS_PER_QUARTER, HOURS_PER_YEAR

BASE = Path(market_abm.__file__).parent.parent / "configs" / "base.toml"
EAGER = ("buying.purchase_share=1", "buying.reserve_quarters=0", "buying.capital_cost=0", "buying.least_chips=0", "energy.queue=0")


@pytest.fixture(autouse=True)
def quiet():
    """Silence numpy's warnings, as the engine does around a run."""
    with np.errstate(all="ignore"):
        yield


def view(**columns):
    return SimpleNamespace(**{k: row(v) if isinstance(v, int | float) else v for k, v in columns.items()})


# The decision -----------------------------------------------------------------------------------------


def test_owning_costs_capital_upkeep_connection_and_electricity():
    # r + g = .2 for 5 years: .2/(1 - 1/e) of 30,000 USD; 2 kW at .45 and .05 USD a W and year; half the hours in use; 50 USD/MWh.
    rules = SimpleNamespace(
        buying=view(capital_cost=0.15, utilisation=0.5), chips=view(life_quarters=20),
        clouds=view(expected_decline=0.05, upkeep_usd_per_mw_year=0.45e6, connection_usd_per_mw_year=0.05e6))
    expected = (30e3 * 0.2 / (1 - math.exp(-1)) + 0.002 * 0.5e6) / (0.5 * HOURS_PER_YEAR) + 0.002 * 50
    assert behaviour.cost_of_owning(row(30e3), row(0.002), row(50.0), rules)[0, 0] == pytest.approx(expected, rel=1e-12)


def test_what_a_startup_would_own_rises_with_the_advantage_up_to_its_cover():
    buying = view(margin=0.5, cover=0.6, utilisation=0.75)
    got = behaviour.fleet_wanted(row(*[1e6] * 4), row(0.9, 1.0, 1.25, 3.0), buying)
    assert got[0] == pytest.approx(np.array([0, 0, 0.5, 1.0]) * 0.6 * 1e6 / (HOURS_PER_QUARTER * 0.75), rel=1e-12)


@pytest.mark.parametrize(("cash", "held", "order"), [
    (130.0, 0.0, 5.0),  # 130 - 2 x (5 + 20 + 5) leaves 70; half of it buys 5 at 7
    (60.0, 0.0, 0.0),  # nothing beyond the reserve
    (1e6, 0.0, 12.0),  # no more than it wants
    (1e6, 11.0, 1.0), (1e6, 20.0, 0.0),
    (74.0, 0.0, 0.0),  # 1 alone is below the smallest fleet of 4
    (74.0, 3.0, 1.0),  # added to 3 it is not
])
def test_an_order_is_what_cash_beyond_the_reserve_buys(cash, held, order):
    rows = view(cash_usd=cash, wages_usd=5.0, training_usd=20.0, serving_usd=5.0, own_pflops=held, on_order_pflops=0.0, alive=1.0)
    got = behaviour.affordable_order(rows, row(12.0), row(7.0), row(4.0), view(reserve_quarters=2.0, purchase_share=0.5))
    assert got[0, 0] == pytest.approx(order)


def test_chips_are_mixed_by_hours_and_the_host_is_left_as_it_is():
    got = behaviour.mixed(row(30, 30, 0), row(10, 0, 5), row(0.4, 1 / 3, 0.2), row(0.2))
    assert got[0] == pytest.approx([0.35, 1 / 3, 0.2])
    assert got[0, 1] == 1 / 3


@pytest.mark.parametrize(("own", "training", "serving"), [
    (0.0, 25.0, 20.0),  # free 80; serves half of 40; (80 - 20)/4 and a margin of 40 - 20 - 10
    (8.0, 30.0 + (80 - 12) / 4 - 12, 20.0),  # own chips serve 8: 12 rented; a quarter of 68, and a margin of 40 - 12 - 10
    (50.0, 80 / 4 + 30 + 30, 20.0),  # they serve all 20 and train 30; a quarter of 80, and a margin of 40 - 10
])
def test_own_chips_stretch_the_money(own, training, serving):
    rows = view(cash_usd=100.0, credits_usd=0.0, wages_usd=10.0, ai_share=0.4, budget_usd=1e9)
    rules = view(reserve_quarters=2.0, spending_quarters=4.0, serving_cap=0.9)
    got = startups.spending(rows, row(100.0), rules, row(0.5), row(own))
    assert (got.training_usd[0, 0], got.serving_usd[0, 0]) == (pytest.approx(training), pytest.approx(serving))


# The pool by hand -------------------------------------------------------------------------------------


def pooled():
    """Return a world with Google, everybody else and a pool of 100 PFLOP/s that two of three startups hold."""
    world = real_world(1, clouds=3, makers=1, regions=1, startups=3)
    world.array("clouds.alive")[...] = world.array("startups.alive")[...] = 1.0
    world.array("clouds.kind")[...] = [[HYPERSCALER, EVERYBODY_ELSE, STARTUP_POOL]]
    world.array("clouds.cash_usd")[...] = [[1e9, 1e6, 900.0]]
    world.array("clouds.investment_usd_per_pflops")[...] = [[0.0, 0.0, 50.0]]
    for name, of_pool in (("fleet_pflops", 100.0), ("connected_mw", 8.0), ("overdue_pflops", 20.0)):
        world.array(f"clouds.{name}")[0, 0, 2] = of_pool
    for name, of_pool in (("active_pflops", 80.0), ("used_pflop_hours", 60.0)):
        world.array(f"clouds.{name}")[0, 2] = of_pool
    world.array("clouds.retiring_pflops")[7, 0, 0, 2] = 100.0
    world.array("startups.own_pflops")[...] = [[25.0, 75.0, 0.0]]
    world.array("startups.on_order_pflops")[...] = [[15.0, 5.0, 0.0]]
    world.array("startups.deposit_usd")[...] = [[700.0, 200.0, 0.0]]
    world.array("startups.own_training_pflop_hours")[...] = [[12.0, 40.0, 0.0]]
    world.array("startups.own_serving_pflop_hours")[...] = [[0.0, 8.0, 0.0]]
    world.ledger.open()
    return world


def window(world):
    columns = ("own_pflops", "on_order_pflops", "deposit_usd", "own_training_pflop_hours", "own_serving_pflop_hours", "cash_usd")
    return Window(world, "test", (*(f"startups.{c}" for c in columns), "clouds.cash_usd", "clouds.used_pflop_hours", "clouds.took_over",
                                   "market.passed_on_pflop_hours"))


def test_titles_pass_on_with_their_chips_power_orders_and_load():
    world = pooled()
    phases.titles_pass_on(window(world), np.array([[True, False, False]]), np.array([[0, 3, 3]]))
    assert world.array("clouds.fleet_pflops")[0].tolist() == [[25, 0, 75]]
    assert world.array("clouds.retiring_pflops")[7, 0].tolist() == [[25, 0, 75]]
    assert world.array("clouds.active_pflops").tolist() == [[20, 0, 60]]
    assert world.array("clouds.connected_mw")[0].tolist() == [[2, 0, 6]]
    assert world.array("clouds.overdue_pflops")[0].tolist() == [[15, 0, 5]]
    assert world.array("clouds.used_pflop_hours").tolist() == [[12, 0, 48]]
    assert world.array("clouds.cash_usd").tolist() == [[1e9, 1e6, 200]]
    assert world.array("startups.cash_usd").tolist() == [[700, 0, 0]]
    for column, left in (("own_pflops", 75), ("on_order_pflops", 5), ("deposit_usd", 200), ("own_training_pflop_hours", 40)):
        assert world.array(f"startups.{column}").tolist() == [[0, left, 0]], column


def test_when_all_titles_pass_on_nothing_is_left_in_the_pool():
    world = pooled()
    phases.titles_pass_on(window(world), np.array([[True, True, False]]), np.array([[0, 1, 3]]))
    for name in ("fleet_pflops", "connected_mw", "overdue_pflops"):
        assert world.array(f"clouds.{name}")[0, 0, 2] == 0, name
    assert world.array("clouds.fleet_pflops")[0].tolist() == [[25, 75, 0]]
    assert world.array("clouds.used_pflop_hours").tolist() == [[12, 48, 0]]


def distressed(cash, resale=0.4):
    world = pooled()
    world.array("startups.cash_usd")[...] = [[cash, 10.0, -5.0]]
    world.ledger.open()
    world.rules = SimpleNamespace(buying=view(resale=resale))
    phases.startups_in_distress_sell_chips(window(world))
    return world


def test_distress_sells_chips_to_everybody_else_and_may_save():
    world = distressed(-600.0)  # 25 PFLOP/s at .4 of 50 USD are 500; deposits of 700 come back
    assert world.array("startups.cash_usd").tolist() == [[600, 10, -5]]
    assert world.array("clouds.cash_usd").tolist() == [[1e9, 1e6 - 500, 200]]
    assert world.array("clouds.fleet_pflops")[0].tolist() == [[0, 25, 75]]


def test_who_is_not_in_distress_keeps_its_chips():
    world = distressed(0.0)
    assert world.array("clouds.fleet_pflops")[0].tolist() == [[0, 0, 100]]
    assert world.array("startups.cash_usd").tolist() == [[0, 10, -5]]


def test_own_chips_serve_first_then_train_and_the_rest_is_rented():
    # Of 25 and 75 PFLOP/s four fifths have power, at most half of the hours count: 2190 x .4 of each, at 2 USD an hour.
    world = pooled()
    world.rules = SimpleNamespace(clouds=view(top_utilisation=0.5))
    world.array("startups.provider")[...] = 0
    world.array("clouds.contested_rent_usd")[0, 0] = 2.0
    worth = 2 * 0.4 * HOURS_PER_QUARTER * np.array([25.0, 75.0])
    world.array("startups.serving_usd")[...] = [[1000.0, worth[1] + 7, 3.0]]
    world.array("startups.training_usd")[...] = [[worth[0], 500.0, 4.0]]
    w = Window(world, "test", tuple(f"startups.{c}" for c in (
        "own_training_pflop_hours", "own_serving_pflop_hours", "training_usd", "serving_usd")))
    phases.own_chips_come_first(w)
    assert world.array("startups.own_serving_pflop_hours")[0] == pytest.approx([500, worth[1] / 2, 0])
    assert world.array("startups.own_training_pflop_hours")[0] == pytest.approx([(worth[0] - 1000) / 2, 0, 0])
    assert world.array("startups.serving_usd")[0] == pytest.approx([0, 7, 3])
    assert world.array("startups.training_usd")[0] == pytest.approx([1000, 500, 4])


def test_deliveries_are_shared_by_order_and_a_short_deposit_is_made_up():
    world = pooled()
    world.array("startups.cash_usd")[...] = [[50.0, 60.0, 70.0]]
    world.array("clouds.delivered_pflops")[0, 0, 2] = 16.0  # of 20 on order, for 880 USD: 660 and 220 by order
    world.array("clouds.invested_usd")[0, 2] = 880.0
    world.array("clouds.fleet_pflops")[0, 0, 2] = 58.0  # half of the 116 are scrapped
    world.array("clouds.cash_usd")[0, 2] = 20.0
    world.ledger.open()
    phases.startups_take_delivery(window(world))
    assert world.array("startups.on_order_pflops")[0] == pytest.approx([3, 1, 0])
    assert world.array("startups.own_pflops")[0] == pytest.approx([(25 + 12) / 2, (75 + 4) / 2, 0])
    assert world.array("startups.deposit_usd")[0] == pytest.approx([40, 0, 0])
    assert world.array("startups.cash_usd")[0] == pytest.approx([50, 40, 70])
    assert world.array("clouds.cash_usd")[0, 2] == pytest.approx(40)


# A whole run ------------------------------------------------------------------------------------------


def small(*sets, quarters=24):
    return load(BASE, sets=[f"frame.quarters={quarters}", "frame.startup_slots=128", "startups.opening=60", "startups.talent_pool=100", *sets])


def test_eager_startups_own_chips_and_every_identity_holds():
    simulation = Simulation([small(*EAGER)] * 3, run_seeds(7, 0, 3))
    for _ in range(24):
        simulation.step()
        assert broken(simulation.world) == []
    world = simulation.world
    assert simulation.failures == []
    assert (world.array("startups.own_pflops").sum(axis=-1) > 0).all()
    assert world.array("clouds.used_pflop_hours")[:, 12].min() > 0


def test_off_nobody_owns_and_nothing_depends_on_the_numbers_of_buying():
    off = [small("switches.buying=0"), small("switches.buying=0", *EAGER[1:4])]
    outcome = simulate([*off, small("buying.purchase_share=0")], run_seeds(7, 0, 1).repeat(3))
    assert np.nanmax(outcome.values[outcome.names.index("owners_startups")]) == 0
    for other in (1, 2):
        assert same_bits(outcome.values[:, :, 0].copy(), outcome.values[:, :, other].copy())


@pytest.mark.parametrize(("change", "told"), [
    ("cast.clouds.startup_pool.cash_usd=5", "must be empty or 0"), ("cast.clouds.startup_pool.has_lab=1", "must be empty or 0"),
    ("cast.clouds.public_cloud.kind=startup_pool", ""),
])
def test_the_pool_opens_empty(change, told):
    if not told:
        assert load(BASE, sets=[change]).cast.clouds[10].kind == "startup_pool"  # not present: no second pool
        change, told = "cast.clouds.lambda.kind=startup_pool", "second pool"
    with pytest.raises(BadInput, match=told):
        load(BASE, sets=[change])

"""Contracts, stakes, credits, exclusive backing, foreclosure and acquisitions, by hand and in small worlds."""

import functools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from worlds import row

from market_abm.behaviour import labs, ownership, tenants
from market_abm.checks import broken
from market_abm.engine import Simulation, run_seeds
from market_abm.parameters.control import MERGER_RULES
from market_abm.parameters.loading import load
from market_abm.phases.quarter import QUARTER
from market_abm.randomness import Draws
from market_abm.rules.mergers import MERGERS
from market_abm.state.lifecycle import split
from market_abm.state.world import Window

BASE = Path(__file__).parent.parent / "configs" / "base.toml"
pytestmark = pytest.mark.usefixtures("quiet")


# Merger rules ---------------------------------------------------------------------------------------


def verdict(name, shares, buyer, target, level=0.18, step=0.01, most=0.30):
    index = row(sum(s * s for s in shares))
    a, b = shares[buyer], shares[target]
    return MERGERS[name](index, row(a + b), row(2 * a * b), row(level), row(step), row(most))[0, 0]


def test_the_table_of_merger_rules_holds_the_declared_options():
    assert tuple(MERGERS) == MERGER_RULES


@pytest.mark.parametrize(("shares", "buyer", "target", "none", "hhi", "share", "either"), [
    # index .34 + 2 x .4 x .1 = .42 and a rise of .08: both tests
    ((0.4, 0.3, 0.2, 0.1), 0, 3, 0, 1, 1, 1),
    # ten equal firms: index .12 after a rise of .02, joint share .2: neither
    ((0.1,) * 10, 0, 1, 0, 0, 0, 0),
    # .28 and .05 among many: index .13 + .028, joint .33: the share alone
    ((0.28, 0.05, *(0.067,) * 10), 0, 1, 0, 0, 1, 1),
    # a leader of .5 buys .009: the index rises by .009 only, so nothing is presumed
    ((0.5, 0.491, 0.009), 0, 2, 0, 0, 0, 0),
])
def test_mergers_are_blocked_by_level_and_rise(shares, buyer, target, none, hhi, share, either):
    got = [verdict(name, shares, buyer, target) for name in ("none", "hhi", "share", "hhi_or_share")]
    assert got == [none, hhi, share, either]


# Shares of startups ---------------------------------------------------------------------------------


def firm(holder, stake, venture=0.0):
    """Return one startup with up to three holders."""
    column = [np.array(values).reshape(3, 1, 1) for values in (holder, stake)]
    return SimpleNamespace(holder=column[0], stake=column[1], venture_share=row(venture), founders_share=row(1 - venture - sum(stake)))


@pytest.mark.parametrize(("holder", "stake", "cloud", "place"), [
    ((9, 9, 9), (0.0, 0.0, 0.0), 4, [1, 0, 0]),  # the first free place
    ((2, 4, 9), (0.1, 0.2, 0.0), 4, [0, 1, 0]),  # its own
    ((2, 4, 9), (0.1, 0.0, 0.0), 4, [0, 1, 0]),  # a place without shares is free, whoever was there
    ((2, 4, 5), (0.1, 0.2, 0.1), 7, [0, 0, 0]),  # no more holders than there are places
    ((4, 4, 5), (0.1, 0.2, 0.1), 4, [1, 0, 0]),  # twice there after a takeover: one of the two
])
def test_a_cloud_has_one_place_among_the_holders(holder, stake, cloud, place):
    assert ownership.place_for(firm(holder, stake), np.array([[cloud]])).ravel().tolist() == place


def test_new_shares_dilute_everybody():
    startup = firm((2, 9, 9), (0.2, 0.0, 0.0), venture=0.3)
    place = ownership.place_for(startup, np.array([[2]]))
    got = ownership.after_issue(startup, row(0.25), place, row(0.4))
    # 75% of what each had; of the new quarter 40% goes to the cloud: .15 + .1, .225 + .15, .375
    assert got.stake.ravel() == pytest.approx([0.25, 0, 0])
    assert (got.venture[0, 0], got.founders[0, 0]) == pytest.approx((0.375, 0.375))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 6)), max_size=12))
def test_shares_sum_to_one_after_any_rounds(rounds):
    startup = firm((9, 9, 9), (0.0, 0.0, 0.0))
    for sold, part, cloud in rounds:
        link = np.array([[cloud]])
        place = ownership.place_for(startup, link)
        startup.stake, startup.venture_share, startup.founders_share = ownership.after_issue(
            startup, row(sold), place, row(part) * place.sum(axis=0))
        startup.holder = np.where(place > 0, link, startup.holder)
        assert startup.stake.sum() + startup.venture_share + startup.founders_share == pytest.approx(1, abs=1e-12)
        assert len({h for h, s in zip(startup.holder.ravel(), startup.stake.ravel(), strict=True) if s > 0}) == np.count_nonzero(startup.stake)


def test_the_richest_cloud_backs_the_best_candidate():
    seeks, purse = np.array([[True, False, True, True]]), row(5, 99, 7, 6)
    candidate, score = np.array([[True, True, False, True, True]]), row(0.1, 0.9, 5.0, 0.4, 0.2)
    # clouds by purse: 2, 3, 0; candidates by score: 1, 3, 4
    assert ownership.matched(seeks, purse, candidate, score).tolist() == [[4, 2, 4, 3, 0]]


def test_a_startup_is_worth_its_last_round_or_its_revenue():
    startup = SimpleNamespace(valuation_usd=row(100, 100, 0), ai_revenue_usd=row(1, 5, 0))
    assert ownership.worth(startup, SimpleNamespace(revenue_multiple=10.0)).tolist() == [[100, 200, 0]]


# Contracts and foreclosure --------------------------------------------------------------------------


def test_a_contract_is_paid_before_the_spot_market():
    assert tenants.left_for_spot(row(100, 100), row(10, 60), row(4, 2)).tolist() == [[60, 0]]


def test_rents_of_contracts_are_averaged_by_hours():
    assert tenants.averaged_rent(row(30, 0), row(2, 0), row(10, 0), row(4, 3)).tolist() == [[2.5, 0]]


CLEARING = worlds.rental_rules(rent_speed=0.0, rent_step=0.4, rent_floor=0.0, public_rent=1.0)


def cleared(reserved, spot_usd, inside=0.0, rents_out=1.0):
    return worlds.cleared(reserved, spot_usd, CLEARING, inside=inside, rents_out=rents_out)


@pytest.mark.parametrize(("reserved", "spot_usd", "inside", "kept", "fill"), [
    (20, 40, 0, 1.0, 1.0),  # 20 reserved and 20 on the spot fit into 100
    (20, 400, 0, 1.0, 0.4),  # 200 wanted on the spot, 80 left
    (20, 400, 70, 1.0, 0.15),  # own use leaves 30, but 50 are assured: 30 for the spot
    (80, 400, 70, 1.0, 0.0),  # what is promised is kept, whatever own use wants
    (160, 0, 70, 0.625, 1.0),  # no more than all of it
])
def test_contracts_are_served_first(reserved, spot_usd, inside, kept, fill):
    got = cleared(reserved, spot_usd, inside=inside)
    assert (got.kept_promise[0, 0], got.fill[0, 0]) == pytest.approx((kept, fill))
    assert got.rent_usd[0, 0] == 2.0
    assert got.asked_hours[0, 0] == reserved + spot_usd / 2


def test_who_rents_nothing_out_promises_nothing():
    got = cleared(50, 0, rents_out=0.0)
    assert got.kept_promise[0, 0] == 0


def withheld(share, host, margin=0.2, stake=0.0, strength=0.5, serving=0.5):
    startups = SimpleNamespace(ai_share=row(share))
    return tenants.withheld_share(startups, row(host), row(margin), row(stake), SimpleNamespace(foreclosure=row(strength)), row(serving))[0, 0]


@pytest.mark.parametrize(("expected", "case"), [
    # of customers lost by a lab of .2, .4/.8 = .5 come to the host; margin .5, 2 USD of service a USD of compute: gain .5
    (0.15, {"share": 0.2, "host": 0.4}),  # half of .5 - .2
    (0.0, {"share": 0.2, "host": 0.1}),  # gain .125 is below the margin of .2
    (0.0, {"share": 0.0, "host": 0.9}),  # no rival
    (0.025, {"share": 0.2, "host": 0.4, "stake": 0.5}),  # half the gain is lost on its own stake: .25 - .2
    (0.5, {"share": 0.5, "host": 0.5, "margin": -0.4, "serving": 0.25}),  # bounded: all that the strength allows
])
def test_hours_are_withheld_for_the_gain_over_the_margin(expected, case):
    assert withheld(**case) == pytest.approx(expected)


def test_a_host_learns_from_the_part_of_training_that_it_sees():
    conduct = SimpleNamespace(telemetry_decay=row(0.1), telemetry_gain=row(0.05), visibility=row(0.5))
    # a tenth of .2 is forgotten; .05 x .5 x .4 is learnt
    assert labs.insight(row(0.2, 0.0), row(0.4, 0.0), conduct)[0] == pytest.approx([0.19, 0.0])


def test_an_hour_withheld_costs_the_rent_less_what_it_is_worth():
    clouds = SimpleNamespace(own_fill_rate=row(1.0, 0.9, 0.9, 0.5), transfer_usd=row(3, 3, 5, 0.1))
    # electricity of 1 saved, a transfer price of 3 earned, one above the rent, one below electricity
    assert tenants.margin_lost(clouds, row(4, 4, 4, 4), row(1, 1, 1, 1))[0] == pytest.approx([0.75, 0.25, 0.0, 0.75])


# In a small world -----------------------------------------------------------------------------------


@functools.cache
def after(quarters, *sets):
    """Return a simulation of four runs after some quarters."""
    config = load(BASE, sets=[f"frame.quarters={quarters + 12}", "startups.opening=100", "frame.startup_slots=128", *sets])
    simulation = Simulation([config] * 4, run_seeds(11, 0, 4))
    for _ in range(quarters):
        simulation.step()
    assert simulation.failures == []
    return simulation


EAGER = ("ownership.corporate_chance=1", "ownership.backing_hazard=1", "ownership.backing_edge=1.1", "mergers.synergy_rate=0.05",
         "mergers.purse_share=1", "mergers.startup_buyers=0.5", "contracts.signing_rate=0.5")


def read(simulation, *names):
    return [simulation.world.array(name) for name in names]


def test_everything_of_it_happens():
    world = after(24, *EAGER).world
    assert np.all((world.array("startups.stake") > 0).any(axis=(0, 2)))
    assert np.all((world.array("startups.backer") < world.rows["clouds"]).any(axis=-1))
    assert np.any(world.array("clouds.credits_owed_usd").sum(axis=-1) > 0)
    assert np.all(world.array("startups.reserved_pflop_hours").sum(axis=-1) > 0)
    assert np.all(world.array("clouds.enterprise_reserved_pflop_hours").sum(axis=-1) > 0)
    assert np.any(world.array("market.acquired") > 0)


def test_a_cloud_backs_one_startup_and_hosts_it():
    simulation = after(24, *EAGER)
    backer, provider, alive = read(simulation, "startups.backer", "startups.provider", "startups.alive")
    clouds = simulation.world.rows["clouds"]
    for run in range(4):
        backed = np.flatnonzero(backer[run] < clouds)
        assert len(set(backer[run, backed])) == len(backed)
        assert np.array_equal(backer[run, backed], provider[run, backed])
        assert np.all(alive[run, backed] == 1)


def test_who_has_credits_or_a_contract_stays_with_its_provider():
    simulation = after(25, *EAGER)
    rows = simulation.world.rows["clouds"]
    before = [array.copy() for array in read(simulation, "startups.provider", "startups.credits_usd", "startups.reserved_pflop_hours",
                                             "startups.birth", "startups.backer", "clouds.alive")]
    simulation.step()
    provider, birth, backer, alive = read(simulation, "startups.provider", "startups.birth", "startups.backer", "clouds.alive")
    same = (birth == before[3]) & (birth > 0) & (backer == before[4])
    host_lives = np.take_along_axis(alive, np.minimum(before[0], rows - 1), axis=-1) > 0
    bound = same & host_lives & ((before[1] > 0) | (before[2] > 0))
    assert bound.sum() > 20
    assert np.array_equal(provider[bound], before[0][bound])


@pytest.mark.parametrize(("switch", "idle"), [
    ("contracts", ("startups.reserved_pflop_hours", "clouds.enterprise_reserved_pflop_hours", "clouds.backlog_usd")),
    ("stakes", ("startups.stake", "startups.credits_usd", "clouds.credits_owed_usd", "startups.credit_rent_usd")),
    ("foreclosure", ("clouds.withheld_pflop_hours",)), ("telemetry", ("clouds.insight",)), ("acquisitions", ("market.acquired", "market.blocked")),
])
def test_off_leaves_its_columns_empty(switch, idle):
    simulation = after(16, *EAGER, f"switches.{switch}=0")
    for name in idle:
        assert not simulation.world.array(name).any(), name


def window(simulation, phase):
    [listed] = [p for p in QUARTER if p.name == phase]
    return listed, Window(simulation.world, phase, listed.writes)


def open_quarter(simulation):
    world = simulation.world
    world.rules = simulation.rules[simulation.quarter - 1]
    world.draws = Draws(simulation.seeds, simulation.quarter)
    world.ledger.open()


def ownership_holds(simulation):
    return [b for b in broken(simulation.world) if "owner" in b.identity or "stake" in b.identity or "credits" in b.identity
            or "conserved" in b.identity or "dead" in b.identity]


def test_the_price_of_a_bought_startup_goes_to_its_holders_and_its_money_to_the_buyer():
    simulation = Simulation([load(BASE, sets=["frame.quarters=30", "startups.opening=100", "frame.startup_slots=128", *EAGER,
                                              "mergers.rule=none", "mergers.startup_buyers=0", "mergers.synergy_rate=1"])] * 2, run_seeds(2, 0, 2))
    for _ in range(3):
        simulation.step()
    open_quarter(simulation)
    listed, view = window(simulation, "startups_are_bought")
    world = simulation.world
    cash = world.array("clouds.cash_usd").copy()
    listed.function(view)
    sides = world.ledger.sides
    assert world.array("market.acquired").min() > 0
    # what owners pay leaves them, what they hold comes back, and the money of the bought arrives
    change = world.array("clouds.cash_usd").sum(axis=-1, keepdims=True) - cash.sum(axis=-1, keepdims=True)
    paid, sold, got = sides["acquisitions by owners"][0], sides["price of stakes sold"][1], sides["cash of startups bought"][1]
    np.testing.assert_allclose(change, sold + got - paid, rtol=1e-6)
    assert ownership_holds(simulation) == []


def test_a_chain_of_startups_that_buy_each_other_ends_with_the_last():
    sets = ["frame.quarters=30", "startups.opening=100", "frame.startup_slots=128", *EAGER,
            "mergers.rule=none", "mergers.startup_buyers=1", "mergers.synergy_rate=1", "mergers.startup_buyer_ranks=20", "mergers.premium=0"]
    simulation = Simulation([load(BASE, sets=sets)] * 2, run_seeds(3, 0, 2))
    for _ in range(2):
        simulation.step()
    world = simulation.world
    world.array("startups.cash_usd")[...] *= 1e6  # so that nobody lacks the money
    open_quarter(simulation)
    listed, view = window(simulation, "startups_are_bought")
    alive, cash = world.array("startups.alive").sum(axis=-1), world.array("startups.cash_usd").sum(axis=-1)
    best = world.array("startups.effective_flop").max(axis=-1)
    share = world.array("startups.ai_share").sum(axis=-1)
    listed.function(view)
    bought = world.array("market.acquired")[:, 0]
    assert bought.min() > 3
    assert np.array_equal(world.array("startups.alive").sum(axis=-1), alive - bought)
    paid = world.ledger.sides["acquisitions by startups"][0][:, 0]
    np.testing.assert_allclose(world.array("startups.cash_usd").sum(axis=-1), cash - paid, rtol=1e-9)
    np.testing.assert_allclose(world.array("startups.ai_share").sum(axis=-1), share, rtol=1e-9)
    assert np.array_equal(world.array("startups.effective_flop").max(axis=-1), best)
    assert ownership_holds(simulation) == []


def test_a_cloud_that_is_split_in_mid_run_keeps_every_identity():
    simulation = Simulation([load(BASE, sets=["frame.quarters=40", "startups.opening=100", "frame.startup_slots=128", *EAGER])] * 2, run_seeds(5, 0, 2))
    for _ in range(16):
        simulation.step()
    world = simulation.world
    before = world.array("clouds.fleet_pflops").sum(axis=(0, 2))
    source, child = np.zeros((2, 2, world.rows["clouds"]), bool)
    source[:, 0], child[:, -1] = True, True  # the first owner into a spare row
    open_quarter(simulation)
    split(world, "clouds", source, child, np.array([[0.5], [0.3]]), {"birth": np.uint64(77)})
    assert [b for b in broken(world) if "conserved" in b.identity or "dead" in b.identity] == []
    np.testing.assert_allclose(world.array("clouds.fleet_pflops").sum(axis=(0, 2)), before, rtol=1e-12)
    world.array("clouds.credits_owed_usd")[:, 0] += world.array("clouds.credits_owed_usd")[:, -1]  # tenants stay with the parent
    world.array("clouds.credits_owed_usd")[:, -1] = 0.0
    for _ in range(12):
        simulation.step()
    assert simulation.failures == []
    assert np.all(world.array("clouds.fleet_pflops")[:, :, -1].sum(axis=0) > 0)


def test_a_backed_startup_is_served_before_its_backers_own_use():
    sets = ["frame.quarters=26", "frame.startup_slots=128", "startups.opening=100", "startups.talent_pool=120", "ownership.backing_hazard=1",
            "ownership.backing_edge=1.01"]
    simulation, seen = Simulation([load(BASE, sets)] * 2, run_seeds(3, 0, 2)), 0
    for _ in range(26):
        simulation.step()
        clouds, rows = simulation.view.clouds, simulation.view.startups
        backs = np.array([[(rows.backer[run] == cloud).any() for cloud in range(clouds.alive.shape[1])] for run in range(2)])
        short = backs & (clouds.own_fill_rate < 1)
        seen += short.sum()
        assert (clouds.backed_fill_rate >= clouds.own_fill_rate - 1e-12)[backs].all()
        assert ((clouds.backed_fill_rate == 1) | (clouds.own_fill_rate == 0))[short].all()
    assert seen > 10, "backers are short of compute now and then"

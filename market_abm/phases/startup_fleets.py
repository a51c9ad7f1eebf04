"""Startups that buy chips: one row of `clouds` is their pool, which orders, houses and runs what they hold titles to.

The pool passes through the phases of every owner. Here it gets its orders, its requests for power and its money, and
startups get their part of what it holds. A title is to a part of the whole fleet, without maker and without age.
"""

from typing import NamedTuple

import numpy as np

from market_abm.behaviour import clouds as owners
from market_abm.behaviour import startup_fleets
from market_abm.exact import add_up, bounded, exp, leading, look_up, ratio, stacked, total
from market_abm.phases.clouds import price_at_sites
from market_abm.state.lifecycle import transfer
from market_abm.state.tables import EVERYBODY_ELSE, STARTUP_POOL

BY_TITLE = ("fleet_pflops", "fleet_mw", "retiring_pflops", "retiring_mw", "active_pflops", "active_mw", "connected_mw")
BY_ORDER = ("ordered_pflops", "overdue_pflops", "sites_mw", "queued_mw")
BY_HOURS = ("used_pflop_hours", "energy_mwh", "own_power_mwh")


def startups_order_chips(world):
    """Let startups choose between renting and owning, order through their pool, and pay in what their orders cost.

    Deposits follow the price of the book: what got dearer is topped up, what got cheaper is paid back.
    """
    clouds, rows = world.clouds, world.startups
    pool, offer = the_pool(clouds), _offer(world)
    wish = _wish(world, offer)
    wish_mw, book_mw = total(wish) * offer.mw_per_pflops, total(rows.on_order_pflops) * offer.mw_per_pflops
    sites = of_pool(clouds, clouds.connected_mw + clouds.sites_mw.waiting())
    needed = of_pool(clouds, clouds.fleet_mw) + book_mw
    powered = np.maximum(0.0, world.rules.clouds.power_slack * sites - needed)
    order = wish * bounded(ratio(powered, wish_mw, 1.0), 0.0, 1.0)
    _ask_for_power(world, needed + wish_mw - sites - of_pool(clouds, clouds.queued_mw.waiting()))
    planned = total(order) * clouds.supplier_share * pool
    rows.on_order_pflops = rows.on_order_pflops + order
    clouds.planned_pflops = clouds.planned_pflops + planned
    clouds.wanted_pflops = clouds.wanted_pflops + pool * (stacked(clouds.fleet_pflops) + total(rows.on_order_pflops))
    clouds.overbooked = clouds.overbooked * (1.0 - pool)  # what is ordered is paid for: nobody cancels it
    book = booked(clouds) + planned
    cost = total(stacked(book * leading(world.makers.investment_usd_per_pflops)) * pool)
    target = rows.on_order_pflops * ratio(cost, total(rows.on_order_pflops))
    more = bounded(target - rows.deposit_usd, 0.0, np.maximum(0.0, rows.cash_usd))
    back = np.maximum(0.0, rows.deposit_usd - target)
    world.move("deposits for chips", left=more, entered=pool * total(more))
    world.move("deposits returned", left=pool * total(back), entered=back)
    rows.deposit_usd = np.maximum(0.0, rows.deposit_usd + more - back)


def startups_take_delivery(world):
    """Share out what the pool got and paid by order, and let titles shrink with what it scrapped."""
    clouds, rows = world.clouds, world.startups
    pool = the_pool(clouds)
    part = ratio(rows.on_order_pflops, total(rows.on_order_pflops))
    received = part * of_pool(clouds, clouds.delivered_pflops)
    left = rows.deposit_usd - part * total(clouds.invested_usd * pool)
    short = np.maximum(0.0, -left)
    world.move("deposits for chips", left=short, entered=pool * total(short))
    rows.deposit_usd = np.maximum(0.0, left)
    rows.on_order_pflops = np.maximum(0.0, rows.on_order_pflops - received)
    titles = rows.own_pflops + received
    rows.own_pflops = titles * np.minimum(1.0, ratio(of_pool(clouds, clouds.fleet_pflops), total(titles)))
    unclaimed = (total(rows.own_pflops + rows.on_order_pflops) == 0) & (of_pool(clouds, clouds.connected_mw) > 0)
    if np.any(unclaimed):  # power that no startup pays for goes to who buys second-hand
        transfer(world.world, "clouds", pool > 0, _second_hand_buyer(clouds) * unclaimed, ("connected_mw",))


def own_chips_come_first(world):
    """Let own chips serve customers, then train, and rent the rest."""
    rows, usd = world.startups, own_hours_usd(world)
    hours = ratio(1.0, rent_faced(world))
    serving = np.minimum(rows.serving_usd, usd)
    training = np.minimum(rows.training_usd, usd - serving)
    rows.own_serving_pflop_hours, rows.own_training_pflop_hours = serving * hours, training * hours
    rows.serving_usd, rows.training_usd = rows.serving_usd - serving, rows.training_usd - training


def own_chips_run(world):
    """Load the pool with the hours that startups use of their own chips."""
    clouds, rows = world.clouds, world.startups
    hours = total(rows.own_training_pflop_hours + rows.own_serving_pflop_hours)
    clouds.used_pflop_hours = clouds.used_pflop_hours + the_pool(clouds) * hours


def startups_pay_for_own_chips(world):
    """Let startups pay the pool's upkeep and electricity."""
    paid = running_costs(world)
    world.move("running costs of own chips", left=paid, entered=the_pool(world.clouds) * total(paid))


def startups_in_distress_sell_chips(world):
    """Let startups without cash sell their chips to everybody else, or to the richest owner, before they fail."""
    clouds, rows, n = world.clouds, world.startups, world.clouds.alive.shape[-1]
    claims = rows.own_pflops + rows.on_order_pflops + rows.deposit_usd
    selling = (rows.cash_usd < 0) & (rows.alive > 0) & (claims > 0)
    if not np.any(selling):
        return
    buyer = _second_hand_buyer(clouds)
    replacement = total(clouds.investment_usd_per_pflops * the_pool(clouds))
    price = world.rules.buying.resale * rows.own_pflops * replacement * selling
    paid = price * bounded(ratio(total(np.maximum(0.0, clouds.cash_usd) * buyer), total(price), 1.0), 0.0, 1.0)
    world.move("second-hand chips", left=buyer * total(paid), entered=paid)
    place = buyer.argmax(axis=-1)[:, None]
    titles_pass_on(world, selling, np.where(selling, place, n))


def titles_pass_on(world, gone, buyer):
    """Give what startups `gone` `(runs, slots)` hold of the pool to owners `buyer`, a link to clouds for each of them.

    Chips, the power that they run on and this quarter's load go by title, orders and power to come by order; their
    deposits come back to them as cash. The phase that calls it lists all columns that are assigned below, and the cash of
    both sides.
    """
    if not np.any(gone):
        return
    clouds, rows, n = world.clouds, world.startups, world.clouds.alive.shape[-1]
    hours = rows.own_training_pflop_hours + rows.own_serving_pflop_hours
    world.market.passed_on_pflop_hours = world.market.passed_on_pflop_hours + total(hours * gone)
    for held, columns in ((rows.own_pflops, BY_TITLE), (rows.on_order_pflops, BY_ORDER), (hours, BY_HOURS)):
        shares = ratio(add_up(held * gone, np.where(gone, buyer, n), n), total(held))
        transfer(world.world, "clouds", the_pool(clouds) > 0, shares, columns)
        clouds.took_over = np.maximum(clouds.took_over, (shares > 0) * 1.0)
    back = rows.deposit_usd * gone
    world.move("deposits returned", left=the_pool(clouds) * total(back), entered=back)
    for column in ("own_pflops", "on_order_pflops", "deposit_usd", "own_training_pflop_hours", "own_serving_pflop_hours"):
        setattr(rows, column, getattr(rows, column) * ~gone)


def the_pool(clouds):
    """Return which row is startups' pool (0 or 1), `(runs, owners)`; none where the cast has none."""
    return (clouds.kind == STARTUP_POOL) * clouds.alive


def own_hours_usd(world):
    """Return what the hours of own chips are worth to each startup: the rent that they save."""
    clouds = world.clouds
    powered = ratio(total(clouds.active_pflops * the_pool(clouds)), of_pool(clouds, clouds.fleet_pflops))
    hours = startup_fleets.own_hours(world.startups, powered, world.rules.clouds.top_utilisation)
    return hours * rent_faced(world)


def running_costs(world):
    """Return each startup's part in the pool's upkeep and electricity, by title and order."""
    clouds, rows = world.clouds, world.startups
    claims = rows.own_pflops + rows.on_order_pflops
    cost = total((owners.upkeep(clouds, world.rules.clouds) + clouds.energy_bill_usd) * the_pool(clouds))
    return cost * ratio(claims, total(claims))


def costs_and_wear(world):
    """Return what own chips cost each startup this quarter as its tax return has it: running costs and straight-line wear."""
    new = total(world.clouds.investment_usd_per_pflops * the_pool(world.clouds))
    return running_costs(world) + world.startups.own_pflops * new / world.rules.chips.life_quarters


class _Offer(NamedTuple):
    """What the pool could buy for startups, each `(runs, 1)`; all zero where there is no pool."""

    price_usd: np.ndarray
    mw_per_pflops: np.ndarray
    pflops_per_chip: np.ndarray
    utilisation: np.ndarray
    usd_per_hour: np.ndarray


def _offer(world):
    """Describe new chips of the pool's choice of makers, and what an hour on them costs."""
    clouds, pool = world.clouds, the_pool(world.clouds)
    price, mw = total(clouds.investment_usd_per_pflops * pool), total(clouds.new_mw_per_pflops * pool)
    chips = of_pool(clouds, clouds.supplier_share * leading(ratio(1.0, world.makers.pflops_per_chip)))
    utilisation = of_pool(clouds, clouds.supplier_share * clouds.maker_utilisation)
    energy = total(price_at_sites(world, world.regions.forecast_usd) * pool)
    return _Offer(price, mw, ratio(1.0, chips), utilisation, startup_fleets.cost_of_owning(price, mw, energy, world.rules))


def _wish(world, offer):
    """Return what each startup would order if there were power, PFLOP/s."""
    rows, buying = world.startups, world.rules.buying
    rent = look_up(world.clouds.contested_rent_usd, rows.provider)
    rented = ratio(rows.training_usd + rows.serving_usd, rent)
    hours = rented + rows.own_training_pflop_hours + rows.own_serving_pflop_hours
    realised = ratio(offer.utilisation, look_up(world.clouds.software, rows.provider), 1.0)
    cost = offer.usd_per_hour * exp(buying.cost_spread * world.lasting.logistic("cost of owning chips", rows.birth))
    advantage = ratio(rent * realised, cost)
    wanted = startup_fleets.fleet_wanted(hours, advantage, buying)
    least = buying.least_chips * offer.pflops_per_chip
    return startup_fleets.affordable_order(rows, wanted, offer.price_usd, least, buying)


def _ask_for_power(world, missing_mw):
    """Queue for the connections that are missing, unless the wait quoted to the pool is too long to bear."""
    clouds, regions, pool = world.clouds, world.regions, the_pool(world.clouds)
    sites = owners.choose_sites(clouds, regions, world.rules.energy) * pool
    wait = of_pool(clouds, sites * leading(regions.quoted_wait_quarters))
    clouds.queued_mw.add(world.quarter, sites * np.maximum(0.0, missing_mw) * (wait <= world.rules.buying.longest_wait_quarters))


def rent_faced(world):
    """Return the rent of each startup's cloud; the market's where it has found none."""
    rent = look_up(world.clouds.contested_rent_usd, world.startups.provider)
    return np.where(rent > 0, rent, world.market.spot_rent_usd) * world.startups.alive


def _second_hand_buyer(clouds):
    """Return the owner (0 or 1) who buys second-hand: everybody else, or the richest where there is none."""
    able = (clouds.alive > 0) & (clouds.kind != STARTUP_POOL)
    purse = np.where(able, clouds.cash_usd + np.where(clouds.kind == EVERYBODY_ELSE, 1e18, 0.0), -np.inf)
    return (np.arange(purse.shape[-1]) == purse.argmax(axis=-1)[:, None]) * able * 1.0


def booked(clouds):
    """Return orders not yet delivered, `(makers, runs, owners)`."""
    return clouds.ordered_pflops.waiting() + clouds.overdue_pflops


def of_pool(clouds, by_layer):
    """Return the pool's part of a column by makers or regions, all layers together, `(runs, 1)`."""
    return total(stacked(by_layer) * the_pool(clouds))

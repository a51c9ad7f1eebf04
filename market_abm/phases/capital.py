"""Step 6: startups raise rounds; owners receive group cash, borrow and sell shares for what is due."""

import numpy as np

from market_abm.behaviour import clouds as owners
from market_abm.behaviour import investors, startups
from market_abm.exact import bounded, leading, ratio, stacked
from market_abm.state.tables import PUBLIC_CLOUD


def venture_capital_is_raised(world):
    """Move the pool with the market's growth and divide it among the best-looking seekers."""
    market, rows, rules = world.market, world.startups, world.rules
    pool = investors.venture_pool(market, rules.venture, rules.training.prize_years)
    market.venture_pool_usd = pool
    seeks = startups.seek_money(rows, rules.startups)
    noise = world.draws.logistic("investors' eye", rows.birth)
    lots = world.draws.uniform("order among equals", rows.birth)
    raised = startups.funding_rounds(rows, seeks, pool, rules.startups, noise, lots)
    worn = rows.round_usd * (1.0 - rules.startups.wage_decay)
    rows.raised_usd = raised
    rows.round_usd = np.maximum(worn, raised)
    world.move("venture capital", entered=raised)


def owners_find_money(world):
    """Bring in the group's cash for compute, then borrow or sell shares for chips due and power planned.

    A group also covers what its owner lost last quarter, as far as its cash flow goes; a neocloud has none, and behind a
    public cloud stands the state.
    """
    clouds, rules = world.clouds, world.rules.clouds
    lost = np.minimum(np.maximum(0.0, -clouds.cash_usd), rules.loss_cover * (1.0 - np.minimum(rules.omega, 1.0)) * clouds.group_cash_flow_usd)
    world.move("group cash flow", entered=rules.omega * clouds.group_cash_flow_usd + lost)
    world.move("public money", entered=owners.public_money(clouds, rules) + np.maximum(0.0, -clouds.cash_usd) * (clouds.kind == PUBLIC_CLOUD))
    chips_usd = _chips_due_usd(world)
    due = chips_usd + _power_planned_usd(clouds, world.rules.energy)
    equity = owners.backed(clouds, rules) * rules.neocloud_equity * np.maximum(0.0, due - np.maximum(clouds.cash_usd, 0.0))
    need = np.maximum(0.0, due - clouds.cash_usd - equity)
    loan = np.minimum(need, owners.credit_room(clouds, rules, ratio(chips_usd, clouds.investment_usd_per_pflops)))
    world.move("equity of clouds", entered=equity)
    world.move("lending", entered=loan)
    clouds.debt_usd = clouds.debt_usd + loan


def power_of_own_is_started(world):
    """Start the conversions and own plants that cash can pay once the chips due are set aside; pay for them."""
    clouds, rules, q = world.clouds, world.rules.energy, world.quarter
    spare = np.maximum(0.0, clouds.cash_usd - _chips_due_usd(world))
    part = bounded(ratio(spare, _power_planned_usd(clouds, rules), 1.0), 0.0, 1.0)
    converted, own = clouds.conversion_planned_mw * part, clouds.own_power_planned_mw * part
    sites = ratio(clouds.connected_mw, stacked(clouds.connected_mw))
    clouds.converting_mw.place(q, converted * sites, rules.conversion_quarters)
    clouds.own_power_building_mw.place(q, own, rules.own_power_quarters)
    world.move("conversion of data centres", left=converted * rules.conversion_usd_per_mw)
    world.move("own power plants", left=own * rules.own_power_usd_per_mw)


def _chips_due_usd(world):
    """Return what this quarter's deliveries would cost each owner."""
    due = world.clouds.overdue_pflops + world.clouds.ordered_pflops.arrivals(world.quarter)
    return stacked(due * leading(world.makers.investment_usd_per_pflops))


def _power_planned_usd(clouds, rules):
    """Return what the conversions and own plants decided this quarter cost each owner."""
    return clouds.conversion_planned_mw * rules.conversion_usd_per_mw + clouds.own_power_planned_mw * rules.own_power_usd_per_mw

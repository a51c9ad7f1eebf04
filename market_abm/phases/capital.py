"""Step 6: startups raise rounds; owners receive group cash, borrow and sell shares for what is due."""

import numpy as np

from market_abm.behaviour import clouds as owners
from market_abm.behaviour import investors, startups
from market_abm.exact import leading, stacked


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
    """Bring in the group's cash for compute, then borrow or sell shares for what is due.

    A group also covers what its owner lost last quarter, as far as its cash flow goes; a neocloud has none.
    """
    clouds, rules = world.clouds, world.rules.clouds
    lost = np.minimum(np.maximum(0.0, -clouds.cash_usd), (1.0 - np.minimum(rules.omega, 1.0)) * clouds.group_cash_flow_usd)
    world.move("group cash flow", entered=rules.omega * clouds.group_cash_flow_usd + lost)
    due = clouds.overdue_pflops + clouds.ordered_pflops.arrivals(world.quarter)
    due = stacked(due * leading(world.makers.investment_usd_per_pflops))
    equity = owners.backed(clouds, rules) * rules.neocloud_equity * np.maximum(0.0, due - np.maximum(clouds.cash_usd, 0.0))
    need = np.maximum(0.0, due - clouds.cash_usd - equity)
    loan = np.minimum(need, owners.credit_room(clouds, rules))
    world.move("equity of clouds", entered=equity)
    world.move("lending", entered=loan)
    clouds.debt_usd = clouds.debt_usd + loan

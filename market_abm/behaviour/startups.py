"""How startups are funded, spend, and enter."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import bounded, exp, log, order_by, put_back, ratio, share_or_zero, total


class Spending(NamedTuple):
    """What startups want this quarter at the rent they face, on own chips and rented, USD, `(runs, slots)`."""

    training_usd: np.ndarray
    serving_usd: np.ndarray


def wages(startups, rules):
    """Return committed wages: they follow the last round, worn down slowly, or revenue where that is more. Source: assumed form."""
    return np.maximum(rules.wage_share * startups.round_usd, rules.wage_revenue_share * startups.ai_revenue_usd)


def spending(startups, spend_expected, rules, serving_cost_share, own_usd=0.0):
    """Split money and credits between serving the customers expected and research, keeping wages in reserve.

    `own_usd` is the rent that own chips save or the state pays; it serves first, and adds to what the money can rent.
    Source: assumed form.
    """
    free = np.maximum(0.0, startups.cash_usd - rules.reserve_quarters * startups.wages_usd) + startups.credits_usd
    serving = np.minimum(serving_cost_share * startups.ai_share * spend_expected, rules.serving_cap * free + own_usd)
    rented = np.maximum(0.0, serving - own_usd)
    margin = np.maximum(0.0, startups.ai_share * spend_expected - rented - startups.wages_usd)
    affordable = np.maximum(0.0, np.minimum(free - rented, (free - rented) / rules.spending_quarters + margin))
    return Spending(np.minimum(startups.budget_usd, affordable + np.maximum(0.0, own_usd - serving)), serving)


def seek_money(startups, rules):
    """Return who seeks a round (0 or 1): whoever has less than a few quarters of spending left. Source: assumed form."""
    burn = startups.wages_usd + startups.training_usd + startups.serving_usd - startups.ai_revenue_usd
    short = startups.cash_usd + startups.credits_usd < rules.runway_quarters * np.maximum(burn, startups.wages_usd)
    return (short & (startups.alive > 0)) * 1.0


def funding_rounds(startups, seeks, pool_usd, rules, noise, lots):
    """Divide venture capital among the best-looking seekers, shares proportional to exp(psi * rank).

    Only the top part of seekers is funded, and a round is bounded by what the startup could use.
    Source: assumed form.
    """
    score = log(np.maximum(startups.effective_flop, 1.0)) + rules.score_noise * noise
    drawn = order_by(lots)  # equals stand in the order of drawn lots, never of their slots
    key = np.take_along_axis(np.where(seeks > 0, -score, np.inf), drawn, axis=-1)
    order = np.take_along_axis(drawn, order_by(key), axis=-1)
    place = put_back(np.broadcast_to(np.arange(score.shape[-1], dtype=np.float64), score.shape), order)
    seekers = total(seeks)
    funded = np.floor(rules.funded_share * seekers + 0.5)
    chosen = seeks * (place < funded)
    rank = 1.0 - ratio(place, funded)
    part = share_or_zero(chosen * exp(rules.selectivity * bounded(rank, 0.0, 1.0)))
    useful = rules.largest_round * 4.0 * (startups.wages_usd + startups.budget_usd)
    return np.minimum(part * pool_usd, useful) * chosen


def founders(alive, market, rules):
    """Return the expected number of founders: expected funding over entry cost, stopped by the talent pool.

    Entry costs a sum of its own and a part of what the largest training run costs, so that it gets
    dearer as the race escalates.
    Source: endogenous sunk cost, Sutton 1991; assumed form.
    """
    cost = rules.entry_cost_usd + rules.entry_run_share * market.frontier_cost_usd
    funding = market.venture_pool_usd + rules.voucher_usd * np.maximum(total(alive), 1.0)
    prospect = ratio(4.0 * funding, np.maximum(total(alive), 1.0) * cost)
    room = np.maximum(0.0, 1.0 - total(alive) / rules.talent_pool)
    return rules.entry_rate * np.minimum(prospect, rules.entry_cap) * room


def endowment(lasting, births, rules):
    """Return cash and research skill of each birth, `(runs, slots)`. Source: assumed form."""
    cash = rules.opening_cash_usd * exp(rules.cash_spread * lasting.logistic("founders' cash", births))
    return cash, exp(rules.skill_spread * lasting.logistic("research skill", births))

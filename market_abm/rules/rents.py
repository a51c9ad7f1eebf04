"""How clouds that rent out set what they offer and the rent of it.

Every rule returns `(2, runs, clouds)`: hours offered, and USD for each of them.
"""

from typing import NamedTuple

import numpy as np

from market_abm.exact import bounded, exp, leading, log, power, ratio, stacked, total
from market_abm.rules import choose
from market_abm.rules.demand import BUDGET, LINEAR, LOGIT, Offers, elasticity_of, inverse, logit_shares, size_hours

ROUNDS = 100  # of the fixed points of prices
LONGEST_STEP = 0.25  # of a price, in logs, on the way to its fixed point
LEAST = 1e-9  # of a market's size or price: where there is nothing at all, logs and ratios would have no end
HALVINGS = 64  # of the interval in which a best reply lies


class Sellers(NamedTuple):
    """What each cloud knows of itself, each `(runs, clouds)`."""

    hours: np.ndarray  # capacity that it can offer
    output: np.ndarray  # hours offered last quarter
    rent_usd: np.ndarray  # last quarter's
    asked_hours: np.ndarray  # at that rent
    cost_usd: np.ndarray  # of an hour
    cost_before_usd: np.ndarray
    floor_usd: np.ndarray
    ceiling_usd: np.ndarray
    share: np.ndarray  # of all hours rented last quarter
    share_before: np.ndarray
    quality: np.ndarray
    appeal: np.ndarray
    odds: np.ndarray
    weights: np.ndarray  # (clouds, runs, clouds): weight of the profit of the one in front in a cloud's objective


class Conduct(NamedTuple):
    """How clouds compete, each `(runs, 1)`."""

    rent_speed: np.ndarray
    rent_step: np.ndarray
    output_speed: np.ndarray
    markup_response: np.ndarray
    margin: np.ndarray
    elasticity: np.ndarray  # of tenants' choice, in the log of rent


def offers_of(sellers):
    """Return what customers see of what sellers could offer."""
    return Offers(sellers.hours, sellers.quality, sellers.appeal, sellers.odds)


def scarcity(sellers, market, conduct):
    """Move the rent towards what clears, ln p by l ln(asked/offered), in bounds.

    Source: price adjustment by excess demand, Samuelson 1941; bounds: MODEL of a sticky list price above.
    """
    pressure = log(bounded(ratio(sellers.asked_hours, sellers.hours, 1.0), 0.05, 20.0))
    move = bounded(conduct.rent_speed * pressure, -conduct.rent_step, conduct.rent_step)
    return np.stack([sellers.hours, bounded(sellers.rent_usd * exp(move), sellers.floor_usd, sellers.ceiling_usd)])


def cost_based(sellers, market, conduct):
    """Set the rent to cost and an allowed margin, p = c/(1 - m), whatever is asked. Source: Laffont and Tirole 1993."""
    return np.stack([sellers.hours, sellers.cost_usd / (1.0 - conduct.margin)])


def markup(sellers, market, conduct):
    """Adapt the markup to the market share, m' = m (1 + v growth of share), p = (1 + m) c.

    It has no anchor: any level of the markup at which shares stand still is kept for ever.
    Source: Dosi, Fagiolo and Roventini 2010, eq. 9.
    """
    old = np.maximum(0.0, ratio(sellers.rent_usd, sellers.cost_before_usd, 1.0) - 1.0)
    growth = ratio(sellers.share - sellers.share_before, sellers.share_before)
    adapted = old * np.maximum(0.0, 1.0 + conduct.markup_response * growth)
    return np.stack([sellers.hours, (1.0 + adapted) * sellers.cost_usd])


def cournot(sellers, market, conduct):
    """Choose hours: part of the way to the best reply to the hours that others sold, all at once; the rent clears.

    Best reply maximises own profit and, by weight, that of owners in whom a share is held.
    Source: Cournot 1838; simultaneous adjustment Theocharis 1960; weights O'Brien and Salop 2000.
    """
    old = np.minimum(sellers.output, sellers.hours)
    units = old * sellers.quality
    reply = ratio(choose(BEST_REPLY, market.form, units, sellers, market), sellers.quality)
    output = bounded(old + conduct.output_speed * (reply - old), 0.0, sellers.hours)
    return np.stack([output, inverse(total(output * sellers.quality), market) * sellers.quality])


def nash_logit(sellers, market, conduct):
    """Set the Bertrand price of differentiated goods: customers choose by a logit in rent, or in its log where spending is given.

    In rent: p = c + m, m_j = 1/a + sum_k w_jk s_k m_k with own weight 1, which is 1/(a(1 - s)) without
    stakes. In its log: p = c(1 + 1/(a(1 - s))). Both solved as fixed points. Source: Anderson, de Palma and Thisse 1992, ch. 7.
    """
    linear = market.form == LOGIT
    start = np.maximum(sellers.rent_usd, sellers.cost_usd)
    return np.stack([sellers.hours, np.where(linear, _logit_prices(sellers, market), _log_prices(start, sellers, conduct))])


def capacity_clearing(sellers, market, conduct):
    """Set what capacity clears at, or the price that would rule without limits to capacity where that is more.

    Of one good that price is the cost, or for the cheapest the next lowest cost or its monopoly price if that is less
    (Bertrand), of differentiated ones `nash_logit`. For one good and equal costs it is the pure equilibrium where there is
    one; where there is none the mixed one is not drawn. Where some clouds are short of capacity and others are not, with
    unequal costs or differentiated goods, it is approximate. Source: Kreps and Scheinkman 1983.
    """
    one_good = inverse(total(sellers.hours * sellers.quality), market) * sellers.quality
    many = (market.form == LOGIT) | (market.form == BUDGET)
    free = np.where(many, nash_logit(sellers, market, conduct)[1], _bertrand(sellers, market))
    clearing = np.where(market.form == LOGIT, _logit_clearing(sellers, market), one_good)
    clearing = np.where(market.form == BUDGET, ratio(market.spend_usd * sellers.odds, sellers.hours), clearing)
    return np.stack([sellers.hours, np.maximum(free, clearing)])


RENT_PRICING = {
    "nash_logit": nash_logit, "cournot": cournot, "markup": markup, "scarcity": scarcity, "cost_based": cost_based,
    "capacity_clearing": capacity_clearing,
}
SCARCITY = list(RENT_PRICING).index("scarcity")


def best_reply_in_a_line(units, sellers, market):
    """Return the best reply to others' units under linear demand Y = M(1 - P/a): (M(1 - c/a) - others - weighted others) / 2."""
    others = total(units) - units + stakes_in(units, sellers.weights)
    room = size_hours(market) * (1.0 - ratio(sellers.cost_usd, sellers.quality) / market.choke_usd) - others
    return np.where(sellers.hours > 0, np.maximum(0.0, 0.5 * room), 0.0)


def best_reply_on_a_curve(units, sellers, market):
    """Return the best reply to others' units under demand of elasticity e: the root of P(Y)(1 - (y + stakes)/(eY)) = c.

    Bisected in the log of all units Y; nothing where even the first unit does not pay.
    """
    elasticity, size = market.elasticity, size_hours(market)
    cost = np.maximum(ratio(sellers.cost_usd, sellers.quality, np.inf), LEAST * market.reference_usd)
    others, held = total(units) - units, stakes_in(units, sellers.weights)
    most = log(size) + elasticity * (log(market.reference_usd) - log(cost))  # all units at which price is cost, in logs
    low, high = log(np.maximum(others, LEAST * size)), np.maximum(most, log(LEAST * size))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        units_there = exp(middle)
        price = market.reference_usd * power(size / units_there, 1.0 / elasticity)
        more = price * (1.0 - (units_there - others + held) / (elasticity * units_there)) > cost
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.where((most > log(others)) & (sellers.hours > 0), np.maximum(0.0, exp(low) - others), 0.0)


def best_reply_to_given_spending(units, sellers, market):
    """Return the best reply where all units Y cost S together, P = S/Y: Y^2 = S (others - weighted others) / c.

    Beside no others there is none: the fewer the units, the dearer; a speck is offered.
    """
    cost, size = np.maximum(ratio(sellers.cost_usd, sellers.quality, np.inf), LEAST * market.reference_usd), size_hours(market)
    others = np.maximum(total(units) - units, LEAST * size)
    rivals = np.maximum(0.0, others - stakes_in(units, sellers.weights))
    return np.where(sellers.hours > 0, np.maximum(0.0, np.sqrt(market.spend_usd * rivals / cost) - others), 0.0)


BEST_REPLY = {  # in the order of DEMAND; where goods differ, spending is given and hours count as one good
    "linear": best_reply_in_a_line, "isoelastic": best_reply_on_a_curve, "logit": best_reply_to_given_spending,
    "quality": best_reply_to_given_spending, "budget": best_reply_to_given_spending,
}


def stakes_in(x, weights):
    """Return for each cloud the sum of others' x by the weight of their profit in its objective, `(runs, clouds)`."""
    return stacked(weights * leading(x))


def _logit_prices(sellers, market):
    """Solve m_j = 1/a + s_j m_j + sum_k w_jk s_k m_k at the shares of p = c + m."""
    offers, margin = offers_of(sellers), 0.0 * sellers.cost_usd + 1.0 / market.sensitivity
    for _ in range(ROUNDS):
        share = logit_shares(sellers.cost_usd + margin, offers, market)
        margin = 1.0 / market.sensitivity + share * margin + stakes_in(share * margin, sellers.weights)
    return sellers.cost_usd + margin


def _log_prices(start, sellers, conduct):
    """Solve p = c(1 + 1/(a(1 - s))), s by size and p^-a, in logs; the step is Newton's for one cloud, and short far off."""
    a, price = conduct.elasticity, start
    for _ in range(ROUNDS):
        weight = sellers.odds * power(ratio(price, sellers.rent_usd, 1.0), -a)
        share = ratio(weight, total(weight))
        aim = sellers.cost_usd * (1.0 + ratio(1.0, a * (1.0 - share), 1e6))
        move = (a * (1.0 - share) + 1.0) / (a + 1.0) * log(ratio(aim, price, 1.0))
        price = price * exp(bounded(move, -LONGEST_STEP, LONGEST_STEP))
    return price


def _bertrand(sellers, market):
    """Return the rents of one good without limits to capacity: cost, but the cheapest asks up to the next lowest cost.

    Alone it asks its monopoly price; where demand is so inelastic that there is none, cost.
    """
    cost = np.where(sellers.hours > 0, ratio(sellers.cost_usd, sellers.quality, np.inf), np.inf)
    oneself = np.arange(cost.shape[-1])[:, None] == np.arange(cost.shape[-1])
    rival = np.min(np.where(oneself, np.inf, cost[:, None, :]), axis=-1)
    e = elasticity_of(market)
    alone = np.where(market.form == LINEAR, 0.5 * (market.choke_usd + cost), cost * ratio(e, e - 1.0, np.inf))
    most = np.minimum(rival, np.where(cost > 0, alone, np.where(market.form == LINEAR, alone, np.inf)))
    return np.where((most < np.inf) & (sellers.hours > 0), np.maximum(cost, most) * sellers.quality, sellers.cost_usd)


def _logit_clearing(sellers, market):
    """Return the rent at which logit customers take all hours of every cloud; 0 where these are more than all want."""
    size = size_hours(market)
    left = size - total(sellers.hours)
    wanted = sellers.appeal - log(np.maximum(ratio(sellers.hours, np.maximum(left, LEAST * size)), 1e-300))
    return np.where((left > 0) & (sellers.hours > 0), np.maximum(0.0, wanted / market.sensitivity), 0.0)

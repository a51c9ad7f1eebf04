"""What a buyer would do at another price: elasticities, diversion and pass-through, for chips and rented compute.

Both demand systems are logits in the log of price. Of chips a buyer splits an order of given PFLOP/s; of
rented compute a tenant splits a given sum of money, so that hours also fall because the money buys fewer.
"""

import numpy as np

from market_abm.exact import at_best, bounded, leading, ratio, stacked, total, trailing, weighted
from market_abm.metrics.metric import Metric
from market_abm.rules.choice import size_at_price
from market_abm.rules.demand import BUDGET
from market_abm.rules.pricing import CHIP_PRICING

NASH_LOGIT, COST_BASED = (list(CHIP_PRICING).index(name) for name in ("nash_logit", "cost_based"))


def own_elasticity(alpha, shares):
    """Return the elasticity of each option's share to its own price in a logit in log price, -alpha (1 - s).

    Source: Anderson, de Palma and Thisse 1992, ch. 7. Where shares are of money, quantities have one less.
    """
    return -alpha * (1.0 - shares)


def cross_elasticity(alpha, shares):
    """Return the elasticity of any other option's share to each option's price, alpha s: the same for all others."""
    return alpha * shares


def diversion(shares, source):
    """Return the part of what option `source` (0 or 1 a row) loses that goes to each other: s_k / (1 - s).

    In proportion to shares, as independence of irrelevant alternatives has it. Source: Shapiro 1996.
    """
    left = 1.0 - total(shares * source)
    return ratio(shares * (1.0 - source), left, np.nan)


def pass_through(alpha, share):
    """Return d ln p / d ln c of p = c e/(e - 1) with e = 1 + alpha (1 - s), rivals' prices given.

    The share falls with the price, demand gets more elastic, and part of the cost is borne:
    1 / (1 + alpha^2 s (1 - s) / (e (e - 1))). Source: Weyl and Fabinger 2013 for the principle; derived.
    """
    elasticity = 1.0 + alpha * (1.0 - share)
    return ratio(1.0, 1.0 + ratio(alpha * alpha * share * (1.0 - share), elasticity * (elasticity - 1.0)), np.nan)


def mixed_logit(alpha, shares, weight):
    """Return (own elasticities, {i -> k} diversion) of options over buyers who differ.

    `shares` is `(options, runs, buyers)`, `weight` what each buyer takes in all. Own elasticities are
    `(runs, options)`; diversion `(options from, runs, options to)`, 0 to itself.
    """
    taken = trailing(total(shares * weight))
    loses = trailing(total(shares * (1.0 - shares) * weight))
    goes = [ratio(trailing(total(shares * one * weight)), loses[:, i : i + 1], np.nan) for i, one in enumerate(shares)]
    kept = [np.where(np.arange(len(shares)) == i, 0.0, part) for i, part in enumerate(goes)]
    return ratio(-alpha * loses, taken, np.nan), np.stack(kept)


def chips_demand(world):
    """Return the leader's own elasticity to its chip price and the diversion from it to the runner-up.

    The elasticity is that of PFLOP/s ordered, buyer by buyer; the chip is only a part of what is invested
    in it. How much is ordered in all is taken as given.
    """
    makers, clouds, rules = world.makers, world.clouds, world.rules
    weight = stacked(clouds.planned_pflops)
    own, goes = mixed_logit(rules.chips.choice_elasticity, clouds.supplier_share, weight)
    chip_part = ratio(makers.price_usd_per_pflops * (1.0 + rules.clouds.server_overhead), makers.investment_usd_per_pflops)
    ordered = trailing(total(clouds.supplier_share * weight))
    first = _first(ordered)
    second = _first(np.where(first > 0, -1.0, ordered))
    from_leader = stacked(np.where(leading(first) > 0, goes, 0.0))  # who sells nothing loses nothing, and has no diversion
    seen = ratio(1.0, total(ordered), np.nan)
    return at_best(own * chip_part, ordered) + 0.0 * seen, total(from_leader * second) + 0.0 * seen


def pass_through_chips(world):
    """Return the mean pass-through of makers' costs, by sales: 1 where a bound of the margin or the rule of cost holds.

    nan under a rule whose price follows what was seen, or other makers' output: it has none of this kind.
    """
    makers, rules = world.makers, world.rules.chips
    alpha, share = rules.choice_elasticity, makers.share_of_orders
    margin = ratio(1.0, 1.0 + alpha * (1.0 - share))
    free = (margin > rules.margin_floor) & (margin < rules.margin_cap) & (rules.pricing == NASH_LOGIT)
    known = np.where((rules.pricing == NASH_LOGIT) | (rules.pricing == COST_BASED), 0.0, np.nan)
    return weighted(np.where(free, pass_through(alpha, bounded(share, 0.0, 1.0)), 1.0), makers.sales_usd, np.nan) + known


def rental_shares(world):
    """Return each cloud's part in the money of tenants who choose afresh: its size at its rent (a logit)."""
    clouds = world.clouds
    offered = clouds.active_pflops * clouds.tenant_share * (clouds.rents_out > 0) * clouds.sells
    return size_at_price(offered, clouds.contested_rent_usd, world.rules.clouds.provider_elasticity)


def rental_demand(world):
    """Return the largest cloud's own elasticity of hours, -1 - eta (1 - s), and the diversion of money to the second.

    Of tenants who choose afresh; those who stay with their provider react with their money alone. nan under another demand
    than `budget`, where hours follow another curve.
    """
    shares = world.noted("rental shares", rental_shares)
    first = _first(shares)
    second = _first(np.where(first > 0, -1.0, shares))
    own = own_elasticity(world.rules.clouds.provider_elasticity, shares) - 1.0
    there = np.where((total(shares) > 0) & (world.rules.rental.demand == BUDGET), 0.0, np.nan)
    return total(own * first) + there, total(diversion(shares, first) * second) + there


def lerner_rental(world):
    """Return 1 - full cost of new capacity over the contested rent, by hours rented; below 0 where rent does not cover it."""
    clouds = world.clouds
    margin = 1.0 - ratio(clouds.full_cost_usd, clouds.contested_rent_usd, 1.0)
    return weighted(margin, clouds.rented_pflop_hours * (clouds.contested_rent_usd > 0), np.nan)


def _first(x):
    """Mark the largest of each run, the first of equals."""
    return (np.arange(x.shape[-1]) == x.argmax(axis=-1)[:, None]) * 1.0


METRICS = (
    Metric("own_elasticity_chips", "1", "Elasticity of orders for the leading maker's chips to their price, total orders given.",
           lambda w: w.noted("chips demand", chips_demand)[0], signed=True),
    Metric("diversion_chips", "share", "Part of the orders that the leading maker would lose that would go to the second.",
           lambda w: w.noted("chips demand", chips_demand)[1]),
    Metric("pass_through_chips", "1", "Rise of a maker's price with its own cost, in logs, by sales.", pass_through_chips),
    Metric("own_elasticity_rental", "1", "Elasticity of hours rented from the largest cloud to its rent, tenants who choose afresh.",
           lambda w: w.noted("rental demand", rental_demand)[0], signed=True),
    Metric("diversion_rental", "share", "Part of the money that the largest cloud would lose that would go to the second.",
           lambda w: w.noted("rental demand", rental_demand)[1]),
    Metric("lerner_rental", "share of rent", "1 - full cost of new capacity over contested rent, by hours rented.", lerner_rental, signed=True),
)

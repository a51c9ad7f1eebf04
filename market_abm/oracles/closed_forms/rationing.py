"""Who gets what of too little (oracle O21), and what two inputs give that only work together (oracle O26).

Orders are `(buyers,)`, supply one number in the same unit. Every rule gives 0 <= award <= order and never more than the supply.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np


def proportional(orders, supply):
    """Give everybody the same part of its order, min(1, K / sum(d)) d. Source: Thomson 2003, the proportional rule."""
    orders = np.asarray(orders, float)
    wanted = math.fsum(orders)
    return orders.copy() if wanted <= supply else orders * (supply / wanted)


def equal_awards(orders, supply):
    """Give everybody the same amount, at most its order, min(d, level): constrained equal awards.

    Source: Aumann and Maschler 1985; Thomson 2003.
    """
    return weighted_awards(orders, supply, np.ones(len(orders)))


def weighted_awards(orders, supply, weights):
    """Give everybody an amount in proportion to its weight, at most its order, min(d, level w), the level by bisection.

    A buyer without weight gets nothing, even where something is left. Source: Moulin 2000; Thomson 2003.
    """
    orders, weights = np.asarray(orders, float), np.asarray(weights, float)
    heavy = weights > 0
    if math.fsum(orders[heavy]) <= supply:
        return np.where(heavy, orders, 0.0)
    low, high = 0.0, float((orders[heavy] / np.maximum(weights[heavy], 1e-280)).max())
    while low < (level := low + (high - low) / 2.0) < high:  # until no number lies between
        short = math.fsum(np.minimum(orders, level * weights)) <= supply
        low, high = (level, high) if short else (low, level)
    return np.minimum(orders, low * weights)


def strict_priority(orders, supply, ranks=None):
    """Serve whole orders by rank, lowest first (as listed by default); equal ranks share what is left in proportion.

    Source: Moulin 2000, priority rules.
    """
    orders = np.asarray(orders, float)
    ranks = np.arange(len(orders)) if ranks is None else np.asarray(ranks)
    awards, left = np.zeros(len(orders)), float(supply)
    for rank in np.unique(ranks):
        here = ranks == rank
        awards[here] = proportional(orders[here], left)
        left = max(0.0, left - math.fsum(awards[here]))
    return awards


def highest_bid_first(orders, supply, bids):
    """Serve whole orders by bid, highest first; equal bids share what is left in proportion.

    It says who is served, not what is paid. Source: discriminatory multi-unit auction, Krishna 2010, chapter 12.
    """
    return strict_priority(orders, supply, -np.asarray(bids, float))


def contracts_first(orders, supply, contracted):
    """Serve the contracted part of every order in proportion, then the rest of all orders in proportion.

    `contracted` counts up to the order. Source: the proportional rule of Thomson 2003 with two classes of priority, Moulin 2000.
    """
    orders = np.asarray(orders, float)
    first = np.minimum(orders, np.asarray(contracted, float))
    served = proportional(first, supply)
    return served + proportional(orders - first, max(0.0, supply - math.fsum(served)))


def capped(orders, supply, share_max):
    """Share in proportion to orders with nobody above `share_max` of the supply; what nobody may take stays unsold.

    Whoever would pass the cap is held at it, and what is left is shared again among the others, until nobody passes.
    Source: the proportional rule of Thomson 2003 with an upper bound, as in caps on purchases in spectrum auctions (Cramton 2013).
    """
    orders, cap = np.asarray(orders, float), share_max * supply
    held = np.zeros(len(orders), bool)
    while True:
        awards = np.where(held, cap, 0.0)
        awards[~held] = proportional(orders[~held], max(0.0, supply - cap * held.sum()))
        over = ~held & (awards > cap)
        if not over.any():
            return awards
        held |= over


def expected_by_drawn_order(orders, supply, weights=None):
    """Return mean awards when whole orders are served in a drawn order, by going through every order.

    The next to be served is drawn in proportion to weight from those not yet served (equal weights by default), all
    weights above 0. Up to about eight buyers. Source: random priority, Moulin 2000; drawn orders, Plackett 1975.
    """
    weights = [1.0] * len(orders) if weights is None else [float(weight) for weight in weights]
    mean = np.zeros(len(orders))
    for line in itertools.permutations(range(len(orders))):
        left, chance = math.fsum(weights), 1.0
        for buyer in line:
            chance *= weights[buyer] / left
            left -= weights[buyer]
        mean += chance * strict_priority(orders, supply, np.argsort(line))
    return mean


class Energised(NamedTuple):
    """What chips and power give together."""

    live_chips: float
    idle_chips: float
    idle_mw: float
    pflops: float


def energised(chips, power_mw, kw_per_chip, pflops_per_chip):
    """Run as many chips as there are and have power, min(chips, MW / MW per chip). Source: Leontief 1941, fixed coefficients."""
    live = min(chips, 1000.0 * power_mw / kw_per_chip)
    return Energised(live, chips - live, power_mw - live * kw_per_chip / 1000.0, live * pflops_per_chip)


def shadow_prices(chips, power_mw, kw_per_chip, pflops_per_chip, step=1e-3):
    """Return what one more chip and one more MW would give [PFLOP/s a chip, PFLOP/s a MW], by forward differences.

    `step` is relative to what there is; within it of the point where both bind the difference mixes the two sides.
    Source: Leontief 1941; the scarce input alone has a price.
    """
    now = energised(chips, power_mw, kw_per_chip, pflops_per_chip).pflops
    more_chips, more_mw = step * (chips or 1.0), step * (power_mw or 1.0)
    of_chips = energised(chips + more_chips, power_mw, kw_per_chip, pflops_per_chip).pflops - now
    of_mw = energised(chips, power_mw + more_mw, kw_per_chip, pflops_per_chip).pflops - now
    return of_chips / more_chips, of_mw / more_mw

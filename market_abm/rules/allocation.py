"""Who gets what when orders exceed supply. Never more than ordered, never more than there is.

Every rule is called as `rule(orders, supply, weights, lots, floor, contracted, bids, cap)` and looks at what it needs:
orders, weights of relationship, lots in (0, 1), the part of the orders that was contracted earlier and bids are
`(..., runs, buyers)`; supply and floor `(..., runs, 1)`; cap, a share of supply, either of the two.
"""

import numpy as np

from market_abm.exact import before, best, log, order_by, put_back, ratio, serve_in_order, total


def proportional(orders, supply, weights=None, lots=None, floor=None, contracted=None, bids=None, cap=None):
    """Give every buyer the same fraction of its order. Source: Thomson 2003, the proportional rule."""
    return orders * np.fmin(1.0, supply / total(orders))


def equal_awards(orders, supply, weights=None, lots=None, floor=None, contracted=None, bids=None, cap=None):
    """Give everybody the same amount, at most its order: constrained equal awards. Source: Aumann and Maschler 1985."""
    ranked = np.take_along_axis(orders, order_by(orders), axis=-1)
    left = np.arange(orders.shape[-1], 0, -1.0)
    level = best((supply - before(ranked)) / left)
    return np.minimum(orders, np.maximum(level, 0.0))


def relationship(orders, supply, weights, lots, floor, contracted=None, bids=None, cap=None):
    """Share by weight of relationship, water-filled up to each order, after a proportional floor.

    What the weights cannot place (buyers without history) is shared in proportion to what is left.
    Source: reinforcement by past success, Arthur 1989; weighted awards, Thomson 2003.
    """
    first = proportional(orders, supply * floor)
    second = water_filled(np.maximum(0.0, orders - first), np.maximum(0.0, supply - total(first)), weights)
    placed = np.minimum(orders, first + second)
    rest = proportional(orders - placed, np.maximum(0.0, supply - total(placed)))
    return np.minimum(orders, placed + rest)  # rounding must not give more than was ordered


def lottery(orders, supply, weights, lots, floor=None, contracted=None, bids=None, cap=None):
    """Serve whole orders in the order of drawn lots. Source: random priority, Moulin 2000."""
    return serve_in_order(orders, supply, order_by(lots))


def contracts_first(orders, supply, weights, lots, floor, contracted, bids=None, cap=None):
    """Serve what was contracted in earlier quarters first, then new orders; in proportion within each.

    Source: rationing with priority classes, proportional within a class, Moulin 2000.
    """
    old = np.minimum(orders, contracted)
    first = proportional(old, supply)
    second = proportional(orders - old, np.maximum(0.0, supply - total(first)))
    return np.minimum(orders, first + second)  # rounding must not give more than was ordered


def auction(orders, supply, weights, lots, floor, contracted, bids, cap=None):
    """Serve whole orders, highest bid first, equal bids by lots. It decides who is served, not what is paid.

    The price stays the posted one. Source: the highest bids win, Vickrey 1961, without his payments.
    """
    return serve_in_order(orders, supply, np.lexsort((lots, -bids), axis=-1))


def capped(orders, supply, weights, lots, floor, contracted, bids, cap):
    """Share in proportion to orders, with no buyer above its share `cap` of supply; what nobody may take stays unsold.

    The awards are min(order * t, cap * supply) with one level t, at most 1: water-filling in which orders are the
    weights. Source: a weighted gains method, Moulin 2000, on orders cut to the cap.
    """
    return water_filled(np.minimum(orders, cap * supply), supply, orders)


def raffle(orders, supply, weights, lots, floor=None, contracted=None, bids=None, cap=None):
    """Serve whole orders as drawn, with weights of relationship for tickets; buyers without weight last, by lots.

    Smallest -ln(1 - lot) / weight first: each place falls to one of those left with probability in proportion to
    weight. A lot and 1 - lot are alike, so equal weights give the plain lottery. Source: Efraimidis and Spirakis 2006.
    """
    key = ratio(-log(1.0 - lots), weights, np.inf)
    return serve_in_order(orders, supply, np.lexsort((lots, key), axis=-1))


def water_filled(orders, supply, weights):
    """Raise all awards together, in proportion to weight, each up to its order, until supply is gone.

    The level is the largest of the solutions of its linear pieces, so there is no search. Agrees with
    the textbook algorithm; a buyer without weight gets nothing.
    """
    order = order_by(ratio(orders, weights, np.inf))
    ranked = np.take_along_axis(orders, order, axis=-1)
    weight = np.take_along_axis(weights, order, axis=-1)
    backwards = np.flip(np.cumsum(np.flip(weight, axis=-1), axis=-1), axis=-1)
    level = best(ratio(supply - before(ranked), backwards, -np.inf))
    award = np.minimum(ranked, np.maximum(level, 0.0) * weight)
    return np.maximum(0.0, put_back(award, order))


ALLOCATION = {
    "proportional": proportional, "equal_awards": equal_awards, "relationship": relationship, "lottery": lottery,
    "contracts_first": contracts_first, "auction": auction, "capped": capped, "raffle": raffle,
}

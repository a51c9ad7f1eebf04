"""Who gets what when orders exceed supply. Never more than ordered, never more than there is."""

import numpy as np

from market_abm.exact import before, best, order_by, put_back, ratio, serve_in_order, total


def proportional(orders, supply, weights=None, lots=None, floor=None):
    """Give every buyer the same fraction of its order. Source: Thomson 2003, the proportional rule."""
    return orders * np.fmin(1.0, supply / total(orders))


def equal_awards(orders, supply, weights=None, lots=None, floor=None):
    """Give everybody the same amount, at most its order: constrained equal awards. Source: Aumann and Maschler 1985."""
    ranked = np.take_along_axis(orders, order_by(orders), axis=-1)
    left = np.arange(orders.shape[-1], 0, -1.0)
    level = best((supply - before(ranked)) / left)
    return np.minimum(orders, np.maximum(level, 0.0))


def relationship(orders, supply, weights, lots, floor):
    """Share by weight of relationship, water-filled up to each order, after a proportional floor.

    What the weights cannot place (buyers without history) is shared in proportion to what is left.
    Source: reinforcement by past success, Arthur 1989; weighted awards, Thomson 2003.
    """
    first = proportional(orders, supply * floor)
    second = water_filled(np.maximum(0.0, orders - first), np.maximum(0.0, supply - total(first)), weights)
    placed = np.minimum(orders, first + second)
    rest = proportional(orders - placed, np.maximum(0.0, supply - total(placed)))
    return np.minimum(orders, placed + rest)  # rounding must not give more than was ordered


def lottery(orders, supply, weights, lots, floor=None):
    """Serve whole orders in the order of drawn lots. Source: random priority, Moulin 2000."""
    return serve_in_order(orders, supply, order_by(lots))


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
}

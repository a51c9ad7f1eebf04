"""The merit order of a region and its queue for connections."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import ratio, total


class Clearing(NamedTuple):
    """A cleared power market, each `(runs, regions)`."""

    price_usd: np.ndarray
    dispatched_mw: np.ndarray
    fuel_usd_per_hour: np.ndarray
    shortage_mw: np.ndarray


def merit_order(capacity_mw, cost_usd, load_mw, price_cap):
    """Dispatch plants `(steps, runs, regions)` cheapest first; the last one that runs sets the price.

    At an exact step the price is the cost of the last plant used; beyond all plants it is the cap.
    Steps must come in order of cost. Source: uniform-price auction, Stoft 2002.
    """
    left, price, served, fuel = load_mw, *np.zeros((3, *load_mw.shape))
    for step in range(len(capacity_mw)):
        runs = np.minimum(left, capacity_mw[step])
        price = np.where(runs > 0, cost_usd[step], price)
        served = served + runs
        fuel = fuel + runs * cost_usd[step]
        left = left - runs
    price = np.where(left > 0, price_cap, price)
    return Clearing(price, served, fuel, left)


def first_come(waiting_mw, slots_mw):
    """Grant requests by age, oldest first; pro rata among requests of the same quarter.

    `waiting_mw` is `(ages, regions, runs, owners)`, oldest first; slots `(regions, runs, 1)`.
    Source: first come, first served, FERC Order 2003.
    """
    wanted, left = total(waiting_mw), slots_mw
    given = np.empty_like(wanted)
    for age in range(len(wanted)):
        given[age] = np.minimum(wanted[age], left)
        left = left - given[age]
    return waiting_mw * ratio(given, wanted)

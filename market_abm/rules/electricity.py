"""The merit order of a region and its queue for connections."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import order_by, ratio, serve_in_order, stacked, total


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


def first_come(waiting_mw, slots_mw, lots=None, bids=None):
    """Grant requests by age, oldest first; pro rata among requests of the same quarter.

    `waiting_mw` is `(ages, regions, runs, owners)`, oldest first; slots `(regions, runs, 1)`; lots in (0, 1) and bids
    `(regions, runs, owners)`. Source: first come, first served, FERC Order 2003.
    """
    wanted, left = total(waiting_mw), slots_mw
    given = np.empty_like(wanted)
    for age in range(len(wanted)):
        given[age] = np.minimum(wanted[age], left)
        left = left - given[age]
    return waiting_mw * ratio(given, wanted)


def auction(waiting_mw, slots_mw, lots, bids):
    """Grant all that an owner waits for in a region, highest bid first, equal bids by lots.

    Bids decide who is served and nothing is paid: a payment would be a transfer to the grid company.
    Source: the highest bids win, Vickrey 1961, without his payments.
    """
    return _one_owner_after_another(waiting_mw, slots_mw, np.lexsort((lots, -bids), axis=-1))


def lottery(waiting_mw, slots_mw, lots, bids=None):
    """Grant all that an owner waits for in a region, in the order of drawn lots. Source: random priority, Moulin 2000."""
    return _one_owner_after_another(waiting_mw, slots_mw, order_by(lots))


def _one_owner_after_another(waiting_mw, slots_mw, order):
    """Serve owners in the given order until slots are used up, each owner's own requests oldest first."""
    wanted = stacked(waiting_mw)
    given = serve_in_order(wanted, slots_mw, order)
    older = np.cumsum(np.concatenate([np.zeros_like(waiting_mw[:1]), waiting_mw[:-1]]), axis=0)
    by_age = np.minimum(waiting_mw, np.maximum(0.0, given - older))
    return np.where(given >= wanted, waiting_mw, by_age)  # a difference would leave crumbs of what is granted whole


CONNECTION = {"first_come": first_come, "auction": auction, "lottery": lottery}
AUCTION = list(CONNECTION).index("auction")

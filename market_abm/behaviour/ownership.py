"""Who buys shares of startups, backs them, or buys them whole."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import add_up, bounded, log, order_by, put_back, ratio, stacked
from market_abm.state.tables import HYPERSCALER


class Shares(NamedTuple):
    """Who owns a startup, `(runs, slots)`; stakes by holder in front."""

    stake: np.ndarray
    venture: np.ndarray
    founders: np.ndarray


def place_for(startups, cloud):
    """Return where a cloud `(runs, slots)` would hold shares, `(holders, runs, slots)`: its place, else the first free one.

    All zero where every place is taken: a startup has so many holders and no more.
    """
    mine = (startups.holder == cloud) & (startups.stake > 0)
    free = startups.stake <= 0
    return _first(mine | (free & ~mine.any(axis=0))) * 1.0


def _first(which):
    """Mark the first that is true along the leading axis."""
    taken, first = np.zeros(which.shape[1:], bool), np.empty_like(which)
    for layer, mine in enumerate(which):
        first[layer] = mine & ~taken
        taken = taken | mine
    return first


def after_issue(startups, sold, place, to_cloud):
    """Return shares after new ones: everybody is diluted by `sold`, of which `to_cloud` goes to one place and the rest to venture.

    Source: an identity of accounting.
    """
    old = 1.0 - sold
    return Shares(startups.stake * old + place * (sold * to_cloud), startups.venture_share * old + sold * (1.0 - to_cloud),
                  startups.founders_share * old)


def stake_of(startups, cloud):
    """Return the part of each startup that a cloud `(runs, slots)` holds."""
    return stacked(startups.stake * (startups.holder == cloud))


def worth(startups, rules):
    """Return the value of a startup: that of its last round, or a multiple of its revenue where that is more. Source: assumed form."""
    return np.maximum(startups.valuation_usd, rules.revenue_multiple * 4.0 * startups.ai_revenue_usd)


def part_paid(asked, link, budget):
    """Return the part `(runs, clouds)` that each cloud can pay of what is asked of it. Source: assumed form."""
    return bounded(ratio(budget, add_up(asked, link, budget.shape[-1])), 0.0, 1.0)


def may_back(clouds):
    """Return the owners (0 or 1) that could back a startup: hyperscalers with a lab who rent out. Source: assumed form."""
    return (clouds.kind == HYPERSCALER) & (clouds.has_lab > 0) & (clouds.rents_out > 0) & (clouds.alive > 0)


def matched(seeks, purse, candidate, score):
    """Match the richest seeking cloud with the best candidate, the second with the second, and so on.

    `seeks` and `purse` are `(runs, clouds)`, `candidate` and `score` `(runs, slots)`; returns the cloud of each startup,
    the number of clouds meaning nobody.
    Source: assortative matching, Becker 1973.
    """
    clouds, slots = seeks.shape[-1], score.shape[-1]
    richest = order_by(np.where(seeks, -purse, np.inf))
    ranks = np.broadcast_to(np.arange(slots), score.shape)
    rank = put_back(ranks, order_by(np.where(candidate, -score, np.inf)))
    seekers = np.count_nonzero(seeks, axis=-1)[:, None]
    cloud = np.take_along_axis(richest, np.minimum(rank, clouds - 1), axis=-1)
    return np.where(candidate & (rank < seekers), cloud, clouds)


def most_valuable(value, alive, rank):
    """Return who stands at a rank of value `(runs, slots)`, and the rank of each; equals stand by slot. Source: assumed form."""
    order = order_by(np.where(alive > 0, -value, np.inf))
    places = put_back(np.broadcast_to(np.arange(value.shape[-1]), value.shape), order)
    return np.take_along_axis(order, rank, axis=-1), places


def apparent_skill(startups, noise, rules):
    """Return what clouds see of research skill, in logs. Source: assumed form."""
    return log(np.maximum(startups.skill, 1e-9)) + rules.backing_noise * noise

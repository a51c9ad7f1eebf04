"""Indices of concentration: pure functions of sizes `(runs, firms)`, each `(runs, 1)`; nan for an empty market.

`fringe` (0 or 1 a row) marks rows that stand for many small firms, and no index can ignore them in the
same way. Herfindahl-Hirschman index and concentration ratios count them in the total and never in the
squares or among the largest. Entropy, Theil index and Hill numbers count such a row as one firm.
Indices that compare firms with one another leave it out: shares among named firms.
"""

from functools import cached_property

import numpy as np

from market_abm.exact import BLOCK, exp, log, ratio, share, total, weighted

AT_ONCE = 4096  # shares whose logarithms are taken together: a logarithm passes over them many times


class Market:
    """Sizes of one market a run, with what several indices share: worked out once, and only if asked for.

    `present` (0 or 1) says who is in the market where that is not whoever has a size; firms without one
    change Gini, Theil and the normalised index, and nothing else.
    """

    def __init__(self, sizes, fringe=None, present=None):
        """Check the sizes: below zero by rounding alone counts as none, anything lower or nan is an error."""
        if not sizes.min(initial=0.0) >= 0.0 and not (sizes >= -1e-9 * (1.0 + np.abs(sizes).max())).all():
            raise ValueError("a market cannot have a negative size, nor one that is no number")
        self.sizes = np.maximum(sizes, 0.0)
        self.fringe = fringe
        self._present = self.sizes if present is None else present

    def _without_fringe(self, x):
        return x if self.fringe is None else x * (1.0 - self.fringe)

    @cached_property
    def shares(self):
        """Shares of everybody, a fringe as one row."""
        everything = total(self.sizes)
        return self.sizes / np.where(everything > 0, everything, np.nan)

    @cached_property
    def named(self):
        """The same with 0 for a fringe."""
        return self._without_fringe(self.shares)

    @cached_property
    def falling(self):
        """The shares of named firms, largest first; zeros stand at the end, so that spare rows move nobody.

        Of a wide market, whole blocks that hold nothing in any run are cut off: sums go by blocks.
        """
        turned = -self.named
        turned.sort(axis=-1)
        if turned.shape[-1] > BLOCK:
            used = np.count_nonzero(turned, axis=-1).max(initial=1)
            turned = np.ascontiguousarray(turned[..., : BLOCK * -(-used // BLOCK)])
        return np.negative(turned, out=turned)

    @cached_property
    def ranked(self):
        """Shares among named firms alone, largest first."""
        return self.falling if self.fringe is None else share(self.falling)

    @cached_property
    def squares(self):
        """Squares of shares among named firms alone, largest first."""
        return self.ranked * self.ranked

    @cached_property
    def rank_sum(self):
        """Sum of rank times share among named firms, 1 being the largest: n(1 - G) = 2 x this - 1."""
        return total(self.ranked * np.arange(1.0, self.ranked.shape[-1] + 1.0))

    @cached_property
    def entropy(self):
        """Minus the sum of s ln s, a fringe as one firm."""
        shares = self.shares if self.fringe is not None else self.falling
        rows = max(1, AT_ONCE // max(shares.shape[-1], 1))
        terms = [_terms_of_entropy(shares[first : first + rows]) for first in range(0, len(shares), rows)]
        return -np.concatenate(terms, axis=0) if terms else shares[..., :1].copy()

    @cached_property
    def rows_present(self):
        """Number of rows in the market, a fringe as one."""
        return np.count_nonzero(self._present, axis=-1, keepdims=True) * 1.0

    @cached_property
    def firms(self):
        """Number of named firms in the market."""
        return np.count_nonzero(self._without_fringe(self._present), axis=-1, keepdims=True) * 1.0


def _terms_of_entropy(shares):
    return total(shares * log(np.where(shares > 0, shares, 1.0)))


def _market(sizes, fringe=None, present=None):
    return sizes if isinstance(sizes, Market) else Market(sizes, fringe, present)


def herfindahl(sizes, fringe=None):
    """Return the Herfindahl-Hirschman index, sum of squared shares (0 to 1). Source: Herfindahl 1950; US Merger Guidelines 2023."""
    named = _market(sizes, fringe).named
    return total(named * named)


def normalised_herfindahl(sizes, fringe=None, present=None):
    """Return (H - 1/n)/(1 - 1/n) among named firms: 0 for equals, 1 for one firm."""
    market = _market(sizes, fringe, present)
    least = ratio(1.0, market.firms, np.nan)
    index = ratio(total(market.squares) - least, 1.0 - least, 1.0)
    return np.where(np.isnan(least) | np.isnan(market.ranked[..., :1]), np.nan, np.maximum(index, 0.0))  # equals: rounding


def largest(sizes, k, fringe=None):
    """Return the concentration ratio CRk: the k largest shares of named firms, summed."""
    top = _market(sizes, fringe).falling[..., :k]
    return total(np.ascontiguousarray(np.flip(top, axis=-1)))


def entropy(sizes):
    """Return Shannon's entropy -sum s ln s, nats; a fringe counts as one firm."""
    return _market(sizes).entropy.copy()


def effective_number(sizes):
    """Return the numbers-equivalent of the entropy, exp(-sum s ln s): the Hill number of order 1."""
    return exp(entropy(sizes))


def hill(sizes, order):
    """Return the Hill number of order 0, 1, 2 or infinity: how many equal firms would look like this. Source: Hill 1973."""
    market = _market(sizes)
    if order == 0:
        return np.where(market.rows_present > 0, market.rows_present, np.nan)
    if order == 1:
        return effective_number(market)
    shares = market.shares
    top = total(shares * shares) if order == 2 else shares.max(axis=-1, keepdims=True)
    return ratio(1.0, top, np.nan)


def theil(sizes, present=None):
    """Return ln n + sum s ln s, n the firms in the market: 0 for equals, and for a monopoly too. Source: Theil 1967."""
    market = _market(sizes, None, present)
    return np.maximum(log(market.rows_present) - entropy(market), 0.0)


def gini(sizes, fringe=None, present=None):
    """Return the Gini coefficient of sizes among named firms in the market; one firm alone: 0."""
    market = _market(sizes, fringe, present)
    return np.maximum(1.0 - ratio(2.0 * market.rank_sum - 1.0, market.firms, np.nan), 0.0)


def corrected_gini(sizes, fringe=None, present=None):
    """Return the Gini coefficient times n/(n - 1), which reaches 1 in small markets too; one firm alone: 0."""
    market = _market(sizes, fringe, present)
    return gini(market) * ratio(market.firms, market.firms - 1.0, 1.0)


def hall_tideman(sizes, fringe=None):
    """Return 1/(2 sum i s_i - 1), i the rank from the largest: also Rosenbluth's index. Source: Hall and Tideman 1967."""
    return ratio(1.0, 2.0 * _market(sizes, fringe).rank_sum - 1.0, np.nan)


def garcia_alba(sizes, fringe=None):
    """Return the dominance index, sum of the squared parts in the Herfindahl-Hirschman index. Source: Garcia Alba 1994."""
    squares = _market(sizes, fringe).squares
    index = total(squares)
    return ratio(total(squares * squares), index * index, np.nan)


def kwoka(sizes, fringe=None):
    """Return Kwoka's dominance, the squared steps from each firm down to the next; one firm alone: 1. Source: Kwoka 1977."""
    market = _market(sizes, fringe)
    ranked = market.ranked
    below = np.concatenate([ranked[..., 1:], np.zeros(ranked[..., :1].shape)], axis=-1)
    steps = (ranked - below) * (np.arange(1.0, ranked.shape[-1] + 1.0) < market.firms)
    return np.where(market.firms == 1, ranked[..., :1], total(steps * steps))


def lerner(price, marginal_cost, weight):
    """Return the market's Lerner index, (p - c)/p by weight; below 0 when sold under cost, nan when nothing has a price."""
    priced = weight * (price > 0)
    return weighted(1.0 - ratio(marginal_cost, price, 1.0), priced, np.nan)


def share_instability(sizes, before, same=1.0):
    """Return half the sum of changes in shares since `before`: 0 nothing moved, 1 all firms replaced.

    `same` is 0 where the row is another firm than it was: then one left and one entered.
    Source: Hymer and Pashigian 1962.
    """
    return shares_moved(_market(sizes).shares, _market(before).shares, same)


def rank_turnover(sizes, before, k, fringe=None, same=1.0):
    """Return the part of the k largest named firms that were not among the k largest before.

    Equals of the k-th count with it; of fewer than k firms, all.
    """
    return leaders_changed(leaders(sizes, k, fringe), leaders(before, k, fringe), same)


def rank_reversals(sizes, before, fringe=None, same=1.0):
    """Return (1 - tau_b)/2 of firms in both markets: near the part of pairs that changed order; 1 all did.

    Needs every pair, so only for small markets. Source: Kendall 1945.
    """
    return ranks_reversed(_market(sizes, fringe).named, _market(before, fringe).named, same)


def shares_moved(now, then, same=1.0):
    """Return share instability from shares."""
    same = np.broadcast_to(same, now.shape) > 0
    return 0.5 * total(np.where(same, np.abs(now - then), now + then))


def leaders(sizes, k, fringe=None):
    """Return which named firms `(runs, firms)` are among the k largest."""
    market = _market(sizes, fringe)
    kth = market.falling[..., min(k, market.named.shape[-1]) - 1 :][..., :1]
    return (market.named > 0) & (market.named >= kth)


def leaders_changed(now, then, same=1.0):
    """Return rank turnover from who leads now and who led before."""
    count_now, count_then, stayed = (np.count_nonzero(x, axis=-1, keepdims=True) * 1.0 for x in (now, then, now & then & (same > 0)))
    return np.where((count_now > 0) & (count_then > 0), 1.0 - ratio(stayed, np.maximum(count_now, count_then)), np.nan)


def ranks_reversed(now, then, same=1.0):
    """Return rank reversals from sizes or shares of named firms."""
    both = (now > 0) & (then > 0) & (np.broadcast_to(same, now.shape) > 0)
    a, b = (np.where(both, x, np.nan) for x in (now, then))  # nan compares with nobody
    above_now, above_then = a[..., :, None] > a[..., None, :], b[..., :, None] > b[..., None, :]
    below_then = b[..., :, None] < b[..., None, :]
    agree = _pairs(above_now & above_then) - _pairs(above_now & below_then)
    tau = ratio(agree, np.sqrt(_pairs(above_now) * _pairs(above_then)), np.nan)
    return 0.5 * (1.0 - tau)


def _pairs(which):
    return np.count_nonzero(which, axis=(-2, -1))[..., None] * 1.0

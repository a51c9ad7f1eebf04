"""Sunk costs and the number of firms: quality-adjusted Cournot with given spending, entry, and outlay on quality (oracle O8).

Customers spend S in all, on whatever gives most quality for money; unit costs are constant. A firm of quality u >= 1 pays
F(u) = sigma + (a / g) (u^g - 1) before it sells: `setup` sigma > 0, `scale` a > 0, `exponent` g > 1. Money is a period's.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize_scalar

ROUNDING = 1e-12  # relative: profit that equals the outlay but for rounding covers it
TIGHT = {"xtol": 1e-14, "rtol": 1e-14, "maxiter": 1000}


class QualityCournot(NamedTuple):
    """Shares of spending, profits before outlay and prices `(firms,)` of firms that compete in quantities at given qualities."""

    shares: np.ndarray
    profits: np.ndarray
    prices: np.ndarray


def quality_cournot(spend, qualities, costs=1.0):
    """Return the equilibrium at given qualities: s_i = 1 - (k - 1) v_i / (sum of v), profit S s_i^2, over k firms, v = cost / quality.

    Firms join from the lowest v on, as long as v is below the price of a unit of quality (sum of v) / (k - 1); with equal
    costs this is 1 - (k - 1) / (u_i sum of 1/u). Whoever stays out has share 0 and asks its cost. A lone firm takes all
    spending at a price without bound. Source: Sutton 1991, chapter 3; with unequal costs as in Sutton 1998, appendix 15.
    """
    qualities = np.asarray(qualities, float)
    costs = np.broadcast_to(np.asarray(costs, float), qualities.shape)
    ratios = costs / qualities
    price, spent = math.inf, 0.0
    for joined, value in enumerate(np.sort(ratios), 1):
        if value >= price:
            break
        spent += value
        price = spent / (joined - 1) if joined > 1 else math.inf
    shares = np.maximum(0.0, 1.0 - ratios / price)
    return QualityCournot(shares, spend * shares**2, np.where(shares > 0, price * qualities, costs))


def outlay(quality, setup, scale, exponent):
    """Return F(u) = sigma + (a / g) (u^g - 1) [money]. Source: Sutton 1991, chapter 3."""
    return setup + scale / exponent * (quality**exponent - 1.0)


# Outlay given ---------------------------------------------------------------------------------------


def exogenous_limit(spend, setup):
    """Return sqrt(S / sigma), the number of equal firms, not rounded, that outlay sigma each leaves room for.

    Source: Sutton 1991, chapter 2.
    """
    return math.sqrt(spend / setup) if setup > 0 else math.inf


def exogenous_firms(spend, setup):
    """Return the largest number of equal firms whose profit S / N^2 covers the outlay sigma; infinite where that is 0.

    Source: Sutton 1991, chapter 2.
    """
    limit = exogenous_limit(spend, setup)
    return limit if math.isinf(limit) else math.floor(limit * (1.0 + ROUNDING))


# Outlay chosen --------------------------------------------------------------------------------------


def symmetric_quality(spend, firms, scale, exponent):
    """Return the quality that each of N equal firms chooses, u^g = 2 S (N - 1)^2 / (a N^3), at least 1.

    N may be any number from 1 on. Source: first-order condition 2 S s ds/du = a u^(g-1), Sutton 1991, chapter 3.
    """
    power = 2.0 * spend * (firms - 1.0) ** 2 / (scale * firms**3)
    return max(1.0, power) ** (1.0 / exponent)


def symmetric_outlay(spend, firms, setup, scale, exponent):
    """Return what each of N equal firms pays for the quality it chooses, sigma - a/g + (2S/g) (N - 1)^2 / N^3, at least sigma [money].

    Source: Sutton 1991, chapter 3.
    """
    return outlay(symmetric_quality(spend, firms, scale, exponent), setup, scale, exponent)


def endogenous_limit(exponent):
    """Return the number of firms, not rounded, that a market without bound has room for: N + 1/N - 2 = g / 2.

    N = (k + sqrt(k^2 - 4)) / 2, k = 2 + g / 2: neither spending nor outlay is in it. Source: Sutton 1991, chapter 3.
    """
    k = 2.0 + exponent / 2.0
    return (k + math.sqrt(k * k - 4.0)) / 2.0


class Entry(NamedTuple):
    """Number of firms, quality and outlay of each, and whether quality is chosen above 1 (`endogenous`) or not (`exogenous`)."""

    firms: float
    quality: float
    outlay: float
    regime: str


def entry_limit(spend, setup, scale, exponent):
    """Return entry with a number of firms that is not rounded: the least N at which S / N^2 has fallen to the outlay F.

    With u = 1 that is sqrt(S / sigma). With quality chosen it is the first root from 1 on of
    f(N) = (2/g) (N - 1)^2 + (sigma - a/g) N^3 / S - N. Outlay is the higher of the two, so that the smaller N holds.
    Where sigma = a/g, N does not depend on S. Source: Sutton 1991, chapter 3.
    """
    firms = min(exogenous_limit(spend, setup), _endogenous_root(spend, setup - scale / exponent, exponent))
    return _entry(max(1.0, firms), spend, setup, scale, exponent)._replace(firms=firms)


def entry(spend, setup, scale, exponent):
    """Return entry of whole firms, one after another until the next would not earn its outlay.

    This is the largest N whose profit covers the outlay, except where a/g is well above sigma: there more firms may cover a
    low outlay again, but as a rule each of them would gain by another quality (`deviation_gain`). 0 firms show quality 1.
    Source: Sutton 1991, chapter 3.
    """
    firms = 0
    while spend / (firms + 1) ** 2 >= symmetric_outlay(spend, firms + 1, setup, scale, exponent) * (1.0 - ROUNDING):
        firms += 1
    return _entry(max(1, firms), spend, setup, scale, exponent)._replace(firms=firms)


def switch_spend(setup, scale):
    """Return the spending at which the quality of sqrt(S / sigma) firms rises above 1, S = sigma N^2, N + 1/N - 2 = a / (2 sigma).

    Below it the outlay is sigma. The exponent is not in it. Source: u = 1 in `symmetric_quality`, Sutton 1991, chapter 3.
    """
    return setup * endogenous_limit(scale / setup) ** 2


def deviation_gain(spend, firms, setup, scale, exponent):
    """Return what one of N equal firms could gain by another quality, the others keeping theirs [money]; about 0 in equilibrium.

    By search over the log of quality, first on a grid, then near its best point. Source: definition of Nash equilibrium.
    """
    others = symmetric_quality(spend, firms, scale, exponent)
    top = math.log(max(2.0 * others, (1.0 + exponent * spend / scale) ** (1.0 / exponent)))  # beyond it outlay is above all spending

    def loss(log_quality):
        qualities = np.append(np.full(firms - 1, others), math.exp(log_quality))
        own = quality_cournot(spend, qualities).profits[-1]
        return outlay(math.exp(log_quality), setup, scale, exponent) - float(own)

    grid = np.linspace(0.0, top, 2001)
    best = grid[np.argmin([loss(point) for point in grid])]
    step = grid[1]
    found = minimize_scalar(loss, bounds=(max(0.0, best - step), best + step), method="bounded", options={"xatol": 1e-12})
    return loss(math.log(others)) - min(found.fun, loss(best))


def _entry(firms, spend, setup, scale, exponent):
    quality = symmetric_quality(spend, firms, scale, exponent)
    return Entry(firms, quality, outlay(quality, setup, scale, exponent), "endogenous" if quality > 1.0 else "exogenous")


def _endogenous_root(spend, excess, exponent):
    """Return the first N > 1 at which f of `entry_limit` rises through 0, excess = sigma - a/g; infinite without one."""

    def gap(firms):
        return 2.0 / exponent * (firms - 1.0) ** 2 + excess * firms**3 / spend - firms

    if gap(1.0) >= 0.0:
        return math.inf  # spending is below sigma - a/g: no room for one firm
    if excess >= 0.0:
        return brentq(gap, 1.0, endogenous_limit(exponent) + 1e-9, **TIGHT)
    top = _highest(spend, excess, exponent)
    return brentq(gap, 1.0, top, **TIGHT) if top > 1.0 and gap(top) > 0.0 else math.inf


def _highest(spend, excess, exponent):
    """Return where f of `entry_limit` has its maximum when excess < 0: the larger root of f' = 0; nan without one."""
    square, linear, constant = 3.0 * excess / spend, 4.0 / exponent, -4.0 / exponent - 1.0
    inside = linear**2 - 4.0 * square * constant
    return (linear + math.sqrt(inside)) / (-2.0 * square) if inside >= 0.0 else math.nan

"""Firms that set prices for customers who choose by a logit: in price, and in its logarithm where spending is given (oracles O7, O25).

In price: shares s_j = e^(d_j - A p_j) / (1 + sum), `appeals` d in utils, `sensitivity` A in utils a unit of money, and the outside
good, if there is one, of utility 0. In its logarithm: parts of spending w_j p_j^-a / (w_0 + sum). Costs are constant a unit.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, root
from scipy.special import log_expit, logsumexp, softmax, wrightomega

LEAST_LOG_ODDS, MOST_LOG_ODDS = -700.0, 700.0  # of a share: what numbers hold
TIGHT = {"xtol": 1e-14, "rtol": 1e-14, "maxiter": 1000}
STEPS = 10  # from separate owners to the weights asked for


class Prices(NamedTuple):
    """Prices and shares of all firms `(firms,)`, and the share of the outside good (0 without one)."""

    prices: np.ndarray
    shares: np.ndarray
    outside_share: float


def bertrand(appeals, costs, sensitivity, outside=True, weights=None):
    """Return the Bertrand equilibrium of a logit in price: p_j = c_j + m_j, m_j = 1/A + sum_k K_jk s_k m_k.

    `weights[j, k]` is the weight of k's profit in j's objective, own weight 1, by default nobody else's: then m = 1 / (A (1 - s)).
    nan where there is no equilibrium, as of a lone owner of all goods without an outside good.
    Source: Anderson, de Palma and Thisse 1992, chapter 7; weights as in O'Brien and Salop 2000.
    """
    appeals, costs = np.asarray(appeals, float), np.asarray(costs, float)
    values = appeals - sensitivity * costs  # utils at a price of cost
    markups = _separate_markups(values, outside)
    if weights is not None:
        markups = _joint_markups(values, markups, outside, np.asarray(weights, float))
    shares = _logit_shares(values - markups, outside)
    return Prices(costs + markups / sensitivity, shares[: len(values)], float(shares[-1]) if outside else 0.0)


def logit_shares(appeals, prices, sensitivity, outside=True):
    """Return shares at given prices, s_j = e^(d_j - A p_j) / (1 + sum), `(firms,)`. Source: McFadden 1974."""
    utilities = np.asarray(appeals, float) - sensitivity * np.asarray(prices, float)
    return _logit_shares(utilities, outside)[: len(utilities)]


def single_price(appeal, cost, sensitivity):
    """Return (price, share) of one firm beside the outside good: p = c + (1 + W(e^(d - A c - 1))) / A, s = W / (1 + W).

    W is Lambert's function, taken of the logarithm of its argument. Source: first-order condition A (p - c) (1 - s) = 1;
    Aravindakshan and Ratchford 2011.
    """
    lambert = float(wrightomega(appeal - sensitivity * cost - 1.0))
    return cost + (1.0 + lambert) / sensitivity, lambert / (1.0 + lambert)


def common_ownership(firms, *groups):
    """Return weights `(firms, firms)` of firms of which each group of places has one owner: ones within a group and on the diagonal.

    Source: definition of a merger in Nevo 2000.
    """
    weights = np.eye(firms)
    for group in groups:
        weights[np.ix_(group, group)] = 1.0
    return weights


def herfindahl(shares, *groups):
    """Return the sum of squared shares of owners [0 to 1], shares as parts of their sum; each group of places has one owner.

    Source: Hirschman 1964.
    """
    owners = common_ownership(len(shares), *groups)
    inside = np.asarray(shares, float) / np.sum(shares)
    return float(inside @ owners @ inside)


def paper_change(shares, members):
    """Return by how much the index of inside shares rises if the members' shares are added up, (sum of s)^2 - sum of s^2: 2 s_1 s_2 for two.

    Shares count as parts of their sum. Customers who leave at the new prices are not in it, so that the equilibrium differs.
    Source: US Merger Guidelines 2023, guideline 1.
    """
    inside = np.asarray(shares, float) / np.sum(shares)
    merging = inside[list(members)]
    return float(merging.sum() ** 2 - (merging**2).sum())


def _logit_shares(utilities, outside):
    return softmax(np.append(utilities, 0.0) if outside else utilities)


def _separate_markups(values, outside):
    """Return markups times sensitivity, 1 / (1 - s), of firms with one good each, through the sum that they share."""
    log_odds = _aggregate(values, lambda log_odds: 1.0 + math.exp(log_odds), 0.0 if outside else -math.inf)
    return 1.0 + np.exp(log_odds)


def _joint_markups(values, markups, outside, weights):
    """Return markups times sensitivity, x = 1 + K (s x), going from separate owners to the weights step by step."""
    for part in np.linspace(0.0, 1.0, STEPS + 1)[1:]:
        pull = np.eye(len(values)) + part * (weights - np.eye(len(values)))

        def gap(markups, pull=pull):
            shares = _logit_shares(values - markups, outside)[: len(values)]
            return markups - 1.0 - pull @ (shares * markups)

        found = root(gap, markups, method="hybr", tol=1e-14)
        markups = found.x
    exact = np.abs(gap(markups)).max() <= 1e-10 * np.abs(markups).max()
    return markups if exact else np.full(len(values), math.nan)


# Spending that is given -----------------------------------------------------------------------------


def budget_bertrand(sizes, costs, elasticity, outside=0.0):
    """Return the Bertrand equilibrium of a logit in log price over spending: p_i = c_i (1 + 1 / (a (1 - s_i))).

    s_i = w_i p_i^-a / (w_0 + sum of w p^-a), `sizes` w, `elasticity` a, `outside` w_0 the weight of what else money is spent on,
    all it has at its own price. nan where there is none: a lone firm that gets all spending.
    Source: Anderson, de Palma and Thisse 1992, chapter 7.
    """
    sizes, costs = np.asarray(sizes, float), np.asarray(costs, float)
    values = np.log(sizes) - elasticity * np.log(costs)

    def penalty(log_odds):
        return elasticity * math.log1p((1.0 + math.exp(log_odds)) / elasticity)

    log_odds = _aggregate(values, penalty, math.log(outside) if outside > 0 else -math.inf)
    prices = costs * (1.0 + (1.0 + np.exp(log_odds)) / elasticity)
    utilities = np.log(sizes) - elasticity * np.log(prices)
    shares = softmax(np.append(utilities, math.log(outside)) if outside > 0 else utilities)
    return Prices(prices, shares[: len(sizes)], float(shares[-1]) if outside > 0 else 0.0)


def _aggregate(values, penalty, log_outside):
    """Return ln(s / (1 - s)) of each firm at which ln s + penalty = value - ln H, H such that shares and the outside good's sum to 1.

    The penalty is what the firm's own markup takes off its utility; it rises with the share, so that each share falls
    in H and one H fits. Source: aggregative games, Nocke and Schutz 2018.
    """
    if len(values) == 1 and math.isinf(log_outside):
        return np.full(1, math.nan)

    def excess(log_sum):
        shares = sum(math.exp(log_expit(_log_odds(value - log_sum, penalty))) for value in values)
        return shares + math.exp(log_outside - log_sum) - 1.0

    free = penalty(-math.inf)
    high = float(logsumexp(np.append(values - free, log_outside))) + 1e-9  # no share is above that without a markup
    low = log_outside if math.isfinite(log_outside) else float(np.sort(values)[-2]) + math.log(2.0) - penalty(0.0) - 1e-9
    log_sum = brentq(excess, low, high, **TIGHT)
    return np.array([_log_odds(value - log_sum, penalty) for value in values])


def _log_odds(value, penalty):
    """Return t with ln s(t) + penalty(t) = value, s(t) = 1 / (1 + e^-t); the end of the range where it lies beyond."""

    def gap(log_odds):
        return float(log_expit(log_odds)) + penalty(log_odds) - value

    if gap(LEAST_LOG_ODDS) >= 0.0:
        return LEAST_LOG_ODDS
    return brentq(gap, LEAST_LOG_ODDS, MOST_LOG_ODDS, **TIGHT)


# Inertia --------------------------------------------------------------------------------------------


class Inertia(NamedTuple):
    """What a liking for last quarter's choice does: chance to stay, mean quarters with one choice, autocorrelation of shares."""

    stay: float
    mean_spell: float
    autocorrelation: float


def inertia(options, liking):
    """Return how long customers stay with one of J equal options if last quarter's choice has `liking` k more utils.

    stay = e^k / (e^k + J - 1); spell 1 / (1 - stay); autocorrelation stay - (1 - stay) / (J - 1), the second eigenvalue of the
    matrix of moves, by which a share's distance from 1/J is multiplied a quarter; nan of a lone option.
    Source: McFadden 1974; Markov chain with equal chances to leave.
    """
    others = (options - 1) * math.exp(-liking)
    stay = 1.0 / (1.0 + others)
    spell = 1.0 + 1.0 / others if others > 0 else math.inf
    return Inertia(stay, spell, -math.expm1(-liking) * stay if options > 1 else math.nan)

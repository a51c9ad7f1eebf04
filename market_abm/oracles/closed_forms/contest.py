"""Contests for a prize: Tullock's, in which chances go as spending to a power, and the one in which the highest spender wins (oracle O19).

p_i = x_i^r / sum of x^r, with `decisiveness` r; what a contestant gets is V_i p_i - c_i x_i, with `values` V and unit `costs` c.
A logit of revenue in the logarithm of compute is such a contest with all revenue as the prize.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit, logsumexp

ROUNDING = 1e-12  # relative: a payoff that equals a bound but for rounding reaches it
TIGHT = {"xtol": 1e-14, "rtol": 1e-14, "maxiter": 1000}


class Symmetric(NamedTuple):
    """Spending of each of n equal contestants, of all of them, and the payoff of each."""

    spending: float
    total: float
    payoff: float


def symmetric(value, firms, decisiveness, cost=1.0):
    """Return x = V r (n - 1) / (n^2 c), its sum, and the payoff V / n - c x = V (n - r (n - 1)) / n^2 of equal contestants.

    Where the payoff is below 0, with more than `participation_bound` of them, this is no equilibrium: spending nothing is better.
    Source: Tullock 1980.
    """
    spending = value * decisiveness * (firms - 1) / (firms**2 * cost)
    return Symmetric(spending, firms * spending, value * (firms - decisiveness * (firms - 1)) / firms**2)


def participation_bound(decisiveness):
    """Return r / (r - 1), the most equal contestants who all spend, whatever the prize; infinite up to r = 1.

    Source: Baye, Kovenock and de Vries 1994; Perez-Castrillo and Verdier 1992.
    """
    return decisiveness / (decisiveness - 1.0) if decisiveness > 1.0 else math.inf


def free_entry_limit(value, fixed_cost, decisiveness):
    """Return the number of equal contestants, not rounded, whose payoff is the cost of taking part: F n^2 + V (r - 1) n = V r.

    sqrt(V / F) at r = 1; above it no more than r / (r - 1), however large the prize. Infinite where nothing stops entry.
    Source: Tullock 1980 with free entry, Corchon 2007.
    """
    linear = value * (decisiveness - 1.0)
    below = linear + math.sqrt(linear**2 + 4.0 * fixed_cost * value * decisiveness)
    return 2.0 * value * decisiveness / below if below > 0.0 else math.inf


def free_entry(value, fixed_cost, decisiveness):
    """Return the largest number of equal contestants whose payoff covers the cost of taking part. Source: Corchon 2007."""
    limit = free_entry_limit(value, fixed_cost, decisiveness)
    return limit if math.isinf(limit) else math.floor(limit * (1.0 + ROUNDING))


def payoff(value, own, others, decisiveness, cost=1.0):
    """Return V p - c x of one who spends `own` against `others` `(others,)`; nobody's spending wins nothing. Source: Tullock 1980."""
    if own <= 0.0:
        return 0.0
    return value * float(expit(decisiveness * math.log(own) - _log_power(others, decisiveness))) - cost * own


def best_reply(value, others, decisiveness, cost=1.0):
    """Return the spending that is best against `others` `(others,)`; nan where all of them spend nothing (any little would do).

    Where r p (1 - p) V = c x; sqrt(V X / c) - X at r = 1, X what the others spend; above r = 1 the root on the falling side
    of marginal gains, if it beats spending nothing.
    Source: first-order condition of Tullock 1980; second-order Baye, Kovenock and de Vries 1994.
    """
    spent = np.asarray(others, float)
    if not (spent > 0).any():
        return math.nan
    if decisiveness == 1.0:
        return max(0.0, math.sqrt(value * spent.sum() / cost) - float(spent.sum()))
    log_rivals, log_prize = _log_power(spent, decisiveness), math.log(value * decisiveness / cost)

    def gain(log_own):
        log_odds = decisiveness * log_own - log_rivals
        return log_prize + float(log_expit(log_odds) + log_expit(-log_odds)) - log_own

    low, high = _reply_bounds(log_prize, log_rivals, decisiveness)
    if not low < high or gain(low) <= 0.0:
        return 0.0
    own = math.exp(brentq(gain, low, high, **TIGHT))
    return own if payoff(value, own, spent, decisiveness, cost) > -ROUNDING * value else 0.0


def _log_power(spending, decisiveness):
    """Return the logarithm of the sum of x^r over those who spend; minus infinity where nobody does."""
    spent = np.asarray(spending, float)
    return float(logsumexp(decisiveness * np.log(spent[spent > 0]))) if (spent > 0).any() else -math.inf


def _reply_bounds(log_prize, log_rivals, decisiveness):
    """Return logs of spending between which marginal gains fall from above cost to below it, if they do at all."""
    high = log_prize - math.log(4.0) + ROUNDING  # p (1 - p) is at most 1/4
    if decisiveness > 1.0:
        falling = (1.0 - 1.0 / decisiveness) / 2.0  # chance from which on marginal gains fall
        low = (log_rivals + math.log(falling / (1.0 - falling))) / decisiveness
        return low, max(high, low)
    return min(high, log_rivals / decisiveness, (log_prize - log_rivals - math.log(4.0)) / (1.0 - decisiveness)) - ROUNDING, high


# Unequal contestants --------------------------------------------------------------------------------


class Contest(NamedTuple):
    """Spending, chances to win (shares of the prize) and payoffs `(firms,)`."""

    spending: np.ndarray
    chances: np.ndarray
    payoffs: np.ndarray

    @property
    def total(self):
        """Return all that is spent, in units of effort."""
        return math.fsum(self.spending)

    @property
    def herfindahl(self):
        """Return the sum of squared chances [0 to 1]."""
        return math.fsum(chance**2 for chance in self.chances)


def unequal(values, costs, decisiveness):
    """Return the equilibrium of two or more contestants with unequal values and costs, who may stay out; nan where there is no pure one.

    r = 1: with v = c / V, X = (k - 1) / sum of v, p = 1 - v X, over the k lowest with v X < 1. r < 1: all spend. r > 1: of several
    equilibria the one in which most of the lowest v spend; nobody earns below 0 and nobody outside would gain by spending.
    Source: Hillman and Riley 1989; Stein 2002; Cornes and Hartley 2005.
    """
    values, costs = np.broadcast_arrays(np.asarray(values, float), np.asarray(costs, float))
    ratios = np.atleast_1d(costs / values)
    values, costs = np.atleast_1d(values), np.atleast_1d(costs)
    if decisiveness == 1.0:
        return _contest(values, costs, _linear_chances(ratios), decisiveness)
    line, smallest = np.argsort(ratios, kind="stable"), len(ratios) if decisiveness < 1.0 else 2
    for count in range(len(ratios), smallest - 1, -1):
        active = line[:count]
        chances = np.zeros(len(ratios))
        found = _interior_chances(ratios[active], decisiveness)
        if found is None:
            continue
        chances[active] = found
        contest = _contest(values, costs, chances, decisiveness)
        if not any(_would_spend(values[i], contest.spending[active], decisiveness, costs[i]) for i in line[count:]):
            return contest
    return _contest(values, costs, np.full(len(ratios), math.nan), decisiveness)


def _would_spend(value, others, decisiveness, cost):
    """Say whether somebody outside would earn more than nothing by spending."""
    reply = best_reply(value, others, decisiveness, cost)
    return payoff(value, reply, others, decisiveness, cost) > ROUNDING * value


def _contest(values, costs, chances, decisiveness):
    """Return the contest with these chances: spending is r p (1 - p) V / c."""
    spending = decisiveness * chances * (1.0 - chances) * values / costs
    return Contest(spending, chances, values * chances - costs * spending)


def _linear_chances(ratios):
    """Return chances for r = 1; the lowest join as long as they would win something."""
    if len(ratios) < 2:
        return np.full(len(ratios), math.nan)
    line = np.sort(ratios)
    spent, total = line[0], 0.0
    for joined, ratio in enumerate(line[1:], 2):
        if ratio * total >= 1.0:
            break
        spent += ratio
        total = (joined - 1) / spent
    return np.maximum(0.0, 1.0 - ratios * total)


def _interior_chances(ratios, decisiveness):
    """Return chances with r p^(1 - 1/r) (1 - p) = v Z^(1/r) that sum to 1 (Z the sum of x^r), none below 1 - 1/r; None without such.

    `ratios` v rise. Chances fall in Z, so that one Z fits.
    """
    count, power = len(ratios), 1.0 - 1.0 / decisiveness
    if count < 2 or count * power > 1.0 + ROUNDING:
        return None
    levels = np.log(ratios / decisiveness)

    def chances(log_z):
        return np.array([float(expit(_log_odds(level + log_z, power))) for level in levels])

    half = (power + 1.0) * -math.log(2.0)
    low = half - levels[1] - ROUNDING  # the two lowest win half or more each
    high = power * -math.log(count) + math.log1p(-1.0 / count) - levels[0] + ROUNDING  # nobody wins more than 1/n
    if power > 0.0:
        high = min(high, power * math.log(power) + math.log1p(-power) - levels[-1])  # the highest v wins 1 - 1/r and earns 0
    over = chances(high).sum() - 1.0
    if abs(over) <= ROUNDING * count:
        return chances(high)
    return chances(brentq(lambda log_z: chances(log_z).sum() - 1.0, low, high, **TIGHT)) if over < 0.0 < high - low else None


def _log_odds(level, power):
    """Return t with power ln p + ln(1 - p) = level, p = 1 / (1 + e^-t); from p = 1 - 1/r on where power = 1 - 1/r > 0."""

    def gap(log_odds):
        return power * float(log_expit(log_odds)) + float(log_expit(-log_odds)) - level

    if power > 0.0:
        low, high = math.log(power / (1.0 - power)), -level + 1.0
        return brentq(gap, low, high, **TIGHT) if gap(low) > 0.0 and high > low else low
    low = (max(0.0, level) + math.log(2.0)) / power - 1.0
    return brentq(gap, low, max(0.0, -power * math.log(2.0) - level) + 1.0, **TIGHT)


# The highest spender wins ---------------------------------------------------------------------------


class AllPay(NamedTuple):
    """Expected spending of all and of the highest of n equal contestants, and the payoff of each."""

    total: float
    highest: float
    payoff: float


def all_pay(value, firms):
    """Return expectations where the highest spender wins (r infinite): E total = V, E highest = V n / (2n - 1), payoff 0.

    Each spends less than x with chance (x / V)^(1 / (n - 1)). Alone one wins for nothing.
    Source: Baye, Kovenock and de Vries 1996.
    """
    if firms < 2:
        return AllPay(0.0, 0.0, float(value))
    return AllPay(float(value), value * firms / (2.0 * firms - 1.0), 0.0)


def all_pay_chance(spending, value, firms):
    """Return the chance that one of n equal contestants spends no more than `spending`, (x / V)^(1 / (n - 1)).

    Source: Baye, Kovenock and de Vries 1996.
    """
    return min(1.0, max(0.0, spending / value)) ** (1.0 / (firms - 1))


# Capability as a loss -------------------------------------------------------------------------------


def effective_decisiveness(loss_weight, scaling_exponent, reducible_loss):
    """Return r = b x (L - E) where customers choose by e^(-b L) and L - E falls as compute to the power -x [1].

    It falls as compute grows, where a logit in the logarithm of compute keeps one r. x = .1535 for Hoffmann et al. 2022.
    Source: derivative of -b L by the logarithm of compute.
    """
    return loss_weight * scaling_exponent * reducible_loss

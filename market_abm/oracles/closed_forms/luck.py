"""Concentration without behaviour: random growth (O11), random entry (O12), urns (O13), and selection by fitness (O14)."""

import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from scipy.special import beta, xlogy


class Estimate(NamedTuple):
    """A mean over independent replicates and its standard error."""

    mean: float
    standard_error: float


# Each law of log growth with its variance in units of the scale squared; the scale of the normal is its standard deviation.
VARIANCES = {"logistic": math.pi**2 / 3.0, "normal": 1.0}


def _known(law):
    if law not in VARIANCES:
        raise ValueError(f"law of growth {law!r} is unknown; take one of {', '.join(VARIANCES)}")
    return law


def growth_moment(power, scale, law="logistic"):
    """Return E exp(t X) of one step's log growth X with mean 0, t the power; infinite where it does not exist.

    Logistic: pi t s / sin(pi t s) for |t s| < 1. Normal: exp(t^2 s^2 / 2).
    Source: Balakrishnan 1992 for the logistic.
    """
    if _known(law) == "normal":
        return math.exp((power * scale) ** 2 / 2.0)
    angle = math.pi * power * scale
    if abs(power * scale) >= 1.0:
        return math.inf
    return angle / math.sin(angle) if angle else 1.0


def log_size_variance(scale, steps, law="logistic"):
    """Return the variance of log size after `steps` steps from equal size, T s^2 pi^2 / 3 or T s^2.

    Source: Gibrat 1931; the variance of the logistic, Balakrishnan 1992.
    """
    return steps * VARIANCES[_known(law)] * scale**2


def scaled_hhi_limit(scale, steps, law="logistic"):
    """Return the limit of N x HHI for many firms, (E e^2X / (E e^X)^2)^T: what equal firms have is 1.

    For normal growth it is exp(T s^2). Infinite where E e^2X is (logistic with s >= 1/2). With few firms or many steps
    the mean HHI stays far below limit / N: use `gibrat_reference`. Source: Hart and Prais 1956; the law of large numbers.
    """
    first, second = growth_moment(1.0, scale, law), growth_moment(2.0, scale, law)
    return math.inf if math.isinf(second) else (second / first**2) ** steps


def theil_limit(scale, steps, law="logistic"):
    """Return the limit of Theil's index for many firms, T (M'(1) / M(1) - ln M(1)), M the moment function [nats].

    Normal: T s^2 / 2. Logistic: T (1 - z cot z - ln(z / sin z)), z = pi s; infinite for s >= 1.
    Source: Theil 1967, chapter 4, with tilted moments.
    """
    if _known(law) == "normal":
        return steps * scale**2 / 2.0
    angle = math.pi * scale
    if scale >= 1.0:
        return math.inf
    return steps * (1.0 - angle / math.tan(angle) - math.log(angle / math.sin(angle))) if angle else 0.0


def lognormal_gini(log_deviation):
    """Return the Gini index of a lognormal, erf(s / 2), s the standard deviation of the logarithm. Source: Aitchison and Brown 1957."""
    return math.erf(log_deviation / 2.0)


def lognormal_theil(log_deviation):
    """Return Theil's index of a lognormal, s^2 / 2 [nats]. Source: Theil 1967."""
    return log_deviation**2 / 2.0


def gibrat_reference(n, scale, quarters, replicates, rng, law="logistic"):
    """Simulate `replicates` markets of `n` equal firms with independent growth, and return {index: Estimate}.

    Indices are hhi, gini, theil and cr4 of the last quarter's sizes; `rng` is a Generator of numpy or a seed.
    Source: Gibrat 1931; definitions as in Tirole 1988, section 5.5.
    """
    rng = np.random.default_rng(rng)
    draw, logs = getattr(rng, _known(law)), np.zeros((replicates, n))
    for _ in range(quarters):
        logs += draw(0.0, scale, logs.shape)
    sizes = np.sort(np.exp(logs - logs.max(axis=1, keepdims=True)), axis=1)
    shares = sizes / sizes.sum(axis=1, keepdims=True)
    return {
        "hhi": estimate((shares**2).sum(axis=1)),
        "gini": estimate(shares @ (2.0 * np.arange(1, n + 1) - n - 1.0) / n),
        "theil": estimate(math.log(n) + xlogy(shares, shares).sum(axis=1)),
        "cr4": estimate(shares[:, -4:].sum(axis=1)),
    }


def estimate(draws):
    """Return mean and standard error of independent draws; the error of a single one is nan. Source: definition."""
    draws = np.asarray(draws, float)
    error = draws.std(ddof=1) / math.sqrt(len(draws)) if len(draws) > 1 else math.nan
    return Estimate(float(draws.mean()), float(error))


def yule_simon_chance(size, new_share):
    """Return the long-run part of firms with `size` units, r B(size, r + 1), r = 1 / (1 - new_share).

    Each further unit founds a firm with chance `new_share`, else goes to a firm in proportion to its size.
    `size` is 1, 2, ..., or an array. Source: Simon 1955.
    """
    exponent = 1.0 / (1.0 - new_share)
    return exponent * beta(size, exponent + 1.0)


def yule_simon_tail(size, new_share):
    """Return the long-run part of firms with at least `size` units, r B(size, r). Source: Simon 1955, summed."""
    exponent = 1.0 / (1.0 - new_share)
    return exponent * beta(size, exponent)


def yule_simon_counts(new_share, units, largest):
    """Return the expected number of firms of sizes 1 to `largest` after `units` units, the first of them founding a firm, `(largest,)`.

    Exact for finite times: E n_k rises by (1 - a) ((k - 1) E n_(k-1) - k E n_k) / t with the unit after t, and E n_1 by a besides.
    All firms together are 1 + a (units - 1). Source: Simon 1955.
    """
    sizes, counts = np.arange(1.0, largest + 1.0), np.zeros(largest)
    counts[0] = 1.0
    for held in range(1, units):
        grown = (1.0 - new_share) * sizes * counts / held
        counts -= grown
        counts[1:] += grown[:-1]
        counts[0] += new_share
    return counts


def polya_hhi(colours, draws, start=1.0):
    """Return E HHI of an urn's shares after `draws` draws, each adding one to a colour drawn in proportion to what it has.

    All colours start at `start`, counted in draws. Draws are beta-binomial: E n (n - 1) = T (T - 1) w (w + 1) / (m w (m w + 1)); for many
    draws E HHI goes to (w + 1) / (m w + 1). Source: Eggenberger and Polya 1923; Johnson and Kotz 1977.
    """
    whole = colours * start
    each = draws / colours
    pairs = draws * (draws - 1.0) * start * (start + 1.0) / (whole * (whole + 1.0))
    return colours * (start**2 + 2.0 * start * each + each + pairs) / (whole + draws) ** 2


def urn_distribution(colours, draws, exponent=1.0, start=1.0):
    """Return {counts: probability} after `draws` draws, each adding one to a colour drawn in proportion to its weight.

    A colour that was drawn c times weighs (start + c)^exponent, start > 0. Counts are tuples, largest first: colours are
    exchangeable, so the multiset is state enough. Exact but for rounding. Source: Arthur, Ermoliev and Kaniovski 1987.
    """
    now = {(0,) * colours: 1.0}
    for _ in range(draws):
        after = defaultdict(float)
        for counts, probability in now.items():
            weights = [((start + count) / (start + counts[0])) ** exponent for count in counts]
            for place, count in enumerate(counts):
                if place and count == counts[place - 1]:
                    continue  # the first of equals stands for all, and stays in order when it grows
                chance = counts.count(count) * weights[place] / math.fsum(weights)
                after[(*counts[:place], count + 1, *counts[place + 1 :])] += probability * chance
        now = after
    return dict(now)


def urn_hhi(colours, draws, exponent=1.0, start=1.0):
    """Return E HHI of an urn's shares for any exponent, exactly. Source: `urn_distribution`."""
    whole = colours * start + draws
    found = urn_distribution(colours, draws, exponent, start)
    return math.fsum(chance * math.fsum(((start + count) / whole) ** 2 for count in counts) for counts, chance in found.items())


def urn_leader(colours, draws, exponent=1.0, start=1.0):
    """Return the leader's possible shares, rising, and their probabilities, two arrays. Source: `urn_distribution`."""
    chances = defaultdict(float)
    for counts, chance in urn_distribution(colours, draws, exponent, start).items():
        chances[counts[0]] += chance
    leads = sorted(chances)
    return (start + np.array(leads, float)) / (colours * start + draws), np.array([chances[lead] for lead in leads])


def urn_leader_above(share, colours, draws, exponent=1.0, start=1.0):
    """Return the chance that the leader holds more than `share`. Source: `urn_distribution`."""
    shares, chances = urn_leader(colours, draws, exponent, start)
    return math.fsum(chances[shares > share])


def urn_reference(colours, draws, exponent, replicates, rng, start=1.0):
    """Simulate `replicates` urns and return (HHI, leader's share) of each, two arrays `(replicates,)`.

    The draw is the largest of exponent ln x + Gumbel noise, which overflows for no exponent.
    Source: Arthur, Ermoliev and Kaniovski 1987; largest of Gumbel draws, Yellott 1977.
    """
    rng = np.random.default_rng(rng)
    held, each = np.full((replicates, colours), float(start)), np.arange(replicates)
    for _ in range(draws):
        held[each, (exponent * np.log(held) + rng.gumbel(size=held.shape)).argmax(axis=1)] += 1.0
    shares = held / held.sum(axis=1, keepdims=True)
    return (shares**2).sum(axis=1), shares.max(axis=1)


def divided_lots(start, lot, exponent, steps):
    """Return sizes after `steps` lots, each divided as x^g / sum(x^g), `start` `(firms,)`: the urn without chance.

    Shares stay for g = 1, even out for g < 1, and drift to the largest for g > 1. Source: Arthur 1989, expected motion.
    """
    sizes = [float(size) for size in start]
    for _ in range(steps):
        weights = [(size / max(sizes)) ** exponent if size > 0 else 0.0 for size in sizes]
        sizes = [size + lot * weight / math.fsum(weights) for size, weight in zip(sizes, weights, strict=True)]
    return np.array(sizes)


def replicator(shares, fitness, time):
    """Return shares after `time` of selection, s_i(t) proportional to s_i(0) exp(f_i t), `(firms,)`.

    Source: Taylor and Jonker 1978; Hofbauer and Sigmund 1998, chapter 7.
    """
    shares, pull = np.asarray(shares, float), np.asarray(fitness, float) * time
    grown = shares * np.exp(pull - pull[shares > 0].max(), where=shares > 0, out=np.zeros(len(shares)))
    return grown / grown.sum()


def replicator_by_price(shares, prices_usd, intensity, steps):
    """Return shares after `steps` steps of s <- s (1 - x (p / mean p - 1)), the mean weighted by share, `(firms,)`.

    The cheap gain where the intensity x is above 0. Read with competitiveness E = -p, the printed s (1 + x (E - mean) / mean)
    is this with -x, since the mean is negative too: it selects the dear. Source: Dosi, Fagiolo and Roventini 2010.
    """
    shares, prices = np.asarray(shares, float), np.asarray(prices_usd, float)
    for _ in range(steps):
        grown = np.maximum(0.0, shares * (1.0 - intensity * (prices / (shares @ prices) - 1.0)))
        shares = grown / grown.sum()
    return shares

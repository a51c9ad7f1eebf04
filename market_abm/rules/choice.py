"""Discrete choice and contests: who is chosen, with what probability."""

import numpy as np

from market_abm.exact import before, best, exp, log, look_up, power, ratio, share_or_zero, total


def logit(utility, available):
    """Return choice probabilities; options with `available` 0 are never chosen. Source: McFadden 1974."""
    highest = best(np.where(available > 0, utility, -1e300))
    return share_or_zero(available * exp(np.minimum(utility - highest, 0.0)))


def size_at_price(size, price, elasticity):
    """Return choice probabilities by size and price, in proportion to size p^-elasticity; without either nobody is chosen.

    Source: a logit with the number of equal options as size, Ben-Akiva and Lerman 1985, ch. 9.
    """
    utility = log(np.maximum(size, 1e-9)) - elasticity * log(np.maximum(price, 1e-9))
    return logit(utility, (size > 0) & (price > 0))


def contest(strengths, decisiveness, outside):
    """Return shares of a Tullock contest, C^r over the sum, for groups of contestants in one contest.

    `strengths` is a tuple of arrays `(runs, rows)`, relative to the strongest; `outside` is the weight of
    winning nobody. This is a multinomial logit in ln(strength). Who has no strength takes no part, even
    where decisiveness 0 makes all others equal. Source: Tullock 1980; Jia 2008.
    """
    weights = [power(strength, decisiveness) * (strength > 0) for strength in strengths]
    everybody = outside + total(np.concatenate([total(w) for w in weights], axis=-1))
    return tuple(ratio(w, everybody) for w in weights)


def stay_or_choose(current, shares, inertia, stay_draw, choice_draw):
    """Draw a provider for each row: stay with the present one, or choose afresh by the plain logit.

    With a common price sensitivity the logit with inertia kappa separates into these two steps: stay
    with probability v(e^k - 1)/(1 + v(e^k - 1)), where v is the present provider's plain probability.
    `current` is a link (providers = nobody); shares `(runs, providers)`. Cost O(rows + providers).
    Where nobody offers anything, nobody is chosen. Source: state dependence in a logit, Dubé, Hitsch and Rossi 2010.
    """
    pull = look_up(shares, current) * (exp(inertia) - 1.0)
    stay = stay_draw < pull / (1.0 + pull)
    return np.where(stay, current, drawn(shares, choice_draw))


def drawn(shares, draw):
    """Draw an option for each row `(runs, rows)` from probabilities `(runs, options)`; nobody (their number) where all are 0."""
    options = shares.shape[-1]
    reached = before(shares) + shares
    found = np.zeros(draw.shape, np.int16)  # narrow, because it is added to once for each option
    for option in range(options - 1):
        found += draw >= reached[:, option : option + 1]
    return np.where(total(shares) > 0, found.astype(np.int64), options)

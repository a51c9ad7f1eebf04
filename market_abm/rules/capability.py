"""From compute to capability: the scaling law of training, its data limit, and two maps to what customers value.

Loss L = E + A/N^a + B/D^b for N parameters and D tokens, trained with C = 6ND FLOP. Sources: Hoffmann et al.
2022 (arXiv 2203.15556); coefficients refitted by Besiroglu et al. 2024 (arXiv 2404.10102).
"""

from typing import NamedTuple

import numpy as np

from market_abm.exact import exp, power, ratio

FLOP_PER_PARAMETER_AND_TOKEN = 6.0  # forward and backward pass of a dense transformer


class ScalingLaw(NamedTuple):
    """A scaling law in the form that its optimum gives it, each `(runs, 1)`."""

    parameter_loss: np.ndarray  # A
    parameter_exponent: np.ndarray  # a
    token_loss: np.ndarray  # B
    token_exponent: np.ndarray  # b
    balance: np.ndarray  # G: parameters are G (C/6)^(b/(a+b)) where data does not bind
    scale: np.ndarray  # reducible loss at the optimum is scale (C/6)^-exponent
    exponent: np.ndarray  # ab/(a+b)


def scaling_law(training):
    """Work out the compute-optimal form of the declared coefficients (Hoffmann et al. 2022, approach 3)."""
    a, b = training.parameter_exponent, training.token_exponent
    balance = power(a * training.parameter_loss / (b * training.token_loss), 1.0 / (a + b))
    exponent = a * b / (a + b)
    at_one = training.parameter_loss * power(balance, -a) + training.token_loss * power(balance, b)
    return ScalingLaw(training.parameter_loss, a, training.token_loss, b, balance, at_one, exponent)


class Trained(NamedTuple):
    """What a run of some compute becomes, each `(runs, rows)`."""

    parameters: np.ndarray
    tokens: np.ndarray
    reducible_loss: np.ndarray  # loss above the irreducible part E, nats a token
    worth_flop: np.ndarray  # compute of an unlimited run with the same loss
    elasticity: np.ndarray  # of that worth to compute: 1 while data does not bind


def flop_that_uses(stock_tokens, law):
    """Return the compute whose best run takes the whole stock."""
    both = law.parameter_exponent + law.token_exponent
    return FLOP_PER_PARAMETER_AND_TOKEN * power(stock_tokens * law.balance, both / law.parameter_exponent)


def worth_flop(flop, stock_tokens, law):
    """Return the compute of an unlimited run with the same loss; where the stock does not bind, the run's own exactly."""
    if not np.any(flop > flop_that_uses(stock_tokens, law)):
        return flop
    return trained(flop, stock_tokens, law).worth_flop


def trained(flop, stock_tokens, law):
    """Train with as many tokens as are best for `flop`, no more than the stock; beyond it parameters grow alone.

    `stock_tokens` counts every repetition that still helps.
    """
    pairs = np.maximum(flop, 1.0) / FLOP_PER_PARAMETER_AND_TOKEN
    both = law.parameter_exponent + law.token_exponent
    short = flop > flop_that_uses(stock_tokens, law)
    tokens = np.minimum(power(pairs, law.parameter_exponent / both) / law.balance, stock_tokens)
    parameters = pairs / tokens
    of_parameters = law.parameter_loss * power(parameters, -law.parameter_exponent)
    loss = of_parameters + law.token_loss * power(tokens, -law.token_exponent)
    same_loss = FLOP_PER_PARAMETER_AND_TOKEN * power(law.scale / loss, 1.0 / law.exponent)
    worth = np.where(short, np.minimum(same_loss, flop), flop)
    elasticity = law.parameter_exponent * of_parameters / (law.exponent * loss)
    return Trained(parameters, tokens, loss, worth, np.where(short, np.minimum(elasticity, 1.0), 1.0))


def reducible_loss(flop, scale, exponent):
    """Return the reducible loss of a compute-optimal run that data does not limit."""
    return scale * power(np.maximum(flop, 1.0) / FLOP_PER_PARAMETER_AND_TOKEN, -exponent)


# Each map comes as a pair: a lab's strength over that of the best, and how much more of it 1% more compute brings.


def log_compute(flop, best_flop, contest, loss_weight, scale, exponent):
    """Value ln C: strength C^r over that of the best, a Tullock contest. Source: Tullock 1980; Jia 2008."""
    return power(ratio(flop, best_flop), contest) * (flop > 0)


def log_compute_decisiveness(flop, contest, loss_weight, scale, exponent):
    """Return r, whatever the compute."""
    return contest * (flop > 0)


def loss(flop, best_flop, contest, loss_weight, scale, exponent):
    """Value a loss that is lower by w times the difference: strength exp(w (R_best - R)), a logit in loss.

    Source: Hoffmann et al. 2022 for the loss; logit McFadden 1974.
    """
    behind = reducible_loss(flop, scale, exponent) - reducible_loss(best_flop, scale, exponent)
    return exp(-loss_weight * behind) * (flop > 0)


def loss_decisiveness(flop, contest, loss_weight, scale, exponent):
    """Return w times exponent times reducible loss, the derivative of ln(strength) by ln C: it falls as C grows."""
    return loss_weight * exponent * reducible_loss(flop, scale, exponent) * (flop > 0)


CAPABILITY_MAP = {"log_compute": log_compute, "loss": loss}
DECISIVENESS = {"log_compute": log_compute_decisiveness, "loss": loss_decisiveness}

"""Cost that falls with what was ever made (Wright, oracle O15), and loss that falls with compute (Chinchilla, oracle O18)."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

FLOP_PER_PARAMETER_AND_TOKEN = 6.0  # 2 forward, 4 backward: Kaplan et al. 2020


def learning_exponent(learning_rate):
    """Return b = -log2(1 - rate), the exponent by which each doubling of output cuts unit cost by `learning_rate` [1].

    Source: Wright 1936; the progress ratio is 2^-b.
    """
    return -math.log2(1.0 - learning_rate)


def learning_rate(exponent):
    """Return the part 1 - 2^-b by which each doubling of output cuts unit cost [0 to 1]. Source: Wright 1936."""
    return 1.0 - 2.0**-exponent


def unit_cost(first_cost_usd, output, exponent, first_output=1.0):
    """Return the cost of the last unit, c (X / X1)^-b [USD], X all output so far and c the cost at X1.

    `output` may be an array. Source: Wright 1936, in the unit-cost (Crawford) form.
    """
    return first_cost_usd * (np.asarray(output, float) / first_output) ** -exponent


def cost_path(opening_cost_usd, opening_stock, output_per_quarter, exponent, quarters):
    """Return unit cost at the opening and after each of `quarters` quarters, c ((X0 + q t) / X0)^-b [USD], `(quarters + 1,)`.

    The opening stock X0 is what was made before; output q is the same in every quarter.
    Source: Wright 1936.
    """
    output = opening_stock + output_per_quarter * np.arange(quarters + 1.0)
    return unit_cost(opening_cost_usd, output, exponent, opening_stock)


def total_cost(first_cost_usd, units, exponent):
    """Return the cost of all of the first `units` whole units, the sum of c n^-b [USD].

    Over `units` it is the average cost, which is above the cost of the last unit: the two readings of a
    learning curve. Source: Wright 1936 (cumulative average) against Crawford 1944 (unit).
    """
    return first_cost_usd * math.fsum(n**-exponent for n in range(1, units + 1))


class ScalingLaw(NamedTuple):
    """Coefficients of L = E + A / N^a + B / D^b, in nats a token, N parameters, D tokens."""

    floor: float  # E
    parameter_loss: float  # A
    token_loss: float  # B
    parameter_exponent: float  # a
    token_exponent: float  # b


HOFFMANN = ScalingLaw(1.69, 406.4, 410.7, 0.34, 0.28)  # Hoffmann et al. 2022, approach 3
BESIROGLU = ScalingLaw(1.8172, 482.01, 2085.43, 0.3478, 0.3658)  # Besiroglu et al. 2024, the refit


class TrainingRun(NamedTuple):
    """The best run of some compute: parameters, tokens, loss [nats a token] and its part above the floor."""

    parameters: float
    tokens: float
    loss: float
    reducible_loss: float


def loss(law, parameters, tokens):
    """Return E + A / N^a + B / D^b [nats a token]. Source: Hoffmann et al. 2022, equation 10."""
    return law.floor + law.parameter_loss * parameters**-law.parameter_exponent + law.token_loss * tokens**-law.token_exponent


def balance(law):
    """Return G = (a A / (b B))^(1 / (a + b)), which divides compute between parameters and tokens.

    Source: Hoffmann et al. 2022, equation 4.
    """
    both = law.parameter_exponent + law.token_exponent
    return (law.parameter_exponent * law.parameter_loss / (law.token_exponent * law.token_loss)) ** (1.0 / both)


def scaling_exponent(law):
    """Return x = a b / (a + b): reducible loss at the optimum goes as C^-x. Source: Hoffmann et al. 2022, equation 4."""
    return law.parameter_exponent * law.token_exponent / (law.parameter_exponent + law.token_exponent)


def reducible_loss_ratio(law, compute_ratio):
    """Return by what the reducible loss is multiplied when compute is, ratio^-x. Source: Hoffmann et al. 2022, equation 4."""
    return compute_ratio ** -scaling_exponent(law)


def best_run(law, compute_flop, tokens_max=math.inf):
    """Return the best run of `compute_flop` with no more than `tokens_max` tokens.

    With C = 6 N D: N = G (C/6)^(b/(a+b)), D = (C/6)^(a/(a+b)) / G; where D would pass the limit, D is the limit and
    N = C / (6 D), since loss falls in D up to the optimum. Source: Hoffmann et al. 2022, equation 4.
    """
    both = law.parameter_exponent + law.token_exponent
    pairs = compute_flop / FLOP_PER_PARAMETER_AND_TOKEN
    tokens = min(pairs ** (law.parameter_exponent / both) / balance(law), tokens_max)
    parameters = pairs / tokens
    whole = loss(law, parameters, tokens)
    return TrainingRun(parameters, tokens, whole, _reducible(law, parameters, tokens))


def _reducible(law, parameters, tokens):
    return loss(law._replace(floor=0.0), parameters, tokens)


def flop_that_uses(law, tokens):
    """Return the compute whose unlimited best run takes `tokens`, 6 (D G)^((a+b)/a) [FLOP].

    Source: Hoffmann et al. 2022, equation 4, solved for C.
    """
    both = law.parameter_exponent + law.token_exponent
    return FLOP_PER_PARAMETER_AND_TOKEN * (tokens * balance(law)) ** (both / law.parameter_exponent)


def worth_flop(law, compute_flop, tokens_max):
    """Return the compute of an unlimited run with the loss that `compute_flop` reaches on `tokens_max` tokens [FLOP].

    Found by root search on the logarithm, between the compute that uses all tokens and `compute_flop`.
    Source: definition; loss as in Hoffmann et al. 2022.
    """
    enough = flop_that_uses(law, tokens_max)
    if compute_flop <= enough:
        return float(compute_flop)
    reached = best_run(law, compute_flop, tokens_max).reducible_loss

    def excess(log_flop):
        return math.log(best_run(law, math.exp(log_flop)).reducible_loss / reached)

    low, high = math.log(enough), math.log(compute_flop)
    if excess(low) <= 0.0 or excess(high) >= 0.0:  # so little beyond the limit that rounding hides it
        return float(compute_flop)
    return min(compute_flop, math.exp(brentq(excess, low, high, xtol=1e-14, rtol=1e-14)))


def worth_elasticity(law, compute_flop, tokens_max):
    """Return by how many percent that worth rises for 1% more compute, a A N^-a / (x R) [1]; 1 while tokens do not bind.

    More compute adds parameters alone, so the reducible loss R falls by a A N^-a for each unit of ln C; an unlimited
    run's falls by x R. Source: derivative of Hoffmann et al. 2022, equation 10.
    """
    if compute_flop <= flop_that_uses(law, tokens_max):
        return 1.0
    run = best_run(law, compute_flop, tokens_max)
    of_parameters = law.parameter_loss * run.parameters**-law.parameter_exponent
    return law.parameter_exponent * of_parameters / (scaling_exponent(law) * run.reducible_loss)

"""Estimators on samples with known answers (oracle O28): survival with some still waiting, and parts of a variance."""

import math
from typing import NamedTuple

import numpy as np


class Survival(NamedTuple):
    """A curve by time at which something ended, `(times,)` each."""

    times: np.ndarray
    survival: np.ndarray
    standard_error: np.ndarray


def kaplan_meier(durations, ended):
    """Return the product-limit curve and Greenwood's standard errors, time by time.

    S(t) is the product over times u <= t of 1 - d / n, with n still at risk just before u, of whom d end at u;
    those not ended at u are still at risk at u. The error is S sqrt(sum d / (n (n - d))); once all have ended it is 0, its limit.
    Source: Kaplan and Meier 1958; Greenwood 1926.
    """
    sample = sorted(zip(durations, ended, strict=True))
    times, curve, errors = [], [], []
    alive, terms = 1.0, 0.0
    for time in sorted({duration for duration, end in sample if end}):
        at_risk = sum(1 for duration, _ in sample if duration >= time)
        deaths = sum(1 for duration, end in sample if end and duration == time)
        alive *= (at_risk - deaths) / at_risk
        terms = terms + deaths / (at_risk * (at_risk - deaths)) if at_risk > deaths else 0.0
        times.append(float(time))
        curve.append(alive)
        errors.append(alive * math.sqrt(terms))
    return Survival(np.array(times), np.array(curve), np.array(errors))


class SobolIndices(NamedTuple):
    """Parts of the variance due to each of three inputs alone (first) and with all interactions (total), `(3,)` each."""

    first: np.ndarray
    total: np.ndarray
    variance: float


def ishigami(inputs, a=7.0, b=0.1):
    """Return sin(x1) + a sin(x2)^2 + b x3^4 sin(x1) of inputs `(3, ...)`, each uniform on [-pi, pi].

    Source: Ishigami and Homma 1990.
    """
    first, second, third = inputs
    return np.sin(first) + a * np.sin(second) ** 2 + b * np.asarray(third) ** 4 * np.sin(first)


def ishigami_indices(a=7.0, b=0.1):
    """Return the exact Sobol indices of that function.

    V1 = (1 + b pi^4 / 5)^2 / 2, V2 = a^2 / 8, V13 = 8 b^2 pi^8 / 225, all other parts 0.
    Source: Ishigami and Homma 1990; Saltelli et al. 2008.
    """
    alone = 0.5 * (1.0 + b * math.pi**4 / 5.0) ** 2
    second = a * a / 8.0
    together = 8.0 * b * b * math.pi**8 / 225.0
    whole = alone + second + together
    return SobolIndices(np.array([alone, second, 0.0]) / whole, np.array([alone + together, second, together]) / whole, whole)

"""How long something takes when some are still waiting: Kaplan-Meier, and cumulative incidence of competing ends."""

from typing import NamedTuple

import numpy as np


class Survival(NamedTuple):
    """A Kaplan-Meier curve: distinct times at which something ended, survival beyond each, its standard error."""

    times: np.ndarray
    survival: np.ndarray
    standard_error: np.ndarray


def kaplan_meier(durations, ended):
    """Return the product-limit estimate from durations and whether each ended (0: it was still going on).

    S(t) is the product of 1 - d/n over times up to t, with d ends among n still at risk; the standard error
    is Greenwood's. One-dimensional; nobody at all gives empty arrays. Source: Kaplan and Meier 1958.
    """
    durations, ended = np.asarray(durations, np.float64), np.asarray(ended) != 0
    if durations.shape != ended.shape or durations.ndim != 1 or (durations < 0).any():
        raise ValueError("durations must be one row of numbers, none negative, and each must say whether it ended")
    times = np.unique(durations[ended])
    risk = np.array([(durations >= t).sum() for t in times], np.float64)
    ends = np.array([(durations[ended] == t).sum() for t in times], np.float64)
    survival = np.cumprod(1.0 - ends / risk)
    left = risk - ends
    terms = np.divide(ends, risk * left, out=np.zeros(len(times)), where=left > 0)  # once all have ended, nothing is uncertain
    return Survival(times, survival, survival * np.sqrt(np.cumsum(terms)))


def cumulative_incidence(at_risk, ends):
    """Return the part that has ended by each age for each cause, in the shape of `ends` `(causes, ages, ...)`.

    `at_risk` `(ages, ...)` are those who reach an age, `ends` those of them that end at it for each cause. With hazards
    h = ends / at risk, the incidence of a cause adds up S h, S being the part that no cause has ended before.
    An age that nobody reaches has no hazard. One minus a Kaplan-Meier curve for one cause alone would count
    those who ended otherwise as if they might still come. Source: Kalbfleisch and Prentice 1980.
    """
    at_risk, ends = np.asarray(at_risk, np.float64), np.asarray(ends, np.float64)
    hazard = np.divide(ends, at_risk, out=np.zeros(np.broadcast_shapes(ends.shape, at_risk.shape)), where=at_risk > 0)
    every = np.zeros(at_risk.shape)
    for cause in hazard:
        every = every + cause
    beyond = np.cumprod(np.maximum(0.0, 1.0 - every), axis=0)
    before = np.concatenate([np.ones_like(beyond[:1]), beyond[:-1]])
    return np.cumsum(before * hazard, axis=1)


def age_at_half(incidence):
    """Return the first age (from 1) by which at least half has ended, in the shape of one age; nan where that never comes."""
    reached = incidence >= 0.5
    return np.where(reached.any(axis=0), reached.argmax(axis=0) + 1.0, np.nan)

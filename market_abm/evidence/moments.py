"""Moments: what of the patterns an objective compares, one a pattern-year, with its target, its error and its weight."""

from dataclasses import dataclass

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.evidence import estimators
from market_abm.evidence.patterns import FIT, LOG

OF_A_90_PERCENT_INTERVAL = 3.29  # its width in standard deviations, if it is normal


@dataclass(frozen=True, slots=True)
class Moment:
    """One figure to be met: `target` and its standard deviation `error` are in ln where `scale` is log, else in `unit`.

    `weight` is what its squared distance counts: part / error^2, the part being the pattern's weight over the number of its moments.
    """

    pattern: object
    period: str
    target: float
    error: float
    part: float

    @property
    def name(self):
        """Return a name that nothing else has."""
        return f"{self.pattern.name} {self.period}"

    @property
    def weight(self):
        """Return what the squared distance counts."""
        return self.part / self.error**2

    def shown(self, value):
        """Return a value of this moment in the pattern's own unit."""
        return float(np.exp(value)) if self.pattern.scale == LOG else float(value)


def moments_of(patterns, until):
    """Return (moments of the patterns that may be fitted, {pattern: why it has none}); nothing later than the quarter `until` is used.

    A pattern with a history gives one moment a pattern-year that ends in time; without one, its band is read as a 90% interval. The moments
    of one pattern share its weight, so that a series of many years counts as much as a single fact.
    """
    moments, left_out, problems = [], {}, []
    for pattern in patterns:
        points = [(point.period, point.value, point.error) for point in pattern.history] or [(pattern.period, *_middle(pattern))]
        points = [point for point in points if estimators.last_of(point[0]) <= until]
        if pattern.use != FIT:
            left_out[pattern.name] = "held out on purpose"
        elif not points:
            left_out[pattern.name] = f"ends after {until}"
        else:
            problems += [fault for point in points for fault in _faults(pattern, *point)]
            moments += [Moment(pattern, period, value, error, pattern.weight / len(points)) for period, value, error in _in_scale(pattern, points)]
    if problems:
        raise BadInput(*problems)
    return tuple(moments), left_out


def _middle(pattern):
    """Return (middle, error) of a band: its middle in the pattern's scale, its error from a 90% interval."""
    if pattern.scale == LOG:
        return np.sqrt(pattern.low * pattern.high), np.log(pattern.high / pattern.low) / OF_A_90_PERCENT_INTERVAL
    return (pattern.low + pattern.high) / 2, (pattern.high - pattern.low) / OF_A_90_PERCENT_INTERVAL


def _faults(pattern, period, value, error):
    """Return what keeps a figure from being a moment."""
    key = f"{pattern.name} {period}"
    faults = []
    if not error > 0:
        faults.append(Problem("patterns", "has no error, so it would weigh without bound", "say one standard deviation of measurement", key, error))
    if pattern.scale == LOG and not value > 0:
        faults.append(Problem("patterns", "has no logarithm", 'write scale = "linear", or a value above 0', key, value))
    return faults


def _in_scale(pattern, points):
    """Yield (period, target, error) with the target in ln where the scale is log; the error is in that scale already."""
    for period, value, error in points:
        yield period, float(np.log(value)) if pattern.scale == LOG and value > 0 else float(value), float(error)


def measured(moments, values, labels):
    """Return the moments of each run, `(moments, runs)`: each pattern's estimator over the moment's period, nan where it has no value."""
    by_run = [np.asarray(estimators.estimate(moment.pattern, values, labels, moment.period), float) for moment in moments]
    return np.stack([_ln(found) if moment.pattern.scale == LOG else found for moment, found in zip(moments, by_run, strict=True)])


def _ln(values):
    """Return the logarithm, nan where there is none."""
    return np.log(np.where(values > 0, values, np.nan))


def metrics_of(moments):
    """Return the metrics that moments are measured with, each once."""
    return tuple(dict.fromkeys(name for moment in moments for name in moment.pattern.metrics))


def mean_of(by_run):
    """Return the mean over the runs that have a value, along the last axis, nan where none has."""
    there = np.isfinite(by_run)
    count = there.sum(axis=-1)
    return np.where(count > 0, np.where(there, by_run, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)


def median_of(found):
    """Return the median of the values that are finite, nan where none is."""
    found = found[np.isfinite(found)]
    return float(np.median(found)) if len(found) else np.nan


def lacking(by_run):
    """Return the part of runs without a value, `(moments,)`."""
    return 1.0 - np.isfinite(by_run).mean(axis=-1)


def process_covariance(by_run):
    """Return the covariance of the moments over seeds, `(moments, moments)`, from the runs that have all of them; nan with fewer than two."""
    whole = by_run[:, np.isfinite(by_run).all(axis=0)]
    if whole.shape[1] < 2:
        return np.full((len(by_run), len(by_run)), np.nan)
    apart = whole - whole.mean(axis=1, keepdims=True)
    return apart @ apart.T / (whole.shape[1] - 1)

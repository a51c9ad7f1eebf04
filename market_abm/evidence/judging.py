"""Judging: whether bands are met, whether pattern-years lie in predictive intervals, and how sharp these are."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from market_abm.evidence.estimators import estimate, last_of, year_in_middle
from market_abm.evidence.moments import median_of
from market_abm.evidence.patterns import JUDGE, LOG
from market_abm.units import quarter_number

LEVEL = 0.90  # of predictive intervals and of Wilson's
NOTHING = 1e-3  # of the figure: what a value of 0 counts as in logarithms
FAR = 10.0  # standard deviations, beyond which a normal distribution has nothing that counts


@dataclass(frozen=True, slots=True)
class Judged:
    """One pattern and what the runs give for it: the median over the runs that have a value, how many have, and how many are in the band."""

    pattern: object
    value: float
    runs: int
    valued: int
    passed: int
    held_out: bool

    @property
    def measured(self):
        """Say whether any run has a value."""
        return self.valued > 0

    @property
    def ok(self):
        """Say whether at least half of the runs have a value and the median is in the band; None where nothing was measured."""
        return bool(2 * self.valued >= self.runs and self.pattern.low <= self.value <= self.pattern.high) if self.measured else None

    @property
    def pass_rate(self):
        """Return the part of all runs that are in the band; a run without a value is not."""
        return self.passed / self.runs if self.measured else np.nan

    @property
    def pass_interval(self):
        """Return Wilson's interval for that part."""
        return wilson(self.pass_rate, self.runs if self.measured else 0)


@dataclass(frozen=True, slots=True)
class Year:
    """One pattern-year and what the runs give for it.

    `interval` is the central 90% of what a source with this error would read in a run drawn at random, `seeds_interval` of the runs alone;
    both in the pattern's unit. `scores` are interval scores of the model's and of the naive interval in units of the measurement error.
    """

    pattern: object
    point: object
    value: float
    seeds_interval: tuple[float, float]
    interval: tuple[float, float]
    held_out: bool
    scores: tuple[float, float]

    @property
    def measured(self):
        """Say whether any run has a value."""
        return bool(np.isfinite(self.value))

    @property
    def inside(self):
        """Say whether the figure lies in the interval with measurement error; None where nothing was measured."""
        return bool(self.interval[0] <= self.point.value <= self.interval[1]) if self.measured else None

    @property
    def inside_seeds(self):
        """Say whether it lies in the interval of the runs alone."""
        return bool(self.seeds_interval[0] <= self.point.value <= self.seeds_interval[1]) if self.measured else None

    @property
    def width(self):
        """Return the width of the interval over the figure: relative, without a unit; nan where the figure is 0."""
        return (self.interval[1] - self.interval[0]) / abs(self.point.value) if self.point.value else np.nan


def held_out(pattern, period, split):
    """Say whether a fit that knew everything up to a quarter did not know this: it is never fitted, or ends later."""
    return pattern.use == JUDGE or quarter_number(last_of(period), split) > 0


def judged(pattern, values, labels, split):
    """Return the `Judged` of a pattern; `values` is {metric: (quarters, runs)}."""
    by_run = estimate(pattern, values, labels)
    found = _finite(by_run)
    passed = int(((pattern.low <= found) & (found <= pattern.high)).sum())
    return Judged(pattern, median_of(found), len(by_run), len(found), passed, held_out(pattern, pattern.period, split))


def years(pattern, values, labels, split):
    """Return the `Year` of each point of a pattern's history."""
    return tuple(_year(pattern, point, _finite(estimate(pattern, values, labels, point.period)), split) for point in pattern.history)


def _year(pattern, point, found, split):
    out = held_out(pattern, point.period, split)
    if not len(found):
        return Year(pattern, point, np.nan, (np.nan, np.nan), (np.nan, np.nan), out, (np.nan, np.nan))
    draws = in_scale(pattern, found, point.value)
    ends, exact = predictive_interval(draws, point.error), predictive_interval(draws, 0.0)
    true, naive = float(in_scale(pattern, point.value)), naive_interval(pattern, point, split)
    scores = tuple(interval_score(*(end / point.error for end in interval), true / point.error) for interval in (ends, naive))
    return Year(pattern, point, float(np.median(found)), _back(pattern, exact), _back(pattern, ends), out, scores)


def in_scale(pattern, values, figure=0.0):
    """Return values in the pattern's scale: their logarithm, or themselves.

    A run may have nothing where there is a figure: what is below a thousandth of the figure counts as that in logarithms.
    """
    values = np.asarray(values, float)
    return np.log(np.maximum(values, NOTHING * np.asarray(figure))) if pattern.scale == LOG else values


def _back(pattern, ends):
    return tuple(float(np.exp(end)) if pattern.scale == LOG else float(end) for end in ends)


def _finite(found):
    return found[np.isfinite(found)]


def predictive_interval(draws, error, level=LEVEL):
    """Return the central interval of the runs, blurred by a normal error: of the equal mixture of normals around the draws, exactly.

    Without error it is that of the runs themselves, by linear interpolation between order statistics.
    """
    tails = (1.0 - level) / 2.0, (1.0 + level) / 2.0
    if error == 0.0:
        return tuple(float(end) for end in np.quantile(draws, tails))
    low, high = draws.min() - FAR * error, draws.max() + FAR * error
    return tuple(float(brentq(lambda x, tail=tail: ndtr((x - draws) / error).mean() - tail, low, high)) for tail in tails)


def naive_interval(pattern, point, split, level=LEVEL):
    """Return the interval that a random walk would give for a point after the split from the points before it; (nan, nan) where it cannot.

    Centred on the last figure known; its variance is that of a walk with the mean squared step of the known points a year, and of the error of
    the last figure and of the new one. Two known points at least, and figures of one kind of period.
    """
    known = known_points(pattern, split)
    if len(known) < 2 or quarter_number(last_of(point.period), split) <= 0:
        return np.nan, np.nan
    when = np.array([year_in_middle(one.period) for one in known])
    level_of = in_scale(pattern, [one.value for one in known])
    step = (np.diff(level_of) ** 2).sum() / np.diff(when).sum()
    ahead = year_in_middle(point.period) - when[-1]
    half = -ndtri((1.0 - level) / 2.0) * np.sqrt(step * ahead + known[-1].error ** 2 + point.error**2)
    return float(level_of[-1] - half), float(level_of[-1] + half)


def known_points(pattern, split):
    """Return the points that end by the split, in the order of time."""
    known = (point for point in pattern.history if quarter_number(last_of(point.period), split) <= 0)
    return sorted(known, key=lambda point: year_in_middle(point.period))


def interval_score(low, high, true, level=LEVEL):
    """Return the interval score, which is small for narrow intervals that hold the truth (Gneiting and Raftery 2007, eq. 43)."""
    penalty = 2.0 / (1.0 - level)
    return float(high - low + penalty * max(0.0, low - true) + penalty * max(0.0, true - high)) if np.isfinite([low, high]).all() else np.nan


def wilson(rate, tried, level=LEVEL):
    """Return Wilson's interval for a rate of `tried` independent trials, which may be a fraction (Wilson 1927); nan where nothing was tried."""
    if not tried:
        return np.nan, np.nan
    z = -float(ndtri((1.0 - level) / 2.0))
    middle = (rate + z * z / (2 * tried)) / (1 + z * z / tried)
    half = z / (1 + z * z / tried) * np.sqrt(rate * (1 - rate) / tried + z * z / (4 * tried * tried))
    return float(min(rate, max(0.0, middle - half))), float(max(rate, min(1.0, middle + half)))  # rounding must not leave the rate outside


def share_of(flags):
    """Return the part that is true among what is not None, nan where there is nothing."""
    told = [flag for flag in flags if flag is not None]
    return sum(told) / len(told) if told else np.nan


def sharpness(found):
    """Return {width, score, naive_score, points}: median relative width, and mean interval scores over the points where both are known."""
    there = [year for year in found if year.measured]
    both = [year.scores for year in there if np.isfinite(year.scores).all()]
    mean = np.mean(both, axis=0) if both else (np.nan, np.nan)
    width = float(np.nanmedian([year.width for year in there])) if there else np.nan
    return {"width": width, "score": float(mean[0]), "naive_score": float(mean[1]), "points": len(both)}

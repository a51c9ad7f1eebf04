"""Skill: does the model foresee what was not known better than the last value, or a trend?"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from market_abm.evidence.estimators import estimate, last_of, year_in_middle
from market_abm.evidence.judging import in_scale, known_points
from market_abm.evidence.moments import mean_of, median_of
from market_abm.units import quarter_number

CONSTANT, TREND = "constant", "trend"
NAIVE = (CONSTANT, TREND)
BY_ERROR, BY_CONSTANT = "measurement error", "error of the constant"
SCALES = (BY_ERROR, BY_CONSTANT)
MOST_EXACT = 16  # series up to which every sign is tried
DRAWS = 2**16
SEED = 1


@dataclass(frozen=True, slots=True)
class Series:
    """One series with points on both sides of the split: mean absolute errors, in the pattern's scale, over the points after it.

    `trend` is nan where fewer than two points are known; `error` is the mean standard deviation of measurement of the points foreseen.
    """

    pattern: object
    points: int
    model: float
    constant: float
    trend: float
    error: float

    def by(self, scale):
        """Return what errors are divided by; the constant's own error counts as no less than that of measurement."""
        return self.error if scale == BY_ERROR else max(self.constant, self.error)


def series_of(patterns, values, labels, split):
    """Return a `Series` for every pattern with points on both sides of the split that the runs have a value for."""
    found = (_series(pattern, values, labels, split) for pattern in patterns)
    return tuple(one for one in found if one is not None)


def _series(pattern, values, labels, split):
    known = known_points(pattern, split)
    later = [point for point in pattern.history if quarter_number(last_of(point.period), split) > 0]
    later = [(point, median_of(estimate(pattern, values, labels, point.period))) for point in later] if known else []
    later = [(point, value) for point, value in later if np.isfinite(value)]
    if not later:
        return None
    figures = [point.value for point, _ in later]
    true, model = in_scale(pattern, figures), in_scale(pattern, [value for _, value in later], figures)
    foreseen = {"model": model, **naive_forecasts(pattern, known, [point for point, _ in later])}
    errors = {name: float(np.abs(levels - true).mean()) for name, levels in foreseen.items()}
    return Series(pattern, len(later), **errors, error=float(np.mean([point.error for point, _ in later])))


def naive_forecasts(pattern, known, later):
    """Return {constant, trend}: the last known figure, and a straight line through all known ones, in the pattern's scale at later points."""
    when, ahead = ([year_in_middle(point.period) for point in points] for points in (known, later))
    levels = in_scale(pattern, [point.value for point in known])
    trend = np.full(len(ahead), np.nan)
    if len(known) >= 2:
        slope, start = np.polyfit(np.array(when) - when[0], levels, 1)
        trend = start + slope * (np.array(ahead) - when[0])
    return {CONSTANT: np.full(len(ahead), levels[-1]), TREND: trend}


def skill(series):
    """Return one dict a naive forecast and scale: score 1 - sum of the model's errors / sum of the naive one's, series, p-value.

    1 is perfect, 0 no better, below 0 worse. Each series counts once, because the points of a series are not independent; nor are series of
    one source wholly, so p is rather too small than too large.
    """
    return [_row(naive, scale, series) for naive in NAIVE for scale in SCALES]


def _row(naive, scale, series):
    there = [one for one in series if np.isfinite(getattr(one, naive))]
    model, other = (np.array([getattr(one, name) / one.by(scale) for one in there]) for name in ("model", naive))
    score = 1.0 - model.sum() / other.sum() if len(there) and other.sum() > 0 else np.nan
    return {"naive": naive, "scale": scale, "series": len(there), "model_error": float(mean_of(model)), "naive_error": float(mean_of(other)),
            "skill": float(score), "better": int((model < other).sum()), "p_value": sign_flip(other - model)}


def sign_flip(differences, seed=SEED):
    """Return the two-sided p-value of a paired permutation test that flips signs: exact up to 16 pairs, else by seeded draws.

    It is the part of all signs under which the sum is as far from 0 as it is, itself among them.
    """
    differences = np.asarray(differences, float)
    if not len(differences):
        return np.nan
    if len(differences) <= MOST_EXACT:
        signs = np.array(list(product((1.0, -1.0), repeat=len(differences))))
    else:
        signs = np.random.default_rng(seed).choice((1.0, -1.0), size=(DRAWS, len(differences)))
    far = abs(differences.sum()) * (1 - 1e-12)  # so that rounding does not tell equals apart
    extreme = np.abs(signs @ differences) >= far
    return float(extreme.mean()) if len(differences) <= MOST_EXACT else float((extreme.sum() + 1) / (DRAWS + 1))

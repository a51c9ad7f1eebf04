"""Search for the parameters whose moments are nearest: a Latin hypercube, then least squares from its best points.

Every point meets the same seeds, so the objective is a fixed function, and a search that is repeated asks for the same points again.
"""

from dataclasses import dataclass, field

import numpy as np

from market_abm.evidence.moments import lacking, mean_of
from market_abm.sweeps.sampling import in_unit_cube

MOST_LACKING = 0.1  # part of runs without a moment, beyond which a point is no candidate
FAR = 1e4  # residual of each moment of a point that is none
TOLERANCE = 1e-3  # of a step, as a part of the range, and of the objective
AS_IT_STANDS = None  # the point that stands for the configuration as it is
SAME = 0.05  # of the range: ends of searches nearer than this in every parameter are one minimum


@dataclass(frozen=True)
class Target:
    """What moments should be: `values`, standard deviations of measurement `errors`, `weights` of squared distances, all `(moments,)`."""

    values: np.ndarray
    errors: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Met:
    """What came of one point: its moments by run `(moments, runs)`, their mean, the objective, and the largest part of runs without a moment."""

    by_run: np.ndarray
    mean: np.ndarray
    objective: float
    lacking: float

    @property
    def good(self):
        """Say whether the point is a candidate."""
        return self.lacking <= MOST_LACKING


@dataclass
class Search:
    """The objective, with all that has been asked of it: `ask(points)` returns the moments by run of each point of the unit cube."""

    ask: object
    target: Target
    progress: object = None
    expected: int = 0
    met: dict = field(default_factory=dict)
    trace: list = field(default_factory=list)

    def at(self, points, stage):
        """Return what came of points, asking for all that are new at once."""
        new = [point for point in dict.fromkeys(points) if point not in self.met]
        for point, by_run in zip(new, self.ask(new) if new else [], strict=True):
            self.met[point] = met = self._met(by_run)
            self.trace.append({"evaluation": len(self.trace) + 1, "stage": stage, "point": point, "objective": met.objective, "lacking": met.lacking})
        if new and self.progress:
            done = len(self.met)
            self.progress(done, max(done, self.expected), self.best()[1].objective)
        return [self.met[point] for point in points]

    def _met(self, by_run):
        mean, short = mean_of(by_run), float(lacking(by_run).max())
        gaps = mean - self.target.values
        return Met(by_run, mean, float((self.target.weights * gaps**2).sum()) if short <= MOST_LACKING else np.nan, short)

    def best(self):
        """Return (point, what came of it) of the least objective, (None, a point that is no candidate) before there is any."""
        good = [(point, met) for point, met in self.met.items() if met.good and point is not AS_IT_STANDS]
        return min(good, key=lambda pair: pair[1].objective) if good else (None, Met(np.zeros((0, 0)), np.zeros(0), np.nan, np.nan))

    def residuals(self, point, stage):
        """Return sqrt(weight) (mean - target), `(moments,)`; far off where the point is no candidate."""
        met, = self.at([point], stage)
        return np.sqrt(self.target.weights) * (met.mean - self.target.values) if met.good else np.full(len(self.target.values), FAR)

    def slopes(self, point, step, stage):
        """Return the derivatives of the moments by run, `(parameters, moments, runs)`, by central differences, one-sided at a bound.

        Both ends meet the same seeds, so a run is compared with itself. Where an end is no candidate the point itself takes its place.
        """
        ends = [(_moved(point, place, -step), _moved(point, place, step)) for place in range(len(point))]
        self.at([point, *(end for pair in ends for end in pair)], stage)
        return np.stack([self._slope(point, place, pair) for place, pair in enumerate(ends)])

    def _slope(self, point, place, pair):
        low, high = (end if self.met[end].good else point for end in pair)
        if low == high:
            return np.zeros_like(self.met[point].by_run)
        return (self.met[high].by_run - self.met[low].by_run) / (high[place] - low[place])


def _moved(point, place, by):
    """Return a point with one coordinate moved, at most to its bound."""
    return (*point[:place], float(np.clip(point[place] + by, 0.0, 1.0)), *point[place + 1:])


def sampled(parameters, size, seed):
    """Return the points of a Latin hypercube, as tuples."""
    return [tuple(row) for row in in_unit_cube("latin_hypercube", parameters, size, 0, seed).tolist()]


class Flat(Exception):
    """The objective has no slope."""


def minimised(search, starts, step, steps, tolerance=TOLERANCE):
    """Return one row a start: where least squares went from it, the objective there, and whether that is the same minimum as the best.

    The method is the trust-region reflective one of scipy, which keeps within bounds (Branch, Coleman and Li 1999).
    """
    rows = [_descent(search, start, f"search {number}", step, steps, tolerance) for number, start in enumerate(starts, 1)]
    best = min(rows, key=lambda row: row["objective"])["end"]
    return [row | {"same_as_best": bool(np.max(np.abs(np.subtract(row["end"], best))) <= SAME)} for row in rows]


def _descent(search, start, stage, step, steps, tolerance):
    from scipy.optimize import least_squares

    asked = []

    def residuals(x):
        point = tuple(x.tolist())
        asked.append(point)
        return search.residuals(point, stage)

    def jacobian(x):
        slopes = search.slopes(tuple(x.tolist()), step, f"{stage}, slopes")
        found = np.sqrt(search.target.weights)[:, None] * mean_of(slopes).T
        if not found.any():  # no moment answers to any parameter: there is no way down
            raise Flat
        return found

    try:
        found = least_squares(residuals, np.array(start), jac=jacobian, bounds=(0.0, 1.0), method="trf", x_scale=1.0,
                              ftol=tolerance, xtol=tolerance, gtol=None, max_nfev=steps)
    except Flat:
        found = None
    end = min((point for point in asked if search.met[point].good), key=lambda point: search.met[point].objective, default=start)
    return {"start": start, "start_objective": search.met[start].objective if start in search.met else np.nan, "end": end,
            "objective": search.met[end].objective, "iterations": len(asked), "converged": found is not None and bool(found.status > 0)}

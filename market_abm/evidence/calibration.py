"""Method of simulated moments: the parameters at which the model's moments are nearest to the facts, and what that is worth.

Runs are kept in `runs/` of the results folder as a sweep keeps them. Nothing is drawn anew on the way, so a calibration that was
stopped asks for the same points again and runs only what is missing.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.evidence import calibration_tables as tables
from market_abm.evidence.calibration_file import TOTAL, read_calibration
from market_abm.evidence.identification import Identified, at_bounds, curvature, identified, slices
from market_abm.evidence.moments import lacking, measured, metrics_of, moments_of, process_covariance
from market_abm.evidence.patterns import read_patterns
from market_abm.evidence.runs import simulated
from market_abm.evidence.search import AS_IT_STANDS, MOST_LACKING, Search, Target, minimised, sampled
from market_abm.studies.store import plain

STORE = "runs"
ASKED_AT_ONCE = 8  # points of the sample: so that progress is told between them
STEPS_GUESSED = 6  # of a search, for progress alone


@dataclass(frozen=True)
class Calibrated:
    """What a calibration found: `rows` one a parameter, `document` all of it as plain data, `new` how many runs were not stored before."""

    folder: Path
    rows: list[dict]
    moments: list[dict]
    remarks: list[str]
    document: dict
    fitted: Path
    new: int = 0
    failures: list[dict] = field(default_factory=list)


@dataclass(frozen=True)
class Fit:
    """What a search ended with, in the unit cube of the free parameters."""

    search: Search
    point: tuple
    starts: list[dict]
    known: Identified
    slices: list[dict]
    curvature: np.ndarray
    bounds: tuple


def calibrate(path, out=None, workers=None, progress=None, patterns=None):
    """Carry out the calibration in a TOML file and return a `Calibrated`.

    `out` is a folder, by default `results/` and the file's name: it gets fitted.toml, calibration.json and tables, and keeps all runs.
    `progress(done, total, objective)` counts points, of a total that is a guess. `patterns` are the caller's own, in place of
    those of the file. Raises `Stopped` when interrupted.
    """
    plan = read_calibration(path)
    moments, left_out = _moments(plan, patterns)
    folder = tables.own_folder(out if out is not None else Path("results") / Path(path).stem)
    market = Asked(plan, moments, folder / STORE, workers)
    standing, = market([AS_IT_STANDS])
    kept = lacking(standing) <= MOST_LACKING
    left_out |= {moment.name: f"has no value in {short:.0%} of the runs of the configuration as it stands"
                 for moment, short in zip(moments, lacking(standing), strict=True) if short > MOST_LACKING}
    moments = tuple(moment for moment, there in zip(moments, kept, strict=True) if there)
    _check_enough(plan, moments)
    target = target_of(moments, standing[kept] if plan.plan.weights == TOTAL else None)
    search = Search(lambda points: [by_run[kept] for by_run in market(points)], target, expected=_expected(plan))
    search.progress = tables.Heard(folder, plan, search, progress)
    fit = fitted(search, len(plan.free), plan.plan, market.place_of_standing)
    return _outcome(folder, plan, moments, left_out, fit, market)


def _moments(plan, patterns):
    """Return (moments to be met, {pattern: why it has none}), as many as there are parameters at least."""
    moments, left_out = moments_of(read_patterns(plan.patterns) if patterns is None else patterns, plan.plan.until)
    _check_enough(plan, moments)
    return moments, left_out


def _check_enough(plan, moments):
    if len(moments) < len(plan.free):
        raise BadInput(Problem(plan.file, f"has {len(plan.free)} free parameters, but only {len(moments)} moments up to {plan.plan.until} can be "
                               "measured", "free fewer parameters, or name more patterns to fit", key="free"))


def target_of(moments, by_run=None):
    """Return the `Target` of moments; with runs `(moments, runs)` given, chance over seeds counts in the weights beside measurement."""
    errors = np.array([moment.error for moment in moments])
    chance = np.zeros(len(moments)) if by_run is None else np.diag(process_covariance(by_run))
    parts = np.array([moment.part for moment in moments])
    return Target(np.array([moment.target for moment in moments]), errors, parts / (errors**2 + chance))


class Asked:
    """The market as a function from points of the unit cube to moments by run, `(moments, runs)`, with all that was asked of it."""

    def __init__(self, plan, moments, store, workers):
        self.plan, self.moments, self.store, self.workers = plan, moments, store, workers
        self.new, self.failures = 0, {}
        self.place_of_standing = _place_of_standing(plan.free)

    def setting(self, point):
        """Return {key: value} of what a point changes."""
        return {} if point in (AS_IT_STANDS, self.place_of_standing) else self.plan.setting(point)

    def __call__(self, points):
        """Return the moments by run of each point."""
        plan = self.plan
        settings = [self.setting(point) for point in points]
        found = simulated(plan.config, settings, plan.plan.runs, plan.plan.until, metrics_of(self.moments), self.store, self.workers, seed=plan.seed)
        self.new += found.new
        self.failures |= {(failure["point"], failure["run"]): failure for failure in found.failures}
        return [measured(self.moments, values, found.labels) for values in found.values]


def _place_of_standing(free):
    """Return the point of the unit cube at which the configuration stands, None if it lies outside."""
    places = []
    for factor in free:
        if not factor.low <= factor.standing <= factor.high:
            return None
        low, standing, high = (np.log(value) if factor.scale == "log" else value for value in (factor.low, factor.standing, factor.high))
        places.append(float((standing - low) / (high - low)))
    return tuple(places)


def _expected(plan):
    """Return about how many points will be asked."""
    parameters, told = len(plan.free), plan.plan
    return 1 + told.points + told.searches * STEPS_GUESSED * (1 + 2 * parameters) + 11 * parameters


def fitted(search, parameters, plan, standing=None):
    """Return the `Fit` of a search: sample, descents from the best points, and what is known at the end of the best."""
    search.at([AS_IT_STANDS], "as it stands")
    sample = [*sampled(parameters, plan.points, plan.sampling_seed), *([standing] if standing else [])]
    for low in range(0, len(sample), ASKED_AT_ONCE):
        search.at(sample[low:low + ASKED_AT_ONCE], "sample")
    good = sorted((point for point in sample if search.met[point].good), key=lambda point: search.met[point].objective)
    if not good:
        raise BadInput(Problem("calibration", f"has no point of {len(sample)} at which nine runs of ten have all moments",
                               "narrow the bounds, or drop the pattern that has no value (trace.csv)", key="free"))
    begun = good[:plan.searches]
    starts = minimised(search, begun, plan.step, plan.steps)
    point, _ = search.best()
    along = slices(search, point)
    if search.best()[0] != point:  # a slice met a lower place, so the searches had stopped short: go on from there, the others from memory
        starts = minimised(search, [*begun, search.best()[0]], plan.step, plan.steps)
        point, _ = search.best()
        along = slices(search, point)
    known = identified(search, point, plan.step)
    return Fit(search, point, starts, known, along, curvature(search, point, plan.step), at_bounds(point))


def _outcome(folder, plan, moments, left_out, fit, market):
    """Write what a calibration found, and return it."""
    setting = market.setting(fit.point) or {factor.key: factor.standing for factor in plan.free}
    rows = tables.parameter_rows(plan, setting, fit)
    met = tables.moment_rows(moments, fit)
    remarks = tables.remarks(plan, fit, left_out, len(market.failures))
    document = plain(tables.document(plan, fit, rows, met, left_out, remarks, sorted(market.failures)))
    fitted_path = tables.write(folder, plan, setting, rows, met, fit, document)
    return Calibrated(folder, rows, met, remarks, document, fitted_path, market.new, list(market.failures.values()))

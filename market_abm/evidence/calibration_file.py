"""A calibration as it stands in a TOML file: `[calibration]` says what is fitted to what, `[free]` which parameters, between which bounds."""

import os
from dataclasses import dataclass, replace
from itertools import product

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.evidence.runs import faults_of_until
from market_abm.parameters.declare import choice, number, text, whole
from market_abm.parameters.frame import with_frame
from market_abm.parameters.loading import declared_in, load
from market_abm.parameters.reading import read_toml
from market_abm.sweeps.design import ranges_beside
from market_abm.sweeps.factors import factor_from, lines_of
from market_abm.sweeps.market import Market
from market_abm.units import quarter_number

TABLES = ("calibration", "free")
WORDS = ("low", "high", "scale")
MOST_FREE = 6
CHOSEN = "by choice"
MEASUREMENT, TOTAL = "measurement", "total"


@dataclass(frozen=True, slots=True)
class Plan:
    """What `[calibration]` may hold."""

    title: str = text("", "What is fitted, in a few words.", CHOSEN)
    config: str = text("", "File of the configuration, from where this file is.", CHOSEN)
    patterns: str = text("", "File of patterns, from where this file is; those of the package if left out.", CHOSEN)
    until: str = text("", "Last quarter of the facts that may be used, and of the runs.", CHOSEN)
    runs: int = whole(64, 8, 512, "count", "Runs a point, on the same seeds everywhere.", CHOSEN, at_least=2, at_most=10**5)
    seed: int = whole(-1, 0, 2**53, "seed", "Seed of the first run; the configuration's if left out.", CHOSEN, at_most=2**53)
    points: int = whole(32, 8, 256, "count", "Points of the Latin hypercube.", CHOSEN, at_least=2, at_most=10**5)
    sampling_seed: int = whole(1, 0, 2**31, "seed", "Seed of the Latin hypercube.", CHOSEN, at_most=2**31)
    searches: int = whole(2, 1, 4, "count", "From how many of the best points least squares set out.", CHOSEN, at_least=1, at_most=100)
    steps: int = whole(12, 4, 50, "count", "Most steps of one search.", CHOSEN, at_least=1, at_most=1000)
    step: float = number(0.05, 0.01, 0.1, "part of the range", "Step of the differences that slopes are made of.", CHOSEN, 1e-6, 0.5)
    weights: str = choice(MEASUREMENT, (MEASUREMENT, TOTAL), "Whether a moment weighs by the error of its fact alone, or by that and chance over "
                          "seeds in the configuration as it stands.", CHOSEN)


@dataclass(frozen=True)
class Calibration:
    """A calibration that can be carried out: `config` and `patterns` are paths, `free` the parameters as factors with `low` and `high`."""

    file: str
    plan: Plan
    config: str
    patterns: str | None
    free: tuple
    seed: int

    def setting(self, point):
        """Return {key: value} of a point of the unit cube."""
        return {factor.key: factor.at(place) for factor, place in zip(self.free, point, strict=True)}


def read_calibration(path):
    """Return the `Calibration` in a file, its bounds found possible together."""
    file = os.path.normpath(path)
    document = read_toml(str(path), file)
    plan = _plan(file, document)
    config = os.path.normpath(os.path.join(os.path.dirname(path), plan.config))
    base = load(config)
    problems = faults_of_until(file, "calibration.until", plan.until, base.frame.start)
    model = Market(base, {}, ranges_beside(config))
    free, wrong = _free(file, model, document["free"])
    if problems or wrong:
        raise BadInput(*problems, *wrong)
    length = quarter_number(plan.until, base.frame.start) + 1
    _check_corners(file, replace(model, base=with_frame(base, quarters=length)), free)
    patterns = os.path.join(os.path.dirname(path), plan.patterns) if plan.patterns else None
    return Calibration(file, plan, config, patterns, free, plan.seed if plan.seed >= 0 else base.frame.seed)


def _plan(file, document):
    """Return the plan, after looking at everything that needs no configuration."""
    problems = [Problem(file, "is no table of a calibration", did_you_mean(name, TABLES), key=name) for name in document if name not in TABLES]
    told = document.get("calibration")
    if not isinstance(told, dict):
        problems.append(Problem(file, "must be a table", "write [calibration], and config and until below it", key="calibration"))
        told = {}
    plan, wrong = declared_in(Plan, told, file, "calibration")
    problems += wrong
    refused = {problem.key for problem in wrong}
    for word, example in (("config", "../base.toml"), ("until", "2023Q4")):
        if not getattr(plan, word) and f"calibration.{word}" not in refused and told:
            problems.append(Problem(file, "must be said", f'write {word} = "{example}"', key=f"calibration.{word}"))
    problems += _faults_of_free(file, document.get("free"))
    if problems:
        raise BadInput(*problems)
    return plan


def _faults_of_free(file, table):
    if not isinstance(table, dict) or not table:
        return [Problem(file, "names nothing to fit", 'write [free] and "training.ambition_growth" = {} below it', key="free")]
    return []


def _free(file, model, table):
    """Return (the free parameters, what is wrong with them)."""
    free, problems = {}, []
    for key, spec in lines_of(table, model):
        faults = _faults_of_line(file, key, spec, model) or _twice(file, key, free)
        factor, wrong = (None, faults) if faults else factor_from(file, key, spec, model, "latin_hypercube")
        wrong = [*map(_renamed, wrong), *(_beyond(file, factor) if factor else [])]
        free |= {key: factor}
        problems += wrong
    if len(free) > MOST_FREE:
        problems.append(Problem(file, f"names {len(free)} parameters, but at most {MOST_FREE} can be fitted: moments are few, and more parameters "
                                "would follow their chance", "keep those that matter most (`market-abm sensitivity`)", key="free"))
    return tuple(free.values()), problems


def _twice(file, key, free):
    return [Problem(file, "is said twice", "keep one of them", key=f"free.{key}")] if key in free else []


def _faults_of_line(file, key, spec, model):
    """Return what is wrong with a line before its bounds are read."""
    told, why = model.told(key)
    name = f"free.{key}"
    if told is None:
        return [Problem(file, "is no parameter", why, key=name)]
    if told.low is None or told.whole or key.startswith("levers."):
        return [Problem(file, "cannot be fitted: it is no number of the model that varies smoothly", "leave it out", key=name)]
    if not isinstance(spec, dict):
        return [Problem(file, "must be a table", f'write "{key}" = {{}}, or {{ low = ..., high = ... }}', key=name, value=spec)]
    return [Problem(file, "is no word for a free parameter", did_you_mean(word, WORDS), key=f"{name}.{word}") for word in spec if word not in WORDS]


def _renamed(problem):
    return replace(problem, key=problem.key.replace("factors.", "free.", 1))


def _beyond(file, factor):
    """Return the faults of bounds beyond the declared low and high."""
    told, remedy = factor.told, "keep within, or widen the declared range with a source"
    why = f"must lie between the declared {told.low:g} and {told.high:g} (unit: {told.unit})"
    return [Problem(file, why, remedy, f"free.{factor.key}.{end}", value) for end, value in (("low", factor.low), ("high", factor.high))
            if not told.low <= value <= told.high]


def _check_corners(file, model, free):
    """Refuse bounds between which some parameters are not in order: what is possible at all corners is possible everywhere."""
    problems = {}
    for corner in product((0.0, 1.0), repeat=len(free)):
        setting = {factor.key: factor.at(place) for factor, place in zip(free, corner, strict=True)}
        for fault in model.faults(setting, file):
            problems.setdefault(fault.key, Problem(file, f"at some corner of the bounds: {fault.why}", "narrow the bounds", fault.key, fault.value))
    if problems:
        raise BadInput(*problems.values())



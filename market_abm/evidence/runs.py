"""Runs of the market at settings of one's own, on the same seeds everywhere, in a folder that remembers them."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.parameters.frame import with_frame
from market_abm.studies.store import METRICS, POINTS
from market_abm.sweeps.design import Design, Plan, key_of, setting_of
from market_abm.sweeps.factors import given_values
from market_abm.sweeps.market import POLICY, Market, main_key
from market_abm.sweeps.results import load_results
from market_abm.sweeps.runner import run_design
from market_abm.units import quarter_number

OF_POINTS = ("point", "key")  # columns of the table of points that are no factors


@dataclass(frozen=True)
class Simulated:
    """What came of settings: `values` has one {metric: (quarters, runs)} a setting, `labels` the quarters, `new` counts what was not stored yet.

    A failed run is nan from the quarter on in which it failed; `failures` says of each its setting, run, quarter and reason.
    """

    labels: tuple[str, ...]
    values: list[dict] = field(default_factory=list)
    failures: list[dict] = field(default_factory=list)
    new: int = 0


def simulated(config, settings, runs, until, metrics, folder=None, workers=None, progress=None, seed=None):
    """Run a configuration at several settings on the same seeds and return a `Simulated`.

    `config` is a TOML file, or what `load` returned; `settings` lists {key: value} of what each changes, {} for nothing; `until` is the last
    quarter; `metrics` names what is measured. `folder` keeps the runs: asked again, or for more settings, it runs only what is new. None
    keeps nothing.
    `progress(done, total)` counts runs that are not stored yet. Raises `Stopped` when interrupted.
    """
    model, seed = _market(config, until, metrics, seed)
    if folder is None:
        with tempfile.TemporaryDirectory() as place:
            return _asked(model, settings, runs, seed, place, workers, progress)
    return _asked(model, settings, runs, seed, folder, workers, progress)


def _market(config, until, metrics, seed):
    """Return (what is run, seed of the first run) of a configuration that ends with a quarter."""
    base = with_frame(config)
    problems = faults_of_until(str(config), "until", until, base.frame.start)
    if problems:
        raise BadInput(*problems)
    model = Market(with_frame(base, quarters=quarter_number(until, base.frame.start) + 1), {}, {}, tuple(metrics))
    known = set(model.known)
    unknown = [name for name in metrics if name not in known]
    if unknown:
        raise BadInput(*(Problem(str(config), "is no metric", "see `market-abm describe metrics`", key=name) for name in unknown))
    return model, base.frame.seed if seed is None else seed


def faults_of_until(file, key, until, start):
    """Return what is wrong with the last quarter of runs that begin with the quarter `start`."""
    try:
        late_enough = quarter_number(until, start) >= 0
    except (ValueError, AttributeError):
        late_enough = False
    return [] if late_enough else [Problem(file, f"must be a quarter from {start} on", f"write for example {start}", key, until)]


def _asked(model, settings, runs, seed, folder, workers, progress):
    if not settings:
        return Simulated(model.labels)
    entries = [*stored_settings(folder), *settings]
    design = _design(model, entries, runs, seed)
    wanted = design.rows[len(entries) - len(settings):]
    swept = run_design(design, folder, workers, progress=progress)
    failures = [{**failure, "setting": place} for place, point in enumerate(wanted.tolist())
                for failure in swept.failures if failure["point"] == point]
    return Simulated(design.at, _read(folder, design, wanted), failures, swept.new)


def stored_settings(folder):
    """Return the settings that a folder holds, in the order of their numbers; none if it holds nothing yet."""
    import pyarrow.parquet as parquet

    path = Path(folder) / POINTS
    if not path.exists():
        return []
    try:
        lines = parquet.read_table(path).to_pylist()
    except (OSError, ValueError) as error:
        raise BadInput(Problem(str(path), f"cannot be read: {error}", "name another folder")) from None
    return [{key: value for key, value in line.items() if key not in OF_POINTS} for line in lines]


def _design(model, settings, runs, seed):
    """Return the design that lists these settings, every one of them found possible; `rows` has the point of each."""
    file = "settings"
    settings = [{main_key(key): value for key, value in setting.items()} for setting in settings]
    factors = _factors(model, settings, file)
    policies = tuple(dict.fromkeys(setting.get(POLICY, "") for setting in settings))
    model, problems = model.with_policies(policies, "", file, POLICY)
    if problems:
        raise BadInput(*problems)
    points, keys, rows = [], {}, []
    for setting in settings:
        point = _point(model, factors, setting)
        key = key_of(model, setting_of(factors, point))
        if key not in keys:
            keys[key] = len(points)
            points.append(point)
            problems += model.faults(setting_of(factors, point), file)
        rows.append(keys[key])
    if problems:
        raise BadInput(*problems)
    return Design(file, Plan(method="list"), model, factors, points, list(keys), np.array(rows, np.int64), None, runs, seed, model.labels)


def _factors(model, settings, file):
    """Return a factor for every key that some setting names."""
    said = {}
    for place, setting in enumerate(settings):
        for key, value in setting.items():
            said.setdefault(key, {})[place] = value
    found = [given_values(file, key, values, model) for key, values in said.items()]
    problems = [problem for _, wrong in found for problem in wrong]
    if problems:
        raise BadInput(*problems)
    return tuple(factor for factor, _ in found)


def _point(model, factors, setting):
    """Return a setting as values of all factors; what it leaves out stands as in the configuration, or as its policy has it."""
    policy = setting.get(POLICY, "")
    return tuple(factor.read(setting[factor.key]) if factor.key in setting else model.stands(factor.key, policy) if policy else factor.standing
                 for factor in factors)


def _read(folder, design, wanted):
    """Return one {metric: (quarters, runs)} a wanted point, reading these points alone; the design numbers points as the folder does."""
    import pyarrow.parquet as parquet

    load_results(folder)  # which says what is wrong with a folder that cannot be read
    points, place = np.unique(wanted, return_inverse=True)
    names, shape = list(design.model.names), (len(points), design.runs, len(design.at))
    try:
        table = parquet.read_table(Path(folder) / METRICS, columns=names, filters=[("point", "in", points.tolist())])
    except (OSError, ValueError) as error:
        raise BadInput(Problem(str(Path(folder) / METRICS), f"cannot be read: {error}", "remove it, and run the same command again")) from None
    arrays = {name: table.column(name).to_numpy().reshape(shape).transpose(0, 2, 1) for name in names}
    return [{name: np.ascontiguousarray(values[which]) for name, values in arrays.items()} for which in place.tolist()]

"""A sweep's design: from a TOML file to the points that are to be run.

`[design]` says what is run and how points are chosen, `[factors]` what is varied and how far, `[[points]]` lists points.
"""

import json
import os
from dataclasses import dataclass
from hashlib import blake2b
from itertools import product
from pathlib import Path

import numpy as np

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.parameters.declare import choice, text, whole
from market_abm.parameters.loading import declared_in, load
from market_abm.parameters.reading import AGENT_DEPTH, read, read_toml
from market_abm.rules import own
from market_abm.sweeps.factors import factor_from, given_values
from market_abm.sweeps.ishigami import Ishigami
from market_abm.sweeps.market import POLICY, Market
from market_abm.sweeps.sampling import METHODS, in_unit_cube

TABLES = ("design", "factors", "points")
LISTS = ("metrics", "at")
CHOSEN = "by choice"
MOST_FAULTS = 5  # points that are told apart when many are wrong
SAMPLED = ("latin_hypercube", "sobol", "morris")


@dataclass(frozen=True, slots=True)
class Plan:
    """What `[design]` may hold, beside the lists `metrics` and `at`."""

    title: str = text("", "What this sweep asks, in a few words.", CHOSEN)
    model: str = choice("market", ("market", "ishigami"), "What is run: the market, or a test function whose indices are known.", CHOSEN)
    config: str = text("", "File of the base configuration, from where this file is.", CHOSEN)
    method: str = choice("", METHODS, "How points are chosen.", CHOSEN)
    size: int = whole(0, 2, 4096, "count", "Points of a Latin hypercube, base sample of Sobol, trajectories of Morris.", CHOSEN, at_most=10**7)
    levels: int = whole(4, 4, 8, "count", "Levels of a Morris design.", CHOSEN, at_least=2, at_most=1000)
    sampling_seed: int = whole(1, 0, 2**31, "seed", "Seed of the points.", CHOSEN, at_most=2**31)
    runs: int = whole(0, 1, 64, "count", "Replicates of each point, on the same seeds; the configuration's if left out.", CHOSEN, at_most=10**6)
    seed: int = whole(-1, 0, 2**53, "seed", "Seed of the first run; the configuration's if left out.", CHOSEN, at_least=-1, at_most=2**53)
    quarters: int = whole(0, 1, 400, "quarters", "Length of a run; the configuration's if left out.", CHOSEN, at_most=400)


@dataclass(frozen=True)
class Design:
    """Points that can be run: `points` are tuples of the factors' values, `rows` the point of each row of the sample."""

    file: str
    plan: Plan
    model: object
    factors: tuple
    points: list[tuple]
    keys: list[str]
    rows: np.ndarray
    unit: np.ndarray | None
    runs: int
    seed: int
    at: tuple[str, ...]

    def setting(self, point):
        """Return {key: value} of what a point changes."""
        return setting_of(self.factors, point)


def setting_of(factors, point):
    """Return {key: value} of a point's values, without those that stand already."""
    return {factor.key: value for factor, value in zip(factors, point, strict=True) if value != factor.standing}


def key_of(model, setting):
    """Return the fingerprint of what a point changes: the same content has the same key in any design."""
    told = json.dumps(model.content(setting), sort_keys=True)
    return blake2b(told.encode(), digest_size=8).hexdigest()


def read_design(path, rules=None):
    """Return the design in a file, every point of it found possible; `rules` are rules of the caller's own."""
    file = os.path.normpath(path)
    document = read_toml(str(path), file)
    problems = [Problem(file, "is no table of a design", did_you_mean(name, TABLES), key=name) for name in document if name not in TABLES]
    told = dict(document.get("design", {})) if isinstance(document.get("design", {}), dict) else {}
    lists = {name: told.pop(name) for name in LISTS if name in told}
    plan, wrong = declared_in(Plan, told, file, "design")
    problems += wrong
    problems += [Problem(file, "must be a list of names", f'write {name} = ["..."]', key=f"design.{name}", value=value)
                 for name, value in lists.items() if not (isinstance(value, list) and value and all(isinstance(one, str) for one in value))]
    if not wrong and not plan.method:
        problems.append(Problem(file, "says not how points are chosen", f"write method = one of {', '.join(METHODS)}", key="design.method"))
    if problems:
        raise BadInput(*problems)
    model, frame = _model(path, file, plan, lists, rules)
    factors, points, unit = _points(file, plan, model, document)
    return _checked(file, plan, model, factors, points, unit, frame, lists)


def _model(path, file, plan, lists, rules):
    """Return what is run, and (runs, seed) of its configuration."""
    if plan.model == "ishigami":
        return Ishigami(), (1, 1)
    if not plan.config:
        raise BadInput(Problem(file, "names no configuration", 'write config = "../base.toml", from where this file is', key="design.config"))
    place = os.path.join(os.path.dirname(path), plan.config)
    sets = [f"frame.quarters={plan.quarters}"] if plan.quarters else []
    config = load(place, sets)
    model = Market(config, {}, _ranges(place, sets), None, own.check(rules or {}))
    wanted = lists.get("metrics")
    unknown = [name for name in wanted or () if name not in model.known]
    if unknown:
        raise BadInput(*(Problem(file, "is no metric", _near(name, model.known), key="design.metrics", value=name) for name in unknown))
    return Market(config, {}, model.ranges, tuple(wanted) if wanted else None, model.own_rules), (config.frame.runs, config.frame.seed)


def _near(name, known):
    near = did_you_mean(name, known)
    return near if near.startswith("did") else "see `market-abm describe metrics`"


def _ranges(place, sets):
    """Return {key: (low, high)} that a configuration's file gives beside its values."""
    leaves = read(place, sets).leaves
    return {".".join(path): (leaf.value["low"], leaf.value["high"]) for path, leaf in leaves.items()
            if len(path) == AGENT_DEPTH + 1 and isinstance(leaf.value, dict) and {"low", "high"} <= set(leaf.value)}


def _points(file, plan, model, document):
    """Return (factors, points as tuples of values in the order of the sample, the sample in the unit cube or None)."""
    if plan.method == "list":
        return *_listed(file, model, document), None
    if "points" in document:
        raise BadInput(Problem(file, f"is for a list, but the method is {plan.method}", 'write method = "list", or name [factors]', key="points"))
    factors = _factors(file, model, document.get("factors", {}), plan.method)
    if plan.method == "grid":
        return factors, list(product(*(factor.levels for factor in factors))), None
    if plan.size < 2:
        raise BadInput(Problem(file, "must be a whole number of at least 2 (unit: count)", "write for example size = 64",
                               key="design.size", value=plan.size))
    unit = in_unit_cube(plan.method, len(factors), plan.size, plan.levels, plan.sampling_seed)
    return factors, [tuple(factor.at(u) for factor, u in zip(factors, row, strict=True)) for row in unit.tolist()], unit


def _factors(file, model, table, method):
    """Return the factors that a table names."""
    if not isinstance(table, dict) or not table:
        raise BadInput(Problem(file, "names nothing to vary", 'write [factors] and "clouds.omega" = {} below it', key="factors"))
    factors, problems = [], []
    for key, spec in _leaves(table, model):
        factor, wrong = factor_from(file, key, spec, model, method)
        factors, problems = [*factors, factor], problems + wrong
    if problems:
        raise BadInput(*problems)
    return tuple(factors)


def _leaves(table, model, path=()):
    """Yield (key, what is said of it), whether the key is written with dots, as tables in tables, or both."""
    for name, node in table.items():
        here = (*path, *name.split("."))
        declared, _ = model.told(".".join(here))
        deeper = here == (POLICY,) and isinstance(node, dict) and not {"values"} >= set(node)
        if isinstance(node, dict) and node and (declared is None or deeper) and any(isinstance(child, dict | list) for child in node.values()):
            yield from _leaves(node, model, here)
        else:
            yield ".".join(here), node


def _listed(file, model, document):
    """Return (factors, points) of a list of points; what one leaves out stands as in the configuration."""
    entries = document.get("points")
    if "factors" in document:
        raise BadInput(Problem(file, "have no place beside a list of points", "remove them, or choose another method", key="factors"))
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(Problem(file, "must be a list of tables", 'write [[points]] and "clouds.omega" = 0.9 below it', key="points"))
    flat = [dict(_flat(entry)) for entry in entries]
    problems, columns = [], {}
    for key in dict.fromkeys(key for entry in flat for key in entry):
        factor, wrong = given_values(file, key, [entry[key] for entry in flat if key in entry], model)
        problems += wrong
        columns[key] = factor
    if problems:
        raise BadInput(*problems)
    points = []
    for entry in flat:
        points.append(tuple(factor.read(entry[key]) if key in entry else factor.standing for key, factor in columns.items()))
    return tuple(columns.values()), points


def _flat(entry, path=()):
    for name, node in entry.items():
        if isinstance(node, dict):
            yield from _flat(node, (*path, name))
        else:
            yield ".".join((*path, name)), node


def _checked(file, plan, model, factors, points, unit, frame, lists):
    """Return the design with every content once, or say which points cannot be run."""
    model = _with_policies(file, model, factors, points)
    numbers, unique, keys, rows, problems = {}, [], [], [], []
    for place, point in enumerate(points):
        setting = setting_of(factors, point)
        key = key_of(model, setting)
        if key not in numbers:
            numbers[key] = len(unique)
            unique.append(point)
            keys.append(key)
            faults = model.faults(setting, file)
            problems += [Problem(file, f"point {place}: {fault.why}", fault.remedy, fault.key, fault.value) for fault in faults]
        rows.append(numbers[key])
    if problems:
        more = [Problem(file, f"and {len(problems) - MOST_FAULTS} faults more", "narrow the ranges")] if len(problems) > MOST_FAULTS else []
        raise BadInput(*problems[:MOST_FAULTS], *more)
    at = tuple(lists.get("at", model.labels))
    unknown = [label for label in at if label not in model.labels]
    if unknown:
        first, last = model.labels[0], model.labels[-1]
        raise BadInput(*(Problem(file, f"must be a quarter of the run, {first} to {last}", f"write for example {last}", key="design.at", value=label)
                         for label in unknown))
    at = tuple(label for label in model.labels if label in at)
    return Design(file, plan, model, factors, unique, keys, np.array(rows, np.int64), unit,
                  plan.runs or frame[0], plan.seed if plan.seed >= 0 else frame[1], at)


def _with_policies(file, model, factors, points):
    """Return the model with every policy that some point names worked out."""
    from market_abm.studies.comparison import scenario_of

    place = [n for n, factor in enumerate(factors) if factor.key == POLICY]
    if not place:
        return model
    texts = dict.fromkeys(point[place[0]] for point in points if point[place[0]])
    folder = Path(file).parent
    found = {text: scenario_of(model.base, str(folder / text) if (folder / text).is_file() else text) for text in texts}
    return Market(model.base, found, model.ranges, model.measured, model.own_rules)

"""A sweep's design: from a TOML file to the points that are to be run.

`[design]` says what is run and how points are chosen, `[factors]` what is varied and how far, `[[points]]` lists points.
"""

import json
import math
import os
from dataclasses import dataclass
from hashlib import blake2b
from itertools import product

import numpy as np

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.levers.catalogue import CATALOGUE
from market_abm.parameters.declare import choice, declarations, text, whole
from market_abm.parameters.loading import declared_in, load
from market_abm.parameters.reading import read, read_toml
from market_abm.rules import own
from market_abm.sweeps.factors import factor_from, given_values, lines_of, numbers_of
from market_abm.sweeps.ishigami import Ishigami
from market_abm.sweeps.market import POLICY, Market, is_of_policy, main_key
from market_abm.sweeps.sampling import METHODS, SAMPLED, in_unit_cube, rows_of

TABLES = ("design", "factors", "points")
LISTS = ("metrics", "at")
CHOSEN = "by choice"
MOST_FAULTS = 5  # points that are told apart when many are wrong
MOST_ROWS = 10**7
ONLY_OF = {"size": SAMPLED, "sampling_seed": SAMPLED, "levels": ("morris",)}
OF_THE_MARKET = ("config", "quarters")


@dataclass(frozen=True, slots=True)
class Plan:
    """What `[design]` may hold, beside the lists `metrics` and `at`."""

    title: str = text("", "What this sweep asks, in a few words.", CHOSEN)
    model: str = choice("market", ("market", "ishigami"), "What is run: the market, or a test function whose indices are known.", CHOSEN)
    config: str = text("", "File of the base configuration, from where this file is.", CHOSEN)
    method: str = choice("", METHODS, "How points are chosen.", CHOSEN)
    size: int = whole(0, 2, 4096, "count", "Points of a Latin hypercube, base sample of Sobol, trajectories of Morris.", CHOSEN, 2, MOST_ROWS)
    levels: int = whole(4, 4, 8, "count", "Levels of a Morris design.", CHOSEN, at_least=2, at_most=1000)
    sampling_seed: int = whole(1, 0, 2**31, "seed", "Seed of the points.", CHOSEN, at_most=2**31)
    runs: int = whole(0, 1, 64, "count", "Replicates of each point, on the same seeds; the configuration's if left out.", CHOSEN, 1, 10**6)
    seed: int = whole(-1, 0, 2**53, "seed", "Seed of the first run; the configuration's if left out.", CHOSEN, at_most=2**53)
    quarters: int = whole(0, 1, 400, "quarters", "Length of a run; the configuration's if left out.", CHOSEN, at_least=1, at_most=400)


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
    """Return {key: value} of a point's values, without those that stand already; under a policy others may stand, so all are said."""
    policy = any(factor.key == POLICY and value for factor, value in zip(factors, point, strict=True))
    return {factor.key: value for factor, value in zip(factors, point, strict=True)
            if value != factor.standing or (policy and is_of_policy(factor.key))}


def key_of(model, setting):
    """Return the fingerprint of what a point changes: the same content has the same key in any design."""
    told = json.dumps(model.content(setting), sort_keys=True)
    return blake2b(told.encode(), digest_size=8).hexdigest()


def read_design(path, rules=None):
    """Return the design in a file, every point of it found possible; `rules` are rules of the caller's own."""
    file = os.path.normpath(path)
    document = read_toml(str(path), file)
    plan, lists = _plan(file, document)
    model, frame, problems = _model(path, file, plan, lists, rules)
    entries = _entries(document) if plan.method == "list" else None
    if entries is None:
        factors, wrong = _factors(file, model, document["factors"], plan.method)
    else:
        factors, wrong = _columns(file, model, entries)
    model, wrong_policies = _with_policies(path, file, model, factors, "factors." if entries is None else "")
    problems += wrong + wrong_policies
    if problems:
        raise BadInput(*problems)
    points, unit = _points(file, plan, factors) if entries is None else (_listed(model, factors, entries), None)
    unique, keys, rows = _checked(file, plan, model, factors, points)
    at = tuple(label for label in model.labels if label in lists.get("at", model.labels))
    return Design(file, plan, model, factors, unique, keys, rows, unit, plan.runs or frame[0], plan.seed if plan.seed >= 0 else frame[1], at)


def _plan(file, document):
    """Return (plan, {"metrics": names, "at": quarters}) after looking at everything that needs no configuration."""
    problems = [Problem(file, "is no table of a design", did_you_mean(name, TABLES), key=name) for name in document if name not in TABLES]
    told = document.get("design")
    if not isinstance(told, dict):
        value = () if told is None else (told,)
        raise BadInput(*problems, Problem(file, "must be a table", "write [design], and config and method below it", "design", *value))
    words = (*declarations(Plan), *LISTS)
    problems += [Problem(file, "is no word of [design]", did_you_mean(word, words), f"design.{word}", value)
                 for word, value in told.items() if word not in words]
    plan, wrong = declared_in(Plan, {word: value for word, value in told.items() if word in words and word not in LISTS}, file, "design")
    lists = {name: told[name] for name in LISTS if name in told}
    problems += wrong
    problems += [Problem(file, "must be a list of names", f'write {name} = ["..."]', key=f"design.{name}", value=value)
                 for name, value in lists.items() if not (isinstance(value, list) and value and all(isinstance(one, str) for one in value))]
    refused = {problem.key for problem in wrong}
    problems += [Problem(file, why, remedy, key, *value) for key, why, remedy, *value in _lacks(plan, told, document) if key not in refused]
    if problems:
        raise BadInput(*problems)
    return plan, lists


def _lacks(plan, told, document):
    """Yield (key, why, remedy, perhaps a value) for what must be said, and for what means nothing beside the rest."""
    method = plan.method
    if plan.model == "market" and not plan.config:
        yield "design.config", "names no configuration", 'write config = "../base.toml", from where this file is'
    if plan.model != "market":
        yield from ((f"design.{word}", f"means nothing to {plan.model}", "leave it out", told[word]) for word in OF_THE_MARKET if word in told)
    if not method:
        yield "design.method", "says not how points are chosen", f"write method = one of {', '.join(METHODS)}"
        return
    for word, methods in ONLY_OF.items():
        if word in told and method not in methods:
            yield f"design.{word}", f"means nothing to method = {method}", f"leave it out, or choose {' or '.join(methods)}", told[word]
    if method in SAMPLED and not plan.size:
        yield "design.size", "says not how many points", "write for example size = 64"
    if method == "sobol" and plan.size & (plan.size - 1):
        near = 2 ** round(math.log2(plan.size))
        yield "design.size", "must be a power of 2, or Sobol's points lose their balance", f"write for example size = {near}", plan.size
    if method == "morris" and plan.levels % 2:
        yield "design.levels", "must be even, or some levels come up more often", f"write {plan.levels + 1}", plan.levels
    yield from _lacks_points(method, document)


def _lacks_points(method, document):
    """Yield what is wrong with how `[factors]` and `[[points]]` go with the method."""
    wanted, other = ("points", "factors") if method == "list" else ("factors", "points")
    if other in document and method == "list":
        yield "factors", "have no place beside a list of points", "remove them, or choose another method"
    elif other in document:
        yield "points", f"is for a list, but the method is {method}", 'write method = "list", or name [factors]'
    told = document.get(wanted)
    if method == "list" and not _entries(document):
        yield "points", "must be a list of tables", 'write [[points]] and "clouds.omega" = 0.9 below it'
    elif method != "list" and (not isinstance(told, dict) or not told):
        yield "factors", "names nothing to vary", 'write [factors] and "clouds.omega" = {} below it'


def _entries(document):
    """Return the tables of `[[points]]`, none if they are anything else."""
    entries = document.get("points")
    return entries if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries) else []


def _model(path, file, plan, lists, rules):
    """Return (what is run, (runs, seed) of its configuration, what is wrong with metrics and quarters)."""
    if plan.model == "ishigami":
        model = Ishigami()
        return model, (1, 1), _unknown(file, model, lists)
    place = os.path.join(os.path.dirname(path), plan.config)
    sets = [f"frame.quarters={plan.quarters}"] if plan.quarters else []
    config, wanted = load(place, sets), lists.get("metrics")
    model = Market(config, {}, ranges_beside(place, sets), tuple(wanted) if wanted else None, own.check(rules or {}))
    return model, (config.frame.runs, config.frame.seed), _unknown(file, model, lists)


def _unknown(file, model, lists):
    """Return what is wrong with the metrics and the quarters that are to be kept."""
    first, last = model.labels[0], model.labels[-1]
    return [
        *(Problem(file, "is no metric", _near(name, model.known), key="design.metrics", value=name)
          for name in lists.get("metrics", ()) if name not in model.known),
        *(Problem(file, f"must be a quarter of the run, {first} to {last}", f"write for example {last}", key="design.at", value=label)
          for label in lists.get("at", ()) if label not in model.labels),
    ]


def _near(name, known):
    near = did_you_mean(name, known)
    return near if near.startswith("did") else "see `market-abm describe metrics`"


def ranges_beside(place, sets=()):
    """Return {key: {"low": ..., "high": ...}} that a configuration's file gives beside its values, one of them or both."""
    leaves = read(place, sets).leaves
    return {".".join(path): {end: leaf.value[end] for end in ("low", "high") if end in leaf.value} for path, leaf in leaves.items()
            if isinstance(leaf.value, dict)}


def _factors(file, model, table, method):
    """Return (the factors that a table names, what is wrong with it)."""
    factors, problems, seen = [], [], set()
    for key, spec in lines_of(table, model):
        factor, wrong = factor_from(file, key, spec, model, method)
        factors += [factor] if factor else []
        problems += [*wrong, *_twice(file, f"factors.{key}", key, seen)]
    return tuple(factors), problems


def _columns(file, model, entries):
    """Return (a factor for every key that some point names, what is wrong with the points)."""
    said, problems = {}, []
    for place, entry in enumerate(entries):
        seen = set()
        for key, value in numbers_of(entry):
            said.setdefault(main_key(key), {})[place] = value
            problems += _twice(file, f"points[{place}].{key}", key, seen)
    found = {key: given_values(file, key, values, model) for key, values in said.items()}
    return tuple(factor for factor, _ in found.values() if factor), [*problems, *(fault for _, wrong in found.values() for fault in wrong)]


def _twice(file, where, key, seen):
    """Return the fault of a key that was said before, and note it."""
    double = main_key(key) in seen
    seen.add(main_key(key))
    return [Problem(file, "is said twice", "keep one of them", where)] if double else []


def _with_policies(path, file, model, factors, prefix):
    """Return (the model with every policy that some point names worked out, what is wrong with policies and levers)."""
    policies = next((factor.values for factor in factors if factor.key == POLICY), ())
    if any(map(is_of_policy, (factor.key for factor in factors))):
        model, problems = model.with_policies(policies, os.path.dirname(path), file, f"{prefix}{POLICY}")
        return model, problems or _idle_or_double(file, model, factors, prefix)
    return model, []


def _idle_or_double(file, model, factors, prefix):
    """Return the faults of factors that make no difference, or that would change two uses of a lever at once."""
    keys, problems = [factor.key for factor in factors if is_of_policy(factor.key) and factor.key != POLICY], []
    forced = {use.name for config in (model.base, *model.policies.values()) for use in config.levers if use.strength}
    forced |= {key.split(".")[1] for key in keys if main_key(key) != key or (key.startswith("levers.") and key.count(".") == 1)}
    for key in keys:
        section, name, *_ = key.split(".")
        movers = [lever.name for lever in CATALOGUE.values() if name in lever.arguments] if section == POLICY else [name]
        if not forced & set(movers):
            problems.append(Problem(file, f"makes no difference: nothing brings {' or '.join(movers)} into force",
                                    f'vary "levers.{movers[0]}" too, its strength', f"{prefix}{key}"))
        problems += [Problem(file, f"would change two uses of {name}: one is in force already, {text} adds another", "leave one of them out",
                             f"{prefix}{key}")
                     for text, config in model.policies.items() if section == "levers" and [use.name for use in config.levers].count(name) > 1]
    return problems


def _points(file, plan, factors):
    """Return (points as tuples of values in the order of the sample, the sample in the unit cube or None)."""
    grid = plan.method == "grid"
    rows = math.prod(len(factor.levels) for factor in factors) if grid else rows_of(plan.method, len(factors), plan.size)
    if rows > MOST_ROWS:
        remedy = "name fewer values" if grid else f"lower design.size = {plan.size}"
        raise BadInput(Problem(file, f"{plan.method} would have {rows} rows, but at most {MOST_ROWS} are allowed", remedy, "design.method"))
    if grid:
        return list(product(*(factor.levels for factor in factors))), None
    unit = in_unit_cube(plan.method, len(factors), plan.size, plan.levels, plan.sampling_seed)
    return [tuple(factor.at(u) for factor, u in zip(factors, row, strict=True)) for row in unit.tolist()], unit


def _listed(model, factors, entries):
    """Return the points of a list; what one leaves out stands as in the configuration, or as its policy has it."""
    points = []
    for entry in entries:
        told = {main_key(key): value for key, value in numbers_of(entry)}
        policy = told.get(POLICY, "")
        points.append(tuple(
            factor.read(told[factor.key]) if factor.key in told else model.stands(factor.key, policy) if policy else factor.standing
            for factor in factors))
    return points


def _checked(file, plan, model, factors, points):
    """Return (points with every content once, their keys, the point of each row), or say which points cannot be run."""
    numbers, unique, rows, problems = {}, [], [], []
    for place, point in enumerate(points):
        setting = setting_of(factors, point)
        key = key_of(model, setting)
        if key not in numbers:
            numbers[key] = len(unique)
            unique.append(point)
            where = f"points[{place}]" if plan.method == "list" else f"row {place} of the design"
            problems += [Problem(file, f"{where}: {fault.why}", fault.remedy, fault.key, fault.value) for fault in model.faults(setting, file)]
        rows.append(numbers[key])
    if problems:
        more = [Problem(file, f"and {len(problems) - MOST_FAULTS} faults more", "narrow the ranges")] if len(problems) > MOST_FAULTS else []
        raise BadInput(*problems[:MOST_FAULTS], *more)
    return unique, list(numbers), np.array(rows, np.int64)

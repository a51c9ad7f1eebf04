"""One thing that a sweep varies: its range or its values, and how a number between 0 and 1 becomes one of them."""

from dataclasses import dataclass

import numpy as np

from market_abm.errors import Problem, did_you_mean
from market_abm.parameters.quantities import Refused, bounds, number_from, quarter_from, text_from

SPEC = ("low", "high", "values", "scale", "steps")
SCALES = ("linear", "log")
POLICY_UNIT = "policy"
MOST_STEPS = 10**4


@dataclass(frozen=True)
class Factor:
    """`values` are the levels it may take, or it lies between `low` and `high`, on a linear or a log scale."""

    key: str
    told: object  # its declaration
    standing: object  # what it is in the configuration
    low: float | None = None
    high: float | None = None
    values: tuple = ()
    scale: str = "linear"
    steps: int = 0

    @property
    def levels(self):
        """Return the values of a grid."""
        if self.values:
            return self.values
        if self.told.whole:
            return tuple(dict.fromkeys(round(value) for value in np.linspace(self.low, self.high, self.steps).tolist()))
        return tuple(self.at(step / (self.steps - 1)) for step in range(self.steps))

    def at(self, u):
        """Return the value at a place between 0 and 1: values and whole numbers have equal parts of it."""
        if self.values:
            return self.values[min(int(u * len(self.values)), len(self.values) - 1)]
        if self.told.whole:
            return int(self.low) + min(int(u * (self.high - self.low + 1)), int(self.high - self.low))
        if u == 1:
            return float(self.high)  # which rounding would miss
        value = self.low * (self.high / self.low) ** u if self.scale == "log" else self.low + u * (self.high - self.low)
        return float(min(value, self.high))

    def read(self, value):
        """Return a value as the model takes it; raise Refused if it cannot."""
        return value_from(value, self.told)


def value_from(value, told):
    """Return a value in bounds, as the model takes it; raise Refused otherwise."""
    if told.options:
        if value not in told.options:
            raise Refused(f"must be one of {', '.join(told.options)}", _near_option(value, told.options))
        return value
    if told.unit in ("text", POLICY_UNIT):
        return text_from(value, told)
    if told.unit == "quarter":
        return quarter_from(value, told)
    number = number_from(value, told)
    if not told.at_least <= number <= told.at_most:
        remedy = f"raise it to {told.at_least:.16g} or more" if number < told.at_least else f"lower it to {told.at_most:.16g} or less"
        raise Refused(bounds(told), remedy)
    return number


def _near_option(value, options):
    near = did_you_mean(value, options)
    return near if near.startswith("did") else "choose one of them"


def given_values(file, key, values, model):
    """Return (factor, problems) of a key, `values` being {number of a point: what it says}."""
    told, standing = model.told(key)
    if told is None:
        return None, [Problem(file, "is nothing that can be varied", standing, key=f"points[{next(iter(values))}].{key}")]
    read, problems = [], []
    for place, value in values.items():
        good, wrong = _read(file, f"points[{place}].{key}", [value], told)
        read, problems = read + good, problems + wrong
    return Factor(key, told, standing, values=tuple(dict.fromkeys(read))), problems


def lines_of(table, model, path=()):
    """Yield (key, what is said of it) of `[factors]`, whether a key is written with dots, as tables in tables, or both."""
    for name, node in table.items():
        here = (*path, *name.split("."))
        said, below = _divided(".".join(here), node, model)
        if said is not None:
            yield ".".join(here), said
        yield from lines_of(below, model, here)


def _divided(key, node, model):
    """Return (what is said of a key, None for nothing; what is said of keys below it)."""
    if not isinstance(node, dict) or not node:
        return node, {}
    if model.told(key)[0] is None:
        table = any(name not in SPEC and (isinstance(child, dict | list) or "." not in key) for name, child in node.items())
        return (None, node) if table else (node, {})
    below = {name: child for name, child in node.items() if model.told(f"{key}.{name}")[0] is not None}
    said = {name: child for name, child in node.items() if name not in below}
    return said or None, below


def numbers_of(entry, path=()):
    """Yield (key, value) of one of `[[points]]`, whether a key is written with dots, as tables in tables, or both."""
    for name, node in entry.items():
        if isinstance(node, dict):
            yield from numbers_of(node, (*path, name))
        else:
            yield ".".join((*path, name)), node


def _read(file, key, values, told):
    read, problems = [], []
    for value in values:
        try:
            read.append(value_from(value, told))
        except Refused as refusal:
            problems.append(Problem(file, refusal.why, refusal.remedy, key=key, value=value))
    return read, problems


def factor_from(file, key, spec, model, method):
    """Return (factor, problems) of one line of `[factors]`; ranges left out are the declared low and high."""
    told, standing = model.told(key)
    name = f"factors.{key}"
    if told is None:
        return None, [Problem(file, "is nothing that can be varied", standing, key=name)]
    spec = {"values": spec} if isinstance(spec, list) else spec
    if not isinstance(spec, dict):
        remedy = f'write "{key}" = {{}}, or {{ low = ..., high = ... }}, or a list of values'
        return None, [Problem(file, "must be a table or a list", remedy, key=name, value=spec)]
    wrong = [Problem(file, "is no word for a factor", did_you_mean(word, SPEC), key=f"{name}.{word}") for word in spec if word not in SPEC]
    if wrong:
        return None, wrong
    if "values" in spec:
        return _of_values(file, key, spec, told, standing)
    if told.low is None:
        if told.options and not spec:
            return Factor(key, told, standing, values=told.options), []
        return None, [Problem(file, f"has no range: it is a {told.unit}", f'write "{key}" = {{ values = [...] }}', key=name)]
    return _of_range(file, key, spec, told, standing, method)


def _of_values(file, key, spec, told, standing):
    name, values = f"factors.{key}", spec["values"]
    if len(spec) > 1:
        return None, [Problem(file, "has values, and so no range", "keep one of them", key=name)]
    if not isinstance(values, list) or len(values) < 1:
        return None, [Problem(file, "must be a list of values", "write values = [...]", key=f"{name}.values", value=values)]
    read, problems = _read(file, f"{name}.values", values, told)
    if not problems and len(set(read)) < len(read):
        problems = [Problem(file, "names a value twice", "keep one of them", key=f"{name}.values", value=values)]
    return Factor(key, told, standing, values=tuple(read)), problems


def _of_range(file, key, spec, told, standing, method):
    name = f"factors.{key}"
    ends, problems = {}, []
    for end in ("low", "high"):
        read, wrong = _read(file, f"{name}.{end}", [spec.get(end, getattr(told, end))], told)
        ends |= {end: read[0]} if read else {}
        problems += wrong
    scale, steps = spec.get("scale", "linear"), spec.get("steps", 0)
    if len(ends) == 2 and ends["low"] >= ends["high"]:
        problems.append(Problem(file, f"low must be below high = {ends['high']:g} (unit: {told.unit})",
                                "exchange them, or leave the factor out", key=f"{name}.low", value=ends["low"]))
    problems += _faults_of_scale(file, name, scale, ends, told)
    if method == "grid" and len(ends) == 2 and told.whole and ends["high"] - ends["low"] == 1 and "steps" not in spec:
        steps = 2  # a switch
    elif method == "grid":
        problems += _faults_of_steps(file, name, spec)
    if method != "grid" and "steps" in spec:
        problems.append(Problem(file, "is for a grid", "leave it out", key=f"{name}.steps", value=steps))
    if problems:
        return None, problems
    return Factor(key, told, standing, ends["low"], ends["high"], (), scale, steps), []


def _faults_of_scale(file, name, scale, ends, told):
    """Return what is wrong with a scale, and with a range on it."""
    if scale not in SCALES:
        return [Problem(file, f"must be one of {', '.join(SCALES)}", "leave it out for linear", key=f"{name}.scale", value=scale)]
    problems = []
    if scale == "log" and ends.get("low", 1) <= 0:
        problems.append(Problem(file, "must be above 0 on a log scale", "raise it, or leave scale out", key=f"{name}.low", value=ends["low"]))
    if scale == "log" and told.whole:
        problems.append(Problem(file, "is for numbers that need not be whole", "leave it out, or name values", key=f"{name}.scale", value=scale))
    return problems


def _faults_of_steps(file, name, spec):
    """Return what is wrong with the steps of a grid."""
    if "steps" not in spec:
        return [Problem(file, "needs values or steps in a grid", "write steps = 5, or values = [...]", key=name)]
    steps = spec["steps"]
    if isinstance(steps, int) and not isinstance(steps, bool) and 2 <= steps <= MOST_STEPS:
        return []
    return [Problem(file, f"must be a whole number between 2 and {MOST_STEPS} (unit: count)", "write steps = 5, or values = [...]",
                    key=f"{name}.steps", value=steps)]

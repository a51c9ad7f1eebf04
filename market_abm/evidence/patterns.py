"""Patterns: what is known of the market, as data that the model is fitted to and judged on."""

import math
from dataclasses import dataclass, field
from importlib import resources

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.evidence.estimators import ESTIMATORS, SHARED, TOGETHER, ends_of, last_of
from market_abm.parameters.reading import read_toml
from market_abm.units import quarter_number

SHIPPED = "patterns.toml"
LOG, LINEAR = "log", "linear"
FIT, JUDGE = "fit", "judge"
SCALES, USES = (LOG, LINEAR), (FIT, JUDGE)
WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Point:
    """One pattern-year: a period, its figure, and one standard deviation of measurement, in ln where the pattern's scale is log."""

    period: str
    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """A fact: how it is measured in the model, the band that the median over runs should meet, its source, and its years.

    `judge` is never in an objective: it is held out on purpose.
    """

    name: str
    says: str
    base: str
    unit: str
    estimator: str
    metrics: tuple[str, ...]
    scale: str
    period: str
    low: float
    high: float
    source: str
    use: str = FIT
    weight: float = WEIGHT
    history: tuple[Point, ...] = ()
    arguments: dict = field(default_factory=dict)

    @property
    def last(self):
        """Return the last quarter that the band's period needs."""
        return last_of(self.period)

    def ends_by(self, quarter):
        """Say whether all that the band needs is over by the end of a quarter."""
        return quarter_number(quarter, self.last) >= 0


TEXTS = ("says", "base", "unit", "estimator", "scale", "period", "source", "use")
NUMBERS = ("low", "high", "weight")
DEFAULTS = {"says": "", "base": "", "unit": "", "scale": LINEAR, "use": FIT, "weight": WEIGHT, "history": [], "arguments": {}}
WORDS = (*TEXTS, *NUMBERS, "metrics", "history", "arguments")
EXAMPLES = {"estimator": '"at"', "metrics": '["cr4_compute_owned"]', "period": '"2023Q4"', "low": "0.5", "high": "0.7",
            "source": '"who says so, and when"', "says": '"in a few words"', "base": '"compute_owned"', "unit": '"share"', "scale": '"log"',
            "use": '"judge"', "weight": "1.0", "history": '[["2023Q4", 0.6, 0.03]]', "arguments": "{ factor = 1e-9 }"}


def read_patterns(path=None):
    """Return the patterns of a file, or those that come with the package; raise `BadInput` with everything that is wrong."""
    if path is None:
        with resources.as_file(resources.files("market_abm.evidence") / SHIPPED) as shipped:
            return _patterns(SHIPPED, read_toml(str(shipped), SHIPPED))
    return _patterns(str(path), read_toml(str(path), str(path)))


def _patterns(file, document):
    if not document:
        raise BadInput(Problem(file, "names no pattern", "write [name_of_a_pattern] and what is known of it below"))
    found, problems = [], []
    for name, table in document.items():
        if not isinstance(table, dict):
            problems.append(Problem(file, "is no table of a pattern", f"write [{name}] and what is known of it below", name, table))
            continue
        wrong = _faults_of_words(file, name, table)
        told = DEFAULTS | table
        wrong = wrong or [*_faults_of_choices(file, name, told), *_faults_of_band(file, name, told), *_faults_of_history(file, name, told)]
        problems += wrong
        if not wrong:
            found.append(_made(name, told))
    if problems:
        raise BadInput(*problems)
    return tuple(found)


def _made(name, told):
    numbers = {key: float(told[key]) for key in NUMBERS}
    history = tuple(Point(period, float(value), float(error)) for period, value, error in told["history"])
    texts = {key: told[key] for key in TEXTS}
    return Pattern(name, **texts, **numbers, metrics=tuple(told["metrics"]), history=history, arguments=dict(told["arguments"]))


def _faults_of_words(file, name, table):
    """Return words that are unknown, missing, or of another kind."""
    problems = [Problem(file, "is no word for a pattern", did_you_mean(word, WORDS), f"{name}.{word}", value)
                for word, value in table.items() if word not in WORDS]
    problems += [Problem(file, "must be said", f"write {word} = {EXAMPLES[word]}", f"{name}.{word}")
                 for word in WORDS if word not in table | DEFAULTS]
    problems += [Problem(file, KINDS[word][1], f"write {word} = {EXAMPLES[word]}", f"{name}.{word}", value)
                 for word, value in table.items() if word in KINDS and not KINDS[word][0](value)]
    return problems


def _faults_of_choices(file, name, told):
    """Return what no estimator, period, scale, use or argument is."""
    problems = [Problem(file, "is not known", did_you_mean(told[word], known), f"{name}.{word}", told[word])
                for word, known in (("estimator", ESTIMATORS), ("scale", SCALES), ("use", USES)) if told[word] not in known]
    if told["estimator"] not in ESTIMATORS:
        return [*problems, *_faults_of_period(file, f"{name}.period", told["period"])]
    known = ESTIMATORS[told["estimator"]]
    problems += _faults_of_period(file, f"{name}.period", told["period"], known.needs, told["estimator"])
    problems += _faults_of_arguments(file, name, told["arguments"], SHARED | known.arguments)
    least, most = known.series
    if told["arguments"].get("of"):
        least, most = 2, 99
    if not problems and not least <= len(told["metrics"]) <= most:
        wanted = f"{least}" if least == most else f"at least {least}"
        problems.append(Problem(file, f"has {len(told['metrics'])} metrics, but {told['estimator']} takes {wanted}",
                                "name as many, or say in arguments what is made of them, as of = \"product\"", f"{name}.metrics"))
    return problems


def _faults_of_arguments(file, name, given, known):
    problems = []
    for word, value in given.items():
        key = f"{name}.arguments.{word}"
        if word not in known:
            problems.append(Problem(file, "is no argument of this estimator", did_you_mean(word, known), key, value))
        elif word in ("since", "enter"):
            problems += _faults_of_period(file, key, value)
        elif word == "of" and value not in TOGETHER:
            problems.append(Problem(file, "is no way to make one series of several", did_you_mean(value, TOGETHER), key, value))
        elif word == "index" and value not in ("share", "hhi"):
            problems.append(Problem(file, "is neither share nor hhi", "write one of them", key, value))
        elif word in ("factor", "above") and not _is_number(value):
            problems.append(Problem(file, "must be a finite number", "write for example 1.0", key, value))
        elif word == "inverse" and not isinstance(value, bool):
            problems.append(Problem(file, "must be true or false", "write one of them", key, value))
        elif word == "late" and not (isinstance(value, int) and value >= 0):
            problems.append(Problem(file, "must be a whole number from 0 on", "say how many of the makers come later", key, value))
    return problems


def _faults_of_period(file, key, period, needs="", estimator=""):
    try:
        first, last = ends_of(period)
    except ValueError:
        return [Problem(file, "is no period", 'write "2023Q4", "2023" or "2019Q1..2024Q4"', key, period)]
    if (needs == "ends" and first == last) or (needs == "span" and first[0] == last[1]):
        return [Problem(file, f"is too short for {estimator}", 'write a period of two parts, as "2023..2024" or "2019Q1..2024Q4"', key, period)]
    return []


def _faults_of_band(file, name, told):
    problems = []
    if not told["low"] <= told["high"]:
        problems.append(Problem(file, f"is above high = {told['high']:g}", "exchange them", f"{name}.low", told["low"]))
    if told["scale"] == LOG and not told["low"] > 0:
        problems.append(Problem(file, "has no logarithm", 'write scale = "linear", or a number above 0', f"{name}.low", told["low"]))
    if not told["weight"] > 0:
        remedy = 'leave it out, or write use = "judge" for what must not be fitted'
        problems.append(Problem(file, "must be above 0", remedy, f"{name}.weight", told["weight"]))
    return problems


def _faults_of_history(file, name, told):
    problems, seen = [], set()
    needs = ESTIMATORS[told["estimator"]].needs if told["estimator"] in ESTIMATORS else ""
    for period, value, error in told["history"]:
        key = f"{name}.history {period}"
        problems += _faults_of_period(file, key, period, needs, told["estimator"])
        if not error > 0:
            problems.append(Problem(file, "must have an error above 0", "say one standard deviation of measurement", key, error))
        if told["scale"] == LOG and not value > 0:
            problems.append(Problem(file, "has no logarithm", 'write scale = "linear", or a value above 0', key, value))
        if period in seen:
            problems.append(Problem(file, "is said twice", "keep one of them", key))
        seen.add(period)
    return problems


def _is_text(value):
    return isinstance(value, str)


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_names(value):
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)


def _is_history(value):
    return isinstance(value, list) and all(isinstance(point, list) and len(point) == 3 and isinstance(point[0], str)
                                           and _is_number(point[1]) and _is_number(point[2]) for point in value)


def _is_table(value):
    return isinstance(value, dict)


KINDS = {**dict.fromkeys(TEXTS, (_is_text, "must be text")), **dict.fromkeys(NUMBERS, (_is_number, "must be a finite number")),
         "metrics": (_is_names, "must be a list of metrics, at least one"), "arguments": (_is_table, "must be a table"),
         "history": (_is_history, "must be a list of [period, value, one standard deviation]")}

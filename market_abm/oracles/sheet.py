"""The sheet of an oracle: its file, what it tests, and the numbers that may be varied.

A file in configs/oracles holds a table `[oracle]` (name, tests, says, source) with the knobs
`[oracle.knobs]`, each `{ value, at_least, at_most, unit, says }`, the value a number or a list. Where the
engine is tested, the rest of the file is a configuration like any other.
"""

import math
import os
import tomllib
from dataclasses import dataclass

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.parameters.loading import load
from market_abm.parameters.reading import SET, read_toml

TESTS = ("engine", "rule", "estimator")


@dataclass(frozen=True)
class Sheet:
    """An oracle as its file has it, amended by `--set`."""

    path: str
    name: str
    tests: str
    says: str
    source: str
    knobs: dict

    def __getattr__(self, knob):
        """Return the value of a knob."""
        try:
            return self.knobs[knob]
        except KeyError:
            raise AttributeError(f"oracle {self.name} has no knob {knob}") from None

    def equally_long(self, *names):
        """Raise BadInput unless the lists of these knobs are of one length."""
        lengths = {name: len(self.knobs[name]) for name in names}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise BadInput(Problem(SET, f"must be lists of one length: {told}", "set all of them", key=" and ".join(names)))

    def configuration(self, *sets):
        """Return the file's configuration amended by `key=value` texts."""
        return load(self.path, sets)


def read_sheet(path, sets=()):
    """Return the sheet in a file, its knobs amended by `key=value` texts."""
    file = os.path.normpath(path)
    table = read_toml(path, file).get("oracle")
    if table is None:
        raise BadInput(Problem(file, "holds no table [oracle]", "see configs/oracles for examples", key="oracle"))
    declared = table.get("knobs", {})
    knobs = {name: knob["value"] for name, knob in declared.items()}
    problems = []
    for text in sets:
        name, value, problem = _set(text, declared, table["name"])
        problems += [problem] if problem else []
        knobs[name] = value
    if problems:
        raise BadInput(*problems)
    return Sheet(str(path), table["name"], table["tests"], table["says"], table["source"], knobs)


def _set(text, declared, oracle):
    """Return (name, value, problem or None) of one `key=value`."""
    name, equals, written = (part.strip() for part in text.partition("="))
    if not equals:
        return name, None, Problem(SET, "must be written key=value", "for example --set firms=4", key=text)
    if name not in declared:
        return name, None, Problem(SET, f"is no knob of oracle {oracle}", did_you_mean(name, declared), key=name, value=written)
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except (ValueError, RecursionError):
        value = written
    return name, value, _fault(name, value, declared[name])


def _fault(name, value, knob):
    """Return what is wrong with a value, or None: it must be of the kind of the declared one, and in bounds."""
    if isinstance(knob["value"], str):
        known = knob["options"]
        return None if value in known else Problem(SET, f"must be one of {', '.join(known)}", did_you_mean(value, known), key=name, value=value)
    values = value if isinstance(knob["value"], list) and isinstance(value, list) else [value]
    whole = all(isinstance(v, int) for v in (knob["value"] if isinstance(knob["value"], list) else [knob["value"]]))
    if isinstance(knob["value"], list) and not isinstance(value, list):
        return Problem(SET, f"must be a list such as {knob['value']}", "write it in brackets", key=name, value=value)
    least, most = knob["at_least"], knob["at_most"]
    for one in values:
        number = isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)
        if not number or not least <= one <= most or (whole and one != int(one)):
            bound = f"must be {'a whole number' if whole else 'a number'} from {least:g} to {most:g} (unit: {knob['unit']})"
            return Problem(SET, bound, f"for example {knob['value']}", key=name, value=value)
    if not knob.get("fewest", 1) <= len(values) <= knob.get("most", math.inf):
        bound = f"must have at least {knob.get('fewest', 1)} values" + (f" and at most {knob['most']}" if "most" in knob else "")
        return Problem(SET, bound, f"for example {knob['value']}", key=name, value=value)
    return None

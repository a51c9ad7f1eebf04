"""Numbers as people write them: plain, or followed by their unit."""

import math
import re

from market_abm.units import quarter_number

PREFIXES = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
UNIT_WORDS = frozenset((
    "w", "kw", "mw", "gw", "tw", "watts", "kwh", "mwh", "gwh", "usd", "eur", "gbp", "chip", "chips", "flop", "flops", "tflops", "pflop",
    "pflops", "eflops", "day", "days", "month", "months", "quarter", "quarters", "year", "years", "share", "percent", "pct", "per",
))
QUANTITY = re.compile(r"\s*([+-]?(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*", re.DOTALL)


class Refused(ValueError):
    """A value that cannot be read; says why, and what to write in its place."""

    def __init__(self, why, remedy=""):
        super().__init__(why)
        self.why, self.remedy = why, remedy


def number_from(value, told):
    """Return the number that a plain value or a text with its unit stands for."""
    if isinstance(value, str):
        value = _number_in(value, told)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(bounds(told), "write a number without quotes")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise Refused(bounds(told), "nan, inf and numbers beyond 1e308 are refused")
    if told.whole and value != int(value):
        near = [str(n) for n in (math.floor(value), math.ceil(value)) if told.at_least <= n <= told.at_most]
        raise Refused(bounds(told), f"write {' or '.join(near) or f'{told.best:g}'}")
    return int(value) if told.whole else float(value)


def quarter_from(value, told):
    """Return a quarter after checking that it is written like 2026Q1; empty where that means never."""
    if value == "" and told.best == "":
        return value
    try:
        quarter_number(value, value)
    except (ValueError, AttributeError):
        raise Refused("must be a quarter written like 2026Q1", _quarter_meant(str(value))) from None
    return value


def text_from(value, told):
    """Return a text, or refuse what is none."""
    if not isinstance(value, str):
        raise Refused(f"must be a {told.unit}", f'write it in quotes: "{value}"')
    return value


def bounds(told):
    """Say between which values a number must lie, and its unit."""
    kind = "whole number" if told.whole else "number"
    unit = f"(unit: {told.unit})"
    if math.isinf(told.at_most):
        return f"must be a {kind} of at least {told.at_least:.16g} {unit}"
    return f"must be a {kind} between {told.at_least:.16g} and {told.at_most:.16g} {unit}"


def converted(number, given, wanted):
    """Return a number in the wanted unit if the given one differs by SI prefixes only, else None."""
    ours, theirs = wanted.split("/"), given.split("/")
    if len(ours) != len(theirs):
        return None
    for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        factor = _prefix_ratio(other, one)
        if factor is None:
            return None
        number = number * factor if place == 0 else number / factor
    return number


def same_but_unit(key, known):
    """Return the known name that differs from a key only in the words of its unit, or None."""
    stem = _stem(key)
    return next((name for name in known if stem and _stem(name) == stem), None)


def _number_in(text, told):
    match = QUANTITY.fullmatch(text)
    if match is None:
        plain = "write 0 or 1" if told.unit in ("switch", "0 or 1") else f'write a number, or a number with its unit: "{told.best} {told.unit}"'
        raise Refused(bounds(told), plain)
    number, unit = float(match[1].replace("_", "")), " ".join(match[2].split())
    if not unit:
        remedy = f'write {match[1]} without quotes, or "{match[1]} {told.unit}"'
        raise Refused(f"a number in quotes needs its unit, {told.unit}", remedy)
    if unit != told.unit:
        ours = converted(number, unit, told.unit)
        remedy = f"convert it to {told.unit}" if ours is None else f'write "{ours:.12g} {told.unit}"'
        raise Refused(f"is in {unit}, but the unit wanted is {told.unit}", remedy)
    return number


def _prefix_ratio(given, wanted):
    for theirs, size in PREFIXES.items():
        for ours, our_size in PREFIXES.items():
            base = given.removeprefix(theirs)
            if base and given == theirs + base and wanted == ours + base:
                return size / our_size
    return None


def _stem(key):
    return tuple(word for word in key.lower().split("_") if word not in UNIT_WORDS)


def _quarter_meant(text):
    year_first = re.search(r"(?P<year>\d{4})\W*[Qq]?(?P<quarter>[1-4])\b", text)
    match = year_first or re.search(r"[Qq](?P<quarter>[1-4])\W*(?P<year>\d{4})", text)
    return f'did you mean "{match["year"]}Q{match["quarter"]}"?' if match else 'write for example "2026Q1"'

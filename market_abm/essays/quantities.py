"""Read a quantity such as "100 bn USD" or "3.14e23 FLOP in 90 days". An amount and a rate are different dimensions."""

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import nan

from market_abm.errors import BadInput, Problem

from .constants import CHIPS

PREFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21, "y": 1e24, "kilo": 1e3, "mega": 1e6,
            "giga": 1e9, "tera": 1e12, "peta": 1e15, "exa": 1e18, "zetta": 1e21, "yotta": 1e24}
SHORT_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12, "tn": 1e12}
WORD_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
COUNTED = {"usd": ("money", "USD"), "dollar": ("money", "USD"), "dollars": ("money", "USD"), "person": ("person", "person"),
           "persons": ("person", "person"), "people": ("person", "person"), "mouse": ("mouse", "mouse"), "mice": ("mouse", "mouse")}
COUNTED |= {name.lower().replace(" ", "") + plural: (name, name) for name in CHIPS for plural in ("", "s")}
PLAIN = {"mooreyear": ("moore", "Moore year"), "mooreyears": ("moore", "Moore year"), "year": ("moore", "Moore year"),
         "years": ("moore", "Moore year"), "day": ("time", "day"), "days": ("time", "day"), "share": ("share", "share")}
KNOWN = ("W", "kW", "MW", "GW", "MWh", "TWh", "FLOP/s", "TFLOP/s", "PFLOP/s", "EFLOP/s", "FLOP", "zettaFLOP", "PFLOP-h", "USD", "bn USD",
         "person", "mouse", *CHIPS)
TAILS = {"": ("amount", 1.0), "/s": ("rate", 1.0), "/sec": ("rate", 1.0), "/second": ("rate", 1.0), "persecond": ("rate", 1.0),
         "s/s": ("rate", 1.0), "-h": ("amount", 3600.0), "-hours": ("amount", 3600.0), "/s-h": ("amount", 3600.0),
         "/s-day": ("amount", 86_400.0), "/s-days": ("amount", 86_400.0)}
SMALLEST, LARGEST = 1e-30, 1e60  # of a quantity in base units
DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 365 / 12, "quarter": 365 / 4, "year": 365.0}

NUMBER = re.compile(
    r"(?P<mantissa>[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:_\d+)*|(?=\.\d))(?:\.\d*)?(?:e[-+]?\d+)?)"
    r"(?:\s*[x×*]\s*10\s*(?:\^|\*\*)\s*(?P<exponent>[-+]?\d+)|\s*(?:\^|\*\*)\s*(?P<power>[-+]?\d+))?\s*(?P<rest>(?![\d,.]).*)", re.IGNORECASE)
DURATION = re.compile(rf"(?P<what>.*?)\s+(?:in|for|over|within)\s+(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>{'|'.join(DAYS)})s?", re.IGNORECASE)
FLOPS = re.compile(rf"(?P<prefix>{'|'.join(sorted(PREFIXES, key=len, reverse=True))})(?P<flop>flop)(?P<tail>.*)", re.IGNORECASE)
WATTS = re.compile(rf"(?P<prefix>{'|'.join(sorted(PREFIXES, key=len, reverse=True))})(?P<kind>watts?|wh|w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its dimension (a chip is one of its own), its size in the base unit of that, and a hint if the spelling is ambiguous.

    Base units are FLOP/s, FLOP, W, Wh, USD, day and one.
    """

    name: str
    dimension: str
    factor: float = 1.0
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of units, over some days if the text says so (else nan)."""

    value: float
    unit: Unit
    days: float = nan

    @property
    def base(self):
        """Return the value in the base unit of its dimension."""
        return self.value * self.unit.factor


def read(text):
    """Return the quantity that a text means, or refuse it."""
    told, days = _duration(text.strip())
    money = told.startswith("$") or told.upper().startswith("USD")
    found = NUMBER.fullmatch(re.sub(r"^(\$|USD)\s*", "", told, flags=re.IGNORECASE))
    if not found:
        remedy = 'write it like "1 GW", "2048 A100" or "3.14e23 FLOP", decimals with a point'
        raise BadInput(Problem("QUANTITY", "is no number with a unit", remedy, "text", text))
    quantity = Quantity(_number(found), read_unit(found["rest"] + (" USD" if money else "")), days)
    if not SMALLEST <= quantity.base <= LARGEST or days == 0:
        remedy = f"write a positive number, not beyond {SMALLEST:g} to {LARGEST:g} in FLOP, W or USD, and a time above 0"
        raise BadInput(Problem("QUANTITY", "is out of range", remedy, "text", text))
    return quantity


def read_unit(text, where="QUANTITY"):
    """Return the unit that a text means, or refuse it with the nearest one and a list of all; `where` says who gave it."""
    told = re.sub(r"\s+", "", text.replace(" of compute", ""))
    word = next((word for word in WORD_SCALES if told.lower().startswith(word)), "")
    unit = _flop(told[len(word):]) or _watt(told[len(word):]) or _counted(told[len(word):].lower())
    if unit is None:
        raise BadInput(Problem(where, "is no unit known here", f"{_nearest(told)}known are {', '.join(KNOWN)}", "unit", text))
    return replace(unit, name=f"{word} {unit.name}", factor=unit.factor * WORD_SCALES[word]) if word else unit


def _duration(text):
    found = DURATION.fullmatch(text)
    return (found["what"], float(found["number"]) * DAYS[found["unit"].lower()]) if found else (text, nan)


def _number(found):
    """Return the number of a match; what is too large for a float is infinite."""
    try:
        value = float(re.sub("[,_]", "", found["mantissa"]))
        return value * 10.0 ** int(found["exponent"] or 0) if found["power"] is None else value ** int(found["power"])
    except OverflowError:
        return float("inf")


def _flop(told):
    """Return a unit of computing, or None. FLOPs is read as an amount and FLOPS as a rate, with a hint."""
    found = FLOPS.fullmatch(told) or re.fullmatch(r"(?P<prefix>P)(?P<flop>F)(?P<tail>-days?)", told)
    if not found:
        return None
    prefix, tail, scale = found["prefix"], found["tail"].lower(), PREFIXES[found["prefix"].lower()]
    name = f"{prefix.lower() if len(prefix) > 1 else prefix.upper().replace('K', 'k')}FLOP"
    if tail == "s":
        dimension = "amount" if found["tail"] == "s" and found["flop"] == "FLOP" else "rate"
        written, other = (name, f"{name}/s") if dimension == "amount" else (f"{name}/s", name)
        kind = "an amount" if dimension == "amount" else "a rate"
        return Unit(written, dimension, scale, f"{told} is ambiguous and was read as {kind}: write {written}, or {other} for the other.")
    dimension, seconds = TAILS.get(tail.replace("-day", "/s-day") if found["flop"] == "F" else tail, ("", nan))
    return Unit(name + tail, dimension, scale * seconds) if dimension else None


def _watt(told):
    """Return a unit of power or energy, or None. Milliwatts are refused: they are megawatts misspelt."""
    found = WATTS.fullmatch(told)
    if not found or told.startswith("mW"):
        return None
    prefix = found["prefix"]
    prefix = prefix.upper().replace("K", "k") if len(prefix) == 1 else prefix.lower()
    energy = found["kind"].lower() == "wh"
    return Unit(prefix + ("Wh" if energy else "W"), "energy" if energy else "power", PREFIXES[prefix.lower()])


def _counted(key):
    """Return a unit that is counted (dollars, chips, persons), with or without a short scale, or None."""
    if key in PLAIN:
        return Unit(PLAIN[key][1], PLAIN[key][0])
    key = key.replace("$", "usd")
    for scale, factor in {"": 1.0, **SHORT_SCALES}.items():
        for told in (key.removeprefix(scale), key.removesuffix(scale) if key.startswith("usd") else ""):
            if (not scale or len(told) < len(key)) and told in COUNTED:
                dimension, name = COUNTED[told]
                return Unit(f"{scale} {name}".strip(), dimension, factor)
    return None


def _nearest(told):
    near = get_close_matches(told.lower(), [name.lower() for name in KNOWN], n=1)
    return f"did you mean {next(name for name in KNOWN if name.lower() == near[0])}? " if near else ""

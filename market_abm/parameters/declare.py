"""How one number of the model is declared: on one line, with everything that anybody asks of it."""

from dataclasses import dataclass, field, fields

ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of a number beside its best value."""

    unit: str
    low: float
    best: float
    high: float
    at_least: float
    at_most: float
    source: str
    says: str
    whole: bool = False
    options: tuple[str, ...] = ()


def number(best, low, high, unit, says, source=ASSUMED, at_least=0.0, at_most=float("inf"), whole=False):
    """Declare a number: best value with plausible low and high, hard bounds, unit, source and meaning."""
    told = Declaration(unit, low, best, high, at_least, at_most, source, says, whole)
    return field(default=best, metadata={"told": told})


def whole(best, low, high, unit, says, source=ASSUMED, at_least=0, at_most=10**6):
    """Declare a whole number."""
    return number(best, low, high, unit, says, source, at_least, at_most, whole=True)


def choice(best, options, says, source=ASSUMED):
    """Declare a rule chosen by name."""
    told = Declaration("name", None, best, None, None, None, source, says, options=tuple(options))
    return field(default=best, metadata={"told": told})


def text(best, says, source=ASSUMED):
    """Declare a name or another text that no arithmetic touches."""
    told = Declaration("text", None, best, None, None, None, source, says)
    return field(default=best, metadata={"told": told})


def date(best, says, source=ASSUMED):
    """Declare a quarter, written like 2022Q4."""
    told = Declaration("quarter", None, best, None, None, None, source, says)
    return field(default=best, metadata={"told": told})


def declarations(kind):
    """Return {name: Declaration} of a declared dataclass or of an instance."""
    return {f.name: f.metadata["told"] for f in fields(kind) if "told" in f.metadata}

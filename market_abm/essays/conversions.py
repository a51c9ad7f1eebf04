"""Turn a quantity into others: by the essays' constants and by better-sourced ones, side by side.

An amount (FLOP, Wh) becomes a rate (FLOP/s, W) only over a time that the user gives.
"""

from dataclasses import dataclass
from math import isfinite

from market_abm.errors import BadInput, Problem
from market_abm.units import HOURS_PER_YEAR

from . import sources as by
from .arithmetic import SECONDS_PER_DAY, moore_years
from .constants import AS_STATED, CHIPS, MOUSE_FLOPS, PERSON_FLOPS, REFERENCE_CHIP, RUN_DAYS, as_published
from .countries import nearest_country
from .first_essay import LLAMA_CHIPS
from .quantities import Quantity, Unit, read, read_unit

SHOWN_CHIPS = ("A100", "H100", "B200")
AMOUNTS = ("amount", "energy")
MEASURES = ("time", "moore", "share")  # of a result, never of what is asked about


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the answer, in base units: as stated and as published."""

    quantity: str
    unit: Unit
    values: tuple[float, float]
    why: str
    source: str = by.ARITHMETIC
    shown: bool = True

    def told(self, unit, hint):
        """Return the line as a flat dict, in a unit of the same dimension."""
        stated, published = (value / unit.factor for value in self.values)
        return {"quantity": self.quantity, "as_stated": stated, "as_published": published, "unit": unit.name,
                "why": f"{hint} {self.why}".strip(), "source": self.source}


def convert(text, unit=None):
    """Return what a quantity amounts to, a flat dict a row; with a unit, only the rows that can be given in it."""
    quantity = read(text)
    if quantity.unit.dimension in MEASURES:
        raise BadInput(Problem("QUANTITY", "can be asked for, not asked about", 'give a rate, an amount, power, money or chips, such as "1 GW"',
                               key="text", value=text))
    bases = (AS_STATED, as_published(quantity.unit.name if quantity.unit.name in CHIPS else _chip(quantity)))
    timeless = quantity.unit.dimension in AMOUNTS and not isfinite(quantity.days)
    rows = _amount_rows(quantity, bases) if timeless else _rate_rows(quantity, bases)
    wanted = [(row, row.unit) for row in rows if row.shown] if unit is None else _in_unit(rows, unit, text, timeless)
    return [row.told(told, quantity.unit.hint if place == 0 else "") for place, (row, told) in enumerate(wanted)]

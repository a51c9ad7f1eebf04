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
from .quantities import Unit, read, read_unit

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
    dimension = quantity.unit.dimension
    if dimension in MEASURES:
        raise BadInput(Problem("QUANTITY", "can be asked for, not about", 'give compute, power, money or chips, such as "1 GW"', "text", text))
    target = read_unit(unit, "--in") if unit is not None else None
    bases = AS_STATED, as_published(dimension if dimension in CHIPS else REFERENCE_CHIP)
    timeless = dimension in AMOUNTS and not isfinite(quantity.days)
    rows = _amount_rows(quantity, bases) if timeless else _rate_rows(quantity, bases)
    wanted = _in_unit(rows, target, text, timeless) if target else [(row, row.unit) for row in rows if row.shown]
    hint = " ".join(filter(None, (quantity.unit.hint, target.hint if target else "")))
    return [row.told(told, hint if place == 0 else "") for place, (row, told) in enumerate(wanted)]


def _in_unit(rows, unit, text, timeless):
    """Return the rows of the unit's dimension with that unit, or refuse it."""
    wanted = [(row, unit) for row in rows if row.unit.dimension == unit.dimension]
    if wanted:
        return wanted
    if timeless:
        why, remedy = "an amount becomes a rate, power or a number of machines only over a time", f'write "{text} in 90 days"'
    else:
        why, remedy = "cannot be had from this quantity", f"it can be given in {', '.join(dict.fromkeys(row.unit.name for row in rows))}"
    raise BadInput(Problem("--in", why, remedy, "unit", unit.name))


def _rate(quantity, basis):
    """Return the peak rate in FLOP/s that a quantity stands for."""
    dimension, watts = quantity.unit.dimension, basis.watts_per_flops
    if dimension in CHIPS:
        return quantity.base * CHIPS[dimension].flops
    per_base_unit = {
        "rate": 1.0, "person": PERSON_FLOPS, "mouse": MOUSE_FLOPS, "power": 1 / watts, "money": 1 / (watts * basis.site_usd_per_watt),
        "amount": 1 / (quantity.days * SECONDS_PER_DAY * basis.utilisation), "energy": 1 / (quantity.days * 24 * watts),
    }
    return quantity.base * per_base_unit[dimension]


def _rate_rows(quantity, bases):
    """Return the rows of what has a rate: compute, power, money, chips, years ahead, a country beside it, a run on it."""
    rates = [_rate(quantity, basis) for basis in bases]

    def row(label, unit, of, why, source=by.ARITHMETIC, shown=True):
        return Row(label, read_unit(unit), tuple(of(rate, basis) for rate, basis in zip(rates, bases, strict=True)), why, source, shown)

    return [
        row("compute at peak", "PFLOP/s", lambda rate, basis: rate, _says(bases), bases[1].source),
        row("persons of compute", "person", lambda rate, basis: rate / PERSON_FLOPS, "20 PFLOP/s each", by.DEFINITION),
        row("mice of compute", "mouse", lambda rate, basis: rate / MOUSE_FLOPS, "50 TFLOP/s each, 400 to a person", by.FIRST_ESSAY),
        *_power_and_money(row, bases),
        *(row(f"{name} with the same peak", name, lambda rate, basis, chip=chip: rate / chip.flops, f"{chip.tflops:g} TFLOP/s each, dense, 16 bit",
              by.EPOCH_COSTS, shown=name in (*SHOWN_CHIPS, quantity.unit.dimension)) for name, chip in CHIPS.items()),
        *_years_ahead(row, bases[1].chip),
        _beside_a_country(row, nearest_country(rates[1] * bases[1].watts_per_flops / 1e6)),
        _run(row, quantity.days if isfinite(quantity.days) else RUN_DAYS, bases),
    ]


def _power_and_money(row, bases):
    """Return the rows of a site's power, its electricity and its price, with and without buildings and network."""
    servers = f"the essays have none | {bases[1].chip} in servers of eight"
    return [
        row("power of the site", "MW", lambda rate, basis: rate * basis.watts_per_flops,
            "30 kW a person | 2 W all in per W of chip, as of an H100", by.EPOCH_COSTS),
        row("electricity in a year", "TWh", lambda rate, basis: rate * basis.watts_per_flops * HOURS_PER_YEAR, "at full load, 8,760 h"),
        row("price of the site with its chips", "USD", lambda rate, basis: rate * basis.watts_per_flops * basis.site_usd_per_watt,
            "250,000 USD a person | 29 bn USD per GW", by.EPOCH_GW),
        row("price of the servers with their chips", "USD", lambda rate, basis: rate * basis.servers_usd_per_flops, servers, by.EPOCH_COSTS),
    ]


def _years_ahead(row, chip):
    """Return the rows of Moore years: doubling time times log2 of the ratio of rates; below zero is behind."""
    baselines = (("a desktop", lambda basis: basis.desktop_flops, "50 TFLOP/s | 330, RTX 4090 in 16 bit"),
                 ("one person", lambda basis: PERSON_FLOPS, "20 PFLOP/s"),
                 ("a box of eight GPUs", lambda basis: basis.box_flops, f"eight A100 | eight {chip}"))

    def ahead(rate, basis, of):
        return round(moore_years(rate, of(basis), basis.doubling_years), 9)  # what is equal shall give 0

    return [
        row(f"Moore years ahead of {label}", "Moore year", lambda rate, basis, of=of: ahead(rate, basis, of),
            f"{told}; 2 years a doubling | 2.3, machine-learning hardware 2010-2023", by.EPOCH_TRENDS) for label, of, told in baselines
    ]


def _beside_a_country(row, country):
    return row(f"share of the average load of {country.name}", "share",
               lambda rate, basis: rate * basis.watts_per_flops / (country.average_mw * 1e6),
               f"{country.average_mw:,.0f} MW in {country.year}, the nearest of a dozen", country.source)


def _run(row, days, bases):
    return row(f"FLOP of a run of {days:g} days", "FLOP", lambda rate, basis: rate * basis.utilisation * days * SECONDS_PER_DAY,
               _utilisation(bases), by.EPOCH_COSTS)


def _amount_rows(quantity, bases):
    """Return the rows of an amount without a time: what it is in FLOP and Wh, and how long machines of known size take for it."""
    energy = quantity.unit.dimension == "energy"
    realised = [basis.utilisation / (basis.watts_per_flops / 3600) for basis in bases]  # FLOP per Wh
    flops = [quantity.base * (each if energy else 1.0) for each in realised]

    def days_on(label, rate_of, why):
        days = (flop / (rate_of(basis) * basis.utilisation) / SECONDS_PER_DAY for flop, basis in zip(flops, bases, strict=True))
        return Row(f"time on {label}", read_unit("days"), tuple(days), f"{why}; {_utilisation(bases)}", by.EPOCH_COSTS)

    return [
        Row("amount of computing", read_unit("FLOP"), tuple(flops), _utilisation(bases) if energy else "as given"),
        Row("electricity for it", read_unit("MWh"), tuple(flop / each for flop, each in zip(flops, realised, strict=True)),
            f"{_says(bases)}; {_utilisation(bases)}", by.EPOCH_COSTS),
        days_on("a mouse of compute", lambda basis: MOUSE_FLOPS, "50 TFLOP/s"),
        days_on("a person of compute", lambda basis: PERSON_FLOPS, "20 PFLOP/s"),
        days_on(f"{LLAMA_CHIPS} A100", lambda basis: LLAMA_CHIPS * CHIPS["A100"].flops, "the essay's cluster"),
        days_on("a site of 1 GW", lambda basis: 1e9 / basis.watts_per_flops, _says(bases)),
    ]


def _says(bases):
    return " | ".join(basis.says for basis in bases)


def _utilisation(bases):
    stated, published = (basis.utilisation for basis in bases)
    return f"{stated:g} of peak, assumed | {published:g}, median of runs since 2020"

"""Figures as a person would say them: points, per cent, millions, powers of ten."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from market_abm.studies.names import HHI_POINTS

NO_FIGURE = "no figure"
MINUS = "−"
LARGE = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
LEVELS = (0.05, 0.5, 0.95)
PARTS = {"share", "fraction", "0 or 1", "share of rent"}
UNSAID = {"", "0 to 1", "index", "1", "ratio", "count", "nats", "ln ratio"}  # units that add nothing to a figure


class Scale(NamedTuple):
    """How one unit is said: what figures are multiplied by, how levels and changes are written, what follows them."""

    factor: float
    level: Callable
    change: Callable
    after_level: str
    after_change: str


def scale_of(metric, unit):
    """Return how levels and changes of a metric are said."""
    if metric.startswith("hhi_"):
        return Scale(HHI_POINTS, whole, rounded, " points", " points")
    if unit in PARTS:
        return Scale(100, percent, rounded, "%", " percentage points")
    if unit == "share difference":
        return Scale(100, rounded, rounded, " percentage points", " percentage points")
    after = "" if unit in UNSAID else f" {unit}"
    if unit == "count":
        return Scale(1, figure, rounded, after, after)
    return Scale(1, figure, figure, after, after)


def figure(value):
    """Write a figure with three digits that matter: 268, 1,540, 502 million, 8.83 × 10²⁷."""
    if not math.isfinite(value):
        return NO_FIGURE
    value = float(f"{value:.3g}")
    size, sign = abs(value), MINUS if value < 0 else ""
    if size >= 1e15 or 0 < size < 1e-3:
        digits, _, power = f"{size:.2e}".partition("e")
        return f"{sign}{digits} × 10{str(int(power)).translate(SUPERSCRIPTS)}"
    for large, word in LARGE:
        if size >= large:
            return f"{sign}{size / large:.3g} {word}"
    return f"{sign}{size:,.0f}" if size >= 1000 else f"{sign}{size:.3g}"


def whole(value):
    """Write a figure without decimals."""
    return f"{value:,.0f}".replace("-", MINUS) if math.isfinite(value) else NO_FIGURE


def rounded(value):
    """Write a change: no decimals from 10 on, else two digits that matter."""
    if not math.isfinite(value) or abs(value) >= 9.95:
        return whole(value) if abs(value) < 1e6 else figure(value)
    return f"{value:.2g}".replace("-", MINUS) if abs(value) >= 1e-3 else figure(value)


def percent(value):
    """Write per cent; what is not quite all never reads 100."""
    if not math.isfinite(value):
        return NO_FIGURE
    if 0 < value < 0.01:
        return "less than 0.01"
    if 99 < value < 100:
        return f"{math.floor(value * 10) / 10:.1f}"
    return whole(value) if abs(value) >= 9.95 else f"{value:.2g}".replace("-", MINUS)


def level(value, metric, unit):
    """Say the size of a metric: 1,540 points, 41%, 502 million USD."""
    scale = scale_of(metric, unit)
    return scale.level(value * scale.factor) + scale.after_level if math.isfinite(value) else NO_FIGURE


def size_of_change(value, metric, unit):
    """Say how large a change is, without its sign."""
    scale = scale_of(metric, unit)
    return scale.change(abs(value) * scale.factor) + scale.after_change if math.isfinite(value) else NO_FIGURE


def change(value, metric, unit):
    """Write a change with its sign and without its unit."""
    scale = scale_of(metric, unit)
    text = scale.change(value * scale.factor) if math.isfinite(value) else NO_FIGURE
    return f"+{text}" if value > 0 else text


def range_of_changes(low, high, metric, unit):
    """Say the two ends of an interval of changes, with their signs and the unit once."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return NO_FIGURE
    return f"{change(low, metric, unit)} to {change(high, metric, unit)}{scale_of(metric, unit).after_change}"


def range_of_levels(low, high, metric, unit):
    """Say the two ends of a range of levels, without the unit but for per cent."""
    scale = scale_of(metric, unit)
    after = "%" if scale.after_level == "%" else ""
    return f"{scale.level(low * scale.factor)} to {scale.level(high * scale.factor)}{after}"


def spread(values, metric, unit):
    """Say median and, of two runs or more, 5 to 95% of values `(runs,)`; those of failed runs (nan) are left out."""
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return NO_FIGURE
    low, median, high = np.quantile(known, LEVELS)
    said = level(median, metric, unit)
    return f"{said} ({range_of_levels(low, high, metric, unit)})" if len(known) > 1 else said


def known(value):
    """Say whether a figure is there: neither missing nor nan."""
    return value is not None and math.isfinite(value)

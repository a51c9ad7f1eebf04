"""Every metric: its name, unit, meaning and function of the world. Empty market: nan, never 0."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure per run and quarter; `function(world)` returns `(runs, 1)`."""

    name: str
    unit: str
    says: str
    function: Callable


def catalogue(owner_names):
    """Return every metric, with one share per named owner."""
    from market_abm.metrics import concentration, market

    return (*concentration.metrics(owner_names), *market.METRICS)

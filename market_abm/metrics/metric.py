"""What a metric is: a name, a unit, a meaning and a function of the world. Empty market: nan, never 0."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure per run and quarter; `function(world)` returns `(runs, 1)`; `signed` ones may fall below zero."""

    name: str
    unit: str
    says: str
    function: Callable
    signed: bool = False

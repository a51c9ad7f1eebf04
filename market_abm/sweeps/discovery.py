"""Scenario discovery on a sweep: in which region of its factors a metric lies beyond a line."""

from typing import NamedTuple

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.sweeps import prim, trust
from market_abm.sweeps.results import load_results
from market_abm.sweeps.sensitivity import usual_quarter

FEWEST = 20  # cases: below, any box is chance
MOST_BOXES = 10
FIELDS = ("box", "parameter", "index", "value", "low", "high")  # of a row


class Cases(NamedTuple):
    """The runs that boxes were sought among, in order of point and run; those without a figure are left out.

    `x` `(cases, factors)` are factors as the search saw them: numbers, or places among a column's names.
    """

    metric: str
    quarter: str
    line: float
    is_above: bool  # whether runs above the line are of interest, else those below
    columns: tuple  # a `Column` a factor
    x: np.ndarray
    values: np.ndarray  # of the metric, (cases,)
    interest: np.ndarray  # (cases,)
    points: np.ndarray  # of each case, (cases,)
    boxes: tuple = ()  # `prim.Box`, the first first


class Discovered(NamedTuple):
    """Rows of a table, remarks that belong to them, and the cases behind them."""

    rows: list[dict]
    remarks: list[str]
    cases: Cases


def discovery(place, metric, above=None, below=None, quarter=None, boxes=1):
    """Return the boxes of factors in which a metric lies above (or below) a line, as rows of a table, with remarks.

    Cases are runs. A row tells one thing of one box: coverage, density and mass of the cases; the same on cases that the search did not
    see, with 95% intervals; for each factor that the box bounds its range, its quasi-p-value and in what share of bootstrap samples it is
    bounded again.
    """
    results = load_results(place)
    quarter = quarter or usual_quarter(results)
    line = _checked(place, above, below, boxes)
    values = results.values(metric, quarter)
    cases = _cases(results, metric, quarter, line, above is not None, values)
    remarks = _remarks(cases, values)
    if len(cases.interest) < FEWEST:
        raise BadInput(Problem(str(place), f"has {len(cases.interest)} runs with a figure", f"sweep at least {FEWEST}", key=metric))
    if not cases.interest.any() or cases.interest.all():
        return Discovered([], [*remarks, "there is no region to find"], cases)
    settings = prim.USUAL._replace(categories=tuple(n for n, column in enumerate(cases.columns) if column.is_label))
    found = prim.cover(cases.x, cases.interest, boxes, settings)
    if not found:
        return Discovered([], [*remarks, "no factor sets the cases of interest apart"], cases)
    return Discovered(_all_rows(cases, found, settings), remarks, cases._replace(boxes=tuple(found)))


def _cases(results, metric, quarter, line, is_above, values):
    """Return the runs that have a figure, `values` being `(points, runs)`."""
    known = np.isfinite(values)
    points = np.nonzero(known)[0]
    columns = tuple(Column(factor, results.points[factor["key"]].to_numpy()) for factor in results.factors)
    x = np.stack([column.numbers for column in columns], axis=1)[points]
    interest = values[known] > line if is_above else values[known] < line
    return Cases(metric, quarter, line, is_above, columns, x, values[known], interest, points)


def _all_rows(cases, found, settings):
    """Return the rows of all boxes; of the first also what it is worth on cases that it was not chosen on."""
    x, interest, points = cases.x, cases.interest, cases.points
    again = trust.reproducibility(x, interest, settings, points=points)
    rows = [row for number, box in enumerate(found, 1) for row in _rows(number, box, x, interest, cases.columns, again if number == 1 else None)]
    unseen = trust.out_of_sample(x, interest, settings, points=points) if len(set(points.tolist())) >= 5 else []
    rows[3:3] = [_row(1, "", f"{row['index']}_unseen", row["value"], row["low"], row["high"]) for row in unseen]
    return rows


def _checked(place, above, below, boxes):
    if (above is None) == (below is None):
        raise BadInput(Problem(str(place), "needs one line", "give --above or --below, as in --above 0.7", key="--above"))
    if not 1 <= boxes <= MOST_BOXES:
        raise BadInput(Problem("--boxes", f"must be a whole number between 1 and {MOST_BOXES} (unit: count)", "for example 1",
                               key="boxes", value=boxes))
    return above if above is not None else below


def _remarks(cases, values):
    count = len(cases.interest)
    share = cases.interest.mean() if count else float("nan")
    said = [f"{cases.metric} in {cases.quarter} is {'above' if cases.is_above else 'below'} {cases.line:g} in {share:.0%} of {count} runs"]
    if count < values.size:
        said.append(f"{values.size - count} of {values.size} runs have no figure and are left out")
    return said


def _rows(number, box, x, interest, columns, again):
    """Return the rows of one box; the quasi-p-values are worked out on all cases."""
    rows = [_row(number, "", name, getattr(box, name)) for name in ("coverage", "density", "mass")]
    chances = prim.p_values(x, interest, box)
    for place in box.restricted:
        key = columns[place].key
        rows.append(_row(number, key, "range", *columns[place].told(box.bounds[place])))
        rows.append(_row(number, key, "quasi_p_value", chances[place]))
        if again is not None:
            rows.append(_row(number, key, "bounded_again", float(again[place])))
    return rows


def _row(box, parameter, index, value, low=None, high=None):
    return dict(zip(FIELDS, (box, parameter, index, value, low, high), strict=True))


class Column:
    """A factor's values as numbers: themselves, or the places of names in their order."""

    def __init__(self, factor, values):
        self.key, self.whole = factor["key"], bool(factor["whole"])
        self.levels = sorted(factor["values"]) if self.whole else []
        self.names = None
        if values.dtype.kind not in "fiub":
            texts = [str(value) for value in values]
            self.names = sorted(set(texts)) if factor["unit"] == "quarter" else list(dict.fromkeys([*map(str, factor["values"]), *texts]))
            values = np.array([self.names.index(text) for text in texts])
        self.numbers = values.astype(float)
        self.is_label = self.names is not None and factor["unit"] != "quarter"

    def told(self, bound):
        """Return (value, low, high) of a bound: names that are let in, or a range with None where it is open."""
        if isinstance(bound, frozenset):
            return ", ".join(self.names[int(place)] or '""' for place in sorted(bound)), None, None
        low, high = bound
        return None, self._lowest(low) if np.isfinite(low) else None, self._highest(high) if np.isfinite(high) else None

    def _lowest(self, end):
        """Return the first of names or whole numbers that is inside, else the end itself."""
        if self.names is not None:
            return self.names[int(np.ceil(end))]
        return next((level for level in self.levels if level >= end), int(np.ceil(end))) if self.whole else end

    def _highest(self, end):
        """Return the last of names or whole numbers that is inside, else the end itself."""
        if self.names is not None:
            return self.names[int(np.floor(end))]
        return next((level for level in reversed(self.levels) if level <= end), int(np.floor(end))) if self.whole else end

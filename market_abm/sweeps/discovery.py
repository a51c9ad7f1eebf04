"""Scenario discovery on a sweep: in which region of its factors a metric lies beyond a line."""

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.sweeps import prim
from market_abm.sweeps.results import load_results
from market_abm.sweeps.sensitivity import Told, usual_quarter

FEWEST = 20  # cases: below, any box is chance
MOST_BOXES = 10


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
    known = np.isfinite(values)
    points = np.nonzero(known)[0]
    interest = values[known] > line if above is not None else values[known] < line
    remarks = _remarks(metric, quarter, values, known, interest, line, above)
    if len(interest) < FEWEST:
        raise BadInput(Problem(str(place), f"has {len(interest)} runs with a figure", f"sweep at least {FEWEST}", key=metric))
    if not interest.any() or interest.all():
        return Told([], [*remarks, "there is no region to find"])
    columns = [_Column(factor, results.points[factor["key"]].to_numpy()) for factor in results.factors]
    x = np.stack([column.numbers for column in columns], axis=1)[points]
    settings = prim.USUAL._replace(categories=tuple(n for n, column in enumerate(columns) if column.is_label))
    found = prim.cover(x, interest, boxes, settings)
    if not found:
        return Told([], [*remarks, "no factor sets the cases of interest apart"])
    again = prim.reproducibility(x, interest, settings, points=points)
    rows = [row for number, box in enumerate(found, 1) for row in _rows(number, box, x, interest, columns, again if number == 1 else None)]
    unseen = prim.out_of_sample(x, interest, settings, points=points) if len(set(points.tolist())) >= 5 else []
    rows[3:3] = [_row(1, "", f"{row['index']}_unseen", row["value"], row["low"], row["high"]) for row in unseen]
    return Told(rows, remarks)


def _checked(place, above, below, boxes):
    if (above is None) == (below is None):
        raise BadInput(Problem(str(place), "needs one line", "give --above or --below, as in --above 0.7", key="--above"))
    if not 1 <= boxes <= MOST_BOXES:
        raise BadInput(Problem("--boxes", f"must be a whole number between 1 and {MOST_BOXES} (unit: count)", "for example 1",
                               key="boxes", value=boxes))
    return above if above is not None else below


def _remarks(metric, quarter, values, known, interest, line, above):
    share = interest.mean() if len(interest) else float("nan")
    said = [f"{metric} in {quarter} is {'above' if above is not None else 'below'} {line:g} in {share:.0%} of {len(interest)} runs"]
    if not known.all():
        said.append(f"{int((~known).sum())} of {values.size} runs have no figure and are left out")
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
    return {"box": box, "parameter": parameter, "index": index, "value": value, "low": low, "high": high}


class _Column:
    """A factor's values as numbers: themselves, or the places of names in their order."""

    def __init__(self, factor, values):
        self.key = factor["key"]
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
        low, high = (None if not np.isfinite(end) else end for end in bound)
        if self.names is not None:
            low, high = (None if end is None else self.names[int(np.ceil(end) if end is low else np.floor(end))] for end in (low, high))
        return None, low, high

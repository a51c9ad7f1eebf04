"""In which region of the factors a metric lies beyond a line: the cases of scenario discovery, and the box that was found."""

import textwrap

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter

from market_abm.plots.style import INK, PALETTE, PlainLogarithmic, logarithmic, look
from market_abm.plots.swept import HHI_UNIT, meaning, metric_title, number, scale_of, sweep_heading
from market_abm.studies.names import policy_name

INTEREST, OTHER, BOX = PALETTE[3], "#9a9a9a", PALETTE[0]
LETTERS_ACROSS, LETTERS_UP, FEWEST_LETTERS = 84, 24, 8  # for names beside ticks: of all below the axes, of one at its side, of one at least
JITTER = 0.28  # steps between names or whole numbers
RING = 0.007  # of the axis: how far apart runs of one point are drawn
MOST_RINGS = 300  # points: of more the rings would run into one another
MOST_LEVELS = 12  # whole numbers: more are as good as a range
DECADES = 50  # a metric that spans more of a ratio gets a logarithmic axis
MANY = 800  # runs: more are drawn small
FAINT = 0.3  # opacity
MARGIN = 0.03  # of an axis, beyond the factor's range
UNSPOKEN = ("", "1", "share", "fraction", "0 to 1", "count", "index", "ratio", "switch", "name", "text", "quarter", "policy")  # units
BOX_LOOK = {"facecolor": (*to_rgb(BOX), 0.10), "edgecolor": BOX, "linewidth": 2.2}


def draw(found, results):
    """Draw the cases in the two factors that the first box bounds most surely, or in one against the metric, and the box."""
    cases = found.cases
    with look():
        figure = Figure(figsize=(8.6, 6.6), layout="constrained")
        axes, shown = figure.subplots(), axes_of(found)
        across = _Axis(cases, results, shown[0])
        up = _Axis(cases, results, shown[1]) if len(shown) == 2 else _Metric(cases, results)
        faint = _outside_in_others(cases, shown)
        _draw_cases(axes, cases, across.spread(cases, 0), up.spread(cases, 1), faint)
        across.dress(axes, axes.xaxis)
        up.dress(axes, axes.yaxis)
        if cases.boxes:
            _draw_box(axes, across, up, cases.boxes[0])
        _legend(figure, cases, faint.any())
        sweep_heading(figure, _title(found, results), results, _notes(found, results))
    return figure


def _draw_cases(axes, cases, x, y, faint):
    """Draw the runs, those of interest above the others, faint what the box leaves out by a factor that is not drawn."""
    size, plain = (4.5, 0.85) if len(x) <= MANY else (2.8, 0.5)
    for wanted, colour, marker, layer in ((False, OTHER, "o", 2), (True, INTEREST, "D", 3)):
        for hidden, alpha in ((True, FAINT), (False, 0.85 if wanted else plain)):
            chosen = (cases.interest == wanted) & (faint == hidden)
            axes.plot(x[chosen], y[chosen], linestyle="", marker=marker, markersize=size, color=colour, alpha=alpha, markeredgewidth=0,
                      zorder=layer, label=f"{'interest' if wanted else 'other'}{', outside' if hidden else ''}")


def says(found, results):
    """Tell the region, how well it holds, and how many cases there are."""
    cases = found.cases
    names = [cases.columns[place].key for place in axes_of(found)]
    told = "; ".join(_notes(found, results))
    against = f"{names[0]} and {names[1]}" if len(names) == 2 else f"{names[0]} and the metric itself"
    return (f"Scatter plot of {len(cases.interest)} simulated runs by {against}; {int(cases.interest.sum())} of them are of interest, those with "
            f"{metric_title(cases.metric, results)} {_beyond(cases, results)} in {cases.quarter}. {told}.")


def axes_of(found):
    """Return the places of the factors to draw: the two that the first box bounds most surely, the one it bounds, else the first two."""
    columns = found.cases.columns
    if not found.cases.boxes:
        return tuple(range(min(2, len(columns))))
    told = {(row["parameter"], row["index"]): row["value"] for row in found.rows if row["box"] == 1}

    def doubt(place):
        key = columns[place].key
        return -np.nan_to_num(told.get((key, "bounded_again"), 0.0)), np.nan_to_num(told.get((key, "quasi_p_value"), 1.0), nan=1.0)

    return tuple(sorted(found.cases.boxes[0].restricted, key=doubt))[:2]


def ranges_in_words(found, places, factors):
    """Return where the first box lets each factor lie, one text a factor."""
    told = {row["parameter"]: row for row in found.rows if row["box"] == 1 and row["index"] == "range"}
    said = []
    for place in places:
        row, factor = told[found.cases.columns[place].key], factors[place]
        said.append(f"{row['parameter']} {_range(row, factor)}")
    return said


def _range(row, factor):
    low, high = (_end(row[name]) for name in ("low", "high"))
    if row["value"] is not None:
        return f"is {row['value']}"
    if factor["unit"] == "switch" and factor["whole"]:
        return "is on" if row["low"] == 1 else "is off"
    unit = "" if factor["unit"] in UNSPOKEN else f" {factor['unit']}"
    if low is not None and high is not None:
        return f"is {low}{unit}" if low == high else f"from {low} to {high}{unit}"
    return f"at least {low}{unit}" if low is not None else f"at most {high}{unit}"


def _end(value):
    return value if value is None or isinstance(value, str) else f"{value:.4g}"


def _title(found, results):
    cases = found.cases
    return f"When is {_lower(metric_title(cases.metric, results))} {_beyond(cases, results)} in {cases.quarter}?"


def _lower(text):
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _beyond(cases, results):
    scale, unit = scale_of(cases.metric, results)
    unit = {"percentage points": "%", HHI_UNIT: " points"}.get(unit, f" {unit}".replace(" in its own unit", ""))
    return f"{'above' if cases.is_above else 'below'} {cases.line * scale:,.6g}{unit}"


def _notes(found, results):
    """Return what is written under the title: the box in words, how well it holds, and what is not drawn."""
    cases, factors = found.cases, results.factors
    share = f"{int(cases.interest.sum())} of {len(cases.interest)} runs are of interest ({cases.interest.mean():.0%})"
    if not cases.boxes:
        return [f"{share}; no box sets them apart"]
    drawn = axes_of(found)
    others = [place for place in cases.boxes[0].restricted if place not in drawn]
    notes = [f"{share}; box: {'; '.join(ranges_in_words(found, drawn, factors))}"]
    notes += [f"and, not drawn: {'; '.join(ranges_in_words(found, others, factors))}"] if others else []
    notes.append(_worth(found))
    return notes + ([f"{len(cases.boxes) - 1} more box{'es' if len(cases.boxes) > 2 else ''} in the table"] if len(cases.boxes) > 1 else [])


def _worth(found):
    """Return coverage and density of the first box, on cases that it was not chosen on where that is known."""
    told = {row["index"]: row for row in found.rows if row["box"] == 1 and not row["parameter"]}
    unseen = "coverage_unseen" in told and np.isfinite(told["coverage_unseen"]["value"])
    coverage, density = (_share(told[f"{name}_unseen" if unseen else name]) for name in ("coverage", "density"))
    where = "on unseen cases, with 95% intervals" if unseen else "on the cases that it was chosen on"
    return (f"{where}: the box holds {coverage} of all runs of interest (coverage), "
            f"and {density} of the runs in it are of interest (density)")


def _share(row):
    ends = [row["low"], row["high"]]
    known = all(end is not None and np.isfinite(end) for end in ends)
    return "no figure" if not np.isfinite(row["value"]) else f"{row['value']:.0%}" + (f" ({ends[0]:.0%} to {ends[1]:.0%})" if known else "")


def _outside_in_others(cases, shown):
    """Return which cases the first box leaves out by a factor that is not drawn."""
    if not cases.boxes:
        return np.zeros(len(cases.x), bool)
    bounds = {place: bound for place, bound in cases.boxes[0].bounds.items() if place not in shown}
    return ~type(cases.boxes[0])(bounds, 0, 0, 0.0, 0.0, 0.0).holds(cases.x)


def _draw_box(axes, across, up, box):
    """Draw the box: a rectangle, or one for each run of neighbouring names; open ends run to the edge of the axes."""
    for left, right in across.stretches(box, axes.get_xlim()):
        for bottom, top in up.stretches(box, axes.get_ylim()):
            place = (left, bottom), right - left, top - bottom
            axes.add_patch(Rectangle(*place, **BOX_LOOK | {"edgecolor": "none"}, zorder=1.5))
            axes.add_patch(Rectangle(*place, **BOX_LOOK | {"facecolor": "none"}, zorder=4, label="box"))


def _legend(figure, cases, some_faint):
    dot = {"linestyle": "", "markersize": 6, "markeredgewidth": 0}
    kinds = (("D", INTEREST, "run of interest"), ("o", OTHER, "other run"))
    handles = [Line2D([], [], marker=marker, color=colour, label=label, **dot) for marker, colour, label in kinds]
    if some_faint:
        handles.append(Line2D([], [], marker="o", color=OTHER, alpha=FAINT, label="faint: outside the box in a factor that is not drawn", **dot))
    if cases.boxes:
        handles.append(Patch(**BOX_LOOK, label="box"))
    figure.legend(handles=handles, loc="outside lower left", ncols=4, frameon=False, fontsize="small", handletextpad=0.4, columnspacing=1.4)


class _Axis:
    """An axis of a factor: where its cases are drawn, how it is labelled, and what of it the box holds."""

    def __init__(self, cases, results, place):
        self.place, self.column, self.factor = place, cases.columns[place], results.factors[place]
        self.numbers = cases.x[:, place]
        self.levels = np.unique(np.concatenate([self.column.numbers, np.arange(len(self.column.names or ()))]))
        self.is_stepped = self.column.names is not None or (self.column.whole and len(self.levels) <= MOST_LEVELS)
        self.is_log = self.factor["scale"] == "log" and not self.is_stepped
        self.step = float(np.diff(self.levels).min()) if len(self.levels) > 1 else 1.0

    def spread(self, cases, side):
        """Return where cases are drawn: names and whole numbers scattered about their place, runs of a point in a small ring."""
        if self.is_stepped:
            return self.numbers + self.step * JITTER * (2 * np.random.default_rng(side).random(len(self.numbers)) - 1)
        if len(np.unique(cases.points)) > MOST_RINGS or len(np.unique(cases.points)) == len(cases.points):
            return self.numbers
        nth = np.arange(len(cases.points)) - np.searchsorted(cases.points, cases.points)
        turn = 2 * np.pi * nth / (nth.max() + 1)
        plain = np.log(self.numbers) if self.is_log else self.numbers
        moved = plain + RING * np.ptp(plain) * (np.sin(turn) if side else np.cos(turn))
        return np.exp(moved) if self.is_log else moved

    def dress(self, axes, axis):
        """Label an axis, and let it run over all that the factor may be."""
        which = "x" if axis is axes.xaxis else "y"
        unit = "" if self.factor["unit"] in ("", "1", "name", "text", "quarter", "policy", "switch") else f" ({self.factor['unit']})"
        getattr(axes, f"set_{which}label")(f"{self.column.key}{unit}\n{meaning(self.factor)}".strip(), parse_math=False)
        if self.is_log:
            getattr(axes, f"set_{which}scale")("log")
            axis.set_major_formatter(PlainLogarithmic())
            axis.set_minor_formatter(PlainLogarithmic())
        if self.is_stepped:
            self._name_levels(axes, which)
        getattr(axes, f"set_{which}lim")(self._limits())

    def _limits(self):
        """Return where the axis begins and ends: half a step, or a little, beyond what the factor may be."""
        if self.is_stepped:
            return self.levels[0] - self.step / 2, self.levels[-1] + self.step / 2
        ends = [self.numbers.min(), self.numbers.max(), *(self.factor[end] for end in ("low", "high") if self.factor[end] is not None)]
        low, high = np.log([min(ends), max(ends)]) if self.is_log else (min(ends), max(ends))
        margin = MARGIN * (high - low) or 1.0
        return tuple(np.exp([low - margin, high + margin])) if self.is_log else (low - margin, high + margin)

    def _name_levels(self, axes, which):
        """Write names of levels beside their ticks: of dates and numbers so many that they can be read, of others all, broken to their room."""
        every = 1 if self.column.names is not None and self.factor["unit"] != "quarter" else -(-len(self.levels) // MOST_LEVELS)
        room = max(FEWEST_LETTERS, LETTERS_ACROSS // len(self.levels)) if which == "x" else LETTERS_UP
        names = ["\n".join(textwrap.wrap(name, room)) for name in self._names_of_levels()]
        getattr(axes, f"set_{which}ticks")(self.levels[::every], names[::every], parse_math=False, fontsize="small")

    def _names_of_levels(self):
        if self.column.names is not None:
            plain = policy_name if self.factor["unit"] == "policy" else lambda name: name.replace("_", " ")
            return [plain(name) or "none" for name in self.column.names]
        if self.factor["unit"] == "switch":
            return [{0: "off", 1: "on"}.get(int(level), f"{level:g}") for level in self.levels]
        return [f"{level:g}" for level in self.levels]

    def stretches(self, box, limits):
        """Return the parts of the axis that the box holds, as (low, high)."""
        bound = box.bounds.get(self.place, (-np.inf, np.inf))
        if not isinstance(bound, frozenset):
            return [(max(bound[0], limits[0]), min(bound[1], limits[1]))]
        places = sorted(bound)
        starts = [place for place in places if place - 1 not in bound]
        ends = [place for place in places if place + 1 not in bound]
        return [(start - 0.5, end + 0.5) for start, end in zip(starts, ends, strict=True)]


class _Metric:
    """The metric as the vertical axis, where one factor is all there is to draw: it shows the line itself and needs no scatter."""

    def __init__(self, cases, results):
        self.scale, unit = scale_of(cases.metric, results)
        self.label = f"{metric_title(cases.metric, results)}\n({'%' if unit == 'percentage points' else unit})"
        self.values, self.line = cases.values * self.scale, cases.line * self.scale

    def spread(self, cases, side):
        """Return where cases are drawn: at what was measured."""
        return self.values

    def dress(self, axes, axis):
        """Label the axis, logarithmic for what spans a large ratio, and draw the line on it."""
        low, high = min(self.values.min(), self.line), max(self.values.max(), self.line)
        if low > 0 and high > DECADES * low:
            logarithmic(axes, plain=False)
            axes.set_ylim(low / 1.3, high * 1.3)
        else:
            margin = 0.05 * (high - low) or 1.0
            axes.set_ylim(low - margin, high + margin)
            axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.axhline(self.line, color=INK, linewidth=1, linestyle="--", label="line")
        axes.set_ylabel(self.label, parse_math=False)

    def stretches(self, box, limits):
        """Return the whole axis: a box bounds factors, and what it holds that is not of interest is seen in it."""
        return [limits]

"""History: simulated series beside the figures that are known, with their errors, and which of them no fit had."""

import math
import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from market_abm.evidence.estimators import estimate, last_of, periods_like, year_in_middle
from market_abm.evidence.judging import held_out, in_scale
from market_abm.evidence.patterns import LOG, read_patterns
from market_abm.plots.style import BAND, INK, PALETTE, heading, logarithmic, look, quantiles
from market_abm.units import quarter_number

NEEDS = ("cr4_compute_owned", "share_cloud_", "cloud_revenue_usd", "contested_rent_usd_per_pflop_hour", "frontier_run_flop")  # one of these
COLUMNS = 4
LEAST_POINTS = 2  # of one kind of period: fewer are no series
YEARS_AFTER = 2  # shown after the last figure
MARGIN = 0.2  # years, so that the first figure is not cut
INTERVAL = 1.645  # standard deviations of a 90% interval
MARKS = {False: ("o", INK, "known to the fit"), True: ("D", PALETTE[1], "held out")}
WIDTH, HEIGHT = 3.3, 2.3  # inches, of a panel
LEAST_WIDTH = 10.0  # inches: room for the heading


def series(result, patterns=None):
    """Return the patterns of which a result has the metrics and whose history is a series of quarters or of years."""
    names = set(result.names)
    return tuple(pattern for pattern in (read_patterns() if patterns is None else patterns)
                 if names.issuperset(pattern.metrics) and len(_points(pattern, result)) >= LEAST_POINTS)


def _points(pattern, result):
    """Return the points of a pattern within the quarters of a result that are no spans of time."""
    first, last = result.labels[0], result.labels[-1]
    single = [point for point in pattern.history if ".." not in point.period]
    return [point for point in single if year_in_middle(point.period) >= year_in_middle(first) and quarter_number(last, last_of(point.period)) >= 0]


def fan(pattern, result):
    """Return (years, 5%, median and 95% over runs `(3, periods)`) of a pattern, a period being as long as most of its points."""
    kinds = [len(point.period) for point in _points(pattern, result)]
    periods = periods_like("2023Q4" if kinds.count(6) >= kinds.count(4) else "2023", result.labels)
    values = {name: result.metric(name) for name in pattern.metrics}
    found = np.array([estimate(pattern, values, result.labels, period) for period in periods])
    return np.array([year_in_middle(period) for period in periods]), quantiles(found)


def draw(result, patterns=None, split=None):
    """Draw a panel a series: the fan of the runs, light once the figures end, and the figures with 90% of their error."""
    shown, split = series(result, patterns), split or result.config.frame.history_until
    columns = min(COLUMNS, max(1, len(shown)))
    lines = max(1, math.ceil(len(shown) / columns))
    with look():
        figure = Figure(figsize=(max(LEAST_WIDTH, WIDTH * columns), 1.2 + HEIGHT * lines), layout="constrained")
        axes = list(figure.subplots(lines, columns, squeeze=False).flat)
        for place, pattern in zip(axes, shown, strict=False):
            _panel(place, pattern, result, split)
        for place in axes[len(shown):]:
            place.set_axis_off()
        _legend(figure, shown, result, split)
        heading(figure, "What is known, and what the model gives", result,
                f"\nsimulated: median and {BAND[0]:.0%} to {BAND[-1]:.0%} of runs, light after the last figure; bars: 90% of the source's error")
    return figure


def _panel(axes, pattern, result, split):
    points = _points(pattern, result)
    x, (low, median, high) = fan(pattern, result)
    end = max(year_in_middle(point.period) for point in points)
    axes.set_title(_title(pattern), fontsize="small")
    axes.set_ylabel(pattern.unit, fontsize="small")
    axes.tick_params(labelsize="small")
    if pattern.scale == LOG:
        low, median, high = (np.where(line > 0, line, np.nan) for line in (low, median, high))
        logarithmic(axes, plain=pattern.unit != "FLOP")
    border = x[x <= end].max(initial=x[0])
    for there, alpha, width in ((x <= border, 0.28, 2.0), ((x >= border) & (x <= end + YEARS_AFTER), 0.10, 1.0)):
        axes.fill_between(x[there], low[there], high[there], color=PALETTE[0], alpha=alpha, linewidth=0)
        axes.plot(x[there], median[there], color=PALETTE[0], linewidth=width)
    for point in points:
        _figure(axes, pattern, point, held_out(pattern, point.period, split))
    axes.set_xlim(min(x[0], end - 1) - MARGIN, end + YEARS_AFTER)
    axes.xaxis.get_major_locator().set_params(nbins=4, integer=True)


def _figure(axes, pattern, point, out):
    """Draw one figure with 90% of its error."""
    marker, colour, _ = MARKS[out]
    middle, half = float(in_scale(pattern, point.value)), INTERVAL * point.error
    ends = np.array([middle - half, middle + half])
    ends = np.exp(ends) if pattern.scale == LOG else ends
    bars = [[max(0.0, point.value - ends[0])], [max(0.0, ends[1] - point.value)]]
    axes.errorbar(year_in_middle(point.period), point.value, yerr=bars, marker=marker, color=colour, markersize=5, linewidth=1, capsize=2, zorder=5)


def _title(pattern):
    """Return what a panel is about, in at most two lines; what its pattern says, up to the first semicolon."""
    return textwrap.fill((pattern.says or pattern.name.replace("_", " ")).split(";")[0], 40, max_lines=2)


def _legend(figure, shown, result, split):
    """Say once what the marks mean, of those that are there."""
    there = {held_out(pattern, point.period, split) for pattern in shown for point in _points(pattern, result)}
    if there:
        handles = [Line2D([], [], marker=MARKS[out][0], color=MARKS[out][1], linestyle="", label=MARKS[out][2]) for out in sorted(there)]
        figure.legend(handles=handles, loc="outside lower right", frameon=False, ncols=len(handles), fontsize="small")


def says(result, patterns=None, split=None):
    """Tell, of each series, the last figure and the median of the runs in that period."""
    told, split = [], split or result.config.frame.history_until
    for pattern in series(result, patterns):
        last = max(_points(pattern, result), key=lambda point: year_in_middle(point.period))
        values = {name: result.metric(name) for name in pattern.metrics}
        median = quantiles(estimate(pattern, values, result.labels, last.period)[None, :], (0.5,))[0, 0]
        kind = MARKS[held_out(pattern, last.period, split)][2]
        simulated = f"{median:.3g}" if np.isfinite(median) else "none"
        told.append(f"{pattern.name.replace('_', ' ')}, {last.period}: {last.value:.3g} known ({kind}), {simulated} simulated, {pattern.unit}")
    return f"A chart for each of {len(told)} series: medians of the simulation beside known figures. {'; '.join(told) or 'There is no series.'}."

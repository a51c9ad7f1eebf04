"""One look for all pictures: colours that colour-blind readers can tell apart, years, history and projection."""

import textwrap
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import seaborn as sns
from matplotlib import rc_context
from matplotlib.ticker import FixedLocator, LogFormatter, LogLocator, MaxNLocator, StrMethodFormatter

from market_abm.studies.summary import ROUND_DATE
from market_abm.units import quarter_number, year_of

PALETTE = tuple(c for place, c in enumerate(sns.color_palette("colorblind", 10).as_hex()) if place != 7)  # 7 is a grey
GREY, INK = "#b8b8b8", "#303030"
DASHES = ("-", (0, (6, 1.5)), (0, (2, 1.2)), (0, (7, 1.5, 1.5, 1.5)))  # lines that differ in grey too
FORMATS = (".svg", ".png")
BAND = (0.05, 0.5, 0.95)
MOST_DECADES = 4  # with ticks between powers of ten: more are slow to draw and unreadable
LETTERS_PER_INCH = 10.5  # of a heading
LONGEST_TITLE = 200  # letters of a scenario's title
SHORT_YEARS = 2  # a shorter axis shows quarters
LABEL_GAP = 0.055  # of the axes' height, between labels of neighbouring lines
HALF_QUARTER = 0.125  # years: what a quarter measured is drawn at its middle


@contextmanager
def look():
    """Draw everything inside in the common style, and leave matplotlib as it was."""
    ours = {"svg.hashsalt": "market-abm", "axes.titlelocation": "left", "savefig.dpi": 160, "figure.dpi": 160,
            "text.color": INK, "axes.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False}
    with rc_context(sns.axes_style("ticks") | sns.plotting_context("notebook", font_scale=0.85) | ours):
        yield


def save(figure, path):
    """Write a figure; a path without suffix gives svg and png, a path with one that format."""
    path = Path(path)
    targets = [path] if path.suffix else [path.with_name(path.name + suffix) for suffix in FORMATS]
    for target in targets:
        when = {"Date": None} if target.suffix == ".svg" else None  # the same picture is the same file
        figure.savefig(target, metadata=when)
        figure.set_layout_engine("none")  # the layout that the first format found holds for all
    return targets


def years(labels):
    """Return the calendar years, with their fractions, of the middle of each quarter."""
    return [year_of(0, label) + HALF_QUARTER for label in labels]


def span(x):
    """Return where the axis of years begins and ends, at least a quarter apart."""
    return x[0], max(x[-1], x[0] + 2 * HALF_QUARTER)


def last_of_history(result):
    """Return the place of the last quarter for which there are facts; -1 if the run starts later."""
    last = quarter_number(result.config.frame.history_until, result.labels[0])
    return max(-1, min(last, len(result.labels) - 1))


def year_axis(axes, result):
    """Let the horizontal axis run over the years of a result, in whole years, or in quarters if there are few."""
    x = years(result.labels)
    axes.set_xlim(span(x))
    if x[-1] - x[0] < SHORT_YEARS:
        shown = slice(None, None, 1 + len(x) // 4)
        axes.xaxis.set_major_locator(FixedLocator(x[shown]))
        axes.xaxis.set_major_formatter(lambda _, place: result.labels[shown][place or 0])
        return
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))


def quantiles(values, levels=BAND):
    """Return quantiles over runs `(levels, quarters)`; nan where no run has a figure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a quarter that every run failed to reach is empty
        return np.nanquantile(values, levels, axis=1)


def mean(values):
    """Return the mean over runs `(quarters,)`; nan where no run has a figure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=1)


def band(axes, result, metric, colour, dash="-", scale=1.0):
    """Draw median and 5 to 95% of a metric, what lies beyond the facts thinner; return the last median there is, or nan."""
    x, place = np.array(years(result.labels)), last_of_history(result)
    low, median, high = quantiles(result.metric(metric) * scale)
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    known = median[np.isfinite(median)]
    marker = "o" if len(known) == 1 else None  # a line of one point cannot be seen
    axes.plot(x[: place + 1], median[: place + 1], color=colour, linewidth=2.4, linestyle=dash, marker=marker)
    axes.plot(x[max(place, 0):], median[max(place, 0):], color=colour, linewidth=1.3, linestyle=dash, marker=marker)
    return float(known[-1]) if len(known) else float("nan")


def stacked(axes, result, parts, colours, linewidth):
    """Draw parts `(quarters,)` on top of one another and return the areas; a lone quarter is drawn as wide as it is."""
    x = years(result.labels)
    if len(x) == 1:
        x, parts = span(x), [np.repeat(part, 2) for part in parts]
    return axes.stackplot(x, *parts, colors=colours, edgecolor="white", linewidth=linewidth)


class PlainLogarithmic(LogFormatter):
    """Write labels of a logarithmic axis in full, and those between powers of ten where there are few of these."""

    def __call__(self, value, place=None):
        shown = super().__call__(value, place)
        return "" if not shown else f"{value:,.0f}" if value >= 1 else f"{value:g}"


def logarithmic(axes, plain=True):
    """Make the vertical axis logarithmic, with numbers written in full or as powers of ten."""
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(LogLocator(subs=range(2, 10), numticks=MOST_DECADES))
    if plain:
        axes.yaxis.set_major_formatter(PlainLogarithmic())
        axes.yaxis.set_minor_formatter(PlainLogarithmic())


def label_ends(axes, ends, gap=LABEL_GAP):
    """Write a label beside the right end of each line, `(height, text, colour)`, moved apart where lines are close."""
    scale, (bottom, top) = axes.yaxis.get_transform(), axes.get_ylim()
    low, high = scale.transform([bottom, top])
    ends = [(float((scale.transform([height])[0] - low) / (high - low)), text, colour) for height, text, colour in ends if np.isfinite(height)]
    ends.sort(key=lambda end: end[0])
    for (middle, text, colour), height in zip(ends, apart([end[0] for end in ends], gap), strict=True):
        axes.annotate(text, (1, middle), xycoords="axes fraction", xytext=(1.04, height), textcoords="axes fraction", va="center",
                      color=INK, fontsize="small", annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "linewidth": 0.8, "color": colour, "relpos": (0, 0.5)})


def apart(heights, gap):
    """Move heights, which rise, as little as possible until neighbours are a gap apart (least squares, pooling neighbours)."""
    blocks = []  # [mean of height - place * gap, members]
    for place, height in enumerate(heights):
        blocks.append([height - place * gap, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            value, members = blocks.pop()
            below, others = blocks[-1]
            blocks[-1] = [(below * others + value * members) / (others + members), others + members]
    levels = [value for value, members in blocks for _ in range(members)]
    return [level + place * gap for place, level in enumerate(levels)]


def heading(figure, title, result, note=""):
    """Put title, scenario, runs and seed above a figure, and which runs are left out."""
    failed = len({failure["run"] for failure in result.failures})
    left_out = f"; {failed} failed and are left out from then on" if failed else ""
    scenario = f"{textwrap.shorten(result.config.frame.title, LONGEST_TITLE, placeholder=' ...')}, " if result.config.frame.title else ""
    runs = f"{result.runs} simulated run{'s' if result.runs > 1 else ''}"
    width = int(LETTERS_PER_INCH * figure.get_figwidth())
    lines = [title, *textwrap.wrap(f"{scenario}{runs}, seed {result.seed}{left_out}", width), *note.strip("\n").split("\n")]
    text = "\n".join(line for line in lines if line)
    figure.suptitle(text, x=0.01, ha="left", fontsize="large", parse_math=False)  # a title may hold dollars


def at(result, metric, quarter, level=0.5):
    """Return a quantile over runs of a metric in a quarter; nan where there is none."""
    if metric not in result.names or quarter not in result.labels:
        return float("nan")
    return float(quantiles(result.metric(metric)[[result.labels.index(quarter)]], (level,))[0, 0])


def told_quarters(result):
    """Return the quarters that descriptions tell of: the first, the last with facts, 2030Q4 and the last, as far as there are any."""
    place = last_of_history(result)
    last, round_date = result.labels[place : place + 1] if place >= 0 else (), (ROUND_DATE,) if ROUND_DATE in result.labels else ()
    return tuple(dict.fromkeys((result.labels[0], *last, *round_date, result.labels[-1])))


def mark_projection(axes, result, veil=0.0, named=True):
    """Draw where the facts end, name both sides if wanted, and veil what lies beyond."""
    place, x = last_of_history(result), years(result.labels)
    if place == len(x) - 1:
        return
    border = x[place] + HALF_QUARTER if place >= 0 else x[0]
    axes.axvspan(border, x[-1], color="white", alpha=veil, zorder=3, linewidth=0)
    axes.axvline(border, color=INK, linewidth=1, linestyle=":", zorder=4)
    for text, offset, side in (("years with facts", -6, "right"), ("projection", 6, "left")) if named else ():
        if place >= 4 or side == "left":
            axes.annotate(text, (border, 1.0), xycoords=("data", "axes fraction"), xytext=(offset, 4),
                          textcoords="offset points", ha=side, va="bottom", fontsize="small", annotation_clip=False)

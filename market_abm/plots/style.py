"""One look for all pictures: colours that colour-blind readers can tell apart, years, history and projection."""

from contextlib import contextmanager
from pathlib import Path

import seaborn as sns
from matplotlib import rc_context

from market_abm.units import quarter_number, year_of

PALETTE = tuple(c for place, c in enumerate(sns.color_palette("colorblind", 10).as_hex()) if place != 7)  # 7 is a grey
GREY, INK = "#b8b8b8", "#303030"
FORMATS = (".svg", ".png")
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
        figure.savefig(target, metadata=when, bbox_inches="tight")
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


def mark_projection(axes, result, veil=0.0):
    """Draw where the facts end, name both sides, and veil what lies beyond."""
    place, x = last_of_history(result), years(result.labels)
    if place == len(x) - 1:
        return
    border = x[place] + HALF_QUARTER if place >= 0 else x[0]
    axes.axvspan(border, x[-1], color="white", alpha=veil, zorder=3, linewidth=0)
    axes.axvline(border, color=INK, linewidth=1, linestyle=":", zorder=4)
    for text, offset, side in (("period with facts, simulated", -6, "right"), ("projection, simulated", 6, "left")):
        if place >= 4 or side == "left":
            axes.annotate(text, (border, 1.0), xycoords=("data", "axes fraction"), xytext=(offset, 4),
                          textcoords="offset points", ha=side, va="bottom", fontsize="small", annotation_clip=False)

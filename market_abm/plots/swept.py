"""What the pictures of sweeps share: headings, and what factors and metrics are called."""

import textwrap

import numpy as np

from market_abm.metrics.catalogue import catalogue
from market_abm.plots.style import LETTERS_PER_INCH, LONGEST_TITLE
from market_abm.studies.names import HHI_POINTS, capital, metric_name
from market_abm.units import slug

MEANING_WIDTH = 76  # letters
HHI_UNIT = "points, 0 to 10,000"


def number(value):
    """Return a number as people read it on an axis."""
    return "none" if not np.isfinite(value) else "0" if value == 0 else f"{value:,.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"


def sweep_heading(figure, title, results, notes=()):
    """Put title, design, runs and seed above a figure, then notes, all broken to its width."""
    width = int(LETTERS_PER_INCH * figure.get_figwidth())
    lines = [title, *textwrap.wrap(design_in_words(results), width), *(line for note in notes for line in textwrap.wrap(note, width))]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize="large", parse_math=False)  # a title may hold dollars


def design_in_words(results):
    """Return what was swept: title, design, points, runs of each, seed, and how many runs failed."""
    sweep, failed = results.sweep, len(results.failures)
    named = f"{textwrap.shorten(sweep['title'], LONGEST_TITLE, placeholder=' ...')}: " if sweep["title"] else ""
    size = {"morris": f", {sweep['plan']['size']} trajectories", "sobol": f", {sweep['plan']['size']} blocks"}.get(sweep["method"], "")
    runs = f"{sweep['runs_a_point']} run{'s' if sweep['runs_a_point'] > 1 else ''} each"
    method = sweep["method"].replace("_", " ").capitalize()
    return (f"{named}{method} design{size}, {sweep['points']:,} points, {runs}, seed {results.manifest['seed']}"
            + (f"; {failed} run{'s' if failed > 1 else ''} failed" if failed else ""))


def meaning(factor, width=MEANING_WIDTH):
    """Return what a factor means, in a few words."""
    first = factor.get("says", "").split(";")[0].split(":")[0].rstrip(".")
    return textwrap.shorten(first, width, placeholder=" ...")


def measured(metric, results):
    """Return the metric's entry in the catalogue of the swept configuration, None for what is not the market's."""
    cast = (results.manifest.get("configuration") or {}).get("cast") or {}
    named = ([slug(agent["name"]) for agent in cast.get(kind, ())] for kind in ("clouds", "makers"))
    return next((known for known in catalogue(*named) if known.name == metric), None)


def metric_title(metric, results):
    """Return what a metric is called in a title."""
    known = measured(metric, results)
    return capital(metric_name(metric, known.says.split(";")[0] if known else metric.replace("_", " ")))


def scale_of(metric, results):
    """Return by what a metric is multiplied for people, and its unit then."""
    known = measured(metric, results)
    if metric.startswith("hhi_"):
        return float(HHI_POINTS), HHI_UNIT
    if known and known.unit == "share":
        return 100.0, "percentage points"
    return 1.0, known.unit if known else "in its own unit"

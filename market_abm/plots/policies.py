"""What each policy changes: a forest plot, one panel a metric, one line a policy, with theory's sign."""

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from market_abm.metrics.catalogue import catalogue
from market_abm.plots.style import INK, PALETTE, heading, look
from market_abm.studies import effects
from market_abm.studies.names import HHI_POINTS, capital, metric_name, policy_name

MOST_PANELS, COLUMNS, NAME_WIDTH, TITLE_WIDTH = 6, 3, 24, 44
UNITS = {"0 to 1": "(0 to 1)", "count": "", "ratio": "", "1": ""}
VERDICTS = {  # marker, colour, filled
    "agree": ("o", PALETTE[0], True), "disagree": ("X", PALETTE[3], True), "inconclusive": ("o", INK, False), "ambiguous": ("s", "#767676", True),
}
WORDS = {"agree": "as theory expects", "disagree": "against theory", "inconclusive": "inconclusive", "ambiguous": "theory has no sign"}
ARROWS = {"+": "\u2191", "-": "\u2193", "0": "0", "\u00b1": "\u00b1", "": "?"}


def draw(study):
    """Draw the effects of every policy on each metric in the first quarter compared, in per cent of the baseline."""
    quarter = study.effects[0]["quarter"] if study.effects else ""
    metrics = list(dict.fromkeys(row["metric"] for row in study.effects))[:MOST_PANELS]
    policies = list(dict.fromkeys(row["lever"] for row in study.effects))
    columns = max(1, min(COLUMNS, len(metrics)))
    rows = max(1, -(-len(metrics) // columns))
    with look():
        figure = Figure(figsize=(3.7 * columns + 2.2, rows * (0.42 * len(policies) + 1.15) + 1.5), layout="constrained")
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for place, axes in enumerate(grid.flat):
            if place >= len(metrics):
                axes.set_axis_off()
                continue
            chosen = {row["lever"]: row for row in study.effects if row["metric"] == metrics[place] and row["quarter"] == quarter}
            _panel(axes, metrics[place], chosen, policies)
        for axes in grid[:, 0]:
            axes.set_yticks(range(len(policies)), [_wrapped(name) for name in policies], parse_math=False)  # a file's name may hold dollars
        _legend(figure, study)
        heading(figure, f"What would each rule change in {quarter}?", study.baseline,
                "\ndifference from the baseline on the same seeds, % of its mean (its own unit where that is 0)"
                "\nthick: 95% interval of the mean, thin: 5 to 95% of seeds")
    return figure


def _panel(axes, metric, chosen, policies):
    level, unit, scale = _measure(next(iter(chosen.values())))
    axes.axvline(0, color=INK, linewidth=0.9)
    for height, policy in enumerate(policies):
        if policy in chosen:
            _line(axes, height, chosen[policy], scale)
    axes.set_ylim(len(policies) - 0.5, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value == 0 else _per_cent(value) if scale else f"{value:+.3g}"))
    axes.set_title("\n".join([*textwrap.wrap(title_of(metric), TITLE_WIDTH)[:2], f"baseline {level}{unit}"]), fontsize="small")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="#e8e8e8", linewidth=6, zorder=0)
    axes.set_axisbelow(True)


def _line(axes, height, row, scale):
    """Draw one policy: spread, interval, mean by verdict, and theory's sign at the right edge; without a scale in the metric's unit."""
    scale = scale or 1.0
    axes.annotate(ARROWS[row["predicted_sign"]], (1.0, height), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
                  va="center", ha="center", fontsize="medium", color=INK, annotation_clip=False)
    if not np.isfinite(row["difference"] * scale):
        axes.annotate("no figure", (0, height), va="center", fontsize="x-small", color=INK)
        return
    colour = VERDICTS[row["verdict"]][1]
    axes.plot([row["p05"] * scale, row["p95"] * scale], [height, height], color=colour, linewidth=0.9, alpha=0.8, zorder=2)
    if np.isfinite(row["low"]):
        axes.plot([row["low"] * scale, row["high"] * scale], [height, height], color=colour, linewidth=3.6, zorder=3, solid_capstyle="butt")
    axes.plot([row["difference"] * scale], [height], markersize=8, zorder=4, **_look_of(row["verdict"]))


def _look_of(verdict):
    """Return marker and colours of a verdict."""
    marker, colour, filled = VERDICTS[verdict]
    return {"marker": marker, "color": colour, "markeredgecolor": "white" if filled else INK, "markerfacecolor": colour if filled else "white"}


def _legend(figure, study):
    """Explain markers that occur, and the arrows."""
    there = [verdict for verdict in VERDICTS if any(row["verdict"] == verdict for row in study.effects)]
    handles = [Line2D([], [], linestyle="", markersize=8, **_look_of(verdict)) for verdict in there]
    labels = [WORDS[verdict] for verdict in there]
    handles.append(Line2D([], [], linestyle=""))
    labels.append("right of each panel, theory: \u2191 more, \u2193 less, 0 none, \u00b1 either, ? silent")
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize="small", handletextpad=0.3, columnspacing=1.4)


def says(study):
    """Tell the effects that chance does not explain, metric by metric."""
    quarter = study.effects[0]["quarter"] if study.effects else ""
    told = []
    for metric in list(dict.fromkeys(row["metric"] for row in study.effects))[:MOST_PANELS]:
        rows = [row for row in study.effects if row["metric"] == metric and row["quarter"] == quarter]
        found = [f"{policy_name(row['lever'])} {_change(row)}" for row in rows if effects.found(row)]
        told.append(f"{title_of(metric)}: {', '.join(found) or 'nothing told from zero'}")
    return (f"Forest plot: mean difference of each policy from the baseline in {quarter}, in per cent, with 95% intervals and theory's sign. "
            f"Found after correction for many comparisons: {'. '.join(told)}.")


def _wrapped(policy):
    return "\n".join(textwrap.wrap(policy_name(policy), NAME_WIDTH, max_lines=3, placeholder=" ..."))


def title_of(metric):
    """Return what a metric is called in a title."""
    says = {known.name: known.says for known in catalogue(())}
    return capital(metric_name(metric, says.get(metric, metric.replace("_", " ")).split(";")[0]))


def _measure(row):
    """Return the baseline's level, its unit, and what turns a difference into per cent of it: None where it is 0 or unknown."""
    level, unit = row["baseline"], row["unit"]
    scale = 100 / abs(level) if level and np.isfinite(level) else None
    if scale and row["metric"].startswith("hhi_"):
        return f"{level * HHI_POINTS:,.0f}", " points", scale
    if scale and unit == "share":
        return f"{level:.0%}", "", scale
    return _amount(level), f" {UNITS.get(unit, unit)}".rstrip(), scale


def _change(row):
    _, unit, scale = _measure(row)
    return _per_cent(row["difference"] * scale) if scale else f"{row['difference']:+.3g}{unit}"


def _per_cent(value):
    return f"{value:+.0f}%" if abs(value) >= 10 else f"{value:+.2g}%"


def _amount(value):
    return "none" if not np.isfinite(value) else f"{value:,.3g}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.2g}"

"""Which assumptions matter: the indices of a Morris or Sobol sweep, a panel a metric, the largest on top, and beside them chance.

Morris's mu_star and sigma stand on one line a factor and on one axis, for they have one unit. The usual scatter of one against the other
cannot be labelled with ten factors: those that one may fix lie on a heap at zero, and they are what one looks for.
"""

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from market_abm.plots.style import GREY, INK, PALETTE, look
from market_abm.plots.swept import meaning, metric_title, number, scale_of, sweep_heading
from market_abm.sweeps.sensitivity import SEED

MOST_PANELS, COLUMNS, MOST_FACTORS, TITLE_WIDTH = 6, 2, 20, 52
WITH_MEANING, MEANING_WIDTH, KEY_WIDTH = 12, 38, 48  # more factors get no meaning; letters a line
SHIFT = 0.15  # rows between the two points of a factor
WIDEST = (-0.5, 1.5)  # intervals of Sobol indices are cut there: those of few blocks would flatten all points
MAIN = {"sobol": ("S1", "ST"), "morris": ("mu_star", "sigma")}
FIRST, SECOND, CHANCE = PALETTE[0], PALETTE[1], PALETTE[4]
FAINT = "#6a6a6a"
LOOKS = {  # of a point
    "S1": {"marker": "o", "color": FIRST, "markerfacecolor": FIRST}, "ST": {"marker": "s", "color": SECOND, "markerfacecolor": "white"},
    "mu_star": {"marker": "o", "color": FIRST, "markerfacecolor": FIRST}, "sigma": {"marker": "s", "color": SECOND, "markerfacecolor": "white"},
    "noise_share": {"marker": "D", "color": CHANCE, "markerfacecolor": CHANCE},
    "noise_share_of_means": {"marker": "D", "color": CHANCE, "markerfacecolor": "white"},
}
WORDS = {
    "S1": "S1: the factor alone", "ST": "ST: with all its interactions",
    "mu_star": "mu_star: mean size of the effect", "sigma": "sigma: how much the effect differs from place to place (interaction or curvature)",
    "noise_share": "chance: share of the variance of one run", "noise_share_of_means": "what is left of it in the means that the indices rest on",
}
READ = {
    "sobol": "share of the variance of a metric's mean over runs; bars: blue the factor alone, orange what it does together with others"
             "\nlines: 95% intervals (an arrow where one is cut); an index below 0 or above 1 is an error of sampling",
    "morris": "what a step across the factor's whole range does to the metric; lines: 95% intervals"
              "\nright of each panel, more of the factor: \u2191 raises the metric, \u2193 lowers it, \u00b1 either or unclear, 0 nothing",
}


def draw(told, results):
    """Draw the indices of every factor on each metric in the first quarter told of."""
    metrics = _metrics(told)[:MOST_PANELS]
    factors, columns = len(results.factors), max(1, min(COLUMNS, len(metrics)))
    rows = max(1, -(-len(metrics) // columns))
    pitch = 0.47 if factors <= WITH_MEANING else 0.27
    with look():
        figure = Figure(figsize=(6.4 * columns if columns > 1 else 8.6, rows * (pitch * (min(factors, MOST_FACTORS) + 1.6) + 0.9) + 1.7),
                        layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        sobol = results.sweep["method"] == "sobol"
        for place, axes in enumerate(grid.flat):
            if sobol:
                axes.set_xlim(_limits(told))  # before the points: what is cut depends on it
            if place < len(metrics):
                _panel(axes, metrics[place], told, results)
            else:
                axes.set_axis_off()
        _legend(figure, told, results.sweep["method"])
        notes = [*_left_out(told), *READ[results.sweep["method"]].split("\n")]
        sweep_heading(figure, f"Which assumptions matter in {_quarter(told)}?", results, notes)
    return figure


def says(told, results):
    """Tell the factors of each metric with their index, the largest first, and the share of chance."""
    main = "ST" if results.sweep["method"] == "sobol" else "mu_star"
    name = "total Sobol indices" if main == "ST" else "mean size of elementary effects (mu_star)"
    sentences = []
    for metric in _metrics(told)[:MOST_PANELS]:
        lines, chance = ranked(told, metric, results)
        scale, unit = scale_of(metric, results) if main == "mu_star" else (1.0, "")
        factors = [f"{key} {number(found[main]['value'] * scale)}" for key, found in lines.items() if main in found]
        sentences.append(f"{metric_title(metric, results)}{f' ({unit})' if unit else ''}: {', '.join(factors)}; chance: {_chance_in_words(chance)}")
    return (f"Panels, one a metric, with a line a factor: {name} in {_quarter(told)}, the largest first, with 95% intervals. "
            f"{'. '.join(sentences)}.")


def ranked(told, metric, results):
    """Return ({factor: {index: row}} with the largest first and those without a figure last, {index: row} of chance) in the first quarter."""
    first = MAIN[results.sweep["method"]][0 if results.sweep["method"] == "morris" else 1]
    found = {}
    for row in told.rows:
        if row["metric"] == metric and row["quarter"] == _quarter(told):
            found.setdefault(row["parameter"], {})[row["index"]] = row
    chance = found.pop(SEED, {})
    known = {key: indices[first]["value"] if first in indices else np.nan for key, indices in found.items()}
    order = sorted(found, key=lambda key: -known[key] if np.isfinite(known[key]) else np.inf)
    return {key: found[key] for key in order}, chance


def _panel(axes, metric, told, results):
    """Draw one metric: a line a factor, and under a rule the line of chance."""
    lines, chance = ranked(told, metric, results)
    factors = {factor["key"]: factor for factor in results.factors}
    shown, sobol = list(lines)[:MOST_FACTORS], results.sweep["method"] == "sobol"
    scale, unit = (1.0, "share of variance") if sobol else scale_of(metric, results)
    for height, key in enumerate(shown):
        _tints(axes, height, lines[key]) if sobol else _direction(axes, height, lines[key].get("mu"), factors.get(key, {}))
        _points(axes, height, [lines[key].get(index) for index in MAIN[results.sweep["method"]]], scale)
    last = len(shown) + 0.2
    axes.axhline(len(shown) - 0.4, color=GREY, linewidth=0.8)
    if sobol and chance:
        _points(axes, last, [chance.get("noise_share"), chance.get("noise_share_of_means")])
    else:
        axes.annotate(_chance_in_words(chance).replace(", ", "\n"), (0.02, last), xycoords=("axes fraction", "data"), va="center", fontsize="x-small",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    meanings = ["\n".join(textwrap.wrap(meaning(factors.get(key, {})), MEANING_WIDTH)) for key in shown]
    of_chance = "filled: one run; open: means over runs" if sobol and chance else ""
    _labels(axes, [*range(len(shown)), last], [*shown, "chance (seed)"], [*meanings, of_chance] if len(lines) <= WITH_MEANING else [])
    _dress(axes, last, metric_title(metric, results), unit, sobol)
    if len(lines) > len(shown):
        axes.annotate(f"{len(lines) - len(shown)} smaller factors are not drawn", (1, last), xycoords=("axes fraction", "data"),
                      ha="right", va="center", fontsize="x-small", style="italic")


def _dress(axes, last, title, unit, sobol):
    axes.set_ylim(last + 0.6, -0.6)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9 if sobol else 6, steps=[1, 2.5, 5, 10] if sobol else None))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0) if sobol else FuncFormatter(lambda value, _: number(value)))
    if not sobol:
        axes.set_xlim(left=min(0, axes.get_xlim()[0]))
    axes.set_xlabel(unit, fontsize="small", parse_math=False)
    axes.set_title("\n".join(textwrap.wrap(title, TITLE_WIDTH)[:2]), fontsize="medium", parse_math=False)
    axes.grid(axis="x", color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)


def _labels(axes, heights, keys, meanings):
    """Write each key beside its line, and under it in small letters what it means."""
    lift = 0.2 if meanings else 0.0
    axes.set_yticks([height - lift for height in heights], [textwrap.shorten(key, KEY_WIDTH, placeholder="...") for key in keys],
                    parse_math=False, fontsize="small")
    axes.set_yticks([height - 0.02 for height in heights] if meanings else [], meanings, minor=True,
                    parse_math=False, fontsize="x-small", color=FAINT, va="top", linespacing=1.0)
    axes.tick_params(axis="y", which="both", length=0)


def _points(axes, height, rows, scale=1.0):
    """Draw two indices of a line, one a little above the other, each with its interval."""
    for row, shift in zip(rows, (-SHIFT, SHIFT), strict=True):
        if row is None:
            continue
        value, low, high = (row[name] * scale for name in ("value", "low", "high"))
        if not np.isfinite(value):
            axes.annotate(f"no figure of {row['index']}", (0, height + shift), va="center", fontsize="x-small", color=INK)
            continue
        shown = LOOKS[row["index"]]
        if np.isfinite(low) and np.isfinite(high):
            axes.plot([low, high], [height + shift] * 2, color=shown["color"], linewidth=1.6, zorder=3, solid_capstyle="butt")
            _mark_cuts(axes, height + shift, row, shown["color"])
        axes.plot([value], [height + shift], linestyle="", markersize=6.5, zorder=4, label=row["index"], **shown)


def _mark_cuts(axes, height, row, colour):
    """Put an arrow where an interval of a share runs out of the axis."""
    if row["index"] not in MAIN["sobol"]:
        return
    left, right = axes.get_xlim()
    for end, edge, marker, runs_out in ((row["low"], 0, "<", row["low"] < left), (row["high"], 1, ">", row["high"] > right)):
        if runs_out:
            axes.plot([edge], [height], transform=axes.get_yaxis_transform(), marker=marker, markersize=5, color=colour, clip_on=False,
                      label=f"cut at {end:.3g}")


def _tints(axes, height, found):
    """Draw under the points what is the factor alone and what it does together with others."""
    alone, total = (found[name]["value"] if name in found else np.nan for name in MAIN["sobol"])
    if not np.isfinite(alone + total):
        return
    alone = min(max(alone, 0.0), max(total, 0.0))
    axes.barh(height, alone, height=0.62, color=FIRST, alpha=0.22, zorder=2, linewidth=0)
    axes.barh(height, max(total, 0.0) - alone, left=alone, height=0.62, color=SECOND, alpha=0.25, zorder=2, linewidth=0)


def _direction(axes, height, mu, factor):
    """Say at the right edge where more of a factor takes the metric; names have no more and less."""
    if mu is None or factor.get("options") or not np.isfinite(mu["value"]) or any(isinstance(value, str) for value in factor.get("values", ())):
        return
    low, high = (mu[end] if np.isfinite(mu[end]) else mu["value"] for end in ("low", "high"))
    sign = "0" if low == high == 0 else "\u2191" if low > 0 else "\u2193" if high < 0 else "\u00b1"
    axes.annotate(sign, (1.0, height), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
                  va="center", ha="center", fontsize="medium", annotation_clip=False)


def _limits(told):
    """Return where the axis of shares begins and ends: all points are seen, and intervals up to a bound."""
    drawn, indices = _metrics(told)[:MOST_PANELS], (*MAIN["sobol"], "noise_share", "noise_share_of_means")
    shares = [row for row in told.rows if row["index"] in indices and row["metric"] in drawn and row["quarter"] == _quarter(told)]
    ends = [np.clip(row[end], *WIDEST) for row in shares for end in ("low", "high") if np.isfinite(row[end])]
    all_of_them = [0.0, 1.0, *ends, *(row["value"] for row in shares if np.isfinite(row["value"]))]
    margin = 0.03 * (max(all_of_them) - min(all_of_them))
    return min(all_of_them) - margin, max(all_of_them) + margin


def _legend(figure, told, method):
    there = {row["index"] for row in told.rows} - (set() if method == "sobol" else {"noise_share", "noise_share_of_means"})
    handles = [Line2D([], [], linestyle="", markersize=6.5, label=words, **LOOKS[index]) for index, words in WORDS.items() if index in there]
    if method == "sobol":
        handles.insert(2, Patch(color=SECOND, alpha=0.25, label="interaction: ST less S1"))
    figure.legend(handles=handles, loc="outside lower left", ncols=1 if len(figure.axes) == 1 else 3, frameon=False, fontsize="small",
                  handletextpad=0.4, columnspacing=1.4)


def _left_out(told):
    """Say which metrics and quarters the picture has no room for."""
    quarters, metrics = list(dict.fromkeys(row["quarter"] for row in told.rows)), _metrics(told)
    said = [f"the first of {len(quarters)} quarters told of"] if len(quarters) > 1 else []
    return said + ([f"the first {MOST_PANELS} of {len(metrics)} metrics"] if len(metrics) > MOST_PANELS else [])


def _metrics(told):
    return list(dict.fromkeys(row["metric"] for row in told.rows))


def _quarter(told):
    return told.rows[0]["quarter"]


def _chance_in_words(chance):
    """Return the share of chance of one run and of the means over runs, in words."""
    if "noise_share" not in chance or not np.isfinite(chance["noise_share"]["value"]):
        return "unknown: one run a point" if not chance else "no figure"
    one, means = chance["noise_share"], chance.get("noise_share_of_means", {"value": np.nan})
    interval = f" ({one['low']:.0%} to {one['high']:.0%})" if np.isfinite(one["low"]) and np.isfinite(one["high"]) else ""
    left = f", {means['value']:.0%} of that of the means over runs" if np.isfinite(means["value"]) else ""
    return f"{one['value']:.0%}{interval} of the variance of one run{left}"

"""Who owns the world's AI compute, and how concentrated that is."""

import warnings

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from market_abm.plots.style import GREY, INK, PALETTE, last_of_history, look, mark_projection, save, span, years
from market_abm.units import slug

SHARE = "share_owned_"
HHI_POINTS = 10_000
HIGHLY_CONCENTRATED = 1800  # US Merger Guidelines, 18 December 2023, guideline 1
TOGETHER = {"neocloud": "neoclouds", "everybody_else": "everybody else"}  # kinds drawn as one band
LABEL_GAP = 0.04
CURVES = (("hhi_compute_owned", "AI compute owned", PALETTE[0]), ("hhi_chip_sales", "chip sales", PALETTE[1]))


def draw(result, path):
    """Draw owners' shares and both HHI through time; return the files written."""
    with look():
        figure = Figure(figsize=(9, 8.5), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1.25, 1))
        _draw_shares(upper, result)
        _draw_concentration(lower, result)
        lower.set_xlabel("year")
        lower.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        lower.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
        title = result.config.frame.title or "Who owns the world's AI compute"
        failed = len({failure["run"] for failure in result.failures})
        left_out = f"; {failed} failed and are left out from then on" if failed else ""
        figure.suptitle(f"{title}\n{result.runs} simulated runs, seed {result.seed}{left_out}", x=0.01, ha="left", fontsize="large")
        return save(figure, path)


def bands(result):
    """Return {owner: mean share over runs by quarter}, neoclouds summed, everybody else last."""
    kinds = {slug(cloud.name): cloud.kind for cloud in result.config.cast.clouds}
    names = {slug(cloud.name): cloud.name for cloud in result.config.cast.clouds}
    alone, together = {}, {}
    for metric in (name for name in result.names if name.startswith(SHARE)):
        owner, share = metric.removeprefix(SHARE), _mean(result.metric(metric))
        kind = kinds.get(slug(owner))
        if kind in TOGETHER:
            together[TOGETHER[kind]] = together.get(TOGETHER[kind], 0.0) + share
        elif share.any():
            alone[_readable(names.get(slug(owner), owner))] = share
    return alone | {name: together[name] for name in TOGETHER.values() if name in together}


def _draw_shares(axes, result):
    shares, x = bands(result), years(result.labels)
    axes.set(ylim=(0, 1), ylabel="share of AI compute owned\n(% of the world's FLOP/s, mean over runs)", xlim=span(x))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    if not shares:
        return
    colours = [GREY if name == TOGETHER["everybody_else"] else PALETTE[i % len(PALETTE)] for i, name in enumerate(shares)]
    axes.stackplot(x, *shares.values(), colors=colours, edgecolor="white", linewidth=0.8)
    mark_projection(axes, result, veil=0.25)
    _label_bands(axes, shares)


def _label_bands(axes, shares):
    """Name each band at its right end, moving names apart where bands are thin."""
    last = np.array([share[-1] for share in shares.values()])
    middles = np.cumsum(last) - last / 2
    heights = _apart(middles, LABEL_GAP)
    for name, share, middle, height in zip(shares, last, middles, heights, strict=True):
        axes.annotate(f"{name} {share:.0%}", (1, middle), xycoords="axes fraction", xytext=(1.05, height), textcoords="axes fraction",
                      va="center", fontsize="small", annotation_clip=False, arrowprops={"arrowstyle": "-",
                                   "linewidth": 0.5, "color": INK, "relpos": (0, 0.5)})


def _draw_concentration(axes, result):
    x, place = np.array(years(result.labels)), last_of_history(result)
    for metric, label, colour in CURVES:
        if metric not in result.names:
            continue
        low, median, high = _quantiles(result.metric(metric) * HHI_POINTS, (0.05, 0.5, 0.95))
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(x[: place + 1], median[: place + 1], color=colour, linewidth=2)
        axes.plot(x[max(place, 0) :], median[max(place, 0) :], color=colour, linewidth=2, linestyle=(0, (4, 2)))
        axes.plot([], [], color=colour, linewidth=2, label=label)
    axes.axhline(HIGHLY_CONCENTRATED, color=INK, linewidth=1)
    axes.annotate("above 1,800: highly\nconcentrated (US Merger\nGuidelines, 2023)", (1.0, HIGHLY_CONCENTRATED),
                  xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points", va="center", fontsize="small")
    axes.set(ylim=(0, None), ylabel="HHI (points, 0 to 10,000)\nmedian and 5 to 95% of runs", xlim=span(x))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    mark_projection(axes, result)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize="small")


def _apart(heights, gap):
    """Move heights as little as possible until neighbours are a gap apart (least squares, pooling neighbours)."""
    blocks = []  # [mean of height - place * gap, members]
    for place, height in enumerate(heights):
        blocks.append([height - place * gap, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, members = blocks.pop()
            below, others = blocks[-1]
            blocks[-1] = [(below * others + mean * members) / (others + members), others + members]
    levels = [mean for mean, members in blocks for _ in range(members)]
    return [level + place * gap for place, level in enumerate(levels)]


def _mean(values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a quarter that every run failed to reach is empty
        return np.nan_to_num(np.nanmean(values, axis=1))


def _quantiles(values, levels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanquantile(values, levels, axis=1)


def _readable(name):
    return name.replace("_", " ").capitalize() if name.islower() else name

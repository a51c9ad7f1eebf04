"""Who owns the world's AI compute: shares of owners, stacked."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from market_abm.plots.style import GREY, INK, PALETTE, apart, heading, look, mark_projection, mean, stacked, told_quarters, year_axis
from market_abm.units import slug

SHARE = "share_owned_"
TOGETHER = {"startup_pool": "startups' own chips", "neocloud": "neoclouds", "everybody_else": "everybody else"}  # kinds drawn as one band
UNNAMED = "new firms, not named"
LABEL_GAP = 0.042
SEEN = 0.002  # a band thinner than this is not drawn


def draw(result):
    """Draw owners' shares of AI compute through time."""
    shares = bands(result)
    with look():
        figure = Figure(figsize=(9, 5.4), layout="constrained")
        axes = figure.subplots()
        axes.set(ylim=(0, 1), ylabel="share of AI compute owned\n(% of the world's FLOP/s, mean over runs)", xlabel="year")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        year_axis(axes, result)
        if shares:
            colours = [GREY if name == TOGETHER["everybody_else"] else PALETTE[i % len(PALETTE)] for i, name in enumerate(shares)]
            stacked(axes, result, shares.values(), colours, linewidth=0.8)
            _label_bands(axes, shares)
        mark_projection(axes, result, veil=0.25)
        heading(figure, "Who owns the world's AI compute?", result)
    return figure


def bands(result):
    """Return {owner: mean share over runs by quarter}, neoclouds summed, everybody else last."""
    kinds = {slug(cloud.name): cloud.kind for cloud in result.config.cast.clouds}
    names = {slug(cloud.name): cloud.name for cloud in result.config.cast.clouds}
    alone, together, everything = {}, {}, np.zeros(len(result.labels))
    for metric in (name for name in result.names if name.startswith(SHARE)):
        owner, share = metric.removeprefix(SHARE), np.nan_to_num(mean(result.metric(metric)))
        kind, everything = kinds.get(owner), everything + share
        if kind in TOGETHER:
            together[TOGETHER[kind]] = together.get(TOGETHER[kind], 0.0) + share
        elif share.any():
            alone[_readable(names.get(owner, owner))] = share
    rest = np.where(everything > 0, np.maximum(0.0, 1.0 - everything), 0.0)
    alone |= {UNNAMED: rest} if alone and rest.max() > SEEN else {}  # firms carved out of others have no metric of their own
    return alone | {name: together[name] for name in TOGETHER.values() if name in together}


def _label_bands(axes, shares):
    """Name each band at its right end, moving names apart where bands are thin."""
    last = np.array([share[-1] for share in shares.values()])
    middles = np.cumsum(last) - last / 2
    for name, share, middle, height in zip(shares, last, middles, apart(list(middles), LABEL_GAP), strict=True):
        axes.annotate(f"{name} {_per_cent(share)}", (1, middle), xycoords="axes fraction", xytext=(1.05, height), textcoords="axes fraction",
                      va="center", fontsize="small", annotation_clip=False, parse_math=False,
                      arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": INK, "relpos": (0, 0.5)})


def says(result):
    """Tell each owner's share at the dates that matter."""
    shares, told = bands(result), []
    for quarter in told_quarters(result):
        place = result.labels.index(quarter)
        parts = [f"{name} {_per_cent(share[place])}" for name, share in shares.items() if share[place] >= SEEN]
        told.append(f"{quarter}: {', '.join(parts) or 'no figures'}")
    return f"Stacked areas: each owner's share of the world's AI compute by year, mean over runs. {'. '.join(told)}."


def _per_cent(share):
    return "under 1%" if 0 < share < 0.005 else f"{share:.0%}"


def _readable(name):
    return name.replace("_", " ").capitalize() if name.islower() else name

"""How concentrated each market is: one small panel a market, all but chips on one scale."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from market_abm.plots.style import INK, PALETTE, at, band, heading, look, mark_projection, told_quarters, year_axis
from market_abm.studies import names
from market_abm.studies.names import HHI_POINTS, HIGHLY, MODERATELY

BASES = ("chip_sales", "compute_owned", "compute_energised", "contracted_mw", "compute_rented", "cloud_revenue", "ai_revenue", "training_flop")
MARKETS = {f"hhi_{base}": names.MARKETS[base] for base in BASES}  # metric: what its market is
COLUMNS = 4
APART = "hhi_chip_sales"  # several times as concentrated as the others: it would flatten them


def draw(result):
    """Draw the Herfindahl-Hirschman index of every market that was measured."""
    markets = [metric for metric in MARKETS if metric in result.names]
    rows, columns = -(-len(markets) // COLUMNS), min(COLUMNS, len(markets))
    with look():
        figure = Figure(figsize=(3.1 * columns + 0.6, 2.75 * rows + 1.0), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
        for place, axes in enumerate(grid.flat):
            if place >= len(markets):
                axes.set_axis_off()
                continue
            _panel(axes, result, markets[place], leftmost=place % columns == 0)
        panels = dict(zip(markets, grid.flat, strict=False))
        top = max([HIGHLY * 1.25, *(axes.get_ylim()[1] for metric, axes in panels.items() if metric != APART)])
        for metric, axes in panels.items():
            axes.set_ylim(0, HHI_POINTS if metric == APART else min(top, HHI_POINTS))
        if APART in panels:
            panels[APART].annotate("own scale", (0.97, 0.97), xycoords="axes fraction", ha="right", va="top", fontsize="small", style="italic")
        heading(figure, "How concentrated is each market?", result,
                "\nmedian and 5 to 95% of runs; thick: years with facts, thin: projection; above the line at 1,800: highly concentrated"
                "\n(US Merger Guidelines 2023); dotted: 1,000")
    return figure


def _panel(axes, result, metric, leftmost):
    band(axes, result, metric, PALETTE[0], scale=HHI_POINTS)
    axes.axhline(HIGHLY, color=INK, linewidth=0.9)
    axes.axhline(MODERATELY, color=INK, linewidth=0.6, linestyle=":")
    axes.set_title(MARKETS[metric], fontsize="medium")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if leftmost:
        axes.set_ylabel("HHI (points)")
    axes.set_xlabel("year")
    axes.label_outer(remove_inner_ticks=False)
    axes.tick_params(labelleft=True)
    year_axis(axes, result)
    mark_projection(axes, result, named=False)


def says(result):
    """Tell the median index of each market at the dates that matter."""
    quarters = told_quarters(result)
    told = []
    for metric, market in MARKETS.items():
        figures = [(quarter, at(result, metric, quarter) * HHI_POINTS) for quarter in quarters]
        known = [f"{value:,.0f} in {quarter}" for quarter, value in figures if np.isfinite(value)]
        if known:
            told.append(f"{market} {', '.join(known)}")
    return ("Small panels, one a market, of the Herfindahl-Hirschman index in points (0 to 10,000) by year, with a line at 1,800, above which "
            f"US guidelines call a market highly concentrated. Medians: {'; '.join(told) or 'no figures'}.")

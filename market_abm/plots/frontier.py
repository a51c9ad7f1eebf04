"""The race: the largest training run and its cluster, beside published runs and what two essays expected."""

import numpy as np
from matplotlib.figure import Figure

from market_abm.essays.second_essay import CLUSTER_GW, GPT3_FLOP, GPT4_FLOP, GPT4_STATED_FLOP, GROK3_FLOP
from market_abm.plots.style import INK, PALETTE, at, band, heading, logarithmic, look, mark_projection, span, told_quarters, year_axis, years

PUBLISHED, STATED = "published (Epoch AI)", "as an essay of 2024 has it"
PANELS = (  # metric, title, axis, {series: ((year, value, name), ...)}; without a name: where a line ends that nobody stated a point of
    ("frontier_run_flop", "The quarter's largest training run", "FLOP (physical)", {
        PUBLISHED: ((2020.4, GPT3_FLOP, "GPT-3"), (2023.2, GPT4_FLOP, "GPT-4"), (2025.1, GROK3_FLOP, "Grok-3")),
        STATED: ((2022.5, GPT4_STATED_FLOP, "GPT-4"), (2024.5, 10 * GPT4_STATED_FLOP, "2024"), (2028.5, 1000 * GPT4_STATED_FLOP, ""))}),
    ("largest_cluster_mw", "Power of its cluster", "MW", {
        PUBLISHED: ((2023.2, 20, "GPT-4"), (2025.1, 137, "Grok-3")),
        STATED: ((2026.5, 1_000, "1 GW"), (2028.5, 1000 * CLUSTER_GW, "10 GW"))}),
)
MARKS = {PUBLISHED: ("o", INK, 55), STATED: ("D", PALETTE[1], 45)}


def draw(result):
    """Draw frontier compute and cluster power on logarithmic axes, with the points that others have given."""
    with look():
        figure = Figure(figsize=(11.5, 5.2), layout="constrained")
        for axes, panel in zip(figure.subplots(1, 2), PANELS, strict=True):
            _panel(axes, result, *panel)
        heading(figure, "How far does the race go?", result,
                "\nsimulated: median and 5 to 95% of runs; thick: years with facts, thin: projection; the essay's line is tenfold every two years")
    return figure


def _panel(axes, result, metric, title, unit, series):
    axes.set_title(title, fontsize="medium", pad=16)
    axes.set(ylabel=f"{unit}, logarithmic", xlabel="year")
    logarithmic(axes, plain=unit == "MW")
    year_axis(axes, result)
    if metric in result.names and (np.nan_to_num(result.metric(metric)) > 0).any():
        band(axes, result, metric, PALETTE[0])
        axes.plot([], [], color=PALETTE[0], linewidth=2, label="simulated")
    left, right = span(years(result.labels))
    for name, points in series.items():
        shown = [(year, value, label) for year, value, label in points if left <= year <= right]
        if any(label for _, _, label in shown):
            _points(axes, name, shown)
    mark_projection(axes, result)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, loc="lower right", fontsize="small")


def _points(axes, name, points):
    """Draw one series of points, the essay's joined by its extrapolation."""
    marker, colour, size = MARKS[name]
    x, y = [point[0] for point in points], [point[1] for point in points]
    named = [point for point in points if point[2]]
    axes.scatter([point[0] for point in named], [point[1] for point in named], marker=marker, s=size, color=colour, edgecolor="white", zorder=5,
                 label=name)
    if name == STATED:
        axes.plot(x, y, color=colour, linewidth=1, linestyle=(0, (4, 2)), zorder=4)
    for year, value, label in points:
        above = name == STATED
        axes.annotate(label, (year, value), xytext=(-2 if above else 8, 6 if above else -4), textcoords="offset points",
                      ha="right" if above else "left", va="bottom" if above else "top", fontsize="small", zorder=6)


def _megawatts(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def says(result):
    """Tell the median run and cluster at the dates that matter."""
    told = []
    for quarter in told_quarters(result):
        flop, mw = at(result, "frontier_run_flop", quarter), at(result, "largest_cluster_mw", quarter)
        parts = [f"{flop:.1e} FLOP" if np.isfinite(flop) else "", f"{_megawatts(mw)} MW" if np.isfinite(mw) else ""]
        told.append(f"{quarter}: {' on '.join(part for part in parts if part) or 'no figures'}")
    return ("Two charts by year on logarithmic axes: FLOP of the largest training run, and MW of its cluster, beside published runs "
            "(GPT-3, GPT-4, Grok-3) and an essay's points, 1e26 FLOP in 2022, tenfold every two years, 1 GW in 2026 and 10 GW in 2028. "
            f"Medians of the simulation. {'; '.join(told)}.")

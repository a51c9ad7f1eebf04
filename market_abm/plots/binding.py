"""What binds whom: which constraint stops owners of compute and labs."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from market_abm.plots.style import GREY, INK, PALETTE, heading, look, mark_projection, mean, stacked, told_quarters, year_axis

PANELS = (  # title, axis, {metric: (label, colour, hatch)}
    ("Owners of compute, by their compute", "part of owners' compute",
     {"bound_by_power_owners": ("power", PALETTE[1], "||"), "bound_by_chips_owners": ("chips", PALETTE[0], "//"),
      "bound_by_money_owners": ("money", PALETTE[2], ".."), "bound_by_none_owners": ("nothing", GREY, "")}),
    ("Labs, by the research budgets that they want", "part of wanted budgets",
     {"bound_by_compute_labs": ("compute", PALETTE[0], "//"), "bound_by_money_labs": ("money", PALETTE[2], ".."),
      "bound_by_data_labs": ("text", PALETTE[3], "xx"),
      "bound_by_prize_labs": ("the prize", PALETTE[4], "\\\\"), "bound_by_ambition_labs": ("ambition", GREY, "")}),
)
LEAST = 0.005


def draw(result):
    """Draw the parts of owners and of labs that each constraint stops, mean over runs."""
    with look():
        figure = Figure(figsize=(11, 4.9), layout="constrained")
        for axes, panel in zip(figure.subplots(1, 2, sharey=True), PANELS, strict=True):
            _panel(axes, result, *panel)
        heading(figure, "What binds whom?", result)
    return figure


def _panel(axes, result, title, unit, constraints):
    parts = parts_of(result, constraints)
    axes.set_title(title, fontsize="medium", pad=16)
    axes.set(ylim=(0, 1), ylabel=f"{unit} (mean over runs)", xlabel="year")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    year_axis(axes, result)
    if parts:
        areas = stacked(axes, result, parts.values(), [constraints[metric][1] for metric in parts], linewidth=0.6)
        for area, metric in zip(areas, parts, strict=True):
            area.set_hatch(constraints[metric][2])
            area.set_label(constraints[metric][0])
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], title="stopped by", frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    mark_projection(axes, result, veil=0.2)
    axes.tick_params(colors=INK)


def parts_of(result, constraints):
    """Return {metric: mean part over runs by quarter} of the constraints that ever stop anybody."""
    parts = {metric: np.nan_to_num(mean(result.metric(metric))) for metric in constraints if metric in result.names}
    return {metric: part for metric, part in parts.items() if part.max() >= LEAST}


def says(result):
    """Tell what stops most at the dates that matter."""
    told = []
    for quarter in told_quarters(result):
        place = result.labels.index(quarter)
        for who, (_, _, constraints) in zip(("owners", "labs"), PANELS, strict=True):
            parts = [(part[place], constraints[metric][0]) for metric, part in parts_of(result, constraints).items() if part[place] >= LEAST]
            told.append(f"{who} in {quarter}: " + (", ".join(f"{name} {part:.0%}" for part, name in sorted(parts, reverse=True)) or "no figures"))
    return ("Two stacked charts by year of the part that each constraint stops, of owners' compute and of labs' wanted research budgets. "
            f"{'; '.join(told)}.")

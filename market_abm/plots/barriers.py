"""What it takes to get in: a person of compute, a frontier run beside a startup's funds, the wait for power."""

import numpy as np
from matplotlib.figure import Figure

from market_abm.essays.first_essay import PERSON_KW, PERSON_USD
from market_abm.plots.style import DASHES, INK, PALETTE, at, band, heading, label_ends, logarithmic, look, mark_projection, told_quarters, year_axis

PLACES = {"left": (0.02, "left", "top", -2), "right": (0.98, "right", "bottom", 2)}  # of a label on its line: where the lines seldom are
PANELS = (  # title, axis, log scale, {metric: label}, (figure to compare, its label, where that stands)
    ("A person of compute (20 PFLOP/s): price", "USD", True,
     {"person_of_compute_usd": "outsider buys", "person_of_compute_usd_insider": "insider buys",
      "person_year_usd_list": "outsider rents a year,\nlist price", "person_year_usd_insider": "insider's cost a year"},
     (PERSON_USD, "essay: 250,000 USD", "left")),
    ("A person of compute: power", "kW", True,
     {"person_of_compute_kw": "outsider", "person_of_compute_kw_insider": "insider"}, (PERSON_KW, "essay: 30 kW", "left")),
    ("Cost of a run over the median startup's funds", "ratio", True,
     {"capital_ratio_full_run": "the largest run", "capital_ratio_tenth_run": "a tenth of it"}, (1.0, "can just be paid", "right")),
    ("Waiting for power", "quarters", False,
     {"quoted_wait_quarters": "quoted:\nqueue over slots", "time_to_power_quarters": "till half have power,\nwithdrawals counted",
      "completed_wait_quarters": "of what was granted"}, None),
)


def draw(result):
    """Draw four panels of entry barriers, as far as they were measured."""
    with look():
        figure = Figure(figsize=(12, 7.6), layout="constrained")
        for axes, panel in zip(figure.subplots(2, 2, sharex=True).flat, PANELS, strict=True):
            _panel(axes, result, *panel)
        heading(figure, "What does it take to get in?", result, "\nmedian and 5 to 95% of runs; thick: years with facts, thin: projection")
    return figure


def _panel(axes, result, title, unit, on_log_scale, lines, mark):
    axes.set_title(title, fontsize="medium", pad=16)
    axes.set_ylabel(unit)
    axes.set_xlabel("year" if axes.get_subplotspec().is_last_row() else "")
    year_axis(axes, result)
    least = 0.0 if on_log_scale else -np.inf  # a logarithmic axis has no place for zero
    there = [metric for metric in lines if metric in result.names and (result.metric(metric) > least).any()]
    if on_log_scale and there:
        logarithmic(axes)
    ends = [(band(axes, result, metric, PALETTE[i], DASHES[i % len(DASHES)]), lines[metric], PALETTE[i]) for i, metric in enumerate(there)]
    if not on_log_scale:
        axes.set_ylim(bottom=0)
    if mark is not None and there:
        axes.axhline(mark[0], color=INK, linewidth=1, linestyle=(0, (1, 2)))
        x, ha, va, offset = PLACES[mark[2]]
        axes.annotate(mark[1], (x, mark[0]), xycoords=("axes fraction", "data"), xytext=(0, offset), textcoords="offset points",
                      fontsize="small", va=va, ha=ha)
        axes.set_ylim(bottom=min(axes.get_ylim()[0], mark[0] * 0.7))  # room for the label
    mark_projection(axes, result)
    label_ends(axes, ends, gap=0.11 if len(there) > 2 else 0.07)


def says(result):
    """Tell the median barriers at the dates that matter."""
    told = []
    for quarter in told_quarters(result):
        price, power, ratio, wait = (at(result, metric, quarter) for metric in (
            "person_of_compute_usd", "person_of_compute_kw", "capital_ratio_full_run", "time_to_power_quarters"))
        parts = [f"a person of compute costs {price:,.0f} USD" if np.isfinite(price) else "",
                 f"and draws {power:.3g} kW" if np.isfinite(power) else "",
                 f"the largest run costs {ratio:.3g} times the median startup's funds" if np.isfinite(ratio) else "",
                 f"half of requested power takes {wait:.3g} quarters" if np.isfinite(wait) else ""]
        told.append(f"In {quarter} {', '.join(part for part in parts if part) or 'there are no figures'}.")
    return ("Four panels by year: price and power of a person of compute for insider and outsider beside an essay's 250,000 USD and 30 kW; cost of "
            f"the largest run over the median startup's funds; quarters of waiting for power. Medians. {' '.join(told)}")

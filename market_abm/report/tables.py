"""The page's tables, as texts in cells."""

import math

import numpy as np

from market_abm.report.effects import SIGNS, found, named, relative
from market_abm.report.names import baseline_of, dates, is_comparison, values_at
from market_abm.report.numbers import (
    LEVELS,
    NO_FIGURE,
    change,
    figure,
    known,
    level,
    percent,
    range_of_changes,
    range_of_levels,
    scale_of,
    size_of_change,
)
from market_abm.studies.names import capital, catalogued, metric_name, policy_name
from market_abm.units import QUARTERS_PER_YEAR

SHOWN = (
    "hhi_compute_owned", "cr4_compute_owned", "hhi_compute_energised", "hhi_compute_rented", "hhi_chip_sales", "hhi_cloud_revenue",
    "cr3_cloud_revenue", "hhi_ai_revenue", "hhi_training_flop", "person_of_compute_usd", "person_of_compute_kw", "run_cost_usd_tenth_run",
    "capital_ratio_tenth_run", "eligible_share_tenth_run", "time_to_power_quarters", "price_usd_per_pflop_hour", "frontier_run_flop",
    "largest_cluster_mw", "startups_alive", "neocloud_share_compute_owned", "consumer_surplus_usd",
)
MEAN, GROWTH = "mean", "growth a year"
FACTS = (  # metric, how, from, to, low, high, source: what docs/model.md lists and one metric can be held against
    ("cr3_cloud_revenue", MEAN, "2019Q1", "2024Q4", 0.55, 0.67, "Synergy Research"),
    ("cr1_cloud_revenue", MEAN, "2018Q1", "2024Q4", 0.29, 0.35, "Synergy Research"),
    ("hhi_cloud_revenue", MEAN, "2018Q1", "2024Q4", 0.13, 0.18, "derived from Synergy Research"),
    ("cr1_chip_pflops", MEAN, "2024Q1", "2024Q4", 0.60, 0.76, "derived from Epoch AI"),
    ("cr4_compute_owned", MEAN, "2023Q4", "2023Q4", 0.60, 0.60, "derived from Epoch AI"),
    ("cr4_compute_owned", MEAN, "2024Q4", "2024Q4", 0.68, 0.68, "derived from Epoch AI"),
    ("cr1_merchant_chips_made", MEAN, "2023Q1", "2023Q4", 0.98, 0.98, "TechInsights"),
    ("top_ten_runs_flop", GROWTH, "2018Q1", "2024Q4", 4.0, 5.0, "Epoch AI, 2010 to 2025"),
    ("frontier_utilisation", MEAN, "2020Q1", "2024Q4", 0.3, 0.5, "derived, quartiles of published runs"),
)
ANSWERED = ("cr4_compute_owned", "person_of_compute_usd_insider", "person_of_compute_kw_insider", "capital_ratio_full_run", "hhi_contracted_mw",
            "quoted_wait_quarters", "completed_wait_quarters")  # in words or pictures, beside what binds

def of_levels(result):
    """Return dates and one row a metric: name, identifier, unit, and a median with its range for each date."""
    told = catalogued(result.config)
    rows = [
        {"name": capital(metric_name(metric, told[metric].says)), "metric": metric,
         "cells": [_cell(values_at(result, metric, quarter), metric, told[metric].unit) for quarter in dates(result)]}
        for metric in SHOWN if metric in result.names and metric in told
    ]
    return {"dates": dates(result), "rows": rows}


def _cell(values, metric, unit):
    kept = values[np.isfinite(values)]
    if len(kept) == 0:
        return {"median": NO_FIGURE, "range": ""}
    low, median, high = np.quantile(kept, LEVELS)
    return {"median": level(median, metric, unit), "range": range_of_levels(low, high, metric, unit) if len(kept) > 1 else ""}


def of_effects(study):
    """Return one block a metric and quarter, each with a row a policy, the largest difference first."""
    names, cells = named(study), {}
    for row in study.effects:
        cells.setdefault((row["metric"], row["quarter"]), []).append(row)
    return [_block(metric, quarter, rows, names[metric]) for (metric, quarter), rows in cells.items()]


def _block(metric, quarter, rows, name):
    ranked = sorted(rows, key=lambda row: -abs(row["difference"]) if known(row["difference"]) else math.inf)
    after = scale_of(metric, rows[0]["unit"]).after_change.strip()
    return {"title": f"{capital(name)}, {quarter}", "metric": metric, "unit": after or rows[0]["unit"],
            "baseline": level(rows[0]["baseline"], metric, rows[0]["unit"]), "rows": [_effect(row) for row in ranked]}


def _effect(row):
    metric, unit = row["metric"], row["unit"]
    return {
        "policy": capital(policy_name(row["lever"])), "start": row["start"],
        "difference": change(row["difference"], metric, unit), "interval": _range(row["low"], row["high"], metric, unit),
        "relative": _per_cent(relative(row)), "spread": _range(row["p05"], row["p95"], metric, unit),
        "higher": f"{round(row['positive_share'] * row['pairs'])} of {row['pairs']}" if known(row["positive_share"]) else f"none of {row['pairs']}",
        "theory": SIGNS[row["predicted_sign"]], "p": _p_value(row["q_value"]), "verdict": row["verdict"], "found": found(row),
    }


def _range(low, high, metric, unit):
    """Say a range without its unit, which the table's title has."""
    return range_of_changes(low, high, metric, unit).removesuffix(scale_of(metric, unit).after_change)


def _per_cent(part):
    if not known(part):
        return NO_FIGURE
    size = percent(abs(part) * 100)
    return f"{'+' if part > 0 else '−' if part < 0 else ''}{size}%"


def _p_value(value):
    if not known(value):
        return NO_FIGURE
    return "under 0.001" if value < 0.001 else f"{value:.3f}"


def beside_facts(result):
    """Return what the scenario gives where there are published figures: its median over runs, and whether that is a miss."""
    rows = [_beside(result, *fact) for fact in FACTS if fact[0] in result.names and _covers(result, *fact[2:4])]
    return [row for row in rows if row]


def _covers(result, first, last):
    return first in result.labels and last in result.labels and last <= result.config.frame.history_until


def _beside(result, metric, how, first, last, low, high, source):
    """Return one line beside the facts, or nothing where all runs failed."""
    told = catalogued(result.config)[metric]
    values = _of_period(result.metric(metric)[result.labels.index(first): result.labels.index(last) + 1], how)
    kept = values[np.isfinite(values)]
    if len(kept) == 0:
        return None
    median, unit = float(np.median(kept)), "ratio" if how == GROWTH else told.unit
    name = capital(metric_name(metric, told.says)) + (", times a year" if how == GROWTH else "")
    facts = level(low, metric, unit) if low == high else range_of_levels(low, high, metric, unit)
    return {"name": name, "metric": metric, "period": first if first == last else f"{first} to {last}", "here": level(median, metric, unit),
            "facts": facts, "source": source, "verdict": _beside_band(median, low, high, metric, unit)}


def _of_period(values, how):
    """Return the mean of a period, or its growth a year, of values `(quarters, runs)`: the slope of a least-squares line in logs."""
    if how == MEAN:
        return values.mean(axis=0)
    logs, since = np.log(np.where(values > 0, values, np.nan)), np.arange(len(values)) - (len(values) - 1) / 2
    return np.exp(QUARTERS_PER_YEAR * (since[:, None] * logs).sum(axis=0) / (since**2).sum())


def _beside_band(median, low, high, metric, unit):
    if low <= median <= high:
        return "inside" if low < high else "equal"
    nearest = low if median < low else high
    return f"{size_of_change(median - nearest, metric, unit)} too {'low' if median < low else 'high'}"


def definitions(study):
    """Return what each metric that the page speaks of means, by the catalogue."""
    result = baseline_of(study)
    told = {name: metric for name, metric in catalogued(result.config).items() if name in result.names}
    wanted = [*([row["metric"] for row in study.effects] if is_comparison(study) else []), *SHOWN, *ANSWERED,
              *(name for name in told if name.startswith("bound_by_")), *(fact[0] for fact in FACTS)]
    return [{"metric": name, "name": capital(metric_name(name, told[name].says)), "unit": told[name].unit, "says": told[name].says}
            for name in dict.fromkeys(wanted) if name in told]


def changed_numbers(result):
    """Return what differs from the defaults, with sources, outside the cast."""
    from market_abm.parameters.loading import changes

    sources = result.config.sources
    return [{"key": row["key"], "value": _plain(row["value"]), "default": _plain(row["default"]), "unit": row["unit"],
             "source": sources.get(row["key"], "given on the command line or in Python")} for row in changes(result.config)]


def _plain(value):
    return figure(value) if isinstance(value, float) else str(value)

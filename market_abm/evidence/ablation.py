"""Ablations: each stylised fact with the mechanism off that theory says carries it, on the same seeds.

What is shown is that a mechanism is needed for a fact in this model, with all others in place: not that it is the cause in the world.
Sources of the table: THEORY as cited in docs/model.md; history-friendly counterfactuals, Malerba, Nelson, Orsenigo and Winter 1999.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from market_abm.evidence.estimators import estimate
from market_abm.evidence.moments import mean_of, median_of
from market_abm.evidence.patterns import read_patterns
from market_abm.evidence.runs import simulated
from market_abm.studies.effects import ERROR_RATE, corrected, paired
from market_abm.studies.store import write_rows
from market_abm.units import QUARTERS_PER_YEAR

BASELINE = "baseline"
BREAKS, WEAKENS, HOLDS, CONTRADICTS, INCONCLUSIVE = "breaks", "weakens", "holds", "contradicts", "inconclusive"
HALF = 0.5  # of a fact that may be left of it when it is called broken
UNTIL = "2035Q4"

# What each ablation sets, {name: {key: value}}.
ABLATIONS = {
    "no contest": {"switches.contest": 0},
    "runs capped": {"training.cap_tightness": 1.0, "policy.cap_flop": 1e23},  # about the frontier of 2018: a sunk cost that nobody can raise
    "no relationships": {"switches.relationship": 0},
    "no cross-subsidy": {"switches.cross_subsidy": 0},
    "no power queue": {"switches.power_queue": 0},
    "open documents": {"documentation.rule": "open"},
    "no switching cost": {"switches.switching_cost": 0},
    "equal efficiency": {"switches.efficiency": 0},
    "no moat": {"documentation.rule": "open", "switches.switching_cost": 0, "switches.efficiency": 0, "switches.learning": 0},
    "no own chips": {"switches.integration": 0},
    "no selectivity": {"switches.selectivity": 0},
    "no lags": {"chips.delivery_quarters": 1, "chips.fab_quarters": 1, "chips.fab_start_bound": 5.0},
}


@dataclass(frozen=True, slots=True)
class Test:
    """One line of theory's table: a fact, the ablation that should break it, how it is measured, and theory's sign of ablated less baseline.

    `measure(values, labels)` takes {metric: (quarters, runs)} and returns `(runs,)` in `unit`; a difference below `material` is none.
    """

    fact: str
    ablation: str
    says: str
    unit: str
    metrics: tuple[str, ...]
    measure: Callable
    sign: str
    material: float
    theory: str


# Measures -------------------------------------------------------------------------------------------


def growth(metric, first, last):
    """Return the measure: slope of ln on time between two quarters, ln a year, by least squares."""
    def measure(values, labels):
        start, end = labels.index(first), labels.index(last) + 1
        years = np.arange(end - start) / QUARTERS_PER_YEAR
        logs = np.log(np.where(values[metric][start:end] > 0, values[metric][start:end], np.nan))
        centred = years - years.mean()
        return centred @ logs / (centred @ centred)

    return measure


def level(metric, first, last=None):
    """Return the measure: the mean over quarters, or the figure of one."""
    return lambda values, labels: values[metric][labels.index(first):labels.index(last or first) + 1].mean(axis=0)


def change(metric, first, last):
    """Return the measure: the figure of the last quarter less that of the first."""
    return lambda values, labels: values[metric][labels.index(last)] - values[metric][labels.index(first)]


def fall_from_peak(metric, last):
    """Return the measure: the part of the highest figure that is lost by a quarter; 0 where the last is the highest."""
    def measure(values, labels):
        seen = values[metric][: labels.index(last) + 1]
        return 1.0 - seen[-1] / seen.max(axis=0)

    return measure


def largest_rise(metric, first, last):
    """Return the measure: the largest rise in ln above the lowest figure before; 0 where it only falls."""
    def measure(values, labels):
        logs = np.log(values[metric][labels.index(first):labels.index(last) + 1])
        return (logs - np.minimum.accumulate(logs, axis=0)).max(axis=0)

    return measure


def _test(fact, ablation, says, unit, metric, measure, sign, material, theory):
    return Test(fact, ablation, says, unit, (metric,), measure, sign, material, theory)


def _of_level(fact, ablation, metric, first, last, unit, sign, material, theory):
    when = first if last is None else f"{first} to {last}"
    return _test(fact, ablation, f"{metric}, {when}", unit, metric, level(metric, first, last), sign, material, theory)


FRONTIER = "the largest runs grow several times a year"
ENTRY = "entry gets dearer, and few labs have most of the revenue"
OWNERS = "four owners hold most of the compute, and ever more"
CHIPS = "the market for chips is very concentrated"
EASING = "it eases late, as own chips grow"
SHAKE_OUT = "the number of startups rises, then falls"
PRICE = "compute gets cheaper, with a spike in scarcity"
POWER = "power binds later"
FACTS = (FRONTIER, ENTRY, OWNERS, CHIPS, EASING, SHAKE_OUT, PRICE, POWER)

TESTS = (
    _test(FRONTIER, "no contest", "growth of frontier_run_flop, 2018Q4 to 2024Q4", "ln/year", "frontier_run_flop",
          growth("frontier_run_flop", "2018Q4", "2024Q4"), "-", 0.10,
          "Without a prize for the better model runs grow as hardware does (Tullock 1980)."),
    _test(ENTRY, "runs capped", "growth of run_cost_usd_tenth_run, 2018Q4 to 2024Q4", "ln/year", "run_cost_usd_tenth_run",
          growth("run_cost_usd_tenth_run", "2018Q4", "2024Q4"), "-", 0.10, "Sunk costs that nobody can raise do not escalate (Sutton 1991)."),
    _of_level(ENTRY, "runs capped", "cr4_ai_revenue", "2030Q4", None, "share", "-", 0.05,
              "With exogenous sunk costs the number of firms grows with the market."),
    _test(OWNERS, "no relationships", "change of cr4_compute_owned, 2018Q4 to 2024Q4", "share", "cr4_compute_owned",
          change("cr4_compute_owned", "2018Q4", "2024Q4"), "-", 0.01, "In proportion to orders shares are frozen (Arthur 1989)."),
    _of_level(OWNERS, "no cross-subsidy", "neocloud_share_compute_owned", "2030Q4", None, "share", "+", 0.01,
              "Without groups' money neoclouds get room."),
    _of_level(OWNERS, "no power queue", "cr4_compute_owned", "2030Q4", None, "share", "-", 0.01, "Without a queue there is no head start."),
    *(_of_level(CHIPS, name, "hhi_chip_sales", "2024Q4", None, "index", "-", 0.02, why) for name, why in (
        ("open documents", "Open documents: shares by quality alone."), ("no switching cost", "Who can leave does (Klemperer 1995)."),
        ("equal efficiency", "Without the leader's software the rest are as good (Katz and Shapiro 1985)."),
        ("no moat", "All of these, and no learning: near the logit's share by quality."))),
    _test(EASING, "no own chips", "change of hhi_chip_sales, 2023Q4 to 2030Q4", "index", "hhi_chip_sales",
          change("hhi_chip_sales", "2023Q4", "2030Q4"), "+", 0.02, "Without own chips the market stays as it was (Malerba et al. 2008)."),
    _test(SHAKE_OUT, "no selectivity", "fall of startups_alive from its peak, by 2035Q4", "share", "startups_alive",
          fall_from_peak("startups_alive", "2035Q4"), "-", 0.05, "Without funding by rank there is no hump (Klepper 1996)."),
    _test(PRICE, "no lags", "largest rise of contested_rent_usd_per_pflop_hour, 2018Q4 to 2024Q4", "ln", "contested_rent_usd_per_pflop_hour",
          largest_rise("contested_rent_usd_per_pflop_hour", "2018Q4", "2024Q4"), "-", 0.05, "Where supply follows at once, prices only fall."),
    _of_level(POWER, "no power queue", "bound_by_power_owners", "2026Q1", "2030Q4", "share", "-", 0.05, "Without a queue chips or money bind."),
)


# Results --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ablated:
    """Rows of theory's table, rows of (ablation, pattern) in band or not, and what failed."""

    rows: list[dict]
    patterns: list[dict]
    failures: list[dict] = field(default_factory=list)


def ablations(config, runs=32, out=None, workers=None, progress=None, patterns=None, tests=TESTS, until=UNTIL, seed=None):
    """Run a configuration with each ablation off and on the same seeds, and return an `Ablated`; `out` is a folder for runs and tables.

    `patterns` are those to hold the ablated model to, by default the shipped ones that end by `until`.
    """
    patterns = [pattern for pattern in (read_patterns() if patterns is None else patterns) if pattern.ends_by(until)]
    names = [BASELINE, *dict.fromkeys(test.ablation for test in tests)]
    settings = [ABLATIONS.get(name, {}) for name in names]
    metrics = sorted({metric for one in (*tests, *patterns) for metric in one.metrics})
    folder = None if out is None else Path(out) / "runs"
    found = simulated(config, settings, runs, until, metrics, folder, workers, progress, seed)
    values = dict(zip(names, found.values, strict=True))
    done = Ablated(table(tests, values, found.labels), bands(patterns, values, found.labels),
                   [{**failure, "ablation": names[failure["setting"]]} for failure in found.failures])
    if out is not None:
        write_rows(Path(out) / "ablations.csv", done.rows)
        write_rows(Path(out) / "patterns_by_ablation.csv", done.patterns)
    return done


def table(tests, values, labels):
    """Return one dict a test: baseline, ablated, paired difference with its 95% interval, verdict.

    `values` is {ablation: {metric: (quarters, runs)}} with the baseline among them, on the same seeds.
    """
    rows = []
    for test in tests:
        before, after = (np.asarray(test.measure(values[name], list(labels))) for name in (BASELINE, test.ablation))
        both = np.isfinite(before) & np.isfinite(after)
        rows.append({"fact": test.fact, "ablation": test.ablation, "measure": test.says, "unit": test.unit, "theory": test.theory,
                     "predicted_sign": test.sign, "material": test.material,
                     "baseline": float(mean_of(before[both])), "ablated": float(mean_of(after[both])),
                     **{key: value for key, value in paired(after - before).items() if key in ("difference", "low", "high", "pairs", "p_value")}})
    for row, q_value in zip(rows, corrected([row["p_value"] for row in rows]), strict=True):
        row["q_value"], row["left"] = float(q_value), left_of(row)
        row["verdict"] = verdict(row)
    return rows


def left_of(row):
    """Return the part of a fact that is left, ablated over baseline, where theory says that it should vanish; nan where something should appear."""
    vanishes = row["baseline"] > 0 if row["predicted_sign"] == "-" else row["baseline"] < 0
    return row["ablated"] / row["baseline"] if vanishes else float("nan")


def verdict(row):
    """Judge one test: does the fact break as theory says?

    breaks: a difference of theory's sign, at least material, told apart from zero after Benjamini and Hochberg's correction over all
    tests, and no more than half of the fact is left. weakens: the same, and more is left. contradicts: such a difference of the other sign. holds:
    the interval is within what is material. Else inconclusive.
    """
    least = row["material"]
    if -least <= row["low"] and row["high"] <= least:
        return HOLDS
    if not (row["q_value"] <= ERROR_RATE and abs(row["difference"]) >= least):
        return INCONCLUSIVE
    if (row["difference"] > 0) != (row["predicted_sign"] == "+"):
        return CONTRADICTS
    return WEAKENS if row["left"] > HALF else BREAKS


def bands(patterns, values, labels):
    """Return one dict an ablation and pattern: the median over runs, the band, and whether it is met, there and in the baseline."""
    medians = {(name, pattern.name): median_of(estimate(pattern, of, labels)) for name, of in values.items() for pattern in patterns}

    def met(name, pattern):
        return bool(pattern.low <= medians[name, pattern.name] <= pattern.high)

    return [{"ablation": name, "pattern": pattern.name, "unit": pattern.unit, "low": pattern.low, "high": pattern.high,
             "value": medians[name, pattern.name], "ok": met(name, pattern), "ok_in_baseline": met(BASELINE, pattern)}
            for name in values for pattern in patterns]

"""The essays' questions answered as probabilities, over seeds and over ranges of numbers that no fact fixes.

A probability is the share of runs in which something happens, all points of the ranges counting alike: a statement on this model, not on the world.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

from market_abm.essays import first_essay as first
from market_abm.essays.arithmetic import year_reached
from market_abm.essays.constants import MOUSE_FLOPS, PERSON_FLOPS, as_published
from market_abm.evidence.judging import wilson
from market_abm.evidence.runs import simulated
from market_abm.parameters.declare import declarations
from market_abm.parameters.frame import with_frame
from market_abm.parameters.schema import Parameters
from market_abm.studies.store import write_rows
from market_abm.sweeps.sampling import in_unit_cube
from market_abm.units import QUARTERS_PER_YEAR, year_of

UNTIL = "2035Q4"
VARIED = ("clouds.omega", "energy.slots_growth", "energy.own_power_growth")  # no fact fixes them, and who binds turns on them
SAMPLING_SEED = 1
CONFIDENCE, SPREAD = 0.95, (0.05, 0.95)
OWNERS = ("power", "chips", "money", "none")
LABS = ("data", "compute", "money", "prize", "ambition")
BINDING = ("2026Q1", "2030Q4")
PERSON_QUARTERS = ("2023Q4", "2026Q4", "2030Q4", "2035Q4")
OF_SHARE, OF_RUNS, OF_FIT = "95% Wilson, of as many runs as are independent", "5 to 95% of runs", "5 to 95%, t of the fit"
OF_RANGE = f"doubling in {first.RIGHT_DOUBLING:.2f} to {first.DOUBLING_PER_USD:.2f} years"


class Parts(NamedTuple):
    """Variance of one figure: between points of the ranges, between seeds, and what neither explains."""

    points: float
    seeds: float
    rest: float

    @property
    def shares(self):
        """Return the parts over the whole; nan where nothing varies."""
        whole = sum(self)
        return tuple(part / whole if whole > 0 else math.nan for part in self)

    def of_mean(self, points, seeds):
        """Return the variance of the mean over so many points and seeds."""
        return self.points / points + self.seeds / seeds + self.rest / (points * seeds)


def parts_of_variance(values):
    """Return the `Parts` of values `(points, seeds)`, the same seeds at every point; points with a missing run are left out.

    Components of a crossed layout with one figure a cell, estimated from mean squares, none below zero. Source: Searle, Casella and McCulloch
    1992, chapter 4.
    """
    values = values[np.isfinite(values).all(axis=1)]
    points, seeds = values.shape
    if points < 2 or seeds < 2:
        return Parts(math.nan, math.nan, math.nan)
    by_point, by_seed = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True)
    rest = float(((values - by_point - by_seed + values.mean()) ** 2).sum() / ((points - 1) * (seeds - 1)))
    between_points, between_seeds = seeds * float(by_point.var(ddof=1)), points * float(by_seed.var(ddof=1))
    return Parts(max(0.0, (between_points - rest) / seeds), max(0.0, (between_seeds - rest) / points), rest)


def independent_runs(happened, parts):
    """Return how many independent runs a share of runs `(points, seeds)` is worth: p(1 - p) over the variance of its mean.

    Runs of one point share its numbers, and those of one seed its luck. No more than there are runs; where all runs agree, the points.
    """
    points, seeds = happened.shape
    share, variance = float(np.nanmean(happened)), parts.of_mean(points, seeds)
    return float(np.clip(share * (1 - share) / variance, 1.0, points * seeds)) if variance > 0 else float(points)


# Rows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What was simulated: `values` {metric: (points, quarters, seeds)} and the quarters."""

    values: dict
    labels: tuple[str, ...]

    def at(self, metric, quarter):
        """Return a metric in one quarter, `(points, seeds)`."""
        return self.values[metric][:, self.labels.index(quarter)]

    def until(self, metric, quarter):
        """Return the largest figure up to a quarter; nan where the run failed before."""
        return self.values[metric][:, : self.labels.index(quarter) + 1].max(axis=1)

    def year_below(self, metric, bound):
        """Return the year, with its fraction, at the end of the first quarter in which a figure is no higher than a bound; nan where it never is."""
        below = self.values[metric] <= bound
        start = year_of(1, self.labels[0])
        return np.where(below.any(axis=1), start + below.argmax(axis=1) / QUARTERS_PER_YEAR, np.nan)

    def over(self, metric, quarters):
        """Return the mean from one quarter to another."""
        start, end = (self.labels.index(quarter) for quarter in quarters)
        return self.values[metric][:, start : end + 1].mean(axis=1)


def probability(question, happened, as_stated=math.nan):
    """Return the row of how often something happens, `happened` `(points, seeds)` of 0 and 1, nan where a run failed."""
    happened = np.asarray(happened, float)
    if not np.isfinite(happened).any():
        return _row(question, as_stated, math.nan, math.nan, math.nan, "probability", OF_SHARE, Parts(*[math.nan] * 3), 0)
    parts, share = parts_of_variance(happened), float(np.nanmean(happened))
    low, high = wilson(share, independent_runs(happened, parts), CONFIDENCE)
    return _row(question, as_stated, share, low, high, "probability", OF_SHARE, parts, np.isfinite(happened).sum())


def quantity(question, values, unit, as_stated=math.nan):
    """Return the row of a figure: its median, and between what nine in ten runs lie."""
    known = values[np.isfinite(values)]
    low, middle, high = np.quantile(known, (SPREAD[0], 0.5, SPREAD[1])) if len(known) else (math.nan,) * 3
    return _row(question, as_stated, float(middle), float(low), float(high), unit, OF_RUNS, parts_of_variance(values), len(known))


def _row(question, as_stated, answer, low, high, unit, interval, parts, runs):
    points, seeds, rest = parts.shares
    return {"question": question, "as_stated": as_stated, "answer": answer, "low": low, "high": high, "unit": unit, "interval": interval,
            "points_part": points, "seeds_part": seeds, "rest_part": rest, "runs": int(runs)}


def exceeds(values, bound):
    """Return 1 where values are at least a bound, 0 where below, nan where missing."""
    return np.where(np.isfinite(values), values >= bound, np.nan)


# Questions ------------------------------------------------------------------------------------------

METRICS = ("largest_cluster_mw", "largest_lab_mw", "cluster_cost_usd_full_run", "cr4_compute_owned", "person_of_compute_usd",
           "person_of_compute_usd_insider", *(f"bound_by_{name}_owners" for name in OWNERS), *(f"bound_by_{name}_labs" for name in LABS))


def cluster_rows(asked):
    """Return what is asked about the largest cluster: the second essay has 1 GW in 2026, 10 GW and 100 bn USD in 2028.

    A cluster is what one run works on; the sites that are counted in the world hold all compute of a lab, which is told beside it.
    """
    power, cost = asked.at("largest_cluster_mw", "2028Q4"), asked.at("cluster_cost_usd_full_run", "2028Q4")
    return [probability("largest cluster of 1 GW or more by 2026Q4", exceeds(asked.until("largest_cluster_mw", "2026Q4"), 1e3), 1.0),
            probability("largest cluster of 10 GW or more by 2028Q4", exceeds(asked.until("largest_cluster_mw", "2028Q4"), 1e4), 1.0),
            probability("all compute of the largest lab of 1 GW or more by 2026Q4", exceeds(asked.until("largest_lab_mw", "2026Q4"), 1e3), 1.0),
            probability("all compute of the largest lab of 10 GW or more by 2028Q4", exceeds(asked.until("largest_lab_mw", "2028Q4"), 1e4), 1.0),
            quantity("power of all compute of the largest lab, 2026Q4", asked.at("largest_lab_mw", "2026Q4") / 1e3, "GW", 1.0),
            quantity("power of all compute of the largest lab, 2028Q4", asked.at("largest_lab_mw", "2028Q4") / 1e3, "GW", 10.0),
            quantity("power of the largest cluster, 2026Q4", asked.at("largest_cluster_mw", "2026Q4") / 1e3, "GW", 1.0),
            quantity("power of the largest cluster, 2028Q4", power / 1e3, "GW", 10.0),
            quantity("cost of the largest cluster, 2028Q4", cost, "USD", 1e11),
            quantity("cost of a GW of it, 2028Q4", cost / power * 1e3, "USD/GW", 1e10)]


def roadblock_rows(asked):
    """Return what holds owners and labs back in 2026-30: by how much of compute, or of research budgets, and how often more than anything else."""
    rows = []
    for kind, names, base in (("owners", OWNERS, "owners' compute"), ("labs", LABS, "labs' research budgets")):
        bound = np.stack([asked.over(f"bound_by_{name}_{kind}", BINDING) for name in names])
        first_of = np.where(np.isfinite(bound).all(axis=0), bound.argmax(axis=0), np.nan)
        for place, name in enumerate(names):
            most = np.where(np.isfinite(first_of), first_of == place, np.nan)
            rows += [quantity(f"part of {base} bound by {name}, 2026-30", bound[place], "share"),
                     probability(f"more of {base} bound by {name} than by anything else, 2026-30", most)]
    return rows


def person_rows(asked):
    """Return what a person of compute costs an outsider and the largest owner; the first essay has 250,000 USD in 2023."""
    told = {"an outsider": "person_of_compute_usd", "the largest owner": "person_of_compute_usd_insider"}
    cheap = quantity("year in which a person of compute costs an outsider no more than the essay says",
                     asked.year_below(told["an outsider"], first.PERSON_USD), "year", first.WRITTEN)
    return [cheap] + [quantity(f"price of a person of compute for {who}, {quarter}", asked.at(metric, quarter), "USD",
                     first.PERSON_USD if quarter == "2023Q4" else math.nan)
            for quarter in PERSON_QUARTERS for who, metric in told.items()]


def owner_rows(asked):
    """Return whether compute concentrates; the first essay has .67 for four clouds, which was their share of cloud revenue."""
    early, middle, late = (asked.at("cr4_compute_owned", quarter) for quarter in ("2024Q4", "2030Q4", "2035Q4"))
    return [quantity("share of the four largest owners of compute, 2023Q4", asked.at("cr4_compute_owned", "2023Q4"), "share", 0.67),
            probability("share of the four largest owners higher in 2030Q4 than in 2024Q4", exceeds(middle - early, np.nextafter(0, 1))),
            probability("share of the four largest owners higher in 2035Q4 than in 2030Q4", exceeds(late - middle, np.nextafter(0, 1)))]


def desktop_rows():
    """Return when a desktop reaches a person of compute, by the growth of cards: arithmetic on facts, nothing is simulated.

    First as the essay counts, from 50 TFLOP/s in late 2023, at the pace of the right cards, whose four points leave it open; then in 16 bit
    throughout, from the best card of 2022 at the pace of hardware at large, and between the paces per card and per dollar.
    """
    cards = stats.linregress(first.CARD_YEARS, np.log2(first.RIGHT_TFLOPS))
    reach = stats.t.ppf(SPREAD[1], len(first.CARD_YEARS) - 2) * cards.stderr
    ratio, best = PERSON_FLOPS / MOUSE_FLOPS, PERSON_FLOPS / as_published().desktop_flops

    def year(slope):
        return year_reached(first.WRITTEN, ratio, 1 / slope) if slope > 0 else math.inf

    def from_best(doubling):
        return year_reached(first.CARD_YEARS[-1] + 0.75, best, doubling)

    nothing = Parts(*[math.nan] * 3)
    return [_row("year in which a desktop reaches a person of compute, as the essay counts", first.SINGULARITY, year(cards.slope),
                 year(cards.slope + reach), year(cards.slope - reach), "year", OF_FIT, nothing, 0),
            _row("year in which a desktop reaches a person of compute, in 16 bit", first.SINGULARITY, from_best(first.HARDWARE_DOUBLING),
                 from_best(first.RIGHT_DOUBLING), from_best(first.DOUBLING_PER_USD), "year", OF_RANGE, nothing, 0)]


def sampled(ranges, points):
    """Return settings of a Latin hypercube over {key: (low, high)}, uniform. Source: McKay, Beckman and Conover 1979."""
    cube = in_unit_cube("latin_hypercube", len(ranges), points, 0, SAMPLING_SEED)
    return [{key: low + (high - low) * float(place) for (key, (low, high)), place in zip(ranges.items(), row, strict=True)} for row in cube]


def declared_ranges(keys=VARIED):
    """Return {key: (low, high)} as declared."""
    parts = {key: declarations(getattr(Parameters(), key.split(".")[0]))[key.split(".")[1]] for key in keys}
    return {key: (told.low, told.high) for key, told in parts.items()}


def answers(config, points=32, runs=8, out=None, workers=None, progress=None, ranges=None, seed=None):
    """Return the rows: question, as_stated, answer, low, high, unit, interval, and the parts of the variance that are of points and of seeds.

    `points` of a Latin hypercube over `ranges` {key: (low, high)}, by default the declared ones of what no fact fixes; `runs` seeds at
    each, the same everywhere; `out` a folder for runs and answers.csv.
    """
    ranges = declared_ranges() if ranges is None else ranges
    folder = None if out is None else Path(out) / "runs"
    found = simulated(with_frame(config), sampled(ranges, points), runs, UNTIL, METRICS, folder, workers, progress, seed)
    rows = rows_of(Asked({name: np.stack([values[name] for values in found.values]) for name in METRICS}, tuple(found.labels)))
    if out is not None:
        write_rows(Path(out) / "answers.csv", rows)
    return rows


def rows_of(asked):
    """Return all rows from what was simulated."""
    return [*cluster_rows(asked), *roadblock_rows(asked), *desktop_rows(), *person_rows(asked), *owner_rows(asked)]

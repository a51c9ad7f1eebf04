"""Null models: how far would concentration rise by luck alone, without any mechanism of the model?

Two of them. Luck: the firms of a date grow by independent shocks in ln size, normal with mean zero and the variance that
growth has in the model, or in the facts; nobody comes. Entry and luck: the entrants of the model come as well, when they came and with
the share that they opened with, and then grow by luck as everybody does. Nobody leaves in either.
Sources: Gibrat 1931; Simon and Bonini 1958; that luck concentrates, Hart and Prais 1956.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from market_abm.engine import Simulation, run_seeds
from market_abm.metrics import indices
from market_abm.metrics.concentration import STACKS, bases
from market_abm.parameters.frame import with_frame
from market_abm.randomness import Draws, finalise
from market_abm.studies.effects import paired
from market_abm.units import QUARTERS_PER_YEAR, quarter_label, quarter_number

BATCH = 64  # runs advanced together
LEAST_SHARE = 0.01  # of the market: smaller firms grow wildly, and hardly move an index
LUCK, ENTRY = "luck", "entry and luck"
BY_MODEL, BY_FACTS = "model", "facts"
CLAIMS = ("cr4_compute_owned", "hhi_cloud_revenue", "hhi_chip_sales", "hhi_ai_revenue")
SPANS = (("2018Q1", "2024Q4"), ("2018Q1", "2035Q4"))
SPREAD = (0.05, 0.95)
BEYOND = 0.05  # part of the null's draws that may rise as much before luck is ruled out

# Shares of the stock of AI chips in H100 equivalents, end of 2023 and of 2024: Epoch AI, ai-chip-counts, medians, own arithmetic, +-10%.
OWNERS_FACTS = {"Google": (0.213, 0.227), "Microsoft": (0.201, 0.203), "Amazon": (0.076, 0.125), "Meta": (0.105, 0.127),
                "Oracle": (0.036, 0.051), "CoreWeave": (0.029, 0.040)}


@dataclass(frozen=True)
class Market:
    """Sizes of every firm that ever was in one market, `(quarters, runs, firms)`, a firm having one column for life.

    `fringe` `(runs, firms)` is 1 where a column stands for many small firms.
    """

    labels: tuple[str, ...]
    sizes: np.ndarray
    fringe: np.ndarray

    def between(self, first, last):
        """Return the same market from one quarter to another, both included."""
        start, end = self.labels.index(first), self.labels.index(last) + 1
        return replace(self, labels=self.labels[start:end], sizes=self.sizes[start:end])

    @property
    def shares(self):
        """Return shares of everybody, nan where the market is empty."""
        whole = self.sizes.sum(axis=-1, keepdims=True)
        return self.sizes / np.where(whole > 0, whole, np.nan)


# What the model does --------------------------------------------------------------------------------


def markets_of(config, names, runs, until, seed=None, progress=None):
    """Simulate a configuration and return {base: Market} from its start to the quarter `until`; runs that fail are left out.

    `progress(done, total)` counts quarters of runs.
    """
    config = with_frame(config, seed=seed)
    quarters, found = quarter_number(until, config.frame.start) + 1, []
    for first in range(0, runs, BATCH):
        seeds = run_seeds(config.frame.seed, first, min(BATCH, runs - first))
        told = progress and (lambda q, many, done=first: progress(done * quarters + q * many, runs * quarters))
        found.append(_batch(config, names, seeds, quarters, told))
    labels = tuple(quarter_label(q, config.frame.start) for q in range(quarters))
    return {base: Market(labels, *_joined([batch[base] for batch in found])) for base in names}


def _batch(config, names, seeds, quarters, progress):
    """Return {base: (sizes, fringe)} of one batch, the runs that reached the end."""
    simulation = Simulation([config] * len(seeds), seeds, metrics=())
    rows = {base: [] for base in names}
    for q in range(quarters):
        simulation.step()
        simulation.view.forget()
        with np.errstate(all="ignore"):
            sizes = bases(simulation.view)
        for base in names:
            rows[base].append((simulation.running.copy(), np.array(sizes[base][0]), births_of(simulation.world, base), sizes[base][1]))
        if progress:
            progress(q + 1, len(seeds))
    return {base: _by_firm(rows[base]) for base in names}


def births_of(world, base):
    """Return the key of birth of each row of a base, `(runs, rows)`: what makes a row the same firm as last quarter."""
    kind = next(kind for kind, names in STACKS.items() if base in names)
    tables = {"clouds": ("clouds",), "makers": ("makers",)}.get(kind, ("clouds", "startups"))
    return np.concatenate([world.array(f"{table}.birth") for table in tables], axis=-1)


def _by_firm(quarters):
    """Return (sizes, fringe) with a column for each birth that ever had a size, from a row a place."""
    stayed = quarters[-1][0]
    kept = [np.isin(running, stayed) for running, *_ in quarters]
    sizes = np.stack([rows[keep] for (_, rows, _, _), keep in zip(quarters, kept, strict=True)])
    births = np.stack([rows[keep] for (_, _, rows, _), keep in zip(quarters, kept, strict=True)])
    many = np.stack([np.zeros(rows[keep].shape) if fringe is None else fringe[keep]
                     for (_, rows, _, fringe), keep in zip(quarters, kept, strict=True)])
    keys = [np.unique(births[:, r][sizes[:, r] > 0]) for r in range(len(stayed))]
    widest = max(map(len, keys), default=0)
    out, fringe = np.zeros((*sizes.shape[:2], widest)), np.zeros((len(stayed), widest))
    for r, known in enumerate(keys):
        q, row = np.nonzero(sizes[:, r] > 0)
        column = np.searchsorted(known, births[q, r, row])
        out[q, r, column] = sizes[q, r, row]
        fringe[r, column] = np.maximum(fringe[r, column], many[q, r, row])
    return out, fringe


def _joined(batches):
    """Return the runs of several batches as one, columns filled up with firms that never were."""
    widest = max(sizes.shape[-1] for sizes, _ in batches)

    def wide(array):
        return np.concatenate([array, np.zeros((*array.shape[:-1], widest - array.shape[-1]))], axis=-1)

    return (np.concatenate([wide(sizes) for sizes, _ in batches], axis=1), np.concatenate([wide(fringe) for _, fringe in batches], axis=0))


# How much luck there is -----------------------------------------------------------------------------


def growth_deviation(market, every=QUARTERS_PER_YEAR, least_share=LEAST_SHARE, by_run=False):
    """Return the standard deviation of firms' growth of ln size, scaled to a quarter: of shocks that add up to the same over `every` quarters.

    Growth is counted from one date to the next, less the mean of the run's firms between these dates, over firms of at least
    `least_share` that are there at both. Pooled over runs and dates, or one figure a run `(runs, 1)`. Source: Gibrat 1931.
    """
    shares = market.shares
    squares, freedom = np.zeros(shares.shape[1]), np.zeros(shares.shape[1])
    for q in range(0, len(shares) - every, every):
        now, then = shares[q], shares[q + every]
        there = (now >= least_share) & (then > 0) & (market.fringe == 0)
        growth = np.where(there, np.log(np.where(there, then, 1.0) / np.where(there, now, 1.0)), 0.0)
        count = there.sum(axis=-1)
        mean = growth.sum(axis=-1) / np.maximum(count, 1)
        squares += np.where(there, (growth - mean[:, None]) ** 2, 0.0).sum(axis=-1)
        freedom += np.maximum(count - 1, 0)
    if not by_run:
        squares, freedom = squares.sum(keepdims=True), freedom.sum(keepdims=True)
    known = np.where(freedom > 0, freedom, np.nan)
    return np.sqrt(squares / known / every)[:, None]


def facts_deviation(shares=OWNERS_FACTS, quarters=QUARTERS_PER_YEAR):
    """Return the same figure of shares at two dates, {firm: (first, last)}, `quarters` apart, `(1, 1)`."""
    first, last = np.array(list(shares.values())).T
    return np.full((1, 1), np.log(last / first).std(ddof=1) / np.sqrt(quarters))


# What luck alone does -------------------------------------------------------------------------------


def by_luck(market, deviation, seeds, replicate):
    """Return the sizes that the firms of the first quarter would have in the last one by luck alone, `(runs, firms)`.

    Shocks of T quarters add up to one of variance T s^2. A fringe of many small firms has the growth that each of them expects, exp(T s^2 / 2).
    """
    quarters = len(market.sizes) - 1
    return market.sizes[0] * _growth(market, deviation * np.sqrt(quarters), seeds, quarters, replicate)


def by_entry_and_luck(market, deviation, seeds, replicate):
    """Return the same where every later firm of the market comes when it came, with the share of the market that it opened with."""
    sizes, shares = market.sizes[0].copy(), np.nan_to_num(market.shares)
    there = sizes > 0
    for q in range(1, len(market.sizes)):
        sizes = sizes * _growth(market, deviation, seeds, q, replicate)
        comes = ~there & (shares[q] > 0)
        taken = np.where(comes, shares[q], 0.0)
        left = 1.0 - taken.sum(axis=-1, keepdims=True)
        whole = sizes.sum(axis=-1, keepdims=True)
        sizes = np.where(comes, taken * np.where(whole > 0, whole / np.maximum(left, 1e-12), 1.0), sizes)
        there |= comes
    return sizes


def _growth(market, deviation, seeds, quarter, replicate):
    """Return growth factors `(runs, firms)`, keyed by run, quarter, firm and replicate as the engine's draws are."""
    firms = finalise(np.arange(market.sizes.shape[-1], dtype=np.uint64) + np.uint64(replicate << 32))
    luck = ndtri(Draws(seeds, quarter).uniform("growth by luck", firms))
    return np.exp(np.where(market.fringe > 0, deviation**2 / 2.0, deviation * luck))


NULLS = {LUCK: by_luck, ENTRY: by_entry_and_luck}


# One beside the other -------------------------------------------------------------------------------


def index_of(claim):
    """Return (function of sizes and fringe, base) of a metric such as hhi_chip_sales."""
    measure, _, base = claim.partition("_")
    if measure == "hhi":
        return lambda sizes, fringe: indices.herfindahl(sizes, fringe)[:, 0], base
    return lambda sizes, fringe: indices.largest(sizes, int(measure.removeprefix("cr")), fringe)[:, 0], base


def against_luck(market, index, deviation, null=LUCK, replicates=100, seed=1):
    """Return one dict: how far an index rises in the model from the market's first quarter to its last, how far by luck, and the rest.

    `rise` and `beyond` (rise less the null's mean rise from the same opening) are means over runs with 95% intervals;
    `share_as_large` is the part of the null's draws that rise at least as much as the run they start from; `part_beyond` is beyond over rise.
    """
    opens, ends = index(market.sizes[0], market.fringe), index(market.sizes[-1], market.fringe)
    seeds = run_seeds(seed, 0, market.sizes.shape[1])
    drawn = np.stack([index(NULLS[null](market, deviation, seeds, r), market.fringe) for r in range(replicates)])  # (replicates, runs)
    rise, luck = ends - opens, drawn - opens
    beyond = rise - luck.mean(axis=0)
    as_large = (luck >= rise).mean(axis=0)
    risen, more, often = paired(rise), paired(beyond), paired(as_large)
    low, high = np.quantile(luck, SPREAD)
    part, part_low, part_high = ratio_of_means(beyond, rise)
    return {"null": null, "runs": risen["pairs"], "replicates": replicates, "deviation_a_year": float(np.mean(deviation) * QUARTERS_PER_YEAR**0.5),
            "opening": float(opens.mean()), "closing": float(ends.mean()),
            "rise": risen["difference"], "rise_low": risen["low"], "rise_high": risen["high"],
            "by_luck": float(luck.mean()), "by_luck_p05": float(low), "by_luck_p95": float(high), "share_as_large": often["difference"],
            "beyond": more["difference"], "beyond_low": more["low"], "beyond_high": more["high"],
            "part_beyond": part, "part_low": part_low, "part_high": part_high, "verdict": _verdict(risen, more, often)}


def ratio_of_means(above, below):
    """Return mean(above)/mean(below) of pairs and its 95% interval, nan where what is below is not told apart from nothing.

    Source: the ratio estimator's variance, Cochran 1977, section 2.11.
    """
    whole = paired(below)
    if not (whole["low"] > 0 or whole["high"] < 0):
        return (np.nan,) * 3
    ratio = float(np.mean(above) / np.mean(below))
    rest = paired((above - ratio * below) / np.mean(below))
    return ratio, ratio + rest["low"], ratio + rest["high"]


def _verdict(rise, beyond, as_large):
    if not rise["low"] > 0:
        return "no rise"
    return "beyond luck" if beyond["low"] > 0 and as_large["difference"] <= BEYOND else "within luck"


def null_models(config, runs=64, spans=SPANS, claims=CLAIMS, replicates=100, seed=None, progress=None):
    """Return one dict a claim, span and null: each claim of concentration beside what luck alone does; see `against_luck`.

    `config` is a configuration or a file, `claims` metrics such as cr4_compute_owned. The variance of growth is the model's over the span,
    pooled over runs; for compute owned the facts' is tried as well. A market that is empty in a run at first opens where no run's is.
    """
    last = max((end for _, end in spans), key=lambda label: quarter_number(label, spans[0][0]))
    markets = markets_of(config, sorted({index_of(claim)[1] for claim in claims}), runs, last, seed, progress)
    return [row for claim in claims for span in spans for row in _rows(claim, markets[index_of(claim)[1]], span, replicates)]


def _rows(claim, market, span, replicates):
    index, base = index_of(claim)
    market = market.between(*span)
    opened = (market.sizes.sum(axis=-1) > 0).all(axis=-1)
    market = market.between(market.labels[int(opened.argmax())], span[1])
    deviations = {BY_MODEL: growth_deviation(market)} | ({BY_FACTS: facts_deviation()} if base == "compute_owned" else {})
    return [{"claim": claim, "from": market.labels[0], "to": span[1], "variance": source}
            | against_luck(market, index, deviation, null, replicates)
            for null in NULLS for source, deviation in deviations.items()]

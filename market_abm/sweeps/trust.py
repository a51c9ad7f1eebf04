"""How far a box can be trusted: whether it is found again, and what it is worth on cases that it was not chosen on."""

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.sweeps.prim import USUAL, checked, discover

INTERVAL = (0.025, 0.975)


def reproducibility(x, interest, settings=USUAL, level=0.05, resamples=50, seed=0, points=None):
    """Return how often each factor is restricted, `(factors,)`, when the search is repeated on bootstrap samples of the cases.

    A factor that belongs to the scenario should be restricted nearly always (resampling test: Bryant and Lempert 2010, who take the box of
    like coverage or density; here each sample's box is chosen by the same rule, so that the choice is put to the test too).
    `points` `(cases,)` says which cases are runs of one point: these are drawn together.
    """
    x, interest = checked(x, interest, settings)
    groups, random = _grouped(points, len(x)), np.random.default_rng(seed)
    times = np.zeros(x.shape[1])
    for _ in range(resamples):
        taken = _redrawn(groups, random)
        times[list(discover(x[taken], interest[taken], settings, level).restricted)] += 1
    return times / resamples if resamples else np.full(x.shape[1], np.nan)


def out_of_sample(x, interest, settings=USUAL, level=0.05, folds=5, resamples=1000, seed=0, points=None):
    """Return what coverage and density of the box that `discover` reports are worth on new cases, with 95% intervals.

    A box flatters itself on the cases that it was chosen on. By how much is found by cross-validation: a box is sought without each of the
    `folds` in turn, and what it has on the cases it was sought on, less what it has on the others, is taken off what the reported box has.
    A half held out would be simpler, but leaves half of a small sweep to find the box and judges another box than the one reported.
    Intervals draw the cases again and keep all boxes as they are, so they are somewhat too narrow where boxes differ much between samples.
    `points` `(cases,)` says which cases are runs of one point: these stay together in folds and draws.
    """
    x, interest = checked(x, interest, settings)
    groups, random = _grouped(points, len(x)), np.random.default_rng(seed)
    if not 2 <= folds <= len(groups):
        raise BadInput(Problem("out_of_sample", f"cannot divide {len(groups)} points", "give from 2 to as many folds", key="folds", value=folds))
    fold = np.empty(len(x), int)
    for place, group in enumerate(random.permutation(len(groups))):
        fold[groups[group]] = place % folds
    counts = np.zeros((3, 3, len(x)))  # by reported box, seen and unseen by the box of a fold; of interest inside, of interest, inside
    counts[0] = _counted(discover(x, interest, settings, level).holds(x), interest)
    for place in range(folds):
        seen = fold != place
        each = _counted(discover(x[seen], interest[seen], settings, level).holds(x), interest)
        counts[1] += each * seen
        counts[2] += each * ~seen
    return _judged(np.stack([counts[..., group].sum(axis=2) for group in groups]), resamples, random)


def _counted(inside, interest):
    """Return for each case whether it is of interest and inside, of interest, inside `(3, cases)`."""
    return np.stack([inside & interest, interest, inside]).astype(float)


def _judged(sums, resamples, random):
    """Return rows of coverage and density with intervals from redrawn groups; `sums` `(groups, 3, 3)` as they are counted."""
    times = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=resamples)
    drawn = (times @ sums.reshape(len(sums), -1)).reshape(-1, 3, 3)
    rows = []
    for name, of in (("coverage", 1), ("density", 2)):
        value, draws = _corrected(sums.sum(axis=0)[None], of), _corrected(drawn, of)
        draws = draws[np.isfinite(draws)]
        low, high = np.quantile(draws, INTERVAL) if len(draws) > 1 else (np.nan, np.nan)
        rows.append({"index": name, "value": float(value[0]), "low": float(low), "high": float(high)})
    return rows


def _corrected(sums, of):
    """Return what the reported box has, less what boxes lose from seen to unseen cases, within 0 and 1."""
    reported, seen, unseen = (_over(sums[:, which], of) for which in range(3))
    return np.clip(reported - (seen - unseen), 0.0, 1.0)


def _over(counts, of):
    """Return the first column over another, nan where that is nothing."""
    return np.where(counts[:, of] > 0, counts[:, 0] / np.maximum(counts[:, of], 1.0), np.nan)


def _grouped(points, cases):
    """Return the places of the cases of each point."""
    if points is None:
        return [np.array([case]) for case in range(cases)]
    _, first = np.unique(np.sort(points), return_index=True)
    return np.split(np.argsort(points, kind="stable"), first[1:])


def _redrawn(groups, random):
    return np.concatenate([groups[place] for place in random.integers(len(groups), size=len(groups))])

"""Sensitivity indices from arrays: Morris's elementary effects, Sobol's indices, and the share of variance that is chance.

Intervals hold 95% and are percentiles of a bootstrap that draws whole trajectories, blocks or points with replacement. They
speak of how the design was drawn, and not of what the model leaves out. Of few trajectories or blocks they are too narrow.
"""

from typing import NamedTuple

import numpy as np

from market_abm.errors import BadInput, Problem

INTERVAL = (0.025, 0.975)
VARIES = 1e-12  # of the largest size: an outcome that varies less does so by rounding
AT_ONCE = 1_000_000  # outcomes that are resampled together, 8 MB an array


class Indices(NamedTuple):
    """Rows of indices, and how many trajectories or blocks they rest on."""

    rows: list[dict]
    used: int
    left_out: int


class Parts(NamedTuple):
    """Parts of the variance of an outcome, each in its unit squared; estimated without bias, so that one may fall below zero."""

    point: float
    seed: float
    interaction: float


def morris(unit, y, levels, resamples=1000, seed=0):
    """Return mean (`mu`), mean size (`mu_star`) and standard deviation (`sigma`) of each factor's elementary effects.

    `unit` `(rows, factors)` is a design in the unit cube by SALib, trajectories of factors + 1 rows one after another; `y` `(rows,)` the
    outcome. An effect is the change of the outcome over the step, in the outcome's unit for the whole range of the factor (Morris 1991;
    `mu_star`: Campolongo, Cariboni and Saltelli 2007). A trajectory with a missing outcome is left out whole.
    The effects are taken here, because SALib hands out half widths of `mu_star` alone and no effects to resample; its values are the same.
    """
    unit = np.asarray(unit, float)
    factors = unit.shape[1]
    outcomes, known = _in_blocks(y, factors + 1, "trajectories")
    effects = _effects(unit, outcomes, levels)[known]
    names = ("mu_star", "mu", "sigma")
    if not _usable(outcomes[known]):
        return _told(names, np.full((3, factors), np.nan), np.empty((3, factors, 0)), known)
    count = len(effects)
    return _told(names, _moments(effects, np.ones((1, count)))[..., 0], _moments(effects, _draws(count, resamples, seed)), known)


def _effects(unit, outcomes, levels):
    """Return the elementary effects `(trajectories, factors)` after checking that each factor takes one step of the right size."""
    if len(unit) != outcomes.size:
        raise BadInput(Problem("morris", f"has {len(unit)} rows in the design and {outcomes.size} outcomes", "give one outcome a row"))
    factors, step = unit.shape[1], levels / (2 * (levels - 1))
    moves = np.diff(unit.reshape(-1, factors + 1, factors), axis=1)
    which = np.abs(moves).argmax(axis=2)
    size = np.take_along_axis(moves, which[..., None], axis=2)[..., 0]
    right = np.isclose(np.abs(size), step, atol=1e-6) & np.isclose(np.abs(moves).sum(axis=2), step, atol=1e-6)
    if not (right.all() and (np.sort(which, axis=1) == np.arange(factors)).all()):
        raise BadInput(Problem("morris", f"is no design of trajectories in which each factor takes one step of {step:.4g}",
                               "give the unit cube's rows as SALib's morris.sample made them, and its number of levels", key="levels", value=levels))
    effects = np.empty(which.shape)
    np.put_along_axis(effects, which, np.diff(outcomes, axis=1) / (np.sign(size) * step), axis=1)
    return effects


def _moments(effects, counts):
    """Return mean size, mean and standard deviation `(3, factors, draws)` of effects that are each taken `counts` `(draws, effects)` times."""
    count = len(effects)
    center = effects.mean(axis=0)
    shift = counts @ (effects - center) / count
    variance = (counts @ (effects - center) ** 2 - count * shift**2) / (count - 1)
    return np.stack([(counts @ np.abs(effects) / count).T, (center + shift).T, np.sqrt(np.maximum(variance, 0.0)).T])


def sobol(y, factors, resamples=1000, seed=0):
    """Return first-order (`S1`) and total (`ST`) indices of each factor.

    `y` `(rows,)` are outcomes of a Saltelli design without second order as SALib orders it, blocks of factors + 2. The estimators are
    SALib's: Saltelli and others (2010, table 2 b) for `S1`, Jansen (1999) for `ST`. A block with a missing outcome is left out whole.
    The bootstrap takes blocks for independent; those of a Sobol sequence fill the cube more evenly, so the intervals are rather too wide.
    """
    blocks, known = _in_blocks(y, factors + 2, "blocks")
    blocks = blocks[known]
    names = ("S1", "ST")
    if not _usable(blocks):
        return _told(names, np.full((2, factors), np.nan), np.empty((2, factors, 0)), known)
    blocks = (blocks - blocks.mean()) / blocks.std()  # as SALib does: the estimator of S1 errs more when the mean is far from zero
    count, random = len(blocks), np.random.default_rng(seed)
    at_once = max(1, AT_ONCE // count)
    drawn = [_first_and_total(blocks, random.integers(count, size=(count, min(at_once, resamples - done)))) for done in range(0, resamples, at_once)]
    values = _first_and_total(blocks, np.arange(count)[:, None])[..., 0]
    return _told(names, values, np.concatenate([np.empty((2, factors, 0)), *drawn], axis=2), known)


def _first_and_total(blocks, chosen):
    """Return SALib's estimates `(2, factors, draws)` from the blocks `chosen` `(blocks, draws)`; nan where a draw does not vary."""
    from SALib.analyze.sobol import first_order, total_order

    factors = blocks.shape[1] - 2
    a, b = blocks[chosen, 0], blocks[chosen, -1]
    varies = np.ptp(np.concatenate([a, b]), axis=0) > VARIES
    out = np.full((2, factors, chosen.shape[1]), np.nan)
    if varies.any():  # else SALib warns
        for factor in range(factors):
            mixed = blocks[chosen, factor + 1]
            out[0, factor], out[1, factor] = first_order(a, mixed, b), total_order(a, mixed, b)
    return np.where(varies, out, np.nan)


def noise_share(values, resamples=1000, seed=0):
    """Return how much of the variance is chance: of a single run (`noise_share`), and of the points' means (`noise_share_of_means`).

    `values` `(points, runs)` is one metric; run r has the same seed at every point. The outcome is taken apart as mean + point + seed +
    interaction of the two, which are uncorrelated when points and seeds are drawn independently (two-way random layout with one figure a
    cell: Searle, Casella and McCulloch 1992, chapter 4). By the law of total variance

        noise_share = E_point[Var_seed(Y)] / Var(Y) = (seed + interaction) / (point + seed + interaction).

    Within points the mean sample variance over runs expects seed + interaction. The seeds' main effect shifts the means of all points
    alike, so the sample variance of these means expects point + interaction / runs, and

        noise_share_of_means = (interaction / runs) / (point + interaction / runs).

    This part is fixed with the seeds, and to an index of the means it looks like an effect of all factors together: it adds to `ST` and `sigma`.

    The parts are without bias (`variance_parts`), the ratios only nearly: with few seeds the part of the seeds rests on runs - 1 degrees of
    freedom, and the share comes out too low on average where that part is large. Shares are cut to 0 and 1.
    Intervals draw points again and keep the seeds; they leave out that other seeds would give another figure.
    Points with a missing run are left out; each row says how many were `used` and `left_out`. One run a point tells nothing: nan.
    """
    kept, known = _points(values)
    names = ("noise_share", "noise_share_of_means")
    shares, drawn = np.full(2, np.nan), np.empty((2, 0))
    if _usable(kept) and kept.shape[1] > 1:
        shares = _shares(kept, np.ones((1, len(kept))))[:, 0]
        drawn = _shares(kept, _draws(len(kept), resamples, seed))
    counts = {"used": len(kept), "left_out": int((~known).sum())}
    return [{"index": name, "value": float(value), **_interval(draws), **counts} for name, value, draws in zip(names, shares, drawn, strict=True)]


def variance_parts(values):
    """Return the parts of variance due to point, seed and their interaction, from `values` `(points, runs)` with common seeds; see `noise_share`."""
    kept, _ = _points(values)
    if len(kept) < 2 or kept.shape[1] < 2:
        return Parts(np.nan, np.nan, np.nan)
    within, between, interaction = _mean_squares(kept, np.ones((1, len(kept))))[:, 0]
    return Parts(float(between - interaction / kept.shape[1]), float(within - interaction), float(interaction))


def _points(values):
    """Return the points `(points, runs)` without a missing run, and which they are."""
    values = np.asarray(values, float)
    if values.ndim != 2:
        raise BadInput(Problem("noise_share", f"has values of {values.ndim} dimensions", "give one row a point and one column a run"))
    known = np.isfinite(values).all(axis=1)
    return values[known], known


def _mean_squares(values, counts):
    """Return variance within points, that of their means and that of the interaction `(3, draws)`; points are taken `counts` `(draws, points)` times.

    The sum of squares within points is that of the seeds' means and that of the interaction together.
    """
    points = len(values)
    values = values - values.mean()
    means = values.mean(axis=1)
    within = counts @ values.var(axis=1, ddof=1) / points
    between = (counts @ means**2 - (counts @ means) ** 2 / points) / (points - 1)
    interaction = (within - (counts @ values / points).var(axis=1, ddof=1)) * points / (points - 1)
    return np.stack([within, between, interaction])


def _shares(values, counts):
    """Return both shares of chance `(2, draws)`, nan where a draw does not vary."""
    within, between, interaction = _mean_squares(values, counts)
    of_mean = np.maximum(interaction, 0.0) / values.shape[1]
    total = within + np.maximum(between - of_mean, 0.0)
    upper = np.stack([within, np.minimum(of_mean, between)])
    lower = np.stack([total, between])
    some = lower > VARIES**2 * (values**2).max()
    return np.where(some, np.clip(upper / np.where(some, lower, 1.0), 0.0, 1.0), np.nan)


def _in_blocks(y, size, name):
    """Return outcomes `(blocks, size)` and which blocks are complete."""
    y = np.asarray(y, float)
    if y.ndim != 1 or len(y) % size:
        raise BadInput(Problem(name, f"{y.shape} outcomes are no whole number of {name} of {size}", "give all rows of the design, in its order"))
    blocks = y.reshape(-1, size)
    return blocks, np.isfinite(blocks).all(axis=1)


def _usable(blocks):
    """Say whether there are at least two rows and the outcome varies beyond rounding."""
    return len(blocks) > 1 and np.ptp(blocks) > VARIES * np.abs(blocks).max()


def _draws(count, resamples, seed):
    """Return how often each of `count` is taken in each bootstrap sample, `(resamples, count)`."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples).astype(float)


def _interval(drawn):
    """Return the interval of the draws that have a figure, nan with fewer than two."""
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, INTERVAL) if len(drawn) > 1 else (np.nan, np.nan)
    return {"low": float(low), "high": float(high)}


def _told(names, values, drawn, known):
    """Return one row a factor and index, from `values` `(indices, factors)` and `drawn` `(indices, factors, draws)`."""
    rows = [{"factor": factor, "index": name, "value": float(values[n, factor]), **_interval(drawn[n, factor])}
            for factor in range(values.shape[1]) for n, name in enumerate(names)]
    return Indices(rows, int(known.sum()), int((~known).sum()))

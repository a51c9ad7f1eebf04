"""What a fit can know: rank, collinearity, standard errors, the test of overidentification, bounds, and the objective's shape.

All of it is local, at the best point, and in ranges: a parameter's derivative is per whole range between its bounds.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from market_abm.evidence.moments import mean_of, process_covariance

NEAR_A_BOUND = 0.01  # of the range
IDENTIFIABLE_BELOW = 20.0  # rule of thumb for a collinearity index (Soetaert and Petzoldt 2010, after Brun, Reichert and Kuensch 2001)
SLICE_POINTS = 9
CLEARLY = 2.0  # standard errors, above which a singular value counts
A_PART = 0.1  # of a direction of length one that the moments do not fix: what shares more than this in it has no standard error
ERRORS_DRAWN = 20  # of measurement, for each run in the place of the history
ROUNDING = 1e-8  # of the largest singular value: what rounding alone leaves of a direction that moves nothing


@dataclass(frozen=True)
class Identified:
    """What is known at the best point; arrays over parameters are in their order, derivatives and covariance in ranges.

    `noise` is the standard error of each singular value's direction: `rank` counts the singular values above twice that.
    """

    slopes: np.ndarray  # (moments, parameters)
    singular_values: np.ndarray
    noise: np.ndarray  # (parameters,)
    rank: int
    condition: float
    importance: np.ndarray  # root mean square of a parameter's weighted derivatives
    collinearity: list[dict]
    covariance: np.ndarray  # of the estimates; nan for parameters that the moments do not fix
    standard_errors: np.ndarray
    correlation: np.ndarray
    j_statistic: float
    j_freedom: int
    j_p_value: float  # if J were chi-squared
    j_p_by_seeds: float  # with each run in the place of the history


def identified(search, point, step, stage="slopes at the best point"):
    """Return what the moments say of the parameters at a point, by slopes of `step` ranges."""
    by_run = search.slopes(point, step, stage)
    met, target = search.met[point], search.target
    return judged(by_run, met.by_run, target)


def noise_of(slopes, directions, weights):
    """Return the standard error of the weighted mean slope along each direction `(directions, parameters)`, its length over all moments.

    `slopes` `(parameters, moments, runs)`. Along a direction that moves nothing the singular value is about this large.
    """
    along = np.tensordot(directions, slopes, 1)
    there = np.isfinite(along)
    count = there.sum(axis=2)
    apart = np.where(there, along - mean_of(along)[..., None], 0.0)
    return np.sqrt((weights * (apart**2).sum(axis=2) / np.maximum(count - 1, 1) / np.maximum(count, 1)).sum(axis=1))


def judged(slopes_by_run, by_run, target):
    """Return the `Identified` of slopes by run `(parameters, moments, runs)` and the moments by run at the point."""
    slopes, root = mean_of(slopes_by_run).T, np.sqrt(target.weights)[:, None]
    weighted = root * slopes
    _, singular, directions = np.linalg.svd(weighted, full_matrices=True)
    singular = np.pad(singular, (0, weighted.shape[1] - len(singular)))  # fewer moments than parameters leave directions free
    noise = noise_of(slopes_by_run, directions, target.weights)
    kept = singular > np.maximum(CLEARLY * noise, ROUNDING * singular[0])
    chance = np.diag(target.errors**2) + (1 + 1 / by_run.shape[1]) * process_covariance(by_run)
    covariance = _covariance(weighted, root, chance, singular, directions, kept)
    errors = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = covariance / np.outer(errors, errors)
    condition = float(singular[0] / singular[-1]) if singular[-1] > ROUNDING * singular[0] else np.inf
    importance = np.sqrt((weighted**2).mean(axis=0))
    return Identified(slopes, singular, noise, int(kept.sum()), condition, importance, collinearity(weighted), covariance, errors, correlation,
                      *overidentification(slopes, by_run, target, int(kept.sum())))


def _covariance(weighted, root, chance, singular, directions, kept):
    """Return (G'WG)^-1 G'W Omega W G (G'WG)^-1 in ranges, nan for parameters that share in a direction that the moments do not fix.

    `chance` is Omega: measurement of the facts, luck of the one history that happened, and luck of the mean over the simulated runs.
    """
    inverse = (directions[kept].T / singular[kept] ** 2) @ directions[kept]
    reach = inverse @ weighted.T * root.T
    covariance = reach @ chance @ reach.T
    loose = (np.abs(directions[~kept]) > A_PART).any(axis=0)
    covariance[loose, :] = np.nan
    covariance[:, loose] = np.nan
    return covariance


def overidentification(slopes, by_run, target, rank):
    """Return (J, degrees of freedom, p by chi-squared, p by seeds): whether the gaps that no parameter can close are more than chance.

    With N'G = 0, N'(m_sim - m) is to first order free of the estimates, whatever the weights, so J = (N'g)' (N' Omega N)^-1 N'g is chi-squared
    with moments less rank degrees of freedom (Hansen 1982), if runs are many more than that. The second p needs no such thing: every run in
    turn is the history, with draws of measurement error, and the others are the model. All is in units of measurement error, where N is
    orthonormal and measurement has the unit matrix as its covariance.
    """
    from scipy.stats import chi2

    freedom = len(slopes) - rank
    whole = by_run[:, np.isfinite(by_run).all(axis=0)]
    if freedom < 1 or whole.shape[1] < 3:
        return np.nan, freedom, np.nan, np.nan
    left, _, _ = np.linalg.svd(slopes / target.errors[:, None], full_matrices=True)
    free = left[:, rank:].T @ ((whole - target.values[:, None]) / target.errors[:, None])
    statistic = float(_distances(free, np.zeros((freedom, 1)))[0])
    return statistic, freedom, float(chi2.sf(statistic, freedom)), _p_by_seeds(free, statistic)


def _distances(runs, histories):
    """Return the squared distance of each history `(freedom, histories)` from the mean of runs, in units of what chance does to it."""
    spread = np.eye(len(runs)) + (1 + 1 / runs.shape[1]) * process_covariance(runs)
    gaps = runs.mean(axis=1, keepdims=True) - histories
    return (gaps * np.linalg.solve(spread, gaps)).sum(axis=0)


def _p_by_seeds(free, statistic):
    """Return how often a run in the place of the history lies as far from the other runs."""
    random, far = np.random.default_rng(0), 0
    for run in range(free.shape[1]):
        histories = free[:, run:run + 1] + random.standard_normal((len(free), ERRORS_DRAWN))
        far += int((_distances(np.delete(free, run, axis=1), histories) >= statistic).sum())
    return (1 + far) / (1 + free.shape[1] * ERRORS_DRAWN)


def collinearity(weighted):
    """Return the collinearity index of every subset of two or more parameters: 1 / the least singular value of their normed columns.

    1 is orthogonal, infinite is dependent: a change of one parameter by 1 can be made up for by the others to 1 / index (Brun et al. 2001).
    nan where a parameter moves nothing.
    """
    length = np.linalg.norm(weighted, axis=0)
    rows = []
    for size in range(2, weighted.shape[1] + 1):
        for subset in map(list, combinations(range(weighted.shape[1]), size)):
            least = np.linalg.svd(weighted[:, subset] / length[subset], compute_uv=False)[-1] if (length[subset] > 0).all() else np.nan
            index = np.nan if np.isnan(least) else 1 / least if least > ROUNDING else np.inf
            rows.append({"parameters": tuple(subset), "index": float(index), "identifiable": bool(index < IDENTIFIABLE_BELOW)})
    return rows


def at_bounds(point):
    """Return "low", "high" or "" for each coordinate of a point."""
    return tuple("low" if place < NEAR_A_BOUND else "high" if place > 1 - NEAR_A_BOUND else "" for place in point)


def slices(search, point, stage="slices"):
    """Return rows of the objective along each parameter over its whole range, the others held."""
    places = [float(place) for place in np.linspace(0.0, 1.0, SLICE_POINTS)]
    wanted = [(which, place, (*point[:which], place, *point[which + 1:])) for which in range(len(point)) for place in places]
    found = search.at([end for _, _, end in wanted], stage)
    return [{"parameter": which, "place": place, "objective": met.objective} for (which, place, _), met in zip(wanted, found, strict=True)]


def curvature(search, point, step):
    """Return the second derivative of the objective along each parameter, `(parameters,)` per range squared, nan within a step of a bound."""
    middle = search.met[point].objective
    found = np.full(len(point), np.nan)
    for which, place in enumerate(point):
        if step <= place <= 1 - step:
            ends = [(*point[:which], place + by, *point[which + 1:]) for by in (-step, step)]
            low, high = (met.objective for met in search.at(ends, "curvature"))
            found[which] = (low - 2 * middle + high) / step**2
    return found

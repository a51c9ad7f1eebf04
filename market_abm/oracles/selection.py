"""Oracle O10: survival of entrants as our estimators find it in lifetimes drawn from the textbook's model of selection.

The engine has no entry by a draw of productivity, so this says nothing about its startups.
"""

import numpy as np

from market_abm.metrics.survival import cumulative_incidence, kaplan_meier
from market_abm.oracles.closed_forms import selection
from market_abm.oracles.finding import Finding, mean_of

SEED = 10
ENOUGH = 20  # seen alive at an age: with fewer the estimate may end in nobody at risk, which biases it


def o10_selection(sheet):
    """Compare Kaplan-Meier's survival of drawn entrants with p (1 - d)^t, Greenwood's error with its limit, and two ends with theirs.

    Source: Hopenhayn 1992; Melitz 2003; Kaplan and Meier 1958.
    """
    economy = (sheet.shape, sheet.substitution, sheet.fixed_cost, sheet.entry_cost, sheet.death_rate)
    least, staying = selection.cutoff(*economy), selection.chance_of_staying(*economy)
    rng = np.random.default_rng(SEED)
    samples = [_lifetimes(sheet, least, rng) for _ in range(sheet.samples)]
    found = _survival(sheet, samples, staying)
    return [*found, *_of_everybody(sheet, samples, staying), *_competing(sheet, staying)]


def _lifetimes(sheet, least, rng):
    """Draw the periods that each entrant lives after its draw of productivity, 0 for who leaves at once, and how long it is watched."""
    draw = rng.pareto(sheet.shape, sheet.entrants) + 1.0
    lived = np.where(draw < least, 0, rng.geometric(sheet.death_rate, sheet.entrants))
    return lived, rng.integers(1, sheet.periods + 1, sheet.entrants)


def _ages(sheet, staying):
    """Return the ages at which survival is read: those that enough entrants of a sample are expected to be seen at."""
    ages = sorted({0, 1, sheet.periods // 4, sheet.periods // 2})
    return [age for age in ages if sheet.entrants * selection.survival(age, staying, sheet.death_rate) * (1 - age / sheet.periods) >= ENOUGH]


def _at(curve, age):
    """Return survival beyond an age and its standard error."""
    place = int(np.searchsorted(curve.times, age, side="right")) - 1
    return (float(curve.survival[place]), float(curve.standard_error[place])) if place >= 0 else (1.0, 0.0)


def _survival(sheet, samples, staying):
    """Return findings on curves of samples in which some are still alive when last seen."""
    curves = [kaplan_meier(np.minimum(lived, watched), lived <= watched) for lived, watched in samples]
    return [_mean(f"survival to age {age}", selection.survival(age, staying, sheet.death_rate), [_at(curve, age)[0] for curve in curves])
            for age in _ages(sheet, staying)]


def _mean(quantity, expected, draws):
    """Return the finding of a mean of draws, exact where they are all the same: nobody leaves at the draw, or nobody is left."""
    if max(draws) == min(draws):
        return Finding(quantity, float(expected), float(draws[0]))
    return mean_of(quantity, expected, draws)


def _of_everybody(sheet, samples, staying):
    """Return findings on Greenwood's error where everybody is watched to the end: it is then that of a share, sqrt(S (1 - S) / n)."""
    worst = 0.0
    for lived, _ in samples:
        curve = kaplan_meier(lived, np.ones(len(lived)))
        share = np.array([(lived > age).mean() for age in curve.times])
        known = np.sqrt(share * (1 - share) / len(lived))
        worst = max(worst, float(np.abs(curve.standard_error - known).max()), float(np.abs(curve.survival - share).max()))
    return [Finding("largest distance of survival and its error from those of a share, with nobody still alive", 0.0, worst)]


def _competing(sheet, staying):
    """Return findings on the cumulative incidence of leaving at the draw and of dying later, fed with expected counts."""
    ages = np.arange(sheet.periods + 1.0)
    alive = selection.survival(ages, staying, sheet.death_rate)
    risk = np.concatenate([[1.0], alive[:-1]])
    ends = np.zeros((2, len(ages)))
    ends[0, 0], ends[1, 1:] = 1.0 - staying, alive[:-1] * sheet.death_rate
    at_draw, later = cumulative_incidence(risk, ends)[:, -1]
    return [Finding("incidence of leaving at the draw", 1.0 - staying, float(at_draw)),
            Finding(f"incidence of death by age {sheet.periods}", staying - float(alive[-1]), float(later))]

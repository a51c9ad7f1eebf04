"""Oracle O28: estimators on samples with known answers."""

import numpy as np
from scipy.stats import sobol_indices, uniform

from market_abm.errors import BadInput, Problem
from market_abm.metrics.survival import cumulative_incidence, kaplan_meier
from market_abm.oracles.closed_forms import estimators
from market_abm.oracles.finding import Finding, mean_of

SEED = 28
INPUTS = ("first", "second", "third")


def o28_estimators(sheet):
    """Compare our Kaplan-Meier, Greenwood and cumulative incidence, and scipy's Sobol indices, with textbook answers.

    Source: Kaplan and Meier 1958; Greenwood 1926; Ishigami and Homma 1990.
    """
    if len(sheet.durations) != len(sheet.ended):
        raise BadInput(Problem("--set", f"must be as long as durations ({len(sheet.durations)})", "say of each whether it had ended",
                               key="ended", value=sheet.ended))
    return [*_survival(sheet), *_sobol(sheet)]


def _survival(sheet):
    """Return findings on one sample of durations, time by time, and on the incidence of its only end."""
    known, got = (estimate(sheet.durations, sheet.ended) for estimate in (estimators.kaplan_meier, kaplan_meier))
    found = [Finding("times at which something ended", float(len(known.times)), float(len(got.times)))]
    for place, time in enumerate(known.times[: len(got.times)]):
        found += [Finding(f"survival beyond {time:g}", float(known.survival[place]), float(got.survival[place])),
                  Finding(f"Greenwood's standard error at {time:g}", float(known.standard_error[place]), float(got.standard_error[place]))]
    if len(known.times):
        durations = np.array(sheet.durations)
        risk = np.array([(durations >= time).sum() for time in known.times])
        ends = np.array([((durations == time) & (np.array(sheet.ended) > 0)).sum() for time in known.times])
        found.append(Finding("cumulative incidence of the only end, at the last time", 1.0 - float(known.survival[-1]),
                             float(cumulative_incidence(risk, ends[None])[0, -1])))
    return found


def _sobol(sheet):
    """Return findings on scipy's indices of Ishigami's function, means over samples of scrambled points.

    The standard error is that of the mean, and the error of order 1/n that the estimator has of its own, where that is more.
    """
    known, rng = estimators.ishigami_indices(sheet.a, sheet.b), np.random.default_rng(SEED)
    sides = [uniform(loc=-np.pi, scale=2 * np.pi)] * len(INPUTS)
    got = [sobol_indices(func=lambda x: estimators.ishigami(x, sheet.a, sheet.b), n=2**sheet.points, dists=sides, rng=rng)
           for _ in range(sheet.samples)]
    return [mean_of(f"Sobol index of the {name} input, {kind}", float(answers[place]), [float(values[kind_name][place]) for values in map(vars, got)],
                    expected_error=2.0**-sheet.points)
            for kind, kind_name, answers in (("alone", "first_order", known.first), ("in all", "total_order", known.total))
            for place, name in enumerate(INPUTS)]

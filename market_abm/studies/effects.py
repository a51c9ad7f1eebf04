"""What a policy changes: paired differences with interval and spread, theory's sign, and a verdict."""

import numpy as np

from market_abm.levers.catalogue import CATALOGUE, OUTCOMES
from market_abm.studies.names import catalogued

AGREE, DISAGREE, INCONCLUSIVE, AMBIGUOUS = "agree", "disagree", "inconclusive", "ambiguous"
CONFIDENCE = 0.95
ERROR_RATE = 0.05  # of discoveries, over all cells of one comparison
NEGLIGIBLE = 0.02  # of the baseline: an interval within it counts as no effect where theory expects none
SPREAD = (0.05, 0.5, 0.95)
EITHER_WAY = "±"


def paired(differences):
    """Return mean, low and high of a 95% interval by Student's t, spread over seeds, pairs and the p-value of no difference.

    `differences` `(runs,)` are of the same seeds under both; those with a failed run (nan) are left out. With fewer than two
    pairs there is no interval (nan).
    """
    from scipy import stats

    kept = differences[np.isfinite(differences)]
    count, nothing = len(kept), float("nan")
    if count == 0:
        return {"difference": nothing, "low": nothing, "high": nothing, **dict.fromkeys(("p05", "p50", "p95"), nothing),
                "positive_share": nothing, "pairs": 0, "p_value": nothing}
    mean, error = float(kept.mean()), float(kept.std(ddof=1) / np.sqrt(count)) if count > 1 else nothing
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1)) * error if count > 1 else nothing
    if count > 1 and error == 0:
        p_value = 1.0 if mean == 0 else 0.0
    else:
        p_value = float(2 * stats.t.sf(abs(mean / error), count - 1)) if count > 1 else nothing
    spread = dict(zip(("p05", "p50", "p95"), (float(q) for q in np.quantile(kept, SPREAD)), strict=True))
    return {"difference": mean, "low": mean - reach, "high": mean + reach, **spread,
            "positive_share": float((kept > 0).mean()), "pairs": count, "p_value": p_value}


def predicted(levers, metric):
    """Return theory's sign for a policy of several levers and a metric: +, -, 0, ± or, where theory is silent, nothing.

    Levers that pull the same way keep their sign, none adds nothing, opposite ones leave it open.
    """
    outcome = outcome_of(metric)
    signs = {CATALOGUE[lever].signs.get(outcome, EITHER_WAY) for lever in levers} if outcome else set()
    if not signs:
        return ""
    moving = signs - {"0"}
    if not moving:
        return "0"
    return moving.pop() if len(moving) == 1 else EITHER_WAY


def outcome_of(metric):
    """Return the outcome that a metric stands for in theory's table, or nothing."""
    plain = metric.removesuffix("_by_group")
    return next((outcome for outcome, metrics in OUTCOMES.items() if plain in metrics), "")


def verdict(row):
    """Judge one cell: whether the difference has theory's sign beyond chance.

    Chance is judged after Benjamini and Hochberg's correction over all cells. Where theory expects nothing, an interval within
    2% of the baseline agrees, and one beyond it disagrees.
    """
    sign, difference = row["predicted_sign"], row["difference"]
    if sign in ("", EITHER_WAY):
        return AMBIGUOUS
    if sign == "0":
        bound = NEGLIGIBLE * abs(row["baseline"])
        if -bound <= row["low"] and row["high"] <= bound:
            return AGREE
        return DISAGREE if found(row) and (row["low"] > bound or row["high"] < -bound) else INCONCLUSIVE
    if not found(row):
        return INCONCLUSIVE
    return AGREE if (difference > 0) == (sign == "+") else DISAGREE


def found(row):
    """Say whether a difference is told apart from zero after the correction for many cells; nan is not found."""
    return bool(row["q_value"] <= ERROR_RATE)


def relative(row):
    """Return a difference over the baseline's size, nan where that is nothing or missing."""
    return row["difference"] / abs(row["baseline"]) if row["baseline"] else float("nan")


def corrected(p_values):
    """Return p-values after Benjamini and Hochberg's (1995) control of the false discovery rate; nan stays nan."""
    from scipy import stats

    p_values = np.asarray(p_values, float)
    known = np.isfinite(p_values)
    out = np.full(p_values.shape, np.nan)
    if known.any():
        out[known] = stats.false_discovery_control(p_values[known])
    return out


def effects_of(baseline, results, policies, metrics, quarters):
    """Return one dict a policy, metric and quarter.

    `results` and `policies` (dated levers) are by the policy's name; a metric that an outcome stands for has theory's sign.
    """
    told = catalogued(baseline.config)
    rows = [
        {"lever": name, "metric": metric, "unit": told[metric].unit if metric in told else "", "quarter": quarter,
         "start": first_start(policies[name]),
         **_beside(*(each.metric(metric)[each.labels.index(quarter)] for each in (baseline, result))),
         "predicted_sign": predicted([lever.name for lever in policies[name]], metric)}
        for metric in metrics for quarter in quarters for name, result in results.items()
    ]
    for row, q_value in zip(rows, corrected([row["p_value"] for row in rows]), strict=True):
        row["q_value"] = float(q_value)
        row["verdict"] = verdict(row)
        row["relative"] = relative(row)
    return rows


def first_start(levers):
    """Return the quarter in which the first lever of a policy starts."""
    return min((lever.start for lever in levers), default="")


def _beside(before, after):
    """Return the mean of the baseline over the pairs that have a figure under both, and what is paired."""
    known = before[np.isfinite(before) & np.isfinite(after)]
    return {"baseline": float(known.mean()) if len(known) else float("nan")} | paired(after - before)

"""What policies change, in sentences made from the effects of a comparison."""

import math

from market_abm.report.numbers import known, level, percent, range_of_changes, size_of_change, whole
from market_abm.studies.effects import AGREE, AMBIGUOUS, DISAGREE, found, relative
from market_abm.studies.names import capital, catalogued, metric_name, policy_name

SAID = 10  # found differences told in full; the table has the others
MOST = 3  # differences of a policy that the short answer names
SIGNS = {"+": "higher", "-": "lower", "0": "no effect", "±": "either way", "": "nothing"}
TWICE = 2.0  # times the baseline from which a ratio is easier to grasp than per cent


def answer(study):
    """Return the answer in blocks of title, introduction and items."""
    rows, names = by_size(study.effects), named(study)
    if not rows:
        return [("What was compared", "No effect was computed: there is nothing to compare.", [])]
    moved = [row for row in rows if found(row)]
    against = [row for row in rows if row["verdict"] == DISAGREE]
    return [
        ("In short", f"What each policy changes most in {quarters_of(rows)}, against the baseline with the same luck.", shortly(rows, names)),
        ("What was compared", counted(rows), []),
        ("What moves, largest first", _moved(moved), [effect(row, names) for row in moved[:SAID]]),
        ("As theory expects", _intro(rows, AGREE), grouped([row for row in rows if row["verdict"] == AGREE], names)),
        ("Against theory", _against(against), [disagreement(row, names) for row in against]),
        ("Found, where theory is open or silent", "", grouped([row for row in moved if row["verdict"] == AMBIGUOUS], names)),
        ("Not to be told apart from zero", _untold(rows), grouped([row for row in rows if untold(row)], names)),
        ("No figure", "", grouped([row for row in rows if not known(row["difference"])], names)),
    ]


def blocks(study):
    """Return the blocks of the answer that say something."""
    return [(title, intro, items) for title, intro, items in answer(study) if intro or items]


def named(study):
    """Return {metric: name for people} of the metrics compared."""
    told = catalogued(study.baseline.config)
    metrics = dict.fromkeys(row["metric"] for row in study.effects)
    return {name: metric_name(name, told[name].says if name in told else "") for name in metrics}


def untold(row):
    """Say whether a difference can neither be told apart from zero nor be shown to be negligible."""
    return known(row["difference"]) and not found(row) and row["verdict"] != AGREE


def by_size(rows):
    """Sort effects by their size over the baseline, the largest first, those without one last."""
    return sorted(rows, key=lambda row: -abs(relative(row)) if known(relative(row)) else math.inf)


def shortly(rows, names):
    """Say the largest found differences of each policy, one line each; `rows` are sorted by size."""
    lines = []
    for policy in dict.fromkeys(row["lever"] for row in rows):
        own = [row for row in rows if row["lever"] == policy]
        largest = [f"{names[row['metric']]}{_part(row)}" for row in own if found(row)][:MOST]
        idle = all(row["difference"] == row["p05"] == row["p95"] == 0 for row in own)
        nothing = "no difference at all; it is not in force by then" if idle else "nothing that can be told apart from zero"
        lines.append(f"{capital(policy_name(policy))}: {', '.join(largest) or nothing}.")
    return lines


def quarters_of(rows):
    """Say in which quarters differences are read."""
    return " and ".join(sorted({row["quarter"] for row in rows}))


def counted(rows):
    """Say how many differences there are, how many were found and what theory has to say of them."""
    policies, metrics = len({row["lever"] for row in rows}), len({row["metric"] for row in rows})
    pairs = sorted({row["pairs"] for row in rows})
    seeds = f"{pairs[-1]}" if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
    moved = sum(found(row) for row in rows)
    return (f"Policies: {policies}; metrics: {metrics}; read in {quarters_of(rows)}; paired seeds: {seeds}. "
            f"Of {len(rows)} differences {moved} can be told apart from zero after the correction for their number.")


def effect(row, names):
    """Say one difference: how much against the baseline, its interval, its spread, and theory's word on it."""
    return f"{difference(row, names)}; {uncertainty(row)}. {theory(row)}"


def difference(row, names):
    """Say how far a policy moves a metric."""
    way = "higher" if row["difference"] > 0 else "lower"
    size = size_of_change(row["difference"], row["metric"], row["unit"])
    against = f"the baseline's {level(row['baseline'], row['metric'], row['unit'])}" if known(row["baseline"]) else "the baseline"
    return (f"{capital(policy_name(row['lever']))}: {names[row['metric']]} in {row['quarter']} is {size} {way} than {against}{_part(row)}")


def _part(row):
    """Say a difference as a part of the baseline, or as times of it."""
    part = relative(row)
    if not known(part) or row["baseline"] <= 0:
        return ""
    if 1 + part >= TWICE:
        return f" ({1 + part:.2g} times as much)" if 1 + part < 100 else f" ({whole(1 + part)} times as much)"
    return f" ({percent(abs(part) * 100)}% {'more' if part > 0 else 'less'})"


def uncertainty(row):
    """Say the interval of a difference and in how many pairs it is positive."""
    if not (known(row["low"]) and known(row["high"])):
        return "one pair, so no interval" if row["pairs"] == 1 else "no interval"
    higher = round(row["positive_share"] * row["pairs"])
    return f"95% interval {range_of_changes(row['low'], row['high'], row['metric'], row['unit'])}; higher in {higher} of {row['pairs']} pairs"


def theory(row):
    """Say what theory expects of one cell, and whether it came."""
    sign, judged = SIGNS[row["predicted_sign"]], row["verdict"]
    if row["predicted_sign"] == "":
        return "Theory says nothing of it."
    if judged == AMBIGUOUS:
        return "Theory has it either way."
    if judged == AGREE:
        return f"Theory expects {sign}: agrees." if row["predicted_sign"] != "0" else "Theory expects no effect: agrees, the interval lies within 2%."
    return f"Theory expects {sign}: disagrees." if judged == DISAGREE else f"Theory expects {sign}: inconclusive."


def disagreement(row, names):
    """Say one difference against theory's sign."""
    return f"{difference(row, names)}, where theory expects {SIGNS[row['predicted_sign']]}."


def grouped(rows, names):
    """Say for each policy which metrics, in the order of the rows."""
    several = len({row["quarter"] for row in rows}) > 1
    policies = {}
    for row in rows:
        what = f"{names[row['metric']]} in {row['quarter']}" if several else names[row["metric"]]
        policies.setdefault(row["lever"], []).append(what + (" (negligible, within 2%)" if _shown_idle(row) else ""))
    return [f"{capital(policy_name(policy))}: {', '.join(metrics)}." for policy, metrics in policies.items()]


def _shown_idle(row):
    return row["verdict"] == AGREE and row["predicted_sign"] == "0"


def _moved(moved):
    if not moved:
        return "No difference can be told apart from zero at this number of seeds."
    rest = f" The {SAID} largest of {len(moved)}; the table has them all." if len(moved) > SAID else ""
    return f"In this model, with its assumed numbers. Sizes are compared as parts of the baseline.{rest}"


def _intro(rows, judged):
    if not any(known(row["q_value"]) for row in rows):
        return ""
    number = sum(row["verdict"] == judged for row in rows)
    expected = sum(row["verdict"] != AMBIGUOUS for row in rows)
    return f"{number} of the {expected} differences on which theory has a word." if expected else ""


def _against(rows):
    return "A disagreement may be the fault of the theory, the model or its assumed numbers." if rows else ""


def _untold(rows):
    few = [row for row in rows if row["pairs"] < 2]
    if few and len(few) == len(rows):
        return "With fewer than two pairs there is no interval, so nothing can be judged."
    if not any(untold(row) for row in rows):
        return ""
    close = sum(untold(row) and known(row["low"]) and (row["low"] > 0 or row["high"] < 0) for row in rows)
    some = f" In {close} of them the interval leaves out zero, but not after the correction for many cells." if close else ""
    return f"More seeds may separate them; that none is found here is no proof that there is none.{some}"

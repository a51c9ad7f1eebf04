"""What one scenario does, in sentences made from its figures."""

import numpy as np

from market_abm.report.names import dates, owner_name, values_at
from market_abm.report.numbers import level, percent, spread
from market_abm.studies.names import HHI_POINTS, HIGHLY, MARKETS, MODERATELY
from market_abm.units import QUARTERS_PER_YEAR, slug

LARGEST = 4  # owners named in a sentence
NOT_A_FIRM = ("everybody_else", "startup_pool")  # rows of owners that stand for many
WORTH_NAMING = 0.01  # share below which an owner or a bound is not named
JUDGED = ("compute_owned", "chip_sales", "cloud_revenue", "ai_revenue")
BOUNDS = {
    "owners": ("owners of compute, by the compute they own", {"power": "power", "chips": "chips", "money": "money", "none": "nothing"}),
    "labs": ("labs, by the research budgets they want", {"data": "text to train on", "compute": "rationed compute", "money": "money",
                                                         "prize": "the expected prize", "ambition": "their own ambition alone"}),
}


def answer(result):
    """Return the answer in blocks of title, introduction and sentences; a block without figures is left out."""
    blocks = [
        ("In short", "", [in_short(result)]),
        ("Who owns the compute", "AI compute is what installed AI chips could do at their peak, in PFLOP/s.",
         [owners(result, quarter) for quarter in dates(result)]),
        ("How concentrated the markets are", "The Herfindahl-Hirschman index (HHI) runs from near 0, many small firms, to 10,000 points, one firm.",
         [concentration(result, market) for market in JUDGED]),
        ("What it costs to get in", "20 PFLOP/s is called a person of compute.", [entry(result, quarter) for quarter in dates(result)]),
        ("What holds the market back", "Means over runs; parts below 1% are left out.",
         [binding(result, who, quarter) for who in BOUNDS for quarter in dates(result)]),
    ]
    kept = [(title, intro, [sentence for sentence in sentences if sentence]) for title, intro, sentences in blocks]
    return [block for block in kept if block[2]]


def in_short(result):
    """Say how the share of the four largest owners goes from the first date to the last, and in how many runs it rises."""
    first, last = dates(result)[0], dates(result)[-1]
    if first == last or not all(_said(result, "cr4_compute_owned", "share", quarter) for quarter in (first, last)):
        return ""
    before, after = (values_at(result, "cr4_compute_owned", quarter) for quarter in (first, last))
    kept = np.isfinite(before) & np.isfinite(after)
    rises = int((after > before)[kept].sum())
    return (f"The four largest owners hold {spread(before, 'cr4_compute_owned', 'share')} of AI compute in {first} and "
            f"{spread(after, 'cr4_compute_owned', 'share')} in {last}; their share rises in {rises} of {int(kept.sum())} runs.")


def owners(result, quarter):
    """Say who owns how much AI compute: median over runs, and what many small owners hold."""
    shares = {name: values for name, values in _shares(result, quarter).items() if np.isfinite(values).any()}
    ranked = sorted(shares, key=lambda name: -np.nanmedian(shares[name]))
    named = [name for name in ranked if np.nanmedian(shares[name]) >= WORTH_NAMING][:LARGEST]
    if not named:
        return ""
    first, *others = [f"{name} {'owns ' if place == 0 else ''}{spread(shares[name], 'share_owned', 'share')}" for place, name in enumerate(named)]
    text = f"{_in(result, quarter)} {', '.join([f'{first} of AI compute', *others])}."
    return " ".join(filter(None, [text, _four_largest(result, quarter), _everybody_else(result, quarter)]))


def _four_largest(result, quarter):
    said = _said(result, "cr4_compute_owned", "share", quarter)
    return f"The four largest named owners of each run hold {said}." if said else ""


def _everybody_else(result, quarter):
    names = [cloud.name for cloud in result.config.cast.clouds if cloud.kind == "everybody_else"]
    said = [_said(result, f"share_owned_{slug(name)}", "share", quarter) for name in names]
    return "".join(f"All other owners, many and small, hold {text}." for text in said if text)


def _shares(result, quarter):
    """Return {owner's name: shares `(runs,)`} of single firms."""
    return {owner_name(cloud.name): values_at(result, f"share_owned_{slug(cloud.name)}", quarter) for cloud in result.config.cast.clouds
            if cloud.kind not in NOT_A_FIRM and f"share_owned_{slug(cloud.name)}" in result.names}


def concentration(result, market):
    """Say how concentrated one market is at each date, against 1,000 and 1,800 points."""
    metric = f"hhi_{market}"
    said = [_concentration(result, metric, quarter) for quarter in dates(result) if _said(result, metric, "0 to 1", quarter)]
    return f"HHI of {MARKETS[market]}: {'; '.join(said)}." if said else ""


def _concentration(result, metric, quarter):
    values = values_at(result, metric, quarter)
    known = values[np.isfinite(values)] * HHI_POINTS
    above = int((known > HIGHLY).sum())
    often = f", above 1,800 in {above} of {len(known)} runs" if 0 < above < len(known) else ""
    return f"{spread(values, metric, '0 to 1')} in {quarter}, {concentrated(float(np.median(known)))}{often}"


def concentrated(points):
    """Call a market by its index, in points."""
    if points > HIGHLY:
        return "highly concentrated"
    return "moderately concentrated" if points >= MODERATELY else "not concentrated"


def entry(result, quarter):
    """Say what it costs to get in: compute, a competitive training run, and the wait for power."""
    compute = _said(result, "person_of_compute_usd", "USD", quarter)
    run = _said(result, "run_cost_usd_tenth_run", "USD", quarter)
    times = _said(result, "capital_ratio_tenth_run", "ratio", quarter)
    power = _said(result, "time_to_power_quarters", "quarters", quarter)
    sentences = [
        f"20 PFLOP/s, bought, housed and networked, cost {compute}." if compute else "",
        f"To rent a training run a tenth as large as the largest costs {run}" + (f", {times} times the median startup's funds" if times else "") + "."
        if run else "",
        f"Half of the power that is asked for is there after {power}." if power else "",
    ]
    text = " ".join(filter(None, sentences))
    return f"{_when(result, quarter)}: {text}" if text else ""


def binding(result, who, quarter):
    """Say what stopped owners or labs in the year up to a quarter: means over runs, the largest part with its range."""
    whose, words = BOUNDS[who]
    year = {word: _year_to(result, f"bound_by_{bound}_{who}", quarter) for bound, word in words.items() if f"bound_by_{bound}_{who}" in result.names}
    parts = {word: values[np.isfinite(values)] for word, values in year.items() if np.isfinite(values).any()}
    if not parts:
        return ""
    ranked = sorted(parts, key=lambda word: -parts[word].mean())
    said = [f"{word} {level(float(parts[word].mean()), 'bound_by', 'share')}" for word in ranked if parts[word].mean() >= WORTH_NAMING]
    largest = parts[ranked[0]] * 100
    if len(largest) > 1:
        low, high = np.quantile(largest, (0.05, 0.95))
        said[0] += f" (5 to 95% of runs: {percent(low)} to {percent(high)}%)"
    return f"What stopped {whose}, in the year to {quarter}: {', '.join(said)}."


def _year_to(result, metric, quarter):
    """Return means of the year that ends with a quarter, `(runs,)`; nan for a run that failed in it."""
    last = result.labels.index(quarter) + 1
    return result.metric(metric)[max(0, last - QUARTERS_PER_YEAR): last].mean(axis=0)


def _said(result, metric, unit, quarter):
    """Say median and range of a metric, or nothing where there is no figure."""
    if metric not in result.names:
        return ""
    values = values_at(result, metric, quarter)
    return spread(values, metric, unit) if np.isfinite(values).any() else ""


def _when(result, quarter):
    """Name a date, and say whether it is the end of history."""
    return f"{quarter}, the end of the period with facts" if quarter == result.config.frame.history_until else quarter


def _in(result, quarter):
    """Begin a sentence with a date."""
    when = _when(result, quarter)
    return f"In {when}," if "," in when else f"In {when}"

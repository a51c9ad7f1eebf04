"""Estimators: a run measured as the fact was. Each is a pure function of series `(quarters, runs)`; a run without a value is nan."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from market_abm.units import QUARTERS_PER_YEAR, quarter_number

LEAST_FOR_GROWTH = 2  # quarters with a value
SHARED = {"factor": 1.0, "of": "", "since": "", "inverse": False}  # what every estimator may be told, and what it does if it is not


def ends_of(period):
    """Return the two ends of a period, each (first quarter, last quarter): of 2023..2024Q2 ("2023Q1", "2023Q4") and ("2024Q2", "2024Q2").

    A period of one part has that part at both ends. Raises ValueError for what is no period.
    """
    parts = str(period).split("..")
    if len(parts) > 2:
        raise ValueError(f"{period!r} is no period")
    first, last = _part(parts[0]), _part(parts[-1])
    if quarter_number(last[1], first[0]) < 0 or (len(parts) == 2 and quarter_number(last[0], first[1]) < 1):
        raise ValueError(f"{period!r} ends before it begins")
    return first, last


def _part(text):
    """Return the first and last quarter of a year or a quarter."""
    if len(text) == 4 and text.isdigit():
        return f"{text}Q1", f"{text}Q4"
    quarter_number(text, text)
    return text, text


def last_of(period):
    """Return the last quarter of a period."""
    return ends_of(period)[1][1]


def year_in_middle(period):
    """Return the calendar year, with its fraction, in the middle of a period: 2023.5 of 2023, 2023.875 of 2023Q4."""
    (first, _), (_, last) = ends_of(period)
    start = int(first[:4]) + (int(first[5]) - 1) / QUARTERS_PER_YEAR
    return start + (quarter_number(last, first) + 1) / QUARTERS_PER_YEAR / 2


def _rows(labels, first, last):
    """Return the rows of the quarters from first to last; None where some of them are not among the labels."""
    start, end = quarter_number(first, labels[0]), quarter_number(last, labels[0])
    return slice(start, end + 1) if start >= 0 and end < len(labels) else None


def _mean(series, labels, ends):
    return _over(series, labels, ends).mean(axis=0)


def _at(series, labels, ends):
    return _over(series, labels, ends)[-1]


def _total(series, labels, ends):
    """Add up a flow that is reported as a yearly rate every quarter."""
    return _over(series, labels, ends).sum(axis=0) / QUARTERS_PER_YEAR


def _change(series, labels, ends):
    before, after = _at_both_ends(series, labels, ends)
    return after - before


def _times(series, labels, ends):
    return _quotient(*reversed(_at_both_ends(series, labels, ends)))


def _growth(series, labels, ends):
    """Return exp of the slope of ln on time in years, by least squares over the quarters that have a value above 0.

    A run without a value in the last quarter has failed, or has lost what is measured: it has no growth.
    """
    seen = _over(series, labels, ends)
    logs = np.log(np.where(seen > 0, seen, np.nan))
    there = np.isfinite(logs)
    count = there.sum(axis=0)
    years = np.where(there, np.arange(len(seen))[:, None] / QUARTERS_PER_YEAR, 0.0)
    apart = np.where(there, years - years.sum(axis=0) / np.maximum(count, 1), 0.0)
    slope = _quotient((apart * np.where(there, logs, 0.0)).sum(axis=0), (apart**2).sum(axis=0))
    return np.where((count >= LEAST_FOR_GROWTH) & there[-1], np.exp(slope), np.nan)


def _running_top(series, labels, ends):
    """Return the growth of the record.

    The fact is a regression of ln FLOP on date over the runs that were among the k largest when they were made. The model tells of a quarter
    the largest run and the geometric mean of its ten largest, not each run; so the series is replaced by its running maximum, which a
    run below the record does not move, and regressed in the same way.
    """
    return _growth(_running_maximum(series), labels, ends)


def _record(series, labels, ends):
    return _at(_running_maximum(series), labels, ends)


def _share_of_quarters(series, labels, ends, above=0.5):
    seen = _over(series, labels, ends)
    return np.where(np.isnan(seen).any(axis=0), np.nan, (seen > above).mean(axis=0))


def _pulses(series, labels, ends):
    """Count how often a series of 0 and 1 changes: how often the frontier passes between startups and owners."""
    seen = _over(series, labels, ends)
    return np.where(np.isnan(seen).any(axis=0), np.nan, (np.diff(seen > 0.5, axis=0)).sum(axis=0))


def _ratio(first, second, labels, ends):
    """Return the mean of one series over the mean of another."""
    return _quotient(_mean(first, labels, ends), _mean(second, labels, ends))


def _two_makers(*shares_and_flow, labels, ends, index="share", late=0, enter="2024Q1", since=""):
    """Return the leader's share, or the HHI, of the makers that the source counts: all but the last `late`, and these from the quarter `enter`.

    The series are PFLOP/s shares of makers, the leader first, then all PFLOP/s delivered. `since` adds up flows from that quarter to the end
    of the period, so that a stock without what is older is measured; without it the flow of the period itself is.
    """
    *shares, delivered = shares_and_flow
    since_end = ((since, since), ends[1]) if since else ends
    flows = np.stack([_over(share * delivered, labels, since_end) for share in shares])
    if late:
        counted = np.array([quarter_number(label, enter) >= 0 for label in _over(np.array(labels), labels, since_end)])
        flows[-late:] *= counted[:, None]
    flows = flows.sum(axis=1)
    parts = _quotient(flows, flows.sum(axis=0))
    return (parts**2).sum(axis=0) if index == "hhi" else parts[0]


class TooShort(Exception):
    """The runs do not have some quarter of the period."""


def _over(series, labels, ends):
    """Return the quarters of a period, `(quarters, runs)`."""
    rows = _rows(labels, ends[0][0], ends[1][1])
    if rows is None:
        raise TooShort
    return series[rows]


def _at_both_ends(series, labels, ends):
    """Return the mean over the first and over the last part of a period."""
    return tuple(_mean(series, labels, (end, end)) for end in ends)


def _running_maximum(series):
    """Return the largest value so far; nan until there is one, and from where a run has failed, which its last row shows."""
    found = np.maximum.accumulate(np.where(np.isnan(series), -np.inf, series), axis=0)
    failed = np.flip(np.logical_and.accumulate(np.flip(np.isnan(series), axis=0), axis=0), axis=0)
    return np.where(failed | np.isinf(found), np.nan, found)


def _quotient(above, below):
    """Return above / below, nan where there is nothing to divide by."""
    return np.divide(above, below, out=np.full(np.broadcast_shapes(np.shape(above), np.shape(below)), np.nan), where=np.asarray(below) != 0)


@dataclass(frozen=True, slots=True)
class Estimator:
    """One estimator: its function, how many series it takes after they are put together, its own arguments, and how much time it needs."""

    says: str
    function: Callable
    series: tuple[int, int] = (1, 1)
    arguments: dict = field(default_factory=dict)
    needs: str = ""  # "ends": a period of two parts; "span": more than one quarter


ESTIMATORS = {
    "at": Estimator("value in the last quarter", _at),
    "mean": Estimator("mean of the quarters; of a yearly flow in USD/year, the year's amount", _mean),
    "total": Estimator("amount over the period, of a flow reported as a yearly rate", _total),
    "change": Estimator("mean of the period's last part less that of its first", _change, needs="ends"),
    "times": Estimator("mean of the period's last part over that of its first", _times, needs="ends"),
    "growth": Estimator("ratio a year, by least squares of ln on time", _growth, needs="span"),
    "running_top": Estimator("growth of the record, ratio a year", _running_top, needs="span"),
    "record": Estimator("largest value so far", _record),
    "ratio": Estimator("mean of the first series over that of the second", _ratio, (2, 2)),
    "two_makers": Estimator("share of the leader, or HHI, of the makers that the source counts", _two_makers, (3, 99),
                            {"index": "share", "late": 0, "enter": "2024Q1"}),
    "share_of_quarters": Estimator("part of the quarters with a value above a line", _share_of_quarters, arguments={"above": 0.5}),
    "pulses": Estimator("how often 0 and 1 take turns", _pulses, needs="span"),
}
TOGETHER = {  # what `of` may say: how several series become one
    "product": lambda series: np.prod(series, axis=0),
    "part": lambda series: _quotient(series[0], np.sum(series, axis=0)),
    "sum": lambda series: np.sum(series, axis=0),
}


def estimate(pattern, values, labels, period=None):
    """Return a pattern's estimator over a period (the pattern's own if none is given), `(runs,)`, in the pattern's unit.

    `values` is {metric: (quarters, runs)}, `labels` the quarters. nan where runs are too short, or failed.
    """
    labels, told = list(labels), SHARED | pattern.arguments
    series = [np.asarray(values[name], float) for name in pattern.metrics]
    try:
        found = _estimated(pattern.estimator, series, labels, ends_of(period or pattern.period), told)
    except TooShort:
        found = np.full(series[0].shape[1], np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def _estimated(name, series, labels, ends, told):
    known = ESTIMATORS[name]
    own = {key: value for key, value in told.items() if key in known.arguments}
    if name == "two_makers":
        return _two_makers(*series, labels=labels, ends=ends, since=told["since"], **own) * told["factor"]
    if told["of"]:
        series = [TOGETHER[told["of"]](np.stack(series))]
    if told["since"]:
        series = [_accumulated(one, labels, told["since"]) for one in series]
    if told["inverse"]:
        series = [_quotient(1.0, one) for one in series]
    return known.function(*series, labels, ends, **own) * told["factor"]


def _accumulated(series, labels, since):
    """Return what a yearly flow has added up to since a quarter; nan before it."""
    place = quarter_number(since, labels[0])
    if not 0 <= place < len(labels):
        raise TooShort
    return np.concatenate([np.full_like(series[:place], np.nan), np.cumsum(series[place:], axis=0) / QUARTERS_PER_YEAR])


def periods_like(period, labels):
    """Return all periods of the same kind, quarters or years, that lie within the labels; none for spans of several parts."""
    if ".." in period:
        return ()
    if "Q" in period:
        return tuple(labels)
    whole = [label[:4] for label in labels if label.endswith("Q4")]
    return tuple(year for year in whole if quarter_number(f"{year}Q1", labels[0]) >= 0)

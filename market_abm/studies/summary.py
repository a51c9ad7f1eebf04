"""A few metrics at a few dates: median and 5 to 95% over runs."""

import warnings

import numpy as np

SHOWN = (
    "hhi_compute_owned", "cr4_compute_owned", "hhi_chip_sales", "cr3_cloud_revenue",
    "price_usd_per_pflop_hour", "frontier_run_flop", "startups_alive",
)
ROUND_DATE = "2030Q4"
QUANTILES = (0.5, 0.05, 0.95)


def summary(result):
    """Return one dict a metric and date with its median, low and high; nan where no run has a value."""
    dates = dict.fromkeys((result.config.frame.history_until, ROUND_DATE, result.labels[-1]))
    return [
        {"metric": name, "quarter": date} | dict(zip(("median", "low", "high"), _quantiles(result, name, date), strict=True))
        for name in SHOWN if name in result.names
        for date in dates if date in result.labels
    ]


def _quantiles(result, name, date):
    values = result.metric(name)[result.labels.index(date)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a metric that no run has is nan, not a warning
        return [float(value) for value in np.nanquantile(values, QUANTILES)]

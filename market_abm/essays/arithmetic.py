"""The essays' arithmetic as functions, so that no figure that follows from others is typed."""

from math import log2
from statistics import linear_regression

from market_abm.units import HOURS_PER_YEAR

SECONDS_PER_DAY = 86_400.0
DOUBLING_YEARS = 2.0  # of the first essay; with it a "Moore year" is half a doubling


def doubling_years(years, sizes):
    """Return the doubling time in years that least squares on log2 of the sizes give."""
    return 1 / linear_regression(years, [log2(size) for size in sizes]).slope


def moore_years(size, baseline, doubling=DOUBLING_YEARS):
    """Return how many years of doublings lie between a baseline and a size; below zero for what is behind."""
    return doubling * log2(size / baseline)


def year_reached(start, ratio, doubling):
    """Return the year in which what doubles every `doubling` years has grown by a ratio."""
    return start + moore_years(ratio, 1.0, doubling)


def growth_per_year(first, last):
    """Return the yearly growth factor between two (year, size) pairs."""
    (start, small), (end, large) = first, last
    return (large / small) ** (1 / (end - start))


def days_to_compute(flop, pflops, utilisation=1.0):
    """Return the days that an amount of FLOP takes at a peak rate in PFLOP/s, of which a part is realised."""
    return flop / (pflops * 1e15 * utilisation) / SECONDS_PER_DAY


def twh_per_year(gw):
    """Return the electricity in TWh that a steady load in GW takes in a year."""
    return gw * HOURS_PER_YEAR / 1000

"""The baseline that ships: orders of magnitude against facts, and what every metric must satisfy in every run.

Bands are wide on purpose: they catch a broken mechanism, not a poor fit. `PROTOTYPE` is a throwaway version of
this baseline that was searched for a fit to the facts; its medians stand for a year in which no fact does.
"""

from pathlib import Path

import numpy as np
import pytest

import market_abm
from market_abm.metrics.catalogue import catalogue
from market_abm.metrics.concentration import BASE_SAYS
from market_abm.studies.run import run

BASE = Path(market_abm.__file__).parent.parent / "configs" / "base.toml"
RUNS, QUARTERS = 64, 72
OWNED_BY_MANY_SMALL = ("compute_owned", "compute_energised", "compute_rented", "contracted_mw", "cloud_revenue")


@pytest.fixture(scope="module")
def result():
    """Run the baseline once."""
    return run(BASE, runs=RUNS, quarters=QUARTERS)


def at(result, metric, quarter):
    """Return a metric's median over runs in a quarter."""
    values = result.metric(metric)[result.labels.index(quarter)]
    assert not np.isnan(values).any(), f"{metric} is missing in {quarter}"
    return float(np.median(values))


def within(result, metric, quarter, about, factor):
    median = at(result, metric, quarter)
    assert about / factor <= median <= about * factor, f"{metric} in {quarter}: {median:.3g}, expected {about:.3g} within a factor {factor}"


def test_no_run_fails_and_none_refuses_a_founder_for_want_of_slots(result):
    assert result.failures == []
    assert result.values.shape[1:] == (QUARTERS, RUNS)
    assert not result.refused_entries.any()


# Orders of magnitude ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("quarter", "about"), [
    ("2018Q4", 2.7e4),  # 4M H100-equivalents at end-2024, 2.3 a year (Epoch AI), traced back: 27,000; PROTOTYPE 29,000
    ("2020Q4", 1.5e5),  # the same back to 2020: 1.4e5; PROTOTYPE 1.5e5
    ("2022Q4", 8.6e5),  # the same back to 2022: 7.6e5, of NVIDIA alone; PROTOTYPE 8.6e5
    ("2023Q4", 2.0e6),  # the same back to 2023: 1.7e6, of NVIDIA alone; PROTOTYPE 2.0e6
])
def test_the_worlds_fleet(result, quarter, about):
    within(result, "compute_owned_pflops", quarter, about, 2.0)


@pytest.mark.parametrize(("quarter", "about"), [
    ("2018Q4", 88e3),  # V100: 11,458 USD over .125 PFLOP/s = 91,700; PROTOTYPE 88,000
    ("2020Q4", 48e3),  # A100: 15,000 USD over .312 = 48,100
    ("2022Q4", 35e3),  # A100 12,500 over .312 = 40,100; H100 33,750 over .989 = 34,100; PROTOTYPE 31,000
    ("2023Q4", 31.5e3),  # H100: 31,120 USD over .989 = 31,500
])
def test_what_a_chip_costs_per_pflops(result, quarter, about):
    within(result, "chip_price_usd_per_pflops", quarter, about, 1.5)


@pytest.mark.parametrize("metric", ["price_usd_per_pflop_hour", "contested_rent_usd_per_pflop_hour"])
@pytest.mark.parametrize(("quarter", "about"), [
    ("2018Q4", 6.9),  # PROTOTYPE
    ("2020Q4", 6.6),  # PROTOTYPE
    ("2022Q3", 3.5),  # A100 of a neocloud, August 2022: 1.10 USD/h over .312 = 3.53; PROTOTYPE 3.1 at the end of the year
    ("2023Q4", 3.9),  # H100, January 2024: 3.49 USD/h over .989 = 3.53, October 2023: 4.76 over .989 = 4.81; PROTOTYPE 3.9
    ("2024Q3", 3.0),  # H100, September 2024: 2.99 USD/h
])
def test_what_rented_compute_costs(result, metric, quarter, about):
    within(result, metric, quarter, about, 2.5)


@pytest.mark.parametrize(("quarter", "about"), [
    ("2018Q4", 3.2e6), ("2020Q4", 1.8e6), ("2022Q4", 1.14e6), ("2023Q4", 1.06e6),  # PROTOTYPE; chips alone: 20 x the price above
])
def test_what_a_person_of_compute_costs(result, quarter, about):
    within(result, "person_of_compute_usd", quarter, about, 1.5)


@pytest.mark.parametrize(("quarter", "about"), [
    ("2018Q4", 1.2e23),  # PROTOTYPE
    ("2020Q4", 1.5e24),  # PROTOTYPE; GPT-3 of the same year, 3.14e23, is the largest published
    ("2022Q4", 1.6e25),  # GPT-4, trained 2022: 2.1e25; PROTOTYPE 1.6e25
    ("2023Q4", 5.2e25),  # PROTOTYPE; between GPT-4 and Grok-3 at equal growth: 8e25
    ("2024Q4", 4.64e26),  # Grok-3, published February 2025
])
def test_the_largest_training_run(result, quarter, about):
    within(result, "frontier_run_flop", quarter, about, 3.0)


@pytest.mark.parametrize(("year", "about"), [
    (2022, 10.9e9),  # NVIDIA data-centre GPUs, TechInsights
    (2023, 36.2e9),  # the same
])
def test_what_is_spent_on_chips(result, year, about):
    quarters = [result.labels.index(f"{year}Q{q}") for q in (1, 2, 3, 4)]
    spent = float(np.median(result.metric("chip_sales_usd")[quarters].mean(axis=0)))
    assert about / 2.5 <= spent <= about * 2.5, f"{spent:.3g} in {year}"


SPENDING = [
    pytest.param("2018Q4", 0.069e9, marks=pytest.mark.xfail(strict=True, reason="a fifth of an earlier trial's came out in 2018")),
    ("2020Q4", 0.225e9), ("2022Q4", 1.8e9), ("2023Q4", 6.0e9),
]


@pytest.mark.parametrize(("quarter", "about"), SPENDING)  # PROTOTYPE; no fact fixes what was spent on AI services so early
def test_what_customers_spend(result, quarter, about):
    within(result, "customer_spend_usd", quarter, about, 3.0)


@pytest.mark.parametrize("quarter", ["2018Q4", "2020Q4", "2022Q4", "2023Q4"])
def test_how_concentrated_the_layers_are(result, quarter):
    assert 0.4 <= at(result, "cr4_compute_owned", quarter) <= 0.8  # PROTOTYPE .43-.58; .595 at end-2023: .213, .201, .105, .076 (Epoch AI)
    # PROTOTYPE .60-.74; NVIDIA .98 of data-centre GPU units in 2023 (TechInsights): .98 squared
    assert 0.5 <= at(result, "hhi_chip_sales", quarter) <= 0.98**2
    assert 0.5 <= at(result, "cr3_cloud_revenue", quarter) <= 0.75  # .55 (2018, Canalys) to .67 (2023Q4, Synergy)


@pytest.mark.parametrize("quarter", ["2018Q4", "2020Q4", "2022Q4", "2023Q4", "2030Q4", "2035Q4"])
def test_startups_neither_vanish_nor_fill_every_slot(result, quarter):
    alive = result.metric("startups_alive")[result.labels.index(quarter)]
    assert 50 <= np.median(alive) <= 512
    assert alive.max() < 512


def test_startups_are_founded_and_close(result):
    for first, last in (("2018Q1", "2023Q4"), ("2024Q1", "2029Q4"), ("2030Q1", "2035Q4")):
        years = slice(result.labels.index(first), result.labels.index(last) + 1)
        for count in ("entries_startups", "exits_startups"):
            assert result.metric(count)[years].sum(axis=0).min() > 0, f"{count} {first}-{last}"


def test_the_demand_of_2023_makes_a_peak_in_rent(result):
    # Rental of A100 rose from 1.10 (August 2022) to 1.89 USD/h (May 2023), and H100 to 4.76 in October 2023.
    rent = result.metric("contested_rent_usd_per_pflop_hour")
    before = rent[result.labels.index("2022Q2")]
    peak = rent[result.labels.index("2022Q4") : result.labels.index("2024Q1") + 1].max(axis=0)
    assert np.median(peak / before) >= 1.2
    after = rent[result.labels.index("2025Q4")]
    assert np.median(peak / after) >= 1.2, "and it passes"


# What every metric must satisfy in every run and quarter ----------------------------------------------


def units():
    return {metric.name: metric.unit for metric in catalogue(())}


def test_every_metric_is_reported_and_none_is_infinite(result):
    assert set(units()) <= set(result.names)
    assert not np.isinf(result.values).any()


def test_shares_and_fractions_lie_between_nought_and_one(result):
    bounded = [name for name, unit in units().items() if unit in ("share", "fraction", "0 to 1", "0 or 1")]
    bounded += [name for name in result.names if name.startswith("share_owned_")]
    assert len(bounded) > 30
    for name in bounded:
        values = result.metric(name)
        assert not np.isnan(values).all(), name
        assert np.nanmin(values) >= 0.0 and np.nanmax(values) <= 1.0 + 1e-9, name


def test_prices_amounts_and_counts_are_not_negative(result):
    for metric in catalogue(()):
        assert metric.signed or not np.any(result.metric(metric.name) < 0), (metric.name, metric.unit)


def test_only_markets_that_are_empty_are_missing(result):
    missing = {name for name in result.names if np.isnan(result.metric(name)[8:]).any()}
    allowed = {
        "completed_wait_quarters",  # nothing granted in a quarter
        "time_to_power_quarters",  # less than half will ever be granted
        "own_elasticity_chips", "diversion_chips",  # nobody ordered a chip
        "shortfall_gap_chips",  # nobody small had chips due
        "lasting_entry_startups", "successful_entry_startups",  # no founders two years ago, or none known yet
    }
    assert missing <= allowed


def test_the_concentration_measures_of_a_market_agree(result):
    for base in BASE_SAYS:
        hhi, number = result.metric(f"hhi_{base}"), result.metric(f"effective_number_{base}")
        one, three, four = (result.metric(f"cr{k}_{base}") for k in (1, 3, 4))
        seen = ~np.isnan(hhi)
        assert seen.mean() > 0.9, base
        hhi, number, one, three, four = (x[seen] for x in (hhi, number, one, three, four))
        slack = 1e-9
        assert np.all((one <= three + slack) & (three <= four + slack) & (four <= 1 + slack)), base
        assert np.all(hhi <= one + slack), f"{base}: no index exceeds the largest share"
        assert np.all(hhi >= one * one - slack) and np.all(hhi >= four * four / 4 - slack), f"{base}: nor falls below the four's"
        assert np.all(number >= 1 - slack), base
        if base not in OWNED_BY_MANY_SMALL:  # no fringe: Hill numbers of order 1 and 2
            assert np.all(number >= 1 / hhi - slack), base


def test_the_index_lies_between_one_over_the_number_of_firms_and_one(result):
    cast = result.config.cast
    for base in ("chip_sales", "chip_pflops"):
        values = result.metric(f"hhi_{base}")
        assert np.nanmin(values) >= 1 / len(cast.makers) - 1e-9 and np.nanmax(values) <= 1 + 1e-9
    labs = result.metric("startups_alive") + result.metric("exits_startups") + sum(cloud.has_lab for cloud in cast.clouds)
    sold = result.metric("hhi_ai_revenue")
    seen = ~np.isnan(sold)
    assert np.all(sold[seen] >= 1 / labs[seen] - 1e-9) and np.all(sold[seen] <= 1 + 1e-9)


def test_every_pflop_hour_has_one_use(result):
    uses = ("training", "serving", "legacy", "enterprise", "closed")
    used = result.metric("utilisation_compute") * result.metric("compute_energised_pflops") * 8760
    assert sum(result.metric(f"pflop_hours_{use}") for use in uses) == pytest.approx(used, rel=1e-9)


def test_owners_shares_sum_to_one(result):
    owners = [name for name in result.names if name.startswith("share_owned_")]
    assert sum(result.metric(name) for name in owners) == pytest.approx(np.ones((QUARTERS, RUNS)), rel=1e-9)


@pytest.mark.parametrize(("who", "count"), [("owners", 4), ("labs", 5)])
def test_the_reasons_that_bind_sum_to_one(result, who, count):
    reasons = [name for name in result.names if name.startswith("bound_by_") and name.endswith(f"_{who}")]
    assert len(reasons) == count
    assert sum(result.metric(name) for name in reasons) == pytest.approx(np.ones((QUARTERS, RUNS)), rel=1e-9)


def test_chips_with_power_are_among_those_owned_and_used_is_among_those_with_power(result):
    assert np.all(result.metric("compute_energised_pflops") <= result.metric("compute_owned_pflops") * (1 + 1e-9))
    idle = 1 - result.metric("compute_energised_pflops") / result.metric("compute_owned_pflops")
    assert result.metric("idle_share_chips") == pytest.approx(idle, abs=1e-9)


def test_startups_are_counted_without_a_gap(result):
    names = ("startups_alive", "entries_startups", "exits_startups", "acquired_startups")
    alive, entries, closed, bought = (result.metric(name) for name in names)
    exits = closed + bought
    assert np.array_equal(alive[1:], alive[:-1] + entries[1:] - exits[1:])
    assert np.array_equal(alive[0], 300 + entries[0] - exits[0])


def test_runs_differ_but_not_in_order_of_magnitude(result):
    # PROTOTYPE: little spread of aggregates between seeds.
    for name in ("compute_owned_pflops", "frontier_run_flop", "chip_price_usd_per_pflops"):
        values = result.metric(name)[result.labels.index("2023Q4")]
        low, high = np.quantile(values, (0.05, 0.95))
        assert 1.001 < high / low < 4.0, name

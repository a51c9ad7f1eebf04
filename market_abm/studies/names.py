"""What metrics and policies are called for people, and how indices are told, on pages and in pictures alike."""

import os

from market_abm.metrics.catalogue import catalogue_of

HHI_POINTS = 10_000
HIGHLY, MODERATELY = 1800, 1000  # points: concentrated so (1,800: US Merger Guidelines 2023; 1,000: those of 1992)
MARKETS = {
    "compute_owned": "AI compute owned", "compute_energised": "AI compute with power", "compute_rented": "AI compute rented out",
    "contracted_mw": "grid power contracted", "cloud_revenue": "cloud revenue", "chip_sales": "chip sales",
    "chip_pflops": "chips delivered, by PFLOP/s", "ai_revenue": "AI revenue", "training_flop": "training compute",
}
METRICS = {
    "startups_alive": "startups alive",
    "cr4_compute_owned": "four largest owners' share of AI compute",
    "price_usd_per_pflop_hour": "rent of compute",
    "frontier_run_flop": "largest training run",
    "person_of_compute_usd": "cost of 20 PFLOP/s, for an outsider",
    "person_of_compute_usd_insider": "cost of 20 PFLOP/s, for the largest owner",
    "person_of_compute_kw": "power of 20 PFLOP/s of new chips",
    "run_cost_usd_tenth_run": "rent of a run a tenth of the frontier's",
    "run_cost_usd_full_run": "rent of a run as large as the frontier's",
    "capital_ratio_tenth_run": "rent of a tenth of the frontier run over the median startup's funds",
    "capital_ratio_full_run": "rent of a frontier run over the median startup's funds",
    "eligible_share_tenth_run": "startups that can pay for a tenth of the frontier run",
    "median_funds_usd_startups": "funds of the median startup",
    "time_to_power_quarters": "time until half of the power asked for is there",
    "largest_cluster_mw": "power of the largest training cluster",
    "consumer_surplus_usd": "customers' surplus",
    "cr1_merchant_chips_made": "largest merchant's share of merchants' chips, by number",
    "neocloud_share_compute_owned": "neoclouds' share of AI compute",
    "frontier_utilisation": "model FLOP utilisation of the largest run",
    "top_ten_runs_flop": "ten largest training runs",
    "quoted_wait_quarters": "wait for power that a newcomer is quoted",
    "completed_wait_quarters": "wait of the power that was granted",
}


def metric_name(metric, says=""):
    """Return a name for people; one that is not listed is called by its meaning in the catalogue."""
    plain, group, _ = metric.partition("_by_group")
    measure, _, base = plain.partition("_")
    known = METRICS.get(metric)
    if known is None and base in MARKETS and measure == "hhi":
        known = f"HHI of {MARKETS[base]}"
    elif known is None and base in MARKETS and measure in ("cr1", "cr3", "cr4"):
        largest = "largest firm's share" if measure == "cr1" else f"share of the {measure[2]} largest firms"
        known = f"{largest}, {MARKETS[base]}"
    if known is None:
        return says.rstrip(".") or metric
    return f"{known}, by ultimate owner" if group else known


def catalogued(config):
    """Return {name: metric} of all metrics of a configuration's cast."""
    return {metric.name: metric for metric in catalogue_of(config.cast)}


def policy_name(policy):
    """Return a policy's name in words: `a_b+c@2028Q1` is "a b and c from 2028Q1"; the path of a file stays as it is."""
    return policy.replace("_", " ").replace("+", " and ").replace("@", " from ") if _is_plain(policy) else policy


def capital(text):
    """Return a text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def _is_plain(policy):
    return os.sep not in policy and not policy.endswith(".toml")

"""The one stored result: a few figures of three runs of the baseline, digit for digit.

It says when results change, not whether they are right. Refresh it on purpose, with a "Results change"
line in CHANGELOG.md:  python tests/stored_baseline.py
"""

import json
from pathlib import Path

from market_abm.engine import run_seeds, simulate
from market_abm.parameters.loading import load

HERE = Path(__file__).parent
FILE = HERE / "stored_baseline.json"
CONFIGURATION = HERE.parent / "configs" / "base.toml"
METRICS = (
    "hhi_compute_owned", "cr4_compute_owned", "hhi_chip_sales", "cr3_cloud_revenue", "price_usd_per_pflop_hour",
    "compute_owned_pflops", "chip_price_usd_per_pflops", "person_of_compute_usd", "frontier_run_flop", "startups_alive",
)
QUARTERS, RUNS, SEED = (3, 11, 19, 23), 3, 1


def results():
    """Return {metric: {quarter: [a figure a run]}} of the baseline as it is now."""
    configuration = load(str(CONFIGURATION), sets=[f"frame.quarters={QUARTERS[-1] + 1}"])
    outcome = simulate([configuration] * RUNS, run_seeds(SEED, 0, RUNS))
    return {
        name: {outcome.labels[q]: outcome.values[outcome.names.index(name), q].tolist() for q in QUARTERS}
        for name in METRICS
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(results(), indent=1) + "\n")

"""Switch each mechanism off on paired seeds and print what changes, with its interval.

Run from the top of the checkout: python experiments/mechanisms/measure.py [RUNS]. Writes effects.csv beside this file.
"""

import csv
import sys
from pathlib import Path

import numpy as np

import market_abm as ma
from market_abm.parameters.switches import NEUTRAL

HERE = Path(__file__).parent
METRICS = ("cr4_compute_owned", "hhi_chip_sales")
QUARTER = "2030Q4"


def outcome(sets, runs, seed):
    """Return {metric: its value in every run at the quarter} of the baseline with some numbers set."""
    result = ma.run(ma.load("configs/base.toml", sets=sets), runs=runs, seed=seed, quarters=52)
    if result.failures:
        sys.exit(f"{sets}: {len(result.failures)} runs failed")
    at = result.labels.index(QUARTER)
    return {metric: result.metric(metric)[at] for metric in METRICS}


def effect(on, off):
    """Return the mean of what the mechanism adds, on less off, and its 95% interval over paired runs."""
    difference = on - off
    half = 1.96 * difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean(), difference.mean() - half, difference.mean() + half


def main():
    """Print and store one line a mechanism and metric."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    on = outcome([], runs, 1)
    cases = {switch: [f"switches.{switch}=0"] for switch in NEUTRAL} | {"all together": [f"switches.{switch}=0" for switch in NEUTRAL]}
    rows = []
    for name, sets in cases.items():
        off = outcome(sets, runs, 1)
        for metric in METRICS:
            mean, low, high = effect(on[metric], off[metric])
            rows.append({"mechanism": name, "metric": metric, "quarter": QUARTER, "runs": runs, "on": f"{on[metric].mean():.4f}",
                         "off": f"{off[metric].mean():.4f}", "effect": f"{mean:+.4f}", "low": f"{low:+.4f}", "high": f"{high:+.4f}"})
            print(*(f"{value:>18}" for value in rows[-1].values()), flush=True)
    with open(HERE / "effects.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

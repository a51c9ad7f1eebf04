"""Compare every lever that nobody has enacted with the baseline, on paired seeds, and print the table of the README.

Run from the top of the checkout: python experiments/policies/measure.py [RUNS]. Writes effects.csv beside this file.
"""

import sys
from pathlib import Path

import market_abm as ma
from market_abm.levers.catalogue import CATALOGUE

HERE = Path(__file__).parent
QUARTERS = ("2030Q4", "2035Q4")
SHORT = {"agree": "", "disagree": "!", "inconclusive": "?", "ambiguous": "."}


def main():
    """Compare, store, and print one row a lever for each quarter."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    levers = [name for name, lever in CATALOGUE.items() if not lever.enacted]
    study = ma.compare("configs/base.toml", levers, runs=runs, seed=1, at=QUARTERS)
    if study.failures:
        sys.exit(f"{len(study.failures)} runs failed")
    study.table.to_csv(HERE / "effects.csv", index=False, float_format="%.6g")
    for quarter in QUARTERS:
        print(f"\n{quarter}\n\n| lever | " + " | ".join(f"`{metric}`" for metric in study.metrics) + " |\n|---|" + "---|" * len(study.metrics))
        for lever in levers:
            cells = {row["metric"]: row for row in study.effects if row["lever"] == lever and row["quarter"] == quarter}
            print(f"| `{lever}` | " + " | ".join(cell(cells[metric]) for metric in study.metrics) + " |")
    print({row["metric"]: f"{row['baseline']:.4g} in {row['quarter']}" for row in study.effects if row["lever"] == levers[0]})


def cell(row):
    """Return theory's sign, the difference in per cent of the baseline with its interval, and a mark for the verdict."""
    part = [100 * row[name] / abs(row["baseline"]) for name in ("difference", "low", "high")]
    return f"{row['predicted_sign']} {part[0]:+.1f} ({part[1]:+.1f}, {part[2]:+.1f}) {SHORT[row['verdict']]}".rstrip()


if __name__ == "__main__":
    main()

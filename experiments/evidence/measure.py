"""Measure what the README beside this file speaks of, and store a table each.

Run from the top of the checkout: python experiments/evidence/measure.py [CONFIG] [RUNS] [PART ...]. Writes nulls.csv, ablations.csv,
patterns_by_ablation.csv, lock_in.csv and answers.csv beside this file, and tables.md, the same in short for reading.
"""

import sys
import tempfile
from pathlib import Path

import market_abm as ma
from market_abm.evidence.ablation import ablations
from market_abm.evidence.answers import answers
from market_abm.evidence.lock_in import lock_in
from market_abm.evidence.nulls import null_models
from market_abm.evidence.validation_tables import markdown
from market_abm.studies.store import write_rows

HERE = Path(__file__).resolve().parent
CONFIG, RUNS, POINTS = "configs/base.toml", 32, 64
SHOWN = {
    "nulls": ("claim", "from", "to", "null", "variance", "rise", "by_luck", "by_luck_p95", "share_as_large", "beyond", "beyond_low", "beyond_high",
              "verdict"),
    "ablations": ("fact", "ablation", "measure", "baseline", "ablated", "difference", "low", "high", "left", "verdict"),
    "bands": ("ablation", "in_band", "in_band_in_baseline", "patterns", "lost", "won"),
    "lock_in": ("over", "policy", "comparison", "difference", "low", "high", "predicted_sign", "verdict"),
    "answers": ("question", "as_stated", "answer", "low", "high", "unit", "points_part", "seeds_part"),
}


def nulls(config, runs):
    """Store and return claims of concentration beside what luck does."""
    rows = null_models(config, runs=runs)
    write_rows(HERE / "nulls.csv", rows)
    return {"nulls": rows}


def ablated(config, runs):
    """Store and return theory's table, and how many patterns are met without each mechanism."""
    with tempfile.TemporaryDirectory() as folder:
        done = ablations(config, runs, folder)
    write_rows(HERE / "ablations.csv", done.rows)
    write_rows(HERE / "patterns_by_ablation.csv", done.patterns)
    return {"ablations": done.rows, "bands": counted(done.patterns)}


def counted(patterns):
    """Return one row an ablation: how many patterns are in band, which are lost and which are won by it."""
    rows = []
    for name in dict.fromkeys(row["ablation"] for row in patterns):
        mine = [row for row in patterns if row["ablation"] == name]
        rows.append({"ablation": name, "in_band": sum(row["ok"] for row in mine), "in_band_in_baseline": sum(row["ok_in_baseline"] for row in mine),
                     "patterns": len(mine), "lost": ", ".join(row["pattern"] for row in mine if row["ok_in_baseline"] and not row["ok"]),
                     "won": ", ".join(row["pattern"] for row in mine if row["ok"] and not row["ok_in_baseline"])})
    return rows


def locked(config, runs):
    """Store and return policies against a dominant chip maker under strong and weak lock-in."""
    done = lock_in(config, runs)
    if done.failures:
        sys.exit(f"{len(done.failures)} runs failed: {done.failures[0]}")
    write_rows(HERE / "lock_in.csv", done.rows)
    return {"lock_in": done.rows}


def asked(config, runs):
    """Store and return the essays' questions."""
    rows = answers(config, POINTS, max(2, runs // 4))
    write_rows(HERE / "answers.csv", rows)
    return {"answers": rows}


def table(name, rows):
    """Return rows as a table of Markdown."""
    head = SHOWN[name]
    return f"## {name}\n\n{markdown(head, [[_short(row[key]) for key in head] for row in rows])}"


def _short(value):
    return "" if value != value else f"{value:.4g}" if isinstance(value, float) else str(value)


PARTS = {"nulls": nulls, "ablations": ablated, "lock_in": locked, "answers": asked}


def main(config=CONFIG, runs=RUNS, *parts):
    """Measure the parts asked for, by default all."""
    config, done = ma.load(config), {}
    for part in parts or PARTS:
        new = PARTS[part](config, int(runs))
        print(*(table(name, rows) for name, rows in new.items()), sep="\n\n", end="\n\n", flush=True)
        done |= new
    if not parts:
        text = "\n\n".join(table(name, rows) for name, rows in done.items())
        (HERE / "tables.md").write_text(f"# Tables of this experiment\n\nWritten by measure.py with {runs} runs.\n\n{text}\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

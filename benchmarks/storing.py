"""What storing costs: the same runs of the baseline by `sweep`, and by as many processes that throw the results away.

Run from the top of the checkout: python benchmarks/storing.py [RUNS]. The two take turns, a quarter of the runs each
time, first one ahead and then the other; the last line is the ratio. Wall time counts everything: starting the
workers, packing, syncing, and the tables made at the end.
"""

import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from market_abm.engine import run_seeds, simulate
from market_abm.parameters.loading import load
from market_abm.sweeps.runner import BATCH, sweep

BASE, WORKERS, TURNS = Path("configs/base.toml").resolve(), 2, 4
DESIGN = '[design]\nconfig = "{base}"\nmethod = "list"\nruns = {runs}\nseed = {seed}\n[[points]]\n'


def stored(folder, seed, runs):
    """Return the wall time of a sweep."""
    design = Path(folder) / f"turn{seed}.toml"
    design.write_text(DESIGN.format(base=BASE, runs=runs, seed=seed))
    start = time.perf_counter()
    sweep(design, Path(folder) / f"turn{seed}", workers=WORKERS)
    return time.perf_counter() - start


def thrown_away(seed, runs):
    """Return the wall time of the same runs in the same batches, of which nothing is kept."""
    start = time.perf_counter()
    count = -(-runs // BATCH)
    count = -(-count // WORKERS) * WORKERS
    size = -(-runs // count)
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        list(pool.map(_batch, [(seed, first, min(size, runs - first)) for first in range(0, runs, size)]))
    return time.perf_counter() - start


def _batch(asked):
    seed, first, count = asked
    simulate([load(BASE)] * count, run_seeds(seed, first, count))


def main():
    """Print the time of each turn and the ratio of the sums."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    totals = {"stored": 0.0, "thrown away": 0.0}
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for turn in range(TURNS):
            for name in sorted(totals, reverse=bool(turn % 2)):
                took = stored(folder, turn, runs // TURNS) if name == "stored" else thrown_away(turn, runs // TURNS)
                totals[name] += took
                print(f"turn {turn}: {name:>12} {took:8.1f} s")
        files = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
    done = TURNS * (runs // TURNS)
    print(f"{done} runs: stored {totals['stored']:.1f} s, thrown away {totals['thrown away']:.1f} s, {files / done / 1e3:.0f} KB a run on disk")
    print(f"ratio {totals['stored'] / totals['thrown away']:.3f}")


if __name__ == "__main__":
    main()

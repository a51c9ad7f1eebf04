"""Time a 72-quarter run of the baseline alone and in lockstep; print milliseconds a run and the ratio to alone.

Run from the top of the checkout: python benchmarks/lockstep.py. Every figure is the least of three,
measured in one process, so compare the ratios and not the milliseconds of two machines.
"""

import sys
import time

from market_abm.engine import run_seeds, simulate
from market_abm.parameters.loading import load

BATCHES = (1, 8, 32, 64, 128)


def milliseconds_a_run(configuration, runs, repeats=3):
    """Return the least wall time of a batch over its runs, in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        simulate([configuration] * runs, run_seeds(1, 0, runs))
        times.append(time.perf_counter() - start)
    return 1e3 * min(times) / runs


def main():
    """Print one line a batch size."""
    configuration = load(sys.argv[1] if len(sys.argv) > 1 else "configs/base.toml")
    alone = None
    print(f"{'runs in lockstep':>16} {'ms a run':>9} {'alone/this':>10}")
    for runs in BATCHES:
        took = milliseconds_a_run(configuration, runs)
        alone = alone or took
        print(f"{runs:>16} {took:>9.1f} {alone / took:>10.1f}")


if __name__ == "__main__":
    main()

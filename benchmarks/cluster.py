"""The same sweep by local processes and by a Dask cluster on this machine, with 1 and 2 workers: runs a second, bytes, and whether equal.

Run from the top of the checkout: python benchmarks/cluster.py [RUNS]. The last lines are what ten million runs would take
at the rate of one worker on the cluster, and on disk.
"""

import sys
import tempfile
from pathlib import Path

import dask
from distributed import LocalCluster

from market_abm.sweeps.runner import sweep

BASE = Path("configs/base.toml").resolve()
DESIGN = """
[design]
config = "{base}"
method = "latin_hypercube"
size = {points}
runs = 8
[factors]
"clouds.omega" = {{}}
"energy.slots_growth" = {{}}
"""
MANY = 10_000_000


# Dask tells its workers to give memory back to the system at once; a batch asks for it again at once: three times as slow.
KEEP_MEMORY = {f"distributed.nanny.pre-spawn-environ.MALLOC_{name}_THRESHOLD_": 2**30 for name in ("TRIM", "MMAP")}


def main():
    """Print one line a way of doing it."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    with tempfile.TemporaryDirectory(dir=".") as folder:
        design = Path(folder) / "design.toml"
        design.write_text(DESIGN.format(base=BASE, points=runs // 8))
        rates, tables = {}, set()
        print(f"{'who':>12} {'workers':>8} {'seconds':>9} {'runs/s':>8} {'worker s a run':>18}")
        for who in ("processes", "Dask"):
            for workers in (1, 2):
                out = Path(folder) / f"{who}{workers}"
                done = _swept(design, out, who, workers)
                rates[who, workers] = done.runs / done.seconds
                print(f"{who:>12} {workers:>8} {done.seconds:>9.1f} {rates[who, workers]:>8.2f} {done.worker_seconds / done.runs:>18.3f}", flush=True)
                tables.add((out / "metrics.parquet").read_bytes())
        parts = sum(path.stat().st_size for path in (out / "parts").iterdir()) / done.runs
        whole = (out / "metrics.parquet").stat().st_size / done.runs
    print(f"tables of metrics are {'the same bytes' if len(tables) == 1 else 'DIFFERENT'}")
    print(f"a run takes {parts / 1e3:.0f} KB in parts and {whole / 1e3:.0f} KB in the table")
    hours = MANY / rates["Dask", 1] / 3600
    print(f"{MANY:,} runs: {hours:,.0f} worker-hours, {MANY * parts / 1e12:.2f} TB of parts, {MANY * whole / 1e12:.2f} TB of table")


def _swept(design, out, who, workers):
    if who == "processes":
        return sweep(design, out, workers=workers)
    with dask.config.set(KEEP_MEMORY), LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        return sweep(design, out, scheduler=cluster.scheduler_address)


if __name__ == "__main__":
    main()

"""Whether memory stays flat as a sweep grows: the largest resident size of the process that sweeps, and of its workers.

Run from the top of the checkout: python benchmarks/memory.py [RUNS ...], by default 1000 and 20000 runs of a year each.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

BASE = Path("configs/base.toml").resolve()
DESIGN = '[design]\nconfig = "{base}"\nmethod = "latin_hypercube"\nsize = {points}\nruns = 10\nquarters = 4\n[factors]\n"clouds.omega" = {{}}\n'
SWEEP = """
import resource, sys, time
from market_abm.sweeps.runner import sweep

if __name__ == "__main__":
    done = sweep(sys.argv[1], sys.argv[2], workers=2)
    sizes = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"{done.runs:>8} {sizes[0]:>12.0f} {sizes[1]:>12.0f} {done.seconds:>9.0f}")
"""


def main():
    """Print one line a size."""
    print(f"{'runs':>8} {'sweep, MB':>12} {'worker, MB':>12} {'seconds':>9}")
    for runs in [int(word) for word in sys.argv[1:]] or (1000, 20000):
        with tempfile.TemporaryDirectory(dir=".") as folder:
            (Path(folder) / "swept.py").write_text(SWEEP)
            (Path(folder) / "design.toml").write_text(DESIGN.format(base=BASE, points=runs // 10))
            command = [sys.executable, f"{folder}/swept.py", f"{folder}/design.toml", f"{folder}/out"]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="", flush=True)


if __name__ == "__main__":
    main()

"""Time `market-abm --help`, `--version` and `run --help`; print seconds and the ratio to an empty Python.

Run from the top of the checkout: python benchmarks/answering.py. Every figure is the least of five processes.
"""

import subprocess
import sys
import time

COMMANDS = {"python -c pass": ["-c", "pass"], "--version": ["-m", "market_abm", "--version"],
            "--help": ["-m", "market_abm", "--help"], "run --help": ["-m", "market_abm", "run", "--help"]}


def seconds(arguments, repeats=5):
    """Return the least wall time of a process, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    """Print one line a command."""
    empty = None
    print(f"{'command':<16} {'seconds':>8} {'over empty':>10}")
    for name, arguments in COMMANDS.items():
        took = seconds(arguments)
        empty = empty or took
        print(f"{name:<16} {took:>8.3f} {took / empty:>10.1f}")


if __name__ == "__main__":
    main()

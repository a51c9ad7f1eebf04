"""A toy in the market's place, for tests of sweeps: what it measures is known by hand, and it can misbehave."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from files import write_small

from market_abm.checks import Breach
from market_abm.engine import Outcome
from market_abm.parameters.declare import Declaration
from market_abm.sweeps.design import Design, Plan, key_of, setting_of
from market_abm.sweeps.factors import Factor

X = Declaration("count", 0, 0, 1000, 0, 1000, "by choice", "A number.", whole=True)
GRID = """
[design]
config = "small.toml"
method = "grid"
runs = {runs}
[factors]
"clouds.omega" = [0.5, 0.8]
"chips.allocation" = ["proportional", "auction"]
"levers.documentation_mandate.start" = ["2018Q2", "2018Q3"]
"levers.documentation_mandate" = [0.0, 1.0]
"""
HEAVY = {"mesa", "pandas", "matplotlib", "scipy", "pydantic", "seaborn", "SALib"}


@dataclass(frozen=True)
class Toy:
    """`level` is 10 x + quarter, `luck` the run's seed; at x = `where` and the run of seed `whose` it does what it is told.

    `does`: "sleep", "raise", "break" an identity, "die", "look around" for heavy modules; what is done once is done only as long as the file `mark` is absent.
    """

    does: str = ""
    where: int = -1
    whose: int = -1
    mark: str = ""

    names = ("level", "luck", "heavy_modules")
    known = names
    labels = ("2018Q1", "2018Q2", "2018Q3")
    base = None

    def told(self, key):
        return (X, 0) if key == "x" else (None, "known is x")

    def faults(self, setting, file):
        return []

    def content(self, setting):
        return setting

    def identity(self):
        return {"metrics": list(self.names)}

    def simulate(self, settings, seeds):
        x = np.array([setting.get("x", 0) for setting in settings])
        hit = np.flatnonzero((x == self.where) & ((seeds == self.whose) | (self.whose < 0)))
        if self.does == "sleep":
            time.sleep(0.05 * len(seeds))
        if len(hit) and self.does in ("raise", "die") and not self._done_before():
            if self.does == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ArithmeticError("the toy is broken")
        values = np.stack([10.0 * x + np.arange(3)[:, None], np.broadcast_to(seeds.astype(float), (3, len(x))),
                           np.full((3, len(x)), len(HEAVY & set(sys.modules)) if self.does == "look around" else 0)])
        breaches = ()
        if len(hit) and self.does == "break" and not self._done_before():
            values[:, 1:, hit] = np.nan
            breaches = tuple(Breach(int(place), 1, "money", "clouds.cash_usd row 2", 7.5) for place in hit)
        return Outcome(self.labels, self.names, values, seeds, breaches, np.zeros(len(x)))

    def _done_before(self):
        if not self.mark or not Path(self.mark).exists():
            if self.mark:
                Path(self.mark).touch()
            return False
        return True


def toy_design(points=6, runs=8, toy=None, at=Toy.labels, seed=3):
    """Return a design of a toy: points x = 1, 2, ..."""
    toy = toy or Toy()
    factors = (Factor("x", X, 0, values=tuple(range(1, points + 1))),)
    values = [(x,) for x in range(1, points + 1)]
    keys = [key_of(toy, setting_of(factors, point)) for point in values]
    return Design("toy.toml", Plan(method="grid"), toy, factors, values, keys, np.arange(points), None, runs, seed, tuple(at))


def tables(folder):
    """Return the bytes of the tables that a sweep makes."""
    return {name: (Path(folder) / f"{name}.parquet").read_bytes() for name in ("metrics", "runs", "points", "design")}


def market_design(folder, runs=4):
    """Write a design of 16 points over a small market."""
    write_small(folder)
    (folder / "grid.toml").write_text(GRID.format(runs=runs))
    return folder / "grid.toml"


def at_work(processes):
    """Return those of some processes that have not ended."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def workers_of_mine():
    """Return the worker processes of this one."""
    return [child for child in psutil.Process().children() if any("spawn_main" in word for word in child.cmdline())]

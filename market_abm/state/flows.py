"""The ledger: named flows are the only way for a conserved quantity to change hands.

A flow names the column that it leaves and the column that it enters; an empty side lies outside the
model. `Window.move` writes both columns and keeps the tally that the identities are checked against,
so a phase that touches cash in any other way is found out the same quarter.
"""

from dataclasses import dataclass

import numpy as np

from market_abm.exact import flattened, total


@dataclass(frozen=True, slots=True)
class Flow:
    """One named flow: from a column (or outside) to a column (or outside)."""

    name: str
    leaves: str
    enters: str
    says: str


class UnknownFlow(KeyError):
    """A phase used a flow that nobody declared."""


def per_run(x):
    """Sum an array `(..., runs, rows)` into `(runs, 1)`, in a fixed order."""
    return flattened(total(x))


class Ledger:
    """What each counted column gave and got this quarter, cell by cell."""

    def __init__(self, flows, counted):
        """Take the declared flows and the counted arrays {"table.column": array}."""
        self._flows = {flow.name: flow for flow in flows}
        self._counted = counted
        self.opening = {name: np.empty_like(array) for name, array in counted.items()}
        self.net = {name: np.empty_like(array) for name, array in counted.items()}
        self.gross = {name: np.empty_like(array) for name, array in counted.items()}
        self.sides = {}

    def open(self):
        """Start a quarter: remember every counted column and clear the tallies."""
        for name, array in self._counted.items():
            np.copyto(self.opening[name], array)
            self.net[name].fill(0.0)
            self.gross[name].fill(0.0)
        self.sides = {}

    def inherit(self, old, runs):
        """Take over the tallies of an old ledger for the runs at the given positions."""
        def kept(array):
            return None if array is None else np.take(array, runs, axis=-2)

        for mine, theirs in ((self.opening, old.opening), (self.net, old.net), (self.gross, old.gross)):
            for name in mine:
                np.copyto(mine[name], kept(theirs[name]))
        self.sides = {name: (kept(left), kept(entered)) for name, (left, entered) in old.sides.items()}

    def flow(self, name):
        """Return a declared flow."""
        if name not in self._flows:
            raise UnknownFlow(f"no flow is called {name!r}; declare it in state/tables.py")
        return self._flows[name]

    def tally(self, column, amount, cells=...):
        """Note that a counted column changed by `amount` for a named reason, whole or in some cells."""
        self.net[column][cells] += amount
        self.gross[column][cells] += np.abs(amount)

    def note_sides(self, name, left, entered):
        """Note what left one side of a flow and what entered the other, per run."""
        old = self.sides.get(name)
        sides = (per_run(left) if left is not None else None, per_run(entered) if entered is not None else None)
        if old is not None:
            sides = tuple(a if b is None else a + b for a, b in zip(sides, old, strict=True))
        self.sides[name] = sides

    def amount(self, name):
        """Return what flowed under a name this quarter, `(runs, 1)`; 0.0 when nothing did."""
        if name not in self.sides:
            return 0.0
        left, entered = self.sides[name]
        return left if left is not None else entered

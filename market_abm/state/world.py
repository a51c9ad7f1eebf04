"""The world: every column of every table, `(runs, rows)`, allocated once and written in place.

Phases never see it bare. They see a `Window`: all columns readable, only the listed ones writable.
"""

import numpy as np

from market_abm.exact import stacked
from market_abm.state.columns import PIPELINE
from market_abm.state.flows import Ledger


class NotListed(AttributeError):
    """A phase tried to write a column that it does not list."""


class Pipe:
    """A pipeline column: amounts by quarter due, `(slots, ..., runs, rows)`."""

    __slots__ = ("_label", "_refusal", "array")

    def __init__(self, array, label, refusal=""):
        """Take the array; a refusal says why nothing may be written through this object."""
        self.array, self._label, self._refusal = array, label, refusal

    def arrivals(self, quarter):
        """Return a copy of what is due in a quarter."""
        return self.array[quarter % len(self.array)].copy()

    def waiting(self):
        """Return everything under way, summed over the quarters due."""
        return stacked(self.array)

    def place(self, quarter, amount, ahead):
        """Add an amount that arrives `ahead` quarters from now; `ahead` is `(runs, 1)` whole numbers."""
        self._check()
        slots = len(self.array)
        if np.any((ahead < 1) | (ahead >= slots)):
            raise ValueError(f"{self._label}: lead times must lie between 1 and {slots - 1} quarters")
        for k in np.unique(ahead):
            self.array[(quarter + int(k)) % slots] += amount * (ahead == k)

    def add(self, quarter, amount):
        """Add an amount to the slot of a quarter itself: of a queue kept by the quarter of entry."""
        self._check()
        self.array[quarter % len(self.array)] += amount

    def clear(self, quarter):
        """Empty the slot of a quarter, once it has been taken."""
        self._check()
        self.array[quarter % len(self.array)] = 0.0

    def rewrite(self, array):
        """Replace the whole pipeline."""
        self._check()
        if np.shape(array) != self.array.shape:
            raise ValueError(f"{self._label}: a pipeline of shape {self.array.shape} cannot become {np.shape(array)}")
        np.copyto(self.array, array)

    def _check(self):
        if self._refusal:
            raise NotListed(self._refusal)


def _read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


class TableWindow:
    """One table as one phase sees it."""

    def __init__(self, phase, table, arrays, mine):
        self.__dict__.update(_phase=phase, _table=table, _mine=mine)
        for name, array in arrays.items():
            if not isinstance(array, Pipe):
                view = _read_only(array)
            elif name in mine:
                view = array
            else:
                view = Pipe(_read_only(array.array), f"{table}.{name}", self._refusal(name))
            self.__dict__[name] = view

    def __setattr__(self, name, value):
        target = self._mine.get(name)
        if target is None:
            raise NotListed(self._refusal(name))
        if isinstance(target, Pipe):
            raise NotListed(f"{self._table}.{name} is a pipeline: use its add, place, clear or rewrite")
        if getattr(value, "ndim", 0) == 1:  # when runs == rows it would be read along the wrong axis
            raise ValueError(f"{self._table}.{name}: shape {value.shape} is neither (runs, rows) nor (runs, 1)")
        np.copyto(target, value, casting="same_kind")

    def _refusal(self, name):
        listed = ", ".join(sorted(self._mine)) or "nothing"
        return f"phase {self._phase} may not write {self._table}.{name}; it lists {listed}"


class Window:
    """The world as one phase sees it, with this quarter's rules, draws and ledger."""

    def __init__(self, world, phase, writes):
        names = world.names()
        unknown = [w for w in writes if w not in names]
        if unknown:
            raise NotListed(f"phase {phase} lists columns that do not exist: {', '.join(unknown)}")
        self.world, self.phase, self._notes = world, phase, {}
        for table, arrays in world.tables.items():
            mine = {n: a for n, a in arrays.items() if f"{table}.{n}" in writes}
            setattr(self, table, TableWindow(phase, table, arrays, mine))

    rules = property(lambda self: self.world.rules, doc="The rules in force this quarter.")
    draws = property(lambda self: self.world.draws, doc="This quarter's keyed draws.")
    lasting = property(lambda self: self.world.lasting, doc="Draws that do not change with the quarter.")
    ledger = property(lambda self: self.world.ledger, doc="This quarter's tally of named flows.")
    quarter = property(lambda self: self.world.quarter, doc="Quarters since the start.")

    def noted(self, name, compute):
        """Return compute(self), worked out once until `forget`: for metrics that share their sizes."""
        if name not in self._notes:
            self._notes[name] = compute(self)
        return self._notes[name]

    def forget(self):
        """Drop what was noted: the world has moved on."""
        self._notes.clear()

    def note(self, event, table, rows, **told):
        """Enter an event of some rows in the journal, if one is kept."""
        self.world.note(event, table, rows, **told)

    def move(self, flow, left=None, entered=None):
        """Move a conserved quantity along a declared flow: subtract on one side, add on the other."""
        declared = self.ledger.flow(flow)
        for side, column, amount in (("left", declared.leaves, left), ("entered", declared.enters, entered)):
            if bool(column) != (amount is not None):
                wants = f"{side}=, what {side} {column}" if column else f"no {side}=: that side lies outside the model"
                raise ValueError(f"flow {flow!r} needs {wants}")
        left = self._change(declared.leaves, left, -1.0)
        entered = self._change(declared.enters, entered, 1.0)
        self.ledger.note_sides(flow, left, entered)

    def _change(self, column, amount, sign):
        """Write one side of a flow and return its amount in the column's own shape."""
        if not column:
            return None
        table, name = column.split(".")
        window = getattr(self, table)
        standing = getattr(window, name)
        change = np.multiply(sign, amount, out=np.empty_like(standing))  # a copy: what moves may be the column itself
        setattr(window, name, standing + change)
        self.ledger.tally(column, change)
        return change if sign > 0 else -change


class World:
    """All runs of a batch, all tables, all columns."""

    def __init__(self, tables, flows, rows, runs):
        """Allocate `rows[table]` rows for each table and every run of the batch."""
        self.declared = {table.name: table for table in tables}
        self.rows, self.runs, self.flows = dict(rows), runs, flows
        self.quarter, self.rules, self.draws, self.lasting = 0, None, None, None
        self.members = np.arange(runs)  # which runs of the batch as it began are still here
        self.journal = None
        np.empty(2**21)  # freed at once: glibc then keeps blocks of up to this size for the next quarter and asks for no new pages
        self.tables = {t.name: {c.name: self._allocate(t, c) for c in t.columns} for t in tables}
        self._count()

    def _allocate(self, table, column):
        lead = ((column.slots,) if column.slots else ()) + ((self.rows[column.by],) if column.by else ())
        array = np.zeros((*lead, self.runs, self.rows[table.name]), dtype=column.dtype)
        if column.to:
            array[...] = self.rows[column.to]
        return Pipe(array, f"{table.name}.{column.name}") if column.lives == PIPELINE else array

    def _count(self):
        self.counted = {
            f"{t}.{c.name}": self.tables[t][c.name]
            for t, table in self.declared.items() for c in table.columns if c.counts_as
        }
        self.ledger = Ledger(self.flows, self.counted)
        self.ledger.open()

    def names(self):
        """Return every "table.column"."""
        return {f"{t}.{c}" for t, arrays in self.tables.items() for c in arrays}

    def array(self, name):
        """Return the array behind "table.column"."""
        table, column = name.split(".")
        found = self.tables[table][column]
        return found.array if isinstance(found, Pipe) else found

    def each(self):
        """Yield (table, column declaration, array) for every column."""
        for name, table in self.declared.items():
            for column in table.columns:
                found = self.tables[name][column.name]
                yield table, column, found.array if column.lives == PIPELINE else found

    def note(self, event, table, rows, **told):
        """Enter an event of the rows in a mask `(runs, rows)` in the journal, if one is kept."""
        if self.journal is not None and rows.any():
            self.journal.note(self, event, table, rows, **told)

    def keep(self, runs):
        """Drop every run but those at the given positions; nothing of the others changes."""
        self.runs, old = len(runs), self.ledger
        self.members = self.members[runs]
        for table, column, array in list(self.each()):
            kept = np.ascontiguousarray(np.take(array, runs, axis=array.ndim - 2))
            pipe = column.lives == PIPELINE
            self.tables[table.name][column.name] = Pipe(kept, f"{table.name}.{column.name}") if pipe else kept
        self._count()
        self.ledger.inherit(old, runs)

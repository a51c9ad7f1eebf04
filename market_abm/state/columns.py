"""What a column is: its unit, its meaning, and how it lives through birth, death, merger and split."""

from dataclasses import dataclass

STOCK = "stock"          # summed in a merger, shared out in a split, zero when dead
INTENSIVE = "intensive"  # averaged by weight in a merger, inherited in a split
LINK = "link"            # a row of another table; that table's row count means nobody
IDENTITY = "identity"    # fixed at birth, kept by the surviving firm
KEPT = "kept"            # changes in life, but the surviving firm's own stays: who holds its shares, say
PIPELINE = "pipeline"    # stocks by quarter due: (slots, runs, rows)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of one table.

    `by` names a table whose rows lead the axes, `(by, runs, rows)`; `slots` is the length of a
    pipeline, which leads them all; `counts_as` names the conserved quantity that a stock is part of;
    `weight` names the stock that averages an intensive column, where it is not the table's size; `signed` allows values below zero.
    """

    name: str
    lives: str
    unit: str
    says: str
    by: str = ""
    slots: int = 0
    counts_as: str = ""
    weight: str = ""
    to: str = ""
    signed: bool = False
    dtype: str = "float64"


def stock(name, unit, says, **more):
    """Declare an amount that adds up."""
    return Column(name, STOCK, unit, says, **more)


def intensive(name, unit, says, weight="", **more):
    """Declare a rate, price or quality that does not add up."""
    return Column(name, INTENSIVE, unit, says, weight=weight, **more)


def link(name, to, says, by=""):
    """Declare a reference to a row of another table."""
    return Column(name, LINK, "row", says, to=to, by=by, dtype="int64")


def kept(name, unit, says, **more):
    """Declare what belongs to the firm itself: in a merger the survivor's stays and the other's ends."""
    return Column(name, KEPT, unit, says, **more)


def identity(name, unit, says, dtype="float64", **more):
    """Declare what a firm is born with and keeps."""
    return Column(name, IDENTITY, unit, says, dtype=dtype, **more)


def pipeline(name, unit, says, slots, **more):
    """Declare stocks that arrive in a later quarter, at most `slots - 1` quarters ahead."""
    return Column(name, PIPELINE, unit, says, slots=slots, **more)


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of agent: its name, what it is, its columns, and the one that measures its size.

    Intensive columns without a weight of their own average by size in a merger.
    """

    name: str
    says: str
    columns: tuple[Column, ...]
    size: str = "alive"

    def column(self, name):
        """Return a column by name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name!r}")

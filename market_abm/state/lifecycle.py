"""One lifecycle for every table: birth, death, merger and split, carried out from the declarations.

Each enters itself in the journal; `told` is what only the caller knows of it: reason, other, amount, unit.
"""

from typing import NamedTuple

import numpy as np

from market_abm.exact import add_up, flattened, ratio
from market_abm.state.columns import IDENTITY, INTENSIVE, LINK, PIPELINE, STOCK

ADDITIVE = (STOCK, PIPELINE)
ALL_BUT_ROUNDING = 1e-12


def give_birth(world, table, born, values, **told):
    """Set up the rows `born` `(runs, rows)`: the given values, zero or nobody elsewhere, alive = 1.

    What is conserved (cash, chips) cannot be given here: it comes by a named flow.
    """
    _blank(world, table, born)
    _endow(world, table, born, {"alive": 1.0, **values})
    world.note("entry", table, born, **told)


def bury(world, table, dead, **told):
    """Clear the rows `dead`; links to them now name nobody.

    Counted stocks must have been moved away by named flows before.
    """
    world.note("exit", table, dead & (world.array(f"{table}.alive") > 0), **told)
    _relink(world, table, dead, np.full(dead.shape, world.rows[table]))
    _blank(world, table, dead)


def vacate(world, table, gone, **told):
    """Clear the rows `gone` but keep who they were: a place that the same firm may take again.

    Links to them stand. Counted stocks must have been moved away by named flows before.
    """
    world.note("exit", table, gone & (world.array(f"{table}.alive") > 0), **told)
    for column in world.declared[table].columns:
        if column.lives not in (IDENTITY, LINK):
            np.copyto(world.array(f"{table}.{column.name}"), 0.0, where=gone)
    np.copyto(world.array(f"{table}.alive"), 0.0, where=gone)


def merge(world, table, gone, heir, **told):
    """Merge every row of `gone` `(runs, rows)` into the row `heir` `(runs, rows)` and clear it.

    Stocks and pipelines add up, intensive columns average by their weight, the heir's identity, links
    and what it keeps for itself stay, and links from elsewhere that named the gone now name the heir. A chain (the heir is
    itself gone) is followed to its end; ValueError where it never ends or ends in nobody.
    """
    if not gone.any():
        return
    heir = end_of_chain(table, gone, heir)
    pairs = _pairs(gone, heir)
    world.note("exit", table, gone & (world.array(f"{table}.alive") > 0), **{"reason": "merger", "other": (table, heir)} | told)
    for column in world.declared[table].columns:
        if column.lives == INTENSIVE:
            _average(world, table, column, pairs)
    for column in world.declared[table].columns:
        if column.lives in ADDITIVE:
            _hand_over(world, f"{table}.{column.name}", pairs)
    _relink(world, table, gone, heir)
    _move_places(world, table, gone, heir)
    _blank(world, table, gone)


def transfer(world, table, giver, shares, columns):
    """Move parts of what the row `giver` (mask `(runs, rows)`) holds of stocks and pipelines to other rows.

    `shares` `(runs, rows)` is the part that each row gets, the giver's own zero, together at most one.
    """
    shares = shares * giver.any(axis=-1, keepdims=True)
    gone = shares.sum(axis=-1, keepdims=True)
    gone = np.where(gone > 1.0 - ALL_BUT_ROUNDING, 1.0, gone)  # who gives everything keeps no speck of it
    parts = shares - giver * gone
    run, row = np.nonzero(parts)
    from_row, part = giver.argmax(axis=-1)[run], parts[run, row]
    for column in columns:
        if world.declared[table].column(column).lives not in ADDITIVE:
            raise ValueError(f"{table}.{column} does not add up: no part of it can be handed over")
        held = world.array(f"{table}.{column}")[..., run, from_row]
        _change(world, f"{table}.{column}", (..., run, row), held * part)


def split(world, table, source, child, share, values):
    """Carve `share` `(runs, 1)` of the row `source` into the free row `child` (masks `(runs, rows)`).

    Stocks and pipelines are shared out; everything else is inherited, but for `values` (a new birth).
    Runs without a source, or without a free row for the child, are untouched.
    """
    if np.any(source.sum(axis=-1) > 1) or np.any(child.sum(axis=-1) > 1):
        raise ValueError(f"{table}: a split takes one source and one child in each run")
    source, child = source & child.any(axis=-1, keepdims=True), child & source.any(axis=-1, keepdims=True)
    parent = np.broadcast_to(source.argmax(axis=-1)[:, None], source.shape)
    for column in world.declared[table].columns:
        array = world.array(f"{table}.{column.name}")
        if column.lives in ADDITIVE:
            moved = array * source * share
            arriving = moved.sum(axis=-1, keepdims=True) * child
            array += arriving - moved
            if column.counts_as:
                world.ledger.tally(f"{table}.{column.name}", arriving - moved)
        else:
            inherited = np.where(source, array, 0).sum(axis=-1, keepdims=True, dtype=array.dtype)
            np.copyto(array, inherited, where=child, casting="same_kind")
    _endow(world, table, child, values)
    world.note("entry", table, child, reason="split", other=(table, parent))


def free_rows(occupied, wanted):
    """Return a mask of the `wanted` `(runs, 1)` lowest free rows, and how many found no room."""
    free = occupied == 0
    taken = free & (np.cumsum(free, axis=-1) <= wanted)
    return taken, wanted - taken.sum(axis=-1, keepdims=True)


def _endow(world, table, rows, values):
    for name, value in values.items():
        if world.declared[table].column(name).counts_as:
            raise ValueError(f"{table}.{name} is conserved: bring it in by a named flow, not at birth")
        np.copyto(world.array(f"{table}.{name}"), value, where=rows, casting="same_kind")


def end_of_chain(table, gone, heir):
    """Jump from heir to heir's heir; each round doubles the jump, so no chain is too long."""
    rows = gone.shape[-1]
    for _ in range(rows.bit_length()):
        onward = _named(gone, heir)
        if not np.any(onward & gone):
            break
        heir = np.where(onward, _at(heir, heir), heir)
    if np.any(gone & ((heir >= rows) | _named(gone, heir))):
        raise ValueError(f"{table}: a merger leaves no heir; a firm must merge into one that stays")
    return heir


def _named(mask, link):
    """Return whether each link names a row of the mask (nobody is in no mask)."""
    return _at(mask, link) & (link < mask.shape[-1])


def _at(table, link):
    """Read a table `(runs, rows)` at links `(..., runs, n)`; nobody reads the last row."""
    runs, rows = table.shape
    return table.reshape(-1).take(np.minimum(link, rows - 1) + rows * np.arange(runs)[:, None])


def _blank(world, table, mask):
    if not mask.any():
        return
    cells = (..., *np.nonzero(mask))
    for column in world.declared[table].columns:
        world.array(f"{table}.{column.name}")[cells] = world.rows[column.to] if column.lives == LINK else 0


def _change(world, name, cells, amount):
    """Add an amount to some cells, none of them named twice, and tally it where the column is counted."""
    world.array(name)[cells] += amount
    if name in world.ledger.net:
        world.ledger.tally(name, amount, cells)


class _Pairs(NamedTuple):
    """Who merges into whom, as indices of arrays `(..., runs, rows)`; `heirs` names each heir once."""

    gone: tuple
    heirs: tuple
    heir_of: np.ndarray  # place among the heirs, of each that is gone

    def together(self, held):
        """Sum what the gone hold `(..., gone)` by heir, in the order of rows."""
        summed = add_up(held.reshape(-1, held.shape[-1]), self.heir_of, len(self.heirs[-1]))
        return summed.reshape(*held.shape[:-1], -1)


def _pairs(gone, heir):
    run, row = np.nonzero(gone)
    heirs, heir_of = np.unique(run * gone.shape[-1] + heir[run, row], return_inverse=True)
    return _Pairs((..., run, row), (..., *np.divmod(heirs, gone.shape[-1])), heir_of)


def _hand_over(world, name, pairs):
    leaving = world.array(name)[pairs.gone]
    _change(world, name, pairs.heirs, pairs.together(leaving))
    _change(world, name, pairs.gone, -leaving)


def _average(world, table, column, pairs):
    array = world.array(f"{table}.{column.name}")
    weight = flattened(world.array(f"{table}.{column.weight or world.declared[table].size}"))
    mine, brought = weight[pairs.heirs], pairs.together(weight[pairs.gone])
    old = array[pairs.heirs]
    mixed = ratio(old * mine + pairs.together(array[pairs.gone] * weight[pairs.gone]), mine + brought)
    array[pairs.heirs] = np.where(brought > 0, mixed, old)


def _relink(world, table, gone, heir):
    """Let every link to the gone name the heir; a firm that would then own itself is owned by nobody."""
    rows = world.rows[table]
    for other, column, array in world.each():
        if column.to != table:
            continue
        named = _named(gone, array)
        onward = _at(heir, array)
        if other.name == table:
            onward = np.where(onward == np.arange(rows), rows, onward)
        np.copyto(array, onward, where=named)


def _move_places(world, table, gone, heir):
    """Move what other tables hold by this one (a maker's chips) from each gone place to its heir's."""
    for other, column, array in world.each():
        if column.by != table or column.lives not in ADDITIVE:
            continue
        name = f"{other.name}.{column.name}"
        places = array.shape[-3]
        for i in range(places):
            for j in range(places):
                moved = array[..., i, :, :] * (gone[:, i : i + 1] & (heir[:, i : i + 1] == j))
                for target, sign in ((i, -1.0), (j, 1.0)):
                    array[..., target, :, :] += sign * moved
                    if name in world.ledger.net:
                        world.ledger.net[name][..., target, :, :] += sign * moved
                        world.ledger.gross[name][..., target, :, :] += np.abs(moved)

"""One lifecycle for every table: birth, death, merger and split, carried out from the declarations.

Each enters itself in the journal; `told` is what only the caller knows of it: reason, other, amount, unit.
"""

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
    world.note("exit", table, gone & (world.array(f"{table}.alive") > 0), **{"reason": "merger", "other": (table, heir)} | told)
    for column in world.declared[table].columns:
        if column.lives == INTENSIVE:
            _average(world, table, column, gone, heir)
    for column in world.declared[table].columns:
        if column.lives in ADDITIVE:
            _hand_over(world, f"{table}.{column.name}", gone, heir)
    _relink(world, table, gone, heir)
    _move_places(world, table, gone, heir)
    _blank(world, table, gone)


def transfer(world, table, giver, shares, columns):
    """Move parts of what the row `giver` (mask `(runs, rows)`) holds of stocks and pipelines to other rows.

    `shares` `(runs, rows)` is the part that each row gets, the giver's own zero, together at most one.
    """
    runs = np.flatnonzero(shares.any(axis=-1))
    shares, giver = shares[runs], giver[runs]
    gone = shares.sum(axis=-1, keepdims=True)
    gone = np.where(gone > 1.0 - ALL_BUT_ROUNDING, 1.0, gone)  # who gives everything keeps no speck of it
    for column in columns:
        if world.declared[table].column(column).lives not in ADDITIVE:
            raise ValueError(f"{table}.{column} does not add up: no part of it can be handed over")
        name = f"{table}.{column}"
        array = world.array(name)
        leaving = np.take(array, runs, axis=-2) * giver
        moved = leaving.sum(axis=-1, keepdims=True) * shares - leaving * gone
        array[..., runs, :] += moved
        if name in world.ledger.net:
            change = np.zeros_like(array)
            change[..., runs, :] = moved
            world.ledger.tally(name, change)


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
    wide = np.broadcast_to(table, (*link.shape[:-2], *table.shape))
    return np.take_along_axis(wide, np.minimum(link, table.shape[-1] - 1), axis=-1)


def _blank(world, table, mask):
    for column in world.declared[table].columns:
        array = world.array(f"{table}.{column.name}")
        nothing = world.rows[column.to] if column.lives == LINK else 0
        np.copyto(array, np.asarray(nothing, array.dtype), where=mask)


def _slabs(array):
    """View `(..., runs, rows)` as a list of `(runs, rows)` arrays."""
    return array.reshape(-1, *array.shape[-2:])


def _hand_over(world, name, gone, heir):
    """Give what the gone hold to their heirs, looking only at runs where somebody is gone."""
    array, rows = world.array(name), gone.shape[-1]
    runs = np.flatnonzero(gone.any(axis=-1))
    leaving = np.take(array, runs, axis=-2) * gone[runs]
    into = np.where(gone, heir, rows)[runs]
    arriving = np.stack([add_up(slab, into, rows) if slab.any() else slab for slab in _slabs(leaving)]).reshape(leaving.shape)
    moved = arriving - leaving
    array[..., runs, :] += moved
    if name in world.ledger.net:
        change = np.zeros_like(array)
        change[..., runs, :] = moved
        world.ledger.tally(name, change)


def _average(world, table, column, gone, heir):
    rows = world.rows[table]
    weight = flattened(world.array(f"{table}.{column.weight or world.declared[table].size}"))
    into = np.where(gone, heir, rows)
    kept = add_up(weight * gone, into, rows)
    for slab in _slabs(world.array(f"{table}.{column.name}")):
        mixed = ratio(slab * weight + add_up(slab * weight * gone, into, rows), weight + kept, 0.0)
        np.copyto(slab, mixed, where=(kept > 0) & ~gone)


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

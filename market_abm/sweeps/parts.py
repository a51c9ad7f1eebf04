"""The parts of a sweep's store: immutable files of finished runs, written by whoever ran them, indexed by whoever asks."""

import json
import os
from collections import OrderedDict
from pathlib import Path

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.studies.files import UNFINISHED, fill_unfinished, sync, unfinished
from market_abm.sweeps.work import FORMAT, IDENTITY, MARK, SEAL, columns_told, seal_of

PARTS, DAMAGED = "parts", ".damaged"
OPEN_AT_ONCE = 2  # parts that stay in memory while their runs are put in order


class Damaged(Exception):
    """A part cannot be read as it was written."""


def write_part(folder, part):
    """Put a part into the store; when this returns, its runs are safe."""
    place = Path(folder) / PARTS
    mine = place / f"{part.name}.{os.getpid()}"  # a worker that has outlived its sweep may be writing the same part
    fill_unfinished(mine, lambda file: file.write(part.data))
    os.replace(unfinished(mine), place / part.name)
    sync(place)


def account_of(path):
    """Return what a part says of itself, None for a Parquet file that is none of ours; raise Damaged if it cannot be read."""
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        schema = parquet.read_metadata(path).metadata or {}
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise Damaged(str(error)) from None
    if MARK not in schema or SEAL not in schema:
        return None
    if seal_of(schema[MARK]) != schema[SEAL]:
        raise Damaged("its account of itself is not as it was written")
    return json.loads(schema[MARK])


def lines_of(path):
    """Return the lines of a part as an Arrow table, its pages checked; raise Damaged if they are not as written."""
    import pyarrow
    import pyarrow.parquet as parquet

    account = account_of(path)
    try:
        table = parquet.read_table(path, page_checksum_verification=True).replace_schema_metadata(None)
        table.validate(full=True)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise Damaged(str(error)) from None
    if account is None or columns_told(table.schema) != account["columns"] or len(table) != len(account["runs"]) * account["quarters"]:
        raise Damaged("its columns or lines are not those that it was written with")
    return table


class Shelf:
    """Which run lies in which part: `part` and `line` are `(points, runs)`, -1 where there is nothing yet."""

    def __init__(self, folder, study, keys, runs, quarters, mends=True):
        """Take the results folder, the study's fingerprint, the points' keys in order of their numbers, and runs a point."""
        self.folder, self.study, self.keys, self.quarters, self.mends = Path(folder), study, keys, quarters, mends
        self.names, self.damaged = [], []
        self.part = np.full((len(keys), runs), -1, np.int32)
        self.line = np.zeros((len(keys), runs), np.int32)
        self.lost = np.zeros((len(keys), runs), bool)  # runs that failed by accident: they are tried again
        self.failures, self.refused, self.seconds = {}, {}, 0.0
        self._open = OrderedDict()

    @property
    def done(self):
        """Return which runs need not be run, `(points, runs)`."""
        return (self.part >= 0) & ~self.lost

    @property
    def stored(self):
        """Return how many runs have a part, failed ones included."""
        return int((self.part >= 0).sum())

    def take_stock(self):
        """Index every part; set aside what cannot be read, refuse what is of another sweep.

        Who only reads leaves everything as it is, because others may be writing.
        """
        place, known = self.folder / PARTS, set(self.names)
        if self.mends:
            place.mkdir(exist_ok=True)
        for path in sorted(place.iterdir()):
            if path.name.endswith(UNFINISHED) and self.mends:
                path.unlink(missing_ok=True)
            elif not path.name.endswith((UNFINISHED, DAMAGED)) and path.name not in known:
                self._take(path)
        return self

    def _take(self, path):
        try:
            account = account_of(path) if path.suffix == ".parquet" else None
        except Damaged as error:
            return self.set_aside(path, error)
        if account is None or account.get("format") != FORMAT or account.get("study") != self.study:
            raise BadInput(Problem(str(path), "is no part of this sweep", "move it away, or name another folder with --out"))
        return self.add(path.name, account)

    def set_aside(self, path, error):
        """Rename a part that is not as it was written; its runs will be run again."""
        self.damaged.append((path.name, str(error)))
        if not self.mends:
            return
        path.rename(path.with_name(path.name + DAMAGED))
        sync(path.parent)

    def add(self, name, account):
        """Enter the runs of a part."""
        points, runs = np.array(account["points"], np.int64), np.array(account["runs"], np.int64)
        if not self._fits(points, runs, account["keys"]):
            raise BadInput(Problem(str(self.folder / PARTS / name), "holds runs that this design does not have",
                                   "name another folder with --out, or go back to the design that made it"))
        new = np.flatnonzero(~self.done[points, runs])
        cells = list(zip(points[new].tolist(), runs[new].tolist(), strict=True))
        told = {(failure["point"], failure["run"]): failure for failure in account["failures"]}
        refused = {(account["points"][int(place)], account["runs"][int(place)]): count for place, count in account["refused"].items()}
        at = points[new], runs[new]
        self.part[at], self.line[at] = len(self.names), new
        self.lost[at] = [cell in told and told[cell]["kind"] != IDENTITY for cell in cells]
        for mine, theirs in ((self.failures, told), (self.refused, refused)):
            for cell in cells:
                mine.pop(cell, None)
            mine.update({cell: theirs[cell] for cell in cells if cell in theirs})
        self.names.append(name)
        self.seconds += account["seconds"]

    def _fits(self, points, runs, keys):
        """Say whether the design has these runs, and the same content under the same numbers."""
        known = (points < self.part.shape[0]).all() and (runs < self.part.shape[1]).all()
        return known and all(self.keys[point] == key for point, key in zip(points.tolist(), keys, strict=True))

    def stretches(self, low, high):
        """Yield Arrow tables with the lines of stored runs `low` to `high - 1` in order of point and run; raise Damaged with the path."""
        part, line = self.part.ravel()[low:high], self.line.ravel()[low:high]
        part, line = part[part >= 0], line[part >= 0]
        if not len(part):
            return
        breaks = np.flatnonzero((np.diff(part) != 0) | (np.diff(line) != 1)) + 1
        for begin, end in zip([0, *breaks], [*breaks, len(part)], strict=True):
            table = self._table(int(part[begin]))
            yield table.slice(int(line[begin]) * self.quarters, (end - begin) * self.quarters)

    def _table(self, number):
        if number not in self._open:
            path = self.folder / PARTS / self.names[number]
            try:
                self._open[number] = lines_of(path)
            except Damaged as error:
                self.set_aside(path, error)
                raise
        self._open.move_to_end(number)
        while len(self._open) > OPEN_AT_ONCE:
            self._open.popitem(last=False)
        return self._open[number]

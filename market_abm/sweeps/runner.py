"""Run a sweep: what is not stored yet, batch by batch, until every point has its replicates."""

import os
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.sweeps.cluster import Cluster, SchedulerGone
from market_abm.sweeps.design import read_design, setting_of
from market_abm.sweeps.folder import (
    CONCLUSIONS,
    admit,
    fingerprint,
    identity_of,
    manifest_in,
    now,
    numbered,
    taken,
    told_failures,
    up_to_date,
    write_manifest,
)
from market_abm.sweeps.parts import Damaged, Shelf, write_part
from market_abm.sweeps.pools import Died, Here, Processes
from market_abm.sweeps.tables import gather, write_points
from market_abm.sweeps.work import Batch, Chunk, Job, joined, lost_part

BATCH = 64  # runs in lockstep: with 512 slots for startups a batch's columns stay in the processor's cache
LEAST = 8  # runs: smaller batches cost more than idle workers
CHUNK_BYTES = 8e6  # of figures in one part, unless a single batch has more
CHUNK_SECONDS = 1.0  # of work between two acknowledgements, where a single batch does not take longer
TRIES = 2  # of a chunk as it is, before it is halved to find the run that ends its worker


@dataclass(frozen=True)
class Swept:
    """What a sweep has done: `runs` in all, `new` of them this time."""

    folder: Path
    runs: int
    new: int
    quarters: int
    seconds: float
    worker_seconds: float  # that workers have spent on all runs, as far as they know
    failures: list[dict]
    damaged: list[tuple]
    refusing: int


class Stopped(Exception):
    """A sweep ended before its time; what was acknowledged is stored."""


def sweep(design, out=None, workers=None, scheduler=None, progress=None, rules=None):
    """Run what a design asks and the folder does not hold yet, and return a `Swept`.

    `design` is a TOML file; `out` a folder, by default `results/` and the file's name; `workers` processes, by default one a core, 0
    for none beside this one; `scheduler` the address of a Dask scheduler; `rules` rules of your own. `progress(done, total)` counts runs
    of this session. Raises `Stopped` when interrupted.
    """
    return run_design(read_design(design, rules), out, workers, scheduler, progress)


def run_design(design, out=None, workers=None, scheduler=None, progress=None):
    """Run a design that has been read; see `sweep`."""
    workers = _workers(workers)
    with taken(out if out is not None else Path("results") / Path(design.file).stem) as folder:
        return _Session(design, folder, workers, scheduler, progress).carried_out()


class _Session:
    """One sitting of a sweep in its folder."""

    def __init__(self, design, folder, workers, scheduler, progress):
        self.design, self.folder, self.workers, self.scheduler = design, folder, workers, scheduler
        self.progress = progress or (lambda done, total: None)
        self.identity = identity_of(design)
        admit(folder, self.identity)
        self.points, keys, place = numbered(folder, design)
        self.keys, self.rows = keys, place[design.rows]
        self.shelf = Shelf(folder, fingerprint(self.identity), keys, design.runs, len(design.at))
        self.job = Job(design.model, design.seed, tuple(design.model.labels.index(label) for label in design.at), self.shelf.study)
        self.before = (manifest_in(folder) or {}).get("sweep", {})
        self.clock = time.perf_counter()
        self.mine = {"command": ["market-abm", *sys.argv[1:]], "started": now(), "seconds": 0.0, "runs": 0,
                     "workers": scheduler or workers}

    def carried_out(self):
        """Run what is missing, then make the tables."""
        try:
            self.shelf.take_stock()
            missing = np.flatnonzero(~self.shelf.done.ravel())
            if len(missing) or not up_to_date(self.folder, self.design, self.rows, self.shelf.stored):
                self._complete(missing)
        except OSError as error:
            raise BadInput(Problem(str(self.folder), f"cannot be written: {error.strerror or error}; {self._kept()}",
                                   "make room, or mend the folder, and run the same command again", key="--out")) from None
        except KeyboardInterrupt:
            raise Stopped(f"interrupted; {self._kept()}") from None
        except SchedulerGone as error:
            raise Stopped(f"the scheduler at {error} went away; {self._kept()}") from None
        return self._account()

    def _complete(self, missing):
        write_points(self.folder, self.design, self.points, self.keys, self.rows)
        self._write_manifest(complete=False)
        if len(missing):
            for name in CONCLUSIONS:  # of fewer runs than there will be
                (self.folder / name).unlink(missing_ok=True)
            self._make(missing)
        try:
            gather(self.folder, self.shelf, self.design.model.names, self.design.seed)
        except Damaged as error:
            name = self.shelf.damaged[-1][0]
            raise BadInput(Problem(str(self.folder / "parts" / name), f"is not as it was written and is set aside: {error}",
                                   "run the same command again: its runs will be made anew")) from None
        self._write_manifest(complete=True)

    def _make(self, missing):
        """Run what is missing; whatever ends that, the manifest says how far it got."""
        try:
            with self._pool(len(missing)) as pool:
                self._run(pool, missing)
        finally:
            self.mine["seconds"] = round(time.perf_counter() - self.clock, 3)
            with suppress(OSError, BadInput):
                self.shelf.take_stock()  # what was stored and not yet taken in
                self._write_manifest(complete=False)

    def _pool(self, runs):
        if self.scheduler:
            return Cluster(self.job, self.folder, self.scheduler)
        if self.workers == 0:
            return Here(self.job, self.folder)
        return Processes(self.job, self.folder, min(self.workers, -(-runs // LEAST)))

    def _run(self, pool, missing):
        """Hand out chunks and take in what comes back; nothing is counted that is not stored."""
        figures = 8 * len(self.design.at) * len(self.design.model.names)
        again, pace, self.asked = deque(), _Pace(most=int(CHUNK_BYTES / (figures * BATCH))), len(missing)
        batches, suspect = self._batches(missing, pool.workers), False
        while True:
            while pool.busy < (1 if pool.blames_company and (again or suspect) else pool.capacity):
                chunk = again.popleft() if again else Chunk([batch for _, batch in zip(range(pace.batches), batches, strict=False)])
                if not chunk.batches:
                    break
                suspect = chunk.tries > 1
                pool.give(chunk)
            if not pool.busy:
                return
            chunk, name, account = pool.next()
            if isinstance(account, Died):
                again.extend(self._second_try(chunk, account.reason))
                continue
            pace.heed(account["seconds"], len(chunk.batches))
            self._take_in(name, account)

    def _second_try(self, chunk, reason):
        """Return what to do with a chunk whose worker died: all again, then its halves; a run that dies alone is a failure."""
        if chunk.tries < TRIES:
            return [chunk._replace(tries=chunk.tries + 1)]
        if len(joined(chunk.batches).runs) > 1:
            return chunk.halves()
        part = lost_part(self.job, chunk, reason)
        write_part(self.folder, part)
        self._take_in(part.name, part.account)
        return []

    def _take_in(self, name, account):
        self.shelf.add(name, account)
        self.mine["runs"] += len(account["runs"])
        self.progress(self.mine["runs"], self.asked)

    def _batches(self, missing, workers):
        """Yield the missing runs in batches of one size, in order of point and run."""
        count = -(-len(missing) // BATCH)
        count = -(-count // workers) * workers  # no worker idle at the end while another has a whole batch to do
        size = min(BATCH, max(LEAST, -(-len(missing) // count)))
        for low in range(0, len(missing), size):
            points, runs = np.divmod(missing[low:low + size], self.design.runs)
            settings = {point: setting_of(self.design.factors, self.points[point]) for point in dict.fromkeys(points.tolist())}
            yield Batch(points, runs, tuple(self.keys[p] for p in points.tolist()), tuple(settings[p] for p in points.tolist()))

    def _kept(self):
        return f"{self.shelf.stored} of {self.shelf.part.size} runs are stored in {self.folder}"

    def _write_manifest(self, complete):
        write_manifest(self.folder, self.design, self.identity, self.shelf, [*self.before.get("sessions", []), self.mine], complete)

    def _account(self):
        shelf = self.shelf
        return Swept(self.folder, shelf.stored, self.mine["runs"], len(self.design.at), time.perf_counter() - self.clock, shelf.seconds,
                     told_failures(shelf), shelf.damaged, len(shelf.refused))


@dataclass
class _Pace:
    """How many batches make about a second of work, as measured so far."""

    most: int
    batches: int = 1

    def heed(self, seconds, batches):
        """Learn from a finished chunk; grow slowly."""
        fits = CHUNK_SECONDS * batches / max(seconds, 1e-3)
        self.batches = int(max(1, min(fits, 2 * self.batches, self.most)))


def _workers(asked):
    if asked is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(asked, bool) or not isinstance(asked, int) or not 0 <= asked <= 1024:
        raise BadInput(Problem("--workers", "must be a whole number between 0 and 1024 (unit: processes)", "leave it out for one a core",
                               key="workers", value=asked))
    return asked

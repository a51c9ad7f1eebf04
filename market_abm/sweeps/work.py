"""What a worker does: run batches in lockstep and pack what came of them as one part of the store.

Workers import this, numpy, pyarrow and the engine, nothing heavier; `pyarrow.array` is avoided because it looks for pandas.
"""

import io
import json
import os
import socket
import threading
import time
import traceback
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from market_abm.engine import run_seeds
from market_abm.sweeps.code import code_of_the_engine

FORMAT = 2
MARK, SEAL = b"market_abm", b"market_abm_seal"  # of a part's own account, and of its checksum, among the metadata of its file
IDENTITY, EXCEPTION, WORKER = "identity", "exception", "worker"  # why a run failed; only the first is a result
ONE_AT_A_TIME = threading.Lock()  # threads of one process take turns: the engine keeps a batch's rules in one place


@dataclass(frozen=True)
class Job:
    """What all parts of a sweep share; a process gets it once, a cluster with each chunk. `at` are the places of the recorded quarters."""

    model: object
    seed: int
    at: tuple[int, ...]
    study: str


class Batch(NamedTuple):
    """Runs to advance together: for each its point, number, key of the point's content, and what differs from the base."""

    points: np.ndarray
    runs: np.ndarray
    keys: tuple[str, ...]
    settings: tuple[dict, ...]

    def slice(self, low, high):
        """Return some of the runs."""
        return Batch(self.points[low:high], self.runs[low:high], self.keys[low:high], self.settings[low:high])


class Chunk(NamedTuple):
    """Batches that a worker is given together, to be stored as one part; `tries` counts how often they have been handed out."""

    batches: list[Batch]
    tries: int = 1

    def halves(self):
        """Return two chunks with half of the work each; there must be more than one run."""
        if len(self.batches) > 1:
            middle = len(self.batches) // 2
            return [self._replace(batches=half) for half in (self.batches[:middle], self.batches[middle:])]
        (batch,), middle = self.batches, len(self.batches[0].runs) // 2
        return [self._replace(batches=[half]) for half in (batch.slice(0, middle), batch.slice(middle, len(batch.runs)))]


class Ran(NamedTuple):
    """What came of a batch: `values` `(metrics, recorded quarters, runs)`, failures by place, founders turned away by run."""

    values: np.ndarray
    failures: list[dict]
    refused: np.ndarray


class Part(NamedTuple):
    """One immutable file of the store: its name, its bytes and what it says of itself."""

    name: str
    data: bytes
    account: dict


def seeds_of(seed, runs):
    """Return the seeds of runs by their numbers, the same at every point (common random numbers)."""
    first = int(runs.min())
    return run_seeds(seed, first, int(runs.max()) - first + 1)[runs - first]


def part_of(job, chunk):
    """Run the batches of a chunk one after the other and return what came of them as one part."""
    with ONE_AT_A_TIME:
        began = time.perf_counter()
        ran = [result for batch in chunk.batches for result in _ran(job, batch)]
        return packed(job, joined(chunk.batches), _together(ran), time.perf_counter() - began)


def lost_part(job, chunk, reason):
    """Return the part that says of runs that they took their worker down with them."""
    batch = joined(chunk.batches)
    failures = [_failure(job, batch, place, WORKER, "", reason) for place in range(len(batch.runs))]
    return packed(job, batch, Ran(_nothing(job, len(batch.runs)), failures, np.full(len(batch.runs), np.nan)), 0.0)


def joined(batches):
    """Return several batches as one."""
    return Batch(np.concatenate([b.points for b in batches]), np.concatenate([b.runs for b in batches]),
                 tuple(key for b in batches for key in b.keys), tuple(setting for b in batches for setting in b.settings))


def _ran(job, batch):
    """Run one batch; where that raises, run its halves, down to the run that is to blame."""
    try:
        outcome = job.model.simulate(batch.settings, seeds_of(job.seed, batch.runs))
    except Exception as error:
        count = len(batch.runs)
        if count > 1:
            return _ran(job, batch.slice(0, count // 2)) + _ran(job, batch.slice(count // 2, count))
        failure = _failure(job, batch, 0, EXCEPTION, "", f"{type(error).__name__}: {error}", traceback.format_exc())
        return [Ran(_nothing(job, 1), [failure], np.full(1, np.nan))]
    failures = [_failure(job, batch, breach.run, IDENTITY, outcome.labels[breach.quarter],
                         f"identity {breach.identity} broken at {breach.where} by {breach.amount:.6g}") for breach in outcome.failures]
    return [Ran(outcome.values[:, list(job.at)], failures, np.ravel(outcome.refused_entries))]


def _failure(job, batch, place, kind, quarter, reason, trace=""):
    place = int(place)
    return {"point": int(batch.points[place]), "run": int(batch.runs[place]), "seed": int(seeds_of(job.seed, batch.runs)[place]),
            "kind": kind, "quarter": quarter, "reason": reason, "traceback": trace}


def _nothing(job, runs):
    return np.full((len(job.model.names), len(job.at), runs), np.nan)


def _together(several):
    return Ran(np.concatenate([ran.values for ran in several], axis=2), [failure for ran in several for failure in ran.failures],
               np.concatenate([ran.refused for ran in several]))


def packed(job, batch, ran, seconds):
    """Return what came of runs as a part: lines of metrics, and an account of the runs in the file's metadata."""
    import pyarrow
    import pyarrow.parquet as parquet

    quarters, runs = len(job.at), len(batch.runs)
    seeds = seeds_of(job.seed, batch.runs)
    labels = [job.model.labels[q] for q in job.at]
    columns = {"point": np.repeat(batch.points, quarters), "run": np.repeat(batch.runs, quarters), "seed": np.repeat(seeds, quarters)}
    arrays = {name: _array(values) for name, values in columns.items()} | {"quarter": _words(np.tile(np.arange(quarters), runs), labels)}
    arrays |= {name: _array(values.T.ravel()) for name, values in zip(job.model.names, ran.values, strict=True)}
    account = {
        "format": FORMAT, "study": job.study, "code": code_of_the_engine(), "quarters": quarters, "points": batch.points.tolist(),
        "runs": batch.runs.tolist(), "keys": list(batch.keys), "failures": ran.failures, "seconds": seconds, **_whereabouts(),
        "refused": {str(place): count for place, count in enumerate(ran.refused.tolist()) if count > 0},
    }
    table = pyarrow.Table.from_arrays(list(arrays.values()), list(arrays))
    account["columns"] = columns_told(table.schema)
    told = json.dumps(account).encode()
    table, out = table.replace_schema_metadata({MARK: told, SEAL: seal_of(told)}), io.BytesIO()
    parquet.write_table(table, out, write_page_checksum=True, **written_so(job.model.names))
    return Part(_name(batch), out.getvalue(), account)


def seal_of(told):
    """Return the checksum of an account: pages of a Parquet file have theirs, what stands around them has none."""
    return blake2b(told, digest_size=8).hexdigest().encode()


def columns_told(schema):
    """Return a fingerprint of the names and types of a part's columns."""
    return seal_of(json.dumps([[field.name, str(field.type)] for field in schema]).encode()).decode()


def written_so(metrics):
    """Return how Parquet files of metrics are written: bytes of floats side by side compress better and faster."""
    return {"compression": "zstd", "use_dictionary": ["quarter"], "use_byte_stream_split": list(metrics), "write_statistics": ["point", "run"]}


def _name(batch):
    """Return the name of a part, the same whenever the same runs are in it."""
    told = json.dumps([batch.runs.tolist(), list(batch.keys)]).encode()
    return f"{batch.points[0]:08d}-{batch.runs[0]:06d}-{blake2b(told, digest_size=6).hexdigest()}.parquet"


@cache
def _whereabouts():
    return {"host": socket.gethostname(), "process": os.getpid(), "numpy": np.__version__}


def _array(values):
    import pyarrow

    values = np.ascontiguousarray(values)
    return pyarrow.Array.from_buffers(pyarrow.from_numpy_dtype(values.dtype), len(values), [None, pyarrow.py_buffer(values)])


def _words(codes, words):
    """Return texts that stand many times as an Arrow dictionary."""
    import pyarrow

    data = [word.encode() for word in words]
    ends = np.cumsum([0, *(len(word) for word in data)]).astype(np.int32)
    texts = pyarrow.StringArray.from_buffers(len(words), pyarrow.py_buffer(ends), pyarrow.py_buffer(b"".join(data)))
    return pyarrow.DictionaryArray.from_arrays(_array(codes.astype(np.int32)), texts)

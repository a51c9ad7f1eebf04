"""Who does the work: this process, or spawned processes of which each writes its own parts.

A pool has `workers`, `capacity` and `busy` (chunks that may be, and are, handed out), `give(chunk)`, and `next()`, which
waits for one chunk and returns it with the name and the account of its part, or with None and `Died`. Where it `blames_company`, chunks
that were merely waiting for a worker that ended are told as `Died` too: a chunk under suspicion must then be handed out alone.
"""

import os
import pickle
import signal
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import wait
from typing import NamedTuple

from market_abm.errors import BadInput, Problem
from market_abm.sweeps.parts import write_part
from market_abm.sweeps.work import part_of

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # a worker a core: libraries must not add their own
PATIENCE = 10.0  # seconds that workers have to leave when they are told to
STILLBORN = 3  # workers in a row that were ended before they could begin: then it is no accident


class Died(NamedTuple):
    """A worker ended before it had stored its chunk."""

    reason: str


class Here:
    """Work in this process, one chunk at a time."""

    workers = capacity = 1
    blames_company = False

    def __init__(self, job, folder):
        self._job, self._folder, self._done = job, folder, deque()

    busy = property(lambda self: len(self._done))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def give(self, chunk):
        """Do a chunk at once."""
        part = part_of(self._job, chunk)
        write_part(self._folder, part)
        self._done.append((chunk, part.name, part.account))

    def next(self):
        """Return what was done first."""
        return self._done.popleft()


class Processes:
    """Spawned processes, each with a pipe of its own: when one dies, only its chunk is in doubt."""

    blames_company = False

    def __init__(self, job, folder, workers):
        self.workers = self.capacity = workers
        self._job, self._folder = job, str(folder)
        self._busy, self._idle, self._stillborn = {}, [], 0

    busy = property(lambda self: len(self._busy))

    def __enter__(self):
        _check_pickle(self._job)
        try:
            for _ in range(self.workers):
                self._idle.append(self._started())
        except OSError as error:  # of processes or files that one user may have, not of the results folder
            self.__exit__()
            raise BadInput(Problem("--workers", f"only {len(self._idle)} processes could be started: {error.strerror or error}", "ask for fewer",
                                   key="workers", value=self.workers)) from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """Stop everybody at once: what is unfinished is not in the store, and what is in the store is whole."""
        everybody = (*self._idle, *self._busy)
        for worker in everybody:
            worker.process.terminate()
        until = time.monotonic() + PATIENCE
        for worker in everybody:
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.exitcode is None:
                worker.process.kill()  # one that was halted heeds nothing else
                worker.process.join(PATIENCE)
            worker.pipe.close()

    def _started(self):
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._job, self._folder), daemon=True)
        with _one_thread(), _interruptions_later():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def give(self, chunk):
        """Hand a chunk to an idle worker; there must be one."""
        worker = self._idle.pop(0)
        with suppress(OSError):  # it died meanwhile: `next` will find out
            worker.pipe.send(chunk)
        self._busy[worker] = chunk

    def next(self):
        """Wait for one chunk; return it with its part's name and account, or with Died in their place."""
        while True:
            ready = wait([worker.pipe for worker in self._busy])
            worker = next(worker for worker in self._busy if worker.pipe in ready)
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                return self._buried(worker)
            if message == READY:
                worker.ready, self._stillborn = True, 0
                continue
            chunk = self._busy.pop(worker)
            self._idle.append(worker)
            if isinstance(message, Exception):
                raise message
            return chunk, *message

    def _buried(self, worker):
        """Put a new worker in the place of a dead one, and return the chunk in doubt."""
        chunk = self._busy.pop(worker)
        worker.process.join(PATIENCE)
        worker.pipe.close()
        status, self._stillborn = worker.process.exitcode, self._stillborn + (not worker.ready)
        if not worker.ready and (status is None or status >= 0 or self._stillborn >= STILLBORN):  # somebody may have killed one that was starting
            raise BadInput(Problem("--workers", f"a worker process ended with status {status} before it could begin",
                                   'see what it wrote above; a script that sweeps needs `if __name__ == "__main__":` before its work'))
        self._idle.append(self._started())
        return chunk, None, Died(_ending(status))


class _Worker:
    """A process, the pipe to it, and whether it has begun."""

    def __init__(self, process, pipe):
        self.process, self.pipe, self.ready = process, pipe, False


READY = "ready"


def _serve(pipe, job, folder):
    """Do chunks until the pipe closes: when the sweep is over, or its process is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; who swept decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError):  # who swept may be gone already: then nothing will come either
        pipe.send(READY)
    while True:
        try:
            chunk = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            part = part_of(job, chunk)
            write_part(folder, part)
            message = part.name, part.account
        except OSError as error:  # a full disk, say: nothing that another worker could do better
            message = error
        try:
            pipe.send(message)
        except OSError:
            return


def _ending(status):
    if status is not None and status < 0:
        return f"its worker was ended by {signal.Signals(-status).name}"
    return f"its worker ended with status {status}"


@contextmanager
def _one_thread():
    """Let processes that start now use one thread each in numpy's libraries, unless the user says otherwise."""
    added = [name for name in ONE_THREAD if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextmanager
def _interruptions_later():
    """Hold interruptions back while a process starts, so that it gets all that it is sent.

    It inherits the block of Ctrl-C, and so prints no traceback before it can ignore the key.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    resource_tracker.ensure_running()  # multiprocessing would start it now, and lift the block
    held = []
    handlers = {number: signal.signal(number, lambda number, _: held.append(number)) for number in (signal.SIGINT, signal.SIGTERM)}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in held:
            signal.raise_signal(number)


def _check_pickle(job):
    """Refuse rules of the caller's own that cannot travel to another process."""
    try:
        pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise BadInput(Problem("rules", f"cannot be sent to worker processes: {error}",
                               "define the rule at the top of a module, or sweep with workers=0")) from None

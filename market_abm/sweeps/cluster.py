"""The same work on a Dask cluster: workers return parts, and this process stores them, so no disk need be shared."""

import logging

from market_abm.errors import BadInput, Problem
from market_abm.sweeps.code import code_of_the_engine
from market_abm.sweeps.parts import write_part
from market_abm.sweeps.pools import Died
from market_abm.sweeps.work import part_of

WAITING = 2  # chunks a worker, so that none is idle while a part travels
REACHABLE_WITHIN = "10s"


class SchedulerGone(Exception):
    """The scheduler cannot be reached any more."""


class Cluster:
    """Workers of a Dask cluster, reached through its scheduler."""

    blames_company = True

    def __init__(self, job, folder, address):
        self._job, self._folder, self._address = job, folder, address
        self._chunks = {}

    busy = property(lambda self: len(self._chunks))

    def __enter__(self):
        distributed = _distributed()
        try:
            distributed.comm.get_address_host_port(self._address)  # a client made with what is no address writes a traceback when it is let go
            self._client = distributed.Client(self._address, timeout=REACHABLE_WITHIN, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise BadInput(Problem("--scheduler", f"does not answer: {error}", "start one with `dask scheduler`, and workers with "
                                   "`dask worker ADDRESS --nthreads 1`", key=self._address)) from None
        try:
            self._check_workers()
        except BaseException:
            self.__exit__()
            raise
        self._finished = distributed.as_completed(loop=self._client.loop)
        return self

    def _check_workers(self):
        """Refuse a cluster without workers, or whose workers have another version of this package."""
        try:
            codes = self._client.run(code_of_the_engine)
        except OSError:
            raise SchedulerGone(self._address) from None
        except ImportError as error:
            raise BadInput(Problem("--scheduler", f"has workers that cannot import this package: {error}", "install market-abm where they run",
                                   key=self._address)) from None
        other = [name for name, code in codes.items() if code != code_of_the_engine()]
        if other:
            raise BadInput(Problem("--scheduler", f"has workers with other code or another numpy: {', '.join(other)}",
                                   "install one version of market-abm and of numpy everywhere", key=self._address))
        if not codes:
            raise BadInput(Problem("--scheduler", "has no workers", f"start some with `dask worker {self._address} --nthreads 1`", key=self._address))
        self.workers = len(codes)

    def __exit__(self, *_):
        log = logging.getLogger("distributed.client")
        level = log.level
        log.setLevel(logging.CRITICAL)  # a client that is closed while it looks for its scheduler logs a traceback
        try:
            self._client.close(timeout=2)
        finally:
            log.setLevel(level)

    @property
    def capacity(self):
        """Return how many chunks may be under way."""
        return WAITING * self.workers

    def give(self, chunk):
        """Hand a chunk to the cluster, and with it the job, some kilobytes."""
        future = self._client.submit(part_of, self._job, chunk, pure=False)  # a job scattered beforehand would be lost with its last worker
        self._chunks[future] = chunk
        self._finished.add(future)

    def next(self):
        """Wait for one chunk and store its part; return it with the part's name and account, or with Died in their place."""
        distributed = _distributed()
        future = next(self._finished)
        chunk = self._chunks.pop(future)
        if future.status in ("cancelled", "lost"):
            raise SchedulerGone(self._address)
        try:
            part = future.result(timeout=REACHABLE_WITHIN)
        except distributed.scheduler.KilledWorker as error:
            return chunk, None, Died(f"its worker on the cluster ended: {error}")
        except (OSError, TimeoutError, distributed.CancelledError):
            raise SchedulerGone(self._address) from None
        write_part(self._folder, part)
        return chunk, part.name, part.account


def _distributed():
    try:
        import distributed
    except ImportError:
        raise BadInput(Problem("--scheduler", "needs Dask, which is not installed", "pip install 'market-abm[distributed]'")) from None
    return distributed

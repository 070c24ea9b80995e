"""Where tasks are done: one after the other here, or by Dask's workers.

Dask passes messages as pickles: whoever reaches its scheduler can run code on all workers. It
belongs into a network of machines that trust each other, or behind TLS (Dask's own settings,
``distributed.comm.tls``, are respected).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from anonbase.cores import count_cores
from anonbase.errors import InputError
from anonfaces.cluster.scale.tasks import Job, Report, perform

__all__ = ["SerialExecutor", "TaskCall", "Workers", "connected"]

_ADDRESS = re.compile(r"(\w+://)?[^\s/]+:\d+")
_CONNECT, _FIRST_WORKER, _NO_WORKER, _POLL = 5.0, 60.0, 300.0, 0.05  # seconds to wait


class TaskCall(NamedTuple):
    """One task of a stage."""

    stage: str
    number: int
    given: tuple[Any, ...]


class Workers(Protocol):
    """Who does tasks."""

    def run(self, job: Job, calls: list[TaskCall]) -> Iterator[tuple[int, Report]]:
        """Place in the list and report of each task, in the order in which they end."""
        ...


class SerialExecutor:
    """This process."""

    def run(self, job: Job, calls: list[TaskCall]) -> Iterator[tuple[int, Report]]:
        for place, call in enumerate(calls):
            yield place, perform(job, call.stage, call.number, *call.given)


class _Dask:
    def __init__(self, client: Any) -> None:
        self.client = client

    def run(self, job: Job, calls: list[TaskCall]) -> Iterator[tuple[int, Report]]:
        submit, name = self.client.submit, Path(job.scratch).name
        futures = {
            submit(
                perform, job, c.stage, c.number, *c.given, pure=False,
                key=f"{c.stage}-{c.number}-{name}-{os.getpid()}",
            ): place
            for place, c in enumerate(calls)
        }  # fmt: skip
        try:
            for future in self._ended(list(futures)):
                yield futures[future], _result(future)
        finally:
            self.client.cancel(list(futures))

    def _ended(self, futures: list[Any]) -> Iterator[Any]:
        """Futures as they end; InputError when for long there is nobody to do them."""
        from distributed import as_completed

        ended, last = as_completed(futures, loop=self.client.loop), time.monotonic()
        while not ended.is_empty():
            batch = ended.next_batch(block=False)
            yield from batch
            if batch:
                last = time.monotonic()
            elif time.monotonic() - last > _NO_WORKER:
                if not self.client.nthreads():
                    raise InputError("all workers are gone: start some, and the command goes on")
                last = time.monotonic()
            time.sleep(0 if batch else _POLL)


def _result(future: Any) -> Report:
    from distributed import CancelledError, KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise InputError(
            f"task {future.key.split('-')[0]} was lost with its worker four times: the workers"
            " may need more memory (their logs say)"
        ) from error
    except CancelledError as error:
        raise InputError("the scheduler went away; once it is back, the command goes on") from error
    except ImportError as error:
        raise InputError(
            f"a worker cannot import what it needs ({error}): install there what is here, with"
            " pip install -e '.[distributed]'"
        ) from error


@contextmanager
def connected(scheduler: str) -> Iterator[Workers]:
    """Workers at the address of a Dask scheduler, or ``local``: a process a core, made for now.

    Raises:
        InputError: Dask is not installed, nobody answers there, or there are no workers.
    """
    try:
        import distributed
    except ImportError as error:
        raise InputError("--scheduler needs Dask: pip install -e '.[distributed]'") from error
    if scheduler == "local":
        with (
            distributed.LocalCluster(
                n_workers=count_cores(), threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield _Dask(client)
    else:
        if _ADDRESS.fullmatch(scheduler) is None:
            raise InputError(
                f"{scheduler} is no address of a Dask scheduler: tcp://host:8786, or local"
            )
        with _client(scheduler) as client:
            yield _Dask(client)


@contextmanager
def _client(address: str) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address} ({error}): start one with `dask scheduler`,"
            " and workers with `dask worker ADDRESS` where anonfaces is installed; or say local"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER)
        except TimeoutError as error:
            raise InputError(
                f"the scheduler at {address} has no workers: start some with `dask worker"
                f" {address}` where anonfaces is installed"
            ) from error
        yield client

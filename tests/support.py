"""What tests of several folders share: waiting, building once, and commands in this process."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pickle
import runpy
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from unittest import mock

import pytest

from anonbase.dask_workers import DaskTask

T = TypeVar("T")

PATIENCE = 300.0
"""Seconds: enough for TensorFlow to load on a machine that has ten other things to do."""


def wait_until(fact: Callable[[], T], timeout: float = PATIENCE) -> T:
    """What ``fact`` answers, as soon as that is true; a failure where it never is."""
    deadline = time.monotonic() + timeout
    while not (answer := fact()):
        if time.monotonic() > deadline:
            pytest.fail(f"not in {timeout:g} s: {getattr(fact, '__name__', fact)}")
        time.sleep(0.01)
    return answer


def missing_data(reason: str) -> NoReturn:
    """Skip, or fail where ``CI_RESEARCH_DATA=1`` says that the research data should be there."""
    if os.environ.get("CI_RESEARCH_DATA") == "1":
        pytest.fail(f"CI_RESEARCH_DATA=1, but {reason}")
    pytest.skip(reason)


def build_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """A folder that ``build`` fills, once for all of xdist's workers; the others wait for it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, done = base / f"shared-{name}", base / f"shared-{name}.done"
    with (base / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed half-way
            folder.mkdir()
            build(folder)
            done.touch()
    return folder


@dataclass
class Cluster:
    """A Dask scheduler, its address, and its workers."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


@contextlib.contextmanager
def dask_cluster(folder: Path) -> Iterator[Cluster]:
    """A real scheduler and two real worker processes on loopback."""
    message = folder / "scheduler.json"
    loopback = ("--host", "127.0.0.1", "--no-dashboard")
    scheduler = _dask("scheduler", *loopback, "--port", "0", "--scheduler-file", str(message))
    workers: list[subprocess.Popen[bytes]] = []
    try:
        address = wait_until(lambda: _address(message))
        options = (*loopback, "--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
        workers += [_dask("worker", address, *options) for _ in range(2)]
        yield Cluster(address, scheduler, workers)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


@contextlib.contextmanager
def dask_losing_a_worker(folder: Path, owner: Any, name: str) -> Iterator[tuple[str, list[Any]]]:
    """The address of a real cluster, one of whose workers is killed once a result has come.

    ``owner.name`` is what yields the results; they are kept in the list. The other worker is
    there to the end.
    """
    folder.mkdir()
    with dask_cluster(folder) as cluster:
        lost, whole, ended = cluster.workers[0], getattr(owner, name), list[Any]()

        def killing(*given: Any) -> Iterator[Any]:
            for each in whole(*given):
                ended.append(each)
                if len(ended) == 1:
                    lost.kill()
                    lost.wait()
                yield each

        with mock.patch.object(owner, name, killing):
            yield cluster.address, ended
        assert lost.returncode == -signal.SIGKILL
        assert cluster.workers[1].poll() is None


def _address(message: Path) -> str:
    """What the scheduler wrote, '' before it is whole."""
    with contextlib.suppress(OSError, ValueError):
        return str(json.loads(message.read_text())["address"])
    return ""


def _dask(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dask", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class InlineWorkers:
    """Does what Dask's workers would, here: last task first, by way of pickles."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def run(
        self, function: Callable[..., Any], tasks: Sequence[DaskTask]
    ) -> Iterator[tuple[int, Any]]:
        for place, task in reversed(list(enumerate(tasks))):
            given = pickle.loads(pickle.dumps(task.given))  # noqa: S301 - our own
            self.done.append(task.name)
            yield place, function(*given)

    @contextlib.contextmanager
    def connected(self, scheduler: str) -> Iterator[InlineWorkers]:
        """In place of ``anonbase.dask_workers.connected``."""
        yield self


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def run_command(module: str, *words: object, cwd: Path) -> Result:
    """``python -m module words`` in the folder ``cwd``, in this process: nothing loads anew.

    What needs a process of its own (kills, Ctrl-C, what is imported) is not for this.
    """
    with contextlib.chdir(cwd):
        return run_here(
            lambda: runpy.run_module(module, run_name="__main__", alter_sys=True), module, *words
        )


def run_here(program: Callable[[], object], *argv: object) -> Result:
    """A program in this process, with the command line ``argv``."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", [*map(str, argv)]),
        mock.patch.dict(os.environ, {"COLUMNS": "200"}),
        _fresh_warnings(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            program()
        except SystemExit as end:
            code = int(end.code or 0)
    return Result(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _fresh_warnings() -> Iterator[None]:
    """Warnings as a new interpreter has them: shown once, and no errors."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        warnings.filterwarnings("ignore", module="runpy")  # that the module was imported before
        yield

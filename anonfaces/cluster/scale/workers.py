"""Where tasks are done: one after the other here, or by Dask's workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from anonbase import dask_workers
from anonbase.dask_workers import DaskTask, DaskWorkers
from anonfaces.cluster.scale.tasks import Job, Report, perform

__all__ = ["SerialExecutor", "TaskCall", "Workers", "connected"]


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
    def __init__(self, workers: DaskWorkers) -> None:
        self.workers = workers

    def run(self, job: Job, calls: list[TaskCall]) -> Iterator[tuple[int, Report]]:
        name = Path(job.scratch).name
        tasks = [
            DaskTask(f"{c.stage}-{c.number}-{name}", (job, c.stage, c.number, *c.given))
            for c in calls
        ]
        yield from self.workers.run(perform, tasks)


@contextmanager
def connected(scheduler: str) -> Iterator[Workers]:
    """Workers at the address of a Dask scheduler, or ``local``; see ``anonbase.dask_workers``."""
    with dask_workers.connected(scheduler) as workers:
        yield _Dask(workers)

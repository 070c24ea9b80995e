"""Worker processes that no hostile file can stop, and the loop that such a process runs.

dlib holds Python's lock, so using all cores needs processes. Workers are plain programs that read
a JSON line for each task from a pipe and write one as its answer. They import neither the caller's
main module nor TensorFlow. A worker ends as soon as its standard input closes, so none outlives a
parent that was killed. A worker that dies (a decoder crashed, memory ran out) is replaced, and the
task says that it died of it.

pebble does much of this, but starts its workers from the caller's main module, which may have no
``__main__`` guard and may have loaded TensorFlow.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["WorkerPool", "serve"]

Task = dict[str, Any]


class WorkerPool:
    """``jobs`` processes of the module ``program``, to be used in a ``with`` statement.

    ``program`` is a module that calls ``serve``, or a command line of its kind. A task is a
    dict that JSON can hold. Each comes back from ``next_result`` once, with the worker's
    answer, or with None if the worker died of it.
    """

    def __init__(self, jobs: int, program: str | Sequence[str]) -> None:
        module = (sys.executable, "-P", "-m", program) if isinstance(program, str) else program
        self._command = list(module)
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[Task, Any]] = queue.SimpleQueue()
        self._workers: dict[int, subprocess.Popen[str]] = {}
        self._closed = False
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._drive, args=(n,)) for n in range(jobs)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._closed = True
            for worker in self._workers.values():
                worker.kill()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def submit(self, task: Task) -> None:
        """Add a task; workers take them in this order."""
        self._tasks.put(task)

    def next_result(self) -> tuple[Task, Any]:
        """Wait for the next task that is finished, and its answer (None: the worker died).

        Raises RuntimeError if a worker could not start, or failed by a fault of ours.
        """
        task, answer = self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict) and answer.get("errno"):
            raise OSError(answer["errno"], answer["strerror"])
        if isinstance(answer, dict) and "fault" in answer:
            raise RuntimeError(f"a worker failed: {answer['fault']}")
        return task, answer

    def _drive(self, number: int) -> None:
        worker = None
        while (task := self._tasks.get()) is not None and not self._closed:
            try:
                worker = worker or self._start(number)
                answer = _ask(worker, task)
            except (RuntimeError, OSError) as error:
                answer = error
            if answer is None:
                worker = None
            self._answers.put((task, answer))
        self._finish(number)

    def _start(self, number: int) -> subprocess.Popen[str]:
        with self._lock:
            if self._closed:
                raise RuntimeError("the worker pool is closed")
            worker = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is the parent's to handle
            )
            previous = self._workers.pop(number, None)
            self._workers[number] = worker
        _reap(previous)
        if not (worker.stdout and worker.stdout.readline()):
            raise RuntimeError(f"a worker could not start: {' '.join(self._command)}")
        return worker

    def _finish(self, number: int) -> None:
        with self._lock:
            worker = self._workers.pop(number, None)
        _reap(worker)


def _ask(worker: subprocess.Popen[str], task: Task) -> Any:
    """The worker's answer, None if it died."""
    if worker.stdin is None or worker.stdout is None:
        return None
    try:
        worker.stdin.write(json.dumps(task) + "\n")
        worker.stdin.flush()
        line = worker.stdout.readline()
    except (BrokenPipeError, ConnectionError):
        return None
    return json.loads(line) if line.endswith("\n") else None


def _reap(worker: subprocess.Popen[str] | None) -> None:
    if worker is None:
        return
    worker.kill()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    worker.wait()


def _environment() -> dict[str, str]:
    """Ours, with the same places to import from, and one thread for each worker's libraries."""
    places = [place or str(Path.cwd()) for place in sys.path]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **single, "PYTHONPATH": os.pathsep.join(places)}


def serve(answer: Callable[[Task], Any], prepare: Callable[[], object]) -> None:
    """Be a worker: answer tasks from standard input, a JSON line each, until it closes.

    ``prepare`` loads what every task needs. A fault is the answer to its task, so the next one is
    heard; the process ends when the parent does, whatever it is in the middle of.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    tasks: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    prepare()
    print("ready", file=answers, flush=True)
    while True:
        task = json.loads(tasks.get())
        print(json.dumps(_answer_or_fault(answer, task)), file=answers, flush=True)


def _listen(tasks: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        tasks.put(line)
    os._exit(0)


def _answer_or_fault(answer: Callable[[Task], Any], task: Task) -> Any:
    try:
        return answer(task)
    except OSError as error:
        fault = traceback.format_exc()
        return {"fault": fault, "errno": error.errno, "strerror": error.strerror}
    except Exception:
        return {"fault": traceback.format_exc()}

from __future__ import annotations

import sys
from typing import Any

import pytest

from anonbase.worker_pool import WorkerPool

ECHO = """
import json, os, sys
print("ready", flush=True)
for line in sys.stdin:
    task = json.loads(line)
    if task["do"] == "die":
        os.abort()
    print(json.dumps({"fault": "boom"} if task["do"] == "fail" else task["n"]), flush=True)
"""


def _crew(program: str, jobs: int = 2) -> WorkerPool:
    return WorkerPool(jobs, [sys.executable, "-c", program])


def _all(crew: WorkerPool, tasks: list[dict[str, Any]]) -> dict[int, Any]:
    for task in tasks:
        crew.put(task)
    return {task["n"]: answer for task, answer in (crew.next() for _ in tasks)}


def test_a_task_that_kills_its_worker_is_told_apart_from_the_others() -> None:
    tasks = [{"n": n, "do": "die" if n in (3, 4, 9) else "echo"} for n in range(12)]
    with _crew(ECHO) as crew:
        answers = _all(crew, tasks)
    assert answers == {n: None if n in (3, 4, 9) else n for n in range(12)}


def test_a_fault_of_ours_is_an_error() -> None:
    with _crew(ECHO) as crew, pytest.raises(RuntimeError, match="boom"):
        _all(crew, [{"n": 0, "do": "fail"}])


def test_a_worker_that_cannot_start_is_an_error() -> None:
    with _crew("raise SystemExit(3)") as crew, pytest.raises(RuntimeError, match="not start"):
        _all(crew, [{"n": 0, "do": "echo"}])


def test_leaving_early_waits_for_nobody() -> None:
    with _crew("import time; print('ready', flush=True); time.sleep(1000)") as crew:
        crew.put({"n": 0, "do": "echo"})

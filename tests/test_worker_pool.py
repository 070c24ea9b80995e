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


def _pool(program: str, jobs: int = 2) -> WorkerPool:
    return WorkerPool(jobs, [sys.executable, "-c", program])


def _all(pool: WorkerPool, tasks: list[dict[str, Any]]) -> dict[int, Any]:
    for task in tasks:
        pool.submit(task)
    return {task["n"]: answer for task, answer in (pool.next_result() for _ in tasks)}


def test_a_task_that_kills_its_worker_is_told_apart_from_the_others() -> None:
    tasks = [{"n": n, "do": "die" if n in (3, 4, 9) else "echo"} for n in range(12)]
    with _pool(ECHO) as pool:
        answers = _all(pool, tasks)
    assert answers == {n: None if n in (3, 4, 9) else n for n in range(12)}


def test_a_fault_of_ours_is_an_error() -> None:
    with _pool(ECHO) as pool, pytest.raises(RuntimeError, match="boom"):
        _all(pool, [{"n": 0, "do": "fail"}])


def test_a_worker_that_cannot_start_is_an_error() -> None:
    with _pool("raise SystemExit(3)") as pool, pytest.raises(RuntimeError, match="not start"):
        _all(pool, [{"n": 0, "do": "echo"}])


def test_leaving_early_waits_for_nobody() -> None:
    with _pool("import time; print('ready', flush=True); time.sleep(1000)") as pool:
        pool.submit({"n": 0, "do": "echo"})

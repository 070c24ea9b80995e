"""Grouping very many faces: each run in a process of its own, with its seconds and memory.

``python -m benchmarks.grouping scale 20000 100000`` and ``... plan 100000000`` call this.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.faces import face_like
from benchmarks.machine import cores, describe
from benchmarks.tables import print_table

__all__ = ["plan_for", "scale"]

K = 5
BOXES = {  # most faces that a method is given, and seconds after which it is stopped
    "fast": (10_000_000, 3600),
    "default": (100_000, 3600),
    "regions": (10_000_000, 3600),
    "MDAV": (20_000, 600),
    "k-means and fix-up": (20_000, 600),
    "k-means-constrained": (5_000, 600),
}


def scale(sizes: list[int]) -> None:
    """Each method on each size it is given, and how the seconds grow with the size."""
    print(describe(["numpy", "numba", "faiss-cpu", "scikit-learn"]))
    print(f"face-like vectors of 128 numbers, k = {K}; recall@16 of the neighbours on a sample\n")
    seconds: dict[str, dict[int, float]] = {}

    def rows() -> object:
        for n in sizes:
            for method, (most, box) in BOXES.items():
                if n > most:
                    continue
                message = boxed(method, n, box)
                if "s" not in message:
                    yield [n, method, "-", f"over {box}", "-", "-", "-"]
                    continue
                seconds.setdefault(method, {})[n] = message["s"]
                yield [n, method, *(message[name] for name in ("il", "s", "cpu", "gb", "recall"))]

    head = ["faces", "method", "IL %", "s", "core-s", "peak GB", "recall@16"]
    print_table(head, rows())  # type: ignore[arg-type]
    for method, by_size in seconds.items():
        if {100_000, 1_000_000} <= set(by_size):
            growth = math.log10(by_size[1_000_000] / by_size[100_000])
            print(f"{method}: seconds grow as n^{growth:.2f} from 100,000 to 1,000,000")


def boxed(method: str, n: int, box: int) -> dict[str, float]:
    """What a run says of itself; nothing if it was not done in ``box`` seconds."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.scale", method, str(n)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=box)
    except subprocess.TimeoutExpired:
        return {}
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _one(method: str, n: int) -> dict[str, object]:
    if method != "k-means-constrained":  # its ortools cannot be loaded beside highspy
        _grouped("fast")(np.eye(60, dtype=np.float32))  # compiles
    faces = face_like(n)
    run = {
        "MDAV": lambda x: _grouped("fast", "mdav")(x),
        "k-means and fix-up": _fixed_up,
        "k-means-constrained": _constrained,
        "regions": _in_regions,
    }.get(method, _grouped(method))
    start, before = time.perf_counter(), time.process_time()
    loss, more, memory = run(faces)
    seconds = time.perf_counter() - start
    spent = time.process_time() - before + more
    recall: object = "-"
    if method in ("fast", "default"):
        from anonfaces.cluster.neighbours import nearest
        from anonfaces.cluster.neighbours import recall as found

        recall = found(faces, nearest(faces, 16), 500)
    return {"il": loss, "s": seconds, "cpu": spent, "gb": memory, "recall": recall}


def _peak() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _grouped(effort: str, method: str = "anneal") -> Callable[..., tuple[float, float, float]]:
    def run(faces: np.ndarray) -> tuple[float, float, float]:
        from anonfaces.cluster import group

        names = np.arange(len(faces))
        groups = group(faces, K, names, method=method, effort=effort)  # type: ignore[arg-type]
        return groups.information_loss, 0.0, _peak()

    return run


def _in_regions(faces: np.ndarray) -> tuple[float, float, float]:
    """The same by a local Dask cluster, from a file; memory: all workers, and this process."""
    from anonfaces.cluster.scale import Job, connected, group_file, open_rows

    with tempfile.TemporaryDirectory() as folder, connected("local") as workers:
        path = Path(folder) / "faces.npy"
        np.save(path, faces)
        job = Job(str(path), None, False, faces.shape[1], K, 0, "fast", 2, folder)
        found = group_file(open_rows(path), job, workers)
    spent = found.spent.values()
    memory = cores() * max(one.memory for one in spent) / 1e9 + _peak()
    return found.information_loss, sum(one.seconds for one in spent), memory


def _fixed_up(faces: np.ndarray) -> tuple[float, float, float]:
    """scikit-learn's k-means, then sizes made k to 2k - 1 by nearest centre and MDAV."""
    from sklearn.cluster import KMeans

    from anonfaces.cluster.baselines.repair import repair

    label = KMeans(len(faces) // K, n_init=1, random_state=0).fit_predict(faces)
    points = faces.astype(np.float64)
    return _loss(points, repair(points, np.ones(len(points)), label, K)), 0.0, _peak()


def _constrained(faces: np.ndarray) -> tuple[float, float, float]:
    from k_means_constrained import KMeansConstrained

    options = {"size_min": K, "size_max": 2 * K - 1, "n_init": 1, "random_state": 0}
    label = KMeansConstrained(len(faces) // K, **options).fit_predict(faces)
    return _loss(faces.astype(np.float64), label), 0.0, _peak()


def _loss(points: np.ndarray, label: np.ndarray) -> float:
    from anonfaces.cluster.people import between

    ones, whole = np.ones(len(points)), np.zeros(len(points), int)
    return 100 * between(points, ones, label) / between(points, ones, whole)


def plan_for(faces: int, measured: int) -> None:
    """The plan for so many faces, from a run over some of them by a local Dask cluster."""
    from anonfaces.cluster.scale import Job, connected, group_file, open_rows, plan

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder, connected("local") as workers:
        path = Path(folder) / "faces.npy"
        np.save(path, face_like(measured))
        job = Job(str(path), None, False, 128, K, 0, "fast", 2, folder)
        found = group_file(open_rows(path), job, workers)
    print(describe(["numpy", "numba", "faiss-cpu", "distributed"]))
    print(f"rates of {measured:,} faces, every one a person; effort fast\n")
    made = plan(found, faces, 128)
    steps = ([s.stage, s.tasks, s.core_hours, s.memory / 1e9] for s in made.steps)
    print_table(["stage", "tasks", "core-hours", "GB a task"], steps)
    print(f"\n{faces:,} faces: {made.disk / 1e9:.0f} GB of shared disk, {made.driver / 1e9:.1f} GB")
    hours = ", ".join(f"{made.hours(n):.1f} h on {n} cores" for n in (2, 16, 128, 1024))
    print(f"of memory where the command runs; {hours};")
    print(f"information loss to expect, if they are alike: {made.information_loss:.2f} %")


if __name__ == "__main__":
    print(json.dumps(_one(sys.argv[1], int(sys.argv[2]))))

"""What a worker does. A task depends on its arguments and on files, never on who does it or when.

So a task whose worker was lost is done anew by another with the same bytes as the outcome, and
one that was finished before a run was stopped is not done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.cores import peak_memory
from anonbase.errors import InputError
from anonbase.files import atomic_write
from anonfaces import __version__
from anonfaces.cluster.budget import Effort
from anonfaces.cluster.scale.record_files import (
    Slices,
    face_record,
    person_record,
    read_slices,
    write_run,
)
from anonfaces.cluster.scale.rows import Rows, open_rows

if TYPE_CHECKING:
    from anonfaces.cluster.scale.regions import Cells

__all__ = ["INDEX_BITS", "REGIONS", "Job", "Report", "perform", "person_numbers"]

Report = dict[str, np.ndarray]
REGIONS = 1 << 20  # of a pass at most: task number = pass * REGIONS + region
INDEX_BITS = 32  # of a person's number: their place in the piece that they were counted in
_REPAIR = (3, 4)  # the last quarter of the cooling; a hotter start lost more than it mended
_HASH_KEY = "anonfaces people"  # 16 bytes: SipHash
_STAGES: dict[str, Callable[..., Report]] = {}


@dataclass(frozen=True)
class Job:
    """What every task knows.

    Attributes:
        source: the file of embeddings, on a path that all workers see.
        column: the column that names the people, if it has no name of its own.
        named: whether people have names; otherwise every row is a person.
        dimensions: d.
        k: people a group at least.
        seed: of everything random.
        effort: ``fast``, ``default`` or ``best``.
        passes: how often the people are cut into regions anew.
        scratch: the folder for what lies between stages, on a path that all workers see.
        version: that of anonfaces.
    """

    source: str
    column: str | None
    named: bool
    dimensions: int
    k: int
    seed: int
    effort: Effort
    passes: int
    scratch: str
    version: str = __version__

    def file(self, stage: str, number: int, suffix: str) -> Path:
        """Where a task keeps something."""
        return Path(self.scratch) / f"{stage}-{number}.{suffix}"

    def rows(self) -> Rows:
        """The input, opened."""
        return open_rows(self.source, self.column)


def perform(job: Job, stage: str, number: int, *given: Any) -> Report:
    """Do a task, or read what it reported when it was done before.

    InputError where this worker has another version of anonfaces, or does not see the files.
    """
    _check_surroundings(job)
    path = job.file(stage, number, "report.npz")
    if not path.exists():
        started = time.process_time()
        with _on_one_thread():
            report = _STAGES[stage](job, number, *given)
        spent = {"seconds": time.process_time() - started, "memory": peak_memory()}
        _save(path, report | spent)
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def _check_surroundings(job: Job) -> None:
    if job.version != __version__:
        raise InputError(
            f"a worker has anonfaces {__version__}, the command {job.version}: install the same"
        )
    for path in (job.source, job.scratch):
        if not Path(path).exists():
            raise InputError(
                f"a worker does not see {path}: input and scratch folder have to lie where all"
                " machines find them under the same name"
            )


def _on_one_thread() -> Any:
    """More threads would not all add up in the same order; workers are one a core."""
    import faiss
    from threadpoolctl import threadpool_limits

    faiss.omp_set_num_threads(1)
    return threadpool_limits(1)


def _save(path: Path, report: dict[str, Any]) -> None:
    with atomic_write(path) as beside, beside.open("wb") as file:
        np.savez(file, **report)


def _stage(task: Callable[..., Report]) -> Callable[..., Report]:
    _STAGES[task.__name__.strip("_")] = task
    return task


@_stage
def _look(job: Job, number: int, share: float) -> dict[str, Any]:
    """Check a piece of the input; of people without names, keep a sample."""
    table, names = job.rows().read(number)
    unnamed = 0 if names is None else int((names == "").sum())
    if not job.named:
        _sample(job, number, table, share)
    return {"faces": len(table), "unnamed": unnamed}


def _sample(job: Job, number: int, table: np.ndarray, share: float) -> None:
    rng = np.random.default_rng([job.seed, 1, number])
    rows = rng.random(len(table)) < share
    _save(job.file("sample", number, "npz"), {"vector": table[rows]})


@_stage
def _gather(job: Job, number: int, buckets: int) -> dict[str, Any]:
    """Faces of a piece, dealt by person: people whose names hash alike count as one, never two."""
    import pandas as pd

    rows = job.rows()
    table, names = rows.read(number)
    faces = np.empty(len(table), face_record(job.dimensions))
    faces["key"] = pd.util.hash_array(names, hash_key=_HASH_KEY)  # type: ignore[arg-type]
    faces["row"] = rows.pieces[number][0] + np.arange(len(table))
    faces["vector"] = table
    place = (faces["key"] % np.uint64(buckets)).astype(np.int64)
    return {"counts": write_run(job.file("gather", number, "run"), faces, place, buckets)}


@_stage
def _people(job: Job, number: int, slices: Slices, share: float) -> dict[str, Any]:
    """People of one bucket, whose faces came from anywhere."""
    from anonfaces.cluster.people import means

    faces = read_slices(slices, face_record(job.dimensions))
    keys, person = np.unique(faces["key"], return_inverse=True)
    table = faces["vector"].astype(np.float64)
    people = np.empty(len(keys), person_record(job.dimensions))
    people["vector"], people["weight"] = centre, _ = means(table, person, len(keys))
    people["within"] = np.bincount(person, np.square(table - centre[person]).sum(axis=1))
    people["person"], people["group"] = person_numbers(number, len(keys)), -1
    write_run(job.file("people", number, "run"), people, np.zeros(len(keys), np.int64), 1)
    _save(job.file("faces", number, "npz"), {"row": faces["row"], "person": person})
    _sample(job, number, people["vector"], share)
    return {"people": len(keys)}


def person_numbers(piece: int, count: int) -> np.ndarray:
    """Numbers int64 (count,) of the people that were counted in a piece."""
    return (piece << INDEX_BITS) + np.arange(count)


@_stage
def _partition(job: Job, number: int, samples: int, cells: int) -> dict[str, Any]:
    """Centres of the cells for one pass."""
    from anonfaces.cluster.scale.regions import draw_centres

    parts = []
    for one in range(samples):
        with np.load(job.file("sample", one, "npz"), allow_pickle=False) as archive:
            parts.append(archive["vector"])
    own = int(np.random.default_rng([job.seed, 2, number]).integers(2**31))
    centres = draw_centres(np.concatenate(parts), cells, own, axis=number)
    _save(job.file("centres", number, "npz"), {"centre": centres})
    return {"cells": len(centres)}


def _cells(job: Job, number: int, points: np.ndarray) -> tuple[np.ndarray, int]:
    cells = _read_cells(job.file("centres", number, "npz"))
    return cells.of(points), len(cells)


@lru_cache(maxsize=1)
def _read_cells(path: Path) -> Cells:
    from anonfaces.cluster.scale.regions import Cells

    with np.load(path, allow_pickle=False) as archive:
        return Cells(archive["centre"])


@_stage
def _deal(job: Job, number: int, count: int) -> dict[str, Any]:
    """The people of a piece or bucket, dealt by cell."""
    record = person_record(job.dimensions)
    if job.named:
        path = job.file("people", number, "run")
        people = read_slices([(str(path), 0, count)], record)
    else:
        people = np.empty(count, record)
        people["vector"], people["weight"] = job.rows().read(number)[0], 1.0
        people["within"] = 0.0
        people["person"], people["group"] = person_numbers(number, count), -1
    mass = people["weight"].sum()
    points = people["vector"].astype(np.float64)
    mean = people["weight"] @ points / mass
    spread = people["weight"] @ np.square(points - mean).sum(axis=1)
    place, cells = _cells(job, 0, people["vector"])
    counts = write_run(job.file("deal", number, "run"), people, place, cells)
    within = people["within"].sum()
    return {"counts": counts, "mass": mass, "mean": mean, "spread": spread, "within": within}


@_stage
def _group(job: Job, number: int, slices: Slices, crowd: int) -> dict[str, Any]:
    """Group the people of a region, or improve on the groups that they have."""
    stage = number // REGIONS
    from anonfaces.cluster.annealing.blocks import anneal_in_blocks
    from anonfaces.cluster.budget import Budget
    from anonfaces.cluster.people import means

    people = read_slices(slices, person_record(job.dimensions))
    points, weights = people["vector"].astype(np.float64), people["weight"].copy()
    _, before = np.unique(people["group"], return_inverse=True)
    label = anneal_in_blocks(
        points, weights, job.k, np.random.default_rng([job.seed, 3, number]),
        Budget(job.effort), start=None if people["group"][0] < 0 else before,
        stage=_REPAIR if stage else (0, 1), crowd=crowd, threads=1,
    )  # fmt: skip
    centre, faces = means(points, label, int(label.max()) + 1, weights)
    if stage + 1 < job.passes:
        place, cells = _cells(job, stage + 1, centre)
        people["group"] = person_numbers(number, len(centre))[label]
        path = job.file("group", number, "run")
        return {"counts": write_run(path, people, place[label], cells)}
    error = weights * np.square(points - centre[label]).sum(axis=1) + people["within"]
    _save(
        job.file("result", number, "npz"),
        {
            "person": people["person"],
            "label": label,
            "people": np.bincount(label),
            "faces": np.int64(faces),
            "error": np.bincount(label, error),
            "centre": centre.astype(np.float32),
        },
    )
    return {"groups": len(centre)}

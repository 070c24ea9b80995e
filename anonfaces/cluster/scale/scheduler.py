"""The stages in their order; what is kept here is a few numbers a face and never a vector.

look (check the input, sample) -> [gather faces by name -> people] -> partition (cells for each
pass) -> deal (people by cell) -> group (a region each; the first pass makes groups, the next
ones cut the people into other regions, along other borders, and improve on whole groups) ->
the result, checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anonbase.errors import GuaranteeError, InputError
from anonbase.notices import warn_user
from anonbase.text import pluralize
from anonfaces.cluster.people import percent
from anonfaces.cluster.scale.record_files import Slices
from anonfaces.cluster.scale.regions import region_slices
from anonfaces.cluster.scale.rows import Rows
from anonfaces.cluster.scale.tasks import INDEX_BITS, REGIONS, Job, Report
from anonfaces.cluster.scale.workers import SerialExecutor, TaskCall, Workers

__all__ = ["REGION", "Progress", "ScaledGroups", "StageStats", "cells_of", "group_file"]

REGION = 1 << 16  # people
_PASSES = 2
_PEOPLE_A_CELL = 32  # about as many as hang together; then borders run between such
_MOST_CELLS = 1 << 16  # each task reports how many went to each
_SAMPLED = 16  # people a cell
_BUCKET = 1 << 17  # faces

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class StageStats:
    """What the tasks of a stage took: how many, seconds of one core in all, most bytes of one."""

    tasks: int
    seconds: float
    memory: int

    @classmethod
    def of(cls, reports: list[Report]) -> StageStats:
        """The sum over some tasks."""
        seconds = sum(float(report["seconds"]) for report in reports)
        return cls(len(reports), seconds, max(int(report["memory"]) for report in reports))


@dataclass(frozen=True)
class ScaledGroups:
    """Groups of more faces than memory holds the vectors of.

    Attributes:
        labels: int64 (n,), group of each face, numbered as in ``Groups``.
        person: int64 (n,), person of each face.
        k: people that every group has at least.
        people, faces: int64 (g,), sizes of the groups.
        error: float64 (g,), squared errors of a group's faces about its centroid.
        information_loss: percent, 100 * SSE / SST over faces.
        random_loss: percent, what groups of k people by chance lose on average, about.
        seed: its seed.
        spent: what each stage took; "group" the first pass, "group 1" the next one.
    """

    labels: np.ndarray
    person: np.ndarray
    k: int
    people: np.ndarray
    faces: np.ndarray
    error: np.ndarray
    information_loss: float
    random_loss: float
    seed: int
    spent: dict[str, StageStats] = field(repr=False)
    _centroids: list[tuple[Path, np.ndarray]] = field(repr=False)

    def centroids(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Group numbers int64 (m,) and their centroids float32 (m, d), some at a time."""
        for path, numbers in self._centroids:
            with np.load(path, allow_pickle=False) as archive:
                yield numbers, archive["centre"]

    def verify(self) -> None:
        """GuaranteeError unless every group has k people and every person is in one group."""
        if self.labels.min() < 0 or self.person.min() < 0:
            raise GuaranteeError("a face is in no group")
        of_person = np.full(int(self.person.max()) + 1, -1)
        of_person[self.person] = self.labels
        if not np.array_equal(of_person[self.person], self.labels):
            raise GuaranteeError("a person is in two groups")
        least = int(np.bincount(of_person[of_person >= 0], minlength=len(self.people)).min())
        if least < self.k:
            few = pluralize(least, "person", "people")
            raise GuaranteeError(f"a group has {few}, k = {self.k} were promised")


def group_file(
    rows: Rows,
    job: Job,
    workers: Workers | None = None,
    *,
    region: int = REGION,
    progress: Progress | None = None,
) -> ScaledGroups:
    """Group the faces of a file in regions, by workers.

    The same job gives the same groups, whoever does the tasks and whoever is lost on the way
    (on processors of one kind).

    Args:
        rows: the input of the job, opened.
        job: what to do.
        workers: who does it; None: this process.
        region: people that are grouped at a time; a task's memory grows with it.
        progress: called with a stage's name, tasks done and tasks in all.

    Raises:
        GuaranteeError: fewer than k people.
        InputError: rows that are no numbers, or people only some of whom have names.

    Warns:
        PrivacyWarning: people have no names, so every row counts as a person.
    """
    drive = _Scheduler(job, workers or SerialExecutor(), progress)
    faces = np.array([last - first for first, last in rows.pieces])
    people = _people(drive, job, faces)
    total = int(people.sum())
    if total < job.k:
        raise GuaranteeError(f"k = {job.k} needs at least {job.k} people, and there are {total}")
    partition = (len(people), cells_of(total))
    drive.stage("partition", [(n, partition) for n in range(job.passes)])
    deal_round_robin = drive.stage("deal", [(n, (int(p),)) for n, p in enumerate(people)])
    within, spread = _spread(deal_round_robin)
    for stage in range(job.passes):
        deal_round_robin = drive.stage("group", _regions(job, deal_round_robin, region, stage))
    return _result(drive, people, len(deal_round_robin), within, spread)


@dataclass
class _Scheduler:
    job: Job
    workers: Workers
    progress: Progress | None
    spent: dict[str, StageStats] = field(default_factory=dict)

    def stage(self, name: str, tasks: list[tuple[int, tuple[Any, ...]]]) -> list[Report]:
        """Reports of all tasks of a stage, in their order."""
        reports: list[Report] = [{} for _ in tasks]
        calls = [TaskCall(name, number, given) for number, given in tasks]
        for done, (place, report) in enumerate(self.workers.run(self.job, calls)):
            reports[place] = report
            if self.progress is not None:
                self.progress(name, done + 1, len(tasks))
        again = sum(known.split()[0] == name for known in self.spent)
        self.spent[f"{name} {again}" if again else name] = StageStats.of(reports)
        return reports


def _people(drive: _Scheduler, job: Job, faces: np.ndarray) -> np.ndarray:
    """People of each piece or bucket, int64."""
    share = _share(job, int(faces.sum()))
    looked = drive.stage("look", [(n, (share,)) for n in range(len(faces))])
    if not job.named:
        warn_user(
            "no identity given: every row counts as a person of its own, so k holds only if "
            "nobody is in the set twice",
        )
        return faces
    _refuse_unnamed(sum(int(report["unnamed"]) for report in looked), int(faces.sum()))
    buckets = -(-int(faces.sum()) // _BUCKET)
    gathered = drive.stage("gather", [(n, (buckets,)) for n in range(len(faces))])
    counts = np.array([report["counts"] for report in gathered])
    first = np.cumsum(counts, axis=1) - counts
    tasks = []
    for bucket in range(buckets):
        spans = zip(first[:, bucket].tolist(), counts[:, bucket].tolist(), strict=True)
        tasks.append((bucket, (_slices(job, "gather", 0, enumerate(spans)), share)))
    return np.array([int(report["people"]) for report in drive.stage("people", tasks)])


def _share(job: Job, people: int) -> float:
    return min(1.0, _SAMPLED * cells_of(people) / people)


def cells_of(people: int) -> int:
    """Cells that so many people are dealt by."""
    return min(people // _PEOPLE_A_CELL + 1, _MOST_CELLS)


def _refuse_unnamed(unnamed: int, faces: int) -> None:
    if unnamed:
        raise InputError(
            f"faces without an identity: {unnamed} of {faces}; who they are is not estimated at"
            " this size: name them all, or --identity none to count every face as a person"
        )


def _slices(job: Job, stage: str, base: int, spans: Any) -> Slices:
    return [
        (str(job.file(stage, base + run, "run")), first, count)
        for run, (first, count) in spans
        if count
    ]


def _spread(deal_round_robin: list[Report]) -> tuple[float, float]:
    """Squared errors of faces about their person, and of people, by faces, about the mean."""
    mass = np.array([report["mass"] for report in deal_round_robin])
    means = np.array([report["mean"] for report in deal_round_robin])
    between = mass @ np.square(means - mass @ means / mass.sum()).sum(axis=1)
    within, spread = (
        sum(float(report[name]) for report in deal_round_robin) for name in ("within", "spread")
    )
    return within, float(between + spread)


def _regions(
    job: Job, deal_round_robin: list[Report], region: int, stage: int
) -> list[tuple[int, tuple[Any, ...]]]:
    counts = np.array([report["counts"] for report in deal_round_robin])
    regions = region_slices(counts, region, job.k)
    if len(regions) > REGIONS:
        raise InputError(f"{len(regions)} regions are too many: take larger ones")
    name, base = ("group", (stage - 1) * REGIONS) if stage else ("deal", 0)
    return [
        (
            stage * REGIONS + number,
            (
                _slices(job, name, base, ((run, (first, n)) for run, first, n in spans)),
                int(counts.sum()),
            ),
        )
        for number, spans in enumerate(regions)
    ]


@dataclass(frozen=True)
class _Part:
    """The groups of a region, without their centroids but for the first coordinate."""

    path: Path
    first: np.ndarray
    people: np.ndarray
    faces: np.ndarray
    error: np.ndarray


def _result(
    drive: _Scheduler, people: np.ndarray, regions: int, within: float, spread: float
) -> ScaledGroups:
    job = drive.job
    offset = np.cumsum(people) - people
    label, parts = _labels(job, int(people.sum()), offset, regions)
    order = np.argsort(np.concatenate([part.first for part in parts]), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    person = _person_of_face(job, people, offset)
    error = np.concatenate([part.error for part in parts])
    ends = np.cumsum([len(part.first) for part in parts])[:-1]
    grouped = ScaledGroups(
        rank[label][person],
        person,
        job.k,
        np.concatenate([part.people for part in parts])[order],
        np.concatenate([part.faces for part in parts])[order],
        error[order],
        percent(float(error.sum()), within + spread),
        percent(within + spread * (1 - 1 / job.k), within + spread),
        job.seed,
        drive.spent,
        [(part.path, own) for part, own in zip(parts, np.split(rank, ends), strict=True)],
    )
    grouped.verify()
    return grouped


def _labels(
    job: Job, people: int, offset: np.ndarray, regions: int
) -> tuple[np.ndarray, list[_Part]]:
    """Group of each person, numbered region by region, and the groups."""
    label, parts, used = np.full(people, -1), [], 0
    for number in range(regions):
        path = job.file("result", (job.passes - 1) * REGIONS + number, "npz")
        with np.load(path, allow_pickle=False) as archive:
            person, own = archive["person"], archive["label"]
            sizes = [archive[name] for name in ("people", "faces", "error")]
            parts.append(_Part(path, archive["centre"][:, 0].copy(), *sizes))
        place = offset[person >> INDEX_BITS] + (person & ((1 << INDEX_BITS) - 1))
        if (label[place] >= 0).any():
            raise GuaranteeError("a person is in two groups")
        label[place] = used + own
        used += len(parts[-1].first)
    if (label < 0).any():
        raise GuaranteeError("a person is in no group")
    return label, parts


def _person_of_face(job: Job, people: np.ndarray, offset: np.ndarray) -> np.ndarray:
    if not job.named:
        return np.arange(int(people.sum()))
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for number in range(len(people)):
        with np.load(job.file("faces", number, "npz"), allow_pickle=False) as archive:
            found.append((archive["row"], offset[number] + archive["person"]))
    person = np.full(sum(len(row) for row, _ in found), -1)
    for row, own in found:
        person[row] = own
    return person

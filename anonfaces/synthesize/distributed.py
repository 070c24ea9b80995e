"""Surrogates that Dask's workers draw: a task is a few groups, each face as if it were alone.

The owner's key does not travel: a worker reads it in the folder of the dataset, as this machine
does. What a method warns of comes back with the faces.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.dask_workers import DaskTask, DaskWorkers, check_surroundings
from anonbase.errors import InputError, PrivacyWarning, WeightsError
from anonbase.notices import warn_user
from anonfaces.synthesize import BatchSurrogate, Members, Surrogate, check_surrogate
from anonfaces.synthesize.member_distances import warn_of_distances
from anonfaces.synthesize.options import SurrogateOptions
from anonfaces.synthesize.owners_key import with_owners_key
from encoders.faceset_cache import cached_faces

__all__ = ["DrawJob", "RemoteSurrogate", "draw_groups"]

Pixels = NDArray[np.uint8]
People = list[list[int]]
#: Groups of a task, as many as a run without Dask draws together: what is in a batch beside a
#: picture can change it by a level. Half a minute of a core, which is lost with its worker.
_AT_ONCE = 64
_BY_METHOD = {"optimised": 16}
_OF_DISTANCES = "optimised"  # counts in its warnings, so that those of tasks do not add up


@dataclass(frozen=True, kw_only=True)
class DrawJob:
    """What every task of a run knows; all paths are the same on every machine.

    ``folder`` is that of the dataset, where the owner's key lies; ``fingerprint`` that of the
    generator's files.
    """

    name: str
    options: SurrogateOptions
    folder: str
    faces: str
    fingerprint: str
    versions: dict[str, str]

    def __post_init__(self) -> None:
        if self.options.per != "group":
            raise InputError("--per dataset looks at all groups at once, which no --scheduler does")
        if self.options.gallery is not None:
            raise InputError("a --gallery is dealt to all groups at once: leave --scheduler out")


@dataclass(frozen=True)
class _Drawn:
    """Faces of some groups, and what the method has to say of them."""

    faces: list[tuple[int, Pixels]]
    notes: list[str] = field(default_factory=list)
    member_distances: dict[int, tuple[float, float]] = field(default_factory=dict)


class RemoteSurrogate:
    """A method whose faces ``workers`` draw, in the order in which they end."""

    def __init__(self, job: DrawJob, workers: DaskWorkers) -> None:
        self.name = job.name
        self.earlier: Mapping[int, tuple[float, float]] = {}
        self.member_distances: dict[int, tuple[float, float]] = {}
        self._job, self._workers = job, workers

    def __call__(self, members: Members) -> Pixels:
        ((_, face),) = self.many([(0, members)])
        return face

    def many(self, groups: Iterable[tuple[int, Members]]) -> Iterator[tuple[int, Pixels]]:
        """Yield ``(group, face)``; what the method warned of follows."""
        self.member_distances, self.earlier = dict(self.earlier), {}
        notes: dict[str, None] = {}
        for _, drawn in self._workers.run(draw_groups, self._tasks(groups)):
            self.member_distances |= drawn.member_distances
            notes |= dict.fromkeys(drawn.notes)
            yield from drawn.faces
        for note in notes:
            warn_user(note)
        if self.member_distances:
            warn_of_distances(self.name, self.member_distances)

    def _tasks(self, groups: Iterable[tuple[int, Members]]) -> list[DaskTask]:
        left, tasks = iter(groups), []
        size = _BY_METHOD.get(self.name, _AT_ONCE)
        while some := list(islice(left, size)):
            rows = [(number, _rows_of_file(who)) for number, who in some]
            name = f"draw-{some[0][0]}-{Path(self._job.folder).name}"
            tasks.append(DaskTask(name, (self._job, rows)))
        return tasks


def _rows_of_file(members: Members) -> People:
    """Where the faces of each of the people lie in the file, of which the set may be a part."""
    there = np.asarray(members.faces.rows)  # type: ignore[attr-defined]
    return [there[own].tolist() for own in members.rows]


def draw_groups(job: DrawJob, groups: list[tuple[int, People]]) -> _Drawn:
    """Draw the faces of some groups: their numbers, and the rows of each of their people.

    Raises
    ------
    InputError
        This machine has other versions, or does not see the faces, the key or the generator.
    WeightsError
        The generator here is another.
    """
    paths = [job.folder, job.faces]
    paths += [] if job.options.generator is None else [str(job.options.generator)]
    check_surroundings(job.versions, paths)
    faces, method = cached_faces(job.faces), _method(job)
    members = [
        (number, Members(faces, tuple(np.array(rows, np.int64) for rows in people)))
        for number, people in groups
    ]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", PrivacyWarning)
        drawn = list(_drawn(method, members))
    notes = [str(one.message) for one in heard if issubclass(one.category, PrivacyWarning)]
    distances = getattr(method, "member_distances", {})
    return _Drawn(drawn, [] if job.name == _OF_DISTANCES else notes, dict(distances))


def _drawn(method: Surrogate, members: list[tuple[int, Members]]) -> Iterator[tuple[int, Pixels]]:
    if isinstance(method, BatchSurrogate):
        yield from method.many(members)
    else:
        yield from ((number, method(who)) for number, who in members)


def _method(job: DrawJob) -> Surrogate:
    options = with_owners_key(replace(job.options, jobs=1), Path(job.folder))
    return _loaded(job.name, options, job.fingerprint)


@lru_cache(maxsize=1)
def _loaded(name: str, options: SurrogateOptions, fingerprint: str) -> Surrogate:
    if options.fingerprint() != fingerprint:
        raise WeightsError("a worker has another generator than the command")
    return check_surrogate(name, options).load(options)

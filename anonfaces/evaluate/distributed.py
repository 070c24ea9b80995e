"""Judges whose looking Dask's workers do: a task is as many faces as one look here takes.

What is in a batch beside a face can change its vector's last digits, so the batches are those of
a run without Dask, and an evaluation is the same to the byte. Workers read faces and surrogates
in the owner's folder themselves; what lies in memory alone is looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.dask_workers import DaskTask, DaskWorkers, check_surroundings, package_versions
from anonbase.errors import WeightsError
from anonfaces.evaluate.judges.judge import Judge, load_judge
from anonfaces.evaluate.picture_files import FaceRows, ReleasedFaces, SurrogateFiles
from anonfaces.evaluate.utility import Perception

if TYPE_CHECKING:
    from anonfaces.evaluate.onnx_embedder import Preprocessing
    from encoders.embed import Embedder
    from encoders.faceset import FaceSet

__all__ = ["JudgeJob", "RemoteJudge", "RemotePerception", "judge_part", "perceive_part"]

Chips = NDArray[np.uint8]
Vectors = NDArray[np.float32]
_Part = FaceRows | ReleasedFaces | SurrogateFiles

#: Faces of a task: as many as ``Judge``, ``recognize`` and ``Perception`` take at once.
_AT_ONCE = 256
#: Judges that are fitted on the originals: they travel, being a few megabytes.
_FITTED = ("pca", "fisherfaces")


@dataclass(frozen=True, kw_only=True)
class JudgeJob:
    """What every task of a judge knows; a file of weights lies under one name on all machines.

    ``asked`` is as for ``load_judge``; ``fitted`` is the embedder itself, where it was fitted.
    """

    asked: str
    prepare: Preprocessing | None
    fitted: Embedder | None
    sha256: str
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RemoteJudge(Judge):
    """A judge whose faces and pictures ``workers`` look at."""

    job: JudgeJob
    workers: DaskWorkers

    @classmethod
    def of(
        cls, judge: Judge, asked: str, prepare: Preprocessing | None, workers: DaskWorkers
    ) -> RemoteJudge:
        """The same judge as ``load_judge`` loaded it here."""
        name, _, file = asked.partition(":")
        where = f"{name}:{Path(file).expanduser().absolute()}" if file else name
        job = JudgeJob(
            asked=where,
            prepare=prepare,
            fitted=judge.embedder if name in _FITTED and not file else None,
            sha256=judge.embedder.sha256,
            versions=package_versions(),
        )
        return cls(
            name=judge.name, embedder=judge.embedder, about=judge.about, job=job, workers=workers
        )

    def of_chips(self, faces: FaceSet) -> Vectors:
        """As ``Judge.of_chips``, by tasks where the faces lie in a file."""
        if faces.path is None:
            return super().of_chips(faces)
        return self._by_tasks(FaceRows.of(faces))

    def of_pictures(self, pictures: Iterable[Chips]) -> Vectors:
        """As ``Judge.of_pictures``, by tasks where the pictures lie in files."""
        if not isinstance(pictures, SurrogateFiles | ReleasedFaces):
            return super().of_pictures(pictures)
        return self._by_tasks(pictures)

    def _by_tasks(self, whole: _Part) -> Vectors:
        return _by_tasks(self.workers, judge_part, self.job, whole, self.embedder.dim)


class RemotePerception(Perception):
    """Looks that ``workers`` perceive."""

    def __init__(self, workers: DaskWorkers) -> None:
        self._workers = workers

    def of_faces(self, faces: FaceSet) -> Vectors:
        """As ``Perception.of_faces``, by tasks where the faces lie in a file."""
        return super().of_faces(faces) if faces.path is None else self._by_tasks(FaceRows.of(faces))

    def of_pictures(self, pictures: Iterable[Chips]) -> Vectors:
        """As ``Perception.of_pictures``, by tasks where the pictures lie in files."""
        if not isinstance(pictures, SurrogateFiles | ReleasedFaces):
            return super().of_pictures(pictures)
        return self._by_tasks(pictures)

    def _by_tasks(self, whole: _Part) -> Vectors:
        return _by_tasks(self._workers, perceive_part, package_versions(), whole, self.numbers)


def _by_tasks(
    workers: DaskWorkers, look: Callable[..., Vectors], job: Any, whole: _Part, dim: int
) -> Vectors:
    """What ``look`` sees in all parts, float32 (n, dim), in order."""
    starts = range(0, len(whole), _AT_ONCE)
    tasks = [DaskTask(f"look-{i}", (job, whole.part(i, _AT_ONCE))) for i in starts]
    seen = dict(workers.run(look, tasks))
    return np.concatenate([np.empty((0, dim), np.float32), *(seen[i] for i in range(len(tasks)))])


def judge_part(job: JudgeJob, part: _Part) -> Vectors:
    """Vectors float32 (m, d) of some faces or pictures.

    Raises
    ------
    InputError
        This machine has other versions, or does not see the faces, the pictures or the weights.
    WeightsError
        It has other weights.
    """
    name, _, file = job.asked.partition(":")
    check_surroundings(job.versions, [part.place, *([file] if file else [])])
    judge = _judge(job)
    if judge.embedder.sha256 != job.sha256:
        raise WeightsError(f"a worker has other weights of {name} than the command")
    return judge.of_chips(part.read()) if isinstance(part, FaceRows) else judge.of_pictures(part)


def _judge(job: JudgeJob) -> Judge:
    if job.fitted is not None:
        return Judge(name=job.asked, embedder=job.fitted, about="")
    return _loaded(job.asked, job.prepare)


@lru_cache(maxsize=2)
def _loaded(asked: str, prepare: Preprocessing | None) -> Judge:
    return load_judge(asked, prepare=prepare)


def perceive_part(versions: dict[str, str], part: _Part) -> Vectors:
    """Looks float32 (m, 4) of some faces or pictures; ``InputError`` as for ``judge_part``."""
    check_surroundings(versions, [part.place])
    own = Perception()
    return own.of_faces(part.read()) if isinstance(part, FaceRows) else own.of_pictures(part)

"""What a condensed dataset would take, from rates that are measured on a small sample of its input.

A dozen photographs are encoded, some thousand vectors like theirs are grouped and a few surrogates
are drawn, all by the code of the main job. What starts up once is told apart from what grows.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonbase.cores import peak_memory
from anonbase.errors import InputError, PrivacyWarning
from anonfaces.cluster.budget import Effort
from anonfaces.cluster.checks import check_k
from anonfaces.condensation.options import EncodingOptions, holds_photographs
from anonfaces.synthesize.options import DEFAULT_SURROGATE, SurrogateOptions
from encoders.photographs.remote import PhotographRoot, photograph_root

if TYPE_CHECKING:
    from anonfaces.cluster.scale import Plan
    from encoders.faceset import FaceSet

__all__ = ["JobPlan", "StagePlan", "plan_job"]

SAMPLE = 38
"""Photographs that are encoded to measure by, unless more are asked for."""
_FEW = 2  # of them, encoded before: what starts up once, and a first batch of the network
_VECTORS = 1000  # that are grouped to measure by
_REGION = 250  # people of a region among these
_NOISE = 0.35  # of a made vector about one that was measured, in the spread of all
_DRAWN = 4  # surrogates that are drawn to measure by: what the search does at once
_ENCODED_A_TASK, _DRAWN_A_TASK = 256, 16
_GROUPING = 60  # bytes for each number of a region: 65,536 people of 128 numbers took 0.5 GB
_VECTOR_FILES = (".csv", ".npy", ".npz", ".parquet", ".zarr")


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One stage: its tasks, seconds of one core in all, bytes of memory a task and of disk."""

    name: str
    tasks: int
    core_seconds: float
    memory: int
    disk: int


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """What a job would take, stage by stage.

    ``measured`` says on what; ``information_loss`` is in percent, None where so few faces tell
    nothing of it.
    """

    measured: str
    photographs: int
    faces: int
    people: int
    groups: int
    stages: tuple[StagePlan, ...]
    information_loss: float | None = None

    @property
    def core_hours(self) -> float:
        """Of all stages together."""
        return sum(stage.core_seconds for stage in self.stages) / 3600

    @property
    def disk(self) -> int:
        """Bytes of all stages together."""
        return sum(stage.disk for stage in self.stages)

    def hours(self, cores: int) -> float:
        """Hours on so many cores; a stage begins when the one before has ended."""
        rounds = (s.core_seconds / s.tasks * -(-s.tasks // cores) for s in self.stages if s.tasks)
        return sum(rounds) / 3600


@dataclass
class _Found:
    """What INPUT holds, and the stages so far."""

    measured: str
    photographs: int
    faces: int
    people: int
    vectors: NDArray[np.float32]
    sample: FaceSet | None = None
    stages: list[StagePlan] = field(default_factory=list)


def plan_job(
    source: PhotographRoot | str,
    k: int,
    *,
    identity: str = "auto",
    effort: Effort = "default",
    surrogate: str = DEFAULT_SURROGATE,
    surrogate_options: SurrogateOptions | None = None,
    encoding: EncodingOptions | None = None,
    sample: int = SAMPLE,
) -> JobPlan:
    """Plan a condensed dataset of ``source``.

    Parameters
    ----------
    source : path
        A folder of photographs or its address, a ``faces.h5``, or embeddings in a file.
    k : int
        The least number of people in a group.
    identity, effort, surrogate, surrogate_options, encoding
        As for ``anonfaces.condense``.
    sample : int
        Photographs to measure by.

    Returns
    -------
    JobPlan
        Its rates are those of this machine, of one core of it.

    Raises
    ------
    InputError
        There is nothing to plan for, or an option cannot be used.

    Examples
    --------
    >>> plan = plan_job("photos/", k=5)  # needs photographs  # doctest: +SKIP
    >>> plan.core_hours, plan.hours(cores=64)  # of these photographs  # doctest: +SKIP
    """
    from anonfaces.synthesize import check_surrogate

    origin, options = photograph_root(source), surrogate_options or SurrogateOptions(key=bytes(32))
    check_k(k)
    if check_surrogate(surrogate, options).needs:
        raise InputError(f"--surrogate {surrogate} looks at all groups at once and is not planned")
    if isinstance(origin, Path) and not origin.exists():
        raise InputError(f"{origin}: no such file or folder")
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)  # nothing is released
        found = _find(origin, identity, encoding or EncodingOptions(), sample, Path(scratch))
        loss = _group(found, k, effort, Path(scratch))
        if found.sample is not None:
            _draw(found, k, surrogate, options)
    return JobPlan(
        measured=found.measured,
        photographs=found.photographs,
        faces=found.faces,
        people=found.people,
        groups=found.people // k,
        stages=tuple(found.stages),
        information_loss=loss if found.sample is None else None,
    )


def _find(
    origin: PhotographRoot, identity: str, encoding: EncodingOptions, sample: int, scratch: Path
) -> _Found:
    if not isinstance(origin, Path) or holds_photographs(origin):
        return _encode(origin, identity, encoding, sample, scratch)
    if origin.suffix.lower() in _VECTOR_FILES or origin.is_dir():
        vectors, rows = _some_vectors(origin)
        measured = f"{len(vectors):,} of {rows:,} vectors, each counted as a person"
        return _Found(measured, 0, rows, rows, vectors)
    from encoders.faceset import FaceSet
    from encoders.photographs.reading import refuse_photograph

    refuse_photograph(origin, "anonfaces plan")
    faces = FaceSet.read(origin)
    if not len(faces):
        raise InputError(f"{origin}: holds no faces")
    names = set(faces.identity.tolist()) - {""}
    people = len(names) + int((faces.identity == "").sum())
    some = faces.select(np.random.default_rng(0).permutation(len(faces))[:sample])
    measured = f"{len(some)} of {len(faces):,} faces"
    return _Found(measured, 0, len(faces), people, some.embedding, some)


def _some_vectors(origin: Path) -> tuple[NDArray[np.float32], int]:
    """Some of the vectors of a file, and how many it has."""
    from anonfaces.cluster.inputs import read_input
    from anonfaces.cluster.scale import open_rows

    if origin.suffix.lower() in (".csv", ".npz"):
        table = read_input(origin).embedding.astype(np.float32)
        return table[np.random.default_rng(0).permutation(len(table))[:_VECTORS]], len(table)
    rows = open_rows(origin)
    piece = int(np.random.default_rng(0).integers(len(rows.pieces)))
    table = rows.read(piece)[0]
    return table[np.random.default_rng(0).permutation(len(table))[:_VECTORS]], rows.pieces[-1][1]


def _encode(
    photos: PhotographRoot, identity: str, encoding: EncodingOptions, sample: int, scratch: Path
) -> _Found:
    """Encode some photographs, a few of them before, so that what starts up once is told apart."""
    from encoders.identity import find_identities
    from encoders.photographs.reading import read_bytes
    from encoders.photographs.walk import find_photographs

    listed = find_photographs(photos).photographs
    chosen = np.random.default_rng(0).permutation(len(listed))[:sample]
    for folder, places in (("few", chosen[:_FEW]), ("some", chosen)):
        (scratch / folder).mkdir()
        for number, place in enumerate(places):
            content = read_bytes(photos, listed[place].path)[0]
            suffix = Path(listed[place].path).suffix
            (scratch / folder / f"{number}{suffix}").write_bytes(content)
    identities = find_identities(identity, [one.path for one in listed], photos)
    kept = encoding.faces or ("all" if identities.source == "none" else "largest")
    faces, seconds = _encoded(scratch, len(chosen), replace(encoding, faces=kept))
    if not len(faces):
        raise InputError(f"{photos}: no face was found in {len(chosen)} of its photographs")
    each = len(faces) / len(chosen)
    count = round(each * len(listed))
    people = len({name for name in identities.of.values() if name}) or count
    size = (scratch / "some.h5").stat().st_size / len(faces) * count
    measured = f"{len(chosen)} of {len(listed):,} photographs, with {each:.2f} faces each"
    found = _Found(measured, len(listed), count, people, faces.embedding, faces)
    found.stages.append(
        StagePlan(
            name="encode",
            tasks=-(-len(listed) // _ENCODED_A_TASK),
            core_seconds=seconds * len(listed),
            memory=peak_memory(),
            disk=round(2 * size),  # the parts, and the file that is made of them
        )
    )
    return found


def _encoded(scratch: Path, count: int, encoding: EncodingOptions) -> tuple[FaceSet, float]:
    """The faces of the sample, and seconds of a core for each photograph."""
    from encoders import encode

    asked = {**vars(replace(encoding, jobs=1)), "progress": False, "identity": "none"}
    encode(scratch / "few", scratch / "first.h5", **asked)  # compiles
    spent = []
    for name in ("few", "some"):
        before = _spent()
        faces = encode(scratch / name, scratch / f"{name}.h5", **asked)
        spent.append(_spent() - before)
    return faces, _each(spent[0], spent[1], _FEW, count)


def _group(found: _Found, k: int, effort: Effort, scratch: Path) -> float:
    """Add the stages of grouping; the loss to expect in percent."""
    if found.people < k:
        raise InputError(f"k = {k} needs at least {k} people, and there are {found.people}")
    planned = _planned(found, k, effort, scratch)
    dimensions = found.vectors.shape[1]
    from anonfaces.cluster.scale import REGION

    memory = _GROUPING * dimensions * min(found.people, REGION)
    steps = planned.steps if found.people > REGION else planned.steps[3:4]  # else all in memory
    for number, step in enumerate(steps):
        found.stages.append(
            StagePlan(
                name=f"group: {step.stage}" if len(steps) > 1 else "group",
                tasks=step.tasks,
                core_seconds=3600 * step.core_hours,
                memory=step.memory + (memory if step.stage.startswith("group") else 0),
                disk=planned.disk if number == 0 and len(steps) > 1 else 0,
            )
        )
    return planned.information_loss


def _planned(found: _Found, k: int, effort: Effort, scratch: Path) -> Plan:
    from anonfaces.cluster.scale import Job, group_file, open_rows, plan

    path, own = scratch / "vectors.npy", scratch / "scratch"
    own.mkdir()
    vectors = _like(found.vectors, max(_VECTORS, 4 * k))
    np.save(path, vectors)
    dimensions = vectors.shape[1]
    job = Job(str(path), None, False, dimensions, k, 0, effort, 2, str(own))
    measured = group_file(open_rows(path), job, region=max(_REGION, 4 * k))
    faces = max(found.people, len(vectors))
    grown = plan(measured, faces, dimensions)
    share = found.people / faces  # fewer than were measured take less
    steps = tuple(replace(s, core_hours=s.core_hours * share) for s in grown.steps)
    loss = grown.information_loss
    if len(found.vectors) == found.people < len(vectors):  # repeated, they lose too little
        loss = _loss(found.vectors, k, effort)
    return replace(grown, steps=steps, information_loss=loss)


def _loss(vectors: NDArray[np.float32], k: int, effort: Effort) -> float:
    from anonfaces.cluster import group

    return group(vectors, k, np.arange(len(vectors)), effort=effort).information_loss


def _like(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """So many vectors as these, with noise in their spread about those that are repeated."""
    if len(vectors) >= count:
        return vectors[:count]
    rng = np.random.default_rng(0)
    made = vectors[rng.integers(len(vectors), size=count)]
    spread = vectors.std(axis=0) if len(vectors) > 1 else np.ones(vectors.shape[1])
    made = made + _NOISE * spread * rng.standard_normal(made.shape)
    made[: len(vectors)] = vectors
    return made.astype(np.float32)


def _draw(found: _Found, k: int, surrogate: str, options: SurrogateOptions) -> None:
    """Add the stage of surrogates: some are drawn of groups by chance, one before."""
    from anonfaces.synthesize import SURROGATES
    from anonfaces.synthesize.gallery import encoded

    method = SURROGATES[surrogate].load(replace(options, jobs=1, key=options.key or bytes(32)))
    groups = _groups(found.sample, k, 2 + _DRAWN)
    seconds, faces = [], []
    for some in (groups[:1], groups[1:2], groups[1:]):  # the first compiles
        before = _spent()
        faces = [face for _, face in _made(method, found.sample, some)]
        seconds.append(_spent() - before)
    count = found.people // k
    size = sum(len(encoded(face)) for face in faces) / len(faces)
    found.stages.append(
        StagePlan(
            name="surrogates",
            tasks=-(-count // _DRAWN_A_TASK),
            core_seconds=_each(seconds[1], seconds[2], 1, 1 + _DRAWN) * count,
            memory=peak_memory(),
            disk=round(size * count),
        )
    )


def _each(few: float, many: float, count_few: int, count: int) -> float:
    """Seconds of one more; too many, with what starts up once, where the difference tells nothing
    on a busy machine."""
    if many > few and count > count_few:
        return (many - few) / (count - count_few)
    return many / count


def _groups(faces: FaceSet | None, k: int, count: int) -> list[NDArray[np.int64]]:
    """Rows of ``count`` groups of k faces by chance; some twice where there are few."""
    rng, n = np.random.default_rng(0), len(faces) if faces is not None else 0
    return [rng.choice(n, size=k, replace=n < k) for _ in range(count)]


def _made(
    method: object, faces: FaceSet | None, groups: list[NDArray[np.int64]]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    from anonfaces.synthesize import BatchSurrogate, Members

    members = [
        (number, Members(faces, tuple(np.array([row]) for row in rows)))  # type: ignore[arg-type]
        for number, rows in enumerate(groups)
    ]
    if isinstance(method, BatchSurrogate):
        yield from method.many(members)
    else:
        yield from ((number, method(who)) for number, who in members)  # type: ignore[operator]


def _spent() -> float:
    """Seconds of a core that this process and those that it has waited for have taken."""
    return sum(os.times()[:4])

"""The main job: photographs, or what was made of them, in; a condensed dataset out.

>>> from anonfaces import condense  # doctest: +SKIP
>>> condense("photos/", k=5, output="condensed/").summary.information_loss  # doctest: +SKIP
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.errors import InputError, UtilityWarning
from anonbase.files import write_text
from anonbase.notices import collect_warnings, warn_user
from anonfaces import __version__
from anonfaces.cluster.budget import Budget, Effort, Progress, check_seconds
from anonfaces.cluster.checks import check_k, check_seed
from anonfaces.cluster.constraints.constraint import asked
from anonfaces.cluster.identity import THRESHOLD
from anonfaces.cluster.inputs import check_leave_out, warn_of_dominant
from anonfaces.cluster.methods import DEFAULT, find
from anonfaces.condensation.gather import GroupingInput, from_faces, from_file
from anonfaces.condensation.identity_checks import write_doubts
from anonfaces.dataset.files import (
    find_file,
    make_owner_folder,
    make_secret_key,
    open_files,
    read_secret_key,
    secret_files,
)
from anonfaces.dataset.workplace import check_output, workplace
from anonfaces.report import Summary, write_report

if TYPE_CHECKING:
    from anonfaces.cluster import Groups
    from anonfaces.synthesize import SurrogateOptions
    from encoders import FaceSet

__all__ = ["Condensed", "EncodingOptions", "condense"]

_DIGITS = 9  # the last ones come from rounding, which the order of the faces decides
_PACKAGES = (
    *("numpy", "numba", "scipy", "pillow", "opencv-python-headless", "dlib-bin", "mtcnn"),
    *("keras", "tensorflow", "tensorflow-cpu"),
)


@dataclass(frozen=True)
class EncodingOptions:
    """How photographs become vectors: the options of ``encoders.encode``."""

    extractor: str = "dlib"
    detector: str = "auto"
    faces: str | None = None
    chip_size: int = 256
    weights: Path | None = None
    jobs: int | None = None
    upsample: int | None = None
    max_pixels: int = 100_000_000


@dataclass(frozen=True)
class Condensed:
    """A condensed dataset: where it lies, its numbers and its groups.

    ``columns`` are those of a table that were taken for the embedding.
    """

    folder: Path
    summary: Summary
    groups: Groups
    columns: tuple[str, ...] = ()

    def __repr__(self) -> str:
        drawn = self.summary.surrogate or "no surrogates"
        return f"Condensed({self.folder.name}/: {drawn}; {self.groups})"


@dataclass(frozen=True)
class _Job:
    """What was asked for, checked, and the warnings on the way: of privacy, of utility."""

    k: int
    method: str
    effort: Effort
    time_limit: float | None
    seed: int
    identity: str | None
    same_person: float | None
    leave_out: tuple[str, ...]
    surrogate: str
    drawing: SurrogateOptions
    encoding: EncodingOptions
    progress: bool
    certify: float | None
    asked: dict[str, Any]
    key: Path | None = None
    warned: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)


def condense(
    source: Path | str,
    k: int,
    output: Path | str,
    *,
    method: str | None = None,
    effort: Effort = "default",
    time_limit: float | None = None,
    seed: int = 0,
    identity: str | None = None,
    same_person: float | None = None,
    leave_out: Sequence[str] = (),
    same: Sequence[str] = (),
    l_diversity: Mapping[str, int] | None = None,
    t_closeness: Mapping[str, float] | None = None,
    certify: float | None = None,
    surrogate: str | None = None,
    drawing: SurrogateOptions | None = None,
    encoding: EncodingOptions | None = None,
    key: Path | str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Condensed:
    """Make a condensed dataset: groups of at least ``k`` people and one surrogate face a group.

    ``source``
        A folder of photographs, a ``faces.h5``, or bare embeddings (``.npy``, ``.npz``,
        ``.csv``, ``.parquet``), which have no faces to make surrogates of.
    ``output``
        The folder to make. It is there whole or not at all. A run that was killed goes on when
        it is called again with the same arguments.
    ``identity``
        ``folder``, ``csv:FILE:COLUMN``, ``regex:PATTERN`` for photographs; ``column:NAME`` for
        a table; ``estimate`` from embeddings; ``none``: every face is a person. None takes what
        the source says (folders, a column called identity) and estimates the rest.
    ``same_person``
        Distance of embeddings below which two faces may be one person's, where that has to be
        estimated. None is 0.5 for dlib's vectors; others need one.
    ``leave_out``
        Columns of a table that are no part of the embedding, nor of anything else.
    ``method``, ``effort``, ``time_limit``, ``seed``, ``certify``
        How to group and how hard to try: see ``anonfaces.group``.
    ``same``, ``l_diversity``, ``t_closeness``
        What every group keeps beside k, by column: see ``anonfaces.group``. Columns are those of
        ``csv:FILE:COLUMN`` or of a ``faces.h5``; of bare embeddings those that are named here,
        which then are no part of the embedding.
    ``surrogate``, ``drawing``
        How faces are made of groups, and its options: see ``anonfaces.synthesize``. Without
        options ``seed`` is theirs as well. None is ``optimised``; of bare embeddings no faces
        are made, and a method or an option of one is refused.
    ``key``
        A file of 32 random bytes, as ``owner/secret.key`` of another dataset: same input, seed
        and key, same bytes. None is the key of the dataset that is replaced, else a new one.
    ``overwrite``
        Replace a condensed dataset that is there; nothing else is ever replaced.

    Raises ``GuaranteeError`` (k < 2, fewer than k people, demands that no groups can keep),
    ``InputError`` and ``OutputError``, and then no dataset is written. Every ``PrivacyWarning``
    is also on the page.
    """
    from anonfaces.synthesize import DEFAULT_SURROGATE, SurrogateOptions

    how, looking, faced = (
        method or DEFAULT,
        encoding or EncodingOptions(),
        surrogate or DEFAULT_SURROGATE,
    )
    job = _Job(
        check_k(k), how, effort, time_limit, check_seed(seed), identity, same_person,
        tuple(leave_out), faced, drawing or SurrogateOptions(seed=seed), looking, progress, certify,
        {"same": tuple(same), "l_diversity": l_diversity, "t_closeness": t_closeness},
        None if key is None else Path(key),
    )  # fmt: skip
    _check(job)
    place, origin = check_output(Path(output), Path(source), overwrite), Path(source)
    check_leave_out(origin, job.leave_out)
    if not origin.is_dir():
        gathered = from_file(origin, identity, _columns(job), job.leave_out)
        if gathered.faces is None:
            job.drawing.refuse_without_faces(surrogate, origin.name)
        gathered, groups = _grouped(gathered, job)
    with workplace(place) as folder:
        if origin.is_dir():
            gathered, groups = _grouped(_encoded(origin, place, folder, job), job)
        secret = make_secret_key(folder, job.key, place)
        groups = groups.renumbered(secret)
        summary = _write(folder, gathered, groups, job)
    return Condensed(place, summary, groups, gathered.columns)


def _check(job: _Job) -> None:
    from anonfaces.synthesize import check_surrogate

    find(job.method)
    Budget(job.effort, job.time_limit)
    check_seconds(job.certify, "certify")
    asked(**job.asked)
    check_surrogate(job.surrogate, job.drawing)
    if job.same_person is not None and not job.same_person > 0:
        message = (
            f"--same-person (in Python same_person) is a distance > 0, not {job.same_person:g}"
        )
        raise InputError(message)
    if job.key is not None:
        read_secret_key(job.key)


def _columns(job: _Job) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.column for one in asked(**job.asked)))


def _command(job: _Job, drawn: bool = True) -> str:
    """The command without the names of files, which could name people."""
    hidden = {"csv": "csv:FILE:COLUMN", "regex": "regex:PATTERN", "column": "column:NAME"}
    parts = [f"python -m anonfaces.cluster INPUT --k {job.k} --method {job.method}"]
    parts.append(f"--effort {job.effort} --seed {job.seed}")
    if job.time_limit is not None:
        parts.append(f"--time-limit {job.time_limit:g}")
    if job.certify is not None:
        parts.append(f"--certify {job.certify:g}")
    parts += [f"--leave-out {column}" for column in job.leave_out]
    parts += map(str, asked(**job.asked))
    if job.identity:
        parts.append(f"--identity {hidden.get(job.identity.partition(':')[0], job.identity)}")
    if job.same_person is not None:
        parts.append(f"--same-person {job.same_person:g}")
    parts += job.drawing.to_cli(job.surrogate, job.seed) if drawn else []
    default = EncodingOptions()
    for name in ("extractor", "detector", "faces", "chip_size", "upsample", "max_pixels"):
        if getattr(job.encoding, name) != getattr(default, name):
            parts.append(f"--{name.replace('_', '-')} {getattr(job.encoding, name)}")
    return " ".join(parts)


def _encoded(photos: Path, place: Path, folder: Path, job: _Job) -> GroupingInput:
    """The faces of a folder of photographs, those of an earlier run or dataset re-used."""
    from encoders import encode

    if _columns(job) and not str(job.identity).startswith("csv:"):
        raise InputError("columns of people in photographs come with --identity csv:FILE:COLUMN")
    own = make_owner_folder(folder)
    for name in ("faces.h5", "faces.pca.h5"):
        if not (own / name).exists() and find_file(place, name).is_file():
            shutil.copyfile(find_file(place, name), own / name)
    options = asdict(job.encoding)
    unknown = job.identity in ("estimate", "none")
    with collect_warnings(job.warned):
        faces = encode(
            photos,
            own / "faces.h5",
            identity="none" if unknown else job.identity or "auto",
            overwrite=True,
            progress=job.progress,
            command=_command(job),
            **options,
        )
    return from_faces(faces, job.identity if unknown else None, _columns(job))


def _grouped(gathered: GroupingInput, job: _Job) -> tuple[GroupingInput, Groups]:
    from anonfaces.cluster import group

    with (
        collect_warnings(job.warned),
        collect_warnings(job.noted, UtilityWarning),
        _bar(job.progress) as message,
    ):
        warn_of_dominant(gathered.embedding, gathered.columns)
        groups = group(
            gathered.embedding, job.k, gathered.identity, method=job.method, seed=job.seed,
            effort=job.effort, time_limit=job.time_limit, progress=message,
            identity_threshold=_same_person(gathered, job), certify=job.certify,
            attributes=gathered.attribute, **job.asked,
        )  # fmt: skip
    return gathered, groups


def _same_person(gathered: GroupingInput, job: _Job) -> float:
    """The distance below which two faces may be one person's; never a guess at the weak side."""
    if job.same_person is not None:
        return job.same_person
    if gathered.unnamed and not gathered.extractor.startswith("dlib"):
        if gathered.extractor:
            raise InputError(
                f"who is who is not given, and {gathered.extractor} vectors have no known distance"
                " below which two faces may be one person's: give --identity, or --same-person (in"
                " Python identity, same_person)"
            )
        warn_user(
            f"which extractor made these vectors is not known: {THRESHOLD:g}, the distance below"
            " which two faces may be one person's, is right for dlib's alone (--same-person; in"
            " Python same_person)",
        )
    return THRESHOLD


@contextmanager
def _bar(shown: bool) -> Iterator[Progress]:
    from tqdm import tqdm

    layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
    with tqdm(
        total=1.0, desc="groups", disable=not shown, bar_format=layout, mininterval=0.5
    ) as bar:

        def tell(share: float, loss: float) -> None:
            bar.set_postfix_str(f"squared error {loss:.4g}", refresh=False)
            bar.update(max(0.0, min(share, 1.0) - bar.n))

        yield tell


def _write(folder: Path, gathered: GroupingInput, groups: Groups, job: _Job) -> Summary:
    """Write everything but ``faces.h5``, which is there where photographs were the input."""
    from anonfaces.dataset.tables import condensed_table, group_facts, not_found, to_csv
    from anonfaces.synthesize.gallery import clear_surrogates, draw

    faces, labels = gathered.faces, groups.labels
    own = make_owner_folder(folder)
    groups.write(own, **_face_columns(gathered))
    with collect_warnings(job.warned):
        write_doubts(own, gathered)
    alike = group_facts(gathered.embedding, labels, groups.identity)
    write_text(own / "group_facts.csv", to_csv(alike))
    table, withheld = condensed_table(labels, groups.identity, gathered.attribute, job.k)
    write_text(folder / "condensed.csv", to_csv(table))
    facts: dict[str, Any] = {"withheld_attributes": withheld}
    if faces is None:
        clear_surrogates(folder)
    else:
        missing, counts = not_found(faces)
        write_text(own / "not_found.csv", to_csv(missing))
        with collect_warnings(job.warned):
            draw(folder, faces, groups, job.surrogate, job.drawing, job.progress)
        facts |= _photographic(faces, counts, job)
    summary = _summary(folder, gathered, groups, job, **facts)
    write_text(folder / "summary.json", summary.to_json())
    write_report(folder)
    return summary


def _face_columns(gathered: GroupingInput) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if gathered.image is not None:
        columns["image"] = gathered.image
    if gathered.faces is None:
        return {"row": np.arange(len(gathered)), **columns}
    sides = ("left", "top", "right", "bottom")
    return columns | dict(zip(sides, gathered.faces.box.T, strict=True))


def _photographic(faces: FaceSet, counts: dict[str, int], job: _Job) -> dict[str, Any]:
    names = ("extractor_sha256", "alignment", "detector")
    return {
        **{name: str(faces.meta.get(name, "")) for name in names},
        "pictures": len(faces.ledger),
        "bystanders": len(faces.bystanders),
        "not_found": counts,
        "surrogate": job.surrogate,
        "chip_size": faces.chip_size,
    }


def _summary(
    folder: Path, gathered: GroupingInput, groups: Groups, job: _Job, **facts: Any
) -> Summary:
    from anonfaces.cluster import random_loss

    people = groups.sizes()["people"].value_counts().sort_index()
    return Summary(
        k=job.k,
        groups=groups.n_groups,
        people=len(np.unique(groups.identity)),
        faces=len(groups),
        information_loss=round(groups.information_loss, _DIGITS),
        lower_bound=round(groups.lower_bound, _DIGITS),
        constraints=tuple(asdict(one) for one in groups.constraints),
        random_loss=round(random_loss(gathered.embedding, job.k, groups.identity), _DIGITS),
        people_per_group={str(size): int(count) for size, count in people.items()},
        method=job.method,
        seed=job.seed,
        identity=gathered.source,
        estimated_faces=gathered.unnamed,
        privacy_warnings=tuple(job.warned),
        notes=tuple(job.noted),
        extractor=gathered.extractor,
        publishable=open_files(surrogates=gathered.faces is not None),
        secret=secret_files(folder),
        versions=_versions(),
        command=_command(job, gathered.faces is not None),
        **facts,
    )


def _versions() -> dict[str, str]:
    found = {"anonfaces": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found

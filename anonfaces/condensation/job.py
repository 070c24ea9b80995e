"""The main job: photographs, or what was made of them, in; a condensed dataset out.

>>> from anonfaces import condense
>>> done = condense("photos/", k=5, output="condensed/")  # needs photographs  # doctest: +SKIP
>>> done.summary.information_loss  # of these photographs  # doctest: +SKIP
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.errors import InputError, UtilityWarning
from anonbase.files import write_text
from anonbase.notices import collect_warnings, warn_user
from anonfaces.cluster.budget import Progress
from anonfaces.cluster.identity import THRESHOLD
from anonfaces.cluster.inputs import check_leave_out, warn_of_dominant
from anonfaces.condensation.gather import GroupingInput, from_faces, from_file
from anonfaces.condensation.identity_checks import refuse_too_few, write_doubts
from anonfaces.condensation.options import CondenseOptions, EncodingOptions
from anonfaces.condensation.unread import naming_unread
from anonfaces.dataset.files import (
    find_file,
    make_owner_folder,
    make_secret_key,
    open_files,
    secret_files,
)
from anonfaces.dataset.summary import Summary, versions
from anonfaces.dataset.workplace import check_output, workplace
from anonfaces.report import write_report
from encoders.photographs.remote import PhotographRoot, photograph_root

if TYPE_CHECKING:
    from anonfaces.cluster import Groups
    from encoders import FaceSet

__all__ = ["CondenseOptions", "Condensed", "EncodingOptions", "condense"]

_DIGITS = 9  # the last ones come from rounding, which the order of the faces decides


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


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What was asked for, and the warnings on the way: of privacy, of utility."""

    asked: CondenseOptions
    progress: bool
    warned: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)


def condense(
    source: PhotographRoot | str,
    k: int,
    output: Path | str,
    *,
    overwrite: bool = False,
    progress: bool = False,
    **options: Any,
) -> Condensed:
    """Make a condensed dataset: groups of at least ``k`` people and one surrogate face a group.

    Parameters
    ----------
    source : path
        A folder of photographs or its address (``s3://bucket/photos``), a ``faces.h5``, or bare
        embeddings (``.npy``, ``.npz``, ``.csv``, ``.parquet``), which have no faces to make
        surrogates of.
    k : int
        The least number of people in a group, 2 or more.
    output : path
        The folder to make. It is there whole or not at all. A run that was killed goes on when
        it is called again with the same arguments.
    overwrite : bool
        Replace a condensed dataset that is there; nothing else is ever replaced.
    progress : bool
        Show a bar for each long stage.
    identity : str, optional
        ``folder``, ``csv:FILE:COLUMN``, ``regex:PATTERN`` for photographs; ``column:NAME`` for
        a table; ``estimate`` from embeddings; ``none``: every face is a person. None takes what
        the source says (folders, a column called identity) and estimates the rest.
    same_person : float, optional
        Distance of embeddings below which two faces may be one person's, where that has to be
        estimated. None is 0.5 for dlib's vectors; others need one.
    leave_out : sequence of str
        Columns of a table that are no part of the embedding, nor of anything else.
    method, effort, time_limit, seed, certify
        How to group and how hard to try: see ``anonfaces.group``.
    same, l_diversity, t_closeness
        What every group keeps beside k, by column: see ``anonfaces.group``. Columns are those of
        ``csv:FILE:COLUMN`` or of a ``faces.h5``; of bare embeddings those that are named here,
        which then are no part of the embedding.
    surrogate : str, optional
        How faces are made of groups: see ``anonfaces.synthesize``. None is ``optimised``; of
        bare embeddings no faces are made, and a method or an option of one is refused.
    surrogate_options : SurrogateOptions, optional
        Options of that method. Without any ``seed`` is theirs as well.
    encoding : EncodingOptions, optional
        How photographs become vectors.
    key : path, optional
        A file of 32 random bytes, as ``owner/secret.key`` of another dataset: same input, seed
        and key, same bytes. None is the key of the dataset that is replaced, else a new one.
    scheduler : str, optional
        The address of a Dask scheduler whose workers examine photographs and draw surrogates, or
        ``local``; they see input and output under the same names. None: this machine alone.

    Returns
    -------
    Condensed
        Where the dataset lies, its numbers (``summary``) and its ``groups``.

    Raises
    ------
    GuaranteeError
        k < 2, fewer than k people, or constraints that no groups can keep.
    InputError, OutputError
        The source, an option or the place to write to cannot be used.

    After an error no dataset is written. Every ``PrivacyWarning`` is also on the page.

    Examples
    --------
    >>> from anonfaces import condense
    >>> done = condense("photos/", k=5, output="condensed/")  # needs photographs  # doctest: +SKIP
    >>> done.summary.information_loss, done.groups.sizes()  # of these photographs  # doctest: +SKIP
    """
    job = _Job(asked=CondenseOptions.from_arguments(k, options), progress=progress)
    origin = photograph_root(source)
    here = origin if isinstance(origin, Path) else None
    place = check_output(Path(output), here, overwrite)
    check_leave_out(here or Path(), tuple(job.asked.leave_out))
    if here is not None and not here.is_dir():
        gathered, groups = _grouped(_read(here, job), job)
    elif job.asked.drawn_by.generator or job.asked.drawn_by.gallery:
        # a checkpoint or a gallery that cannot be used is refused before hours of looking at faces
        from anonfaces.synthesize import check_surrogate

        method, drawn_by = job.asked.surrogate_method, job.asked.drawn_by
        # nothing is drawn: without the key
        check_surrogate(method, drawn_by).load(replace(drawn_by, progress=progress))
    with workplace(place) as folder:
        if origin.is_dir():
            gathered, groups = _grouped(_encoded(origin, place, folder, job), job)
        key = None if job.asked.key is None else Path(job.asked.key)
        groups = groups.renumbered(make_secret_key(folder, key, place))
        summary = _write(folder, gathered, groups, job)
    return Condensed(place, summary, groups, gathered.columns)


def _read(origin: Path, job: _Job) -> GroupingInput:
    """The faces or vectors of a file, which are looked at before anything is made."""
    asked = job.asked
    gathered = from_file(origin, asked.identity, asked.constrained_columns, tuple(asked.leave_out))
    if gathered.faces is None:
        asked.drawn_by.refuse_without_faces(asked.surrogate, origin.name)
    return gathered


def _encoded(photos: PhotographRoot, place: Path, folder: Path, job: _Job) -> GroupingInput:
    """The faces of a folder of photographs, those of an earlier run or dataset re-used."""
    from encoders import encode

    asked = job.asked
    columns = asked.constrained_columns
    if columns and not str(asked.identity).startswith("csv:"):
        raise InputError("columns of people in photographs come with --identity csv:FILE:COLUMN")
    refuse_too_few(photos, asked.identity, asked.k)
    own = make_owner_folder(folder)
    for name in ("faces.h5", "faces.pca.h5"):
        if not (own / name).exists() and find_file(place, name).is_file():
            shutil.copyfile(find_file(place, name), own / name)
    unknown = asked.identity in ("estimate", "none")
    with collect_warnings(job.warned):
        faces = encode(
            photos,
            own / "faces.h5",
            identity="none" if unknown else asked.identity or "auto",
            overwrite=True,
            progress=job.progress,
            command=asked.to_cli(),
            scheduler=asked.scheduler,
            **asked.encoding_arguments,
        )
    if not len(faces):  # nothing of it is of use to a later run
        for path in own.glob("faces.*"):
            path.unlink()
    return from_faces(faces, asked.identity if unknown else None, columns)


def _grouped(gathered: GroupingInput, job: _Job) -> tuple[GroupingInput, Groups]:
    from anonfaces.cluster import group
    from anonfaces.cluster.compiling import tell_of_compiling

    asked = job.asked
    if job.progress:
        tell_of_compiling()
    with (
        collect_warnings(job.warned),
        collect_warnings(job.noted, UtilityWarning),
        _bar(job.progress) as report,
        naming_unread(gathered.faces),
    ):
        warn_of_dominant(gathered.embedding, gathered.columns)
        groups = group(
            gathered.embedding, asked.k, gathered.identity, method=asked.grouping_method,
            seed=asked.seed, effort=asked.effort, time_limit=asked.time_limit, progress=report,
            identity_threshold=_same_person(gathered, asked), certify=asked.certify,
            attributes=gathered.attribute, **asked.constraints,
        )  # fmt: skip
    return gathered, groups


def _same_person(gathered: GroupingInput, asked: CondenseOptions) -> float:
    """The distance below which two faces may be one person's; never a guess at the weak side."""
    if asked.same_person is not None:
        return asked.same_person
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
    table, withheld = condensed_table(labels, groups.identity, gathered.attribute, job.asked.k)
    write_text(folder / "condensed.csv", to_csv(table))
    facts: dict[str, Any] = {"withheld_attributes": withheld}
    if faces is None:
        clear_surrogates(folder)
    else:
        missing, counts = not_found(faces)
        write_text(own / "not_found.csv", to_csv(missing))
        with collect_warnings(job.warned):
            draw(
                folder, faces, groups, job.asked.surrogate_method, job.asked.drawn_by,
                job.progress, job.asked.scheduler,
            )  # fmt: skip
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
        "surrogate": job.asked.surrogate_method,
        "chip_size": faces.chip_size,
    }


def _summary(
    folder: Path, gathered: GroupingInput, groups: Groups, job: _Job, **facts: Any
) -> Summary:
    from anonfaces.cluster import random_loss

    people = groups.sizes()["people"].value_counts().sort_index()
    return Summary(
        k=job.asked.k,
        groups=groups.n_groups,
        people=len(np.unique(groups.identity)),
        faces=len(groups),
        information_loss=round(groups.information_loss, _DIGITS),
        lower_bound=round(groups.lower_bound, _DIGITS),
        constraints=tuple(asdict(one) for one in groups.constraints),
        random_loss=round(random_loss(gathered.embedding, job.asked.k, groups.identity), _DIGITS),
        people_per_group={str(size): int(count) for size, count in people.items()},
        method=job.asked.grouping_method,
        seed=job.asked.seed,
        identity=gathered.source,
        estimated_faces=gathered.unnamed,
        privacy_warnings=tuple(job.warned),
        notes=tuple(job.noted),
        extractor=gathered.extractor,
        publishable=open_files(surrogates=gathered.faces is not None),
        secret=secret_files(folder),
        versions=versions(),
        command=job.asked.to_cli(drawn=gathered.faces is not None),
        **facts,
    )

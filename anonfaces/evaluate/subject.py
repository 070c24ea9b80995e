"""What is judged: surrogates with the people whom they stand for, read from an owner's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, OutputError
from anonfaces.evaluate.picture_files import FaceRows, ReleasedFaces, SurrogateFiles

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge
    from encoders.faceset import FaceSet

__all__ = [
    "OWNER",
    "Galleries",
    "RemoteEncoding",
    "Subject",
    "owner_file",
    "read_anonymized",
    "read_condensed",
    "read_faces",
]

#: The folder in a condensed dataset that holds what is secret; older ones hold it at their root.
OWNER = "owner"


@dataclass(frozen=True, kw_only=True)
class Galleries:
    """Where people are looked for, beside the originals themselves.

    Attributes
    ----------
    other : FaceSet or None
        Other photographs of the same people.
    strangers : FaceSet or None
        Photographs of people who are not among them.
    """

    other: FaceSet | None = None
    strangers: FaceSet | None = None


@dataclass(frozen=True, kw_only=True)
class RemoteEncoding:
    """Dask's workers encode photographs: their ``scheduler``, and ``place``, which they see.

    What they make lies in a folder there until ``stack`` is closed.
    """

    scheduler: str
    place: Path
    stack: ExitStack

    def folder(self) -> Path:
        """A new folder, which the user alone may open."""
        try:
            folder = TemporaryDirectory(prefix=".anonfaces-", dir=self.place)
        except OSError as error:
            message = error.strerror or error
            raise OutputError(f"cannot write in {self.place}: {message}") from error
        return Path(self.stack.enter_context(folder))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Surrogates and the people behind them.

    Attributes
    ----------
    kind : str
        ``condensed`` (a surrogate a group) or ``anonymized`` (a photograph has one of its own).
    k : int
        People that every group has at least; 1 where a photograph stands for itself.
    faces : FaceSet
        The originals.
    labels : int64 (n,)
        For each original the surrogate that stands for it, 0 to g - 1.
    numbers : tuple of str
        Of each surrogate its file's name without the ending.
    surrogate : str or None
        How the surrogates were made, where that is known.
    folder : Path
        Where they lie.
    released : FaceSet or None
        The faces that were found in anonymized photographs, and in ``rows`` int64 (g,) which of
        them is the surrogate's, -1 where none was found.
    images : tuple of uint8 (s, s, 3), or None
        The surrogates where they lie in memory and in no folder.
    """

    kind: str
    k: int
    faces: FaceSet
    labels: NDArray[np.int64]
    numbers: tuple[str, ...]
    folder: Path | None = None
    surrogate: str | None = None
    released: FaceSet | None = None
    rows: NDArray[np.int64] | None = None
    images: tuple[NDArray[np.uint8], ...] | None = None

    def __repr__(self) -> str:
        people = len(np.unique(self.identity))
        return (
            f"Subject({self.kind}: {len(self.numbers):,} surrogates of {len(self.faces):,} faces,"
            f" {people:,} people, k = {self.k})"
        )

    @property
    def identity(self) -> NDArray[np.str_]:
        """Who is on each original, str (n,); a face without a name is a person of its own."""
        return self.faces.identity

    @cached_property
    def unit(self) -> NDArray[np.int64]:
        """What a trial is, int64 (n,): a person, or a photograph where each has its surrogate."""
        if self.kind == "condensed":
            return np.unique(self.identity, return_inverse=True)[1]
        return np.arange(len(self.labels))

    @cached_property
    def unit_rows(self) -> NDArray[np.int64]:
        """The first original of each unit."""
        return np.unique(self.unit, return_index=True)[1]

    @property
    def group(self) -> NDArray[np.int64]:
        """The surrogate of each unit, int64."""
        return self.labels[self.unit_rows]

    @property
    def name(self) -> NDArray[np.str_]:
        """Who each unit is."""
        return self.identity[self.unit_rows]

    def pictures(self) -> Iterable[NDArray[np.uint8]]:
        """The surrogates, RGB (s, s, 3), one at a time."""
        if self.released is not None and self.rows is not None:
            return self._released_faces(self.released, self.rows)
        if self.images is not None:
            return self.images
        return SurrogateFiles((self.folder or Path()) / "surrogates", self.numbers)

    def _released_faces(
        self, released: FaceSet, rows: NDArray[np.int64]
    ) -> Iterable[NDArray[np.uint8]]:
        if released.path is not None:
            there = np.where(rows >= 0, released.rows[rows], -1)
            return ReleasedFaces(FaceRows(FaceRows.of(released).place, tuple(there.tolist())))
        none = np.zeros((released.chip_size, released.chip_size, 3), np.uint8)
        return (released.chips(np.array([row]))[0] if row >= 0 else none for row in rows)

    def vectors(self, judge: Judge) -> NDArray[np.float32]:
        """What ``judge`` sees in the surrogates, (g, d), NaN where no face is found."""
        if self.released is None or self.rows is None:
            return judge.of_pictures(self.pictures())
        seen = judge.of_faces(self.released)
        return np.where(self.rows[:, None] >= 0, seen[self.rows], np.float32(np.nan))

    @cached_property
    def sha256(self) -> str:
        """Of the surrogates' pixels: an evaluation says by it what it is one of."""
        digest = hashlib.sha256()
        for picture in self.pictures():
            digest.update(np.ascontiguousarray(picture).tobytes())
        return digest.hexdigest()


def owner_file(folder: Path, name: str) -> Path:
    """Where the secret file ``name`` of a condensed dataset lies: in ``owner/``, else beside."""
    inside = folder / OWNER / name
    return inside if inside.exists() else folder / name


def read_condensed(folder: Path, faces: Path | None = None) -> Subject:
    """A condensed dataset as its owner has it, with ``faces.h5`` and the groups.

    Raises
    ------
    InputError
        ``folder`` holds none, or not the owner's files, or they do not belong together.
    """
    from anonfaces.cluster import Groups
    from anonfaces.dataset.summary import Summary
    from encoders.faceset import FaceSet

    summary = Summary.read(folder / "summary.json")
    if summary.surrogate is None:
        raise InputError(f"{folder}: made of bare embeddings, so there are no faces to judge")
    path = faces or owner_file(folder, "faces.h5")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; --faces names the faces.h5 of the groups")
    groups = Groups.read(owner_file(folder, "groups.csv").parent)
    whole = FaceSet.read(path)
    if len(whole) != len(groups):
        raise InputError(f"{path}: {len(whole):,} faces, but {len(groups):,} are in the groups")
    numbers, labels = np.unique(groups.labels, return_inverse=True)
    return Subject(
        kind="condensed", k=groups.k, faces=_named(whole, groups.identity), labels=labels,
        numbers=tuple(map(str, numbers)), folder=folder, surrogate=summary.surrogate,
    )  # fmt: skip


def read_anonymized(folder: Path, originals: Path, by: RemoteEncoding | None = None) -> Subject:
    """Anonymized photographs beside their originals, which bear the same names.

    A photograph in which no face is found any more counts as recognized. Raises ``InputError``
    where no name is in both folders. ``by`` as for ``read_faces``.
    """
    before, after = read_faces(originals, by), read_faces(folder, by)
    place = {Path(name).with_suffix("").as_posix(): i for i, name in enumerate(after.image)}
    own = np.array([Path(name).with_suffix("").as_posix() for name in before.image])
    photographed = {Path(p).with_suffix("").as_posix() for p in after.ledger["path"]}
    here = np.array([name in photographed for name in own])
    if not here.any():
        raise InputError(f"{folder} and {originals} have no photograph of the same name")
    kept = before.select(here)
    rows = np.array([place.get(name, -1) for name in own[here]])
    return Subject(
        kind="anonymized", k=1, faces=kept, labels=np.arange(len(kept)),
        numbers=tuple(own[here]), folder=folder, released=after, rows=rows,
    )  # fmt: skip


def read_faces(source: Path, by: RemoteEncoding | None = None) -> FaceSet:
    """The faces of a folder of photographs, the largest of each, or of a ``faces.h5``.

    What is encoded here is kept nowhere: give a ``faces.h5`` (``python -m encoders``) to save the
    time. A face without a name is a person of its own. ``by`` has workers encode photographs.
    """
    from encoders import encode
    from encoders.faceset import FaceSet

    if not source.exists():
        raise InputError(f"{source}: there is no such file or folder")
    if source.is_file():
        whole = FaceSet.read(source)
        return _named(whole, whole.identity)
    if by is not None:
        output = by.folder() / "faces.h5"
        encoded = encode(source, output, faces="largest", scheduler=by.scheduler)
        return _named(encoded, encoded.identity)
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory(prefix="anonfaces-")))
        encoded = encode(source, place / "faces.h5", faces="largest")
        chips = encoded.chips()
        return _in_memory(_named(encoded, encoded.identity), chips)


def _in_memory(faces: FaceSet, chips: NDArray[np.uint8]) -> FaceSet:
    """The same FaceSet with its chips in memory, since its file goes."""
    from anonfaces.evaluate._faces_in_memory import FacesInMemory

    return FacesInMemory.of(faces, chips)


def _named(faces: FaceSet, identity: NDArray[Any]) -> FaceSet:
    from dataclasses import replace

    names = np.asarray(identity, str)
    alone = np.array([f"{image}#{i}" for i, image in enumerate(faces.image)], str)
    return replace(faces, identity=np.where(names == "", alone, names))

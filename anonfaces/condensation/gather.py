"""The faces that are to be grouped and whose they are, whatever they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.condensation.unread import no_face_text
from encoders.photographs.reading import refuse_photograph

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

__all__ = ["GroupingInput", "from_faces", "from_file"]

_NOT_KNOWN = ("estimate", "none")


@dataclass(frozen=True, kw_only=True)
class GroupingInput:
    """Faces to be grouped.

    ``embedding`` (n, d); ``identity`` str (n,), '' where it is to be estimated, None where every
    face counts as a person; ``source`` where identities came from, as ``Summary.identity`` says
    it; ``image`` str (n,) or None; ``faces`` None for bare embeddings; ``columns`` the columns of
    a table that were taken for the embedding, ``attribute`` the user's others (n,) by name.
    """

    embedding: NDArray[Any]
    identity: NDArray[Any] | None
    source: str
    image: NDArray[Any] | None = None
    extractor: str = ""
    faces: FaceSet | None = None
    columns: tuple[str, ...] = ()
    attribute: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.embedding)

    @property
    def unnamed(self) -> int:
        """How many faces have no name and are told apart by their embeddings."""
        return 0 if self.identity is None else int((self.identity == "").sum())


def from_faces(
    faces: FaceSet, identity: str | None, attributes: Sequence[str] = ()
) -> GroupingInput:
    """The faces of a FaceSet, with the identities that it holds or as ``identity`` says.

    InputError where there is no face at all, with what became of the pictures and the way out, or
    none of the columns ``attributes``, with where columns come from.
    """
    if not len(faces):
        raise InputError(no_face_text(faces))
    _must_have(faces, attributes)
    source = str(faces.meta.get("identity", "given")).partition(":")[0]
    gathered = GroupingInput(
        embedding=faces.embedding,
        identity=faces.identity,
        source=source if source in ("folder", "csv", "regex") else "given",
        image=faces.image,
        extractor=str(faces.meta.get("extractor", "")),
        faces=faces,
        attribute=faces.attribute,
    )
    return _as_asked(gathered, identity)


def _must_have(faces: FaceSet, attributes: Sequence[str]) -> None:
    for column in attributes:
        if column not in faces.attribute:
            there = ", ".join(sorted(faces.attribute)) or "none"
            raise InputError(
                f"the faces have no column {column!r} (their columns: {there}). Columns come from"
                " the table that names the people: python -m encoders PHOTOS -o faces.h5"
                " --identity csv:FILE:COLUMN keeps all its others"
            )


def from_file(
    path: Path,
    identity: str | None,
    attributes: Sequence[str] = (),
    leave_out: Sequence[str] = (),
) -> GroupingInput:
    """What a ``faces.h5`` or a file of bare embeddings holds; InputError if it cannot be read.

    It must have the columns ``attributes``; those of a table are no part of the embedding, nor
    are its columns ``leave_out``.
    """
    if identity not in (None, *_NOT_KNOWN) and not str(identity).startswith("column:"):
        raise InputError(
            f"--identity {identity} is for photographs; for {path.name} it is column:NAME (of a"
            " table), estimate or none, and without it what the file itself says"
        )
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    refuse_photograph(path, "python -m anonfaces.cluster")
    if path.suffix.lower() == ".h5":
        return _from_faceset_file(path, identity, attributes)
    return _from_vectors(path, identity, attributes, leave_out)


def _from_faceset_file(
    path: Path, identity: str | None, attributes: Sequence[str]
) -> GroupingInput:
    from encoders.faceset import FaceSet

    if identity not in (None, *_NOT_KNOWN):
        raise InputError(f"{path.name} holds its identities itself: --identity estimate or none")
    return from_faces(FaceSet.read(path), identity, attributes)


def _from_vectors(
    path: Path, identity: str | None, attributes: Sequence[str], leave_out: Sequence[str]
) -> GroupingInput:
    from anonfaces.cluster import read_input

    column = identity.partition(":")[2] if identity and ":" in identity else None
    read = read_input(
        path, identity_column=column, attribute_columns=attributes, leave_out=leave_out
    )
    names = np.full(len(read), "") if read.identity is None else read.identity
    gathered = GroupingInput(
        embedding=read.embedding,
        identity=names,
        source="given",
        image=read.image,
        extractor=read.extractor,
        faces=None,
        columns=read.columns,
        attribute=read.attribute,
    )
    return _as_asked(gathered, None if column else identity)


def _as_asked(gathered: GroupingInput, identity: str | None) -> GroupingInput:
    if identity == "none":
        return replace(gathered, identity=None, source="none")
    if identity == "estimate" or gathered.unnamed == len(gathered):
        return replace(gathered, identity=np.full(len(gathered), ""), source="estimate")
    return gathered

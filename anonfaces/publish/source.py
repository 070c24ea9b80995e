"""What is to be released: a condensed dataset, read and checked anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.errors import GuaranteeError, InputError
from anonfaces.dataset.files import SECRET_KEY, find_file, read_secret_key, refuse_old_layout
from anonfaces.dataset.summary import Summary, is_summary
from anonfaces.dataset.tables import read_csv

if TYPE_CHECKING:
    from anonfaces.cluster import Groups

__all__ = ["Source", "read_source"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A condensed dataset that is to be released.

    Attributes
    ----------
    folder : where it lies
    summary : its numbers
    groups : face -> group and person, verified
    image : str (n,), the photograph of each face, as the owner named it
    attribute : column -> array (n,), the owner's columns, one value a face
    key : its secret, 32 bytes
    """

    folder: Path
    summary: Summary
    groups: Groups
    image: NDArray[np.str_]
    attribute: Mapping[str, NDArray[Any]]
    key: bytes

    def surrogate(self, group: int) -> Path:
        """The picture of a group."""
        return self.folder / "surrogates" / f"{group}.png"

    @property
    def members(self) -> pd.DataFrame:
        """One row a person: group, identity."""
        return self.groups.to_pandas().drop_duplicates().reset_index(drop=True)


def read_source(folder: Path, faces: Path | None = None) -> Source:
    """Read the condensed dataset in ``folder`` and check its promise; ``faces`` its faces.h5.

    Raises
    ------
    InputError : it is none, it has no surrogates, or its files do not belong together
    GuaranteeError : a group has fewer than k people, or a person is in two groups
    OutputError : it was made by an older version, whose group numbers tell something
    """
    from anonfaces.cluster import Groups

    if not is_summary(folder / "summary.json"):
        raise InputError(f"{folder} is no condensed dataset: python -m anonfaces.cluster makes one")
    refuse_old_layout(folder)
    summary = Summary.read(folder / "summary.json")
    if summary.surrogate is None:
        raise InputError(f"{folder} has no surrogates: there were no photographs, only vectors")
    groups = Groups.read(folder)
    if groups.k != summary.k:
        raise GuaranteeError(f"{folder}: groups of {groups.k} people, k = {summary.k} in summary")
    table = read_csv(find_file(folder, "groups.csv"), ["image", "identity"])
    image = table.get("image", pd.Series(np.arange(len(groups)).astype(str)))
    source = Source(
        folder=folder,
        summary=summary,
        groups=groups,
        image=image.to_numpy(dtype=str),
        attribute=_attributes(folder, faces, groups),
        key=read_secret_key(folder / SECRET_KEY),
    )
    _check_surrogates(source)
    return source


def _attributes(folder: Path, given: Path | None, groups: Groups) -> Mapping[str, NDArray[Any]]:
    """The owner's columns: those of faces.h5, or those that the groups keep constraints about."""
    from encoders.faceset import FaceSet

    path = given or find_file(folder, "faces.h5")
    if given is None and not path.is_file():
        return dict(groups.attributes)
    faces = FaceSet.read(path)
    same = len(faces) == len(groups) and _same_people(faces.identity, groups.identity)
    if not same:
        raise InputError(f"{path}: the groups of {folder} were made of other faces")
    return faces.attribute


def _same_people(named: NDArray[np.str_], grouped: NDArray[np.str_]) -> bool:
    """Faces without a name were told apart by their vectors, and have other names in groups."""
    known = named != ""
    return bool((named[known] == grouped[known]).all())


def _check_surrogates(source: Source) -> None:
    missing = [g for g in range(source.groups.n_groups) if not source.surrogate(g).is_file()]
    if missing:
        raise InputError(
            f"{source.folder}: {len(missing)} groups have no surrogate (group {missing[0]} is one):"
            f" python -m anonfaces.synthesize {source.folder} makes them anew"
        )

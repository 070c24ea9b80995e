"""The container between photographs and groups: one row a face, in one HDF5 file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.text import pluralize

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FaceSet"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FaceSet:
    """Faces of photographs, with the ledger of every photograph that was looked at.

    Chips stay on disk until ``chips`` asks for them.

    Attributes
    ----------
    embedding : float32 (n, d)
        One vector a face.
    image : str (n,)
        The photograph of each face: its path relative to the root of the photographs, escaped as
        in ``encoders.photographs.path_escape``.
    box : int32 (n, 4)
        Left, top, right, bottom in pixels of the upright photograph. A box may reach outside.
    landmark : float32 (n, 68, 2)
        x and y in pixels of the upright photograph.
    identity : str (n,)
        The person; empty where unknown.
    quality : float32 (n,)
        0 to 1: resolution of the face times how frontal it is.
    attribute : dict of str to array (n,)
        The user's own columns.
    ledger : DataFrame
        One row a photograph: path, size, mtime_ns, sha256, outcome, reason, faces, bystanders,
        smallest_face (side in pixels of the smallest face that could have been found; 0 where
        nobody looked).
    bystanders : DataFrame
        One row a face that was seen and not kept: image, left, top, right, bottom, quality.
    meta : dict
        format_version, extractor, extractor_sha256, alignment, chip_alignment, chip_size, ...
    path : Path or None
        The file that holds the chips; None if there is none.
    rows : int64 (n,)
        Where the faces lie in that file.

    Examples
    --------
    >>> faces = FaceSet.read("faces.h5")  # needs a file  # doctest: +SKIP
    >>> faces.chips([0, 1]).shape  # of that file  # doctest: +SKIP
    (2, 256, 256, 3)
    """

    embedding: NDArray[np.float32]
    image: NDArray[np.str_]
    box: NDArray[np.int32]
    landmark: NDArray[np.float32]
    identity: NDArray[np.str_]
    quality: NDArray[np.float32]
    ledger: pd.DataFrame
    bystanders: pd.DataFrame
    meta: dict[str, Any]
    attribute: dict[str, NDArray[Any]] = field(default_factory=dict)
    path: Path | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.embedding)

    def __repr__(self) -> str:
        faces, of = pluralize(len(self), "face"), pluralize(len(self.ledger), "photograph")
        # the name alone: where a notebook ran is nobody's business who reads it
        place = "not in a file" if self.path is None else self.path.name
        return f"FaceSet({faces} of {of}, {self.meta.get('extractor')}, {place})"

    @property
    def chip_size(self) -> int:
        """Side of a chip in pixels."""
        return int(self.meta["chip_size"])

    @classmethod
    def read(cls, path: Path | str) -> FaceSet:
        """Read a file that ``write`` or ``python -m encoders`` wrote.

        The file may be hostile; nothing in it is believed before it is checked.

        Parameters
        ----------
        path : path
            The file, ``*.h5``.

        Returns
        -------
        FaceSet
            All but the chips, which stay on disk.

        Raises
        ------
        InputError
            A field is missing, has the wrong shape or type, is not finite, lies outside of the file
            or is larger than it can be. The message names the file and the field.
        """
        from encoders.faceset_file import read_fields

        return cls(**read_fields(Path(path)))

    def write(self, path: Path | str, chips: Iterable[NDArray[np.uint8]] | None = None) -> FaceSet:
        """Write all of it to a file, or nothing.

        Parameters
        ----------
        path : path
            The file, ``*.h5``.
        chips : iterable of uint8 (s, s, 3), optional
            One RGB chip a face, in the order of the faces. None copies those on disk.

        Returns
        -------
        FaceSet
            What can now be read from ``path``.

        Raises
        ------
        InputError
            There are no chips, or not one for each face.
        """
        from encoders.faceset_file import pack_chip, write_faceset

        packed = self._packed_chips() if chips is None else map(pack_chip, chips)
        write_faceset(Path(path), self, packed)
        return FaceSet.read(path)

    def chips(self, rows: NDArray[np.integer] | None = None) -> NDArray[np.uint8]:
        """Read aligned crops from disk.

        A chip of 256 px takes 196 kB: ask for as many as memory holds.

        Parameters
        ----------
        rows : int (m,), optional
            Which faces. None: all of them.

        Returns
        -------
        uint8 (m, s, s, 3)
            RGB, the whole head upright.

        Raises
        ------
        InputError
            This FaceSet was not read from a file, so it has no chips.
        """
        from encoders.faceset_file import read_chips

        chosen = self.rows if rows is None else self.rows[rows]
        return read_chips(self._file(), chosen, self.chip_size)

    def select(self, rows: NDArray[Any]) -> FaceSet:
        """Select some of the faces; the ledger stays whole.

        Parameters
        ----------
        rows : int (m,) or bool (n,)
            Indices of faces, or a mask.

        Returns
        -------
        FaceSet
            Those faces, with their chips.
        """
        return replace(
            self,
            embedding=self.embedding[rows],
            image=self.image[rows],
            box=self.box[rows],
            landmark=self.landmark[rows],
            identity=self.identity[rows],
            quality=self.quality[rows],
            attribute={name: values[rows] for name, values in self.attribute.items()},
            rows=self.rows[rows] if len(self.rows) else self.rows,
        )

    def _file(self) -> Path:
        if self.path is None:
            raise InputError("this FaceSet has no chips: it was not read from a file")
        return self.path

    def _packed_chips(self) -> Iterable[bytes]:
        from encoders.faceset_file import read_packed_chips

        return read_packed_chips(self._file(), self.rows, self.chip_size)

"""Surrogates that lie in files: an iterable of pictures, and parts of it for others to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from encoders.faceset_cache import cached_faces

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

__all__ = ["FaceRows", "ReleasedFaces", "SurrogateFiles"]

_MOST_PIXELS = 100_000_000


@dataclass(frozen=True)
class SurrogateFiles:
    """The pictures ``<number>.png`` in ``folder``, RGB (s, s, 3) when it is iterated."""

    folder: Path
    numbers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (_picture(self.folder, f"{number}.png") for number in self.numbers)

    @property
    def place(self) -> str:
        """What has to be seen by whoever iterates it."""
        return str(self.folder)

    def part(self, first: int, most: int) -> SurrogateFiles:
        """Up to ``most`` of the pictures, from ``first`` on."""
        return SurrogateFiles(self.folder.absolute(), self.numbers[first : first + most])


@dataclass(frozen=True)
class FaceRows:
    """Some of the faces of a ``faces.h5``, by their rows in that file."""

    place: str
    rows: tuple[int, ...]

    @classmethod
    def of(cls, faces: FaceSet) -> FaceRows:
        """Where ``faces``, which were read from a file, lie."""
        return cls(str(Path(str(faces.path)).absolute()), tuple(np.asarray(faces.rows).tolist()))

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, first: int, most: int) -> FaceRows:
        """Up to ``most`` of the faces, from ``first`` on."""
        return replace(self, rows=self.rows[first : first + most])

    def read(self) -> FaceSet:
        """Those faces."""
        return cached_faces(self.place).select(np.array(self.rows, np.int64))


@dataclass(frozen=True)
class ReleasedFaces:
    """The faces that stand for surrogates in anonymized photographs; black for row -1."""

    faces: FaceRows

    def __len__(self) -> int:
        return len(self.faces)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        whole = cached_faces(self.place)
        none = np.zeros((whole.chip_size, whole.chip_size, 3), np.uint8)
        for row in self.faces.rows:
            yield whole.chips(np.array([row]))[0] if row >= 0 else none

    @property
    def place(self) -> str:
        """What has to be seen by whoever iterates it."""
        return self.faces.place

    def part(self, first: int, most: int) -> ReleasedFaces:
        """Up to ``most`` of the pictures, from ``first`` on."""
        return ReleasedFaces(self.faces.part(first, most))


def _picture(folder: Path, name: str) -> NDArray[np.uint8]:
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

    try:
        image = decode(read_bytes(folder, name)[0], _MOST_PIXELS)
    except (UnreadableImageError, OSError) as error:
        raise InputError(f"{folder / name}: no surrogate can be read there: {error}") from error
    if image.shape[0] != image.shape[1]:
        raise InputError(f"{folder / name}: a surrogate is square, not {image.shape[:2]}")
    return image

"""The pictures to learn from: read once, kept as bytes, drawn by seed and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonfaces.errors import InputError
from encoders.frame import Square

__all__ = ["Pictures", "parse_square", "read_pictures", "split"]

Pixels = NDArray[np.uint8]
WHOLE = Square()
_MOST_BYTES = 48 << 30
_PART = 512


@dataclass(frozen=True)
class Pictures:
    """``pixels`` uint8 (n, size, size, 3), RGB."""

    pixels: Pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, rng: np.random.Generator, count: int) -> Pixels:
        """``count`` pictures drawn by ``rng``, half of them mirrored."""
        chosen = self.pixels[rng.integers(len(self), size=count)]
        mirrored = rng.random(count) < 0.5
        return np.where(mirrored[:, None, None, None], chosen[:, :, ::-1], chosen)


def parse_square(text: str) -> Square:
    """``"x,y,side"`` in sides of the picture; ``InputError`` unless it lies inside."""
    try:
        x, y, side = (float(number) for number in text.split(","))
    except ValueError:
        raise InputError(f"square {text!r}: expected x,y,side such as 0.5,0.6,0.62") from None
    if not (side > 0 and min(x, y) >= side / 2 - 1e-6 and max(x, y) <= 1 - side / 2 + 1e-6):
        raise InputError(f"square {text!r} does not lie inside the picture")
    return Square(x, y, side)


def read_pictures(sources: Sequence[Path], size: int, square: Square = WHOLE) -> Pictures:
    """``square`` of all faces of ``sources``: FaceSets (``.h5``, their chips) and folders.

    Raises:
        InputError: a source is missing or holds nothing that can be read.
    """
    found = [_read(source, size, square) for source in sources]
    if sum(map(len, found)) * size * size * 3 > _MOST_BYTES:
        raise InputError(f"the pictures take more than {_MOST_BYTES >> 30} GiB at {size} px")
    if not found or not sum(map(len, found)):
        raise InputError("there are no pictures to learn from")
    return Pictures(np.concatenate(found))


def split(pictures: Pictures, held_out: int, seed: int) -> tuple[Pictures, Pictures]:
    """Those to learn from and ``held_out`` to measure by, drawn by ``seed``."""
    if not 0 <= held_out < len(pictures):
        raise InputError(f"cannot hold {held_out} of {len(pictures)} pictures out")
    order = np.random.default_rng(seed).permutation(len(pictures))
    kept = np.sort(order[held_out:])
    return Pictures(pictures.pixels[kept]), Pictures(pictures.pixels[np.sort(order[:held_out])])


def _read(source: Path, size: int, square: Square) -> Pixels:
    if source.is_dir():
        return _read_folder(source, size, square)
    if source.suffix == ".h5" and source.is_file():
        return _read_faces(source, size, square)
    raise InputError(f"{source}: expected a folder of pictures or a FaceSet (.h5)")


def _read_faces(source: Path, size: int, square: Square) -> Pixels:
    from encoders.faceset import FaceSet

    faces = FaceSet.read(source)
    rows = np.arange(len(faces))
    parts = [square.cut(faces.chips(rows[i : i + _PART]), size) for i in range(0, len(rows), _PART)]
    return np.concatenate(parts)


def _read_folder(source: Path, size: int, square: Square) -> Pixels:
    from encoders.photographs import Unusable, decode, read_bytes
    from encoders.walk import find_photographs

    made = []
    for photograph in find_photographs(source).photographs:
        try:
            picture = decode(read_bytes(source, photograph.path)[0])
        except Unusable as error:
            raise InputError(f"{source / photograph.path}: {error}") from None
        made.append(square.cut(_squared(picture)[None], size))
    if not made:
        raise InputError(f"{source}: no picture in it can be read")
    return np.concatenate(made)


def _squared(picture: Pixels) -> Pixels:
    """The middle square of a picture."""
    side = min(picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]

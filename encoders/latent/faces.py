"""Real faces, framed as a generator's pictures are."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.files import check_there
from encoders.frame import CropAlignment, estimate_alignment
from encoders.resize import enlarged

__all__ = ["is_held_out", "read_faces"]

Pixels = NDArray[np.uint8]

_PART = 512
_LOOKED_AT = 100
_APART = 0.06
_HELD_OUT = 20


def read_faces(
    sources: Sequence[Path], framing: CropAlignment, size: int, held_out: bool = False
) -> Pixels:
    """The faces of ``sources``, uint8 (n, size, size, 3), without those that are held out.

    A source is a FaceSet (``.h5``) with its FFHQ-aligned chips, or a folder of pictures that are
    framed as the generator's already. One face in twenty, by a checksum of its name, is held out
    to measure by; with ``held_out`` those alone are read.

    Raises
    ------
    InputError
        A source is missing or empty, or a folder's pictures are framed otherwise.
    """
    parts = [part for source in sources for part in _read(source, framing, size, held_out)]
    if not sum(map(len, parts)):
        raise InputError(
            "of these faces none is held out to measure by, which one in twenty is: give more"
            if held_out
            else "there are no faces to learn from"
        )
    return np.concatenate(parts)


def _read(source: Path, framing: CropAlignment, size: int, held_out: bool) -> Iterator[Pixels]:
    if source.is_dir():
        yield _folder(source, framing, size, held_out)
    elif source.is_file() and source.suffix == ".h5":
        yield from _faceset(source, framing, size, held_out)
    else:
        check_there(source)
        raise InputError(f"{source}: expected a FaceSet (.h5) or a folder of images")


def _faceset(source: Path, framing: CropAlignment, size: int, held_out: bool) -> Iterator[Pixels]:
    from encoders.faceset import FaceSet

    faces = FaceSet.read(source)
    rows = np.array([i for i, name in enumerate(faces.image) if is_held_out(name) == held_out])
    for start in range(0, len(rows), _PART):
        yield framing.from_ffhq(faces.chips(rows[start : start + _PART]), size)


def _folder(source: Path, framing: CropAlignment, size: int, held_out: bool) -> Pixels:
    from encoders.photographs.walk import find_photographs

    paths = find_photographs(source).photographs
    if not paths:
        raise InputError(f"{source}: there is no image in it")
    chosen = paths[:: max(1, len(paths) // _LOOKED_AT)]
    some = [_picture(source, path.path, 256) for path in chosen]
    _check_framing(source, framing, estimate_alignment(np.stack(some)))
    kept = (path for path in paths if is_held_out(path.path) == held_out)
    pictures = [_picture(source, path.path, size) for path in kept]
    return np.array(pictures, np.uint8).reshape(-1, size, size, 3)


def _check_framing(source: Path, wanted: CropAlignment, found: CropAlignment) -> None:
    a, b = (np.array([f.ffhq.x, f.ffhq.y, np.log(f.ffhq.side)]) for f in (wanted, found))
    if np.abs(a - b).max() > _APART:
        raise InputError(
            f"{source}: its faces are not framed like the generator's"
            f" ({found.ffhq}, {wanted.ffhq}): make a FaceSet of it, python -m encoders {source}"
        )


def _picture(source: Path, path: str, size: int) -> Pixels:
    from encoders.photographs.reading import decode, read_bytes

    return enlarged(decode(read_bytes(source, path)[0]), size, smooth=True)


def is_held_out(name: str) -> bool:
    """Whether a picture, by its path, is one in twenty to measure by; a person's folder decides."""
    person = name.rsplit("/", 1)[0] if "/" in name else name
    return zlib.crc32(person.encode()) % _HELD_OUT == 0

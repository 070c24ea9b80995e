"""Images for training a generator, read from FaceSets and folders, and features to judge them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.files import check_there
from encoders.frame import CropSquare

__all__ = ["load_features", "parse_square", "read_pictures"]

Pixels = NDArray[np.uint8]
WHOLE = CropSquare()
_MOST_BYTES = 48 << 30
_PART = 512
_MEASURED = 200


def parse_square(text: str) -> CropSquare:
    """``"x,y,side"`` in sides of the picture; ``InputError`` unless it lies inside."""
    try:
        x, y, side = (float(number) for number in text.split(","))
    except ValueError:
        raise InputError(f"square {text!r}: expected x,y,side such as 0.5,0.6,0.62") from None
    if not (side > 0 and min(x, y) >= side / 2 - 1e-6 and max(x, y) <= 1 - side / 2 + 1e-6):
        raise InputError(f"square {text!r} does not lie inside the image")
    return CropSquare(x, y, side)


def read_pictures(sources: Sequence[Path], size: int, square: CropSquare = WHOLE) -> Pixels:
    """``square`` of all faces of ``sources``: FaceSets (``.h5``, their chips) and folders.

    Raises
    ------
    InputError
        A source is missing or holds nothing that can be read.
    """
    images = [_read(source, size, square) for source in sources]
    if sum(map(len, images)) * size * size * 3 > _MOST_BYTES:
        raise InputError(f"the pictures take more than {_MOST_BYTES >> 30} GiB at {size} px")
    if not images or not sum(map(len, images)):
        raise InputError("there are no images to learn from")
    return np.concatenate(images)


def load_features(name: str, pixels: Pixels) -> Any | None:
    """Load the features that a drawn training face must keep besides its pixels.

    Parameters
    ----------
    name : {"dlib", "vgg", "dlib+vgg", "none"}
        "dlib": what layers of dlib's recognizer see, where it would cut the faces; "vgg": what
        VGG16 sees of the texture; "none": None.
    pixels : uint8 (n, s, s, 3)
        Faces; the cut is measured on some of them.

    Returns
    -------
    callable or None
        As ``stylegan.train`` takes it.

    Raises
    ------
    InputError
        There are no features of that name.
    """
    if name == "none":
        return None
    if name not in {"dlib", "vgg", "dlib+vgg"}:
        raise InputError(f"features {name!r}: expected dlib, vgg, dlib+vgg or none")
    from anonbase.keras_backend import load_engine

    load_engine()
    from encoders.frame import estimate_alignment
    from encoders.latent.perceptual import Perceptual
    from stylegan.train.texture import Texture, Together

    size = pixels.shape[1]
    if name == "vgg":
        return Texture(size)
    face = Perceptual(estimate_alignment(pixels[:_MEASURED]).dlib, size)
    return Together([face, *([Texture(size)] if name.endswith("vgg") else [])])


def _read(source: Path, size: int, square: CropSquare) -> Pixels:
    if source.is_dir():
        return _read_folder(source, size, square)
    if source.suffix == ".h5" and source.is_file():
        return _read_faces(source, size, square)
    check_there(source)
    raise InputError(f"{source}: expected a folder of images or a FaceSet (.h5)")


def _read_faces(source: Path, size: int, square: CropSquare) -> Pixels:
    from encoders.faceset import FaceSet

    faces = FaceSet.read(source)
    rows = np.arange(len(faces))
    parts = [square.cut(faces.chips(rows[i : i + _PART]), size) for i in range(0, len(rows), _PART)]
    return np.concatenate(parts)


def _read_folder(source: Path, size: int, square: CropSquare) -> Pixels:
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes
    from encoders.photographs.walk import find_photographs

    made = []
    for photograph in find_photographs(source).photographs:
        try:
            picture = decode(read_bytes(source, photograph.path)[0])
        except UnreadableImageError as error:
            raise InputError(f"{source / photograph.path}: {error}") from None
        made.append(square.cut(_squared(picture)[None], size))
    if not made:
        raise InputError(f"{source}: no image in it can be read")
    return np.concatenate(made)


def _squared(picture: Pixels) -> Pixels:
    """The middle square of a picture."""
    side = min(picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]

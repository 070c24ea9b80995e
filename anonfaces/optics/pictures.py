"""Photographs and frames of videos as a camera of few pixels is held up to them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, UtilityWarning
from anonbase.files import atomic_write
from anonbase.notices import warn_user
from anonfaces.anonymize.inputs import Inputs, find_inputs
from anonfaces.optics.faces import FRAME
from anonfaces.optics.names import OutputNames

__all__ = [
    "Source", "aligned", "framed", "is_one_of", "is_picture", "pictures_in", "pictures_of",
    "save_picture", "squared",
]  # fmt: skip

Pixels = NDArray[np.uint8]

#: Pixels of the aligned chip that a frame is cut from.
_CHIP = 256
#: Sides in pixels of the squares over which two pictures are compared.
_SCALES = (1, 4, 16)
#: Half a level of a picture in 0..1.
_ROUNDING = 0.5 / 255

Source = tuple[str, Pixels]


def pictures_in(
    source: Path, max_pixels: int = 100_000_000, names: OutputNames | None = None
) -> Iterator[Source]:
    """The pictures of a file or folder: photographs, then frames of videos.

    A photograph that cannot be read is passed over with a ``UtilityWarning``. Pictures are named
    as in an output where its ``names`` are given, and by their own relative paths otherwise.

    Raises
    ------
    InputError
        There is none, or none can be read.
    """
    inputs = find_inputs(source) if names is None else names.inputs
    seen = 0
    own = {path: path for path in (*inputs.photographs, *inputs.videos)}
    for picture in pictures_of(inputs, own if names is None else names, max_pixels):
        seen += 1
        yield picture
    if not seen:
        raise InputError(f"{source}: none of its photographs can be read; the warnings say why")


def pictures_of(
    inputs: Inputs, called: OutputNames | dict[str, str], max_pixels: int
) -> Iterator[Source]:
    """The pictures of some inputs that can be read, each as it is ``called``."""
    from anonfaces.anonymize.video.frames import frames
    from encoders.photographs.path_escape import unescape
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

    for refused in inputs.refused:
        warn_user(f"{refused['input']}: {refused['reason']}", UtilityWarning)
    for path in inputs.photographs:
        try:
            image = decode(read_bytes(inputs.root, path)[0], max_pixels)
        except UnreadableImageError as error:
            warn_user(f"{path}: {error}", UtilityWarning)
            continue
        yield called[path], image
    for path in inputs.videos:
        for frame in frames(inputs.root / unescape(path), max_pixels):
            yield f"{called[path]}/frame_{frame.number:06d}.png", frame.image


def squared(image: Pixels, size: int) -> NDArray[np.float32]:
    """The middle square of a picture at ``size`` px, float32 (size, size, 3) in 0..1."""
    import cv2

    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    square = image[top : top + side, left : left + side]
    way = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return cv2.resize(square, (size, size), interpolation=way).astype(np.float32) / 255


def aligned(image: Pixels, size: int) -> NDArray[np.float32] | None:
    """The main face of a picture framed as in training, float32 in 0..1; None where none is."""
    return framed(image, size)[0]


def framed(image: Pixels, size: int) -> tuple[NDArray[np.float32] | None, int]:
    """The main face as ``aligned`` gives it, and how many other faces the picture shows."""
    from encoders.align import align_ffhq, find_landmarks
    from encoders.detect import in_order

    boxes = in_order(_detector()(image), image)
    if not len(boxes):
        return None, 0
    chip = align_ffhq(image, find_landmarks(image, boxes[0]), _CHIP)
    return FRAME.cut(chip[None], size)[0].astype(np.float32) / 255, len(boxes) - 1


def save_picture(folder: Path, name: str, image: NDArray[np.float32]) -> Path:
    """Write a picture in 0..1 as PNG to ``folder/name``, all of it or nothing.

    Raises
    ------
    InputError
        The name leads out of the folder.
    """
    from PIL import Image

    path = (folder / name).resolve()
    if folder.resolve() not in path.parents:
        raise InputError(f"{name} leads out of {folder}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        Image.fromarray(_levels(image)).save(beside, format="png")
    return path


def is_picture(path: Path, image: NDArray[np.float32]) -> bool:
    """Whether ``save_picture`` would write what is there already, but for a level of rounding."""
    there = _read(path, image.shape)
    return there is not None and bool(np.abs(there - _levels(image).astype(int)).max() <= 1)


def is_one_of(path: Path, draws: NDArray[np.float32]) -> bool:
    """Whether what is there may be one more of ``draws`` (n, s, s, 3), alike but for their noise.

    It lies about as far from the mean of half of them as the others do: by its pixels, and by
    means of larger and larger squares, which noise hardly moves.
    """
    there = _read(path, draws.shape[1:])
    if there is None:
        return False
    half = len(draws) // 2
    stored = _levels(draws) / 255
    mean = stored[:half].mean(axis=0)
    usual = _distances(stored[half:] - mean)
    low, high = usual.min(axis=0), usual.max(axis=0)
    room = high - low + _ROUNDING
    found = _distances(there[None] / 255 - mean)
    return bool(((found >= low - room) & (found <= high + room)).all())


def _distances(off: NDArray[np.float64]) -> NDArray[np.float64]:
    """The root mean square (n, scales) of differences (n, s, s, 3), by squares of each scale."""
    return np.stack([_rms(off, min(scale, off.shape[1])) for scale in _SCALES], axis=1)


def _rms(off: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    count = off.shape[1] // scale
    cut = off[:, : count * scale, : count * scale]
    squares = cut.reshape(len(off), count, scale, count, scale, -1).mean(axis=(2, 4))
    return np.sqrt((squares**2).mean(axis=(1, 2, 3)))


def _read(path: Path, shape: tuple[int, ...]) -> NDArray[np.int_] | None:
    """The levels of a PNG of this shape; None where there is none, or a broken one."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as there:
            if there.size != (shape[1], shape[0]):
                return None
            return np.asarray(there.convert("RGB")).astype(int)
    except (OSError, SyntaxError):
        return None


def _levels(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


@cache
def _detector() -> Any:
    from encoders.detect.hog import HogDetector

    return HogDetector()  # small faces too: those that a frame leaves out are counted

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
from anonfaces.anonymize.inputs import find_inputs
from anonfaces.optics.faces import FRAME
from anonfaces.optics.names import OutputNames, own_names

__all__ = ["Source", "aligned", "pictures_in", "save_picture", "squared"]

Pixels = NDArray[np.uint8]

#: Pixels of the aligned chip that a frame is cut from.
_CHIP = 256

Source = tuple[str, Pixels]


def pictures_in(
    source: Path, max_pixels: int = 100_000_000, names: OutputNames | None = None
) -> Iterator[Source]:
    """The pictures of a file or folder, with relative names: photographs, then frames of videos.

    A photograph that cannot be read is passed over with a ``UtilityWarning``. ``names`` of the
    same source take the place of the pictures' own.

    Raises
    ------
    InputError
        There is none, or none can be read.
    """
    from anonfaces.anonymize.video.frames import frames
    from encoders.photographs.path_escape import unescape
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

    inputs = find_inputs(source) if names is None else names.inputs
    called = own_names(inputs) if names is None else names
    seen = 0
    for refused in inputs.refused:
        warn_user(f"{refused['input']}: {refused['reason']}", UtilityWarning)
    for path in inputs.photographs:
        try:
            image = decode(read_bytes(inputs.root, path)[0], max_pixels)
        except UnreadableImageError as error:
            warn_user(f"{path}: {error}", UtilityWarning)
            continue
        seen += 1
        yield called[path], image
    for path in inputs.videos:
        for frame in frames(inputs.root / unescape(path), max_pixels):
            seen += 1
            yield f"{called[path]}/frame_{frame.number:06d}.png", frame.image
    if not seen:
        raise InputError(f"{source}: none of its photographs can be read; the warnings say why")


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
    from encoders.align import align_ffhq, find_landmarks
    from encoders.detect import in_order

    boxes = in_order(_detector()(image), image)
    if not len(boxes):
        return None
    chip = align_ffhq(image, find_landmarks(image, boxes[0]), _CHIP)
    return FRAME.cut(chip[None], size)[0].astype(np.float32) / 255


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
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as there:
            if there.size != (image.shape[1], image.shape[0]):
                return False
            seen = np.asarray(there.convert("RGB")).astype(int)
    except (OSError, SyntaxError):  # no PNG, or a broken one
        return False
    return bool(np.abs(seen - _levels(image)).max() <= 1)


def _levels(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


@cache
def _detector() -> Any:
    from encoders.detect.main_face import MainFaceDetector

    return MainFaceDetector()

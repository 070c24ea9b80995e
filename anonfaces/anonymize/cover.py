"""Covering a face without a surrogate: solid, mosaic, blur.

Of a face in a mosaic or blurred, 4 x 4 mean colours remain, whatever its size in pixels. That is
not nothing: McPherson, Shokri and Shmatikov, "Defeating image obfuscation with deep learning",
2016, recognise people in mosaics of about that size when they may train on such. Of a solid
cover nothing remains.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["COVERS", "area", "solid"]

Pixels = NDArray[np.uint8]

_CELLS = 4
_SIDES, _ABOVE, _BELOW = 0.15, 0.35, 0.2
_GREY = 128


def area(
    box: NDArray[np.integer], landmark: NDArray[np.floating], image: Pixels
) -> tuple[slice, slice]:
    """Rows and columns that cover the face's box and landmarks with a margin, and a forehead.

    Empty slices where the face lies outside of the picture.
    """
    low = np.minimum(box[:2], landmark.min(0))
    high = np.maximum(box[2:], landmark.max(0))
    width, height = np.maximum(high - low, 1)
    rows = _within(low[1] - _ABOVE * height, high[1] + _BELOW * height, image.shape[0])
    return rows, _within(low[0] - _SIDES * width, high[0] + _SIDES * width, image.shape[1])


def solid(image: Pixels, where: tuple[slice, slice]) -> None:
    """Cover with one grey, in place."""
    image[where] = _GREY


def mosaic(image: Pixels, where: tuple[slice, slice]) -> None:
    """Cover with 4 x 4 cells of one colour each, in place."""
    _from_cells(image, where, 0)


def blur(image: Pixels, where: tuple[slice, slice]) -> None:
    """Cover with a smooth surface through 4 x 4 mean colours, in place."""
    _from_cells(image, where, 1)


COVERS: dict[str, Callable[[Pixels, tuple[slice, slice]], None]] = {
    "solid": solid,
    "mosaic": mosaic,
    "blur": blur,
}
"""By the name of the mode."""


def _from_cells(image: Pixels, where: tuple[slice, slice], interpolation: int) -> None:
    import cv2

    part = np.ascontiguousarray(image[where])
    if not part.size:
        return
    cells = cv2.resize(part, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    image[where] = cv2.resize(cells, part.shape[1::-1], interpolation=interpolation)


def _within(first: float, last: float, size: int) -> slice:
    start = int(np.clip(np.floor(first), 0, size))
    return slice(start, max(start, int(np.clip(np.ceil(last), 0, size))))

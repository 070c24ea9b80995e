"""dlib's image pyramid: all levels of a picture on one canvas, and boxes of the canvas back.

``compute_tiled_image_pyramid_details``, ``pyramid_down<6>`` and ``input_rgb_image_pyramid`` of
dlib 20.0.1, in arrays: where each level lies decides on which grid the network looks at it, so
that boxes equal to dlib's need its layout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layout", "layout", "paint"]

#: Each level has 5 of 6 pixels of the one before.
_RATE = 5 / 6
#: Pixels by which dlib moves a point on its way one level up.
_SHIFT = 0.3
#: Pixels between levels, and around all of them.
_PADDING, _OUTER_PADDING = 10, 11
#: Pixels; a level that is lower ends the pyramid.
_LOWEST = 5


@dataclass(frozen=True)
class Layout:
    """Where the levels lie on the canvas.

    ``shape`` is the canvas's (height, width); ``corner`` int64 (m, 2), x and y, and ``size``
    int64 (m, 2), width and height, are the levels', the whole picture first.
    """

    shape: tuple[int, int]
    corner: NDArray[np.int64]
    size: NDArray[np.int64]

    def to_image(self, points: NDArray[np.float64], side: float) -> NDArray[np.float64]:
        """Squares (n, 4) of the picture, of ``side`` around points (n, 2) of the canvas.

        Each belongs to the level that lies nearest to its middle.
        """
        level = self._nearest(points)
        half = (side - 1) / 2
        local = points - self.corner[level]
        scale = (1 / _RATE) ** level[:, None]
        shift = _SHIFT * (scale - 1) / (1 / _RATE - 1)  # that of every level, grown by the rest
        return np.hstack([local - half, local + half]) * scale + shift

    def _nearest(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        last = self.corner + self.size - 1
        inside = np.clip(points[:, None], self.corner, last)
        return np.linalg.norm(points[:, None] - inside, axis=2).argmin(axis=1)


def layout(height: int, width: int) -> Layout:
    """The canvas that dlib makes for a picture of this size."""
    sizes = _sizes(height, width)
    column = _first_column(sizes)
    corners = [(_OUTER_PADDING, _OUTER_PADDING)]
    for place in range(1, len(sizes)):
        if place < column[0]:
            above = corners[-1][1] + sizes[place - 1][1]
            corners.append((_OUTER_PADDING, above + _PADDING))
    corners += _second_column(sizes, corners, width)
    kept = len(corners)
    shape = (column[1] + 2 * _OUTER_PADDING, width + 2 * _OUTER_PADDING)
    return Layout(shape, np.array(corners), np.array(sizes[:kept]))


def paint(
    image: NDArray[np.uint8], where: Layout, mean: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The canvas float32 (height, width, 3): every level, its mean removed, over 256; else 0."""
    canvas = np.zeros((*where.shape, 3), np.float32)
    level = (image.astype(np.float32) - mean) / np.float32(256)
    for (x, y), (width, height) in zip(where.corner, where.size, strict=True):
        level = _resized(level, int(height), int(width))
        canvas[y : y + height, x : x + width] = level
    return canvas


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Width and height of every level."""
    sizes = [(width, height)]
    while True:
        height, width = int(np.floor(_RATE * height)), int(np.floor(_RATE * width))
        if not width or height < _LOWEST:
            return sizes
        sizes.append((width, height))


def _first_column(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """How many levels stand below one another on the left, and the height of that column.

    The next one turns back upwards on the right as soon as it fits beside the one before it and
    what is left has room there.
    """
    total = sum(height + _PADDING for _, height in sizes) - 2 * _PADDING
    whole_width, whole_height = sizes[0]
    height = before = count = 0
    for width, level_height in sizes:
        fits = width <= whole_width - before - _PADDING
        if fits and 2 * (height - whole_height) >= total - whole_height:
            break
        height += level_height + _PADDING
        before = width
        count += 1
    return count, height - _PADDING


def _second_column(
    sizes: list[tuple[int, int]], corners: list[tuple[int, int]], width: int
) -> list[tuple[int, int]]:
    """Corners of the levels on the right, from the bottom up, while they clear the picture."""
    right: list[tuple[int, int]] = []
    bottom = corners[-1][1] + sizes[len(corners) - 1][1]
    for level_width, level_height in sizes[len(corners) :]:
        top = bottom - level_height
        if top < _OUTER_PADDING + sizes[0][1]:
            break
        right.append((_OUTER_PADDING + width - level_width, top))
        bottom = top - _PADDING
    return right


def _resized(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Bilinear, the corners' middles upon one another, as dlib has it."""
    if image.shape[:2] == (height, width):
        return image
    rows = _lerp(image, height, 0)
    return _lerp(rows, width, 1)


def _lerp(image: NDArray[np.float32], size: int, axis: int) -> NDArray[np.float32]:
    last = image.shape[axis] - 1
    at = np.arange(size) * (last / max(size - 1, 1))
    low = np.floor(at).astype(np.int64)
    share = (at - low).astype(np.float32).reshape([-1 if d == axis else 1 for d in range(3)])
    first = image.take(low, axis)
    second = image.take(np.minimum(low + 1, last), axis)
    return first + (second - first) * share

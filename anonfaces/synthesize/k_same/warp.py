"""Piecewise-affine warps between shapes of 68 landmarks, many faces in one go.

T. F. Cootes, G. J. Edwards, C. J. Taylor, "Active Appearance Models", ECCV 1998. A shape is 68
landmarks and 8 points on the border of the chip, in sides of the chip; the triangles between
them are those of one reference shape for all faces. Where a pixel lies in its triangle is found
once a target shape, and is then one sparse matrix for however many faces are warped to it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Sheet", "to_pixels", "to_sides", "with_border"]

Points = NDArray[np.float64]
Pixels = NDArray[np.uint8]

_BORDER = np.array([[x, y] for x in (0, 0.5, 1) for y in (0, 0.5, 1) if (x, y) != (0.5, 0.5)])
_CORNERS = (68, 70, 73, 75)
_LONGEST = 32_000  # cv2.remap takes no side of 32,767 pixels or more


def with_border(landmark: NDArray[Any]) -> Points:
    """Landmarks (..., 68, 2) in sides of the chip, and the chip's border: (..., 76, 2)."""
    border = np.broadcast_to(_BORDER, (*landmark.shape[:-2], *_BORDER.shape))
    return np.concatenate([landmark, border], axis=-2)


def to_sides(pixels: NDArray[Any], size: int) -> Points:
    """Positions in pixels, centres on whole numbers, in sides of a chip of ``size`` px."""
    return (np.asarray(pixels, np.float64) + 0.5) / size


def to_pixels(sides: NDArray[Any], size: int) -> Points:
    """The inverse of ``to_sides``."""
    return sides * size - 0.5


class Sheet:
    """A target shape, to which faces of any shape are warped.

    ``reference`` (68, 2) is the shape whose Delaunay triangles are used; ``target`` (68, 2) the
    shape that comes out, at ``size`` px.
    """

    def __init__(self, reference: Points, target: Points, size: int) -> None:
        from scipy.sparse import csr_array

        corners, weights = _locate(with_border(target), _triangles(reference.tobytes()), size)
        start = np.arange(0, corners.size + 1, 3)
        self._weigh: Any = csr_array((weights.ravel(), corners.ravel(), start))
        self._size = size

    def warp(self, chips: NDArray[Any], landmark: Points) -> NDArray[Any]:
        """Chips (n, s, s, 3), uint8 or float32, whose landmarks (n, 68, 2) become the target's."""
        points = to_pixels(with_border(landmark), chips.shape[1])
        from_where = self._weigh @ points.swapaxes(0, 1).reshape(len(points[0]), -1)
        last = chips.shape[1] - 1
        maps = np.clip(from_where, 0, last).astype(np.float32).reshape(-1, len(chips), 2)
        step = max(1, _LONGEST // max(self._size, chips.shape[1]))
        parts = [
            self._remap(chips[start : start + step], maps[:, start : start + step])
            for start in range(0, len(chips), step)
        ]
        return np.concatenate(parts)

    def _remap(self, chips: NDArray[Any], maps: NDArray[np.float32]) -> NDArray[Any]:
        """All chips as one tall picture: no call of OpenCV a face."""
        import cv2

        n, side = len(chips), chips.shape[1]
        x, y = np.ascontiguousarray(maps.transpose(2, 1, 0))
        y += np.float32(side) * np.arange(n, dtype=np.float32)[:, None]
        shape = (n * self._size, self._size)
        tall = np.ascontiguousarray(chips).reshape(n * side, side, 3)
        warped = cv2.remap(tall, x.reshape(shape), y.reshape(shape), cv2.INTER_LINEAR)
        return warped.reshape(n, self._size, self._size, 3)


@lru_cache(maxsize=4)
def _triangles(reference: bytes) -> NDArray[np.int64]:
    """Corners (t, 3); first the two halves of the chip, for pixels that a folded shape bares."""
    from scipy.spatial import Delaunay

    shape = np.frombuffer(reference, np.float64).reshape(-1, 2)
    triangles = Delaunay(with_border(shape)).simplices.astype(np.int64)
    top_left, bottom_left, top_right, bottom_right = _CORNERS
    halves = [[top_left, top_right, bottom_left], [top_right, bottom_right, bottom_left]]
    return np.concatenate([np.array(halves), triangles])


@njit(cache=True, nogil=True)
def _locate(
    points: Points, triangles: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], Points]:
    """Corners (size * size, 3) of each pixel's triangle, and its barycentric weights there."""
    corners = np.zeros((size * size, 3), np.int64)
    weights = np.zeros((size * size, 3))
    for t in range(len(triangles)):
        a, b, c = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-12:
            continue
        left = max(0, int(np.floor(min(a[0], b[0], c[0]) * size - 0.5)))
        right = min(size - 1, int(np.ceil(max(a[0], b[0], c[0]) * size - 0.5)))
        top = max(0, int(np.floor(min(a[1], b[1], c[1]) * size - 0.5)))
        bottom = min(size - 1, int(np.ceil(max(a[1], b[1], c[1]) * size - 0.5)))
        for row in range(top, bottom + 1):
            y = (row + 0.5) / size - a[1]
            for column in range(left, right + 1):
                x = (column + 0.5) / size - a[0]
                v = (x * (c[1] - a[1]) - (c[0] - a[0]) * y) / area
                w = ((b[0] - a[0]) * y - x * (b[1] - a[1])) / area
                if v >= -1e-9 and w >= -1e-9 and v + w <= 1 + 1e-9:
                    at = row * size + column
                    corners[at] = triangles[t]
                    weights[at, 0], weights[at, 1], weights[at, 2] = 1 - v - w, v, w
    return corners, weights

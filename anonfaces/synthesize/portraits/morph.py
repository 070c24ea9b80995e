"""A mixture of two faces: the shape between theirs, and the features of both.

Landmarks lie on landmarks (``k_same.warp``: piecewise affine maps over Delaunay triangles), so
nothing is seen double in the face. Hair and what is around are the first face's, and so are the
light and the tone of the skin: what is mixed of the texture is what is finer than these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoders.resize import enlarged

__all__ = ["Portrait", "morph"]

Pixels = NDArray[np.uint8]
Levels = NDArray[np.float32]

#: Side in pixels at which light and tone are taken from a picture: an eye is some three of them.
_COARSE = 32
#: How much they are blurred there, in its pixels.
_BLUR = 1.5
#: The rim over which the mixture fades to the first face, in sides of the picture.
_RIM = 0.04


@dataclass(frozen=True)
class Portrait:
    """An aligned picture uint8 (s, s, 3), RGB, and its landmarks float32 (68, 2) in its pixels."""

    picture: Pixels
    landmark: NDArray[np.float32]


def morph(one: Portrait, other: Portrait, share: float) -> Pixels:
    """``one`` with ``share`` (0 to 1) of the shape and of the features of ``other``.

    As large as ``one``.
    """
    from anonfaces.synthesize.k_same.warp import Sheet, to_sides

    size = len(one.picture)
    shapes = np.stack([to_sides(each.landmark, len(each.picture)) for each in (one, other)])
    target = (1 - share) * shapes[0] + share * shapes[1]
    chips = np.stack([one.picture, enlarged(other.picture, size)]).astype(np.float32)
    first, second = Sheet(shapes.mean(axis=0), target, size).warp(chips, shapes)
    finer = (second - _coarse(second)) - (first - _coarse(first))
    mixed = first + share * _inside(target, size)[..., None] * finer
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)


def _coarse(image: Levels) -> Levels:
    """Light and tone: the image without all that is finer."""
    import cv2

    small = cv2.resize(image, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), _BLUR)
    return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def _inside(shape: NDArray[np.float64], size: int) -> Levels:
    """Float32 (size, size): 1 in the outline of the landmarks (68, 2), 0 around it."""
    import cv2

    from anonfaces.synthesize.k_same.warp import to_pixels

    points = np.rint(to_pixels(shape, size)).astype(np.int32)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(points), 1)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    return np.clip(depth / (_RIM * size), 0, 1).astype(np.float32)

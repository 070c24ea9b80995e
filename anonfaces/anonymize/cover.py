"""Covering a face without a surrogate: solid, mosaic, blur.

Of a face in a mosaic or blurred, 4 x 4 mean colours remain, whatever its size in pixels. That is
not nothing: McPherson, Shokri and Shmatikov, "Defeating image obfuscation with deep learning",
2016, recognise people in mosaics of about that size when they may train on such. Of a solid
cover nothing remains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.paste import fits

__all__ = ["COVERS", "Area", "around", "head", "solid"]

Pixels = NDArray[np.uint8]
Ellipse = tuple[NDArray[Any], NDArray[Any], float]  # centre, half axes, degrees

_CELLS = 4
_GREY = 128
#: Size in heads of the cover of a head whose landmarks are no face's.
_UNSURE = 1.3
#: Size in heads of a cover where one of the head was not enough.
_WIDE = 1.5
#: Half a head's size in sizes of a detector's box, at most: from brow to chin is half a head.
_LARGEST = 0.9
# Of a detector's box: how far the ellipse reaches beyond its sides, top and bottom; below, since a
# face that is seen from far above or squeezed by a lens has its chin there.
_BOX_SIDES, _BOX_ABOVE, _BOX_BELOW = 0.08, 0.22, 0.15
_ASTRAY = 0.5
_EARS = 1.12
_EYES, _BROWS, _NOSE_BASE = (slice(36, 42), slice(42, 48)), slice(17, 27), 33
_FINE = 4  # fractional bits of OpenCV's drawing


@dataclass(frozen=True)
class Area:
    """A part of a picture: its rows and columns, and which of its pixels are meant.

    ``inside`` is bool (rows, columns). Empty where the part lies outside of the picture.
    """

    rows: slice
    columns: slice
    inside: NDArray[np.bool_]


def head(
    box: NDArray[np.integer],
    landmark: NDArray[np.floating],
    image: Pixels,
    growth: float = 1.0,
) -> Area:
    """The head: from the hairline to the chin and from ear to ear, with a margin.

    Two ellipses: one around the landmarks, turned as the eyes are, with a forehead as high as
    the nose is long (the thirds of a face); and an upright one around the detector's box, since
    landmarks of a face that looks aside may lie wrong. Landmarks far from the box are drawn in to
    it, and no ellipse is larger than a head in that box can be. Where the landmarks are no
    face's, the box alone counts, with a wider margin. ``growth`` is the size in heads.
    """
    if fits(landmark):
        ellipses = [_of_box(box), _bounded(_of_landmarks(_near(box, landmark)), box)]
    else:
        ellipses = [_enlarged(_of_box(box), _UNSURE)]
    ellipses = [_enlarged(ellipse, growth) for ellipse in ellipses]
    rows, columns = _bounds(ellipses, image.shape)
    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    for centre, half, degrees in ellipses:
        _fill(inside, centre - [columns.start, rows.start], half, degrees)
    return Area(rows, columns, inside > 0)


def around(box: NDArray[np.integer], landmark: NDArray[np.floating], image: Pixels) -> Area:
    """The head and half of its size around it, where a cover of the head was not enough."""
    return head(box, landmark, image, _WIDE)


def solid(image: Pixels, where: Area) -> None:
    """Cover with one grey, in place."""
    image[where.rows, where.columns][where.inside] = _GREY


def mosaic(image: Pixels, where: Area) -> None:
    """Cover with 4 x 4 cells of one colour each, in place."""
    _from_cells(image, where, 0)


def blur(image: Pixels, where: Area) -> None:
    """Cover with a smooth surface through 4 x 4 mean colours, in place."""
    _from_cells(image, where, 1)


COVERS: dict[str, Callable[[Pixels, Area], None]] = {
    "solid": solid,
    "mosaic": mosaic,
    "blur": blur,
}
"""By the name of the mode."""


def _of_box(box: NDArray[np.integer]) -> Ellipse:
    """The ellipse around a detector's box."""
    width, height = np.maximum(box[2:] - box[:2], 1)
    top, bottom = box[1] - _BOX_ABOVE * height, box[3] + _BOX_BELOW * height
    centre = np.array([(box[0] + box[2]) / 2, (top + bottom) / 2])
    return centre, np.array([(0.5 + _BOX_SIDES) * width, (bottom - top) / 2]), 0.0


def _of_landmarks(landmark: NDArray[np.floating]) -> Ellipse:
    """The ellipse that holds every landmark."""
    left, right = (landmark[eye].mean(0) for eye in _EYES)
    across = (right - left) / max(float(np.hypot(*(right - left))), 1e-6)
    axes = np.array([across, [-across[1], across[0]]])
    points = landmark @ axes.T
    brows, nose = points[_BROWS, 1].mean(), points[_NOSE_BASE, 1]
    low, high = points.min(0), points.max(0)
    low[1] = min(low[1], 2 * brows - nose)
    centre, half = (low + high) / 2, np.maximum((high - low) / 2, 1)
    reach = np.hypot(*((points - centre) / half).T).max()
    degrees = float(np.degrees(np.arctan2(across[1], across[0])))
    return centre @ axes, half * reach * _EARS, degrees


def _bounded(ellipse: Ellipse, box: NDArray[np.integer]) -> Ellipse:
    """The ellipse, no larger than a head whose face has that box."""
    centre, half, degrees = ellipse
    return centre, np.minimum(half, _LARGEST * float(np.max(box[2:] - box[:2]))), degrees


def _enlarged(ellipse: Ellipse, growth: float) -> Ellipse:
    centre, half, degrees = ellipse
    return centre, half * growth, degrees


def _bounds(ellipses: list[Ellipse], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a picture of that shape in which the ellipses lie."""
    centre = np.array([middle for middle, _, _ in ellipses])
    half = np.array([half for _, half, _ in ellipses])
    angle = np.radians([[degrees] for *_, degrees in ellipses])
    turned = np.hypot(half * np.cos(angle), half[:, ::-1] * np.sin(angle))
    low, high = (centre - turned).min(0) - 1, (centre + turned).max(0) + 2
    return _within(low[1], high[1], shape[0]), _within(low[0], high[0], shape[1])


def _fill(mask: Pixels, centre: NDArray[Any], half: NDArray[Any], degrees: float) -> None:
    """Draw an ellipse of ones, to a sixteenth of a pixel."""
    import cv2

    if not mask.size:
        return
    middle, axes = (tuple(int(v) for v in np.rint(part * 2**_FINE)) for part in (centre, half))
    cv2.ellipse(mask, middle, axes, degrees, 0, 360, 1, cv2.FILLED, cv2.LINE_8, _FINE)


def _near(box: NDArray[np.integer], landmark: NDArray[np.floating]) -> NDArray[np.float64]:
    room = _ASTRAY * np.maximum(box[2:] - box[:2], 1)
    return np.clip(landmark.astype(np.float64), box[:2] - room, box[2:] + room)


def _from_cells(image: Pixels, where: Area, interpolation: int) -> None:
    import cv2

    part = image[where.rows, where.columns]
    if not part.size:
        return
    cells = cv2.resize(np.ascontiguousarray(part), (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(cells, part.shape[1::-1], interpolation=interpolation)
    part[where.inside] = coarse[where.inside]


def _within(first: float, last: float, size: int) -> slice:
    start = int(np.clip(np.floor(first), 0, size))
    return slice(start, max(start, int(np.clip(np.ceil(last), 0, size))))

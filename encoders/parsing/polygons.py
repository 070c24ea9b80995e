"""Label maps from 68 landmarks and color, without a trained network.

The parts are polygons through the landmarks (iBUG 300-W numbering). The skin is what lies inside
the jaw and a half ellipse over the brows, and has about the color of the cheeks; what the
landmarks enclose always belongs to it. A fringe of the skin's color counts as skin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from encoders.parsing.classes import CLASSES, HAIR

__all__ = ["label_map", "skin_colored"]

Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]

_INDEX = {name: i for i, name in enumerate(CLASSES)}
_JAW, _BROWS = slice(0, 17), slice(17, 27)
_LEFT_EYE, _RIGHT_EYE = slice(36, 42), slice(42, 48)
#: Points of each part in the order in which they are drawn; brows and nose are made below.
_PARTS = {
    "left eye": [*range(36, 42)],
    "right eye": [*range(42, 48)],
    "upper lip": [*range(48, 55), 64, 63, 62, 61, 60],
    "lower lip": [*range(54, 60), 48, 60, 67, 66, 65, 64],
    "inner mouth": [*range(60, 68)],
}
#: Thickness of a brow, in distances of the eyes.
_BROW = 0.14
#: Half the width of the nose's bridge, in distances of the eyes.
_BRIDGE = 0.07
#: The forehead's height: shares of the brows' height over the jaw's ends, of the eyes' distance.
_FOREHEAD = (0.95, 0.75)
_ELLIPSE = 24
#: Points of the jaw towards which cheeks are looked at, and how far on the way from the nose.
_CHEEKS, _WAY = [3, 4, 5, 11, 12, 13], 0.5
#: How far a color may lie from the cheeks' median, in median deviations of each LAB channel.
_FAR = np.array([7.0, 6.0, 6.0])
#: Least deviations, in LAB levels, so that even skin does not refuse its own shading.
_LEAST = np.array([8.0, 3.0, 4.0])
#: Bits behind the point of OpenCV's polygon coordinates.
_SHIFT = 4


def label_map(
    landmark: NDArray[np.floating], size: int, picture: Pixels | None = None, hair: bool = False
) -> Pixels:
    """Draw the label map of a face.

    Parameters
    ----------
    landmark : float (68, 2)
        x and y in pixels of the map.
    size : int
        Side of the map in pixels.
    picture : uint8 (size, size, 3), optional
        RGB. Skin is told from hair by its colors; without it the forehead is all skin.
    hair : bool
        Tell hair from background as well (GrabCut, a tenth of a second; needs ``picture``).
        It is poor on bald heads and on crops that show no background.

    Returns
    -------
    uint8 (size, size)
        A class of ``CLASSES`` for every pixel, ``HAIR`` for hair.
    """
    points = np.asarray(landmark, np.float64)
    labels = np.zeros((size, size), np.uint8)
    labels[_skin(points, size, picture) > 0] = _INDEX["skin"]
    for name, polygon in _polygons(points).items():
        _fill(labels, polygon, _INDEX[name])
    if hair and picture is not None:
        from encoders.parsing.hair import find_hair

        labels[find_hair(picture, points, labels) & (labels == 0)] = HAIR
    return labels


def _polygons(points: Points) -> dict[str, Points]:
    across, up = _axes(points)
    found = {
        "nose": np.vstack([points[27] - _BRIDGE * across, points[27] + _BRIDGE * across,
                           points[35], points[34:30:-1]]),
    }  # fmt: skip
    for name, rows in (("left brow", slice(17, 22)), ("right brow", slice(22, 27))):
        half = _BROW / 2 * up * _tapered(rows.stop - rows.start)[:, None]
        found[name] = np.vstack([points[rows] + half, (points[rows] - half)[::-1]])
    return found | {name: points[rows] for name, rows in _PARTS.items()}


def _tapered(count: int) -> NDArray[np.float64]:
    """A brow is thinner at its ends."""
    return 0.5 + 0.5 * np.sin(np.pi * (np.arange(count) + 0.5) / count)


def _axes(points: Points) -> tuple[Points, Points]:
    """The vector from eye to eye, and as long a one upwards."""
    across = points[_RIGHT_EYE].mean(axis=0) - points[_LEFT_EYE].mean(axis=0)
    return across, np.array([across[1], -across[0]])


def _skin(points: Points, size: int, picture: Pixels | None) -> Pixels:
    import cv2

    inside = np.zeros((size, size), np.uint8)
    _fill(inside, np.vstack([points[_JAW], _forehead(points)]), 1)
    if picture is None:
        return inside
    sure = np.zeros_like(inside)
    _fill(sure, cv2.convexHull(points.astype(np.float32))[:, 0], 1)
    alike = skin_colored(picture, points).astype(np.uint8)
    even = cv2.medianBlur(alike, 2 * (size // 32) + 1) if size >= 32 else alike
    return (inside & even) | (inside & sure)


def _forehead(points: Points) -> Points:
    """Half an ellipse from the jaw's right end over the brows to its left end."""
    left, right = points[0], points[16]
    middle, half = (left + right) / 2, (right - left) / 2
    across, up = _axes(points)
    unit = up / max(float(np.hypot(*up)), 1e-9)
    brows = float((points[_BROWS].mean(axis=0) - middle) @ unit)
    height = _FOREHEAD[0] * max(brows, 0.0) + _FOREHEAD[1] * float(np.hypot(*across))
    angle = np.linspace(0, np.pi, _ELLIPSE)[:, None]
    return middle + np.cos(angle) * half + np.sin(angle) * height * unit


def skin_colored(picture: Pixels, points: Points) -> NDArray[np.bool_]:
    """Which pixels have about the cheeks' color (median and median deviation in LAB)."""
    import cv2

    lab = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2LAB).astype(np.float32)
    cheeks = points[33] + (points[_CHEEKS] - points[33]) * _WAY
    apart = min(float(np.hypot(*_axes(points)[0])), float(len(picture)))
    reach = max(1, round(apart / 10))
    seen = _around(lab, cheeks, reach)
    middle = np.median(seen, axis=0)
    spread = np.maximum(np.median(np.abs(seen - middle), axis=0), _LEAST)
    off = (np.abs(lab - middle) / (spread * _FAR)).max(axis=-1)
    return off < 1


def _around(lab: NDArray[np.float32], places: Points, reach: int) -> NDArray[np.float32]:
    """The pixels (m, 3) within ``reach`` of places, as far as they lie in the picture."""
    at = np.rint(places).astype(int)[:, None] + np.arange(-reach, reach + 1)[None, :, None]
    x, y = (np.clip(at[..., axis], 0, lab.shape[1 - axis] - 1) for axis in (0, 1))
    return lab[y[:, :, None], x[:, None, :]].reshape(-1, 3)


def _fill(labels: Pixels, polygon: NDArray[np.floating], value: int) -> None:
    """Fill in place; coordinates keep a sixteenth of a pixel."""
    import cv2

    fixed = np.rint(np.clip(polygon, -1e4, 1e4) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(labels, [fixed], value, cv2.LINE_8, _SHIFT)

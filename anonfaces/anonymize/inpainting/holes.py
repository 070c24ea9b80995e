"""A face as the generator would frame it, and what of it is taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.paste import Patch, outline, transform
from encoders.resize import enlarged

__all__ = ["SIDE", "Hole", "border_hole", "box_hole", "landmark_hole", "leveled"]

Pixels = NDArray[np.uint8]
Affine = NDArray[np.float64]

SIDE = 256  # px of a frame: dlib's landmarks are good from about 200 on
_NEAR = 0.08  # of the frame: how fast what is kept counts less, away from the hole
_EYES = (slice(36, 42), slice(42, 48))
_FOREHEAD = 0.25  # of the height from chin to brows that a face's box reaches above the brows


@dataclass(frozen=True)
class Hole:
    """A face as the generator would frame it, without its inner part.

    Attributes
    ----------
    picture : float32 (s, s, 3)
        RGB in -1 to 1, 0 where ``weight`` is.
    weight : float32 (s, s, 1)
        How much a pixel must agree: 0 in the hole and outside of the photograph.
    landmark : float32 (68, 2)
        Where the landmarks lie in the frame at 256 px.
    affine : float64 (2, 3)
        From the photograph to the frame at 256 px.
    patch : Patch, optional
        How the filling goes back; None where it is moved onto the landmarks.
    """

    picture: NDArray[np.float32]
    weight: NDArray[np.float32]
    landmark: NDArray[np.float32]
    affine: Affine
    patch: Patch | None = None


def landmark_hole(
    image: Pixels, landmark: NDArray[np.float32], frame: NDArray[np.float32], side: int
) -> Hole | None:
    """The outline of the landmarks taken out; what is beside it counts most."""
    import cv2

    affine = transform(landmark, frame)
    if affine is None:
        return None
    moved = _moved(landmark, affine)
    inner = cv2.fillConvexPoly(np.zeros((SIDE, SIDE), np.uint8), outline(moved), 1)
    away = cv2.distanceTransform(1 - inner, cv2.DIST_L2, 5) / (_NEAR * SIDE)
    return _emptied(image, affine, inner, np.exp(-away).astype(np.float32), moved, side, None)


def border_hole(
    image: Pixels,
    landmark: NDArray[np.float32],
    frame: NDArray[np.float32],
    side: int,
    *,
    border: float,
    blend: str,
) -> Hole | None:
    """A square in the middle of the frame taken out; all of the border counts alike."""
    affine = transform(landmark, frame)
    if affine is None:
        return None
    inner = np.zeros((SIDE, SIDE), np.uint8)
    kept = int(SIDE * border)
    inner[kept : SIDE - kept, kept : SIDE - kept] = 1
    patch = Patch(affine, inner, blend)
    weight = np.ones((SIDE, SIDE), np.float32)
    return _emptied(image, affine, inner, weight, _moved(landmark, affine), side, patch)


def box_hole(
    image: Pixels,
    landmark: NDArray[np.float32],
    candidate: NDArray[np.float32],
    side: int,
    *,
    border: float,
    blend: str,
) -> Hole | None:
    """The face leveled and put into the box of the ``candidate``'s own face; a ring counts.

    ``candidate`` are the landmarks (68, 2) of a sample at 256 px. Both boxes are those of the
    landmarks, so that the two faces are framed alike. The ring is ``border`` of the box at each
    side, inside of it; what is in the ring goes back into the picture.
    """
    turn = leveled(landmark)
    wanted, own = _box(candidate), _box(_moved(landmark, turn))
    size = own[2:] - own[:2]
    if size.min() < 1:
        return None
    scale = (wanted[2:] - wanted[:2]) / size
    affine = turn * scale[:, None]
    affine[:, 2] += wanted[:2] - own[:2] * scale
    outer, inner = (_rectangle(wanted, kept) for kept in (0.0, border))
    patch = Patch(affine, inner, blend)
    weight = (outer > inner).astype(np.float32)
    return _emptied(image, affine, inner, weight, _moved(landmark, affine), side, patch)


def leveled(landmark: NDArray[np.floating]) -> Affine:
    """The turn (2, 3) about the origin after which the eyes lie on one level."""
    left, right = (landmark[eye].mean(axis=0) for eye in _EYES)
    across = (right - left) / max(float(np.hypot(*(right - left))), 1e-6)
    return np.array([[across[0], across[1], 0.0], [-across[1], across[0], 0.0]])


def _box(landmark: NDArray[np.floating]) -> NDArray[np.float64]:
    """Left, top, right, bottom of a face: its landmarks and some forehead."""
    low, high = landmark.min(axis=0), landmark.max(axis=0)
    top = low[1] - _FOREHEAD * (high[1] - low[1])
    return np.array([low[0], top, high[0], high[1]], np.float64)


def _rectangle(box: NDArray[np.float64], border: float) -> Pixels:
    """1 in the box (clipped to the frame) less ``border`` of its size at each side."""
    size = box[2:] - box[:2]
    low, high = box[:2] + border * size, box[2:] - border * size
    (left, top), (right, bottom) = np.rint([low, high]).astype(int).clip(0, SIDE)
    made = np.zeros((SIDE, SIDE), np.uint8)
    made[top:bottom, left:right] = 1
    return made


def _emptied(
    image: Pixels,
    affine: Affine,
    inner: Pixels,
    weight: NDArray[np.float32],
    landmark: NDArray[np.float32],
    side: int,
    patch: Patch | None,
) -> Hole:
    import cv2

    size = (SIDE, SIDE)
    framed = cv2.warpAffine(image, affine, size, flags=cv2.INTER_AREA)
    there = cv2.warpAffine(np.full(image.shape[:2], 1, np.uint8), affine, size) * (1 - inner)
    shrunk = cv2.resize(there * weight, (side, side), interpolation=cv2.INTER_AREA)
    shrunk *= cv2.resize(there, (side, side), interpolation=cv2.INTER_AREA) > 0
    picture = enlarged(framed * there[..., None], side, smooth=True).astype(np.float32) / 127.5 - 1
    seen = (shrunk > 0)[..., None]
    return Hole(picture * seen, shrunk[..., None], landmark, affine, patch)


def _moved(landmark: NDArray[np.floating], affine: Affine) -> NDArray[np.float32]:
    return (landmark @ affine[:, :2].T + affine[:, 2]).astype(np.float32)

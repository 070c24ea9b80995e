"""Putting a face into a picture: moved onto the landmarks, masked, coloured, blended.

Poisson blending: Pérez, Gangnet and Blake, "Poisson image editing", SIGGRAPH 2003.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Donor", "fits", "outline", "paste", "transform"]

Pixels = NDArray[np.uint8]

_BROWS, _NOSE_BASE, _CHIN = slice(17, 27), 33, 8
_EYES = (slice(36, 42), slice(42, 48))
_FOREHEAD = 0.45
_SMALLEST = 6.0
_STRETCH = 2.2
_MARGIN = 0.25
_SPREAD = (0.5, 2.0)
_SEAM, _INSIDE = 0.2, 0.8
_ERODED = 3  # pixels by which seamlessClone shrinks its mask


@dataclass(frozen=True)
class Donor:
    """A face to put in: RGB picture uint8 (s, s, 3) and its landmarks (68, 2)."""

    picture: Pixels
    landmark: NDArray[np.float32]


def fits(landmark: NDArray[np.floating]) -> bool:
    """Whether landmarks (68, 2) are those of a face that one can put another in place of.

    Not where the eyes are one point, or the outline is degenerate.
    """
    left, right = (landmark[eye].mean(0) for eye in _EYES)
    size = np.ptp(landmark, axis=0)
    return bool(
        np.isfinite(landmark).all()
        and np.hypot(*(right - left)) >= _SMALLEST / 2
        and size.min() >= _SMALLEST
        and size.max() <= _STRETCH * size.min()
    )


def outline(landmark: NDArray[np.floating]) -> NDArray[np.int32]:
    """Convex hull int32 (m, 1, 2) of the landmarks and of a forehead above the brows."""
    import cv2

    up = landmark[_BROWS].mean(0) - landmark[_NOSE_BASE]
    forehead = landmark[_BROWS] + _FOREHEAD * up
    points = np.concatenate([landmark, forehead])
    return cv2.convexHull(np.rint(points).astype(np.int32))


def transform(
    source: NDArray[np.floating], target: NDArray[np.floating]
) -> NDArray[np.float64] | None:
    """Affine map (2, 3) of landmarks onto landmarks by least squares.

    It turns the face as the eyes are turned, scales it, and narrows one that looks aside. None
    where that would mirror it or stretch it beyond a face.
    """
    ones = np.ones((len(source), 1))
    solution, *_ = np.linalg.lstsq(np.hstack([source, ones]), target, rcond=None)
    linear = solution[:2].T
    stretch = np.linalg.svd(linear, compute_uv=False)
    if np.linalg.det(linear) <= 0 or stretch[0] > _STRETCH * stretch[1]:
        return None
    return np.ascontiguousarray(solution.T)


def paste(
    image: Pixels, landmark: NDArray[np.floating], donor: Donor, like: Pixels | None = None
) -> Pixels | None:
    """A copy of the picture with ``donor`` in place of the face at ``landmark`` (68, 2).

    Colours are matched to the face in ``like`` (``image`` itself by default). Nothing outside
    of the outline's box changes. A face that the border cuts is completed by reflection, blended
    and cut again. None where the face cannot be replaced.
    """
    if not fits(landmark):
        return None
    hull = outline(landmark)
    room = _room(hull, image.shape)
    affine = transform(donor.landmark, landmark + room.shift)
    if affine is None or room.empty:
        return None
    scene, model = room.cut(image), room.cut(image if like is None else like)
    mask = _mask(hull + room.shift.astype(np.int32), scene.shape[:2])
    face = _coloured(_warped(donor.picture, affine, scene.shape[:2]), model, mask)
    return room.put_back(image, _blended(face, scene, mask), mask)


@dataclass(frozen=True)
class _Room:
    """The part of a picture around an outline, with reflections where it reaches outside."""

    left: int
    top: int
    right: int
    bottom: int
    height: int
    width: int

    @property
    def shift(self) -> NDArray[np.float32]:
        """What is added to the picture's coordinates to get the part's."""
        return np.array([-self.left, -self.top], np.float32)

    @property
    def empty(self) -> bool:
        """Whether the outline lies outside of the picture altogether."""
        return (
            min(self.right, self.width) - max(self.left, 0) < 1
            or min(self.bottom, self.height) - max(self.top, 0) < 1
        )

    def cut(self, image: Pixels) -> Pixels:
        rows = _reflected(np.arange(self.top, self.bottom), self.height)
        columns = _reflected(np.arange(self.left, self.right), self.width)
        return np.ascontiguousarray(image[np.ix_(rows, columns)])

    def put_back(self, image: Pixels, part: Pixels, mask: Pixels) -> Pixels:
        rows = slice(max(self.top, 0), min(self.bottom, self.height))
        columns = slice(max(self.left, 0), min(self.right, self.width))
        inner = (
            slice(rows.start - self.top, rows.stop - self.top),
            slice(columns.start - self.left, columns.stop - self.left),
        )
        made = image.copy()
        made[rows, columns] = np.where(mask[inner][..., None] > 0, part[inner], made[rows, columns])
        return made


def _room(hull: NDArray[np.int32], shape: tuple[int, ...]) -> _Room:
    low, high = hull.reshape(-1, 2).min(0), hull.reshape(-1, 2).max(0)
    margin = int(np.ceil(_MARGIN * (high - low).max())) + 2
    return _Room(*(low - margin), *(high + margin + 1), *shape[:2])


def _reflected(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Positions on a line of ``size`` pixels that is mirrored at both ends, ever on."""
    folded = np.mod(index, 2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)


def _mask(hull: NDArray[np.int32], shape: tuple[int, ...]) -> Pixels:
    import cv2

    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, hull, 255)
    return cv2.dilate(mask, np.ones((2 * _ERODED + 1,) * 2, np.uint8))


def _warped(picture: Pixels, affine: NDArray[np.float64], shape: tuple[int, ...]) -> Pixels:
    """The donor where it is to be, averaged first where it gets smaller."""
    import cv2

    shrink = 1 / max(np.sqrt(abs(np.linalg.det(affine[:, :2]))), 1e-3)
    if shrink > 1.5:
        side = max(8, round(len(picture) / shrink))
        factor = side / len(picture)
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        centre = np.full(2, 0.5 / factor - 0.5)  # of the first pixel, in the larger picture
        offset = affine[:, :2] @ centre + affine[:, 2]
        affine = np.column_stack([affine[:, :2] / factor, offset])
    return cv2.warpAffine(
        picture, affine, shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def _coloured(face: Pixels, model: Pixels, mask: Pixels) -> Pixels:
    """Mean and deviation of each Lab channel within the mask made those of ``model``."""
    import cv2

    labs = [cv2.cvtColor(part, cv2.COLOR_RGB2LAB).astype(np.float32) for part in (face, model)]
    inside = mask > 0
    own, wanted = (lab[inside] for lab in labs)
    scale = np.clip((wanted.std(0) + 1) / (own.std(0) + 1), *_SPREAD)
    matched = (labs[0] - own.mean(0)) * scale + wanted.mean(0)
    return cv2.cvtColor(np.clip(np.rint(matched), 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def _blended(face: Pixels, scene: Pixels, mask: Pixels) -> Pixels:
    """Poisson's seam at the border, the matched colours inside: collars do not bleed into chins."""
    import cv2

    x, y, width, height = cv2.boundingRect(mask)
    centre = (x + width // 2, y + height // 2)
    spare = mask.copy()  # seamlessClone writes into its mask
    cloned = cv2.seamlessClone(face, scene, spare, centre, cv2.NORMAL_CLONE).astype(np.float32)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5) / (_SEAM * max(width, height))
    weight = _INSIDE * np.minimum(inside, 1)[..., None]
    return np.rint(cloned + (face - cloned) * weight).astype(np.uint8)

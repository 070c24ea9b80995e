"""Putting a face into a picture: moved onto the landmarks, masked, and blended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.blend import blended, matched_colour, matched_sharpness, occluders

__all__ = ["Patch", "SourceFace", "fits", "outline", "paste", "transform"]

Pixels = NDArray[np.uint8]

_BROWS, _NOSE_BASE = slice(17, 27), 33
_EYES = (slice(36, 42), slice(42, 48))
_ABOVE = 0.25  # of the height from nose to brows: what is above is hair or skin that stays
_SMALLEST = 6.0
_STRETCH = 2.2
_MARGIN = 0.25
#: In sizes of the outline: how far a landmark bends what is around it, and the mask's margin.
_BENT, _OUTER = 0.1, 0.015
_ERODED = 3  # pixels by which seamlessClone shrinks its mask
#: In sizes of the source's face: how far a landmark is bent at most.
_MOST_BENT = 0.12
_HELD, _NODES = 0.2, 48


@dataclass(frozen=True)
class Patch:
    """A part of a square picture that goes into a photograph as it is.

    Attributes:
        affine: float64 (2, 3), from the photograph to the square.
        mask: uint8 (s, s), not 0 where the square goes in.
        blend: "poisson", or "raw": the pixels themselves.
    """

    affine: NDArray[np.float64]
    mask: Pixels
    blend: str


@dataclass(frozen=True)
class SourceFace:
    """A face to put in: RGB picture uint8 (s, s, 3) and its landmarks (68, 2).

    With a ``patch`` a part of the picture goes in as it lies; else its landmarks are moved onto
    those of the face that was there.
    """

    picture: Pixels
    landmark: NDArray[np.float32]
    patch: Patch | None = None


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
    """Convex hull int32 (m, 1, 2) of the landmarks, with the brows in it and no forehead."""
    import cv2

    up = landmark[_BROWS].mean(0) - landmark[_NOSE_BASE]
    above = landmark[_BROWS] + _ABOVE * up
    points = np.concatenate([landmark, above])
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
    image: Pixels,
    landmark: NDArray[np.floating],
    source_face: SourceFace,
    like: Pixels | None = None,
) -> Pixels | None:
    """A copy of the picture with ``source_face`` in place of the face at ``landmark`` (68, 2).

    Colours and sharpness are matched to the face in ``like`` (``image`` itself by default), and
    what lies over that face stays, where its colour tells it from skin. Nothing outside
    of the outline's box changes. A face that the border cuts is completed by reflection, blended
    and cut again. None where the face cannot be replaced.
    """
    if not fits(landmark):
        return None
    if source_face.patch is not None:
        return _patched(image, source_face.picture, source_face.patch)
    hull = outline(landmark)
    room = _room(hull, image.shape)
    affine = transform(source_face.landmark, landmark + room.shift)
    if affine is None or room.empty:
        return None
    scene, model = room.cut(image), room.cut(image if like is None else like)
    size = float(np.ptp(hull.reshape(-1, 2), axis=0).max())
    mask = _mask(hull + room.shift.astype(np.int32), scene.shape, round(_OUTER * size))
    mask[occluders(model, landmark + room.shift, mask)] = 0
    face = _warped(source_face, landmark + room.shift, affine, scene.shape, size)
    face = matched_sharpness(face, model, mask, size)
    face = matched_colour(face, model, mask, landmark + room.shift, size)
    return room.put_back(image, blended(face, scene, mask, size), mask)


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
        result = image.copy()
        result[rows, columns] = np.where(
            mask[inner][..., None] > 0, part[inner], result[rows, columns]
        )
        return result


def _room(hull: NDArray[np.int32], shape: tuple[int, ...]) -> _Room:
    low, high = hull.reshape(-1, 2).min(0), hull.reshape(-1, 2).max(0)
    margin = int(np.ceil(_MARGIN * (high - low).max())) + 2
    return _Room(*(low - margin), *(high + margin + 1), *shape[:2])


def _patched(image: Pixels, picture: Pixels, patch: Patch) -> Pixels | None:
    """A copy of the photograph with the patch in it; None where it lies outside."""
    import cv2

    back = cv2.invertAffineTransform(patch.affine)
    corners = np.argwhere(patch.mask)[:, ::-1]
    low, high = corners.min(axis=0), corners.max(axis=0) + 1
    square = np.array([[low[0], low[1]], [high[0], low[1]], high, [low[0], high[1]]])
    room = _room(np.rint(square @ back[:, :2].T + back[:, 2]).astype(np.int32), image.shape)
    if room.empty:
        return None
    to_square = patch.affine.copy()
    to_square[:, 2] -= to_square[:, :2] @ room.shift
    scene = room.cut(image)
    size, inverse = scene.shape[1::-1], cv2.WARP_INVERSE_MAP
    to_room = cv2.invertAffineTransform(to_square)
    way = cv2.INTER_AREA if abs(np.linalg.det(to_square[:, :2])) > 1 else cv2.INTER_CUBIC
    face = cv2.warpAffine(picture, to_room, size, flags=way, borderMode=cv2.BORDER_REFLECT)
    mask = cv2.warpAffine(patch.mask * 255, to_square, size, flags=inverse | cv2.INTER_LINEAR)
    mask = np.where(mask > 127, 255, 0).astype(np.uint8)
    if not mask.any():
        return None
    made = face if patch.blend == "raw" else _cloned(face, scene, mask)
    return room.put_back(image, made, mask)


def _cloned(face: Pixels, scene: Pixels, mask: Pixels) -> Pixels:
    """Poisson's seam: the gradients of ``face``, the colors of ``scene`` at the mask's border."""
    import cv2

    spare = _grown(mask, _ERODED)
    x, y, width, height = cv2.boundingRect(spare)
    centre = (x + width // 2, y + height // 2)
    return cv2.seamlessClone(face, scene, spare, centre, cv2.NORMAL_CLONE)


def _reflected(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Positions on a line of ``size`` pixels that is mirrored at both ends, ever on."""
    folded = np.mod(index, 2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)


def _mask(hull: NDArray[np.int32], shape: tuple[int, ...], outer: int) -> Pixels:
    import cv2

    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, hull, 255)
    return _grown(mask, outer)


def _grown(mask: Pixels, pixels: int) -> Pixels:
    import cv2

    return cv2.dilate(mask, np.ones((2 * pixels + 1,) * 2, np.uint8))


def _warped(
    source_face: SourceFace,
    landmark: NDArray[np.floating],
    affine: NDArray[np.float64],
    shape: tuple[int, ...],
    size: float,
) -> Pixels:
    """The source where it is to be, its landmarks bent onto those that are there.

    Averaged first where it gets smaller. ``affine`` maps its pixels to those of the part.
    """
    import cv2

    back = cv2.invertAffineTransform(affine)
    off = _capped(source_face.landmark - (landmark @ back[:, :2].T + back[:, 2]), source_face)
    here = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in shape[1::-1]))
    at = np.stack(here, axis=-1) @ back[:, :2].T.astype(np.float32) + back[:, 2].astype(np.float32)
    at += _bend(landmark, off, shape, _BENT * size)
    shrink = 1 / max(np.sqrt(abs(np.linalg.det(affine[:, :2]))), 1e-3)
    picture = source_face.picture
    if shrink > 1.5:
        side = max(8, round(len(picture) / shrink))
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    at = (at + np.float32(0.5)) * np.float32(len(picture) / len(source_face.picture)) - np.float32(
        0.5
    )
    return cv2.remap(picture, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _capped(off: NDArray[np.floating], source_face: SourceFace) -> NDArray[np.floating]:
    """Offsets (68, 2) in the source's pixels, none longer than an eighth of its face."""
    most = _MOST_BENT * float(np.ptp(source_face.landmark, axis=0).max())
    length = np.hypot(*off.T)[:, None]
    return off * np.minimum(most / np.maximum(length, 1e-6), 1)


def _bend(
    points: NDArray[np.floating],
    off: NDArray[np.floating],
    shape: tuple[int, ...],
    reach: float,
) -> NDArray[np.float32]:
    """A smooth field (height, width, 2) that is about ``off`` at ``points`` and 0 far away.

    It is found at 48 x 48 nodes and interpolated.
    """
    import cv2

    x, y = ((np.arange(_NODES) + 0.5) * side / _NODES - 0.5 for side in shape[1::-1])
    away = (
        np.square(x[:, None] - points[:, 0])[None] + np.square(y[:, None] - points[:, 1])[:, None]
    )
    weight = np.exp(away / (-2 * reach**2))
    field = weight @ off / (weight.sum(axis=-1, keepdims=True) + _HELD)
    return cv2.resize(field.astype(np.float32), shape[1::-1], interpolation=cv2.INTER_LINEAR)

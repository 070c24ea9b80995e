"""Making a face that is put in look as if it had been there: sharpness, colour, what lies over it.

Poisson blending: Pérez, Gangnet and Blake, "Poisson image editing", SIGGRAPH 2003.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["blended", "matched_colour", "matched_sharpness", "occluders"]

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

# In sizes of the outline: where light is taken over, how soft the seam is.
_LIGHT, _SOFT = 0.15, 0.06
#: Pixels of a mask from which a plane is laid through it, and how many of them tell of it.
_LEAST_PLANE, _SAMPLED = 30, 4000
#: Part of the outline that is skin, without eyes, brows and mouth, at least.
_LEAST_SKIN = 0.2
#: By how much the contrast of the face's lightness may change, and that of its colours.
_SPREAD, _TINT = (0.6, 1.0), (0.3, 1.0)
#: Part of the detail in colour that skin and eyes keep; lips keep all.
_PALE = 0.4
#: In sizes of the outline: how far Poisson's seam reaches, and how much of it is gone there. At
#: the rim it takes its light from hair and wall, and cheeks lie at a tenth.
_SEAM, _INSIDE = 0.1, 0.9
_ERODED = 3  # pixels by which seamlessClone shrinks its mask
#: Pixels: detail finer than this is what makes a picture sharp.
_FINE = 1.5
#: How much sharper than the face before a face may be.
_SHARPER = 1.1
#: Blurs that are tried, in pixels, up to this part of the outline's size.
_BLURS, _WIDEST = 8, 0.06
#: Distance in standard deviations from the colours of the middle of the face, from which a pixel
#: is hair or a thing before it; and the part of the outline that such things take at most.
_FOREIGN, _MOST = 5.0, 0.15
#: The same distance from which a pixel tells nothing of the light on the face, and the part of
#: the skin that must be left.
_HAIR, _LEAST_OF_SKIN = 3.5, 0.3
#: Standard deviation that a colour of skin has at least, of 255: light varies over a face.
_SKIN = 9.0
_NOSE, _CHEEKS = slice(27, 36), ([1, 2, 3, 13, 14, 15], 33)
_LIPS = (slice(48, 60),)
_EYES_BROWS_MOUTH = (slice(17, 22), slice(22, 27), slice(36, 42), slice(42, 48), *_LIPS)
_MOUTH_TOP = 51


def matched_sharpness(face: Pixels, model: Pixels, mask: Pixels, size: float) -> Pixels:
    """The face no sharper than the one in ``model``, as far as both lie in the mask.

    What is finer than 1.5 pixels is compared: its spread falls with every blur, so the weakest
    blur that brings the face down to the model's is taken.
    """
    import cv2

    inside = mask > 0
    wanted = _SHARPER * _fineness(model, inside)
    if _fineness(face, inside) <= wanted:
        return face
    result = face
    for sigma in np.geomspace(0.5, max(_WIDEST * size, 0.6), _BLURS):
        result = cv2.GaussianBlur(face, (0, 0), float(sigma))
        if _fineness(result, inside) <= wanted:
            break
    return result


def _fineness(image: Pixels, inside: Mask) -> float:
    """Standard deviation of what is finer than 1.5 pixels in the lightness, where ``inside``."""
    import cv2

    light = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = light - cv2.GaussianBlur(light, (0, 0), _FINE)
    return float(fine[inside].std()) if inside.any() else 0.0


def matched_colour(
    face: Pixels, model: Pixels, mask: Pixels, landmark: NDArray[np.floating], size: float
) -> Pixels:
    """The light and the tone of ``model`` on the detail of ``face``.

    Both are split by a blur of the skin within the mask: what is coarser than a seventh of the
    face comes from the model, what is finer from the face, with no more contrast than the model
    has. That of the colours is lowered but on the lips: what a generator draws there is blotches
    on skin and purple eyes. Hair and wall beside the face have no part in it, nor have eyes, brows
    and mouth, at ``landmark`` (68, 2) in both: teeth would shine through, and the dark of eyes and
    glasses.
    """
    import cv2

    inside = mask > 0
    skin = inside & ~_features(landmark, mask.shape)
    inside = skin if skin.sum() >= _LEAST_SKIN * inside.sum() else inside
    parts = [cv2.cvtColor(part, cv2.COLOR_RGB2YCrCb).astype(np.float32) for part in (face, model)]
    lit = [_skin_alone(part, landmark, inside) for part in (face, model)]
    coarse = [_blurred(part, own, _LIGHT * size) for part, own in zip(parts, lit, strict=True)]
    own, wanted = (
        (part - base)[inside].std(axis=0) for part, base in zip(parts, coarse, strict=True)
    )
    low, high = np.array([_SPREAD, _TINT, _TINT]).T
    contrast = np.clip((wanted + 1) / (own + 1), low, high).astype(np.float32)
    dimmer = np.clip(coarse[1][..., :1] / np.maximum(coarse[0][..., :1], 1), 0, 1)
    gain = contrast * dimmer  # less light has less colour in it
    gain[..., 0] = np.minimum(contrast[0], dimmer[..., 0])  # and no eye darker than none
    detail = (parts[0] - coarse[0]) * gain
    lips = _features(landmark, mask.shape, _LIPS).astype(np.float32)
    lips = cv2.GaussianBlur(lips, (0, 0), max(0.02 * size, 0.5))
    detail[..., 1:] *= (_PALE + (1 - _PALE) * lips)[..., None]
    matched = detail + coarse[1]
    return cv2.cvtColor(np.clip(np.rint(matched), 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)


def _skin_alone(image: Pixels, landmark: NDArray[np.floating], inside: Mask) -> Mask:
    """Of ``inside`` what is of the colours of nose and cheeks, where that is enough of it.

    A fringe over the brow would darken the eyes below it.
    """
    import cv2

    lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab).astype(np.float32)
    skin = _skin(lab, landmark)
    if skin is None:
        return inside
    mean, spread = skin
    alone = inside & (np.square((lab - mean) / spread).sum(axis=2) <= _HAIR**2)
    return alone if alone.sum() >= _LEAST_OF_SKIN * inside.sum() else inside


def occluders(scene: Pixels, landmark: NDArray[np.floating], mask: Pixels) -> Mask:
    """Where hair, a hat or a thing lies over the face, bool (height, width).

    What differs in colour from nose and cheeks, is joined to the border of the mask, and lies
    above the mouth and away from eyes, brows and mouth. Nothing where that would be much of the
    face: it is shade then, or a beard, and no thing.
    """
    import cv2

    inside = mask > 0
    nothing = np.zeros(mask.shape, bool)
    lab = cv2.cvtColor(scene, cv2.COLOR_RGB2Lab).astype(np.float32)
    skin = _skin(lab, landmark)
    if skin is None:
        return nothing
    mean, spread = skin
    foreign = (np.square((lab - mean) / spread).sum(axis=2) > _FOREIGN**2) & inside
    foreign &= ~_features(landmark, mask.shape)
    foreign[max(round(float(landmark[_MOUTH_TOP, 1])), 0) :] = False
    _, label = cv2.connectedComponents(cv2.morphologyEx(
        foreign.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
    ))  # fmt: skip
    rim = inside & (cv2.erode(mask, np.ones((5, 5), np.uint8)) == 0)
    joined = np.isin(label, np.setdiff1d(label[rim], [0])) & (label > 0)
    return joined if joined.sum() <= _MOST * inside.sum() else nothing


def _skin(
    lab: NDArray[np.float32], landmark: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Mean and spread (3,) of the colours of nose and cheeks; None where they lie outside."""
    sides, nose = _CHEEKS
    points = np.concatenate([landmark[_NOSE], (landmark[sides] + landmark[nose]) / 2])
    column, row = np.rint(points).astype(int).T
    within = (row >= 0) & (row < lab.shape[0]) & (column >= 0) & (column < lab.shape[1])
    if within.sum() < len(points) / 2:
        return None
    colours = lab[row[within], column[within]]
    mean = np.median(colours, axis=0)
    spread = 1.5 * np.median(np.abs(colours - mean), axis=0)
    return mean, np.maximum(spread, [2 * _SKIN, _SKIN, _SKIN]).astype(np.float32)


def _features(
    landmark: NDArray[np.floating],
    shape: tuple[int, ...],
    parts: tuple[slice, ...] = _EYES_BROWS_MOUTH,
) -> Mask:
    """Eyes, brows and mouth with a margin, or the ``parts`` of these that are given."""
    import cv2

    result = np.zeros(shape[:2], np.uint8)
    for part in parts:
        cv2.fillConvexPoly(result, cv2.convexHull(np.rint(landmark[part]).astype(np.int32)), 1)
    margin = max(1, round(0.05 * float(np.ptp(landmark[:, 0]))))
    return cv2.dilate(result, np.ones((2 * margin + 1,) * 2, np.uint8)) > 0


def _blurred(part: NDArray[np.float32], inside: Mask, sigma: float) -> NDArray[np.float32]:
    """A Gaussian blur float32 (height, width, 3) of what is ``inside``, going on outside of it.

    A plane is taken off first and put back, so that light from one side is kept up to the rim.
    """
    import cv2

    plane = _plane(part, inside)
    part = part - plane
    step = max(1.0, sigma / 4)  # of so smooth a picture a small one tells all
    small = tuple(max(1, round(side / step)) for side in part.shape[1::-1])
    weighted = np.dstack([part * inside[..., None], inside.astype(np.float32)])
    weighted = cv2.resize(weighted, small, interpolation=cv2.INTER_AREA)
    weighted = cv2.GaussianBlur(weighted, (0, 0), sigma / step)
    mean = weighted[..., :3] / np.maximum(weighted[..., 3:], 1e-4)
    return cv2.resize(mean, part.shape[1::-1], interpolation=cv2.INTER_LINEAR) + plane


def _plane(part: NDArray[np.float32], inside: Mask) -> NDArray[np.float32]:
    """The plane float32 (height, width, 3) that lies nearest to what is ``inside``."""
    row, column = np.nonzero(inside)
    if len(row) < _LEAST_PLANE:
        return np.zeros_like(part)
    some = slice(None, None, max(1, len(row) // _SAMPLED))
    row, column = row[some], column[some]
    known = np.stack([np.ones(len(row)), column, row], axis=1)
    (level, across, down), *_ = np.linalg.lstsq(known, part[row, column], rcond=None)
    x, y = (np.arange(side)[:, None] for side in part.shape[1::-1])
    return (level + (x * across)[None] + (y * down)[:, None]).astype(np.float32)


def blended(face: Pixels, scene: Pixels, mask: Pixels, size: float) -> Pixels:
    """Poisson's seam at the border, the matched colours inside, and all of it fading in.

    So that neither a collar bleeds into the chin nor an edge is to be seen.
    """
    import cv2

    spare = cv2.dilate(mask, np.ones((2 * _ERODED + 1,) * 2, np.uint8))
    x, y, width, height = cv2.boundingRect(spare)
    centre = (x + width // 2, y + height // 2)
    cloned = cv2.seamlessClone(face, scene, spare, centre, cv2.NORMAL_CLONE).astype(np.float32)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)[..., None] / size
    result = cloned + (face - cloned) * (_INSIDE * np.minimum(depth / _SEAM, 1))
    soft = np.minimum(depth / _SOFT, 1)
    return np.rint(scene + (result - scene) * (soft * soft * (3 - 2 * soft))).astype(np.uint8)

"""Landmarks, and aligned crops (chips) made from them.

Which alignment made a chip matters: the dlib vectors of the 5-point and of the 68-point chip of
one face lie about 0.16 apart. So every alignment has a name, which is kept with the vectors:

``dlib-5-150-0.25``  dlib's own crop from 5 landmarks, 150 px, padding 0.25, bit for bit the one
    that ``face_recognition`` makes
``ffhq-68-256``  upright crop of the whole head from 68 landmarks, as FFHQ was made
``mtcnn-160-32``  the box that MTCNN would draw, with a margin of 32 of the 160 px, not rotated
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from encoders.models import shape_predictor

__all__ = [
    "align",
    "align_dlib5",
    "align_ffhq",
    "align_mtcnn",
    "ffhq_landmarks",
    "ffhq_square",
    "find_landmarks",
]

Pixels = NDArray[np.uint8]

_LEFT_EYE = slice(36, 42)
_RIGHT_EYE = slice(42, 48)
_MOUTH = (48, 54)
_SMALLEST_SIDE = 4.0
_RIM = 0.03
_BLUR = 0.02  # in sides of the chip
# MTCNN's box around a face whose dlib HOG box has side 1, measured on LFW.
_MTCNN_WIDTH = 0.870
_MTCNN_HEIGHT = 1.170
_MTCNN_LOWER = -0.083


def find_landmarks(image: Pixels, box: NDArray[np.integer]) -> NDArray[np.float32]:
    """Find the 68 landmarks of a face.

    Parameters
    ----------
    image : uint8 (height, width, 3)
        RGB.
    box : int (4,)
        Left, top, right, bottom of the face, in pixels.

    Returns
    -------
    float32 (68, 2)
        x and y in pixels, iBUG 300-W numbering.

    References
    ----------
    V. Kazemi, J. Sullivan, "One millisecond face alignment with an ensemble of regression trees",
    CVPR 2014.
    """
    shape = shape_predictor(68)(image, _rectangle(box))
    return np.array([(point.x, point.y) for point in shape.parts()], np.float32)


def align(
    image: Pixels,
    box: NDArray[np.integer],
    landmark: NDArray[np.float32],
    alignment: str,
    size: int,
) -> Pixels:
    """Cut a chip by the name of its alignment.

    Parameters
    ----------
    image : uint8 (height, width, 3)
        RGB, the upright photograph.
    box : int (4,)
        Left, top, right, bottom of the face, in pixels.
    landmark : float32 (68, 2)
        Its landmarks, in pixels.
    alignment : str
        ``dlib-5-SIZE-PADDING``, ``ffhq-68-SIZE`` or ``mtcnn-SIZE-MARGIN``, see the top of this
        module.
    size : int
        Side of the chip in pixels.

    Returns
    -------
    uint8 (size, size, 3)
        The chip, RGB.

    Raises
    ------
    InputError
        There is no such alignment.
    """
    family, _, rest = alignment.partition("-")
    try:
        last = float(rest.rsplit("-", 1)[-1])
    except ValueError:
        last = 0.0
    if family == "dlib" and rest.startswith("5-"):
        return align_dlib5(image, box, size, last)
    if family == "ffhq" and rest.startswith("68-"):
        return align_ffhq(image, landmark, size)
    if family == "mtcnn":
        return align_mtcnn(image, box, size, int(last))
    raise InputError(f"there is no alignment {alignment!r}: dlib-5, ffhq-68 and mtcnn are known")


def align_dlib5(
    image: Pixels, box: NDArray[np.integer], size: int = 150, padding: float = 0.25
) -> Pixels:
    """Cut dlib's chip from 5 landmarks, of which ``face_recognition`` makes its vectors.

    ``box`` is the detector's and may reach outside of the photograph, as ``face_recognition``
    takes it.
    """
    import dlib

    return dlib.get_face_chip(image, shape_predictor(5)(image, _rectangle(box)), size, padding)


def align_mtcnn(
    image: Pixels, box: NDArray[np.integer], size: int = 160, margin: int = 0
) -> Pixels:
    """Cut MTCNN's box plus ``margin`` of the ``size`` pixels, and resize it.

    The training photographs of FaceNet were cut so. The box is not square, and the chip is
    stretched as they were.
    """
    import cv2

    left, top, right, bottom = (float(edge) for edge in box)
    side = max(right - left, 1.0)
    centre = np.array([(left + right) / 2, (top + bottom) / 2 + _MTCNN_LOWER * side])
    half = np.array([_MTCNN_WIDTH, _MTCNN_HEIGHT]) * side / 2 * size / max(size - margin, 1)
    limit = np.array([image.shape[1], image.shape[0]])
    first = np.clip(np.round(centre - half), 0, limit - 1).astype(int)
    last = np.clip(np.round(centre + half), first + 1, limit).astype(int)
    crop = np.ascontiguousarray(image[first[1] : last[1], first[0] : last[0]])
    shrinks = min(crop.shape[:2]) > size
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA if shrinks else 2)


def align_ffhq(image: Pixels, landmark: NDArray[np.float32], size: int = 256) -> Pixels:
    """Cut the whole head upright, as in Flickr-Faces-HQ, uint8 (size, size, 3).

    FFHQ fills what lies outside of the photograph with its reflection, blurred and fading to the
    median color. Around a photograph of little more than a face, that makes a frame of skin. Here
    the colors at the border spread outwards instead, ever smoother (``_spread``).

    References
    ----------
    T. Karras, S. Laine, T. Aila, "A style-based generator architecture for generative adversarial
    networks", CVPR 2019.
    """
    centre, right = ffhq_square(landmark)
    image, centre, right = _shrink(image, centre, right, size)
    oversampled = 2 if 2 * np.hypot(*right) / size > 1.25 else 1
    chip = _warp(image, centre, right, size * oversampled)
    if oversampled > 1:
        import cv2

        chip = cv2.resize(chip, (size, size), interpolation=cv2.INTER_AREA)
    return _soften(chip, _depth(image, centre, right, size))


def _rectangle(box: NDArray[np.integer]) -> object:
    import dlib

    return dlib.rectangle(*(int(edge) for edge in box))


def ffhq_square(landmark: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre of FFHQ's crop (..., 2), and the vector from there to the middle of its right side.

    ``landmark`` is (..., 68, 2), of one face or of many.
    """
    points = landmark.astype(np.float64)
    left_eye = points[..., _LEFT_EYE, :].mean(-2)
    right_eye = points[..., _RIGHT_EYE, :].mean(-2)
    eyes, mouth = (left_eye + right_eye) / 2, points[..., list(_MOUTH), :].mean(-2)
    across, down = right_eye - left_eye, mouth - eyes
    right = across + np.stack([down[..., 1], -down[..., 0]], axis=-1)
    length = _length(right)
    right = np.where(length > 0, right / np.where(length > 0, length, 1), [1.0, 0.0])
    half = np.maximum(np.maximum(2.0 * _length(across), 1.8 * _length(down)), _SMALLEST_SIDE / 2)
    return eyes + 0.1 * down, right * half


def ffhq_landmarks(
    landmark: NDArray[np.float32], size: int, aligned_by: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """The landmarks (..., 68, 2) of photographs, in pixels of the chips ``align_ffhq`` made.

    ``aligned_by`` are those that it was given, where these are others of the same faces.
    """
    centre, right = ffhq_square(landmark if aligned_by is None else aligned_by)
    down = np.stack([-right[..., 1], right[..., 0]], axis=-1)
    off = landmark - (centre + (right + down) * (1 / size - 1))[..., None, :]
    axes = np.stack([right, down], axis=-1)
    square = np.square(right).sum(axis=-1)[..., None, None]
    return (off @ axes * size / (2 * square)).astype(np.float32)


def _length(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hypot(vector[..., :1], vector[..., 1:])


def _shrink(
    image: Pixels, centre: NDArray[np.float64], right: NDArray[np.float64], size: int
) -> tuple[Pixels, NDArray[np.float64], NDArray[np.float64]]:
    """Average whole blocks of pixels first where the crop is at least twice the chip."""
    import cv2

    factor = int(min(2 * np.hypot(*right) // size, *image.shape[:2]))
    if factor < 2:
        return image, centre, right
    height, width = (side // factor for side in image.shape[:2])
    whole = image[: height * factor, : width * factor]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return small, (centre + 0.5) / factor - 0.5, right / factor


def _to_photograph(
    centre: NDArray[np.float64], right: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Affine map (2, 3) from a chip's pixel to the photograph's, centres on whole numbers."""
    down = np.array([-right[1], right[0]])
    origin = centre + (right + down) * (1 / size - 1)
    return np.stack([2 * right / size, 2 * down / size, origin], axis=1)


def _warp(
    image: Pixels, centre: NDArray[np.float64], right: NDArray[np.float64], size: int
) -> Pixels:
    import cv2

    return cv2.warpAffine(
        image,
        _to_photograph(centre, right, size),
        (size, size),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )


def _depth(
    image: Pixels, centre: NDArray[np.float64], right: NDArray[np.float64], size: int
) -> NDArray[np.float32]:
    """How far inside of the photograph each pixel of the chip lies, in sides of the chip."""
    chip = _to_photograph(centre, right, size).astype(np.float32)
    column, row = np.meshgrid(*[np.arange(size, dtype=np.float32)] * 2)
    x = chip[0, 0] * column + chip[0, 1] * row + chip[0, 2]
    y = chip[1, 0] * column + chip[1, 1] * row + chip[1, 2]
    inside_x = np.minimum(x, image.shape[1] - 1 - x)
    inside_y = np.minimum(y, image.shape[0] - 1 - y)
    return np.minimum(inside_x, inside_y) / np.float32(2 * np.hypot(*right))


def _soften(chip: Pixels, depth: NDArray[np.float32]) -> Pixels:
    """The chip with what is not in the photograph, and its very rim, spread from what is."""
    import cv2

    known = np.clip(depth / np.float32(_RIM), 0, 1)
    if known.min() == 1 or not known.any():
        return chip
    sharp = chip.astype(np.float32)
    beyond = cv2.GaussianBlur(_spread(sharp, known), (0, 0), _BLUR * len(chip))
    return np.rint(beyond + (sharp - beyond) * known[..., None]).astype(np.uint8)


def _spread(colour: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours (h, w, 3) where they are ``known`` (h, w; 1 if fully), and their means around.

    Where nothing is known, what a picture of half the size has there; of that again where
    nothing is known there: S. J. Gortler et al., "The lumigraph", SIGGRAPH 1996, pull and push.
    """
    import cv2

    if len(known) == 1:
        return colour
    half = (len(known) + 1) // 2
    weighted = np.dstack([colour * known[..., None], known])
    small = cv2.resize(weighted, (half, half), interpolation=cv2.INTER_AREA)
    mean = small[..., :3] / np.maximum(small[..., 3:], np.float32(1e-6))
    below = _spread(mean, np.minimum(2 * small[..., 3], 1))
    around = cv2.resize(below, known.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return around + (colour - around) * known[..., None]

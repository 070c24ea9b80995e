"""How a generator frames its faces, beside the chips of photographs.

A generator's images are cropped like its training images. The one that ships shows the face more
closely than the FFHQ-aligned chips of a FaceSet. The places of the FFHQ square and of dlib's chip
in its images are measured once, on its own samples, and hold for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from encoders.detect import portrait_detector
from encoders.resize import enlarged

__all__ = ["CropAlignment", "CropSquare", "estimate_alignment", "resampling"]

Pixels = NDArray[np.uint8]

LOOKED_AT = 256
_ENOUGH = 20
_NEARLY = 0.03
_PLACES = 5


@dataclass(frozen=True)
class CropSquare:
    """An upright square of an image: center and side, in sides of the image."""

    x: float = 0.5
    y: float = 0.5
    side: float = 1.0

    def inverse(self) -> CropSquare:
        """The picture as a square of what this square cuts out."""
        x, y = (0.5 - (at - 0.5) / self.side for at in (self.x, self.y))
        return CropSquare(x, y, 1 / self.side)

    def within(self, outer: CropSquare) -> CropSquare:
        """This square of what ``outer`` cuts out, as a square of the whole picture."""
        x, y = (
            there + (here - 0.5) * outer.side
            for here, there in ((self.x, outer.x), (self.y, outer.y))
        )
        return CropSquare(x, y, self.side * outer.side)

    def cut(self, pictures: Pixels, size: int) -> Pixels:
        """The square out of pictures (n, s, s, 3), as uint8 (n, size, size, 3).

        What lies outside of a picture is its reflection.
        """
        frames = [self._cut(picture, size) for picture in pictures]
        return np.stack(frames) if frames else np.empty((0, size, size, 3), np.uint8)

    def points(self, points: NDArray[np.floating], side: int, size: int) -> NDArray[np.float32]:
        """Points (..., 2) of a picture of ``side`` px, in pixels of what ``cut`` makes of it."""
        corner = np.array([self.x, self.y]) - self.side / 2
        share = (np.asarray(points, np.float64) + 0.5) / side
        return ((share - corner) / self.side * size - 0.5).astype(np.float32)

    def _cut(self, picture: Pixels, size: int) -> Pixels:
        import cv2

        pixels = self.side * len(picture)
        finer = size * max(1, round(pixels / size))
        scale = pixels / finer
        corner = (np.array([self.x, self.y]) - self.side / 2) * len(picture) + scale / 2 - 0.5
        to_picture = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
        cut = cv2.warpAffine(
            np.ascontiguousarray(picture),
            to_picture,
            (finer, finer),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        return cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class CropAlignment:
    """Where the FFHQ square and dlib's 5-point chip lie in a generator's images."""

    ffhq: CropSquare
    dlib: CropSquare

    def from_ffhq(self, chips: Pixels, size: int) -> Pixels:
        """FFHQ-aligned chips uint8 (n, s, s, 3), framed as the generator's pictures."""
        return self.ffhq.inverse().cut(chips, size)

    def to_ffhq(self, pictures: Pixels, size: int) -> Pixels:
        """A generator's pictures as FFHQ-aligned chips; what they lack is reflected."""
        return self.ffhq.cut(pictures, size)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, rounded."""
        return {
            name: {k: round(v, _PLACES) for k, v in square.items()}
            for name, square in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What ``to_json`` made. ``ValueError`` or ``TypeError`` for anything else."""
        squares = {name: CropSquare(**values[name]) for name in ("ffhq", "dlib")}
        for square in squares.values():
            numbers = np.array([square.x, square.y, square.side], float)
            if not np.isfinite(numbers).all() or not 0.01 < square.side < 100:
                raise ValueError(f"{square} is not a square of an image")
        return cls(**squares)


def estimate_alignment(pictures: Pixels) -> CropAlignment:
    """The framing of faces uint8 (n, s, s, 3), as the median over those that dlib finds.

    Raises
    ------
    InputError
        Dlib finds a single face in fewer than 20 of the pictures.
    """
    found = [square for picture in pictures if (square := _squares(picture)) is not None]
    if len(found) < _ENOUGH:
        raise InputError(
            f"dlib finds a face in {len(found)} of {len(pictures)} pictures: expected at least"
            f" {_ENOUGH}, to see how the faces are framed"
        )
    ffhq, dlib = np.median(np.array(found), axis=0)
    if np.abs(ffhq - [0.5, 0.5, 1]).max() < _NEARLY:
        ffhq = np.array([0.5, 0.5, 1])
    return CropAlignment(CropSquare(*map(float, ffhq)), CropSquare(*map(float, dlib)))


def _squares(picture: Pixels) -> list[list[float]] | None:
    import dlib

    from encoders.align import ffhq_square, find_landmarks
    from encoders.models import shape_predictor

    large = enlarged(picture, LOOKED_AT, smooth=True)
    boxes = portrait_detector()(large)
    if len(boxes) != 1:
        return None
    centre, right = ffhq_square(find_landmarks(large, boxes[0]))
    ffhq = [centre[0] + 0.5, centre[1] + 0.5, 2 * np.hypot(*right)]
    shape = shape_predictor(5)(large, dlib.rectangle(*map(int, boxes[0])))
    chip = dlib.get_face_chip_details(shape, 150, 0.25).rect
    middle = chip.dcenter()
    return [
        [number / LOOKED_AT for number in square]
        for square in (ffhq, [middle.x + 0.5, middle.y + 0.5, chip.width()])
    ]


def resampling(size: int, square: CropSquare, axis: str, output: int) -> NDArray[np.float32]:
    """Make the matrix float32 (output, size) that cuts ``square`` along ``axis`` ("x" or "y").

    The cut is linear. One matrix for the rows and one for the columns make it two products, so it
    has a gradient. What lies outside of the image is black, as in dlib. A cut that shrinks is an
    average.
    """
    finer = max(1, round(square.side * size / output))
    start = (getattr(square, axis) - square.side / 2) * size
    at = start + (np.arange(output * finer) + 0.5) * square.side * size / (output * finer) - 0.5
    inside = (at > -0.5) & (at < size - 0.5)
    distance = np.abs(np.clip(at, 0, size - 1)[:, None] - np.arange(size))
    weight = np.maximum(0, 1 - distance) * inside[:, None]
    return weight.reshape(output, finer, size).mean(axis=1).astype(np.float32)

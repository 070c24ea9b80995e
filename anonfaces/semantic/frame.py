"""How the semantic generator frames a face, and pictures and label maps cropped alike.

A crop is an upright square from hairline to chin, set by eyes and mouth as FFHQ's is, the very one
that the generator frames its faces by: the recognizer sees it at a fixed place then, also with a
gradient. (SDGAN's crop, by the inner corners of the eyes, grows and shrinks as a head turns.)
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoders.align import align_ffhq, ffhq_landmarks
from encoders.frame import CropSquare
from encoders.parsing import CLASSES, label_map, load_parser
from encoders.parsing.parser import FRAME
from encoders.parsing.parser import SIZE as PARSED

__all__ = [
    *("DLIB", "FINER", "SQUARE", "TRUSTED", "agreement"),
    *("framed", "framed_landmarks", "labels_of", "trusted_labels"),
]

if TYPE_CHECKING:
    from encoders.parsing.parser import Parser

Pixels = NDArray[np.uint8]

#: The crop as a square of an FFHQ-aligned chip: that of the generator that ships (its card).
SQUARE = FRAME
#: Where dlib's chip lies in an FFHQ-aligned one: the median of 300 photographs of two sets.
DLIB = CropSquare(0.503, 0.602, 0.688).within(SQUARE.inverse())
#: A label map has this many times the picture's side, so that borders keep parts of a pixel.
FINER = 2
#: Mean IoU with what the parser sees, below which landmarks are taken to have failed: of right ones
#: one in 200 lies below, of those in a box moved by a fifth two in three (benchmarks.parsing).
TRUSTED = 0.35
#: Side of the FFHQ-aligned chip that a crop is cut from, in sides of the crop.
_LARGER = 2


def framed(image: Pixels, landmark: NDArray[np.float32], size: int) -> Pixels:
    """The crop uint8 (size, size, 3) of the face at ``landmark`` (68, 2) of an RGB picture."""
    chip = align_ffhq(image, np.asarray(landmark, np.float32), _LARGER * size)
    return SQUARE.cut(chip[None], size)[0]


def framed_landmarks(landmark: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Landmarks (..., 68, 2) of photographs, in pixels of their crops."""
    fine = 1 << 10
    points = ffhq_landmarks(np.asarray(landmark, np.float32), fine)
    return SQUARE.points(points, fine, size)


def labels_of(landmark: NDArray[np.floating], crops: Pixels) -> Pixels:
    """Label maps uint8 (n, 2 s, 2 s) of crops (n, s, s, 3) with their landmarks in crop pixels."""
    import cv2

    side = crops.shape[1] * FINER
    large = [cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR) for crop in crops]
    points = (np.asarray(landmark, np.float64) + 0.5) * FINER - 0.5
    made = [label_map(p, side, picture) for p, picture in zip(points, large, strict=True)]
    return np.array(made, np.uint8).reshape(-1, side, side)


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return load_parser()


def trusted_labels(image: Pixels, landmark: NDArray[np.float32], crop: Pixels) -> Pixels:
    """The label map uint8 (2 s, 2 s) of the ``crop`` (s, s, 3) that ``framed`` made.

    By the landmarks; where these do not fit what the parser sees, as on a head that looks aside or
    in a box that missed half of a face, what the parser sees.
    """
    import cv2

    size = len(crop)
    drawn = labels_of(framed_landmarks(landmark, size)[None], crop[None])[0]
    fine = (FINER * size, FINER * size)
    seen = _parser()(framed(image, landmark, PARSED)[None])[0]
    seen = cv2.resize(seen, fine, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    return drawn if agreement(drawn, seen) >= TRUSTED else seen


def agreement(one: Pixels, other: Pixels) -> float:
    """The mean IoU of the parts of a face of two label maps of a side; of those that either has."""
    pairs = ((one == part, other == part) for part in range(1, len(CLASSES)))
    either = [(np.sum(a & b), np.sum(a | b)) for a, b in pairs]
    shares = [both / any_ for both, any_ in either if any_]
    return float(np.mean(shares)) if shares else 0.0

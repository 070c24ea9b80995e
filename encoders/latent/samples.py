"""A generator's own images, and how dlib sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoders.detect import portrait_detector
from encoders.frame import LOOKED_AT
from encoders.resize import enlarged

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["Detections", "detect_faces", "draw"]

Pixels = NDArray[np.uint8]


def draw(
    generator: Generator, count: int, seed: int, psi: tuple[float, float] = (0.6, 1.1)
) -> NDArray[np.float32]:
    """w float32 (count, w_dim) by ``seed``, each at a truncation drawn from ``psi``."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((count, generator.config.z_dim), np.float32)
    scale = rng.uniform(*psi, (count, 1)).astype(np.float32)
    average = np.asarray(generator.parameters["mapping.w_avg"], np.float32)
    return average + scale * (generator.map(z)[:, 0] - average)


class Detections:
    """dlib's detections in images.

    ``found`` bool (n,); ``score`` float32 (n,), how sure it is; ``chip`` (n, 150, 150, 3), black
    where none was found; ``landmark`` float32 (n, 68, 2) in sides of the image.
    """

    def __init__(self, count: int) -> None:
        self.found = np.zeros(count, bool)
        self.score = np.zeros(count, np.float32)
        self.chip = np.zeros((count, 150, 150, 3), np.uint8)
        self.landmark = np.zeros((count, 68, 2), np.float32)


def detect_faces(pictures: Pixels) -> Detections:
    """Find exactly one face in each picture uint8 (n, s, s, 3), enlarged to 256 px where smaller.

    dlib's HOG detector without doubling, so that what is found would be found in a photograph.
    """
    from encoders.align import align_dlib5, find_landmarks

    looks = Detections(len(pictures))
    for i, picture in enumerate(pictures):
        large = enlarged(picture, max(LOOKED_AT, len(picture)), smooth=True)
        boxes, scores = portrait_detector().margins(large)
        if len(boxes) != 1:
            continue
        looks.found[i], looks.score[i] = True, scores[0]
        looks.chip[i] = align_dlib5(large, boxes[0])
        looks.landmark[i] = (find_landmarks(large, boxes[0]) + 0.5) / len(large)
    return looks

"""MTCNN, from the package ``mtcnn`` that carries its weights; runs in TensorFlow.

Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional
networks", IEEE Signal Processing Letters 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.keras_backend import load_engine
from encoders.detect._scale import grow, shrink_to

__all__ = ["MtcnnDetector"]

_LONGEST_SIDE, _SHORTEST_SIDE = 1600, 24
_CONFIDENT = 0.95
# Side of dlib's box for a face on which MTCNN's has height 1, measured on LFW; both boxes have
# the mean of eyes, nose and corners of the mouth at their middle, to about 2 % of the height.
_DLIB_SIDE = 0.855


class MtcnnDetector:
    """MTCNN on the CPU; its boxes are turned into the squares that dlib would draw."""

    def __init__(self) -> None:
        load_engine()
        from mtcnn import MTCNN

        self._network = MTCNN(device="CPU:0")

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.int32]:
        small, factor = shrink_to(image, _LONGEST_SIDE)
        if min(small.shape[:2]) < _SHORTEST_SIDE:
            return np.empty((0, 4), np.int32)
        found = self._network.detect_faces(small) or []
        return grow([_as_dlib(face) for face in found if face["confidence"] >= _CONFIDENT], factor)


def _as_dlib(face: dict[str, Any]) -> tuple[float, float, float, float]:
    x, y = np.array(list(face["keypoints"].values()), np.float64).mean(axis=0)
    half = _DLIB_SIDE * float(face["box"][3]) / 2
    return x - half, y - half, x + half, y + half

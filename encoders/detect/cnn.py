"""dlib's convolutional detector; without a GPU it takes seconds for a picture of 1000 px.

King, "Max-margin object detection", 2015. Finds turned and partly hidden faces.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from encoders.detect._scale import grow, shrink_to
from encoders.models import model_path

__all__ = ["CnnDetector"]

_DOUBLED_UP_TO = 512
_LONGEST_SIDE = 2048


class CnnDetector:
    """The network; without ``upsample``, pictures of at most 512 px are doubled once before."""

    def __init__(self, upsample: int | None = None) -> None:
        import dlib

        path = model_path("mmod_human_face_detector.dat")
        self._find = dlib.cnn_face_detection_model_v1(str(path))
        self._upsample = upsample

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.int32]:
        small, factor = shrink_to(image, _LONGEST_SIDE)
        boxes = [found.rect for found in self._find(small, self._doublings(small))]
        edges = [(box.left(), box.top(), box.right(), box.bottom()) for box in boxes]
        return grow(edges, factor)

    def _doublings(self, image: NDArray[np.uint8]) -> int:
        if self._upsample is not None:
            return self._upsample
        return int(max(image.shape[:2]) <= _DOUBLED_UP_TO)

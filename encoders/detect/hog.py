"""dlib's frontal face detector: histograms of oriented gradients.

Dalal and Triggs, CVPR 2005; Felzenszwalb et al., PAMI 2010; King, "Max-margin object
detection", 2015. Finds upright faces of 80 px and more, 40 px when the picture is doubled first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from encoders.detect._scale import grow, shrink_to

__all__ = ["HogDetector"]

_DOUBLED_UP_TO = 1024
_LONGEST_SIDE = 4096


class HogDetector:
    """HOG; without ``upsample``, pictures of at most 1024 px are doubled once before."""

    def __init__(self, upsample: int | None = None) -> None:
        import dlib

        self._find = dlib.get_frontal_face_detector()
        self._upsample = upsample

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.int32]:
        return self.scored(image)[0]

    def scored(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Boxes (n, 4) and how sure dlib is of each (n,): above 0, 2 is a clear face."""
        small, factor = shrink_to(image, _LONGEST_SIDE)
        found, scores, _ = self._find.run(small, self._doublings(small))
        boxes = [(box.left(), box.top(), box.right(), box.bottom()) for box in found]
        return grow(boxes, factor), np.array(scores, np.float32)

    def _doublings(self, image: NDArray[np.uint8]) -> int:
        if self._upsample is not None:
            return self._upsample
        return int(max(image.shape[:2]) <= _DOUBLED_UP_TO)

"""The face that a photograph is of, found without looking for the small ones that are not it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from encoders.detect._tiles import Scored, TiledDetector
from encoders.detect.hog import SMALLEST, HogDetector

__all__ = ["MainFaceDetector"]


class MainFaceDetector(TiledDetector):
    """HOG for photographs of which one face is kept, the first by ``encoders.detect.in_order``.

    A picture is doubled only where that could change which face is first, or where it lies: not
    where a face that is whole has more of the picture and of its middle than any of less than 80
    px can have. That takes a
    quarter of the time; people in the background of less than 80 px are not listed then.
    """

    name = "hog"

    def __init__(self, threshold: float = 0.5) -> None:
        self._once = HogDetector(0, threshold)
        self._by_size = HogDetector(None, threshold)

    def scored(self, image: NDArray[np.uint8]) -> Scored:
        """Boxes float64 (n, 4) and confidences float64 (n,)."""
        from encoders.detect import prominence

        boxes, confidence = self._once.scored(image)
        decided = _inside(boxes, image) & (prominence(boxes, image) >= SMALLEST**2)
        if decided.any() or self._by_size.smallest(image) == SMALLEST:
            return boxes, confidence
        return self._by_size.scored(image)

    def smallest(self, image: NDArray[np.uint8]) -> float:
        """Side in pixels of the smallest face that can be the first in this picture."""
        return self._by_size.smallest(image)


def _inside(boxes: NDArray[np.float64], image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which boxes lie in the picture: of a face at its border HOG's box is a rough one."""
    last = np.array([image.shape[1], image.shape[0]])
    return np.all((boxes[:, :2] >= 0) & (boxes[:, 2:] <= last), axis=1).astype(np.bool_)

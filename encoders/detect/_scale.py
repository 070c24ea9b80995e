"""Pictures too large for a detector are shrunk for it, and its boxes grown back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["grow", "shrink_to"]


def shrink_to(image: NDArray[np.uint8], longest: int) -> tuple[NDArray[np.uint8], float]:
    """The image with no side above ``longest`` pixels, and by how much it was shrunk (>= 1)."""
    import cv2

    factor = max(image.shape[:2]) / longest
    if factor <= 1:
        return image, 1.0
    height, width = (max(1, round(side / factor)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), factor


def grow(boxes: list[tuple[float, float, float, float]], factor: float) -> NDArray[np.int32]:
    """Boxes of the shrunk image as boxes int32 (m, 4) of the whole one."""
    return np.rint(np.array(boxes, np.float64).reshape(-1, 4) * factor).astype(np.int32)

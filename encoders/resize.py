"""A picture brought to another side: the one way for all who look at pictures or release them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["enlarged"]


def enlarged(picture: NDArray[np.uint8], size: int, *, smooth: bool = False) -> NDArray[np.uint8]:
    """A picture (h, w, 3) as a square of ``size`` px; no detail is added.

    Where it gets smaller, areas are averaged. Where it gets larger, it is resampled by Lanczos, as
    pictures are released, or with ``smooth`` bicubically, as the latent encoder and its figures
    have it: a network sees the difference.

    >>> enlarged(np.zeros((2, 2, 3), np.uint8), 8).shape
    (8, 8, 3)
    """
    import cv2

    if picture.shape[:2] == (size, size):
        return picture
    up = cv2.INTER_CUBIC if smooth else cv2.INTER_LANCZOS4
    way = up if min(picture.shape[:2]) < size else cv2.INTER_AREA
    return cv2.resize(picture, (size, size), interpolation=way)

"""The squares that dlib would draw around faces of which other detectors say more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["dlib_squares", "squares_of_boxes"]

#: Side of dlib's box for a face on which a box from brow to chin has height 1, measured for
#: MTCNN on LFW; both have the mean of eyes, nose and corners of the mouth at their middle, to
#: about 2 % of the height.
_DLIB_SIDE = 0.855
#: Where that mean lies in a box from brow to chin, in heights from its top.
_MIDDLE = 0.56


def dlib_squares(points: NDArray[np.float64], heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squares (n, 4) from eyes, nose and corners of the mouth (n, 5, 2), and heights (n,)."""
    middle, half = points.mean(axis=1), (_DLIB_SIDE * heights / 2)[:, None]
    return np.hstack([middle - half, middle + half])


def squares_of_boxes(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same from boxes (n, 4) alone, which reach from brow to chin."""
    heights = boxes[:, 3] - boxes[:, 1]
    middle = np.stack([boxes[:, ::2].mean(axis=1), boxes[:, 1] + _MIDDLE * heights], axis=1)
    return dlib_squares(np.repeat(middle[:, None], 5, axis=1), heights)

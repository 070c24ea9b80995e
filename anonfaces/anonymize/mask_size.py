"""The size of what is covered: a face's box and landmarks grown about the middle of the box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["scaled"]


def scaled(
    box: NDArray[np.integer], landmark: NDArray[np.floating], scale: float
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Box int32 (4,) and landmarks float32 (68, 2) in ``scale`` times their size.

    >>> scaled(np.array([10, 10, 20, 30]), np.array([[15.0, 10.0]]), 2.0)[0].tolist()
    [5, 0, 25, 40]
    """
    if scale == 1:
        return box.astype(np.int32), landmark.astype(np.float32)
    middle = (box[:2] + box[2:]) / 2
    grown = (box.reshape(2, 2) - middle) * scale + middle
    points = (landmark - middle) * scale + middle
    return np.rint(grown.ravel()).astype(np.int32), points.astype(np.float32)

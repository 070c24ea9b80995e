"""What compiled kernels of the grouping share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["compiled", "reordered", "squared_distances"]

compiled = njit(cache=True, nogil=True, error_model="numpy")
reordered = njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"}
)


def squared_distances(points: np.ndarray, dtype: type = np.float64) -> np.ndarray:
    """Squared distances (n, n) of float64 (n, d), by differences: duplicates give 0.

    In float32 each is right to 6e-8 of itself; what overflows there has to be scaled before.
    """
    points = np.ascontiguousarray(points)
    out: np.ndarray = np.empty((len(points), len(points)), dtype)
    _fill(points, out)
    return out


@reordered
def _fill(points: Any, out: Any) -> None:
    for i in range(len(points)):
        for j in range(i):
            one = 0.0
            for c in range(points.shape[1]):
                gap = points[i, c] - points[j, c]
                one += gap * gap
            out[i, j] = one
            out[j, i] = one
        out[i, i] = 0.0

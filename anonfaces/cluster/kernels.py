"""What compiled kernels of the grouping share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["compiled", "squared_distances"]

compiled = njit(cache=True, nogil=True, error_model="numpy")


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def squared_distances(points: Any) -> Any:
    """Squared distances float64 (n, n) of float64 (n, d), by differences: duplicates give 0."""
    n, d = points.shape
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            one = 0.0
            for c in range(d):
                gap = points[i, c] - points[j, c]
                one += gap * gap
            out[i, j] = one
            out[j, i] = one
    return out

"""Any clustering made into groups of k to 2k - 1."""

from __future__ import annotations

import numpy as np

from anonfaces.cluster.baselines.mdav import mdav
from anonfaces.cluster.people import means

__all__ = ["repair"]


def repair(points: np.ndarray, weights: np.ndarray, label: np.ndarray, k: int) -> np.ndarray:
    """Members of clusters under k go to the nearest of the others; those of 2k or more are split.

    Args:
        points: float64 (p, d).
        weights: float64 (p,).
        label: int64 (p,), clusters of any size.
        k: people a group at least; p is k or more.

    Returns:
        int64 (p,), groups of k to 2k - 1. Large clusters are split by MDAV.
    """
    _, label, size = np.unique(label, return_inverse=True, return_counts=True)
    large = np.flatnonzero(size >= k)
    if len(large) == 0:
        return mdav(points, weights, k, np.random.default_rng(0))
    lost = size[label] < k
    centre, _ = means(points, label, len(size), weights)
    label[lost] = large[_nearest(points[lost], centre[large])]
    return _split(points, weights, label, k)


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import cdist

    parts = np.array_split(points, len(points) // 1024 + 1)
    return np.concatenate([cdist(part, centres).argmin(axis=1) for part in parts])


def _split(points: np.ndarray, weights: np.ndarray, label: np.ndarray, k: int) -> np.ndarray:
    out, used = np.empty_like(label), 0
    for g in np.unique(label):
        rows = np.flatnonzero(label == g)
        part = mdav(points[rows], weights[rows], k, np.random.default_rng(0))
        out[rows] = used + part
        used += int(part.max()) + 1
    return out

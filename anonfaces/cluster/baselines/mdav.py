"""MDAV: maximum distance to average vector, the classical fixed-size microaggregation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from anonfaces.cluster.budget import UNLIMITED, Budget

__all__ = ["mdav"]

_fast = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


def mdav(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
) -> np.ndarray:
    """Groups of k around the two extremes of what is left, time and again.

    The point farthest from the weighted mean of those left and its k - 1 nearest make a group,
    then the point farthest from that one and its k - 1 nearest, while 3k or more are left. Of
    2k to 3k - 1 one group of k is taken, and the rest, k to 2k - 1, is the last group; so no
    group is under k or over 2k - 1. Plain MDAV (its weights all 1) agrees with the published
    figures; nothing is random, ``rng`` and ``budget`` are there for the common signature.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), how much a person counts in the mean.
        k: people a group at least.
        rng: not used.
        budget: not used.

    Returns:
        int64 (p,), group numbers from 0.

    Domingo-Ferrer and Torra, "Ordinal, continuous and heterogeneous k-anonymity through
    microaggregation", 2005.
    """
    del rng, budget
    return _mdav(np.ascontiguousarray(points), np.ascontiguousarray(weights), k)


@_fast
def _mdav(points: Any, weights: Any, k: int) -> Any:
    label = np.full(len(points), -1)
    left = np.arange(len(points))
    g = 0
    while len(left) >= 2 * k:
        pair = len(left) >= 3 * k
        first = _farthest(points, left, _mean(points, weights, left))
        second = _farthest(points, left, points[first])
        left = _take(points, left, first, k, label, g)
        g += 1
        if pair:
            left = _take(points, left, second, k, label, g)
            g += 1
    label[left] = g
    return label


@_fast
def _mean(points: Any, weights: Any, rows: Any) -> Any:
    mean, mass = np.zeros(points.shape[1]), 0.0
    for i in rows:
        mass += weights[i]
        for c in range(points.shape[1]):
            mean[c] += weights[i] * points[i, c]
    return mean / mass


@_fast
def _distance(a: Any, b: Any) -> float:
    one = 0.0
    for c in range(len(a)):
        gap = a[c] - b[c]
        one += gap * gap
    return one


@_fast
def _farthest(points: Any, rows: Any, centre: Any) -> int:
    best, most = rows[0], -1.0
    for i in rows:
        one = _distance(points[i], centre)
        if one > most:
            best, most = i, one
    return best


@_fast
def _take(points: Any, left: Any, centre: int, k: int, label: Any, g: int) -> Any:
    """Give the k of ``left`` nearest to ``centre`` the number g; what is left then."""
    nearest, far = np.full(k, -1), np.full(k, np.inf)
    for i in left:
        one = -1.0 if i == centre else _distance(points[i], points[centre])
        q = k - 1
        if one >= far[q]:
            continue
        while q > 0 and far[q - 1] > one:
            far[q], nearest[q] = far[q - 1], nearest[q - 1]
            q -= 1
        far[q], nearest[q] = one, i
    label[nearest] = g
    return left[label[left] < 0]

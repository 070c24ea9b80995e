"""One column: the groups that lose least of all, exactly, by dynamic programming.

In one dimension the best groups of people of equal weight are runs of neighbours in order, of k
to 2k - 1 people (Hansen and Mukherjee 2003), and the best runs up to a person follow from the
best runs up to k to 2k - 1 people before. People of different weight can do better out of
order: whoever is heavy has the better place, though another lies nearer. Then the runs are a
grouping to start from, and not the best one for certain.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anonfaces.cluster.kernels import compiled

__all__ = ["exact_loss", "is_exact", "one_column", "runs"]

_MOST = 2e10  # steps, some 20 seconds; beyond that the search does it


def one_column(points: np.ndarray, k: int) -> np.ndarray | None:
    """The column of float64 (p, d) in which people differ, float64 (p,).

    None where they differ in several, or the steps of the program would be too many.
    """
    wide = np.flatnonzero(np.ptp(points, axis=0) > 0)
    if len(wide) > 1 or 2.0 * k * len(points) > _MOST:
        return None
    return np.ascontiguousarray(points[:, wide[0] if len(wide) else 0])


def is_exact(weights: np.ndarray) -> bool:
    """Whether runs in order are the best there is: people weigh the same."""
    return bool((weights == weights[0]).all())


def runs(values: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    """The groups of k to 2k - 1 neighbours in order that lose least, int64 (p,).

    The least of all groupings where `is_exact`.

    Parameters
    ----------
    values : ndarray of float64, shape (p,)
        One number a person.
    weights : ndarray of float64, shape (p,)
        Greater than 0.
    k : int
        People a group at least; p is k or more.

    References
    ----------
    S. L. Hansen and S. Mukherjee, "A polynomial algorithm for optimal univariate
    microaggregation", IEEE Transactions on Knowledge and Data Engineering 15(4), 2003.
    """
    order = np.argsort(values, kind="stable")
    first = _best_starts(values[order], weights[order], k)
    label, end, g = np.empty(len(values), np.int64), len(values), 0
    while end > 0:
        label[order[first[end] : end]] = g
        end, g = int(first[end]), g + 1
    return label


def exact_loss(points: np.ndarray, weights: np.ndarray, k: int) -> float | None:
    """The least weighted sum of squared errors that any groups can have.

    None where that is not known: several columns, or people of different weight.
    """
    from anonfaces.cluster.people import between

    values = one_column(points, k)
    if values is None or not is_exact(weights):
        return None
    return between(points, weights, runs(values, weights, k))


@compiled
def _best_starts(values: Any, weights: Any, k: int) -> Any:
    """Where the last run of the best runs up to each end begins, int64 (p + 1,).

    The error of a run grows person by person from its end (West, "Updating mean and variance
    estimates", 1979), so that no two large sums are subtracted.
    """
    p = len(values)
    least, first = np.full(p + 1, np.inf), np.zeros(p + 1, np.int64)
    least[0] = 0.0
    for end in range(k, p + 1):
        mass, mean, error = 0.0, 0.0, 0.0
        for start in range(end - 1, max(end - 2 * k, -1), -1):
            gap, w = values[start] - mean, weights[start]
            error += gap * gap * w * mass / (mass + w)
            mass += w
            mean += gap * w / mass
            if end - start >= k and least[start] + error < least[end]:
                least[end], first[end] = least[start] + error, start
    return first

"""The best grouping that can be put together from the groups of several."""

from __future__ import annotations

import numpy as np

from anonfaces.cluster.people import means
from anonfaces.cluster.set_partition import master

__all__ = ["recombine"]


def recombine(
    points: np.ndarray,
    weights: np.ndarray,
    labels: list[np.ndarray],
    seconds: float | None = None,
) -> np.ndarray:
    """Choose among all the groups of some groupings those that cost least together.

    A set-partitioning problem: every person in exactly one chosen group, least total weighted
    sum of squared errors; solved by HiGHS. Where it finds nothing better in its limits, the
    best of the groupings stands.

    Args:
        points: float64 (p, d).
        weights: float64 (p,).
        labels: int64 (p,) each, at least one.
        seconds: time limit; None: ended by counts alone.

    Returns:
        int64 (p,), no worse than any of ``labels``.

    Aloise, Hansen, Rocha and Santi, "Column generation bounds for numerical microaggregation",
    2014, has the master problem.
    """
    if len(labels) == 1:
        return labels[0]
    costs = [_costs(points, weights, label) for label in labels]
    best = int(np.argmin([cost.sum() for cost in costs]))
    pool: dict[bytes, tuple[np.ndarray, float, bool]] = {}
    for at in [best, *range(len(labels))]:
        for rows, cost in zip(members(labels[at]), costs[at], strict=True):
            pool.setdefault(rows.tobytes(), (rows, cost, at == best))
    chosen = _cheapest_cover(len(points), list(pool.values()), seconds)
    worse = _costs(points, weights, chosen).sum() >= costs[best].sum()
    return labels[best] if worse else chosen


def members(label: np.ndarray) -> list[np.ndarray]:
    """Rows of each group, ascending; the numbers must have no gap."""
    order = np.argsort(label, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)


def _costs(points: np.ndarray, weights: np.ndarray, label: np.ndarray) -> np.ndarray:
    centre, _ = means(points, label, int(label.max()) + 1, weights)
    return np.bincount(label, weights=weights * np.square(points - centre[label]).sum(axis=1))


def _cheapest_cover(
    p: int, pool: list[tuple[np.ndarray, float, bool]], seconds: float | None
) -> np.ndarray:
    from scipy.sparse import csc_array

    groups, cost, known = zip(*pool, strict=True)
    rows, ends = np.concatenate(groups), np.cumsum([0, *map(len, groups)])
    table = csc_array((np.ones(len(rows)), rows, ends), shape=(p, len(pool)))
    taken = master.choose(np.array(cost), table, np.zeros(0), np.array(known, float), seconds)
    label = np.full(p, -1)
    for g, column in enumerate(np.flatnonzero(taken)):
        label[groups[column]] = g
    return label

"""The best grouping that can be put together from the groups of several."""

from __future__ import annotations

import numpy as np

from anonfaces.cluster.people import means

__all__ = ["recombine"]

_NODES = 200  # of the branch and bound: a count, so that the same groups give the same answer
_SECONDS = 20.0  # safety


def recombine(points: np.ndarray, weights: np.ndarray, labels: list[np.ndarray]) -> np.ndarray:
    """Choose among all the groups of some groupings those that cost least together.

    A set-partitioning problem: every person in exactly one chosen group, least total weighted
    sum of squared errors; solved by HiGHS. Where it finds nothing better in its limits, the
    best of the groupings stands.

    Args:
        points: float64 (p, d).
        weights: float64 (p,).
        labels: int64 (p,) each, at least one.

    Returns:
        int64 (p,), no worse than any of ``labels``.

    Aloise, Hansen, Rocha and Santi, "Column generation bounds for numerical microaggregation",
    2014, has the master problem.
    """
    if len(labels) == 1:
        return labels[0]
    costs = [_costs(points, weights, label) for label in labels]
    best = labels[int(np.argmin([cost.sum() for cost in costs]))]
    pool: dict[bytes, tuple[np.ndarray, float]] = {}
    for label, cost in zip(labels, costs, strict=True):
        for g, rows in enumerate(members(label)):
            pool[rows.tobytes()] = (rows, cost[g])
    chosen = _cheapest_cover(len(points), list(pool.values()))
    least = min(cost.sum() for cost in costs)
    if chosen is None or _costs(points, weights, chosen).sum() >= least:
        return best
    return chosen


def members(label: np.ndarray) -> list[np.ndarray]:
    """Rows of each group, ascending; the numbers must have no gap."""
    order = np.argsort(label, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)


def _costs(points: np.ndarray, weights: np.ndarray, label: np.ndarray) -> np.ndarray:
    centre, _ = means(points, label, int(label.max()) + 1, weights)
    return np.bincount(label, weights=weights * np.square(points - centre[label]).sum(axis=1))


def _cheapest_cover(p: int, pool: list[tuple[np.ndarray, float]]) -> np.ndarray | None:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csc_array

    rows = np.concatenate([rows for rows, _ in pool])
    ends = np.cumsum([0, *(len(rows) for rows, _ in pool)])
    cost = np.array([cost for _, cost in pool])
    cover = csc_array((np.ones(len(rows)), rows, ends), shape=(p, len(pool)))
    solved = milp(
        cost / max(cost.max(), np.finfo(float).tiny),
        integrality=np.ones(len(pool)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(cover, 1, 1),
        options={"node_limit": _NODES, "time_limit": _SECONDS},
    )
    if solved.x is None:
        return None
    label = np.full(p, -1)
    for g, column in enumerate(np.flatnonzero(solved.x > 0.5)):
        label[pool[column][0]] = g
    return label

"""The best grouping that can be put together from the groups of several."""

from __future__ import annotations

import numpy as np

from anonfaces.cluster.annealing.search import TABLE
from anonfaces.cluster.people import between, means
from anonfaces.cluster.set_partition import master

__all__ = ["members", "recombine"]

_ROUNDING = 1e-12


def recombine(
    points: np.ndarray,
    weights: np.ndarray,
    labels: list[np.ndarray],
    seconds: float | None = None,
) -> np.ndarray:
    """Choose among all the groups of some groupings those that cost least together.

    A set-partitioning problem: every person in exactly one chosen group, least total weighted
    sum of squared errors; solved by HiGHS. Where it finds nothing better in its limits, the
    best of the groupings stands. Above 2,048 people that takes longer than another search would:
    then the best of two groupings is taken for every set of people who are groups of both.

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
    if len(points) > TABLE:
        return _best_parts(points, weights, labels)
    costs = [_costs(points, weights, label) for label in labels]
    best = int(np.argmin([cost.sum() for cost in costs]))
    pool: dict[bytes, tuple[np.ndarray, float, bool]] = {}
    for at in [best, *range(len(labels))]:
        for rows, cost in zip(members(labels[at]), costs[at], strict=True):
            pool.setdefault(rows.tobytes(), (rows, cost, at == best))
    chosen = _cheapest_cover(len(points), list(pool.values()), seconds)
    worse = _costs(points, weights, chosen).sum() >= costs[best].sum()
    return labels[best] if worse else chosen


def _best_parts(points: np.ndarray, weights: np.ndarray, labels: list[np.ndarray]) -> np.ndarray:
    """The best of all, then for each other one its parts that are cheaper."""
    ranked = sorted(labels, key=lambda label: between(points, weights, label))
    best = ranked[0]
    for other in ranked[1:]:
        best = _cheaper_parts(points, weights, best, other)
    return best


def _cheaper_parts(
    points: np.ndarray, weights: np.ndarray, one: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """Groups of ``one``, but of ``other`` for people who are whole groups in both and cost less.

    Groups that share people hang together; what hangs together is one set of people.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = int(one.max()) + 1
    nodes = first + int(other.max()) + 1
    links = coo_array((np.ones(len(one), bool), (one, first + other)), shape=(nodes, nodes))
    part = connected_components(links, directed=False)[1]
    cost = [
        np.bincount(part[:first], _costs(points, weights, one), minlength=part.max() + 1),
        np.bincount(part[first:], _costs(points, weights, other), minlength=part.max() + 1),
    ]
    swap = (cost[1] < cost[0] * (1 - _ROUNDING))[part[one]]
    return np.unique(np.where(swap, first + other, one), return_inverse=True)[1]


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

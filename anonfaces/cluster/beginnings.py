"""Groupings to begin a search with: made quickly, the best first."""

from __future__ import annotations

from functools import partial

import numpy as np

from anonfaces.cluster.annealing.enforce import begin
from anonfaces.cluster.baselines import partitioners
from anonfaces.cluster.baselines.mdav import mdav
from anonfaces.cluster.constraints.limits import Limits
from anonfaces.cluster.one_column import one_column, runs
from anonfaces.cluster.people import between

__all__ = ["LARGE", "beginnings", "is_quick"]

LARGE = 30  # k; below, annealing ends far under what these lose
_QUICK = 2e9  # products of coordinates that MDAV, or one step of k-means, may take
_TREE = 6000  # people whose tree is made in some seconds


def beginnings(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    limits: Limits | None = None,
) -> list[np.ndarray]:
    """Groups by MDAV; for large k by k-means and Ward too; of one column the best runs.

    The search from them is never worse than any of these methods. With limits there is one,
    that keeps them.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0.
        k: people a group at least.
        rng: where k-means begins.
        limits: what the groups must keep beside their size.

    Returns:
        int64 (p,) each, the least loss first.
    """
    if limits is not None:
        return [begin(lambda size: mdav(points, weights, size, rng), points, weights, k, limits)]
    labels = [mdav(points, weights, k, rng)]
    values = one_column(points, k)
    if values is not None:
        labels.append(runs(values, weights, k))
    if k >= LARGE:
        labels += _clusterings(points, weights, k, rng)
    return sorted(labels, key=partial(between, points, weights))


def is_quick(points: np.ndarray, k: int) -> bool:
    """Whether MDAV of everybody at once takes a few seconds at most."""
    return float(len(points)) ** 2 / k * points.shape[1] <= _QUICK


def _clusterings(
    points: np.ndarray, weights: np.ndarray, k: int, rng: np.random.Generator
) -> list[np.ndarray]:
    from threadpoolctl import threadpool_limits

    labels = []
    if float(len(points)) * (len(points) // k) * points.shape[1] <= _QUICK:
        with threadpool_limits(1):  # threads add up in any order, and the last digits differ
            labels.append(partitioners.kmeans(points, weights, k, rng))
    if len(points) <= _TREE:
        labels.append(partitioners.hierarchical(points, weights, k, rng))
    return labels

"""The partitioners of the literature, done right: what the search is measured against.

All keep k to 2k - 1 people in every group, which the published code often does not. Arguments and
return of every function as those of ``mdav``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from anonbase.errors import InputError
from anonfaces.cluster.baselines.repair import repair
from anonfaces.cluster.budget import UNLIMITED, Budget

__all__ = ["at_random", "hierarchical", "k_member", "kmeans", "nearest", "oka", "v_mdav"]

_GAIN = 0.2  # v_mdav's gamma, the value its authors give for scattered data
_PAIRS = 20_000

Array = np.ndarray
Random = np.random.Generator


def at_random(
    points: Array, weights: Array, k: int, rng: Random, budget: Budget = UNLIMITED
) -> Array:
    """Groups by chance: what any method must beat. The last group takes the remainder."""
    del weights, budget
    count = len(points)
    return rng.permutation(np.minimum(np.arange(count) // k, count // k - 1))


def nearest(
    points: Array,
    weights: Array,
    k: int,
    rng: Random,
    budget: Budget = UNLIMITED,
    *,
    start: Literal["random", "farthest", "densest"] = "random",
) -> Array:
    """k-Same: a start and its k - 1 nearest that are left, until fewer than 2k are.

    The start is a random person, the one farthest from the mean of those left, or the one
    whose k - 1 nearest (of all) are closest.

    Newton, Sweeney and Malin, "Preserving privacy by de-identifying face images", 2005.
    """
    del budget
    order = _preference(points, weights, k, rng, start)

    def one(left: Array) -> Array:
        first = left[np.argmin(order[left])]
        return _closest(points, left, points[first], k)

    return _greedy(len(points), k, one)


def _preference(points: Array, weights: Array, k: int, rng: Random, start: str) -> Array:
    if start == "random":
        return rng.permutation(len(points))
    if start == "farthest":
        return -_gaps(points, np.average(points, axis=0, weights=weights))
    return np.array([np.partition(_gaps(points, one), k - 1)[:k].sum() for one in points])


def v_mdav(points: Array, weights: Array, k: int, rng: Random, budget: Budget = UNLIMITED) -> Array:
    """MDAV with groups that grow beyond k while the next person is much nearer to the group.

    Solanas and Martinez-Balleste, "V-MDAV: a multivariate microaggregation with variable group
    size", 2006.
    """
    del rng, budget
    far = _gaps(points, np.average(points, axis=0, weights=weights))

    def one(left: Array) -> Array:
        first = left[np.argmax(far[left])]
        return _extended(points, left, _closest(points, left, points[first], k), k)

    return _greedy(len(points), k, one)


def _extended(points: Array, left: Array, group: Array, k: int) -> Array:
    """The group and whoever is nearer to it than gamma times to the others that are left."""
    while len(group) < 2 * k - 1:
        out = np.setdiff1d(left, group)
        if len(out) <= k:
            break
        to_group = np.min([_gaps(points[out], points[i]) for i in group], axis=0)
        best = int(np.argmin(to_group))
        to_others = np.partition(_gaps(points[out], points[out[best]]), 1)[1]
        if to_group[best] >= _GAIN**2 * to_others:
            break
        group = np.append(group, out[best])
    return group


def k_member(
    points: Array, weights: Array, k: int, rng: Random, budget: Budget = UNLIMITED
) -> Array:
    """From the person farthest from the last: add whoever raises the loss least, k times.

    Byun, Kamra, Bertino and Li, "Efficient k-anonymization using clustering techniques", 2007.
    """
    del budget
    last = points[rng.integers(len(points))]

    def one(left: Array) -> Array:
        nonlocal last
        group = [left[np.argmax(_gaps(points[left], last))]]
        out = left[left != group[0]]
        while len(group) < k:
            mass = weights[group].sum()
            mean = weights[group] @ points[group] / mass
            share = mass * weights[out] / (mass + weights[out])
            group.append(out[np.argmin(share * _gaps(points[out], mean))])
            out = out[out != group[-1]]
        last = points[group[-1]]
        return np.array(group)

    return _greedy(len(points), k, one)


def oka(points: Array, weights: Array, k: int, rng: Random, budget: Budget = UNLIMITED) -> Array:
    """One-pass k-means: n // k random seeds; each person joins the nearest, which moves.

    Then sizes are repaired. Lin and Wei, "An efficient clustering method for k-anonymization",
    2008.
    """
    del budget
    order = rng.permutation(len(points))
    count = len(points) // k
    centre, mass = points[order[:count]].copy(), weights[order[:count]].copy()
    label = np.empty(len(points), np.int64)
    label[order[:count]] = np.arange(count)
    for i in order[count:]:
        g = int(np.argmin(_gaps(centre, points[i])))
        label[i] = g
        mass[g] += weights[i]
        centre[g] += weights[i] / mass[g] * (points[i] - centre[g])
    return repair(points, weights, label, k)


def kmeans(points: Array, weights: Array, k: int, rng: Random, budget: Budget = UNLIMITED) -> Array:
    """Lloyd's k-means with n // k centres (scikit-learn), every person to the nearest.

    Then sizes are repaired.
    """
    from sklearn.cluster import KMeans

    del budget
    count = min(len(points) // k, len(np.unique(points, axis=0)))
    model = KMeans(count, n_init=1, random_state=int(rng.integers(2**31)))
    return repair(points, weights, model.fit(points, sample_weight=weights).labels_, k)


def hierarchical(
    points: Array,
    weights: Array,
    k: int,
    rng: Random,
    budget: Budget = UNLIMITED,
    *,
    linkage: Literal["ward", "average", "complete"] = "ward",
) -> Array:
    """Agglomerative clustering (SciPy) cut at n // k clusters, sizes repaired.

    All pairs of people are compared: InputError for more than 20,000 people.
    """
    from scipy.cluster import hierarchy

    del rng, budget
    if len(points) > _PAIRS:
        raise InputError(f"hierarchical clustering compares all pairs: {_PAIRS} people at most")
    tree = hierarchy.linkage(points, method=linkage)
    label = hierarchy.fcluster(tree, len(points) // k, criterion="maxclust").astype(np.int64)
    return repair(points, weights, label, k)


def _greedy(count: int, k: int, one: Callable[[Array], Array]) -> Array:
    """One group of those left after the other, until fewer than 2k are: they are the last."""
    label, left, g = np.full(count, -1), np.arange(count), 0
    while len(left) >= 2 * k:
        label[one(left)] = g
        left = left[label[left] < 0]
        g += 1
    label[left] = g
    return label


def _closest(points: Array, left: Array, centre: Array, count: int) -> Array:
    return left[np.argpartition(_gaps(points[left], centre), count - 1)[:count]]


def _gaps(points: Array, centre: Array) -> Array:
    """Squared distances, float64 (p,)."""
    gap = points - centre
    return np.einsum("ij,ij->i", gap, gap)

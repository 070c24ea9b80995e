"""The methods by name. All have one signature and keep one promise.

``method(points (p, d) float64, weights (p,) float64, k, rng, budget) -> int64 (p,)``: every group
has k to 2k - 1 of the p people, whose loss is the weighted sum of squared errors.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

import numpy as np

from anonbase.errors import InputError
from anonfaces.cluster.annealing.anneal import anneal, local_search
from anonfaces.cluster.annealing.enforce import begin
from anonfaces.cluster.baselines import partitioners
from anonfaces.cluster.baselines.mdav import mdav
from anonfaces.cluster.budget import Budget
from anonfaces.cluster.constraints.limits import Limits

__all__ = ["DEFAULT", "METHODS", "Method", "find", "limited"]


class Method(Protocol):
    """A way to put people into groups of k to 2k - 1."""

    def __call__(
        self,
        points: np.ndarray,
        weights: np.ndarray,
        k: int,
        rng: np.random.Generator,
        budget: Budget = ...,
    ) -> np.ndarray: ...


METHODS: dict[str, Method] = {
    "anneal": anneal,
    "local_search": local_search,
    "mdav": mdav,
    "v_mdav": partitioners.v_mdav,
    "k_member": partitioners.k_member,
    "oka": partitioners.oka,
    "kmeans": partitioners.kmeans,
    "nearest": partitioners.nearest,
    "nearest_farthest": partial(partitioners.nearest, start="farthest"),
    "nearest_densest": partial(partitioners.nearest, start="densest"),
    "ward": partitioners.hierarchical,
    "average": partial(partitioners.hierarchical, linkage="average"),
    "complete": partial(partitioners.hierarchical, linkage="complete"),
    "random": partitioners.at_random,
}
DEFAULT = "anneal"
_SEARCHES = {"anneal": anneal, "local_search": local_search}


def find(name: str) -> Method:
    """The method of that name; InputError that lists the names otherwise."""
    if name not in METHODS:
        raise InputError(f"no method {name!r}: there are {', '.join(sorted(METHODS))}")
    return METHODS[name]


def limited(
    name: str,
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget,
    limits: Limits | None,
) -> np.ndarray:
    """What the method of that name makes, with groups that keep the limits, int64 (p,).

    The searches keep them on their whole way; what any other makes is mended.
    """
    method = METHODS[name]
    if limits is None:
        return method(points, weights, k, rng, budget)
    if name in _SEARCHES:
        return _SEARCHES[name](points, weights, k, rng, budget, limits)
    return begin(
        lambda size: method(points, weights, size, rng, budget), points, weights, k, limits
    )

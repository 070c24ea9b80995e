"""The methods by name. All have one signature and keep one promise.

``method(points (p, d) float64, weights (p,) float64, k, rng, budget) -> int64 (p,)``: every group
has k to 2k - 1 of the p people, whose loss is the weighted sum of squared errors.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from anonfaces.cluster.anneal import anneal, local_search
from anonfaces.cluster.budget import UNLIMITED, Budget
from anonfaces.cluster.mdav import mdav
from anonfaces.errors import InputError

__all__ = ["DEFAULT", "METHODS", "Method", "at_random", "find"]


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


def at_random(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
) -> np.ndarray:
    """Groups by chance: what any method must beat. The last group takes the remainder.

    Arguments and return as ``mdav``; the points are looked at for their number only.
    """
    del weights, budget
    count = len(points)
    return rng.permutation(np.minimum(np.arange(count) // k, count // k - 1))


METHODS: dict[str, Method] = {
    "anneal": anneal,
    "local_search": local_search,
    "mdav": mdav,
    "random": at_random,
}
DEFAULT = "anneal"


def find(name: str) -> Method:
    """The method of that name; InputError that lists the names otherwise."""
    if name not in METHODS:
        raise InputError(f"no method {name!r}: there are {', '.join(sorted(METHODS))}")
    return METHODS[name]

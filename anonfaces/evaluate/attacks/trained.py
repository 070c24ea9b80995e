"""An attacker who learns from surrogates of other people how a surrogate leads to its members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate.attacks.linkage import find_group
from anonfaces.evaluate.attacks.result import Attack

if TYPE_CHECKING:
    from anonfaces.evaluate.attacks.spaces import Space

__all__ = ["find_group_by_training", "linear_map"]

Vectors = NDArray[np.float64]

#: Added to the variance of what is learned from, as a share of its mean.
_RIDGE = 0.5


def find_group_by_training(space: Space, group: NDArray[np.int64], seed: int = 0) -> list[Attack]:
    """``find_group`` once surrogates are mapped to where the mean of their members is expected.

    The map is a ridge regression on ``space.practice``; nothing where there is none.
    """
    white = space.whitened
    if white.practice is None:
        return []
    surrogate, mean = white.practice
    readable = ~np.isnan(surrogate[:, 0])
    mapped = linear_map(surrogate[readable], mean[readable])(white.surrogate)
    who = "trained a linear map on surrogates of strangers, made by our public code"
    learned = replace(white, surrogate=mapped)
    return [
        replace(one, attack=f"{one.attack}, learned", attacker=who)
        for one in find_group(learned, group, seed)
    ]


def linear_map(source: Vectors, target: Vectors) -> Callable[[Vectors], Vectors]:
    """The ridge regression from ``source`` (m, d) to ``target`` (m, e), as a function."""
    middle, aim = source.mean(axis=0), target.mean(axis=0)
    a, b = source - middle, target - aim
    gram = a.T @ a
    ridge = _RIDGE * np.trace(gram) / len(gram) * min(1.0, len(gram) / len(source))
    gram += ridge * np.eye(len(gram))
    matrix = np.linalg.solve(gram, a.T @ b)

    def mapped(values: Vectors) -> Vectors:
        return aim + (values - middle) @ matrix

    return mapped

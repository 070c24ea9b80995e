"""A search under way: distances and candidates computed once, run leg by leg."""

from __future__ import annotations

from copy import copy

import numpy as np

from anonfaces.cluster.annealing import moves, state
from anonfaces.cluster.constraints.limits import Limits
from anonfaces.cluster.kernels import squared_distances
from anonfaces.cluster.neighbours import nearest_others

__all__ = ["T_END", "T_START", "Search"]

T_START, T_END = 1.0, 0.01  # first and last heat, in mean errors a person
_FAR = 1e200  # beyond all squared distances


class Search:
    """A grouping under way; the distances and candidates are computed once."""

    def __init__(
        self,
        points: np.ndarray,
        weights: np.ndarray,
        k: int,
        rng: np.random.Generator,
        start: np.ndarray,
        limits: Limits | None = None,
    ) -> None:
        self.k = k
        self.limits = limits
        self.d2 = squared_distances(np.ascontiguousarray(points))
        self.weights = np.ascontiguousarray(weights)
        self.candidates = _candidates(self.d2, max(20, 2 * k), limits)
        self._begin(rng, start)

    def restarted(self, rng: np.random.Generator, start: np.ndarray) -> Search:
        """Another search on the same tables."""
        other = copy(self)
        other._begin(rng, start)
        return other

    def _begin(self, rng: np.random.Generator, start: np.ndarray) -> None:
        self.now, self.best, self.loss = start, start, np.inf
        self.random = rng.integers(1, 2**63, size=1, dtype=np.uint64)
        self.stage(0.0, 1.0, 0)

    def state(self) -> state.State:
        """The grouping as it is now, in compiled form."""
        most = int(np.bincount(self.now).max())
        tables = self.d2, self.weights, self.candidates
        return state.build(*tables, self.now, self.k, self.limits, most)

    def stage(self, temperature: float, cooling: float, tries: int) -> None:
        """Some tries at one heat. The state is built anew, so rounding never adds up."""
        state = self.state()
        best = np.empty_like(self.now)
        rounds = 10 if tries else 0
        loss = moves.search(
            state, self.k, temperature, cooling ** (1 / 10), rounds, tries // 10, self.random, best
        )
        self.now = state.label
        if loss < self.loss:
            self.loss, self.best = loss, np.unique(best, return_inverse=True)[1]


def _candidates(d2: np.ndarray, count: int, limits: Limits | None) -> np.ndarray:
    """The nearest others; with limits in turns with the nearest whose values are different.

    Without those, groups that need both could be given up but hardly be made anew. Nobody is
    named twice.
    """
    if limits is None:
        return nearest_others(d2, count)
    near = nearest_others(d2, count // 2)
    key = d2.copy()
    for code in limits.code:
        key += np.where(code[:, None] == code, _FAR, 0.0)
    np.put_along_axis(key, near, np.inf, axis=1)
    other = nearest_others(key, min(count // 2, len(d2) - 1 - near.shape[1]))
    turns = np.argsort(np.r_[: near.shape[1], : other.shape[1]], kind="stable")
    return np.ascontiguousarray(np.concatenate([near, other], axis=1)[:, turns])

"""Search over groupings: to the next local optimum, or further by simulated annealing."""

from __future__ import annotations

import numpy as np

from anonfaces.cluster import _moves, _state
from anonfaces.cluster.budget import UNLIMITED, Budget
from anonfaces.cluster.mdav import mdav

__all__ = ["anneal", "local_search"]

_TRIES = {"fast": (1_500, 2_000_000), "default": (25_000, 25_000_000), "best": (60_000, 90_000_000)}
_LEGS = 50
_HOT, _COLD = 1.0, 0.01  # first and last heat, in mean errors a person
_QUIET = 1e-9


def local_search(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
) -> np.ndarray:
    """MDAV, then every change that lowers the loss until none is found.

    The changes are those of ``_moves``: relocate, swap, pass on, cycle of three, create and
    dissolve a group, among a person's nearest others.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0, faces of a person.
        k: people a group at least; no group gets more than 2k - 1.
        rng: where the order of the tries comes from.
        budget: only its time limit counts.

    Returns:
        int64 (p,), group numbers from 0.
    """
    search = _Search(points, weights, k, rng, mdav(points, weights, k, rng))
    before = np.inf
    while search.loss < before * (1 - _QUIET) and not budget.spent():
        before = search.loss
        search.leg(0.0, 1.0, 8 * search.candidates.size)
    return search.best


def anneal(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
) -> np.ndarray:
    """MDAV, then simulated annealing: worse changes are taken too, ever more seldom.

    The work is a number of tries that follows from the effort and the number of people, so
    the same seed gives the same groups unless the time limit cuts it short.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0, faces of a person.
        k: people a group at least; no group gets more than 2k - 1.
        rng: where the chances come from.
        budget: effort, time limit, and whom to tell.

    Returns:
        int64 (p,), group numbers from 0: the best seen.

    Kirkpatrick, Gelatt and Vecchi, "Optimization by simulated annealing", Science 1983.
    """
    search = _Search(points, weights, k, rng, mdav(points, weights, k, rng))
    each, most = _TRIES[budget.effort]
    tries = min(each * len(points), most) // _LEGS
    heat, cool = _HOT * search.loss / len(points), (_COLD / _HOT) ** (1 / _LEGS)
    for leg in range(_LEGS):
        search.leg(heat, cool, tries)
        heat *= cool
        budget.report((leg + 1) / _LEGS, search.loss)
        if budget.spent():
            break
    return search.best


class _Search:
    """A grouping under way; the distances and candidates are computed once."""

    def __init__(
        self,
        points: np.ndarray,
        weights: np.ndarray,
        k: int,
        rng: np.random.Generator,
        start: np.ndarray,
    ) -> None:
        self.k = k
        self.d2 = _state.squared_distances(np.ascontiguousarray(points))
        self.weights = np.ascontiguousarray(weights)
        self.candidates = nearest_others(self.d2, max(20, 2 * k))
        self.now, self.best, self.loss = start, start, np.inf
        self.random = rng.integers(1, 2**63, size=1, dtype=np.uint64)
        self.leg(0.0, 1.0, 0)

    def leg(self, heat: float, cool: float, tries: int) -> None:
        """Some tries at one heat. The state is built anew, so rounding never adds up."""
        state = _state.build(self.d2, self.weights, self.candidates, self.now, self.k)
        best = np.empty_like(self.now)
        rounds = 10 if tries else 0
        loss = _moves.search(
            state, self.k, heat, cool ** (1 / 10), rounds, tries // 10, self.random, best
        )
        self.now = state.label
        if loss < self.loss:
            self.loss, self.best = loss, best


def nearest_others(d2: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` nearest others of every point, int64 (n, count), nearest first."""
    count = min(count, len(d2) - 1)
    shut = d2.copy()
    np.fill_diagonal(shut, np.inf)
    found = np.argpartition(shut, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(shut, found, axis=1), axis=1, kind="stable")
    return np.ascontiguousarray(np.take_along_axis(found, order, axis=1))

"""A search under way: distances and candidates computed once, run leg by leg."""

from __future__ import annotations

import math
from copy import copy

import numpy as np

from anonfaces.cluster.annealing import moves, state
from anonfaces.cluster.constraints.limits import Limits
from anonfaces.cluster.kernels import squared_distances
from anonfaces.cluster.neighbours import nearest, nearest_others
from anonfaces.cluster.people import means

__all__ = ["TABLE", "T_END", "T_START", "Search", "heat_units", "in_range"]

T_START, T_END = 1.0, 0.01  # first and last heat, in ``heat_units``
_FAR = np.float32(1e30)  # beyond all squared distances
TABLE = 2048  # people whose distances are held; beyond, coordinates are looked at anew
_CANDIDATES = 256
_TINY = 1e-150  # its square is still a number


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
        near: np.ndarray | None = None,
    ) -> None:
        """``near`` int64 (p, c) are others to look at, of everybody; None: they are looked for."""
        self.k = k
        self.limits = limits
        points, self.unit = in_range(points)
        self.weights = np.ascontiguousarray(weights)
        self.tables, self.candidates = _tables(points, max(20, 2 * k), limits, near)
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
        given = self.tables, self.weights, self.candidates
        return state.build(*given, self.now, self.k, self.limits, most)

    def stage(self, temperature: float, cooling: float, tries: int) -> None:
        """Some tries at one heat. The state is built anew, so rounding never adds up."""
        state = self.state()
        best = np.empty_like(self.now)
        rounds = 10 if tries else 0
        warm = temperature / self.unit
        loss = self.unit * moves.search(
            state, self.k, warm, cooling ** (1 / 10), rounds, tries // 10, self.random, best
        )
        self.now = state.label
        if loss < self.loss:
            self.loss, self.best = loss, np.unique(best, return_inverse=True)[1]


def heat_units(points: np.ndarray, weights: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """What a heat of 1 is, for the first and for the last one: a usual person's error.

    The last is the geometric mean over people of their group's mean error, the first half way
    from it to the arithmetic mean: a few far outliers would keep everybody else molten.
    """
    centre, _ = means(points, label, int(label.max()) + 1, weights)
    error = np.zeros(len(points))
    for rows in np.array_split(np.arange(len(points)), len(points) // 65536 + 1):
        error[rows] = np.square(points[rows] - centre[label[rows]]).sum(axis=1)
    each = (np.bincount(label, weights=weights * error) / np.bincount(label))[label]
    mean = float(each.mean())
    usual = mean * float(np.exp(np.log(each / mean + 1e-9).mean())) if mean else 0.0
    return math.sqrt(mean * usual), usual


def in_range(points: np.ndarray) -> tuple[np.ndarray, float]:
    """The points with numbers up to about 1, and what a squared distance of 1 then was.

    Squares of any float64 that `check_embedding` takes would not fit into float32. The factor is
    a power of two, so that no digit is lost.
    """
    largest = max(float(np.abs(points).max(initial=0.0)), _TINY)
    unit = 2.0 ** math.ceil(math.log2(largest))
    return points / unit, unit * unit


def _tables(
    points: np.ndarray, count: int, limits: Limits | None, near: np.ndarray | None
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """``d2`` and ``point`` of the state, one of them empty, and the candidates."""
    none = np.zeros((0, 0))
    if limits is None and (len(points) > TABLE or near is not None):
        near = _thinned(points, count) if near is None else near
        return (none.astype(np.float32), np.ascontiguousarray(points)), near
    d2 = squared_distances(points, np.float32)
    return (d2, none), _candidates(d2, count, limits)


def _thinned(points: np.ndarray, count: int) -> np.ndarray:
    """At most 256 of the nearest others, evenly by rank: of more, one is like the next."""
    near = nearest(points, min(count, 2 * _CANDIDATES))
    return np.ascontiguousarray(near[:, :: -(-near.shape[1] // _CANDIDATES)])


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
        key += np.where(code[:, None] == code, _FAR, np.float32(0))
    np.put_along_axis(key, near, np.inf, axis=1)
    other = nearest_others(key, min(count // 2, len(d2) - 1 - near.shape[1]))
    turns = np.argsort(np.r_[: near.shape[1], : other.shape[1]], kind="stable")
    return np.ascontiguousarray(np.concatenate([near, other], axis=1)[:, turns])

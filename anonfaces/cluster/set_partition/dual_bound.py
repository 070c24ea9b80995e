"""How good a grouping can be at all: a lower bound on the loss, so that the gap can be told.

A group S costs ``1 / W_S`` times the sum of ``w_i w_j d2_ij`` over its pairs, W_S its weight.
Split every pair's term as ``a_ij + a_ji`` any way: then the cost is the sum over its members i of
``sum of a_ij over the others / W_S``, which is at least the least such ratio over all sets of k - 1
to 2k - 2 others. The sum of these over all people is a lower bound for every grouping, and
subgradient steps on the split raise it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from anonfaces.cluster.kernels import compiled, squared_distances

__all__ = ["Ascent", "between_bound", "shares"]

_DENSE = 3000  # people; the split is a table of as many squared
_WORK = {"fast": 1.5e7, "default": 6e8, "best": 1e10}  # entries of the table looked at
_MOST_STEPS = 10_000
_ROWS = 512
_THREADED = 1024  # people
_PASS = 20_000  # people; above, one pass over all pairs would take minutes
_SAFE = 1 - 1e-9  # rounding
_SORTED = 0.25  # of all people; for more of them sorting all is quicker than inserting, measured


def between_bound(
    points: np.ndarray, weights: np.ndarray, k: int, loss: float, effort: str = "default"
) -> float:
    """A lower bound on the weighted sum of squared errors of any groups of k or more people.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0.
        k: people a group at least. (Groups of 2k or more can be split at no loss, so the bound
            over groups of k to 2k - 1 is one over all.)
        loss: that of a grouping that was found; the length of the steps comes from it.
        effort: how many steps. Above 3,000 people the split stays even, above 20,000 the bound
            is 0: nothing is claimed that was not computed.

    Returns:
        The bound, >= 0 and <= ``loss``.
    """
    if len(points) > _PASS:
        return 0.0
    bound = float(shares(points, weights, k, loss, effort).sum())
    return min(max(0.0, bound), loss)


def shares(
    points: np.ndarray, weights: np.ndarray, k: int, loss: float, effort: str = "default"
) -> np.ndarray:
    """What each person costs at least, float64 (p,): no group costs less than its members.

    The arguments are those of ``between_bound``, at most 20,000 people.
    """
    p = len(points)
    points, weights = np.ascontiguousarray(points), np.ascontiguousarray(weights)
    if p > _DENSE:
        return _even(points, weights, k) * _SAFE
    ascent = Ascent(points, weights, k, loss)
    ascent.run(min(_MOST_STEPS, int(_WORK[effort] / p**2)))
    return ascent.shares


def _even(points: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    """The shares of the even split, some rows of the table at a time."""
    square, out = np.square(points).sum(axis=1), np.empty(len(points))
    for first in range(0, len(points), _ROWS):
        rows = slice(first, first + _ROWS)
        d2 = square[rows, None] + square - 2 * points[rows] @ points.T
        split = np.maximum(d2 - 1e-12 * square.max(), 0) * np.outer(weights[rows], weights) / 2
        out[rows], _, _, _ = _ratios(split, weights, first, k)
    return out


class Ascent:
    """Polyak's steps towards ``loss``, shorter each time 30 of them bring nothing.

    The table of the split takes 8 bytes for every two people. It can be gone on with later.

    Attributes:
        shares: float64 (p,), what each person costs at least, by the best split so far.
    """

    def __init__(self, points: np.ndarray, weights: np.ndarray, k: int, loss: float) -> None:
        self._split = squared_distances(points)
        self._split *= weights[:, None] / 2
        self._split *= weights
        self._weights, self._k, self._loss = weights, k, loss
        self._best, self._length, self._idle = -np.inf, 1.0, 0
        self.shares = np.zeros(len(points))

    def run(self, steps: int, spent: Callable[[], bool] = lambda: False) -> None:
        """So many steps, or fewer where nothing more is to be had or ``spent`` says so."""
        for _ in range(steps + 1):
            least, chosen, count, mass = _ratios_of_all(self._split, self._weights, self._k)
            bound = float(least.sum())
            self._idle += 1
            if bound > self._best:
                self._best, self.shares, self._idle = bound, least * _SAFE, 0
            if self._idle == 30:
                self._length, self._idle = self._length / 2, 0
            steep = _steepness(chosen, count, mass)
            if steep <= 0 or self._loss <= self._best or self._length < 1e-3 or spent():
                break
            _step(self._split, chosen, count, mass, self._length * (self._loss - bound) / steep)


def _ratios_of_all(split: np.ndarray, weights: np.ndarray, k: int) -> list[np.ndarray]:
    """``_ratios`` of all rows, in threads where there are many."""
    if len(split) <= _THREADED:
        return list(_ratios(split, weights, 0, k))
    starts = range(0, len(split), _ROWS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(lambda at: _ratios(split[at : at + _ROWS], weights, at, k), starts)
        return [np.concatenate(part) for part in zip(*parts, strict=True)]


@compiled
def _ratios(split: Any, weights: Any, first: int, k: int) -> Any:
    """For each row the least ratio, the others that give it, how many, and their weight.

    Row r of ``split`` is person ``first + r``. Dinkelbach: with the best ratio so far as the
    price of weight, look for others that are cheaper; when there are none, it was the least.
    """
    rows, p = split.shape
    most = min(2 * k - 2, p - 1)
    least, mass = np.full(rows, np.inf), np.zeros(rows)
    chosen, count = np.zeros((rows, most), np.int64), np.zeros(rows, np.int64)
    order, value = np.zeros(most, np.int64), np.zeros(most)
    for r in range(rows):
        price = 0.0
        for _ in range(60):
            _cheapest(split[r], weights, first + r, price, order, value)
            cost, weight, found = 0.0, weights[first + r], False
            for m in range(most):
                cost += split[r, order[m]]
                weight += weights[order[m]]
                if m >= k - 2 and cost / weight < least[r]:
                    least[r], mass[r], count[r], found = cost / weight, weight, m + 1, True
            if not found:
                break
            chosen[r] = order
            price = least[r]
    return least, chosen, count, mass


@compiled
def _cheapest(row: Any, weights: Any, own: int, price: float, order: Any, value: Any) -> None:
    """The others with the least ``row - price * weights``, cheapest first, into ``order``."""
    last = len(order) - 1
    if last > _SORTED * len(row):
        every = row - price * weights
        every[own] = np.inf
        order[:] = np.argsort(every, kind="mergesort")[: last + 1]  # stable, as inserting is
        return
    value[:] = np.inf
    for j in range(len(row)):
        one = row[j] - price * weights[j]
        if one < value[last] and j != own:
            q = last
            while q > 0 and value[q - 1] > one:
                value[q], order[q] = value[q - 1], order[q - 1]
                q -= 1
            value[q], order[q] = one, j


@compiled
def _steepness(chosen: Any, count: Any, mass: Any) -> float:
    """Squared length of the subgradient over the pairs; what both sides want cancels."""
    steep = 0.0
    for i in range(len(count)):
        for j in chosen[i, : count[i]]:
            back = 0.0
            for other in chosen[j, : count[j]]:
                if other == i:
                    back = 1.0 / mass[j]
            gap = 1.0 / mass[i] - back
            steep += gap * gap if back == 0.0 else gap * gap / 2
    return steep


@compiled
def _step(split: Any, chosen: Any, count: Any, mass: Any, length: float) -> None:
    for i in range(len(count)):
        for j in chosen[i, : count[i]]:
            split[i, j] += length / mass[i]
            split[j, i] -= length / mass[i]

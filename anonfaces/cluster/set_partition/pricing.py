"""Prices of people, and of cuts, that no group undercuts: their sum is a bound for every grouping.

If no set of k to 2k - 1 people costs less than its members' prices, then no grouping costs less
than the sum of all prices. A cut is an odd set of people of which a grouping can have at most
``(its size - 1) / 2`` pairs within a group; whoever has a pair in it pays its price once more,
and that many prices are taken off the sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from anonfaces.cluster.kernels import compiled
from anonfaces.cluster.set_partition.candidate_sets import FAR, cheap_sets, losses

__all__ = ["Cheap", "Prices", "Pricing"]

_ROOM = 200_000  # sets found at a time
_NODES = 4_000_000  # sets looked at
_EXACT = 1e-13  # of the greatest price; rounding in sums of some prices
_BAR = 1e-10  # of the greatest price


class Prices(NamedTuple):
    """What a person has to pay, float64 (p,), and a pair in a cut, float64 (q,) >= 0."""

    person: np.ndarray
    cut: np.ndarray

    def towards(self, other: Prices, share: float) -> Prices:
        """``share`` of the way to ``other``."""
        return Prices(*(one + share * (two - one) for one, two in zip(self, other, strict=True)))


class Cheap(NamedTuple):
    """Sets that cost less than their prices, and prices that were lowered until none does."""

    sets: np.ndarray  # int64 (s, 2k - 1), filled up with p
    reduced: np.ndarray  # float64 (s,), loss less prices, < 0
    safe: Prices


class Pricing:
    """All groups that could be: finds those that undercut given prices, and misses none.

    Args:
        d2: float64 (p, p), squared distances, scaled so that prices are about 1.
        weights: float64 (p,).
        k: people a group at least.
    """

    def __init__(self, d2: np.ndarray, weights: np.ndarray, k: int) -> None:
        self.d2, self.weights, self.k = d2, weights, k
        self.most = min(2 * k - 1, len(weights))
        self.within = d2 * np.outer(weights, weights)
        self.inside = np.zeros((len(weights) + 1, 0))  # 1 where a person is in a cut

    def add_cuts(self, cuts: list[list[int]]) -> None:
        """Take further odd sets of rows."""
        more = np.zeros((len(self.inside), len(cuts)))
        for q, rows in enumerate(cuts):
            more[rows, q] = 1
        self.inside = np.hstack([self.inside, more])

    def bound(self, prices: Prices) -> float:
        """What the prices prove, if no set undercuts them."""
        allowed = self.inside.sum(axis=0) // 2
        return float(prices.person.sum() - prices.cut @ allowed)

    def pairs(self, sets: np.ndarray) -> np.ndarray:
        """How many pairs of each cut each set has in it, float64 (s, q)."""
        count = np.zeros((len(sets), self.inside.shape[1]))
        for column in sets.T:
            count += self.inside[column]
        return count // 2

    def losses(self, sets: np.ndarray) -> np.ndarray:
        """Loss of each set, float64 (s,)."""
        return losses(self.d2, self.weights, sets)

    def cheap(self, prices: Prices) -> Cheap | None:
        """The sets that undercut the prices; None where they are too many to look at.

        Without cuts sets of k are enough: over the sets of k in a larger set, the mean of the
        losses and that of the prices fall short of its own by the same factor or more.
        """
        sizes = range(self.k, self.most + 1) if prices.cut.any() else [self.k]
        parts = [self._of_size(prices, m) for m in sizes]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        sets = np.unique(np.sort(np.concatenate(known), axis=1), axis=0)
        reduced = self.reduced(prices, sets)
        sets, reduced = sets[reduced < 0], reduced[reduced < 0]
        return Cheap(sets, reduced, self._safe(prices, sets, reduced))

    def reduced(self, prices: Prices, sets: np.ndarray) -> np.ndarray:
        """Loss of each set less what its members pay, plus what its pairs in cuts pay."""
        person = np.append(prices.person, 0.0)
        more = np.zeros(len(sets))
        on = np.flatnonzero(prices.cut)
        for part in np.array_split(np.arange(len(sets)), len(sets) // 5000 + 1):
            count = self.inside[:, on][sets[part]].sum(axis=1) // 2
            more[part] = count @ prices.cut[on]
        return self.losses(sets) - person[sets].sum(axis=1) + more

    def _of_size(self, prices: Prices, m: int) -> np.ndarray | None:
        columns = np.empty((_ROOM, m), np.int64)
        unit = self._unit(prices)
        count = cheap_sets(self._pair(prices, m), _BAR * unit, _EXACT * unit, _NODES, columns)
        if count < 0:
            return None
        filled = np.full((count, self.most), len(self.weights))
        filled[:, :m] = columns[:count]
        return filled

    def _unit(self, prices: Prices) -> float:
        return float(np.abs(prices.person * self.weights).max()) * self.most**2

    def _pair(self, prices: Prices, m: int) -> np.ndarray:
        """The e_ij of ``_sets``, with a cut's price shared by the pairs that a set has in it."""
        w, price = self.weights, prices.person
        pair = self.within - np.outer(w, price) - np.outer(price, w)
        pair -= np.add.outer(w * price, w * price) / (m - 1)
        on = np.flatnonzero(prices.cut)
        if len(on):
            inside = self.inside[:-1, on]
            hit = np.minimum(inside.sum(axis=0), m)
            shared = (inside * (prices.cut[on] / _odd(hit))) @ inside.T
            pair += shared * (np.add.outer(w, w) + (m - 2) * w.min())
        np.fill_diagonal(pair, FAR)
        return pair

    def _safe(self, prices: Prices, sets: np.ndarray, reduced: np.ndarray) -> Prices:
        """Everyone pays less by as much as the cheapest of their sets asks of each member."""
        less = np.full(len(self.weights) + 1, _EXACT * self._unit(prices) / self.weights.min())
        _lower(less, sets, reduced)
        return Prices(prices.person - less[:-1], prices.cut)


def _odd(size: np.ndarray) -> np.ndarray:
    """Pairs among s people or fewer over those that a cut counts, at most: s, or s - 1 if even."""
    return size - (size + 1) % 2


@compiled
def _lower(less: np.ndarray, sets: np.ndarray, reduced: np.ndarray) -> None:
    p = len(less) - 1
    slack = less[0]
    for s in range(len(sets)):
        size = 0
        for i in sets[s]:
            size += i < p
        for i in sets[s]:
            if i < p:
                less[i] = max(less[i], slack - reduced[s] / size)

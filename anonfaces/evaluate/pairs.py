"""How a recogniser does on the originals: what a threshold means before there are surrogates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.text import pluralize
from anonfaces.evaluate._arrays import check_embedding

__all__ = ["Verification", "verification"]

_BINS, _WIDEST = 4000, 4.0
_BLOCK = 1024


@dataclass(frozen=True)
class Verification:
    """Pairs of originals counted by distance, in bins of ``1 / 1000``.

    ``same`` and ``different`` int64 (4000,): pairs of one person's and of two people's faces;
    what is farther than 4 lies in the last bin.
    """

    same: NDArray[np.int64]
    different: NDArray[np.int64]

    def __repr__(self) -> str:
        same, different = (pluralize(int(of.sum()), "pair") for of in (self.same, self.different))
        return f"Verification({same} of one person, {different} of two people)"

    def true_match(self, t: float | NDArray[Any]) -> NDArray[np.float64]:
        """Share of pairs of one person at most ``t`` apart; NaN where there is no such pair."""
        return _below(self.same, t)

    def false_match(self, t: float | NDArray[Any]) -> NDArray[np.float64]:
        """Share of pairs of two people at most ``t`` apart; NaN where there is no such pair."""
        return _below(self.different, t)


def verification(embedding: NDArray[Any], identity: NDArray[Any]) -> Verification:
    """Distances of all pairs of ``embedding`` (n, d), with ``identity`` (n,): the ROC's context.

    n squared pairs by blocks of matrix products: a second for 6,000 faces. A distance of no
    more than the bin's middle counts as the bin.
    """
    X = check_embedding(embedding)
    if np.shape(identity) != (len(X),):
        raise InputError(f"identities are {len(X)}, one a face, not {np.shape(identity)}")
    _, person = np.unique(identity, return_inverse=True)
    counts = np.zeros((2, _BINS), np.int64)
    for start in range(0, len(X), _BLOCK):
        _count(counts, X, person, start)
    return Verification(counts[1], counts[0])


def _count(
    counts: NDArray[np.int64], X: NDArray[np.float64], person: NDArray[np.int64], start: int
) -> None:
    """Add the pairs of the rows from ``start`` on with those after each of them."""
    block, rest = X[start : start + _BLOCK], X[start:]
    square = np.square(block).sum(axis=1)[:, None] + np.square(rest).sum(axis=1)
    distance = np.sqrt(np.maximum(square - 2 * block @ rest.T, 0))
    bins = np.minimum(distance * (_BINS / _WIDEST), _BINS - 1).astype(np.int64)
    same = person[start : start + _BLOCK, None] == person[start:]
    after = np.arange(len(rest)) > np.arange(len(block))[:, None]
    counts += np.bincount((bins + _BINS * same)[after], minlength=2 * _BINS).reshape(2, _BINS)


def _below(counts: NDArray[np.int64], t: float | NDArray[Any]) -> NDArray[np.float64]:
    if not counts.any():
        return np.full(np.shape(t), np.nan)
    share = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    at = np.rint(np.clip(np.asarray(t, float), 0, _WIDEST) * (_BINS / _WIDEST))
    return share[at.astype(np.int64)]

"""Rank-1: does a recogniser that knows all originals put the right person first?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate._arrays import (
    check_embedding,
    check_labels,
    check_surrogates,
    people_of,
    share_by,
)
from anonfaces.evaluate.intervals import Interval, wilson

__all__ = ["Rank1", "rank_1"]

_BLOCK_BYTES = 64 * 2**20
_TIE = 1e-6


@dataclass(frozen=True)
class Rank1:
    """Who comes first for each surrogate.

    ``first`` bool (people,): this person is the nearest, or as near as the nearest, of all the
    gallery to their own group's surrogate. ``group`` int64 (people,) that group; ``missing``
    bool (groups,): the surrogate shows no face, and all of its people count as first.
    """

    first: NDArray[np.bool_]
    group: NDArray[np.int64]
    missing: NDArray[np.bool_]

    def __repr__(self) -> str:
        of = f"{len(self.first):,} people in {len(self.missing):,} groups"
        missing = f"{int(self.missing.sum()):,} missing"
        return f"Rank1({of}, rate {self.rate:.3f}, chance {self.chance:.3f}, {missing})"

    @property
    def rate(self) -> float:
        """Share of people who come first for their own surrogate, people weighing equally.

        One of them at most does unless they are equally near, so this is 1 / k at worst where no
        surrogate is missing.
        """
        return float(self.first.mean())

    @property
    def chance(self) -> float:
        """What guessing within the right group would give: the mean of 1 / its people."""
        return float((1 / np.bincount(self.group))[self.group].mean())

    @property
    def rate_of_groups(self) -> float:
        """Share of surrogates for which any member comes first: the group is found again.

        That is no breach of the promise, which hides a person among k and not the k among all.
        """
        return float((share_by(self.first, self.group) > 0).mean())

    def interval(self, confidence: float = 0.95) -> Interval:
        """Wilson's interval of ``rate``."""
        return wilson(self.rate, len(self.first), confidence)


def rank_1(
    embedding: NDArray[Any],
    surrogate: NDArray[Any],
    labels: NDArray[Any],
    identity: NDArray[Any] | None = None,
) -> Rank1:
    """Search every surrogate in a gallery of all originals; who comes first?

    ``embedding`` (n, d), the gallery: a person with several photographs is as near as the nearest
    of them; ``surrogate`` (g, d), NaN where it shows no face; ``labels`` int (n,); ``identity``
    (n,). Take vectors of a recogniser that had no part in making the surrogates. People who are
    equally near (to 1e-6) are all first, which counts against us. ``InputError`` for arrays that
    do not fit.
    """
    X = check_embedding(embedding)
    S = check_surrogates(surrogate, X.shape[1])
    group = check_labels(labels, len(X), len(S))
    person = people_of(identity, group)
    nearest = np.concatenate(list(_nearest(X, S)))
    own = np.sqrt(np.square(X - S[group]).sum(axis=1))
    hit = np.isnan(own) | (own <= nearest[group] + _TIE)
    first = np.zeros(person.max() + 1, bool)
    np.logical_or.at(first, person, hit)
    _, row = np.unique(person, return_index=True)
    return Rank1(first, group[row], np.isnan(S[:, 0]))


def _nearest(X: NDArray[np.float64], S: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Distance of each surrogate to the nearest original, a block of surrogates at a time.

    The product finds who is nearest; their distance is then computed as that of a member is,
    since the product cancels digits.
    """
    square = np.square(X).sum(axis=1)
    step = max(1, _BLOCK_BYTES // (8 * len(X)))
    for start in range(0, len(S), step):
        block = S[start : start + step]
        at = np.argmin(square - 2 * (np.nan_to_num(block) @ X.T), axis=1)
        yield np.sqrt(np.square(block - X[at]).sum(axis=1))

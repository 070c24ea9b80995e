"""How a recogniser does on the originals: its ROC, and the threshold that follows from it.

A judge's threshold is not taken from its maker but from the originals: the largest distance at
which no more than a given share of pairs of two people is taken for one person's (the false match
rate, ISO/IEC 19795-1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.evaluate._arrays import check_embedding

__all__ = ["FALSE_MATCH_RATE", "Roc", "roc"]

#: One stranger in a thousand is taken for the person: what border control asks for.
FALSE_MATCH_RATE = 1e-3
#: All pairs of so many faces fit memory: 8 million distances, 32 MB.
_MOST_FACES = 4000


@dataclass(frozen=True)
class Roc:
    """Sorted distances of pairs of originals.

    Attributes
    ----------
    same, different : float32 (pairs,)
        Of one person's two faces, and of two people's, ascending.
    """

    same: NDArray[np.float32]
    different: NDArray[np.float32]

    def __repr__(self) -> str:
        eer = "unknown" if np.isnan(self.equal_error_rate) else f"{self.equal_error_rate:.3f}"
        same, different = len(self.same), len(self.different)
        return f"Roc({same:,} pairs of one person, {different:,} of two, EER {eer})"

    def true_match(self, t: float | NDArray[Any]) -> NDArray[np.float64]:
        """Share of pairs of one person at most ``t`` apart; NaN where there is no such pair."""
        return _at_most(self.same, t)

    def false_match(self, t: float | NDArray[Any]) -> NDArray[np.float64]:
        """Share of pairs of two people at most ``t`` apart; NaN where there is no such pair."""
        return _at_most(self.different, t)

    def threshold(self, false_match_rate: float = FALSE_MATCH_RATE) -> float:
        """The largest distance with at most this share of false matches, halfway to the next.

        Where there are fewer pairs than that share can be seen in, it is the distance below which
        no pair of two people lies.
        """
        if not 0 < false_match_rate < 1:
            raise InputError(f"a false match rate lies between 0 and 1, not {false_match_rate:g}")
        allowed = int(np.floor(false_match_rate * len(self.different)))
        after = float(self.different[min(allowed, len(self.different) - 1)])
        before = float(self.different[allowed - 1]) if allowed else 0.0
        return (before + after) / 2 if allowed else float(np.nextafter(np.float32(after), 0))

    def true_match_at(self, false_match_rate: float) -> float:
        """Share of true matches at the threshold of a false match rate."""
        return float(self.true_match(self.threshold(false_match_rate)))

    @property
    def equal_error_rate(self) -> float:
        """Where as many strangers are taken for a person as photographs of a person are missed."""
        if not len(self.same):
            return float("nan")
        at = np.unique(np.concatenate([self.same, _few(self.different)]))
        missed, taken = 1 - self.true_match(at), self.false_match(at)
        i = int(np.argmin(np.abs(missed - taken)))
        return float((missed[i] + taken[i]) / 2)


def roc(embedding: NDArray[Any], identity: NDArray[Any], seed: int = 0) -> Roc:
    """The ROC of vectors ``embedding`` (n, d) of people ``identity`` (n,).

    Of more than 4,000 faces as many are drawn by ``seed``. ``InputError`` where there are fewer
    than two people.
    """
    X = check_embedding(embedding)
    if np.shape(identity) != (len(X),):
        raise InputError(f"identities are {len(X)}, one a face, not {np.shape(identity)}")
    if len(X) > _MOST_FACES:
        some = np.random.default_rng(seed).choice(len(X), _MOST_FACES, replace=False)
        X, identity = X[some], np.asarray(identity)[some]
    _, person = np.unique(identity, return_inverse=True)
    if person.max() < 1:
        raise InputError("a threshold needs the faces of two people at least")
    return Roc(*_distances(X, person))


def _distances(
    X: NDArray[np.float64], person: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from scipy.spatial.distance import pdist

    distance = pdist(X).astype(np.float32)
    i, j = np.triu_indices(len(X), 1)
    same = person[i] == person[j]
    return np.sort(distance[same]), np.sort(distance[~same])


def _at_most(distances: NDArray[np.float32], t: float | NDArray[Any]) -> NDArray[np.float64]:
    if not len(distances):
        return np.full(np.shape(t), np.nan)
    return np.searchsorted(distances, np.asarray(t, np.float32), side="right") / len(distances)


def _few(values: NDArray[np.float32], most: int = 20_000) -> NDArray[np.float32]:
    """Evenly spread ones of sorted ``values``, and all of the smallest, where errors are equal."""
    return values[np.unique(np.linspace(0, len(values) - 1, most).astype(np.int64))]

"""Identification: a surrogate is searched in a gallery of photographs; at which rank is who?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.evaluate._arrays import check_embedding, check_surrogates, share_by
from anonfaces.evaluate.intervals import Interval, wilson

__all__ = ["Identification", "identify", "person_distances"]

#: Distances that differ by less are equal: products of matrices cancel digits.
_TIE = 1e-6
_BLOCK = 256


@dataclass(frozen=True)
class Identification:
    """At which rank a gallery's software puts each person for the surrogate of their own group.

    Attributes
    ----------
    rank : int64 (p,)
        1 where nobody in the gallery is nearer; people who are equally near share the better
        rank, and a surrogate without a face puts all of its people first: both count against us.
        0 for people who are not in the gallery.
    group : int64 (p,)
        The group of each person.
    candidates : int
        People in the gallery.
    """

    rank: NDArray[np.int64]
    group: NDArray[np.int64]
    candidates: int

    def __repr__(self) -> str:
        return (
            f"Identification({self.people:,} people among {self.candidates:,}, rank-1"
            f" {self.rate():.3f}, chance {self.chance:.3f})"
        )

    @property
    def present(self) -> NDArray[np.bool_]:
        """Who of the people is in the gallery, bool (p,)."""
        return self.rank > 0

    @property
    def people(self) -> int:
        """How many of them are: the trials."""
        return int(self.present.sum())

    @property
    def chance(self) -> float:
        """What guessing within the right group gives: the mean of 1 / its people, 1/k at most."""
        return float((1 / np.bincount(self.group))[self.group][self.present].mean())

    def hits(self, r: int = 1) -> NDArray[np.bool_]:
        """Who is among the first ``r``, bool (p,)."""
        return self.present & (self.rank <= r)

    def rate(self, r: int = 1) -> float:
        """Share of people among the first ``r`` for their own surrogate."""
        return float(self.hits(r)[self.present].mean())

    def interval(self, r: int = 1, confidence: float = 0.95) -> Interval:
        """Wilson's interval of ``rate``, people being the trials."""
        return wilson(self.rate(r), self.people, confidence)

    def p_value(self) -> float:
        """Of at least so many first places if the true rate were ``chance`` (binomial test)."""
        from scipy.stats import binomtest

        hits = int(self.hits().sum())
        return float(binomtest(hits, self.people, self.chance, alternative="greater").pvalue)

    @property
    def groups(self) -> int:
        """Groups with somebody in the gallery."""
        return len(np.unique(self.group[self.present]))

    @property
    def rate_of_groups(self) -> float:
        """Share of surrogates for which some member comes first: the group is found."""
        return float((share_by(self.hits()[self.present], self._numbers) > 0).mean())

    @property
    def chance_of_groups(self) -> float:
        """The same for somebody named by chance: a group's people over all candidates."""
        return float((np.bincount(self._numbers) / self.candidates).mean())

    @property
    def _numbers(self) -> NDArray[np.int64]:
        return np.unique(self.group[self.present], return_inverse=True)[1]


def identify(
    surrogate: NDArray[Any],
    group: NDArray[Any],
    name: NDArray[Any],
    gallery: NDArray[Any],
    gallery_name: NDArray[Any],
) -> Identification:
    """Search each surrogate in a gallery; where does it put the people of its group?

    Parameters
    ----------
    surrogate : float (g, d)
        Vectors of surrogates, rows of NaN where no face was found.
    group : int (p,)
        The group of each person.
    name : str (p,)
        Who they are.
    gallery : float (m, d)
        Vectors of the gallery's photographs; a person is as near as the nearest of theirs.
    gallery_name : str (m,)
        Who is on them. Names that are none of ``name`` are strangers.

    Raises
    ------
    InputError
        Arrays do not fit, or nobody is in the gallery.
    """
    G = check_embedding(gallery)
    S = check_surrogates(surrogate, G.shape[1])
    group, name = np.asarray(group, np.int64), np.asarray(name, str)
    if len(group) != len(name) or len(G) != len(gallery_name):
        raise InputError("one group and one name a person, and one name a photograph")
    candidates, owner = np.unique(np.asarray(gallery_name, str), return_inverse=True)
    column = np.minimum(np.searchsorted(candidates, name), len(candidates) - 1)
    here = candidates[column] == name
    if not here.any():
        raise InputError("none of the people is in the gallery: are its folders named alike?")
    distance = person_distances(S, G, owner)
    own = distance[group, column]
    rank = _ranks(distance, group, own)
    return Identification(np.where(here, rank, 0), group, len(candidates))


def person_distances(
    surrogate: NDArray[np.float64], gallery: NDArray[np.float64], owner: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Distance of each surrogate (g, d) to the nearest photograph (m, d) of each person.

    float64 (g, people), NaN where the surrogate's vector is; ``owner`` int64 (m,) numbers people
    from 0, each with a photograph.
    """
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(owner.max() + 1))
    parts = [np.empty((0, len(starts)))]
    for first in range(0, len(surrogate), _BLOCK):
        block = _cdist(surrogate[first : first + _BLOCK], gallery[order])
        parts.append(np.minimum.reduceat(block, starts, axis=1))
    return np.concatenate(parts)


def _cdist(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[Any]:
    from scipy.spatial.distance import cdist

    return cdist(a, b)


def _ranks(
    distance: NDArray[np.float64], group: NDArray[np.int64], own: NDArray[np.float64]
) -> NDArray[np.int64]:
    """One more than the candidates who are nearer; 1 where the surrogate shows no face."""
    parts = np.array_split(np.arange(len(group)), -(-len(group) // _BLOCK))
    nearer = [
        (distance[group[some]] < own[some, None] - _TIE).sum(axis=1) for some in parts
    ]  # a row of NaN is nearer to nobody, which leaves rank 1
    return 1 + np.concatenate(nearer)

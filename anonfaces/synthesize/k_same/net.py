"""k-Same-Net: a network draws a mixture of k other people who resemble the group.

B. Meden, Z. Emersic, V. Struc, P. Peer, "k-Same-Net: k-Anonymity with Generative Deep Neural
Networks for Face Deidentification", Entropy 20(1), 2018. Their gallery has several photographs
of each of 67 people; ours has one of each of 1,000, so expression is what landmarks tell of it.

Stands up to a stranger with a recogniser; not to who makes it again to confirm a guess, since no
secret of the owner goes into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.k_same.mixture import Mixture, expression_of, load_mixture
from anonfaces.synthesize.k_same.warp import to_sides
from encoders.detect.pool import enlarged
from encoders.frame import CropSquare

if TYPE_CHECKING:
    from anonfaces.synthesize import Members

__all__ = ["KSameNet"]

_DLIB = CropSquare(0.503, 0.602, 0.688)
"""Where dlib's chip lies in an FFHQ-aligned one: the median of 300 photographs of two sets."""
_AT_ONCE = 64
_FIXED = 2**30


class KSameNet:
    """As many of the gallery's people as the group has, the nearest to it, mixed in equal parts.

    No pixel of a member is seen by the network: a group says which people of the gallery are
    mixed, and which expression they wear. Each person has equal weight.
    """

    name = "k-same-net"

    def __init__(self, mixture: Mixture | None = None) -> None:
        from encoders.embed import load_embedder

        self._mixture = mixture or load_mixture()
        self._embedder: Any = load_embedder("dlib")

    def __call__(self, members: Members) -> NDArray[np.uint8]:
        ((_, face),) = self.many([(0, members)])
        return face

    def many(
        self, groups: Iterable[tuple[int, Members]]
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield ``(group, face)`` in order: uint8 (s, s, 3) RGB, from hairline to chin."""
        left = iter(groups)
        while some := list(islice(left, _AT_ONCE)):
            faces = self._drawn([members for _, members in some])
            for (number, members), face in zip(some, faces, strict=True):
                yield number, enlarged(face, members.chip_size)

    def _drawn(self, groups: Sequence[Members]) -> NDArray[np.uint8]:
        people = [(members, person) for members in groups for person in range(len(members))]
        vector = _means(self._vectors(groups), people)
        shown = [expression_of(to_sides(m.landmarks(p), m.chip_size)) for m, p in people]
        expression = _means(np.concatenate(shown), people)
        count = np.array([len(members) for members in groups])
        start = np.cumsum(count) - count
        mean = [np.add.reduceat(each, start) / count[:, None] for each in (vector, expression)]
        return self._mixture.pictures(self._shares(mean[0], count), mean[1])

    def _vectors(self, groups: Sequence[Members]) -> NDArray[np.float32]:
        """dlib's vectors of all faces, person by person."""
        size = self._embedder.chip_size
        cut = [
            _DLIB.cut(chips, size)
            for members in groups
            for person in range(len(members))
            for chips in members.chips(person)
        ]
        return self._embedder(np.concatenate(cut))

    def _shares(self, mean: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float32]:
        """1 / k for the k people of the gallery nearest to each group, 0 for the others."""
        gallery = self._mixture.vector.astype(np.float64)
        distance = np.square(gallery).sum(axis=1) - 2 * mean @ gallery.T
        rank = distance.argsort(axis=1, kind="stable").argsort(axis=1)
        k = np.minimum(count, len(gallery))[:, None]
        return ((rank < k) / k).astype(np.float32)


def _means(values: NDArray[Any], people: Sequence[tuple[Members, int]]) -> NDArray[np.float64]:
    """Mean of each person's rows. Sums are of whole numbers, so the order of rows is not told."""
    count = np.array([len(members.rows[person]) for members, person in people])
    fixed = np.rint(values.astype(np.float64) * _FIXED).astype(np.int64)
    sums = np.add.reduceat(fixed, np.cumsum(count) - count)
    return sums / (count[:, None] * float(_FIXED))

"""How well faces suit a group: far from all members, equally far, and with the group's traits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.generator.latents import GroupLatents
from anonfaces.synthesize.generator.traits import attribute_loss
from anonfaces.synthesize.member_distances import THRESHOLD, TOLERANCE

__all__ = ["Candidates", "Fit"]

Vectors = NDArray[np.float32]

#: Distance below which a member is too near: dlib's 0.6 and a margin, as for ``optimised``.
_TARGET = 0.64
#: What a member who is 0.1 too near costs, in units of ``attribute_loss``.
_TOO_NEAR = 10.0
#: What 0.1 of unevenness above ``TOLERANCE`` costs, in the same units.
_UNEVEN = 3.0
#: Weight of the tone of skin beside age and gender: a difference of 50 levels in all three channels
#: costs about as much as 17 years.
_TONE = 4.0
#: Loss of age, gender and tone up to which a group's traits count as kept: 13 years, or 37 levels.
_KEPT = 1.0


@dataclass(frozen=True)
class Fit:
    """How well candidates suit a group, each (c,).

    ``near`` and ``far``: distance of the nearest and of the farthest member; ``cost``: the less
    the better; ``fits``: whether nothing more could be asked.
    """

    near: NDArray[np.float64]
    far: NDArray[np.float64]
    cost: NDArray[np.float64]
    fits: NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """Faces as networks see them.

    ``vector`` float32 (c, 128), dlib's; ``looks`` float32 (c, 2), perceived age in years and log
    odds of "female"; ``tone`` float32 (c, 3), the median RGB of cheeks and chin, -1 to 1.
    """

    vector: Vectors
    looks: Vectors
    tone: Vectors

    def __len__(self) -> int:
        return len(self.vector)

    def at(self, rows: NDArray[np.integer]) -> Self:
        """Some of them."""
        return type(self)(self.vector[rows], self.looks[rows], self.tone[rows])

    def mixed(self, other: Self, share: float) -> Self:
        """What a mixture with ``share`` of ``other``, face by face, about looks like.

        Vectors and looks lie between; the tone is that of the first (see ``morph``).
        """
        vector, looks = (
            (1 - share) * one + share * two
            for one, two in ((self.vector, other.vector), (self.looks, other.looks))
        )
        return type(self)(vector, looks, self.tone)

    def fit(self, group: GroupLatents) -> Fit:
        """How well each suits ``group``."""
        distance = _to_people(self.vector, group.vectors)
        near, far = distance.min(axis=1), distance.max(axis=1)
        looks, tone = (np.median(own, axis=0, keepdims=True) for own in (group.looks, group.tone))
        traits = np.asarray(attribute_loss(self.looks, looks), np.float64)
        traits += _TONE * np.square(self.tone - tone).sum(axis=1)
        uneven = far - near - TOLERANCE
        cost = traits + 10 * _TOO_NEAR * np.maximum(_TARGET - near, 0)
        cost += 10 * _UNEVEN * np.maximum(uneven, 0)
        return Fit(near, far, cost, (near > THRESHOLD) & (uneven <= 0) & (traits <= _KEPT))


def _to_people(vector: Vectors, people: tuple[Vectors, ...]) -> NDArray[np.float64]:
    """Distance of each face to each person's nearest photograph, float64 (c, p)."""
    from scipy.spatial.distance import cdist

    ends = np.cumsum([0, *map(len, people)])[:-1]
    return np.minimum.reduceat(cdist(vector, np.concatenate(people)), ends, axis=1)

"""k-Same: the pixel mean of a group's aligned chips.

E. M. Newton, L. Sweeney, B. Malin, "Preserving Privacy by De-identifying Face Images", IEEE
Transactions on Knowledge and Data Engineering 17(2), 2005.

Stands up to a stranger with a recogniser, at k of 5 and more; not to who holds the very photographs
of all members but one, since a mean can be undone, nor to who makes it again to confirm a guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.surroundings import without_surroundings

if TYPE_CHECKING:
    from anonfaces.synthesize import Members

__all__ = ["FRACTION", "KSame", "exact"]

#: Parts of a level that sums are exact to: a thousand people's error stays far below half a level.
FRACTION = 2**20


class KSame:
    """Mean over the people of a group, each person with equal weight.

    The paper has one picture of each person; where there are more, the person's own mean face
    stands for them. All sums are exact integers, so the bytes depend neither on the order of the
    rows nor on that of names. What is around the face is taken away (see ``surroundings``).
    """

    name = "k-same"

    def __call__(self, members: Members) -> NDArray[np.uint8]:
        """uint8 (s, s, 3) RGB, rounded to the nearest level."""
        total = np.zeros((members.chip_size, members.chip_size, 3), np.int64)
        for person in range(len(members)):
            total += exact(_mean_face(members, person))
        return without_surroundings(total / (FRACTION * len(members)))


def exact(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Levels as whole multiples of 2^-20: sums of these are the same in every order."""
    return np.rint(values * FRACTION).astype(np.int64)


def _mean_face(members: Members, person: int) -> NDArray[np.float64]:
    total = np.zeros((members.chip_size, members.chip_size, 3), np.int64)
    for chips in members.chips(person):
        total += chips.sum(axis=0, dtype=np.uint32)
    return total / len(members.rows[person])

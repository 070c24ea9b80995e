"""k-Same: the pixel mean of a group's aligned chips.

E. M. Newton, L. Sweeney, B. Malin, "Preserving Privacy by De-identifying Face Images", IEEE
Transactions on Knowledge and Data Engineering 17(2), 2005.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anonfaces.synthesize import Members

__all__ = ["KSame"]


class KSame:
    """Mean over the people of a group, each person with equal weight.

    The paper has one picture of each person; where there are more, the person's own mean face
    stands for them. Sums of a person are exact integers and people come in a fixed order, so
    the bytes do not depend on the order of the rows.
    """

    name = "k-same"

    def __call__(self, members: Members) -> NDArray[np.uint8]:
        """uint8 (s, s, 3) RGB, rounded to the nearest level."""
        total = np.zeros((members.chip_size, members.chip_size, 3))
        for person in range(len(members)):
            total += _mean_face(members, person)
        return np.rint(total / len(members)).astype(np.uint8)


def _mean_face(members: Members, person: int) -> NDArray[np.float64]:
    total = np.zeros((members.chip_size, members.chip_size, 3), np.int64)
    for chips in members.chips(person):
        total += chips.sum(axis=0, dtype=np.uint32)
    return total / len(members.rows[person])

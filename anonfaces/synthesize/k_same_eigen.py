"""k-Same-Eigen: the mean of a group in the space of eigenfaces.

E. M. Newton, L. Sweeney, B. Malin, "Preserving Privacy by De-identifying Face Images", IEEE
Transactions on Knowledge and Data Engineering 17(2), 2005. They take the principal components of
the very gallery that is to be protected, so that a released face depends on everybody in it;
here those of other people are taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.eigenfaces import Eigenfaces, load_eigenfaces
from anonfaces.synthesize.looking import enlarged

if TYPE_CHECKING:
    from anonfaces.synthesize import Members

__all__ = ["KSameEigen"]


class KSameEigen:
    """Mean coefficients over the people of a group, each person with equal weight.

    Only what the eigenfaces can say of a face is ever seen, at 64 px: hair, glasses and all that
    is one person's own are gone before the mean is taken.
    """

    name = "k-same-eigen"

    def __init__(self, eigenfaces: Eigenfaces | None = None) -> None:
        self._eigenfaces = eigenfaces or load_eigenfaces()

    def __call__(self, members: Members) -> NDArray[np.uint8]:
        """uint8 (s, s, 3) RGB: the face from hairline to chin."""
        people = [self._person(members, person) for person in range(len(members))]
        face = self._eigenfaces.picture(np.mean(people, axis=0))
        return enlarged(face, members.chip_size)

    def _person(self, members: Members, person: int) -> NDArray[np.float64]:
        found = [self._eigenfaces.coefficients(chips) for chips in members.chips(person)]
        every = np.concatenate(found).astype(np.float64)
        return np.sort(every, axis=0).mean(axis=0)  # the order of rows must not tell

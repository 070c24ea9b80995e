"""k-Same-Eigen: the mean of a group in the space of eigenfaces.

E. M. Newton, L. Sweeney, B. Malin, "Preserving Privacy by De-identifying Face Images", IEEE
Transactions on Knowledge and Data Engineering 17(2), 2005. They take the principal components of
the very gallery that is to be protected, so that a released face depends on everybody in it;
here those of other people are taken. Stands up to whom k-Same does (``average``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.k_same.eigenfaces import FACE, FACE_SIZE, Eigenfaces, load_eigenfaces
from encoders.detect.pool import enlarged

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
        people = [_mean_cut(members, person) for person in range(len(members))]
        basis = self._eigenfaces
        return enlarged(basis.picture(basis.project(np.mean(people, axis=0))), members.chip_size)


def _mean_cut(members: Members, person: int) -> NDArray[np.float64]:
    """A person's mean (64 * 64 * 3,): that of coefficients is the coefficients of it."""
    total = np.zeros((FACE_SIZE, FACE_SIZE, 3), np.int64)
    for chips in members.chips(person):
        total += FACE.cut(chips, FACE_SIZE).sum(axis=0, dtype=np.uint32)
    return total.ravel() / len(members.rows[person])

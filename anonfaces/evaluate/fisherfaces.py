"""Fisherfaces: linear discriminants of grey chips, fitted on people with several photographs.

P. N. Belhumeur, J. P. Hespanha and D. J. Kriegman, "Eigenfaces vs. Fisherfaces: recognition using
class specific linear projection", IEEE TPAMI 19(7), 1997: principal components first, then the
directions that tell people apart best against how one person's photographs differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from encoders.embed.pca import ALIGNMENT, CHIP_SIZE, PcaEmbedder, fit_pca

__all__ = ["Fisherfaces", "fit_fisherfaces"]

#: Principal components kept first, and discriminants kept of those.
COMPONENTS, DISCRIMINANTS = 128, 64
#: Added to the variance within people, as a share of its mean: few photographs leave it singular.
_RIDGE = 0.1


class Fisherfaces:
    """A fitted projection, as an :class:`encoders.embed.Embedder`; vectors have length 1."""

    name = "fisherfaces"
    alignment, chip_size = ALIGNMENT, CHIP_SIZE

    def __init__(self, pca: PcaEmbedder, matrix: NDArray[np.float64]) -> None:
        self._pca, self._matrix = pca, matrix
        self.dim = matrix.shape[1]
        self.sha256 = hashlib.sha256(pca.sha256.encode() + matrix.tobytes()).hexdigest()

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB chips uint8 (n, 64, 64, 3) to float32 (n, dim)."""
        vector = self._pca(chips).astype(np.float64) @ self._matrix
        return (vector / np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-12)).astype(
            np.float32
        )


def fit_fisherfaces(chips: Sequence[NDArray[np.uint8]], identity: NDArray[Any]) -> Fisherfaces:
    """Fit on chips, arrays uint8 (m, 64, 64, 3) of any m, of people ``identity`` (n,).

    ``InputError`` where fewer than two people have two photographs: then nothing is known of how
    one person's photographs differ.
    """
    from scipy.linalg import eigh

    _, person, count = np.unique(identity, return_inverse=True, return_counts=True)
    if (count > 1).sum() < 2:
        raise InputError("fisherfaces: fewer than two of the people have two photographs")
    pca = fit_pca(chips, COMPONENTS)
    X = pca(np.concatenate(chips)).astype(np.float64)
    mean = np.stack([np.bincount(person, column) for column in X.T], axis=1) / count[:, None]
    off = X - mean[person]
    within = off.T @ off / max(len(X) - len(count), 1)
    within += _RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    between = np.cov(mean, rowvar=False)
    _, directions = eigh(between, within)
    return Fisherfaces(pca, directions[:, ::-1][:, :DISCRIMINANTS])

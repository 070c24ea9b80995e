"""Eigenfaces of people who are nobody's to protect here.

M. Turk, A. Pentland, "Eigenfaces for recognition", Journal of Cognitive Neuroscience 3(1), 1991.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonfaces.synthesize.k_same.appearance_model import SHIPPED
from encoders.frame import CropSquare
from encoders.weights_file import read

__all__ = ["FACE", "FACE_SIZE", "KIND", "NAME", "Eigenfaces", "load_eigenfaces"]

KIND = "eigenfaces"
NAME = "eigenfaces.h5"
FACE = CropSquare(0.5, 0.56, 0.7)
"""The part of an FFHQ-aligned chip that eigenfaces show: the face from hairline to chin."""
FACE_SIZE = 64
_REMEDY = "python -m anonfaces.synthesize.k_same.fitting FACES.h5"


@dataclass(frozen=True)
class Eigenfaces:
    """``mean`` float32 (64 * 64 * 3,) in levels of 0 to 255; ``faces`` (c, same), orthonormal."""

    mean: NDArray[np.float32]
    faces: NDArray[np.float32]

    def project(self, pixels: NDArray[Any]) -> NDArray[np.floating]:
        """Coefficients (..., c) of pixels (..., 64 * 64 * 3) that ``FACE`` cut out of chips."""
        return (pixels.astype(np.float32) - self.mean) @ self.faces.T

    def picture(self, coefficients: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The face (64, 64, 3) of ``coefficients`` (c,), rounded to the nearest level."""
        levels = self.mean + coefficients.astype(np.float32) @ self.faces
        return np.rint(np.clip(levels, 0, 255)).astype(np.uint8).reshape(FACE_SIZE, FACE_SIZE, 3)


@cache
def load_eigenfaces() -> Eigenfaces:
    """The eigenfaces that ship. ``WeightsError`` where they are missing or damaged."""
    path = SHIPPED / NAME
    _, arrays = read(path, KIND, _REMEDY)
    if set(arrays) != {"mean", "faces"} or arrays["mean"].shape != (3 * FACE_SIZE**2,):
        raise WeightsError(f"{path} holds {sorted(arrays)}, not a mean and faces: {_REMEDY}")
    return Eigenfaces(arrays["mean"], arrays["faces"])

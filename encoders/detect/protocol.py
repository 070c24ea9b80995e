"""What every detector is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from encoders.detect._tiles import Named, Scored

__all__ = ["Detector"]


class Detector(Protocol):
    """Finds the faces of one photograph."""

    name: str

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Boxes (m, 4), left top right bottom, of the faces in an RGB image (height, width, 3).

        The boxes are squares as dlib draws them, on which the landmarks rely; they may reach
        outside of the image.
        """

    def scored(self, image: NDArray[np.uint8]) -> Scored:
        """The boxes float64 (m, 4), and the confidence 0 to 1 of each, float64 (m,)."""

    def named(self, image: NDArray[np.uint8]) -> Named:
        """The same, and which detectors found each, as "hog+mtcnn"."""

    def smallest(self, image: NDArray[np.uint8]) -> float:
        """Side in pixels of the smallest face that can be found in this picture."""

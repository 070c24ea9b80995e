"""Label maps laid over pictures, to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from encoders.parsing.classes import COLORS

__all__ = ["colored", "overlay"]

_SHARE = 0.55


def colored(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Label maps (..., h, w) in the colors of their classes, uint8 (..., h, w, 3)."""
    return COLORS[labels]


def overlay(pictures: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures uint8 (..., h, w, 3) with their label maps (..., h, w) in color over them.

    Raises ``InputError`` where the two are not of one size.
    """
    if pictures.shape != (*labels.shape, 3):
        raise InputError(
            f"pictures {pictures.shape} and label maps {labels.shape}: expected (..., h, w, 3) and"
            " (..., h, w)"
        )
    over = pictures + (colored(labels).astype(np.float32) - pictures) * np.float32(_SHARE)
    return np.where(labels[..., None] > 0, np.rint(over), pictures).astype(np.uint8)

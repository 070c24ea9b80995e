"""Where one shot of a video ends and the next begins.

A cut is a frame that differs from the one before it much more than its neighbors differ from
theirs: a moving camera changes many frames in a row, a cut one. So does PySceneDetect's adaptive
detector, after R. Lienhart, "Comparison of automatic shot boundary detection algorithms", SPIE
3656, 1999. A cut that is seen where there is none costs little: faces are followed to it from
both sides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["change", "find_cuts", "shot_numbers", "thumbnail"]

Pixels = NDArray[np.uint8]

#: Columns and rows of the copies that are compared: of so small ones, noise is no difference.
_SIZE = (32, 18)
#: Mean difference of two frames, of 255, below which they are of one shot.
_LEAST = 10.0
#: How many times the median of the neighbors' differences that of a cut is.
_STANDS_OUT = 2.5
#: Frames before and after that are a frame's neighbors.
_NEIGHBORS = 3


def thumbnail(image: Pixels) -> NDArray[np.int16]:
    """A copy int16 (18, 32, 3) of an RGB frame, for ``change``."""
    import cv2

    return cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA).astype(np.int16)


def change(before: NDArray[np.int16], after: NDArray[np.int16]) -> float:
    """Mean absolute difference, 0 to 255, of two thumbnails."""
    return float(np.abs(after - before).mean())


def find_cuts(changes: Sequence[float]) -> list[int]:
    """The numbers of the frames that begin a shot, without the first.

    ``changes`` holds each frame's difference from the one before it; the first counts for none.

    >>> find_cuts([0, 1, 2, 40, 1, 2, 9, 1])
    [3]
    """
    cuts = []
    for number in range(1, len(changes)):
        low, high = max(number - _NEIGHBORS, 1), number + _NEIGHBORS + 1
        others = [*changes[low:number], *changes[number + 1 : high]]
        usual = float(np.median(others)) if others else 0.0
        if changes[number] >= max(_LEAST, _STANDS_OUT * usual):
            cuts.append(number)
    return cuts


def shot_numbers(cuts: Sequence[int], frames: int) -> NDArray[np.int64]:
    """The shot (n,) that each frame is of.

    >>> shot_numbers([2], 4).tolist()
    [0, 0, 1, 1]
    """
    return np.searchsorted(np.asarray(cuts, np.int64), np.arange(frames), side="right")

"""The classes of a label map, and maps as the networks take them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLASSES", "COLORS", "HAIR", "mirrored", "one_hot"]

#: The parts of Helen's annotation (Smith et al., CVPR 2013) without hair, which counts as
#: background: a drawing network is shown both as pixels. Left and right are the picture's.
CLASSES = (
    *("background", "skin", "left brow", "right brow", "left eye", "right eye", "nose"),
    *("upper lip", "inner mouth", "lower lip"),
)
#: The class of hair, where it was asked for.
HAIR = len(CLASSES)
#: RGB of each class in an overlay, with hair last.
COLORS = np.array(
    [
        (0, 0, 0), (236, 188, 150), (80, 160, 240), (40, 90, 190), (90, 220, 120),
        (30, 150, 70), (240, 220, 60), (220, 60, 60), (250, 250, 250), (170, 40, 110),
        (130, 90, 50),
    ],
    np.uint8,
)  # fmt: skip
#: What each class is called in a mirrored picture.
_OTHER_SIDE = np.array([0, 1, 3, 2, 5, 4, 6, 7, 8, 9, 10], np.uint8)


def mirrored(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Label maps (..., h, w) of the mirrored pictures: a left eye becomes a right one."""
    return _OTHER_SIDE[labels[..., ::-1]]


def one_hot(labels: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Label maps (n, s, s) as the share of each class in every pixel of ``size``.

    ``s`` is a multiple of ``size``: borders between parts keep their place to a part of a pixel.
    Returns float32 (n, size, size, 10); hair counts as background.
    """
    n, side, _ = labels.shape
    factor = side // size
    flat = np.where(labels < len(CLASSES), labels, 0)
    blocks = flat.reshape(n, size, factor, size, factor)
    maps = [(blocks == i).mean(axis=(2, 4), dtype=np.float32) for i in range(len(CLASSES))]
    return np.stack(maps, axis=-1)

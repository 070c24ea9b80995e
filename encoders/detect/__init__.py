"""Finding faces in a photograph: one small protocol, three detectors, one file each."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anonfaces.errors import InputError

__all__ = ["DETECTORS", "Detector", "in_order", "load_detector"]

DETECTORS = ("auto", "hog", "mtcnn", "cnn")


class Detector(Protocol):
    """Finds the faces of one photograph."""

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Boxes (m, 4), left top right bottom, of the faces in an RGB image (height, width, 3).

        The boxes are squares as dlib draws them, on which the landmarks rely; they may reach
        outside of the image.
        """


def load_detector(name: str, upsample: int | None = None) -> Detector:
    """The detector ``name``: "hog", "mtcnn" or "cnn".

    ``upsample``: how many times dlib's detectors double the picture first, None for a choice by
    its size. "auto" is not one detector but two in turn: see ``encoders.examine``.
    """
    if name == "hog":
        from encoders.detect.hog import HogDetector

        return HogDetector(upsample)
    if name == "cnn":
        from encoders.detect.cnn import CnnDetector

        return CnnDetector(upsample)
    if name == "mtcnn":
        from encoders.detect.mtcnn import MtcnnDetector

        return MtcnnDetector()
    raise InputError(f"there is no detector {name!r}: {', '.join(DETECTORS)} are known")


def in_order(boxes: NDArray[np.int32], image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The boxes by their area, the largest first; of equals, the one nearest the middle."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).astype(np.int64)
    middle = np.array([image.shape[1], image.shape[0]])
    away = np.square(boxes[:, :2].astype(np.int64) + boxes[:, 2:] - middle).sum(axis=1)
    return boxes[np.lexsort((boxes[:, 0], away, -sides.prod(axis=1)))]

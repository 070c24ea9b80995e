"""Finding faces in a photograph: one small protocol, three detectors, one file each."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

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
    its size. "auto" is not one detector but two in turn: see ``encoders.run.examine``.
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
    """The boxes by how much of the picture is theirs, the one whom it is of first.

    That is the area within the picture, and the less of it the farther from the middle: none in
    a corner. Whoever stands beside the person is often nearer to the camera, cut by the border.
    """
    whole = np.array([image.shape[1], image.shape[0]])
    start, end = boxes[:, :2].clip(0, whole).astype(float), boxes[:, 2:].clip(0, whole)
    away = np.linalg.norm((start + end - whole) / whole, axis=1) / np.sqrt(2)
    own = np.maximum(end - start, 0).prod(axis=1) * (1 - away)
    return boxes[np.lexsort((boxes[:, 0], -own))]

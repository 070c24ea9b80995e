"""Finding faces in a photograph: one small protocol, one detector a file, and their union.

Every detector looks at the whole picture at full resolution, in tiles (``_tiles``), so that the
size of a picture costs time and not faces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from encoders.detect._boxes import overlap
from encoders.detect.protocol import Detector

__all__ = [
    "DETECTORS",
    "Detector",
    "check_detector",
    "in_order",
    "load_detector",
    "overlap",
    "portrait_detector",
    "prominence",
]

DETECTORS = ("hog", "mtcnn", "cnn", "centerface", "onnx:FILE")
"""What ``load_detector`` knows; several joined by + are asked together."""

_JOINT = re.compile(r"\+(?=(?:hog|mtcnn|cnn|centerface)(?:\+|$)|onnx:)")


def check_detector(name: str) -> None:
    """Raise InputError unless ``name`` is one of ``DETECTORS``, or several joined by +."""
    for part in _JOINT.split(name):
        if part not in DETECTORS[:-1] and not (part.startswith("onnx:") and len(part) > 5):
            known = ", ".join(DETECTORS)
            raise InputError(
                f"there is no detector {part!r}: {known} are known, and several joined by +"
            )


def load_detector(
    name: str,
    upsample: int | Mapping[str, int] | None = None,
    threshold: float | None = None,
) -> Detector:
    """The detector ``name``, one of ``DETECTORS``, or several joined by + as "hog+mtcnn".

    ``upsample``: how many times dlib's detectors double the picture first, for both or by name;
    None, or a name that is not there, for a choice by its size. ``threshold``: the confidence,
    above 0 and below 1, from which a face counts; None stands for 0.5, where each detector's
    author cuts. Raises InputError, and WeightsError for a file that is no detector.
    """
    check_detector(name)
    threshold = 0.5 if threshold is None else threshold
    if not 0 < threshold < 1:
        raise InputError(f"threshold {threshold}: expected more than 0 and less than 1")
    parts = list(dict.fromkeys(_JOINT.split(name)))
    times = upsample if isinstance(upsample, Mapping) else dict.fromkeys(("hog", "cnn"), upsample)
    detectors = [_load(part, times.get(part), threshold) for part in parts]
    if len(detectors) == 1:
        return detectors[0]
    from encoders.detect.union import UnionDetector

    return UnionDetector(detectors)


@cache
def portrait_detector() -> Any:
    """HOG at pictures of one face as a generator makes them, which need no doubling; loaded once.

    It is a ``HogDetector``: its ``margins`` say how sure dlib is.
    """
    return load_detector("hog", 0)


def _load(name: str, upsample: int | None, threshold: float) -> Detector:
    if name == "hog":
        from encoders.detect.hog import HogDetector

        return HogDetector(upsample, threshold)
    if name == "cnn":
        from encoders.detect.mmod import MmodDetector

        return MmodDetector(upsample, threshold)
    if name == "mtcnn":
        from encoders.detect.mtcnn import MtcnnDetector

        return MtcnnDetector(threshold, upsample)
    from pathlib import Path

    from encoders.detect.centerface import centerface_file
    from encoders.detect.onnx import OnnxDetector

    if name == "centerface":
        return OnnxDetector(centerface_file(), threshold, name)
    return OnnxDetector(Path(name.removeprefix("onnx:")), threshold)


def in_order(boxes: NDArray[np.int32], image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The boxes by how much of the picture is theirs, the one whom it is of first.

    That is the area within the picture, and the less of it the farther from the middle: none in
    a corner. Whoever stands beside the person is often nearer to the camera, cut by the border.
    """
    return boxes[np.lexsort((boxes[:, 0], -prominence(boxes, image)))]


def prominence(boxes: NDArray[Any], image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much of a picture is each box's (n,): its area within, the less the farther out it is."""
    whole = np.array([image.shape[1], image.shape[0]])
    start, end = boxes[:, :2].clip(0, whole).astype(float), boxes[:, 2:].clip(0, whole)
    away = np.linalg.norm((start + end - whole) / whole, axis=1) / np.sqrt(2)
    return np.maximum(end - start, 0).prod(axis=1) * (1 - away)

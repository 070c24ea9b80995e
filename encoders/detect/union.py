"""Several detectors at one picture: a face counts when any of them finds it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encoders.detect._boxes import SAME_FACE, overlap, same_face
from encoders.detect._tiles import Named, Scored, TiledDetector
from encoders.detect.protocol import Detector

__all__ = ["UnionDetector"]


class UnionDetector(TiledDetector):
    """The faces that any of ``detectors`` finds.

    Where several find one face, the box is that of the first of them, on whose squares the
    landmarks rely most, and the confidence the highest. A box that is a part of a later one's is
    none of a face: the later one's, which is larger, takes its place.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = list(detectors)
        self.name = "+".join(detector.name for detector in detectors)

    def scored(self, image: NDArray[np.uint8]) -> Scored:
        """Boxes float64 (n, 4) and confidences float64 (n,)."""
        boxes, confidence, _ = self.named(image)
        return boxes, confidence

    def named(self, image: NDArray[np.uint8]) -> Named:
        """Boxes, confidences, and which detectors found each, as "hog+mtcnn"."""
        kept, confidence = np.empty((0, 4)), np.empty(0)
        by: list[str] = []
        for detector in self._detectors:
            boxes, sure = detector.scored(image)
            same = same_face(boxes, kept)
            for face, known in zip(*np.nonzero(same), strict=True):
                if _is_part(kept[known], boxes[face]):
                    kept[known] = boxes[face]
                confidence[known] = max(confidence[known], sure[face])
                if detector.name not in by[known].split("+"):
                    by[known] += f"+{detector.name}"
            new = ~same.any(axis=1)
            kept = np.vstack([kept, boxes[new]])
            confidence = np.concatenate([confidence, sure[new]])
            by += [detector.name] * int(new.sum())
        return kept, confidence, by

    def smallest(self, image: NDArray[np.uint8]) -> float:
        """Side in pixels of the smallest face that one of them can find in this picture."""
        return min(detector.smallest(image) for detector in self._detectors)


def _is_part(box: NDArray[np.float64], later: NDArray[np.float64]) -> bool:
    """Whether ``box`` (4,) is so much smaller than ``later`` (4,) that they hardly overlap."""
    smaller = np.prod(box[2:] - box[:2]) < np.prod(later[2:] - later[:2])
    return bool(smaller and overlap(box[None], later[None])[0, 0] < SAME_FACE)

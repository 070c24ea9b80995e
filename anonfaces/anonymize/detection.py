"""Every face of a picture that any of several detectors finds, and who a recogniser says it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from encoders.detect import check_detector, overlap, portrait_detector
from encoders.detect.centerface import has_centerface

__all__ = [
    "DETECTOR",
    "SAME_PERSON",
    "SMALLEST_FACE",
    "THRESHOLD",
    "UNLIKE",
    "FaceAnalyzer",
    "Faces",
    "detectors_of",
    "distances",
    "overlap",
]

Pixels = NDArray[np.uint8]

SAME_PERSON = 0.6
"""Distance of dlib's vectors up to which two faces are taken for one person's."""
UNLIKE = 0.8
"""Distance of dlib's vectors that somebody keeps from the one whose face they take, where they can.

A result lies nearer to its source than who was put there does, and other recognizers agree with
dlib's only roughly: at 0.75 dlib took 6.5 % of 200 redrawn faces for their source and FaceRes 31 %,
at 0.8 0.5 and 28 % (``benchmarks.semantic``, with the generator before today's).
"""
SMALLEST_FACE = 20.0
"""Pixels: side of a face below which nobody is told by it, nor can a recogniser judge it."""
DETECTOR = "auto"
"""What the user asks for who names no detector: see ``detectors_of``."""
THRESHOLD = 0.2
"""Confidence from which a face counts: a false cover costs little, a miss costs a person."""
#: Confidence from which the second look, at pictures in which all is covered, counts a face.
_SECOND_LOOK = 0.5
#: How often HOG doubles a picture of any size, to find faces of 40 px; dlib's network, which takes
#: twelve times as long, goes by the size.
_DOUBLINGS = {"hog": 1}
#: Side in pixels up to which all are given the picture at twice that size: it is quick there, and
#: heads of 10 to 20 px are all that some small pictures show. CenterFace finds those as they are.
_SMALL = 640
_DOUBLINGS_OF_SMALL = {"hog": 2, "cnn": 2, "mtcnn": 1}
_BATCH = 8
_POINTS = 68


@dataclass(frozen=True)
class Faces:
    """The faces of one picture.

    Attributes:
        box: int32 (n, 4), left top right bottom; may reach outside of the picture.
        landmark: float32 (n, 68, 2), x and y.
        embedding: float32 (n, 128), dlib's.
        by: which detectors found each, e.g. "hog+mtcnn".
        confidence: float32 (n,), 0 to 1, of the surest of them; empty where nobody measured it.
    """

    box: NDArray[np.int32]
    landmark: NDArray[np.float32]
    embedding: NDArray[np.float32]
    by: tuple[str, ...]
    confidence: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    def __len__(self) -> int:
        return len(self.box)

    def to_json(self) -> dict[str, Any]:
        """Plain lists; every number survives."""
        arrays = {name: getattr(self, name).tolist() for name in ("box", "landmark", "embedding")}
        return {**arrays, "by": list(self.by), "confidence": self.confidence.tolist()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What ``to_json`` made."""
        return cls(
            np.array(values["box"], np.int32).reshape(-1, 4),
            np.array(values["landmark"], np.float32).reshape(-1, _POINTS, 2),
            np.array(values["embedding"], np.float32).reshape(-1, 128),
            tuple(values["by"]),
            np.array(values.get("confidence", []), np.float32),
        )

    @classmethod
    def none(cls) -> Self:
        """No face at all."""
        return cls.from_json({"box": [], "landmark": [], "embedding": [], "by": []})


def detectors_of(name: str) -> str:
    """The detectors that a name stands for: "auto" for those that find most here.

    With CenterFace, which finds as many faces as all others together in a fifteenth of the time:
    HOG, whose boxes suit the landmarks best, CenterFace, and MTCNN. Without it dlib's network
    takes its place.
    """
    if name != DETECTOR:
        return name
    return "hog+centerface+mtcnn" if has_centerface() else "hog+cnn+mtcnn"


class FaceAnalyzer:
    """Detectors, dlib's landmarks and dlib's recogniser; each is loaded once, when first used.

    A face counts when any of the detectors finds it. ``detector`` and ``threshold`` are as in
    ``encoders.detect.load_detector``.
    """

    def __init__(self, detector: str = DETECTOR, threshold: float = THRESHOLD) -> None:
        self.detector, self.threshold = detectors_of(detector), threshold
        check_detector(self.detector)

    def find(self, image: Pixels) -> Faces:
        """All faces of an RGB picture uint8 (height, width, 3), the largest first."""
        return self._faces(image, self.threshold)

    def search(self, image: Pixels) -> Faces:
        """The same with the detectors' usual thresholds, for a picture without faces.

        What is found in covers and shadows at the lowest threshold would never end.
        """
        return self._faces(image, max(self.threshold, _SECOND_LOOK))

    def smallest(self, image: Pixels) -> float:
        """Side in pixels of the smallest face that can be found in this picture."""
        return float(self._of_size(image, self.threshold).smallest(image))

    def _of_size(self, image: Pixels, threshold: float) -> Any:
        small = max(image.shape[:2]) <= _SMALL and "centerface" not in self.detector
        return _detector(self.detector, threshold, small)

    def _faces(self, image: Pixels, threshold: float) -> Faces:
        from encoders.align import find_landmarks
        from encoders.detect import in_order

        image = np.ascontiguousarray(image)
        boxes, confidence, by = self._boxes(image, threshold)
        order = [int(np.flatnonzero((boxes == box).all(1))[0]) for box in in_order(boxes, image)]
        boxes, by = boxes[order], [by[i] for i in order]
        points = [find_landmarks(image, box) for box in boxes]
        landmark = np.array(points, np.float32).reshape(-1, _POINTS, 2)
        return Faces(
            boxes,
            landmark,
            self.embed(image, boxes),
            tuple(by),
            confidence[order].astype(np.float32),
        )

    def detect(self, image: Pixels) -> NDArray[np.int32]:
        """The boxes int32 (n, 4) alone."""
        return self._boxes(np.ascontiguousarray(image), self.threshold)[0]

    def embed(self, image: Pixels, boxes: NDArray[np.integer]) -> NDArray[np.float32]:
        """Vectors float32 (n, 128) of what is at ``boxes``, be it a face or not."""
        return _embedder()(self._chips(image, boxes))

    def portraits(self, pictures: Iterable[Pixels]) -> list[tuple[Pixels, Faces]]:
        """The pictures in which HOG finds exactly one face, each with that face."""
        from encoders.align import find_landmarks

        seen = [(picture, portrait_detector()(picture)) for picture in pictures]
        kept = [(picture, boxes) for picture, boxes in seen if len(boxes) == 1]
        chips = [self._chips(picture, boxes) for picture, boxes in kept]
        vectors = _embedder()(np.concatenate(chips)) if chips else []
        return [
            (picture, Faces(boxes, find_landmarks(picture, boxes[0])[None], own[None], ("hog",)))
            for (picture, boxes), own in zip(kept, vectors, strict=True)
        ]

    def _chips(self, image: Pixels, boxes: NDArray[np.integer]) -> Pixels:
        from encoders.align import align_dlib5

        image, size = np.ascontiguousarray(image), _embedder().chip_size
        chips = np.array([align_dlib5(image, box, size) for box in boxes], np.uint8)
        return chips.reshape(-1, size, size, 3)

    def _boxes(
        self, image: Pixels, threshold: float
    ) -> tuple[NDArray[np.int32], NDArray[np.float64], list[str]]:
        try:
            boxes, confidence, by = self._of_size(image, threshold).named(image)
        except MemoryError as error:
            size = f"{image.shape[1]} x {image.shape[0]}"
            raise InputError(f"not enough memory to look for faces in {size} pixels") from error
        return np.rint(boxes).astype(np.int32), confidence, by


@cache
def _detector(name: str, threshold: float, small: bool) -> Any:
    from encoders.detect import load_detector

    return load_detector(name, _DOUBLINGS_OF_SMALL if small else _DOUBLINGS, threshold)


@cache
def _embedder() -> Any:
    """In small batches: a photograph has a few faces, and a batch is always filled up."""
    from encoders.embed import load_embedder
    from encoders.embed.network import NetworkEmbedder

    dlib: Any = load_embedder("dlib")
    return NetworkEmbedder(dlib.name, dlib.sha256, dlib.alignment, dlib.network, _BATCH)


def distances(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Euclidean distances (n, m) of vectors (n, d) and (m, d)."""
    from scipy.spatial.distance import cdist

    if not len(a) or not len(b):
        return np.full((len(a), len(b)), np.inf)
    return cdist(a.astype(np.float64), b.astype(np.float64))

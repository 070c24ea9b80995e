"""Every face of a picture that either of two detectors finds, and who a recogniser says it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["SAME_PERSON", "FaceAnalyzer", "Faces", "distances", "overlap"]

Pixels = NDArray[np.uint8]

SAME_PERSON = 0.6
"""Distance of dlib's vectors up to which two faces are taken for one person's."""
_SAME_FACE = 0.3
_DETECTORS = ("hog", "mtcnn")
_DOUBLED_UP_TO = 3000
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
    """

    box: NDArray[np.int32]
    landmark: NDArray[np.float32]
    embedding: NDArray[np.float32]
    by: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.box)

    def to_json(self) -> dict[str, Any]:
        """Plain lists; every number survives."""
        arrays = {name: getattr(self, name).tolist() for name in ("box", "landmark", "embedding")}
        return {**arrays, "by": list(self.by)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """What ``to_json`` made."""
        return cls(
            np.array(values["box"], np.int32).reshape(-1, 4),
            np.array(values["landmark"], np.float32).reshape(-1, _POINTS, 2),
            np.array(values["embedding"], np.float32).reshape(-1, 128),
            tuple(values["by"]),
        )

    @classmethod
    def none(cls) -> Self:
        """No face at all."""
        return cls.from_json({"box": [], "landmark": [], "embedding": [], "by": []})


class FaceAnalyzer:
    """dlib's HOG detector and MTCNN, dlib's landmarks and dlib's recogniser.

    A face counts when either detector finds it. Each is loaded once a process, when first used.
    """

    def find(self, image: Pixels) -> Faces:
        """All faces of an RGB picture uint8 (height, width, 3), the largest first."""
        from encoders.align import find_landmarks
        from encoders.detect import in_order

        image = np.ascontiguousarray(image)
        boxes, by = self._boxes(image)
        order = [int(np.flatnonzero((boxes == box).all(1))[0]) for box in in_order(boxes, image)]
        boxes, by = boxes[order], [by[i] for i in order]
        points = [find_landmarks(image, box) for box in boxes]
        landmark = np.array(points, np.float32).reshape(-1, _POINTS, 2)
        return Faces(boxes, landmark, self.embed(image, boxes), tuple(by))

    def detect(self, image: Pixels) -> NDArray[np.int32]:
        """The boxes int32 (n, 4) alone."""
        return self._boxes(np.ascontiguousarray(image))[0]

    def embed(self, image: Pixels, boxes: NDArray[np.integer]) -> NDArray[np.float32]:
        """Vectors float32 (n, 128) of what is at ``boxes``, be it a face or not."""
        return _embedder()(self._chips(image, boxes))

    def portraits(self, pictures: Iterable[Pixels]) -> list[tuple[Pixels, Faces]]:
        """The pictures in which HOG finds exactly one face, each with that face."""
        from encoders.align import find_landmarks

        seen = [(picture, _detector("hog", 0)(picture)) for picture in pictures]
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

    def _boxes(self, image: Pixels) -> tuple[NDArray[np.int32], list[str]]:
        doublings = 1 if max(image.shape[:2]) <= _DOUBLED_UP_TO else 0
        kept = np.empty((0, 4), np.int32)
        by: list[str] = []
        for name in _DETECTORS:
            for box in self._look(_detector(name, doublings if name == "hog" else None), image):
                same = np.flatnonzero(overlap(box[None], kept)[0] >= _SAME_FACE)
                for i in same:
                    by[i] = by[i] if name in by[i] else f"{by[i]}+{name}"
                if not len(same):
                    kept, by = np.vstack([kept, box[None]]), [*by, name]
        return kept, by

    def _look(self, detector: Any, image: Pixels) -> NDArray[np.int32]:
        try:
            return detector(image)
        except MemoryError as error:
            size = f"{image.shape[1]} x {image.shape[0]}"
            raise InputError(f"not enough memory to look for faces in {size} pixels") from error


@cache
def _detector(name: str, doublings: int | None) -> Any:
    from encoders.detect import load_detector

    return load_detector(name, doublings)


@cache
def _embedder() -> Any:
    """In small batches: a photograph has a few faces, and a batch is always filled up."""
    from encoders.embed import load_embedder
    from encoders.embed.network import NetworkEmbedder

    dlib: Any = load_embedder("dlib")
    return NetworkEmbedder(dlib.name, dlib.sha256, dlib.alignment, dlib.network, _BATCH)


def overlap(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4)."""
    first, second = a[:, None].astype(np.float64), b[None].astype(np.float64)
    corner = np.maximum(first[..., :2], second[..., :2])
    both = np.maximum(np.minimum(first[..., 2:], second[..., 2:]) - corner, 0).prod(-1)
    areas = [np.maximum(box[..., 2:] - box[..., :2], 0).prod(-1) for box in (first, second)]
    return both / np.maximum(areas[0] + areas[1] - both, 1e-9)


def distances(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Euclidean distances (n, m) of vectors (n, d) and (m, d)."""
    from scipy.spatial.distance import cdist

    if not len(a) or not len(b):
        return np.full((len(a), len(b)), np.inf)
    return cdist(a.astype(np.float64), b.astype(np.float64))

"""A picture of any size looked at in full, a tile at a time, so that memory stays bounded.

A face is found in the tile that holds all of it: every face up to the overlap of two tiles is
whole in one of them. Larger ones are found in a copy of the picture that is smaller by
``SHRINK``, again in tiles, until the copy fits one tile. A box that an inner border of a tile cuts
is left to the neighbor, or to the smaller copy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoders.detect._boxes import distinct

__all__ = ["SHRINK", "Named", "Scored", "TiledDetector", "Tiling", "doubled", "look_in_tiles"]

Pixels = NDArray[np.uint8]
Scored = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Boxes float64 (n, 4) and how sure the detector is of each, float64 (n,)."""

Named = tuple[NDArray[np.float64], NDArray[np.float64], list[str]]
"""The same, and which detectors found each, as "hog+mtcnn"."""

#: Sides of a copy to those of the next: with tiles that overlap by four times the smallest face
#: and more, each size of face is looked for in one of the two.
SHRINK = 4
#: Part of its side by which a box may reach over an inner border of a tile.
_CUT = 0.05


@dataclass(frozen=True)
class Tiling:
    """``side`` of a tile and ``overlap`` of two neighbors, in pixels."""

    side: int
    overlap: int


class TiledDetector(ABC):
    """What every detector does with what its ``scored`` finds."""

    name: str

    def __call__(self, image: Pixels) -> NDArray[np.int32]:
        """Boxes int32 (n, 4)."""
        return np.rint(self.scored(image)[0]).astype(np.int32)

    @abstractmethod
    def scored(self, image: Pixels) -> Scored:
        """Boxes float64 (n, 4) and confidences float64 (n,) of a picture of any size."""

    def named(self, image: Pixels) -> Named:
        """The same, and this detector's name for each."""
        boxes, confidence = self.scored(image)
        return boxes, confidence, [self.name] * len(boxes)


def look_in_tiles(image: Pixels, find: Callable[[Pixels], Scored], tiling: Tiling) -> Scored:
    """What ``find`` finds in a picture uint8 (height, width, 3) of any size, each face once.

    The boxes may reach outside of the picture.
    """
    seen = [
        _new(
            _shifted(find(np.ascontiguousarray(copy[rows, columns])), rows, columns, copy, factor),
            tiling.overlap * factor / SHRINK if factor > 1 else 0,
        )
        for copy, factor in _copies(image, tiling)
        for rows in _spans(copy.shape[0], tiling)
        for columns in _spans(copy.shape[1], tiling)
    ]
    boxes = np.concatenate([boxes for boxes, _ in seen])
    score = np.concatenate([score for _, score in seen])
    kept = distinct(boxes, score)
    return boxes[kept], score[kept]


def _new(detections: Scored, overlap: float) -> Scored:
    """Of what a copy shows, the faces that may not have been whole in a tile of the one before.

    Those of up to half of what its tiles overlap by were; what is found of that size here alone is
    seldom a face.
    """
    boxes, score = detections
    large = boxes[:, 3] - boxes[:, 1] >= overlap / 2
    return boxes[large], score[large]


def _copies(image: Pixels, tiling: Tiling) -> Iterator[tuple[Pixels, float]]:
    """The picture and ever smaller copies, each with the factor that takes its boxes back."""
    import cv2

    factor = 1.0
    while True:
        yield image, factor
        if max(image.shape[:2]) <= tiling.side:
            return
        height, width = (max(1, round(side / SHRINK)) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        factor *= SHRINK


def _spans(length: int, tiling: Tiling) -> list[slice]:
    """Where tiles lie along a side of this length, all about as long."""
    if length <= tiling.side:
        return [slice(0, length)]
    count = -(-(length - tiling.overlap) // (tiling.side - tiling.overlap))
    size = -(-(length + (count - 1) * tiling.overlap) // count)
    starts = np.linspace(0, length - size, count).round().astype(int)
    return [slice(int(start), int(start) + size) for start in starts]


def _shifted(
    detections: Scored, rows: slice, columns: slice, copy: Pixels, factor: float
) -> Scored:
    """Boxes of a tile as boxes of the picture, without those that an inner border cuts."""
    boxes, score = detections
    room = _CUT * (boxes[:, 2] - boxes[:, 0])
    last = np.array([columns.stop - columns.start, rows.stop - rows.start])
    inner_start = np.array([columns.start > 0, rows.start > 0])
    inner_end = np.array([columns.stop < copy.shape[1], rows.stop < copy.shape[0]])
    cut = (inner_start & (boxes[:, :2] < -room[:, None])).any(axis=1)
    cut |= (inner_end & (boxes[:, 2:] > last + room[:, None])).any(axis=1)
    corner = np.array([columns.start, rows.start] * 2)
    return (boxes[~cut] + corner) * factor, score[~cut]


def doubled(image: Pixels, times: int) -> Pixels:
    """The picture with its sides doubled so many times."""
    import cv2

    size = (image.shape[1] << times, image.shape[0] << times)
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) if times else image

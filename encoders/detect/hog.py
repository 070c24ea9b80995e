"""dlib's frontal face detector: histograms of oriented gradients.

Dalal and Triggs, CVPR 2005; Felzenszwalb et al., PAMI 2010; King, "Max-margin object
detection", 2015. Finds upright faces of 80 px and more, 40 px when the picture is doubled first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from encoders.detect._confidence import from_margin, to_margin
from encoders.detect._tiles import Scored, TiledDetector, Tiling, look_in_tiles

__all__ = ["SMALLEST", "HogDetector"]

Pixels = NDArray[np.uint8]

#: Side in pixels up to which a picture is doubled once where nobody says how often.
_DOUBLED_UP_TO = 1024
SMALLEST = 80
"""Pixels: side of the smallest face that a picture that is not doubled gives up."""
#: Side of a tile in pixels, doubled or not.
_SIDE = 2048
#: How fast the confidence falls with dlib's margin: at -0.14 it is 0.2.
_SLOPE = 10.0


class HogDetector(TiledDetector):
    """HOG; without ``upsample``, pictures of at most 1024 px are doubled once before.

    ``threshold`` is the confidence from which a face counts; at 0.5 dlib cuts.
    """

    name = "hog"

    def __init__(self, upsample: int | None = None, threshold: float = 0.5) -> None:
        import dlib

        self._dlib = dlib.get_frontal_face_detector()
        self._upsample = upsample
        self._margin = to_margin(threshold, _SLOPE)

    def scored(self, image: Pixels) -> Scored:
        """Boxes float64 (n, 4) and confidences float64 (n,) of a picture of any size."""
        doublings, smallest = self._doublings(image), self.smallest(image)
        tiling = Tiling(_SIDE, round(6 * smallest))
        return look_in_tiles(image, lambda tile: self._find(tile, doublings), tiling)

    def margins(self, image: Pixels) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Boxes int32 (n, 4) of one tile, and how sure dlib is: above 0, 2 is a clear face."""
        return self._dlib_at(image, self._doublings(image))

    def smallest(self, image: Pixels) -> float:
        """Side in pixels of the smallest face that can be found in this picture."""
        return float(SMALLEST / 2 ** self._doublings(image))

    def _find(self, tile: Pixels, doublings: int) -> Scored:
        boxes, margin = self._dlib_at(tile, doublings)
        return boxes.astype(np.float64), from_margin(margin.astype(np.float64), _SLOPE)

    def _dlib_at(
        self, image: Pixels, doublings: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        rectangles, margin, _ = self._dlib.run(image, doublings, self._margin)
        edges = [(box.left(), box.top(), box.right(), box.bottom()) for box in rectangles]
        return np.array(edges, np.int32).reshape(-1, 4), np.array(margin, np.float32)

    def _doublings(self, image: Pixels) -> int:
        if self._upsample is not None:
            return self._upsample
        return int(max(image.shape[:2]) <= _DOUBLED_UP_TO)

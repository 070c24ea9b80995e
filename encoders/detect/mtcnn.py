"""MTCNN, from the package ``mtcnn`` that carries its weights; runs in TensorFlow.

Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional
networks", IEEE Signal Processing Letters 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.keras_backend import load_engine
from encoders.detect._confidence import from_probability, to_probability
from encoders.detect._points import dlib_squares
from encoders.detect._tiles import Scored, TiledDetector, Tiling, doubled, look_in_tiles

__all__ = ["MtcnnDetector"]

Pixels = NDArray[np.uint8]

#: Pixels: a picture with a shorter side is none that MTCNN can be shown.
_SHORTEST_SIDE = 24
#: The probability from which this project took a face for one, and that its confidence is 0.5.
_USUAL = 0.95
#: Pixels: the height of the smallest face that MTCNN looks for.
_SMALLEST = 20.0
#: Pixels. MTCNN compares all of its candidates with one another, hundreds of bytes a pair, so
#: that a tile must not hold too many.
_TILING = Tiling(640, 160)


class MtcnnDetector(TiledDetector):
    """MTCNN on the CPU; its boxes are turned into the squares that dlib would draw.

    ``threshold`` is the confidence from which a face counts; 0.5 stands for a probability of
    0.95. ``upsample`` is how often a picture is doubled first, by default never.
    """

    name = "mtcnn"

    def __init__(self, threshold: float = 0.5, upsample: int | None = None) -> None:
        load_engine()
        from mtcnn import MTCNN

        self._network = MTCNN(device="CPU:0")
        self._doublings = upsample or 0
        self._least = to_probability(threshold, _USUAL)

    def scored(self, image: Pixels) -> Scored:
        """Boxes float64 (n, 4) and confidences float64 (n,) of a picture of any size."""
        tiling = Tiling(*(length >> self._doublings for length in (_TILING.side, _TILING.overlap)))
        return look_in_tiles(image, self._find, tiling)

    def smallest(self, image: Pixels) -> float:
        """Height in pixels of the smallest face that can be found."""
        return _SMALLEST / 2**self._doublings

    def boxes_and_points(self, image: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """MTCNN's own boxes (n, 4), left top right bottom, and its 5 points (n, 5, 2), in pixels.

        The eyes, the nose and the corners of the mouth; for pictures of one tile (640 px).
        """
        faces = self._faces(image)
        box = np.array([face["box"] for face in faces], np.float64).reshape(-1, 4)
        box[:, 2:] += box[:, :2]
        return box / 2**self._doublings, _points(faces) / 2**self._doublings

    def _find(self, tile: Pixels) -> Scored:
        faces = self._faces(tile)
        heights = np.array([face["box"][3] for face in faces], np.float64)
        probability = np.array([face["confidence"] for face in faces], np.float64)
        squares = dlib_squares(_points(faces), heights) / 2**self._doublings
        return squares, from_probability(probability, _USUAL)

    def _faces(self, tile: Pixels) -> list[dict[str, Any]]:
        if min(tile.shape[:2]) < _SHORTEST_SIDE:
            return []
        faces = self._network.detect_faces(doubled(tile, self._doublings)) or []
        return [face for face in faces if face["confidence"] >= self._least]


def _points(faces: list[dict[str, Any]]) -> NDArray[np.float64]:
    points = [list(face["keypoints"].values()) for face in faces]
    return np.array(points, np.float64).reshape(-1, 5, 2)

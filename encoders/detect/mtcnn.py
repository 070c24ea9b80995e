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
from encoders.detect._suppression import bound_memory
from encoders.detect._tiles import Scored, TiledDetector, Tiling, doubled, look_in_tiles

__all__ = ["MtcnnDetector"]

Pixels = NDArray[np.uint8]

#: Pixels: a picture with a shorter side is none that MTCNN can be shown.
_SHORTEST_SIDE = 24
#: The probability from which this project took a face for one, and that its confidence is 0.5.
_USUAL = 0.95
#: Pixels: the height of the smallest face that MTCNN looks for.
_SMALLEST = 20.0
#: Pixels: the side of what its three networks look at, None for any.
_SIDES = (None, 24, 48)
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

        bound_memory()
        self._network = MTCNN(device="CPU:0")
        for stage, side in zip(self._network.stages, _SIDES, strict=True):
            _compile(stage.model, side)
        self._doublings = upsample or 0
        self._least = to_probability(threshold, _USUAL)

    def scored(self, image: Pixels) -> Scored:
        """Boxes float64 (n, 4) and confidences float64 (n,) of a picture of any size."""
        return look_in_tiles(image, self._find, self._tiling)

    def rectangles(self, image: Pixels, probability: float) -> Scored:
        """MTCNN's own boxes float64 (n, 4), left top right bottom, and its probabilities (n,).

        They hold a face from the forehead to the chin and need not be squares. Those below
        ``probability`` are left out; below 0.7 MTCNN itself sees none.
        """

        def find(tile: Pixels) -> Scored:
            faces = self._faces(tile, probability)
            sides = np.array([face["box"] for face in faces], np.float64).reshape(-1, 4)
            boxes = np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)
            return boxes / 2**self._doublings, np.array([face["confidence"] for face in faces])

        return look_in_tiles(image, find, self._tiling)

    def smallest(self, image: Pixels) -> float:
        """Height in pixels of the smallest face that can be found."""
        return _SMALLEST / 2**self._doublings

    def boxes_and_points(self, image: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """MTCNN's own boxes (n, 4), left top right bottom, and its 5 points (n, 5, 2), in pixels.

        The eyes, the nose and the corners of the mouth; for pictures of one tile (640 px).
        """
        faces = self._faces(image, self._least)
        box = np.array([face["box"] for face in faces], np.float64).reshape(-1, 4)
        box[:, 2:] += box[:, :2]
        return box / 2**self._doublings, _points(faces) / 2**self._doublings

    @property
    def _tiling(self) -> Tiling:
        return Tiling(*(length >> self._doublings for length in (_TILING.side, _TILING.overlap)))

    def _find(self, tile: Pixels) -> Scored:
        faces = self._faces(tile, self._least)
        heights = np.array([face["box"][3] for face in faces], np.float64)
        probability = np.array([face["confidence"] for face in faces], np.float64)
        squares = dlib_squares(_points(faces), heights) / 2**self._doublings
        return squares, from_probability(probability, _USUAL)

    def _faces(self, tile: Pixels, probability: float) -> list[dict[str, Any]]:
        if min(tile.shape[:2]) < _SHORTEST_SIDE:
            return []
        tile = doubled(tile, self._doublings)
        candidates: list[dict[str, Any]] = self._network.detect_faces(tile) or []
        return [face for face in candidates if face["confidence"] >= probability]


def _compile(network: Any, side: int | None) -> None:
    """Trace a network once. Called operation by operation it takes three times as long."""
    import tensorflow as tf

    pictures = tf.TensorSpec((None, side, side, 3), tf.float32)
    network.call = tf.function(network.call, input_signature=[pictures], autograph=False)


def _points(faces: list[dict[str, Any]]) -> NDArray[np.float64]:
    points = [list(face["keypoints"].values()) for face in faces]
    return np.array(points, np.float64).reshape(-1, 5, 2)

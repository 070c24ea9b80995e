"""Primitives of dlib's serialization, read from a file that may be hostile.

Numbers are written with a length byte, floating point as mantissa and exponent, tensors as raw
little-endian float32 (``dlib/serialize.h``, ``dlib/float_details.h``, ``dlib/cuda/tensor.h`` of
dlib 20.0.1). Nothing is read beyond the end of the file, and no size in it is believed before it
was compared with what the network needs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.untrusted.stand_ins import check_weights_file

__all__ = ["DamagedError", "DlibLayers", "DlibStream", "read_bytes_up_to", "require"]

_INFINITIES_AND_NAN = range(32000, 32003)


class DamagedError(Exception):
    """What is wrong with the file, for the message."""


def require(fact: bool, otherwise: str) -> None:
    """Raise DamagedError with the text ``otherwise`` unless ``fact`` holds."""
    if not fact:
        raise DamagedError(otherwise)


def read_bytes_up_to(path: Path, limit: int) -> bytes:
    """The content of a file, at most ``limit`` bytes and one; WeightsError if it cannot be read."""
    try:
        check_weights_file(path)
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error


class DlibStream:
    """The whole file in memory and a place in it. Every method raises DamagedError."""

    def __init__(self, content: bytes, limit: int) -> None:
        require(len(content) <= limit, f"larger than {limit >> 20} MiB")
        self._content = content
        self._place = 0

    def tensor(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The float32 tensor of this shape that comes next; its numbers are finite."""
        self.expect((2, *shape), "size of a tensor")
        raw = self.take(4 * int(np.prod(shape)))
        values = np.frombuffer(raw, "<f4").astype(np.float32).reshape(shape)
        require(bool(np.isfinite(values).all()), "a weight is not a finite number")
        return values

    def alias(self, shape: tuple[int, ...]) -> None:
        """A view of a tensor, of this shape, comes next."""
        self.expect((1, *shape), "size of a view")

    def name(self, name: str) -> None:
        """The text ``name`` comes next."""
        self.expect((len(name),), f"length of {name!r}")
        actual = self.take(len(name))
        require(actual == name.encode(), f"expected {name!r}, found {actual!r}")

    def expect(self, numbers: tuple[int, ...], what: str) -> None:
        """These whole numbers come next; ``what`` names them in the message."""
        for number in numbers:
            actual = self.integer()
            require(actual == number, f"{what}: expected {number}, found {actual}")

    def floats(self, count: int) -> list[float]:
        """The next ``count`` floating point numbers."""
        return [self._float() for _ in range(count)]

    def _float(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        require(exponent not in _INFINITIES_AND_NAN, "a number is not finite")
        require(-1100 <= exponent <= 900, "a number is out of range")
        return float(mantissa) * 2.0**exponent

    def integer(self) -> int:
        """The whole number that comes next."""
        head = self.take(1)[0]
        size = head & 0x0F
        require(1 <= size <= 8 and not head & 0x70, "a number has an impossible length")
        magnitude = int.from_bytes(self.take(size), "little")
        return -magnitude if head & 0x80 else magnitude

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        end = self._place + size
        require(end <= len(self._content), "it ends too early")
        taken = self._content[self._place : end]
        self._place = end
        return taken

    def finish(self) -> None:
        """Nothing follows."""
        require(self._place == len(self._content), "bytes follow the last layer")


class DlibLayers(DlibStream):
    """The layers that dlib's networks for faces share."""

    def convolution(
        self, channels: int, filters: int, size: int, stride: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Kernel (filters, channels, size, size) as (size, size, channels, filters), and bias.

        dlib pads only where it does not stride.
        """
        padding = 0 if stride > 1 else size // 2
        self.name("con_4")
        weights = filters * channels * size * size
        values = self.tensor((weights + filters, 1, 1, 1)).ravel()
        self.expect((filters, size, size, stride, stride, padding, padding), "convolution")
        self.alias((filters, channels, size, size))
        self.alias((1, filters, 1, 1))
        self.floats(4)
        self.state()
        kernel = values[:weights].reshape(filters, channels, size, size)
        return kernel.transpose(2, 3, 1, 0), values[weights:]

    def relu(self) -> None:
        """A rectifier comes next."""
        self.name("relu_")
        self.state()

    def state(self) -> None:
        """What dlib keeps after each layer: three flags and three empty tensors."""
        require(set(self.take(3)) <= set(b"01"), "a flag is neither 0 nor 1")
        for _ in range(3):
            self.tensor((0, 0, 0, 0))

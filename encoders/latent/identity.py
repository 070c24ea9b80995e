"""Whose face a picture shows, with a gradient: dlib's network behind a fixed cut of the chip."""

from __future__ import annotations

from typing import Any

from keras import ops

from encoders.embed.dlib_file import FILE_NAME, read_dlib
from encoders.embed.dlib_resnet import CHIP_SIZE, build_dlib
from encoders.frame import Square, resampling
from encoders.models import model_path

__all__ = ["Recogniser"]

Tensor = Any


class Recogniser:
    """A generator's pictures to dlib's vectors, differentiable.

    dlib turns and scales each face by its own landmarks; here every picture is cut by the same
    ``square``, the median of what dlib cuts.
    """

    def __init__(self, square: Square, size: int) -> None:
        self._network = build_dlib(read_dlib(model_path(FILE_NAME)))
        self._network.trainable = False
        self._rows = ops.convert_to_tensor(resampling(size, square, "y", CHIP_SIZE))
        self._columns = ops.convert_to_tensor(resampling(size, square, "x", CHIP_SIZE))

    def __call__(self, images: Tensor) -> Tensor:
        """RGB float32 (n, size, size, 3) in -1 to 1 to float32 (n, 128)."""
        return self._network(self._cut(images))

    def _cut(self, images: Tensor) -> Tensor:
        levels = (ops.clip(images, -1.0, 1.0) + 1.0) * 127.5
        return ops.einsum("yi,nijc,xj->nyxc", self._rows, levels, self._columns)

"""dlib's network with a gradient, behind a fixed cut of the chip."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops

from encoders.embed.dlib_file import FILE_NAME, read_dlib
from encoders.embed.dlib_resnet import CHIP_SIZE, build_dlib
from encoders.frame import CropSquare, resampling
from encoders.models import model_path

__all__ = ["Cut", "Recognizer"]

Tensor = Any
Cut = tuple[Tensor, Tensor]

_SHIFT = 0.02
_SCALE = 0.04


class Recognizer:
    """A generator's pictures to dlib's vectors, differentiable.

    dlib turns and scales each face by its own landmarks; here every picture is cut by the same
    ``square``, the median of what dlib cuts.
    """

    def __init__(self, square: CropSquare, size: int) -> None:
        self._network = build_dlib(read_dlib(model_path(FILE_NAME)))
        self._network.trainable = False
        self._square, self._size = square, size
        self._steady = self._cut_of(square)

    def __call__(self, images: Tensor, cut: Cut | None = None) -> Tensor:
        """RGB float32 (n, size, size, 3) in -1 to 1 to float32 (n, 128)."""
        return self._network(self._chips(images, cut))

    def wandering(self, rng: np.random.Generator) -> Cut:
        """The cut of a square a little beside, larger or smaller: what ``__call__`` may take.

        Patterns that please the network at one place of its grid only are no way out then.
        """
        x, y = rng.normal(0, _SHIFT, 2) * self._square.side
        side = self._square.side * float(np.exp(rng.normal(0, _SCALE)))
        return self._cut_of(
            replace(self._square, x=self._square.x + x, y=self._square.y + y, side=side)
        )

    def _cut_of(self, square: CropSquare) -> Cut:
        rows, columns = (resampling(self._size, square, axis, CHIP_SIZE) for axis in "yx")
        return ops.convert_to_tensor(rows), ops.convert_to_tensor(columns)

    def _chips(self, images: Tensor, cut: Cut | None) -> Tensor:
        rows, columns = cut or self._steady
        levels = (ops.clip(images, -1.0, 1.0) + 1.0) * 127.5
        return ops.einsum("yi,nijc,xj->nyxc", rows, levels, columns)

"""The attribute network with a gradient, behind a fixed cut of the picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops

from encoders.attributes.network import FACE, SIZE, load_attributes
from encoders.frame import CropSquare, resampling

__all__ = ["SteadyAttributes"]

Tensor = Any
Cut = tuple[Tensor, Tensor]

_SHIFT, _SCALE = 0.02, 0.04


class SteadyAttributes:
    """Pictures that show faces alike to guessed age and gender, differentiable.

    ``ffhq`` is where the FFHQ square lies in a picture, ``size`` its side in px.
    """

    def __init__(self, ffhq: CropSquare, size: int) -> None:
        self._network = load_attributes().network
        self._square, self._size = FACE.inverse().within(ffhq), size
        self._steady = self._cut_of(self._square)

    def __call__(self, images: Tensor, cut: Cut | None = None) -> Tensor:
        """RGB float32 (n, size, size, 3) in -1 to 1 to float32 (n, 2).

        Age in units of 50 years, and the log odds of "female".
        """
        rows, columns = cut or self._steady
        levels = (ops.clip(images, -1.0, 1.0) + 1.0) * 127.5
        faces = ops.einsum("yi,nijc,xj->nyxc", rows, levels, columns)
        return self._network(faces, training=False)[:, :2]

    def wandering(self, rng: np.random.Generator) -> Cut:
        """A cut a little beside, larger or smaller: a pattern at one place pleases no longer."""
        x, y = rng.normal(0, _SHIFT, 2) * self._square.side
        side = self._square.side * float(np.exp(rng.normal(0, _SCALE)))
        return self._cut_of(
            replace(self._square, x=self._square.x + x, y=self._square.y + y, side=side)
        )

    def _cut_of(self, square: CropSquare) -> Cut:
        rows, columns = (resampling(self._size, square, axis, SIZE) for axis in "yx")
        return ops.convert_to_tensor(rows), ops.convert_to_tensor(columns)

"""Pictures that show faces alike, cut by one square for a network that looks at them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops

from encoders.frame import CropSquare, resampling

__all__ = ["Cut", "SteadyCut"]

Tensor = Any
Cut = tuple[Tensor, Tensor]

_SHIFT, _SCALE = 0.02, 0.04


class SteadyCut:
    """The same ``square`` of every picture, at ``seen`` px, with a gradient.

    ``size`` is the side in px of the pictures.
    """

    def __init__(self, square: CropSquare, size: int, seen: int) -> None:
        self._square, self._size, self._seen = square, size, seen
        self._steady = self._cut_of(square)

    def wandering(self, rng: np.random.Generator) -> Cut:
        """The cut of a square a little beside, larger or smaller: what ``_levels`` may take.

        Patterns that please a network at one place of its grid only are no way out then.
        """
        x, y = rng.normal(0, _SHIFT, 2) * self._square.side
        side = self._square.side * float(np.exp(rng.normal(0, _SCALE)))
        return self._cut_of(
            replace(self._square, x=self._square.x + x, y=self._square.y + y, side=side)
        )

    def _levels(self, images: Tensor, cut: Cut | None) -> Tensor:
        """RGB float32 (n, size, size, 3) in -1 to 1 to levels (n, seen, seen, 3), 0 to 255."""
        rows, columns = cut or self._steady
        levels = (ops.clip(images, -1.0, 1.0) + 1.0) * 127.5
        return ops.einsum("yi,nijc,xj->nyxc", rows, levels, columns)

    def _cut_of(self, square: CropSquare) -> Cut:
        rows, columns = (resampling(self._size, square, axis, self._seen) for axis in "yx")
        return ops.convert_to_tensor(rows), ops.convert_to_tensor(columns)

"""dlib's network with a gradient, behind a fixed cut of the chip."""

from __future__ import annotations

from typing import Any

from encoders.embed.dlib_file import FILE_NAME, read_dlib
from encoders.embed.dlib_resnet import CHIP_SIZE, build_dlib
from encoders.frame import CropSquare
from encoders.models import model_path
from encoders.steady import Cut, SteadyCut

__all__ = ["Recognizer"]

Tensor = Any


class Recognizer(SteadyCut):
    """A generator's pictures to dlib's vectors, differentiable.

    dlib turns and scales each face by its own landmarks; here every picture is cut by the same
    ``square``, the median of what dlib cuts.
    """

    def __init__(self, square: CropSquare, size: int) -> None:
        super().__init__(square, size, CHIP_SIZE)
        self._network = build_dlib(read_dlib(model_path(FILE_NAME)))
        self._network.trainable = False

    def __call__(self, images: Tensor, cut: Cut | None = None) -> Tensor:
        """RGB float32 (n, size, size, 3) in -1 to 1 to float32 (n, 128)."""
        return self._network(self._levels(images, cut))

"""The attribute network with a gradient, behind a fixed cut of the picture."""

from __future__ import annotations

from typing import Any

from encoders.attributes.network import FACE, SIZE, load_attributes
from encoders.frame import CropSquare
from encoders.steady import Cut, SteadyCut

__all__ = ["SteadyAttributes"]

Tensor = Any


class SteadyAttributes(SteadyCut):
    """Pictures that show faces alike to guessed age and gender, differentiable.

    ``ffhq`` is where the FFHQ square lies in a picture, ``size`` its side in px.
    """

    def __init__(self, ffhq: CropSquare, size: int) -> None:
        super().__init__(FACE.inverse().within(ffhq), size, SIZE)
        self._network = load_attributes().network

    def __call__(self, images: Tensor, cut: Cut | None = None) -> Tensor:
        """RGB float32 (n, size, size, 3) in -1 to 1 to float32 (n, 2).

        Age in units of 50 years, and the log odds of "female".
        """
        return self._network(self._levels(images, cut), training=False)[:, :2]

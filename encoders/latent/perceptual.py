"""A perceptual distance on the layers of dlib's network.

The idea is that of perceptual losses (Johnson et al. 2016; Zhang et al. 2018, "LPIPS"), with
the layers of a network that knows faces. The last vector alone is a poor guide: images that please
it and nobody else are easily found.
"""

from __future__ import annotations

import math
from typing import Any

from keras import Model, ops

from encoders.frame import CropSquare
from encoders.latent.identity import Recognizer
from encoders.steady import Cut

__all__ = ["Perceptual", "flat"]

Tensor = Any
_VECTOR = 1.0  # how much the last vector counts beside the layers, as a factor of its length


class Perceptual(Recognizer):
    """A generator's pictures to what layers of dlib's network see, differentiable.

    The squared distance of two pictures is the sum, over layers, of the mean squared distance
    of their maps, each place's channels at a length of 1, and a part of dlib's own distance.
    """

    def __init__(self, square: CropSquare, size: int) -> None:
        super().__init__(square, size)
        network = self._network
        self._layers = Model(network.input, [*_last_of_each_width(network), network.output])

    def __call__(self, images: Tensor, cut: Cut | None = None) -> Tensor:
        """RGB float32 (n, size, size, 3) in -1 to 1 to float32 (n, d)."""
        return flat(self.maps(images, cut))

    def maps(self, images: Tensor, cut: Cut | None = None) -> list[Tensor]:
        """What ``__call__`` gives by layers: float32 (n, h, w, c), the last (n, 1, 1, 128)."""
        *maps, vector = self._layers(self._levels(images, cut))
        return [*map(_unit, maps), vector[:, None, None] * _VECTOR]

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """(h, w, c) of each of ``maps``."""
        *maps, vector = self._layers.outputs
        return [*(tuple(one.shape[1:]) for one in maps), (1, 1, vector.shape[1])]


def flat(maps: list[Tensor]) -> Tensor:
    """Maps (n, h, w, c) as one vector a picture, (n, d)."""
    return ops.concatenate([ops.reshape(one, (one.shape[0], -1)) for one in maps], axis=1)


def _last_of_each_width(network: Any) -> list[Tensor]:
    """The outputs of the last rectifier at each size of map, but the smallest."""
    outputs: dict[int, Tensor] = {}
    for operation in network.operations:
        if operation.__class__.__name__ == "Relu" and operation.output.shape[1] > 4:
            outputs[operation.output.shape[1]] = operation.output
    return list(outputs.values())


def _unit(maps: Tensor) -> Tensor:
    _, height, width, _ = maps.shape
    length = ops.sqrt(ops.sum(ops.square(maps), axis=-1, keepdims=True) + 1e-6)
    return maps / length / math.sqrt(height * width)

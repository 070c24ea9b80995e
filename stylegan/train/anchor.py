"""A generator whose faces are to be kept: the same z must give the same face at low resolution."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from anonbase.errors import InputError
from anonbase.keras_backend import compiled
from stylegan.checkpoint import Checkpoint
from stylegan.networks import synthesis2
from stylegan.networks.mapping import broadcast, map_latents
from stylegan.train.losses import smaller
from stylegan.train.recipe import TrainingConfig
from stylegan.train.state import Tensors

__all__ = ["AGREED_SIDE", "Anchor", "off_anchor"]

Tensor = Any
#: Side in px at which the picture and the anchor's must agree: colors and shapes, no texture.
AGREED_SIDE = 32


class Anchor:
    """``found``'s pictures at the recipe's resolution. ``InputError`` if its z is another."""

    def __init__(self, found: Checkpoint, recipe: TrainingConfig) -> None:
        if found.generator.z_dim != recipe.z_dim:
            raise InputError(
                f"the anchor's z has {found.generator.z_dim} numbers, the recipe's"
                f" {recipe.z_dim}: they have no faces in common"
            )
        self._config, self._recipe = found.generator, recipe
        values = found.generator_values.items()
        self._values = {k: ops.convert_to_tensor(np.asarray(v, np.float32)) for k, v in values}
        self._run = compiled(self._drawn)

    def pictures(self, z: Tensor) -> Tensor:
        """z float32 (n, z_dim) to RGB float32 (n, s, s, 3), about -1 to 1."""
        return self._run(self._values, z)

    def _drawn(self, p: Tensors, z: Tensor) -> Tensor:
        w = broadcast(map_latents(p, self._config, z), self._config.num_ws)
        drawn = synthesis2.synthesize(p, self._config, w, None, self._recipe.dtype)
        side = self._recipe.resolution
        return ops.image.resize(drawn, (side, side), "bicubic", antialias=True)


def off_anchor(images: Tensor, wanted: Tensor) -> Tensor:
    """How far two batches (n, s, s, 3) lie apart at ``AGREED_SIDE``, the mean absolute distance."""
    factor = max(images.shape[1] // AGREED_SIDE, 1)
    return ops.mean(ops.abs(smaller(images - wanted, factor)))

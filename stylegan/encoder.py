"""From an image to the w of a generator, in one pass.

``stylegan.train`` trains the encoder with the generator, as the first half of an autoencoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.keras_backend import compiled
from stylegan.networks.config import EncoderConfig
from stylegan.networks.discriminator import trunk, trunk_specs
from stylegan.networks.ops import add_bias_leaky, dense
from stylegan.networks.parameters import Parameters, Spec, check, initial, variables

__all__ = ["Encoder", "encode", "encoder_specs"]

Tensor = Any


class Encoder:
    """The encoder network with its numbers; ``values`` are named as by ``encoder_specs``."""

    def __init__(
        self,
        config: EncoderConfig,
        values: Mapping[str, NDArray[Any]] | None = None,
        *,
        seed: int = 0,
        source: str = "encoder",
    ) -> None:
        specs = encoder_specs(config)
        given = initial(specs, np.random.default_rng(seed)) if values is None else values
        self.config = config
        self.parameters = variables(specs, check(specs, given, source))

    def __call__(self, pictures: NDArray[np.uint8], batch: int = 32) -> NDArray[np.float32]:
        """Find the w of images.

        Parameters
        ----------
        pictures : uint8 (n, size, size, 3)
            RGB, framed as the generator's own.
        batch : int
            Images at a time.

        Returns
        -------
        float32 (n, w_dim)
            One w an image.

        Raises
        ------
        InputError
            The images have another shape or type.
        """
        side = self.config.resolution
        if pictures.shape[1:] != (side, side, 3) or pictures.dtype != np.uint8:
            raise InputError(
                f"pictures are {pictures.dtype} {pictures.shape}: expected uint8 "
                f"(n, {side}, {side}, 3)"
            )
        made = [
            self._run_part(pictures[i : i + batch], batch) for i in range(0, len(pictures), batch)
        ]
        return np.concatenate(made) if made else np.empty((0, self.config.w_dim), np.float32)

    def values(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter as an array."""
        return {k: ops.convert_to_numpy(v) for k, v in self.parameters.items()}

    def _run_part(self, part: NDArray[np.uint8], batch: int) -> NDArray[np.float32]:
        full = np.resize(part, (batch, *part.shape[1:])).astype(np.float32) / 127.5 - 1
        return ops.convert_to_numpy(self._run(ops.convert_to_tensor(full)))[: len(part)]

    @cached_property
    def _run(self) -> Any:
        return compiled(lambda images: encode(self.parameters, self.config, images))


def encoder_specs(config: EncoderConfig) -> dict[str, Spec]:
    """Names and shapes of the parameters."""
    inputs = 16 * config.channels[0]
    return trunk_specs(config) | {
        "fc.weight": Spec((inputs, config.hidden)),
        "fc.bias": Spec((config.hidden,), 0.0),
        "out.weight": Spec((config.hidden, config.w_dim)),
        "out.bias": Spec((config.w_dim,), 0.0),
    }


def encode(p: Parameters, config: EncoderConfig, images: Tensor, dtype: str = "float32") -> Tensor:
    """RGB (n, size, size, 3) in -1 to 1 to w float32 (n, w_dim)."""
    x = trunk(p, config, images, dtype)
    x = ops.reshape(ops.cast(x, "float32"), (-1, 16 * config.channels[0]))
    x = add_bias_leaky(dense(x, p["fc.weight"]), p["fc.bias"])
    return dense(x, p["out.weight"], p["out.bias"])

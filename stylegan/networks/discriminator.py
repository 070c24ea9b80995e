"""StyleGAN2's discriminator (Karras et al. 2020): residual blocks, minibatch deviation.

A DCGAN's is in ``stylegan.networks.dcgan``; both are reached from here, by their config.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from stylegan.networks import dcgan
from stylegan.networks.config import (
    DcganDiscriminatorConfig,
    DiscriminatorConfig,
    EncoderConfig,
)
from stylegan.networks.mapping import layer_specs, layers
from stylegan.networks.ops import (
    ROOT2,
    add_bias_leaky,
    conv,
    conv_down,
    dense,
    downsample,
    normalise,
)
from stylegan.networks.parameters import Parameters, Spec, check, initial, variables

__all__ = ["Discriminator", "discriminator_specs", "score", "trunk", "trunk_specs"]

Tensor = Any
Trunk = DiscriminatorConfig | EncoderConfig


class Discriminator:
    """The network and its numbers. ``values`` are as ``discriminator_specs`` names them."""

    def __init__(
        self,
        config: DiscriminatorConfig,
        values: Mapping[str, NDArray[Any]] | None = None,
        *,
        seed: int = 0,
        source: str = "discriminator",
    ) -> None:
        specs = discriminator_specs(config)
        given = initial(specs, np.random.default_rng(seed)) if values is None else values
        self.config = config
        self.parameters = variables(specs, check(specs, given, source))

    def __call__(
        self, images: Tensor, labels: Tensor | None = None, dtype: str = "float32"
    ) -> Tensor:
        """RGB float32 (n, size, size, 3) in -1 to 1 to (n, 1): high where it looks real."""
        given = ops.convert_to_tensor(images)
        wanted = None if labels is None else ops.convert_to_tensor(labels)
        return score(self.parameters, self.config, given, wanted, dtype)

    def values(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter as an array."""
        return {k: ops.convert_to_numpy(v) for k, v in self.parameters.items()}


def discriminator_specs(config: DiscriminatorConfig) -> dict[str, Spec]:
    """Names and shapes of the parameters."""
    if isinstance(config, DcganDiscriminatorConfig):
        return dcgan.score_specs(config)
    return trunk_specs(config) | _end_specs(config.channels[0], config)


def trunk_specs(config: Trunk) -> dict[str, Spec]:
    """Those of the residual blocks, from the picture down to 4 px."""
    widths = dict(zip((*config.sizes, 4), reversed(config.channels), strict=True))
    specs = {}
    top = config.resolution
    specs[f"b{top}.fromrgb.weight"] = Spec((1, 1, 3, widths[top]))
    specs[f"b{top}.fromrgb.bias"] = Spec((widths[top],), 0.0)
    for size in config.sizes:
        specs |= _block_specs(f"b{size}", widths[size], widths[size // 2])
    return specs


def _block_specs(name: str, inputs: int, outputs: int) -> dict[str, Spec]:
    return {
        f"{name}.conv0.weight": Spec((3, 3, inputs, inputs)),
        f"{name}.conv0.bias": Spec((inputs,), 0.0),
        f"{name}.conv1.weight": Spec((3, 3, inputs, outputs)),
        f"{name}.conv1.bias": Spec((outputs,), 0.0),
        f"{name}.skip.weight": Spec((1, 1, inputs, outputs)),
    }


def _end_specs(width: int, config: DiscriminatorConfig) -> dict[str, Spec]:
    outputs = width if config.classes else 1
    specs = {
        "b4.conv.weight": Spec((3, 3, width + 1, width)),
        "b4.conv.bias": Spec((width,), 0.0),
        "b4.fc.weight": Spec((16 * width, width)),
        "b4.fc.bias": Spec((width,), 0.0),
        "b4.out.weight": Spec((width, outputs)),
        "b4.out.bias": Spec((outputs,), 0.0),
    }
    if not config.classes:
        return specs
    specs["mapping.embed.weight"] = Spec((config.classes, width))
    specs["mapping.embed.bias"] = Spec((width,), 0.0)
    return specs | layer_specs("mapping.", width, width, config.mapping_layers)


def score(
    p: Parameters,
    config: DiscriminatorConfig,
    images: Tensor,
    labels: Tensor | None = None,
    dtype: str = "float32",
) -> Tensor:
    """RGB (n, size, size, 3) in -1 to 1 to float32 (n, 1); n a multiple of the group, or less."""
    if isinstance(config, DcganDiscriminatorConfig):
        return dcgan.score(p, images, dtype)
    x = trunk(p, config, images, dtype)
    x = _conv(p, "b4.conv", _with_deviation(x, config.group), conv, config.clamp)
    x = ops.reshape(ops.cast(x, "float32"), (-1, 16 * config.channels[0]))
    x = add_bias_leaky(dense(x, p["b4.fc.weight"]), p["b4.fc.bias"])
    return _matched(p, config, dense(x, p["b4.out.weight"], p["b4.out.bias"]), labels)


def trunk(p: Parameters, config: Trunk, images: Tensor, dtype: str = "float32") -> Tensor:
    """RGB (n, size, size, 3) in -1 to 1 through the residual blocks to (n, 4, 4, channels[0])."""
    x = _conv(p, f"b{config.resolution}.fromrgb", ops.cast(images, dtype), conv, config.clamp)
    for size in config.sizes:
        x = _block(p, f"b{size}", x, config.clamp)
    return x


def _matched(
    p: Parameters, config: DiscriminatorConfig, x: Tensor, labels: Tensor | None
) -> Tensor:
    """With labels, the score is how well the picture's vector fits the label's."""
    if labels is None:
        return x
    embedded = normalise(dense(labels, p["mapping.embed.weight"], p["mapping.embed.bias"]))
    wanted = layers(p, "mapping.", embedded, config.mapping_layers)
    return ops.sum(x * wanted, axis=1, keepdims=True) / math.sqrt(config.channels[0])


def _block(p: Parameters, name: str, x: Tensor, clamp: float | None) -> Tensor:
    skip = conv(downsample(x), _scaled(p[f"{name}.skip.weight"], math.sqrt(0.5), x.dtype))
    y = _conv(p, f"{name}.conv0", x, conv, clamp)
    return _conv(p, f"{name}.conv1", y, conv_down, clamp, 1.0) + skip


def _conv(
    p: Parameters, name: str, x: Tensor, convolve: Any, clamp: float | None, gain: float = ROOT2
) -> Tensor:
    """Convolution, bias, rectifier; a residual's gain is the usual root of 2 over a root of 2.

    The bound holds after the usual gain, so a residual's is smaller by a root of 2.
    """
    kernel = _scaled(p[f"{name}.weight"], gain, x.dtype)
    bias = ops.cast(p[f"{name}.bias"] * gain, x.dtype)
    y = ops.leaky_relu(convolve(x, kernel) + bias, 0.2)
    bound = None if clamp is None else clamp * gain / ROOT2
    return y if bound is None else ops.clip(y, -bound, bound)


def _scaled(kernel: Tensor, gain: float, dtype: str) -> Tensor:
    return ops.cast(kernel * (gain / math.sqrt(math.prod(kernel.shape[:3]))), dtype)


def _with_deviation(x: Tensor, group: int) -> Tensor:
    """One more map: how much the pictures of a group differ (Karras et al. 2018, section 3)."""
    n, h, w, c = x.shape
    count = min(group, n)
    y = ops.cast(ops.reshape(x, (count, n // count, h, w, c)), "float32")
    spread = ops.sqrt(ops.mean(ops.square(y - ops.mean(y, axis=0)), axis=0) + 1e-8)
    flat = ops.reshape(ops.mean(spread, axis=(1, 2, 3)), (n // count, 1, 1, 1))
    plane = ops.broadcast_to(ops.tile(flat, (count, 1, 1, 1)), (n, h, w, 1))
    return ops.concatenate([x, ops.cast(plane, x.dtype)], axis=-1)

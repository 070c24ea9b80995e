"""StyleGAN2's synthesis network (Karras et al. 2020): w to an image.

A style scales the convolution's inputs, and its outputs are scaled back to a standard
deviation of 1. This is the same as scaling the weights for each image, and lets one dense
convolution serve the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from stylegan.networks.config import GeneratorConfig
from stylegan.networks.ops import ROOT2, conv, conv_up, dense, matmul, upsample
from stylegan.networks.parameters import Parameters, Spec

__all__ = ["synthesis_specs", "synthesize"]

Tensor = Any


def synthesis_specs(config: GeneratorConfig) -> dict[str, Spec]:
    """Names and shapes of the synthesis network's parameters."""
    specs = {"synthesis.b4.const": Spec((4, 4, config.channels[0]))}
    before = config.channels[0]
    for size, width in zip(config.sizes, config.channels, strict=True):
        block = f"synthesis.b{size}"
        if size > 4:
            specs |= _layer_specs(f"{block}.conv0", before, width, size, config.w_dim)
        specs |= _layer_specs(f"{block}.conv1", width, width, size, config.w_dim)
        specs[f"{block}.torgb.weight"] = Spec((1, 1, width, 3))
        specs[f"{block}.torgb.bias"] = Spec((3,), 0.0)
        specs |= affine_specs(f"{block}.torgb", config.w_dim, width)
        before = width
    return specs


def _layer_specs(name: str, inputs: int, outputs: int, size: int, w_dim: int) -> dict[str, Spec]:
    return {
        f"{name}.weight": Spec((3, 3, inputs, outputs)),
        f"{name}.bias": Spec((outputs,), 0.0),
        f"{name}.noise_strength": Spec((), 0.0),
        f"{name}.noise_const": Spec((size, size), trainable=False),
        **affine_specs(name, w_dim, inputs),
    }


def affine_specs(name: str, w_dim: int, outputs: int, start: float = 1.0) -> dict[str, Spec]:
    """The dense layer that turns w into a style."""
    return {
        f"{name}.affine.weight": Spec((w_dim, outputs)),
        f"{name}.affine.bias": Spec((outputs,), start),
    }


def synthesize(
    p: Parameters,
    config: GeneratorConfig,
    w: Tensor,
    noise: Sequence[Tensor] | None,
    dtype: str = "float32",
    change: Callable[[str, Tensor], Tensor] | None = None,
) -> Tensor:
    """float32 (n, num_ws, w_dim) to RGB float32 (n, size, size, 3), about -1 to 1.

    ``noise`` is one map (n or 1, size, size, 1) a convolution, or None for no noise. ``change``
    gets the name of each layer, such as ``synthesis.b8.conv0``, and its maps (n, h, w, c), and
    gives the maps to go on with.
    """
    const = ops.cast(p["synthesis.b4.const"], dtype)
    x = ops.repeat(const[None], w.shape[0], axis=0)
    image = None
    layer = 0
    for size in config.sizes:
        for name in ("conv0", "conv1") if size > 4 else ("conv1",):
            full = f"synthesis.b{size}.{name}"
            style = _style(p, full, w[:, layer])
            plane = None if noise is None else noise[layer]
            x = _layer(p, full, x, style, plane, name == "conv0", config.clamp)
            x = x if change is None else change(full, x)
            layer += 1
        rgb = _to_rgb(p, f"synthesis.b{size}.torgb", x, w[:, layer], config.clamp)
        image = rgb if image is None else upsample(image) + rgb
    return image


def _style(p: Parameters, name: str, w: Tensor) -> Tensor:
    return dense(w, p[f"{name}.affine.weight"], p[f"{name}.affine.bias"])


def _layer(
    p: Parameters,
    name: str,
    x: Tensor,
    style: Tensor,
    noise: Tensor | None,
    up: bool,
    clamp: float | None,
) -> Tensor:
    """Modulated convolution, noise, bias, leaky rectifier; the gain goes in with the scales."""
    kernel = p[f"{name}.weight"]
    scale = ROOT2 * _demodulation(kernel, style)
    x = x * _over_image(style, x.dtype)
    x = (conv_up if up else conv)(x, ops.cast(kernel, x.dtype))
    x = x * _over_image(scale, x.dtype)
    shift = p[f"{name}.bias"] * ROOT2
    if noise is not None:
        shift = shift + noise * (p[f"{name}.noise_strength"] * ROOT2)
    return _clamped(ops.leaky_relu(x + ops.cast(shift, x.dtype), 0.2), clamp)


def _demodulation(kernel: Tensor, style: Tensor) -> Tensor:
    """1 / the norm of each output's modulated weights, (n, outputs)."""
    power = ops.sum(ops.square(kernel), axis=(0, 1))
    return ops.rsqrt(matmul(ops.square(style), power) + 1e-8)


def _to_rgb(p: Parameters, name: str, x: Tensor, w: Tensor, clamp: float | None) -> Tensor:
    kernel = p[f"{name}.weight"]
    style = _style(p, name, w) / math.sqrt(kernel.shape[2])
    rgb = conv(x * _over_image(style, x.dtype), ops.cast(kernel, x.dtype))
    return _clamped(ops.cast(rgb, "float32") + p[f"{name}.bias"], clamp)


def _over_image(scale: Tensor, dtype: str) -> Tensor:
    return ops.cast(scale, dtype)[:, None, None, :]


def _clamped(x: Tensor, clamp: float | None) -> Tensor:
    return x if clamp is None else ops.clip(x, -clamp, clamp)

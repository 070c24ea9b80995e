"""StyleGAN's synthesis network (Karras et al. 2019): w to an image.

After each convolution: noise for every feature map, bias, rectifier, then each map of each
image is normalised and takes its mean and deviation from the style.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from stylegan.networks.config import GeneratorConfig
from stylegan.networks.ops import ROOT2, blur, conv, dense
from stylegan.networks.parameters import Parameters, Spec
from stylegan.networks.synthesis2 import affine_specs

__all__ = ["synthesis_specs", "synthesize"]

Tensor = Any
_FUSED_FROM = 128  # pixels; from here on enlarging and convolving are one step, and differ a bit


def synthesis_specs(config: GeneratorConfig) -> dict[str, Spec]:
    """Names and shapes of the synthesis network's parameters."""
    specs = {"synthesis.b4.const": Spec((4, 4, config.channels[0]), 1.0)}
    before = config.channels[0]
    for size, width in zip(config.sizes, config.channels, strict=True):
        for name, inputs in (("conv0", before), ("conv1", width)):
            full = f"synthesis.b{size}.{name}"
            if (size, name) != (4, "conv0"):
                specs[f"{full}.weight"] = Spec((3, 3, inputs, width))
            specs |= _epilogue_specs(full, width, size, config.w_dim)
        before = width
    specs["synthesis.torgb.weight"] = Spec((1, 1, before, 3))
    specs["synthesis.torgb.bias"] = Spec((3,), 0.0)
    return specs


def _epilogue_specs(name: str, width: int, size: int, w_dim: int) -> dict[str, Spec]:
    return {
        f"{name}.bias": Spec((width,), 0.0),
        f"{name}.noise_strength": Spec((width,), 0.0),
        f"{name}.noise_const": Spec((size, size), trainable=False),
        **affine_specs(name, w_dim, 2 * width, 0.0),
    }


def synthesize(
    p: Parameters,
    config: GeneratorConfig,
    w: Tensor,
    noise: Sequence[Tensor] | None,
    dtype: str = "float32",
) -> Tensor:
    """float32 (n, num_ws, w_dim) to RGB float32 (n, size, size, 3), about -1 to 1.

    ``noise`` is one map (n or 1, size, size, 1) a layer, or None for no noise.
    """
    const = ops.cast(p["synthesis.b4.const"], dtype)
    x = ops.repeat(const[None], w.shape[0], axis=0)
    layer = 0
    for size in config.sizes:
        for name in ("conv0", "conv1"):
            full = f"synthesis.b{size}.{name}"
            x = _convolved(p, full, x, size, name == "conv0")
            x = _epilogue(p, full, x, w[:, layer], None if noise is None else noise[layer])
            layer += 1
    rgb = conv(x, _scaled(p["synthesis.torgb.weight"], 1.0, x.dtype))
    return ops.cast(rgb, "float32") + p["synthesis.torgb.bias"]


def _convolved(p: Parameters, name: str, x: Tensor, size: int, up: bool) -> Tensor:
    if name == "synthesis.b4.conv0":
        return x
    kernel = _scaled(p[f"{name}.weight"], ROOT2, x.dtype)
    if not up or size == 4:
        return conv(x, kernel)
    return blur(_fused_up(x, kernel) if size >= _FUSED_FROM else _plain_up(x, kernel))


def _scaled(kernel: Tensor, gain: float, dtype: str) -> Tensor:
    return ops.cast(kernel * (gain / math.sqrt(math.prod(kernel.shape[:3]))), dtype)


def _plain_up(x: Tensor, kernel: Tensor) -> Tensor:
    return conv(ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2), kernel)


def _fused_up(x: Tensor, kernel: Tensor) -> Tensor:
    """One transposed convolution with the kernel smeared over 2 x 2 pixels."""
    wide = ops.pad(kernel, ((1, 1), (1, 1), (0, 0), (0, 0)))
    wide = wide[1:] + wide[:-1]
    wide = wide[:, 1:] + wide[:, :-1]
    return ops.conv_transpose(
        x,
        ops.transpose(wide, (0, 1, 3, 2)),
        strides=2,
        padding="same",
        data_format="channels_last",
    )


def _epilogue(p: Parameters, name: str, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
    shift = p[f"{name}.bias"]
    if noise is not None:
        shift = shift + noise * p[f"{name}.noise_strength"]
    x = ops.leaky_relu(x + ops.cast(shift, x.dtype), 0.2)
    style = dense(w, p[f"{name}.affine.weight"], p[f"{name}.affine.bias"])
    return _restyled(x, style)


def _restyled(x: Tensor, style: Tensor) -> Tensor:
    """Every map of every image at the style's mean and deviation (adaptive instance norm)."""
    centred = ops.cast(x, "float32")
    for _ in range(2):  # the second takes the first's rounding, which a flat map enlarges 10,000 x
        centred = centred - ops.mean(centred, axis=(1, 2), keepdims=True)
    spread = ops.mean(ops.square(centred), axis=(1, 2), keepdims=True)
    scale, shift = ops.split(style[:, None, None, :], 2, axis=-1)
    return ops.cast(centred * ((scale + 1.0) * ops.rsqrt(spread + 1e-8)) + shift, x.dtype)

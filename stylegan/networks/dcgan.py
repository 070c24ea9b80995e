"""DCGAN: 4 x 4 convolutions of stride 2, the generator's transposed, with batch normalization.

A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep convolutional
generative adversarial networks", ICLR 2016. The discriminator has biases in place of batch
normalization, so that it judges each picture by itself; what keeps it in bounds in training is
spectral normalization (Miyato et al., ICLR 2018), which is folded into the kernels that are saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from stylegan.networks.config import DcganConfig, DcganDiscriminatorConfig
from stylegan.networks.parameters import Parameters, Spec

__all__ = [
    "BatchStatistics",
    "score",
    "score_specs",
    "synthesis_specs",
    "synthesize",
    "synthesize_batch",
]

Tensor = Any
#: Mean and variance of each normalized layer over a batch, by the layer's name.
BatchStatistics = dict[str, tuple[Tensor, Tensor]]

_KERNEL = 4
_START = 0.02  # deviation of the first kernels, and of the first scales about 1 (the paper's)
_EPSILON = 1e-5  # keeps the deviation of a dead map from 0


def synthesis_specs(config: DcganConfig) -> dict[str, Spec]:
    """Names and shapes of the generator's parameters; kernels are (4, 4, in, out)."""
    widths = (config.w_dim, *config.channels)
    specs = {}
    for i, width in enumerate(config.channels):
        name = _block(4 << i)
        specs[f"{name}.weight"] = Spec((_KERNEL, _KERNEL, widths[i], width), spread=_START)
        specs |= _norm_specs(f"{name}.norm", width)
    shape = (_KERNEL, _KERNEL, widths[-1], 3)
    return specs | {f"{_block(config.resolution)}.weight": Spec(shape, spread=_START)}


def _norm_specs(name: str, width: int) -> dict[str, Spec]:
    def near_one(rng: np.random.Generator) -> NDArray[Any]:
        return rng.normal(1, _START, width)

    return {
        f"{name}.scale": Spec((width,), drawn=near_one),
        f"{name}.shift": Spec((width,), 0.0),
        f"{name}.mean": Spec((width,), 0.0, trainable=False),
        f"{name}.variance": Spec((width,), 1.0, trainable=False),
    }


def synthesize(
    p: Parameters,
    config: DcganConfig,
    w: Tensor,
    noise: Sequence[Tensor] | None = None,
    dtype: str = "float32",
) -> Tensor:
    """float32 (n, 1, w_dim) to RGB float32 (n, size, size, 3), -1 to 1; there are no noise maps."""
    known: BatchStatistics = {}
    for i in range(len(config.channels)):
        name = f"{_block(4 << i)}.norm"
        known[name] = (p[f"{name}.mean"], p[f"{name}.variance"])
    return _layers(p, config, w, known, dtype)


def synthesize_batch(
    p: Parameters, config: DcganConfig, w: Tensor, dtype: str = "float32"
) -> tuple[Tensor, BatchStatistics]:
    """As ``synthesize``, normalized by the batch's own mean and variance, which it returns too."""
    measured: BatchStatistics = {}
    return _layers(p, config, w, measured, dtype), measured


def _layers(
    p: Parameters, config: DcganConfig, w: Tensor, statistics: BatchStatistics, dtype: str
) -> Tensor:
    x = ops.cast(ops.reshape(w, (-1, config.w_dim)), dtype)
    for i, width in enumerate(config.channels):
        name = _block(4 << i)
        kernel = ops.cast(p[f"{name}.weight"], dtype)
        x = _first(x, kernel, width) if i == 0 else _up(x, kernel)
        x = ops.relu(_normalized(p, f"{name}.norm", x, statistics))
    last = ops.cast(p[f"{_block(config.resolution)}.weight"], dtype)
    return ops.tanh(ops.cast(_up(x, last), "float32"))


def _first(x: Tensor, kernel: Tensor, width: int) -> Tensor:
    """(n, w_dim) to (n, 4, 4, width): a transposed convolution of one pixel is a dense layer."""
    flat = ops.reshape(ops.transpose(kernel, (2, 0, 1, 3)), (-1, _KERNEL * _KERNEL * width))
    return ops.reshape(ops.matmul(x, flat), (-1, _KERNEL, _KERNEL, width))


def _up(x: Tensor, kernel: Tensor) -> Tensor:
    """Twice as large."""
    turned = ops.transpose(kernel, (0, 1, 3, 2))
    return ops.conv_transpose(x, turned, strides=2, padding="same", data_format="channels_last")


def _normalized(p: Parameters, name: str, x: Tensor, statistics: BatchStatistics) -> Tensor:
    """Mean 0 and variance 1 by the statistics given, or by the batch's, which are then noted."""
    if name not in statistics:
        wide = ops.cast(x, "float32")
        statistics[name] = ops.moments(wide, axes=(0, 1, 2))
    mean, variance = statistics[name]
    scale = p[f"{name}.scale"] * ops.rsqrt(variance + _EPSILON)
    shift = p[f"{name}.shift"] - mean * scale
    return x * ops.cast(scale, x.dtype) + ops.cast(shift, x.dtype)


def score_specs(config: DcganDiscriminatorConfig) -> dict[str, Spec]:
    """Names and shapes of the discriminator's parameters."""
    specs, before = {}, 3
    for size, width in zip(config.sizes, reversed(config.channels), strict=True):
        shape = (_KERNEL, _KERNEL, before, width)
        specs[f"b{size}.weight"] = Spec(shape, spread=_START)
        specs[f"b{size}.bias"] = Spec((width,), 0.0)
        before = width
    return specs | {
        "out.weight": Spec((_KERNEL, _KERNEL, before, 1), spread=_START),
        "out.bias": Spec((1,), 0.0),
    }


def score(p: Parameters, images: Tensor, dtype: str = "float32") -> Tensor:
    """RGB (n, size, size, 3) in -1 to 1 to float32 (n, 1): the logit of being a photograph."""
    x = ops.cast(images, dtype)
    size = images.shape[1]
    while size > _KERNEL:
        size //= 2
        x = ops.leaky_relu(_conv(x, p, f"b{size}", 2, "same"), 0.2)
    return ops.cast(ops.reshape(_conv(x, p, "out", 1, "valid"), (-1, 1)), "float32")


def _conv(x: Tensor, p: Parameters, name: str, strides: int, padding: str) -> Tensor:
    kernel, bias = (ops.cast(p[f"{name}.{part}"], x.dtype) for part in ("weight", "bias"))
    return ops.conv(x, kernel, strides, padding, data_format="channels_last") + bias


def _block(size: int) -> str:
    return f"synthesis.b{size}"

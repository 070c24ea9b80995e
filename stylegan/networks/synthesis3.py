"""StyleGAN3's synthesis network (Karras et al. 2021): w to an image, without aliasing.

Written from the paper and its appendices. It agrees with NVIDIA's own code on two small networks to
1e-5, and the tests show what follows from the construction: the picture moves and, with
``stylegan3-r``, turns as the input does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from stylegan.networks.config import AliasFreeConfig
from stylegan.networks.filters3 import Layer, first_band, layers
from stylegan.networks.ops import ROOT2, conv, dense, matmul
from stylegan.networks.parameters import Parameters, Spec
from stylegan.networks.resample import Step, resample
from stylegan.networks.synthesis2 import affine_specs

__all__ = ["filtered", "fourier_features", "modulated", "synthesis_specs", "synthesize"]

Tensor = Any
_SCALE = 0.25  # of the picture
_LOW_RATES = 16  # layers of a sampling rate up to size / 16 keep float32, as the paper's do


def synthesis_specs(config: AliasFreeConfig) -> dict[str, Spec]:
    """Names and shapes of the synthesis network's parameters."""
    specs = _input_specs(config)
    for layer in layers(config):
        name = f"synthesis.{layer.name}"
        specs[f"{name}.weight"] = Spec((layer.kernel, layer.kernel, layer.inputs, layer.outputs))
        specs[f"{name}.bias"] = Spec((layer.outputs,), 0.0)
        specs[f"{name}.magnitude_ema"] = Spec((), 1.0, trainable=False)
        specs |= affine_specs(name, config.w_dim, layer.inputs)
    return specs


def _input_specs(config: AliasFreeConfig) -> dict[str, Spec]:
    width = config.channels[0]
    band = first_band(config)[2]
    return {
        "synthesis.input.weight": Spec((width, width)),
        "synthesis.input.affine.weight": Spec((config.w_dim, 4), 0.0),
        "synthesis.input.affine.bias": Spec((4,), (1.0, 0.0, 0.0, 0.0)),
        "synthesis.input.transform": Spec((3, 3), trainable=False, drawn=lambda _: np.eye(3)),
        "synthesis.input.freqs": Spec(
            (width, 2), trainable=False, drawn=lambda rng: _frequencies(rng, width, band)
        ),
        "synthesis.input.phases": Spec(
            (width,), trainable=False, drawn=lambda rng: rng.uniform(-0.5, 0.5, width)
        ),
    }


def _frequencies(rng: np.random.Generator, count: int, band: float) -> NDArray[np.float64]:
    """Spread evenly over the disc of radius ``band``."""
    angle, radius = rng.uniform(0, 2 * np.pi, count), band * np.sqrt(rng.uniform(0, 1, count))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def synthesize(
    p: Parameters,
    config: AliasFreeConfig,
    w: Tensor,
    noise: Sequence[Tensor] | None = None,
    dtype: str = "float32",
) -> Tensor:
    """float32 (n, num_ws, w_dim) to RGB float32 (n, size, size, 3), about -1 to 1.

    The parameter ``synthesis.input.transform`` (3, 3) moves and turns the picture: it takes
    places in the picture, whose sides are 1 long, to those the content comes from.
    """
    x = fourier_features(p, config, w[:, 0])
    for number, layer in enumerate(layers(config)):
        if layer.rate * _LOW_RATES > config.size:
            x = ops.cast(x, dtype)
        name = f"synthesis.{layer.name}"
        x = modulated(p, name, x, w[:, number + 1], demodulate=not layer.colours)
        x = _clamped(x, config.clamp) if layer.colours else filtered(x, layer, config.clamp)
    return ops.cast(x, "float32") * _SCALE


def fourier_features(p: Parameters, config: AliasFreeConfig, w: Tensor) -> Tensor:
    """The input: waves over the plane, moved and turned by w and by the transform.

    (n, w_dim) to (n, side, side, channels[0]). Waves that a transform takes beyond the band
    fade until the highest frequency that the grid can hold.
    """
    side, rate, band = first_band(config)
    moved = ops.matmul(_motion(p, w), p["synthesis.input.transform"])
    waves = ops.matmul(p["synthesis.input.freqs"], moved[:, :2, :2])
    phases = (
        p["synthesis.input.phases"]
        + ops.matmul(p["synthesis.input.freqs"], moved[:, :2, 2:])[:, :, 0]
    )
    length = ops.sqrt(ops.sum(ops.square(waves), axis=2))
    fade = ops.clip(1 - (length - band) / (rate / 2 - band), 0.0, 1.0)
    place = ops.cast((np.arange(side) + 0.5 - side / 2) / rate, "float32")
    across = place[None, None, :, None] * waves[:, None, None, :, 0]
    down = place[None, :, None, None] * waves[:, None, None, :, 1]
    x = ops.sin(2 * math.pi * (across + down + phases[:, None, None, :]))
    return dense(x * fade[:, None, None, :], p["synthesis.input.weight"])


def _motion(p: Parameters, w: Tensor) -> Tensor:
    """The motion that w asks for, undone: (n, 3, 3), back by the shift and then turned."""
    t = dense(w, p["synthesis.input.affine.weight"], p["synthesis.input.affine.bias"])
    t = t / ops.sqrt(ops.sum(ops.square(t[:, :2]), axis=1, keepdims=True))
    cos, sin, x, y = (t[:, i] for i in range(4))
    zero = ops.zeros_like(cos)
    rows = [
        [cos, -sin, sin * y - cos * x],
        [sin, cos, -sin * x - cos * y],
        [zero, zero, zero + 1],
    ]
    return ops.stack([ops.stack(row, axis=1) for row in rows], axis=1)


def modulated(p: Parameters, name: str, x: Tensor, w: Tensor, demodulate: bool) -> Tensor:
    """Convolution by weights that w scales, and bias; the map grows by the kernel's margin.

    The input counts as having the mean square ``magnitude_ema`` that training measured. Where
    the result is demodulated, kernels and styles have a mean square of 1 (appendix D.1; there
    a batch's styles have it together, which the demodulation makes the same).
    """
    kernel = p[f"{name}.weight"]
    style = dense(w, p[f"{name}.affine.weight"], p[f"{name}.affine.bias"])
    scale = ops.rsqrt(p[f"{name}.magnitude_ema"])
    if demodulate:
        kernel = kernel * ops.rsqrt(ops.mean(ops.square(kernel), axis=(0, 1, 2)))
        style = style * ops.rsqrt(ops.mean(ops.square(style), axis=1, keepdims=True))
        power = ops.sum(ops.square(kernel), axis=(0, 1))
        scale = scale * ops.rsqrt(matmul(ops.square(style), power) + 1e-8)
    else:
        scale = ops.reshape(scale / math.sqrt(math.prod(kernel.shape[:3])), (1, 1))
    margin = kernel.shape[0] - 1
    x = ops.pad(x * _over_map(style, x), ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    x = conv(x, ops.cast(kernel, x.dtype), padding="valid") * _over_map(scale, x)
    return x + ops.cast(p[f"{name}.bias"], x.dtype)


def _over_map(scale: Tensor, x: Tensor) -> Tensor:
    return ops.cast(scale, x.dtype)[:, None, None, :]


def filtered(x: Tensor, layer: Layer, clamp: float | None) -> Tensor:
    """The leaky rectifier as for continuous signals: enlarge, rectify, take the excess away."""
    taps = layer.up_taps * layer.up
    wide = Step(taps=tuple(taps), length=layer.size_between, up=layer.up, before=layer.before)
    tall = Step(
        taps=tuple(taps * ROOT2), length=layer.size_between, up=layer.up, before=layer.before
    )
    x = resample(resample(x, 2, wide), 1, tall)
    x = _clamped(ops.leaky_relu(x, 0.2), clamp)
    maps = [_shrunk(x, layer, *pair) for pair in _separated(layer.down_taps)]
    return sum(maps[1:], maps[0])


def _shrunk(x: Tensor, layer: Layer, tall: NDArray[Any], wide: NDArray[Any]) -> Tensor:
    x = resample(x, 1, Step(taps=tuple(tall), length=layer.size_out, down=layer.down))
    return resample(x, 2, Step(taps=tuple(wide), length=layer.size_out, down=layer.down))


def _separated(taps: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """A filter as a sum of separable ones: one, or few for a radial filter."""
    if taps.ndim == 1:
        return [(taps, taps)]
    values, vectors = np.linalg.eigh(taps)
    kept = np.abs(values) > 1e-6 * np.abs(values).max()
    return [(v, v * r) for v, r in zip(vectors.T[kept], values[kept], strict=True)]


def _clamped(x: Tensor, clamp: float | None) -> Tensor:
    return x if clamp is None else ops.clip(x, -clamp, clamp)

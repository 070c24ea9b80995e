"""The arithmetic that the networks share: NHWC, any Keras backend, no state.

Resampling is by the [1, 3, 3, 1] binomial filter (StyleGAN2) or [1, 2, 1] (StyleGAN).
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = [
    "add_bias_leaky",
    "blur",
    "conv",
    "conv_down",
    "conv_up",
    "dense",
    "downsample",
    "matmul",
    "normalise",
    "upsample",
]

Tensor = Any
ROOT2 = math.sqrt(2.0)
_EVEN = (0.25, 0.75, 0.0)
_ODD = (0.0, 0.75, 0.25)  # [1, 3, 3, 1] seen from each new pixel


def dense(x: Tensor, weight: Tensor, bias: Tensor | None = None, rate: float = 1.0) -> Tensor:
    """``x @ weight`` with the equalised learning rate: scaled by ``rate / sqrt(inputs)``."""
    y = matmul(x, weight) * (rate / math.sqrt(weight.shape[0]))
    return y if bias is None else y + bias * rate


def matmul(x: Tensor, weight: Tensor) -> Tensor:
    """``x @ weight``; of float32 on TensorFlow added up in double.

    A row's sum then rounds to the same float32 whatever other rows there are, and by any number of
    threads, but once in a hundred million.
    """
    if keras.backend.backend() != "tensorflow" or x.dtype != "float32":
        return ops.matmul(x, weight)
    double = ops.matmul(ops.cast(x, "float64"), ops.cast(weight, "float64"))
    return ops.cast(double, "float32")


def normalise(x: Tensor) -> Tensor:
    """Each row at a mean square of 1."""
    return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + 1e-8)


def add_bias_leaky(x: Tensor, bias: Tensor, gain: float = ROOT2) -> Tensor:
    """``gain * leaky_relu(x + bias, 0.2)``."""
    return ops.leaky_relu(x + bias, 0.2) * gain


def conv(x: Tensor, kernel: Tensor, strides: int = 1, padding: str = "same") -> Tensor:
    """Convolution with an HWIO kernel."""
    return ops.conv(x, kernel, strides=strides, padding=padding, data_format="channels_last")


def conv_up(x: Tensor, kernel: Tensor) -> Tensor:
    """Twice as large: a transposed 3 x 3 convolution, then the filter at a gain of 4.

    Filtering after the convolution costs a quarter of convolving the enlarged map.
    """
    large = ops.conv_transpose(
        x,
        ops.transpose(kernel, (0, 1, 3, 2)),
        strides=2,
        padding="valid",
        data_format="channels_last",
    )
    return _filtered(large, (1.0, 3.0, 3.0, 1.0), 4.0, (1, 1))


def conv_down(x: Tensor, kernel: Tensor) -> Tensor:
    """Half as large: the filter, then a 3 x 3 convolution of stride 2."""
    return conv(_filtered(x, (1.0, 3.0, 3.0, 1.0), 1.0, (2, 2)), kernel, 2, "valid")


def downsample(x: Tensor) -> Tensor:
    """Half as large by the filter alone."""
    return _filtered(x, (1.0, 3.0, 3.0, 1.0), 1.0, (1, 1), stride=2)


def blur(x: Tensor) -> Tensor:
    """StyleGAN's [1, 2, 1] filter at the same size."""
    return _filtered(x, (1.0, 2.0, 1.0), 1.0, (1, 1))


def upsample(x: Tensor) -> Tensor:
    """Twice as large by the filter alone: four small filters, one for each new pixel."""
    _, h, w, c = x.shape
    if keras.backend.backend() == "jax":
        return _doubled(_doubled(x, 1), 2)
    taps = [np.outer(rows, columns) for rows in (_EVEN, _ODD) for columns in (_EVEN, _ODD)]
    kernel = np.repeat(np.stack(taps, -1)[:, :, None, :], c, axis=2)
    four = ops.depthwise_conv(
        x, ops.cast(kernel, x.dtype), padding="same", data_format="channels_last"
    )
    four = ops.reshape(four, (-1, h, w, c, 2, 2))
    return ops.reshape(ops.transpose(four, (0, 1, 4, 2, 5, 3)), (-1, 2 * h, 2 * w, c))


def _filtered(
    x: Tensor, taps: tuple[float, ...], gain: float, pad: tuple[int, int], stride: int = 1
) -> Tensor:
    if keras.backend.backend() == "jax":
        padded = ops.pad(x, ((0, 0), pad, pad, (0, 0)))
        return gain * _shifted(_shifted(padded, 1, taps, stride), 2, taps, stride)
    flat = np.outer(taps, taps) * (gain / sum(taps) ** 2)
    kernel = np.broadcast_to(flat[:, :, None, None], (*flat.shape, x.shape[-1], 1))
    padded = ops.pad(x, ((0, 0), pad, pad, (0, 0)))
    return ops.depthwise_conv(
        padded,
        ops.cast(np.ascontiguousarray(kernel), x.dtype),
        strides=stride,
        padding="valid",
        data_format="channels_last",
    )


def _shifted(x: Tensor, axis: int, taps: tuple[float, ...], stride: int) -> Tensor:
    """The filter along one axis as a sum of shifts, which XLA joins into one pass over memory."""
    count = (x.shape[axis] - len(taps)) // stride + 1
    parts = [slice(i, i + (count - 1) * stride + 1, stride) for i in range(len(taps))]
    chosen = [(slice(None),) * axis + (part,) for part in parts]
    return sum(x[one] * (tap / sum(taps)) for one, tap in zip(chosen, taps, strict=True))


def _doubled(x: Tensor, axis: int) -> Tensor:
    """Twice as long along one axis: two new pixels of each, by ``_EVEN`` and ``_ODD``."""
    margins = [(0, 0)] * 4
    margins[axis] = (1, 1)
    wide = ops.pad(x, margins)
    count = x.shape[axis]
    near = [wide[(slice(None),) * axis + (slice(i, i + count),)] for i in range(3)]
    both = [sum(one * tap for one, tap in zip(near, taps, strict=True)) for taps in (_EVEN, _ODD)]
    shape = list(x.shape)
    shape[axis] *= 2
    return ops.reshape(ops.stack(both, axis + 1), shape)

"""The networks' operations by the book, in NumPy loops and SciPy: what the fast ones must equal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import convolve2d, correlate2d

Array = NDArray[np.float64]
BINOMIAL = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def upfirdn(plane: Array, taps: Array, up: int, down: int, pad: tuple[int, int]) -> Array:
    """Zeros between the samples, padding, the filter, every ``down``-th sample kept."""
    large = np.zeros([side * up for side in plane.shape])
    large[::up, ::up] = plane
    return convolve2d(np.pad(large, pad), taps, "valid")[::down, ::down]


def modulated(weight: Array, style: Array, demodulate: bool = True) -> Array:
    """One image's own HWIO kernel: scaled by its style, each output at a norm of 1."""
    kernel = weight * style[None, None, :, None]
    if demodulate:
        kernel = kernel / np.sqrt((kernel**2).sum(axis=(0, 1, 2)) + 1e-8)
    return kernel


def conv(image: Array, kernel: Array) -> Array:
    """(h, w, in) by HWIO, the same size."""
    planes = [
        sum(correlate2d(image[..., i], kernel[..., i, o], "same") for i in range(image.shape[-1]))
        for o in range(kernel.shape[-1])
    ]
    return np.stack(planes, -1)


def conv_up(image: Array, kernel: Array) -> Array:
    """Zeros between, a true convolution with the kernel, then the filter at a gain of 4."""
    planes = []
    for o in range(kernel.shape[-1]):
        total = sum(
            convolve2d(_stuffed(image[..., i]), kernel[..., i, o], "full")
            for i in range(image.shape[-1])
        )
        planes.append(convolve2d(np.pad(total, 1), BINOMIAL * 4, "valid"))
    return np.stack(planes, -1)


def _stuffed(plane: Array) -> Array:
    large = np.zeros([2 * side - 1 for side in plane.shape])
    large[::2, ::2] = plane
    return large


def conv_down(image: Array, kernel: Array) -> Array:
    """The filter, a convolution at full size, every second pixel."""
    blurred = [
        convolve2d(np.pad(image[..., i], 2), BINOMIAL, "valid") for i in range(kernel.shape[2])
    ]
    planes = [
        sum(correlate2d(plane, kernel[..., i, o], "valid") for i, plane in enumerate(blurred))
        for o in range(kernel.shape[-1])
    ]
    return np.stack(planes, -1)[::2, ::2]


def leaky(x: Array) -> Array:
    return np.where(x > 0, x, 0.2 * x) * np.sqrt(2)

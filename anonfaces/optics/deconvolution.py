"""Attacks by whoever knows the mask: deconvolution with the known PSF, and no training.

N. Wiener, "Extrapolation, interpolation, and smoothing of stationary time series", 1949; W. H.
Richardson, JOSA 62, 1972, and L. B. Lucy, AJ 79, 1974. Both work on linear light.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from anonfaces.optics.sensor import Sensor, deconvolve

__all__ = ["NOISE_RATIOS", "richardson_lucy", "wiener"]

Images = NDArray[np.float32]

#: Noise to signal that the Wiener filter is tried with; the attacker keeps the best.
NOISE_RATIOS = (1e-4, 1e-3, 1e-2, 3e-2)
_DARK = 1e-4


def wiener(images: Images, psf: Images, noise: float, gamma: float = 2.2) -> Images:
    """Deconvolve pictures (n, s, s, 3) in 0..1 with a PSF (s, s, 3) by the Wiener filter.

    ``noise`` is the ratio of noise to signal, the same at all frequencies. Borders are reflected,
    as the camera's picture of what lies beyond them is taken to be.
    """
    sensor = Sensor(gamma=gamma)
    return np.asarray(sensor.to_levels(deconvolve(sensor.to_light(images), psf, noise)))


def richardson_lucy(images: Images, psf: Images, steps: int = 30, gamma: float = 2.2) -> Images:
    """Deconvolve pictures (n, s, s, 3) in 0..1 by the steps of Richardson and Lucy."""
    light = _padded(np.maximum(images, _DARK) ** gamma)
    kernel = psf[None] / psf.sum(axis=(0, 1))
    mirrored = kernel[:, ::-1, ::-1]
    estimate = np.full_like(light, light.mean())
    for _ in range(steps):
        blurred = np.maximum(_convolved(estimate, kernel, 0), _DARK)
        estimate = estimate * np.maximum(_convolved(light / blurred, mirrored, 1), 0)
    return _levels(_inner(estimate, images.shape[1]), gamma)


def _convolved(x: NDArray[np.floating], kernel: NDArray[np.floating], odd: int) -> Images:
    """Convolve, the middle of the kernel at s // 2, or at s - 1 - s // 2 where it is mirrored."""
    side, middle = x.shape[1], kernel.shape[1] // 2 - odd
    full = fftconvolve(x, kernel, mode="full", axes=(1, 2))
    return full[:, middle : middle + side, middle : middle + side]


def _padded(light: NDArray[np.floating]) -> NDArray[np.floating]:
    half = light.shape[1] // 2
    return np.pad(light, ((0, 0), (half, half), (half, half), (0, 0)), mode="symmetric")


def _inner(light: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    inner = slice(size // 2, size // 2 + size)
    return light[:, inner, inner]


def _levels(light: NDArray[np.floating], gamma: float) -> Images:
    return (np.clip(light, 0, 1) ** (1 / gamma)).astype(np.float32)

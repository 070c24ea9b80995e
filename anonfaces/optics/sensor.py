"""The sensor: light that a PSF has spread, shot and read noise, and the bits of a converter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

__all__ = ["Sensor", "convolve", "deconvolve"]

Tensor = Any

#: The darkest level that a gamma has a finite slope at.
_DARK = 1e-4
#: Mean and variance of the linear light of photographs of faces, white being 1.
_USUAL, _SPREAD = 0.25, 0.04


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """What a sensor does to light.

    Attributes
    ----------
    full_well : float
        Electrons of white: shot noise has their square root. 0: none.
    read_noise : float
        Standard deviation as a share of white.
    bits : int
        Of the converter, on linear light. 0: no steps.
    gamma : float
        Of the pictures that come in and go out; 1: their levels are taken for light.
    """

    full_well: float = 10_000.0
    read_noise: float = 0.005
    bits: int = 12
    gamma: float = 2.2

    @property
    def noise_ratio(self) -> float:
        """Noise to signal of a photograph of a face: the powers of both as shares of white."""
        shot = _USUAL / self.full_well if self.full_well else 0.0
        return (shot + self.read_noise**2) / _SPREAD

    def to_levels(self, light: Tensor) -> Tensor:
        """Linear light to levels 0..1."""
        bounded = ops.clip(light, _DARK, 1.0)
        return bounded if self.gamma == 1 else ops.power(bounded, 1 / self.gamma)

    def to_light(self, images: Tensor) -> Tensor:
        """Levels 0..1 to linear light."""
        return images if self.gamma == 1 else ops.power(ops.maximum(images, _DARK), self.gamma)

    def read(self, light: Tensor, seed: Any) -> Tensor:
        """Light to levels 0..1 as they are stored: noise, limits, steps, gamma."""
        noisy = ops.clip(self._noisy(light, seed), 0.0, 1.0)
        stored = _rounded(noisy, 2**self.bits - 1) if self.bits else noisy
        return stored if self.gamma == 1 else ops.power(ops.maximum(stored, _DARK), 1 / self.gamma)

    def _noisy(self, light: Tensor, seed: Any) -> Tensor:
        if not (self.full_well or self.read_noise):
            return light
        shot = ops.maximum(light, _DARK) / self.full_well if self.full_well else 0.0
        drawn = keras.random.normal(ops.shape(light), seed=seed)
        return light + drawn * ops.sqrt(shot + self.read_noise**2)


def convolve(light: Tensor, psf: Tensor) -> Tensor:
    """Convolve light (n, s, s, c) with a PSF (s, s, c) of which the pixel s // 2 is the middle.

    What lies beyond the picture is its reflection, half a picture wide, so nothing wraps around.
    """
    return _filtered(light, psf, lambda real, imaginary: (real, imaginary))


def deconvolve(light: Tensor, psf: Tensor, noise: float) -> Tensor:
    """What Wiener's filter makes of light (n, s, s, c) that went through a PSF (s, s, c).

    ``noise`` is the ratio of noise to signal, the same at all frequencies (N. Wiener,
    "Extrapolation, interpolation, and smoothing of stationary time series", 1949).
    """

    def inverse(real: Tensor, imaginary: Tensor) -> tuple[Tensor, Tensor]:
        power = real * real + imaginary * imaginary + noise
        return real / power, -imaginary / power

    return _filtered(light, psf, inverse)


def _filtered(light: Tensor, psf: Tensor, transfer: Callable[..., tuple[Tensor, Tensor]]) -> Tensor:
    """Light filtered by what ``transfer`` makes of the PSF's Fourier transform."""
    size = light.shape[1]
    margin, rest = size // 2, size - size // 2
    wide = ops.pad(light, ((0, 0), (margin, rest), (margin, rest), (0, 0)), mode="symmetric")
    kernel = ops.pad(psf, ((0, size), (0, size), (0, 0)))
    kernel = ops.roll(kernel, (-(size // 2), -(size // 2)), axis=(0, 1))
    kernel = ops.transpose(kernel, (2, 0, 1))
    by = transfer(*ops.fft2((kernel, ops.zeros_like(kernel))))
    found = _circular(ops.transpose(wide, (0, 3, 1, 2)), by)
    inner = slice(margin, margin + size)
    return ops.transpose(found, (0, 2, 3, 1))[:, inner, inner]


def _circular(x: Tensor, transfer: tuple[Tensor, Tensor]) -> Tensor:
    (a, b), (c, d) = ops.fft2((x, ops.zeros_like(x))), transfer
    return ops.ifft2((a * c - b * d, a * d + b * c))[0]


def _rounded(x: Tensor, steps: int) -> Tensor:
    """The nearest of ``steps + 1`` levels; the gradient passes as if there were none."""
    return x + ops.stop_gradient(ops.round(x * steps) / steps - x)

"""Whether a camera lets fine detail through, and whether a picture has detail that no mask left."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["detail", "most_detail", "passes_detail"]

Images = NDArray[np.float32]

#: Stripes across a picture: a period is as wide as an eye of a face that fills it.
_STRIPES = 8
#: Takes of the stripes, so that the sensor's noise is evened out.
_TAKES = 8
#: The share of their contrast from which a face counts as sharp: 0.9 without a mask, 0.5 in a box
#: of 5 px, below 0.1 by the mask that ships.
_CONTRAST = 0.3
#: Cycles a side of the picture: of its shape, of what makes out a person, and of mostly noise.
_COARSE, _FINE, _FINEST = (2, 5), (6, 14), (23, None)
#: Noise is as strong at fine detail as at the finest, a mask's pictures no more than 1.5 times so.
_OVER_NOISE = 2.0
#: The least share of the coarse power that fine detail has in a photograph of a face.
_OF_COARSE = 0.012
#: Patterns that a camera is judged by.
_PATTERNS = 64


def passes_detail(camera: Any) -> bool:
    """Whether stripes as wide as an eye come through a camera, so that a face would too."""
    stripes = _stripes(camera.config.size)
    psf = camera.psf()
    seen = np.mean([np.asarray(camera.take(stripes, psf)) for _ in range(_TAKES)], axis=0)
    wave = stripes - stripes.mean(axis=(1, 2), keepdims=True)
    return bool(abs((seen * wave).sum()) >= _CONTRAST * (wave * wave).sum())


def detail(image: Images) -> float:
    """The power of fine detail in a picture (s, s, 3) as a share of its coarse power.

    0 where it is no more than noise: noise is as strong in the finest detail.
    """
    coarse, fine, finest = _powers(image)
    return (fine - finest) / max(coarse, 1e-12) if fine > _OVER_NOISE * finest else 0.0


def most_detail(camera: Any) -> float:
    """The detail beyond which a picture is not this camera's, but sharp.

    It is what a photograph of a face has at least, and more where the camera lets more of it
    through, of patterns that have a photograph's spectrum.
    """
    seen = np.asarray(camera.take(_patterns(camera.config.size), camera.psf()))
    return max(_OF_COARSE, *map(detail, seen))


def _patterns(size: int) -> Images:
    """Random patterns whose power falls with the square of the frequency, as a photograph's."""
    at = np.fft.fftfreq(size, 1 / size)
    falling = 1 / np.maximum(np.hypot(at[:, None], at[: size // 2 + 1]), 1)
    white = np.random.default_rng(0).normal(size=(_PATTERNS, size, size))
    waves = np.fft.irfft2(np.fft.rfft2(white) * falling, s=(size, size))
    gray = np.clip(0.5 + 0.2 * waves / waves.std(axis=(1, 2), keepdims=True), 0, 1)
    return np.repeat(gray[..., None], 3, axis=-1).astype(np.float32)


def _stripes(size: int) -> Images:
    """Upright and lying stripes (4, size, size, 3), at two phases each."""
    phase = 2 * np.pi * _STRIPES * np.arange(size) / size
    waves = [0.5 + 0.25 * np.cos(phase + shift) for shift in (0, np.pi / 2)]
    upright = np.stack([np.broadcast_to(wave, (size, size)) for wave in waves])
    both = np.concatenate([upright, upright.swapaxes(1, 2)])
    return np.repeat(both[..., None], 3, axis=-1).astype(np.float32)


def _powers(image: Images) -> list[float]:
    """The mean power of a picture's gray in three bands, its border faded out."""
    gray = image.mean(axis=-1)
    window = np.hanning(len(gray))
    faded = (gray - gray.mean()) * window[:, None] * window
    power = np.abs(np.fft.fft2(faded)) ** 2
    at = np.fft.fftfreq(len(gray), 1 / len(gray))
    cycles = np.hypot(at[:, None], at)
    bands = [(low, high or np.inf) for low, high in (_COARSE, _FINE, _FINEST)]
    return [float(power[(cycles >= low) & (cycles <= high)].mean()) for low, high in bands]

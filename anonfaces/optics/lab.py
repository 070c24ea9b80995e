"""Pairs of sharp and private photographs from a real camera: its PSF, and a network that knows it.

``PAIRS/sharp/NAME`` and ``PAIRS/private/NAME`` show one moment, by two cameras that were brought
into register or by one with and without its mask; names may differ in their extension.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.optics.heatmaps import map_loss
from anonfaces.optics.pictures import pictures_in, squared

__all__ = ["Pairs", "estimate_psf", "fit_reader", "read_pairs"]

Images = NDArray[np.float32]

#: How strongly frequencies that the sharp pictures lack are held down.
_NOISE = 1e-3
_DARK = 1e-4
#: Pixels at which dlib's landmarks are found.
_LOOKED_AT = 256


@dataclass(frozen=True)
class Pairs:
    """Sharp and private pictures float32 (n, s, s, 3) in 0..1, landmarks (n, 68, 2) in sides of
    the picture; NaN where dlib found no face in the sharp one."""

    sharp: Images
    private: Images
    landmark: NDArray[np.float32]


def read_pairs(folder: Path, size: int) -> Pairs:
    """Read the pairs of a folder: the middle square of each picture, at ``size`` px.

    Raises
    ------
    InputError
        ``sharp`` or ``private`` is missing, or no name is in both.
    """
    sides = {name: _by_name(folder / name, size) for name in ("sharp", "private")}
    names = sorted(set(sides["sharp"]) & set(sides["private"]))
    if not names:
        raise InputError(f"{folder}: expected sharp/NAME and private/NAME of the same names")
    sharp, private = (np.stack([sides[s][n] for n in names]) for s in ("sharp", "private"))
    return Pairs(sharp, private, np.stack([_landmarks(image) for image in sharp]))


def estimate_psf(pairs: Pairs, gamma: float = 2.2) -> Images:
    """The PSF float32 (s, s, 3) that best turns the sharp pictures into the private ones.

    Least squares over all pairs, frequency by frequency; each channel's sum is 1. Linear light is
    taken to be the levels to the power ``gamma``.
    """
    size = pairs.sharp.shape[1]
    window = np.hanning(size)[:, None] * np.hanning(size)
    a, b = (
        np.fft.fft2((_light(x, gamma)) * window[..., None], axes=(1, 2))
        for x in (pairs.sharp, pairs.private)
    )
    power = (np.abs(a) ** 2).sum(axis=0)
    transfer = (np.conj(a) * b).sum(axis=0) / (power + _NOISE * power.max(axis=(0, 1)))
    psf = np.fft.fftshift(np.fft.ifft2(transfer, axes=(0, 1)).real, axes=(0, 1))
    positive = np.maximum(psf, 0)
    return (positive / positive.sum(axis=(0, 1))).astype(np.float32)


def fit_reader(
    network: Any, pairs: Pairs, steps: int = 200, rate: float = 5e-4, seed: int = 0
) -> list[float]:
    """Teach a heat-map network the private pictures of pairs; the loss of each step is returned.

    Raises
    ------
    InputError
        No sharp picture shows a face.
    """
    known = np.flatnonzero(~np.isnan(pairs.landmark[:, 0, 0]))
    if not len(known):
        raise InputError("dlib found no face in any sharp picture of the pairs")
    network.trainable = True
    network.compile(
        keras.optimizers.Adam(rate), loss=lambda y, found: map_loss(found, y), jit_compile=False
    )
    rng, losses = np.random.default_rng(seed), []
    for _ in range(steps):
        rows = rng.choice(known, size=8)
        losses.append(float(network.train_on_batch(pairs.private[rows], pairs.landmark[rows])))
    network.trainable = False
    return losses


def _by_name(folder: Path, size: int) -> dict[str, Images]:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of photographs")
    return {_bare(name): squared(image, size) for name, image in pictures_in(folder)}


def _bare(name: str) -> str:
    return Path(name.removesuffix(".png")).with_suffix("").as_posix()


def _landmarks(image: Images) -> NDArray[np.float32]:
    from anonfaces.evaluate import face_geometry
    from anonfaces.optics.privacy import to_bytes

    found = face_geometry([to_bytes(image)], "dlib", _LOOKED_AT)
    return (found.landmark[0] / _LOOKED_AT).astype(np.float32)


def _light(images: Images, gamma: float) -> Images:
    light = np.maximum(images, _DARK) ** gamma
    return light - light.mean(axis=(1, 2), keepdims=True)

"""How much detail a picture holds: its power at high frequencies.

A data set mixes sharp pictures with soft ones that were enlarged or compressed. Detail is learnt
from the sharp ones, identity and variety from all: this tells which are which.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Photographs", "power_above_quarter", "sharpest"]

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: Cycles per pixel. The sampling frequency is 1; what lies above 0.5 cannot be shown.
QUARTER = 0.25
#: Weights of red, green and blue in the luma of ITU-R BT.601.
LUMA = (0.299, 0.587, 0.114)
#: Pictures at a time, which bounds memory.
_PART = 512


def power_above_quarter(pixels: Pixels) -> tuple[Floats, Floats]:
    """Power of the luma above a quarter of the sampling frequency, and of all frequencies.

    The mean is taken out, and a Hann window keeps the edges of the frame from counting as
    detail. The frequency is the radial one.

    Parameters:
        pixels: uint8 (n, s, s, 3), RGB.

    Returns:
        Two float32 (n,), in squared levels: the power above, and the whole.
    """
    side = pixels.shape[1]
    window = np.hanning(side + 2)[1:-1].astype(np.float32)
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    high = np.hypot(rows, columns) > QUARTER
    twice = np.where((columns == 0) | (columns == 0.5), 1.0, 2.0)  # the half that rfft leaves out
    powers = []
    for start in range(0, len(pixels), _PART):
        luma = pixels[start : start + _PART].astype(np.float32) @ np.array(LUMA, np.float32)
        luma -= luma.mean(axis=(1, 2), keepdims=True)
        spectrum = np.fft.rfft2(luma * window[:, None] * window)
        power = (spectrum.real**2 + spectrum.imag**2) * twice / side**4
        powers.append((power[:, high].sum(axis=1), power.sum(axis=(1, 2))))
    above, whole = (np.concatenate(parts) for parts in zip(*powers, strict=True))
    return above.astype(np.float32), whole.astype(np.float32)


def sharpest(pixels: Pixels, share: float) -> NDArray[np.bool_]:
    """Which ``share`` of pictures uint8 (n, s, s, 3) holds the most detail, bool (n,)."""
    if share >= 1:
        return np.ones(len(pixels), bool)
    above, _ = power_above_quarter(pixels)
    return above >= np.quantile(above, 1 - share)


class Photographs:
    """The sharpest ``share`` of pictures uint8 (n, s, s, 3), to draw batches from."""

    def __init__(self, pixels: Pixels, share: float) -> None:
        self._pixels, self._rows = pixels, np.flatnonzero(sharpest(pixels, share))

    def batch(self, rng: np.random.Generator, count: int) -> Floats:
        """``count`` of them drawn by ``rng``, half of them mirrored: float32, -1 to 1."""
        chosen = self._pixels[self._rows[rng.integers(len(self._rows), size=count)]]
        mirrored = rng.random(count) < 0.5
        chosen = np.where(mirrored[:, None, None, None], chosen[:, :, ::-1], chosen)
        return chosen.astype(np.float32) / np.float32(127.5) - 1

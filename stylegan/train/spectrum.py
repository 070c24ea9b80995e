"""How a picture's power is spread over frequencies, as a loss.

Networks that enlarge leave more, or other, power at high frequencies than photographs have, and
neither heads nor a discriminator see that well; comparing the spectra mends it (Durall, Keuper and
Keuper, "Watch your up-convolution", CVPR 2020). Light and color are compared each on its own: of
color photographs have hardly any fine detail, and speckles of it are what networks like to add.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from stylegan.train.sharpness import LUMA

__all__ = ["BANDS", "Spectrum"]

Tensor = Any

#: Rings of equal width between an eighth of the sampling frequency and the corner of the spectrum.
BANDS = 10
_LOWEST, _HIGHEST = 0.125, 0.7072
#: Squared levels (of -1 to 1) below which no power counts: a 25th of a step of 8 bits.
_LEAST = 1e-7


class Spectrum:
    """The power of photographs in rings of the spectrum, and how far pictures are from it.

    ``batches`` are float32 (n, side, side, 3), -1 to 1: photographs. Few of them hold most of the
    power, so the logarithm of a batch's mean depends on its size: what is wanted is the mean of
    those of batches as large as the ones that will be compared with it.
    """

    def __init__(self, side: int, batches: Iterable[NDArray[np.float32]]) -> None:
        window = np.hanning(side + 2)[1:-1].astype(np.float32)
        self._window = ops.convert_to_tensor(window[:, None] * window)
        self._rings = ops.convert_to_tensor(_rings(side))
        logs = [ops.convert_to_numpy(self._logarithms(ops.convert_to_tensor(b))) for b in batches]
        self.wanted = np.mean(logs, axis=0)

    def loss(self, images: Tensor) -> Tensor:
        """The mean squared difference of logarithms, over the rings, of a batch (n, s, s, 3)."""
        return ops.mean(ops.square(self._logarithms(images) - ops.convert_to_tensor(self.wanted)))

    def _logarithms(self, images: Tensor) -> Tensor:
        """Of the batch's mean power in each ring, (3, BANDS): luma, blue and red less luma.

        The mean is taken out, and a Hann window put on.
        """
        luma = ops.sum(images * ops.convert_to_tensor(np.array(LUMA, np.float32)), axis=-1)
        planes = ops.stack([luma, images[..., 2] - luma, images[..., 0] - luma], axis=1)
        planes = (planes - ops.mean(planes, axis=(2, 3), keepdims=True)) * self._window
        real, imaginary = ops.fft2((planes, ops.zeros_like(planes)))
        power = ops.mean(ops.square(real) + ops.square(imaginary), axis=0)
        return ops.log(ops.einsum("cyx,yxb->cb", power, self._rings) + _LEAST)


def _rings(side: int) -> NDArray[np.float32]:
    """Which frequency lies in which ring, (s, s, BANDS), scaled to squared levels of a picture."""
    frequency = np.fft.fftfreq(side)
    radius = np.hypot(frequency[:, None], frequency)
    edges = np.linspace(_LOWEST, _HIGHEST, BANDS + 1)
    inside = (radius[..., None] >= edges[:-1]) & (radius[..., None] < edges[1:])
    return (inside / side**4).astype(np.float32)

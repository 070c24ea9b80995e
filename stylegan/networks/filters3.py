"""StyleGAN3's layers and their low-pass filters (Karras et al. 2021, section 3, appendix C).

A layer makes of maps at one sampling rate and cutoff frequency maps at the next ones. Between
the two, at a rate at least twice as high, lies its nonlinearity. Rates and frequencies are per
side of the picture, so that rate 64 is 64 samples from edge to edge; every map but the last two
reaches ten samples over each edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylegan.networks.config import AliasFreeConfig

__all__ = ["MARGIN", "Layer", "first_band", "layers", "low_pass"]

MARGIN = 10
_CRITICAL = 2  # so many layers before the picture keep frequencies up to half their rate
_FIRST_CUTOFF = 2.0
_FIRST_STOP = 2.0**2.1
_LAST_STOP = 2.0**0.3
_OVERSAMPLING = 2  # of the nonlinearity
_TAPS = 6  # a filter's length, in samples of the lower of its two rates

Taps = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer under its official name, such as ``L3_52_512``.

    ``inputs`` and ``outputs`` count feature maps, ``size_in`` and ``size_out`` samples a side.
    ``up_taps`` (k,) and ``down_taps`` (k,), or (k, k) if radial, are a single 1 in the last
    layer, ``colours``, which filters nothing. ``before`` is what pads the enlarged map in front.
    """

    name: str
    inputs: int
    outputs: int
    kernel: int
    rate: int
    size_in: int
    size_out: int
    up: int
    down: int
    before: int
    up_taps: Taps
    down_taps: Taps
    colours: bool = False

    @property
    def size_between(self) -> int:
        """Samples a side at which the nonlinearity is applied."""
        return (self.size_out - 1) * self.down + len(self.down_taps)


@dataclass(frozen=True)
class _Band:
    """What the maps behind a layer can hold."""

    cutoff: float
    half_width: float
    rate: int
    size: int


def first_band(config: AliasFreeConfig) -> tuple[int, int, float]:
    """Of the network's input: samples a side, sampling rate, and the highest frequency."""
    band = _bands(config)[0]
    return band.size, band.rate, band.cutoff


@lru_cache(maxsize=16)
def layers(config: AliasFreeConfig) -> tuple[Layer, ...]:
    """All layers in order; the last makes RGB."""
    bands = _bands(config)
    widths = (*config.channels, 3)
    return tuple(
        _layer(config, i, bands[max(i - 1, 0)], bands[i], widths[max(i - 1, 0)], widths[i])
        for i in range(len(widths))
    )


def _bands(config: AliasFreeConfig) -> list[_Band]:
    """Cutoffs and stop bands rise geometrically, then stay for the critically sampled layers."""
    count = len(config.channels)
    half = config.size / 2
    steps = np.minimum(np.arange(count + 1) / (count - _CRITICAL), 1)
    cutoffs = _FIRST_CUTOFF * (half / _FIRST_CUTOFF) ** steps
    stops = _FIRST_STOP * (half * _LAST_STOP / _FIRST_STOP) ** steps
    rates = np.exp2(np.ceil(np.log2(np.minimum(2 * stops, config.size)))).astype(int)
    widths = np.maximum(stops, rates / 2) - cutoffs
    sizes = rates + 2 * MARGIN
    sizes[-2:] = config.size
    rows = zip(cutoffs.tolist(), widths.tolist(), rates.tolist(), sizes.tolist(), strict=True)
    return [_Band(*row) for row in rows]


def _layer(
    config: AliasFreeConfig, number: int, ours: _Band, made: _Band, inputs: int, outputs: int
) -> Layer:
    name = f"L{number}_{made.size}_{outputs}"
    if number == len(config.channels):
        sizes, one = (ours.size, made.size), np.ones(1)
        return Layer(name, inputs, outputs, 1, made.rate, *sizes, 1, 1, 0, one, one, colours=True)
    between = _OVERSAMPLING * max(ours.rate, made.rate)
    up, down = between // ours.rate, between // made.rate
    critical = number >= len(config.channels) - _CRITICAL
    up_taps = low_pass(_TAPS * up, ours.cutoff, 2 * ours.half_width, between)
    down_taps = low_pass(
        _TAPS * down, made.cutoff, 2 * made.half_width, between, config.radial and not critical
    )
    enlarged = (ours.size + config.kernel - 1) * up
    wanted = (made.size - 1) * down + len(up_taps) + len(down_taps) - 1
    # The first sample of an enlarged map stands for the first up samples: hence the half step.
    before = (wanted - enlarged + up) // 2
    return Layer(
        name, inputs, outputs, config.kernel, made.rate, ours.size, made.size, up, down, before,
        up_taps, down_taps,
    )  # fmt: skip


def low_pass(
    taps: int, cutoff: float, width: float, rate: float, radial: bool = False
) -> NDArray[Any]:
    """A Kaiser-windowed low-pass filter with a sum of 1: (taps,), or (taps, taps) if ``radial``.

    ``cutoff`` is the middle of the transition band, ``width`` its width, both in the unit of
    the sampling ``rate``. The radial one is the jinc, whose pass band is a disc instead of a
    square, under the separable window (appendix C.2).
    """
    from scipy import signal, special

    if not radial:
        return np.asarray(signal.firwin(taps, cutoff, width=width, fs=rate))
    place = (np.arange(taps) - (taps - 1) / 2) / rate
    angle = np.pi * np.maximum(np.hypot(place[:, None], place[None, :]), 1e-9)
    beta = signal.kaiser_beta(signal.kaiser_atten(taps, width / (rate / 2)))
    window = np.kaiser(taps, beta)
    response = special.j1(2 * cutoff * angle) / angle * np.outer(window, window)
    return response / response.sum()

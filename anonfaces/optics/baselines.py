"""What a learned mask is compared with: no mask, defocus, few pixels, a box of blur.

Each is a Keras layer that takes pictures as ``Camera`` does, with the noise of the same sensor.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.optics.baseline_spec import check_baseline
from anonfaces.optics.camera import FROZEN, Camera, CameraConfig
from anonfaces.optics.sensor import Sensor

__all__ = ["FixedPsf", "baseline"]

Tensor = Any

#: Noll's number of defocus.
_DEFOCUS = 4


def baseline(
    name: str,
    strength: float = 0.0,
    config: CameraConfig | None = None,
    seed: int = 0,
    sensor: Sensor | None = None,
) -> Camera:
    """A camera that hides by ``name``, one of ``BASELINES``, as strongly as ``strength``.

    Its noise is that of ``sensor``, the usual one by default.

    Raises
    ------
    InputError
        There is no such baseline, or no such strength of it.
    """
    config = config or CameraConfig()
    check_baseline(name)
    flat = np.zeros(config.zernikes - FROZEN)
    given: dict[str, Any] = {"sensor": sensor, "seed": seed, "trainable": False}
    if name == "none":
        return Camera(config, coefficients=flat, **given)
    if name == "defocus":
        flat[_DEFOCUS - 1 - FROZEN] = strength
        return Camera(_wide(config, strength), coefficients=flat, **given)
    side = round(strength)
    if not 1 <= side <= config.size:
        raise InputError(f"{name} {strength:g}: expected 1 to {config.size} pixels")
    if name in ("low", "binned"):
        kind = _FewPixels if name == "low" else _Binned
        return kind(side, config, coefficients=flat, **given)
    return FixedPsf(_box(side, config.size), config, sensor, seed)


def _wide(config: CameraConfig, rms: float) -> CameraConfig:
    return replace(config, most_rms=max(config.most_rms, rms))


class _FewPixels(Camera):
    """A sensor of ``side`` pixels, each shown as a square (nearest)."""

    def __init__(self, side: int, config: CameraConfig, **options: Any) -> None:
        super().__init__(config, **options)
        edges = np.linspace(0, config.size, side + 1)
        pixels = np.arange(config.size)
        overlap = np.minimum(pixels[None] + 1, edges[1:, None]) - np.maximum(
            pixels[None], edges[:-1, None]
        )
        shrink = np.maximum(overlap, 0) / (config.size / side)
        shown = np.minimum((pixels + 0.5) * side // config.size, side - 1).astype(int)
        self._shrink = ops.convert_to_tensor(shrink.astype(np.float32))
        self._shown = ops.convert_to_tensor(shown)

    def take(self, images: Tensor, psf: Tensor) -> Tensor:
        """RGB float32 (n, size, size, 3) in 0..1, of few pixels."""
        few = self._few(self.sensor.to_light(images))
        return self._squares(self.sensor.read(few, self._draw))

    def _few(self, light: Tensor) -> Tensor:
        return ops.einsum("ay,nyxc,bx->nabc", self._shrink, light, self._shrink)

    def _squares(self, few: Tensor) -> Tensor:
        return ops.take(ops.take(few, self._shown, axis=1), self._shown, axis=2)


class _Binned(_FewPixels):
    """Few pixels that are sums of the sensor's: as much light as it has, and less noise."""

    def take(self, images: Tensor, psf: Tensor) -> Tensor:
        """RGB float32 (n, size, size, 3) in 0..1, of few pixels."""
        sensor = self.sensor
        read = sensor.read(sensor.to_light(images), self._draw)
        return self._squares(sensor.to_levels(self._few(sensor.to_light(read))))


class FixedPsf(Camera):
    """A camera whose PSF float32 (size, size, 3) was measured, or is no lens's."""

    def __init__(
        self,
        psf: NDArray[np.floating],
        config: CameraConfig,
        sensor: Sensor | None = None,
        seed: int = 0,
    ) -> None:
        flat = np.zeros(config.zernikes - FROZEN)
        super().__init__(config, sensor=sensor, coefficients=flat, seed=seed, trainable=False)
        self._psf = ops.convert_to_tensor(np.asarray(psf, np.float32))

    def psf(self, distance: float | None = None, error: Tensor | None = None) -> Tensor:
        """The PSF, whatever the distance."""
        return self._psf


def _box(side: int, size: int) -> NDArray[np.float32]:
    psf = np.zeros((size, size, 3), np.float32)
    start = size // 2 - side // 2
    psf[start : start + side, start : start + side] = 1 / side**2
    return psf

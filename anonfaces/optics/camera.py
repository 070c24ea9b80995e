"""The camera as a Keras layer: a phase mask that can learn, a lens, and a sensor.

V. Sitzmann et al., "End-to-end optimization of optics and image processing for achromatic extended
depth of field and super-resolution imaging", ACM TOG 37(4), 2018, has the method; C. Hinojosa, J.
C. Niebles, H. Arguello, "Learning privacy-preserving optics for human pose estimation", ICCV 2021,
and J. Lopez et al., "Privacy-preserving optics for enhancing protection in face de-identification",
CVPR 2024, its use to hide faces. Theirs are learned end to end too; nothing of their code is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.optics.lens import Lens
from anonfaces.optics.pupil import ERROR_CELLS, Pupil, sample_pupil
from anonfaces.optics.sensor import Sensor, convolve, deconvolve

__all__ = ["FROZEN", "Camera", "CameraConfig"]

Tensor = Any

#: Piston and the two tilts: they change nothing, or where the picture lies.
FROZEN = 3
#: Adam moves every number by about its rate; a coefficient in waves may move so much faster.
_PACE = 10.0


@dataclass(frozen=True, kw_only=True)
class CameraConfig:
    """Sizes of a camera that are not the lens's.

    Attributes
    ----------
    size : int
        Pixels of the sensor's side.
    oversampling : int
        Samples a pixel's side that the PSF is computed at.
    zernikes : int
        How many polynomials the mask is made of.
    most_rms : float
        Waves: the RMS that the mask is held to. Beyond 2 only a mean color is left.
    tolerance : float
        Meters: a maker's error of the mask's height is uniform up to it, either way.
    """

    size: int = 64
    oversampling: int = 4
    zernikes: int = 45
    most_rms: float = 1.5
    tolerance: float = 20e-9


class Camera(keras.layers.Layer):
    """Pictures as a camera with a phase mask takes them, differentiable.

    Parameters
    ----------
    config : CameraConfig
        Its sizes.
    lens : Lens
        Its glass.
    sensor : Sensor
        What the sensor adds.
    coefficients : float (zernikes - 3,), optional
        Waves of the polynomials from the fourth on. None: small random ones.
    seed : int
        Of the first coefficients, of the noise and of the maker's errors.

    Examples
    --------
    >>> import numpy as np
    >>> camera = Camera(CameraConfig(size=32, oversampling=8), coefficients=np.zeros(42))
    >>> camera(np.full((1, 32, 32, 3), 0.5, np.float32)).shape
    TensorShape([1, 32, 32, 3])
    """

    def __init__(
        self,
        config: CameraConfig | None = None,
        lens: Lens | None = None,
        sensor: Sensor | None = None,
        coefficients: NDArray[np.floating] | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.config, self.lens = config or CameraConfig(), lens or Lens()
        self.sensor = sensor or Sensor()
        self._draw = keras.random.SeedGenerator(seed)
        first = _first(self.config, coefficients, seed)
        self._learned = self.add_weight(
            shape=first.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(first / _PACE, dtype),
            constraint=keras.constraints.MaxNorm(self.config.most_rms / _PACE, axis=0),
            name="coefficients",
        )
        self._pupil = _constants(self.pupil())

    def pupil(self, distance: float | None = None) -> Pupil:
        """The samples of the pupil for an object at ``distance`` meters; None: the lens's own."""
        config = self.config
        return sample_pupil(self.lens, config.size, config.oversampling, config.zernikes, distance)

    def reseed(self, seed: int) -> None:
        """Draw the noise of the next pictures from ``seed``, of 64 bits."""
        self._draw.state.assign(np.array([seed % 2**32, seed // 2**32], np.uint32))

    @property
    def waves(self) -> Tensor:
        """Waves of every polynomial, float32 (zernikes,); the first three are 0."""
        return ops.concatenate([ops.zeros((FROZEN,)), self._learned * _PACE])

    @property
    def coefficients(self) -> NDArray[np.float32]:
        """Waves of the polynomials from the fourth on."""
        return ops.convert_to_numpy(self._learned) * _PACE

    def psf(self, distance: float | None = None, error: Tensor | None = None) -> Tensor:
        """The point spread function float32 (size, size, channels), each channel's sum 1.

        ``error`` is a maker's error of the height in meters, float32 (32 * 32,).
        """
        pupil = self._pupil if distance is None else _constants(self.pupil(distance))
        phase = ops.einsum("cyxj,j->cyx", pupil["basis"], self.waves) * pupil["waves"]
        if error is not None:
            phase = phase + ops.take(error, pupil["cell"]) * pupil["per_meter"]
        light = diffract(phase + pupil["fixed_phase"], pupil["aperture"], pupil["grid"])
        binned = _bin(light, self.config.oversampling)
        return ops.transpose(binned / ops.sum(binned, axis=(1, 2), keepdims=True), (1, 2, 0))

    def call(self, images: Tensor, training: bool = False) -> Tensor:
        """RGB float32 (n, size, size, 3) in 0..1, as the sensor gives them."""
        error = None
        if training and self.config.tolerance:
            bound = self.config.tolerance
            error = keras.random.uniform((ERROR_CELLS**2,), -bound, bound, seed=self._draw)
        return self.take(images, self.psf(error=error))

    def take(self, images: Tensor, psf: Tensor) -> Tensor:
        """RGB float32 (n, size, size, 3) in 0..1 through a PSF, and the sensor's noise and bits."""
        if images.shape[1:3] != (self.config.size, self.config.size):
            raise InputError(f"pictures {images.shape}: the sensor has {self.config.size} pixels")
        light = convolve(self.sensor.to_light(images), psf)
        return self.sensor.read(light, self._draw)

    def restored(self, images: Tensor, psf: Tensor) -> Tensor:
        """What Wiener's filter makes of pictures of this camera, by whoever knows its PSF."""
        sensor = self.sensor
        light = deconvolve(sensor.to_light(images), psf, sensor.noise_ratio)
        return sensor.to_levels(light)


def diffract(phase: Tensor, aperture: Tensor, grid: int) -> Tensor:
    """Light (channels, grid, grid) behind pupils of ``phase`` in radians (Fraunhofer)."""
    room = grid - phase.shape[1]
    around = ((0, 0), (0, room), (0, room))
    real, imaginary = (ops.pad(aperture * turn(phase), around) for turn in (ops.cos, ops.sin))
    real, imaginary = ops.fft2((real, imaginary))
    return ops.square(real) + ops.square(imaginary)


def _bin(light: Tensor, factor: int) -> Tensor:
    """Sums over squares of ``factor`` samples: what a pixel's area collects."""
    channels, side = light.shape[0], light.shape[1] // factor
    return ops.sum(ops.reshape(light, (channels, side, factor, side, factor)), axis=(2, 4))


def _first(
    config: CameraConfig, given: NDArray[np.floating] | None, seed: int
) -> NDArray[np.float32]:
    count = config.zernikes - FROZEN
    if given is None:
        return np.random.default_rng(seed).uniform(0, 0.01, count).astype(np.float32)
    values = np.asarray(given, np.float32)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise InputError(f"expected {count} coefficients in waves, finite, not {values.shape}")
    norm = float(np.linalg.norm(values))
    return values * min(1.0, config.most_rms / max(norm, 1e-12))


def _constants(pupil: Pupil) -> dict[str, Any]:
    tensor = cache(lambda name: ops.convert_to_tensor(getattr(pupil, name)))
    planes = {name: tensor(name) for name in ("aperture", "fixed_phase", "basis", "cell")}
    scales = {name: tensor(name)[:, None, None] for name in ("waves", "per_meter")}
    return {**planes, **scales, "grid": pupil.grid}

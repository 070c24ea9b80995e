"""The camera's glass and geometry: all that is fixed before a mask is learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["Lens", "air_index", "glass_index", "index_step"]

#: Fused silica, three terms: strength, and resonance in micrometers (Malitson 1965).
_SILICA = ((0.6961663, 0.0684043), (0.4079426, 0.1162414), (0.8974794, 9.896161))
#: Standard air: strength and resonance, both in 1 / square micrometers (Ciddor 1996).
_AIR = ((0.05792105, 238.0185), (0.00167917, 57.362))


@dataclass(frozen=True, kw_only=True)
class Lens:
    """A thin lens with a phase mask in its aperture, in front of a sensor. Lengths in meters.

    Attributes
    ----------
    wavelengths : tuple of float
        One a channel: red, green, blue.
    radius : float
        Of the open disc of the aperture.
    sensor_distance : float
        From the lens to the sensor.
    focus, distance : float
        Where the lens is focused, and where the object stands.
    sensor_side : float
        Of the square sensor.
    design_wavelength : float
        Where a wave is one wave: the unit of the Zernike coefficients.
    achromatic : bool
        Whether all wavelengths focus in one plane; False: a single lens of fused silica.
    """

    wavelengths: tuple[float, ...] = (640e-9, 550e-9, 440e-9)
    radius: float = 2e-3
    sensor_distance: float = 50e-3
    focus: float = 0.75
    distance: float = 0.75
    sensor_side: float = 0.95e-3
    design_wavelength: float = 550e-9
    achromatic: bool = True

    def __post_init__(self) -> None:
        lengths = (*self.wavelengths, self.radius, self.sensor_distance, self.focus, self.distance)
        if not all(length > 0 for length in (*lengths, self.sensor_side, self.design_wavelength)):
            raise InputError(f"{self}: every length of a lens is greater than 0")

    def wavefront_curvature(self, distance: float | None = None) -> NDArray[np.float64]:
        """What is left of the curvature of the wave behind the lens, 1/m, one a wavelength.

        Zero where the object is in focus: 1 / distance + 1 / sensor distance - 1 / focal length.
        """
        focal = 1 / self.focus + 1 / self.sensor_distance
        steps = index_step(np.array(self.wavelengths))
        power = np.full(len(steps), focal)
        if not self.achromatic:
            power = focal * steps / index_step(np.array([self.design_wavelength]))
        return 1 / (distance or self.distance) + 1 / self.sensor_distance - power


def glass_index(wavelength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Refractive index of fused silica at wavelengths in meters (Sellmeier's formula).

    References
    ----------
    I. H. Malitson, "Interspecimen comparison of the refractive index of fused silica", JOSA 55,
    1965.
    """
    square = (wavelength * 1e6) ** 2
    return np.sqrt(1 + sum(b * square / (square - c**2) for b, c in _SILICA))


def air_index(wavelength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Refractive index of standard air at wavelengths in meters.

    References
    ----------
    P. E. Ciddor, "Refractive index of air: new equations for the visible and near infrared",
    Applied Optics 35, 1996.
    """
    inverse = (wavelength * 1e6) ** -2
    terms = [b / (c - inverse) for b, c in _AIR]
    return 1 + np.sum(terms, axis=0)


def index_step(wavelength: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much slower light is in the mask than in air, as a difference of indices."""
    return glass_index(wavelength) - air_index(wavelength)

"""What of a camera's pupil does not depend on the mask, sampled for every wavelength.

The point spread function is the squared modulus of the Fourier transform of the pupil. A sample of
the sensor is ``wavelength * sensor_distance / width`` wide, where ``width`` is that of the grid in
the pupil: for one spacing on the sensor each wavelength has a grid of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.optics.lens import Lens, index_step
from anonfaces.optics.zernike import zernikes

__all__ = ["ERROR_CELLS", "Pupil", "sample_pupil"]

#: Cells along the aperture's side that a maker's error of the height is drawn for.
ERROR_CELLS = 32


@dataclass(frozen=True, kw_only=True)
class Pupil:
    """Samples of the square around the aperture, one plane a wavelength.

    Attributes
    ----------
    grid : int
        Side of the whole grid, in samples; zeros beyond ``side``.
    aperture : float32 (channels, side, side)
        Share of each sample that is open.
    fixed_phase : float32 (channels, side, side)
        Radians of defocus, and of the tilt that centers the PSF on a pixel.
    basis : float32 (channels, side, side, zernikes)
        The polynomials.
    waves : float32 (channels,)
        Radians of phase for a wave of the design wavelength of path.
    per_meter : float32 (channels,)
        Radians of phase for a meter of glass.
    cell : int32 (channels, side, side)
        Which cell of a maker's error lies there.
    """

    grid: int
    aperture: NDArray[np.float32]
    fixed_phase: NDArray[np.float32]
    basis: NDArray[np.float32]
    waves: NDArray[np.float32]
    per_meter: NDArray[np.float32]
    cell: NDArray[np.int32]


def sample_pupil(
    lens: Lens, size: int, oversampling: int, count: int, distance: float | None = None
) -> Pupil:
    """Sample the pupil for a sensor of ``size`` pixels, ``oversampling`` samples a pixel.

    Raises
    ------
    InputError
        The aperture does not fit into the grid: there are too few samples a pixel.
    """
    grid = size * oversampling
    spacing = np.array(lens.wavelengths) * lens.sensor_distance / lens.sensor_side
    side = 2 * int(np.ceil((lens.radius / spacing).max() + 1))
    if side > grid:
        raise InputError(
            f"{oversampling} samples a pixel are too few for this aperture: it takes {side} of"
            f" {grid} samples; give at least {-(-side // size)}"
        )
    planes = [_disc(lens.radius / step, side) for step in spacing]
    bases = [zernikes(count, radius, angle) for radius, angle, _ in planes]
    step, length = index_step(np.array(lens.wavelengths)), np.array(lens.wavelengths)
    design = index_step(np.array([lens.design_wavelength]))
    curvature = lens.wavefront_curvature(distance)
    bend = np.pi / length * lens.radius**2 * curvature
    return Pupil(
        grid=grid,
        aperture=_stack([part for *_, part in planes]),
        fixed_phase=_stack(
            [b * r**2 + _tilt(side, grid, oversampling)
             for b, (r, *_) in zip(bend, planes, strict=True)]
        ),
        basis=_stack(bases),
        waves=(2 * np.pi * lens.design_wavelength / design * step / length).astype(np.float32),
        per_meter=(2 * np.pi * step / length).astype(np.float32),
        cell=np.stack([_cells(radius, angle) for radius, angle, _ in planes]),
    )  # fmt: skip


def _disc(
    samples: float, side: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Polar coordinates of a square's samples, the rim at 1, and how far each is in the disc."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(x, y)
    return radius / samples, np.arctan2(y, x), np.clip(samples - radius + 0.5, 0, 1)


def _tilt(side: int, grid: int, oversampling: int) -> NDArray[np.float64]:
    """The phase that moves the PSF from the grid's corner to the middle of its middle pixel."""
    shift = grid / 2 + (oversampling - 1) / 2
    y, x = np.mgrid[:side, :side]
    return (2 * np.pi * (x + y) * shift / grid) % (2 * np.pi)


def _cells(radius: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.int32]:
    x, y = (
        np.clip((radius * turn(angle) + 1) / 2 * ERROR_CELLS, 0, ERROR_CELLS - 1).astype(np.int32)
        for turn in (np.cos, np.sin)
    )
    return (y * ERROR_CELLS + x).astype(np.int32)


def _stack(planes: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    return np.stack(planes).astype(np.float32)

"""Zernike polynomials on the unit disc, numbered and normalized as R. J. Noll did (JOSA 66, 1976).

The mean square of each over the disc is 1, so a coefficient in waves is the RMS of its part.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["noll", "zernike", "zernikes"]


def noll(j: int) -> tuple[int, int]:
    """Radial order n and angular order m of Noll's polynomial ``j``, from 1; m < 0 is a sine.

    >>> [noll(j) for j in (1, 2, 3, 4, 11)]
    [(0, 0), (1, 1), (1, -1), (2, 0), (4, 0)]
    """
    if j < 1:
        raise InputError(f"Zernike polynomial {j}: Noll counts from 1")
    n = 0
    while (n + 1) * (n + 2) // 2 < j:
        n += 1
    place = j - n * (n + 1) // 2 - 1
    m = 2 * ((place + 1) // 2) if n % 2 == 0 else 2 * (place // 2) + 1
    return n, m if j % 2 == 0 else -m


def zernike(j: int, radius: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noll's polynomial ``j`` at polar coordinates; ``radius`` is 1 at the rim of the aperture."""
    n, m = noll(j)
    radial = sum(
        (-1) ** k * factorial(n - k) * radius ** (n - 2 * k)
        / (factorial(k) * factorial((n + abs(m)) // 2 - k) * factorial((n - abs(m)) // 2 - k))
        for k in range((n - abs(m)) // 2 + 1)
    )  # fmt: skip
    if m == 0:
        return np.sqrt(n + 1) * radial * np.ones_like(angle)
    turn = np.cos(m * angle) if m > 0 else np.sin(-m * angle)
    return np.sqrt(2 * (n + 1)) * radial * turn


def zernikes(
    count: int, radius: NDArray[np.float64], angle: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The first ``count`` polynomials (..., count); 0 outside of the disc."""
    inside = np.minimum(radius, 1.0)
    planes = [zernike(j, inside, angle) for j in range(1, count + 1)]
    return np.stack(planes, axis=-1) * (radius <= 1.0)[..., None]

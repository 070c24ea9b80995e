"""PSNR and SSIM: how alike two pictures are, pixel by pixel.

They tell nothing of who is seen: of a blurred face both are high and it is still recognized. They
are shown since the literature has them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["psnr", "ssim"]

Pixels = NDArray[np.uint8]

#: Levels: the largest difference that two pixels can have.
_PEAK = 255.0
#: Pixels: the window of the means, and the deviation of its weights, as in the paper.
_WINDOW, _DEVIATION = 11, 1.5
#: Levels squared: keep the quotients finite in even regions, as in the paper.
_OF_MEANS, _OF_SPREADS = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2


def psnr(first: Iterable[Pixels], second: Iterable[Pixels]) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio in decibels of each pair, float64 (n,); infinite for equal ones.

    Parameters
    ----------
    first, second : iterable of uint8 (height, width, 3)
        RGB; both pictures of a pair are of one shape.

    Examples
    --------
    >>> import numpy as np
    >>> from anonfaces.evaluate import psnr
    >>> black = np.zeros((16, 16, 3), np.uint8)
    >>> psnr([black], [black + 255]).tolist()
    [0.0]
    """
    mean_square = np.array([
        np.square(a.astype(np.float64) - b).mean() for a, b in _pairs(first, second)
    ])  # fmt: skip
    with np.errstate(divide="ignore"):
        return 10 * np.log10(_PEAK**2 / mean_square)


def ssim(first: Iterable[Pixels], second: Iterable[Pixels]) -> NDArray[np.float64]:
    """Structural similarity of each pair, float64 (n,), 1 for equal pictures.

    The mean over all places whose window lies within the picture, and over red, green and blue.

    Parameters
    ----------
    first, second : iterable of uint8 (height, width, 3)
        RGB, of 11 pixels a side and more; both pictures of a pair are of one shape.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error
    visibility to structural similarity", IEEE Transactions on Image Processing 13, 2004.
    """
    return np.array([_similarity(a, b) for a, b in _pairs(first, second)])


def _similarity(a: Pixels, b: Pixels) -> float:
    if min(a.shape[:2]) < _WINDOW:
        raise InputError(f"SSIM looks at windows of {_WINDOW} pixels; a picture is {a.shape[:2]}")
    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = _blurred(x), _blurred(y)
    spread_x = _blurred(x * x) - mean_x**2
    spread_y = _blurred(y * y) - mean_y**2
    joint = _blurred(x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + _OF_MEANS) * (2 * joint + _OF_SPREADS)
    below = (mean_x**2 + mean_y**2 + _OF_MEANS) * (spread_x + spread_y + _OF_SPREADS)
    return float((above / below).mean())


def _blurred(image: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    rim = _WINDOW // 2
    blurred = cv2.GaussianBlur(image, (_WINDOW, _WINDOW), _DEVIATION)
    return np.asarray(blurred)[rim:-rim, rim:-rim]


def _pairs(first: Iterable[Pixels], second: Iterable[Pixels]) -> Iterable[tuple[Pixels, Pixels]]:
    for a, b in zip(first, second, strict=True):
        if a.shape != b.shape or a.ndim != 3 or a.dtype != np.uint8 or b.dtype != np.uint8:
            raise InputError(f"a pair is two uint8 pictures of one shape, not {a.shape}, {b.shape}")
        yield a, b

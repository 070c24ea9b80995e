"""How alike two pictures of a pair are: pixel by pixel (PSNR, SSIM), and to layers of a network.

They tell nothing of who is seen: of a blurred face all are good and it is still recognized. They
are shown since the literature has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["perceptual_distance", "psnr", "ssim"]

Pixels = NDArray[np.uint8]

#: Levels: the largest difference that two pixels can have.
_PEAK = 255.0
#: Pixels: the window of the means, and the deviation of its weights, as in the paper.
_WINDOW, _DEVIATION = 11, 1.5
#: Pixels: what dlib's network looks at.
_SIDE = 150
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


def perceptual_distance(first: Iterable[Pixels], second: Iterable[Pixels]) -> NDArray[np.float64]:
    """Distance of each pair to the layers of dlib's network, float64 (n,), 0 for equal pictures.

    Of the last map of every size each place is brought to a length of 1, and the squared distances
    are added up: the idea of LPIPS, whose networks and weights these are not, so that its values
    are not comparable with published ones. dlib's network knows faces, and took part in most of
    what this package makes.

    Parameters
    ----------
    first, second : iterable of uint8 (height, width, 3)
        RGB, enlarged or reduced to 150 px; both pictures of a pair are of one shape.

    References
    ----------
    R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric",
    CVPR 2018.
    """
    from encoders.resize import enlarged

    network, found = _network(), []
    for pair in _pairs(first, second):
        images = (enlarged(picture, _SIDE)[None].astype(np.float32) / 127.5 - 1 for picture in pair)
        a, b = (np.asarray(network(image), np.float64) for image in images)
        found.append(np.sqrt(np.square(a - b).sum()))
    return np.array(found)


@lru_cache(maxsize=1)
def _network() -> Any:
    from anonbase.keras_backend import load_engine

    load_engine()
    from encoders.frame import CropSquare
    from encoders.latent.perceptual import Perceptual

    return Perceptual(CropSquare(0.5, 0.5, 1.0), _SIDE)


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

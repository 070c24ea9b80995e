"""Perceptual hashes: pictures that look the same have nearly the same bits."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["BITS", "nearest_bits", "perceptual_hash"]

_SIDE, _KEPT = 64, 16
BITS = _KEPT**2
_AT_ONCE = 2048


def perceptual_hash(image: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """256 bits, uint64 (4,): the signs of the lowest frequencies of a grey picture (h, w, 3).

    The picture is brought to 64 x 64, and of its discrete cosine transform the 16 x 16 lowest
    coefficients are compared with their median, as in Zauner's pHash (2010), with more bits.
    Scaling, another encoder and small changes of colour leave nearly all bits.
    """
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_KEPT, :_KEPT].ravel()
    return np.packbits(low > np.median(low[1:])).view(np.uint64)


def nearest_bits(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each hash (n, 4) the bits that the most alike of ``others`` (m, 4) differs in, and which.

    Returns int64 (n,) twice; more bits than there are, and -1, where there are no others.
    """
    least = np.full(len(hashes), BITS + 1)
    which = np.full(len(hashes), -1)
    for first, start in product(range(0, len(hashes), _AT_ONCE), range(0, len(others), _AT_ONCE)):
        own, part = slice(first, first + _AT_ONCE), others[start : start + _AT_ONCE]
        bits = np.bitwise_count(hashes[own, None] ^ part).sum(axis=2, dtype=np.int64)
        nearest = bits.argmin(axis=1)
        found = bits[np.arange(len(bits)), nearest]
        nearer = found < least[own]
        least[own] = np.where(nearer, found, least[own])
        which[own] = np.where(nearer, start + nearest, which[own])
    return least, which

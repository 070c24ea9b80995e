"""Losses of the optics alone: what a private picture and a PSF should be like."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

__all__ = ["off_center", "outside", "similarity"]

Tensor = Any

#: Constants of SSIM for levels 0..1 (Wang et al., IEEE TIP 2004).
_C1, _C2 = 0.01**2, 0.03**2
#: Pixels: the side of the windows that SSIM compares.
_WINDOW = 8


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Mean structural similarity (SSIM) of pictures (n, s, s, 3) in 0..1, over square windows."""

    def pool(x: Tensor) -> Tensor:
        return ops.average_pool(x, _WINDOW, _WINDOW // 2, data_format="channels_last")

    mean_a, mean_b = pool(a), pool(b)
    var_a, var_b = pool(a * a) - mean_a**2, pool(b * b) - mean_b**2
    both = pool(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + _C1) * (2 * both + _C2)
    return ops.mean(top / ((mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)))


def outside(psf: Tensor, share: float) -> Tensor:
    """The share of a PSF's light farther from the middle than ``share`` of the side."""
    side = psf.shape[0]
    y, x = np.mgrid[:side, :side] - side // 2
    beyond = (np.hypot(x, y) > share * side).astype(np.float32)[..., None]
    return ops.mean(ops.sum(psf * beyond, axis=(0, 1)))


def off_center(psf: Tensor) -> Tensor:
    """The squared distance of a PSF's center of light from the middle, in sides of the picture."""
    side = psf.shape[0]
    at = ops.convert_to_tensor(((np.arange(side) - side // 2) / side).astype(np.float32))
    y = ops.einsum("yxc,y->c", psf, at)
    x = ops.einsum("yxc,x->c", psf, at)
    return ops.mean(ops.square(x) + ops.square(y))

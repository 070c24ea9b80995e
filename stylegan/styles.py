"""What can be done with the styles of pictures, W+, without a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anonbase.errors import InputError

__all__ = ["mix"]


def mix(coarse: ArrayLike, fine: ArrayLike, layers: int) -> NDArray[np.float32]:
    """Mix styles: the first layers of one W+, the others of another.

    Parameters
    ----------
    coarse, fine : float (n, num_ws, w_dim)
        W+ of pose and shape, and W+ of texture and color.
    layers : int
        How many layers come from ``coarse``.

    Returns
    -------
    float32 (n, num_ws, w_dim)
        The mix.

    Raises
    ------
    InputError
        The shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> mix(np.zeros((1, 4, 2)), np.ones((1, 4, 2)), layers=3)[0, :, 0].tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    first, second = np.asarray(coarse, np.float32), np.asarray(fine, np.float32)
    if first.shape != second.shape or first.ndim != 3:
        raise InputError(f"cannot mix W+ of {first.shape} with {second.shape}")
    return np.concatenate([first[:, :layers], second[:, layers:]], axis=1)

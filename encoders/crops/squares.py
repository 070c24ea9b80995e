"""From a detector's box to a square picture of the face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["centered_square", "cut_square"]

Pixels = NDArray[np.uint8]


def centered_square(
    box: NDArray[np.floating], shape: tuple[int, ...], smallest: int
) -> NDArray[np.int64] | None:
    """The square in the middle of a box, or None for a face that is too small.

    Parameters
    ----------
    box : float (4,)
        Left, top, right, bottom; may reach outside of the picture.
    shape : tuple
        Height and width of the picture, to which the box is clipped first.
    smallest : int
        Least width and height of the clipped box in pixels.

    Returns
    -------
    int64 (4,) or None
        Left, top, right, bottom: what the longer side has more is cut off at both of its ends.

    Examples
    --------
    >>> import numpy as np
    >>> centered_square(np.array([-10.0, 20.0, 90.0, 140.0]), (200, 300, 3), 64).tolist()
    [0, 35, 90, 125]
    """
    last = np.array([shape[1], shape[0]])
    low, high = (np.rint(part).astype(np.int64).clip(0, last) for part in (box[:2], box[2:]))
    size = high - low
    if size.min() < smallest:
        return None
    low = low + (size - size.min()) // 2
    return np.concatenate([low, low + size.min()])


def cut_square(image: Pixels, square: NDArray[np.integer], size: int) -> Pixels:
    """The square of a picture at ``size`` px: area means downwards, bicubic upwards."""
    import cv2

    left, top, right, bottom = (int(at) for at in square)
    way = cv2.INTER_AREA if right - left > size else cv2.INTER_CUBIC
    return cv2.resize(image[top:bottom, left:right], (size, size), interpolation=way)

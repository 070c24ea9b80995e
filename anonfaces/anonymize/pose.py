"""How a head is turned, told from its landmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["head_pose"]

_EYES = (slice(36, 42), slice(42, 48))
_NOSE_TIP, _CHIN, _JAW_ENDS = 30, 8, (0, 16)


def head_pose(landmark: NDArray[np.floating]) -> NDArray[np.float64]:
    """Yaw and pitch float64 (n, 2) of landmarks (n, 68, 2), in parts of the face.

    Yaw is where the tip of the nose lies between the ends of the jaw, -1 to 1, 0 in the middle;
    pitch where it lies between the eyes, 0, and the chin, 1. Both in the frame of the eyes, so
    that a head that leans to a shoulder has the same. No angles: those need a camera, and these
    are compared alone.

    >>> head_pose(np.zeros((0, 68, 2))).shape
    (0, 2)
    """
    left, right = (landmark[:, eye].mean(axis=1) for eye in _EYES)
    across = right - left
    across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    middle = (left + right) / 2
    start, end = (((landmark[:, point] - middle) * across).sum(axis=1) for point in _JAW_ENDS)
    tip = landmark[:, _NOSE_TIP] - middle
    chin = ((landmark[:, _CHIN] - middle) * down).sum(axis=1)
    yaw = (2 * (tip * across).sum(axis=1) - start - end) / np.maximum(end - start, 1e-6)
    pitch = (tip * down).sum(axis=1) / np.maximum(chin, 1e-6)
    return np.clip(np.stack([yaw, pitch], axis=1), -2, 2)

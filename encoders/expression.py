"""Smile and yaw from 68 landmarks by plain geometry, without labels. iBUG 300-W numbering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["smile", "yaw"]

Landmarks = NDArray[np.float32]

_LEFT_EYE = slice(36, 42)
_RIGHT_EYE = slice(42, 48)
_NOSE = 30
_CORNERS = (48, 54)
_LIPS = (51, 57)


def yaw(landmark: Landmarks) -> NDArray[np.float32]:
    """How far the nose's tip lies from between the eyes, in distances of the eyes, (n,).

    ``landmark`` is (n, 68, 2). Positive where the nose points to the right of the picture; 0.1 is
    clearly turned.
    """
    points = _upright(landmark)
    return points[:, _NOSE, 0].astype(np.float32)


def smile(landmark: Landmarks) -> NDArray[np.float32]:
    """Width of the mouth and lift of its corners, in distances of the eyes, added up, (n,).

    A wide mouth with raised corners counts as a smile.
    """
    points = _upright(landmark)
    left, right = (points[:, corner] for corner in _CORNERS)
    lips = points[:, list(_LIPS), 1].mean(axis=1)
    lift = lips - (left[:, 1] + right[:, 1]) / 2
    return (right[:, 0] - left[:, 0] + lift).astype(np.float32)


def _upright(landmark: Landmarks) -> NDArray[np.float64]:
    """The points with the middle of the eyes at 0, the right eye's centre at (0.5, 0)."""
    points = np.asarray(landmark, np.float64)
    left, right = points[:, _LEFT_EYE].mean(axis=1), points[:, _RIGHT_EYE].mean(axis=1)
    along = right - left
    length = np.maximum(np.square(along).sum(axis=1), 1e-9)[:, None]
    from_middle = points - ((left + right) / 2)[:, None]
    x = (from_middle * along[:, None]).sum(axis=2) / length
    y = (from_middle[:, :, 1] * along[:, :1] - from_middle[:, :, 0] * along[:, 1:]) / length
    return np.stack([x, y], axis=2)

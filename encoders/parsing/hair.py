"""Hair by GrabCut, for overlays and counts; no network here is trained on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_hair"]

#: Half axes of the ellipse that holds a head, in distances of the eyes.
_HEAD = (1.65, 2.2)
_ROUNDS = 3


def find_hair(
    picture: NDArray[np.uint8], landmark: NDArray[np.floating], labels: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """Which pixels (s, s) show hair: the head by GrabCut, without the face, above the nose.

    References
    ----------
    C. Rother, V. Kolmogorov, A. Blake, "GrabCut", SIGGRAPH 2004.
    """
    import cv2

    eyes = [landmark[rows].mean(axis=0) for rows in (slice(36, 42), slice(42, 48))]
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    center = tuple(int(v) for v in np.rint((eyes[0] + eyes[1]) / 2))
    axes = tuple(max(1, round(apart * half)) for half in _HEAD)
    mask = np.full(labels.shape, cv2.GC_BGD, np.uint8)
    cv2.ellipse(mask, center, axes, 0, 0, 360, cv2.GC_PR_FGD, -1)
    mask[labels > 0] = cv2.GC_FGD
    if not (mask == cv2.GC_BGD).any() or not (mask == cv2.GC_FGD).any():
        return np.zeros(labels.shape, bool)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(picture, mask, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    head = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    above = np.arange(len(labels))[:, None] < landmark[33, 1]
    return head & above & (labels == 0)

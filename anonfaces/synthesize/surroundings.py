"""What is around a face is taken away from a mean of photographs.

A mean of chips keeps clothes, lettering, rooms and bystanders' faces: who knows them knows who was
in the group, whatever became of the face. Chips are aligned, so a face lies at one place in all of
them: where the appearance model has its texture (``datasets/appearance``), and a rim around it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["face_mask", "without_surroundings"]

#: The level that takes the place of what is taken away: the middle, which suggests nothing.
LEVEL = 128
#: Chips of fewer pixels have no surroundings that could be told.
_SMALLEST = 16
#: The rim over which the face fades, in sides of the chip.
_RIM = 0.03


@lru_cache(maxsize=4)
def face_mask(size: int) -> NDArray[np.float32]:
    """Float32 (size, size), 1 in the face, 0 around it, in an FFHQ-aligned chip."""
    import cv2

    from anonfaces.synthesize.k_same.appearance_model import load_appearance

    if size < _SMALLEST:
        return np.ones((size, size), np.float32)
    inside = load_appearance().mask.astype(np.float32)
    large = cv2.resize(inside, (size, size), interpolation=cv2.INTER_LINEAR) > 0.5
    depth = cv2.distanceTransform(large.astype(np.uint8), cv2.DIST_L2, 5)
    return np.clip(depth / (_RIM * size), 0, 1).astype(np.float32)


def without_surroundings(face: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A mean face (s, s, 3), levels 0 to 255, as uint8 with all but the face at one level."""
    mask = face_mask(len(face))[..., None]
    return np.rint(np.clip(LEVEL + (face - LEVEL) * mask, 0, 255)).astype(np.uint8)

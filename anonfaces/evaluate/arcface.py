"""ArcFace's alignment: five points of a face brought to five fixed points of a 112 px chip.

J. Deng, J. Guo, N. Xue and S. Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face
Recognition", CVPR 2019. The five points are those of S. Zhang et al. (MTCNN) brought to 112 px; the
transform is the least-squares similarity of S. Umeyama, "Least-squares estimation of
transformation parameters between two point patterns", IEEE TPAMI 13(4), 1991.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["TEMPLATE", "align_arcface", "five_points", "similarity"]

#: Left eye, right eye, tip of the nose, left and right corner of the mouth, in pixels of 112.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip
#: Side in pixels of the chip that the template is drawn on.
TEMPLATE_SIZE = 112
_LEFT_EYE, _RIGHT_EYE, _NOSE, _MOUTH = slice(36, 42), slice(42, 48), 30, [48, 54]


def five_points(landmark: NDArray[np.float32]) -> NDArray[np.float64]:
    """The five points float64 (5, 2) of 68 landmarks (68, 2) in iBUG's numbering."""
    points = landmark.astype(np.float64)
    eyes = [points[part].mean(axis=0) for part in (_LEFT_EYE, _RIGHT_EYE)]
    return np.stack([*eyes, points[_NOSE], *points[_MOUTH]])


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation, scale and shift float64 (2, 3) that brings ``source`` nearest to ``target``.

    Both are (n, 2); points that all coincide give the shift alone.
    """
    start, end = source.mean(axis=0), target.mean(axis=0)
    a, b = source - start, target - end
    u, size, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = (u * sign) @ vt
    spread = float(np.square(a).sum())
    scale = float((size * sign).sum()) / spread if spread > 0 else 1.0
    linear = scale * rotation
    return np.column_stack([linear, end - linear @ start])


def align_arcface(
    image: NDArray[np.uint8], landmark: NDArray[np.float32], size: int = TEMPLATE_SIZE
) -> NDArray[np.uint8]:
    """The chip uint8 (size, size, 3) of the face with ``landmark`` (68, 2) in an RGB image.

    What lies outside of the image is black, as InsightFace has it.
    """
    import cv2

    target = TEMPLATE * size / TEMPLATE_SIZE
    matrix = similarity(five_points(landmark), target)
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)

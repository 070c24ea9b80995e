"""Where a face stands in a private picture, and a drawn face put there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit", "put_back", "straighten"]

Images = NDArray[np.float32]
Moves = NDArray[np.float64]

#: Sides of the frame: how wide the seam between a drawn face and the private picture is.
_SEAM = 0.12


def fit(points: NDArray[np.floating], mean: NDArray[np.floating]) -> Moves:
    """Scale, shift x, shift y (n, 3) that bring the ``mean`` landmarks (68, 2) onto ``points``.

    Least squares, upright: frames come from aligned chips.
    """
    center, goal = points.mean(axis=1), mean.mean(axis=0)
    off, model = points - center[:, None], mean - goal
    scale = (off * model).sum(axis=(1, 2)) / (model**2).sum()
    scale = np.clip(scale, 0.5, 2.0)
    return np.column_stack([scale, center - scale[:, None] * goal])


def straighten(images: Images, moves: Moves) -> Images:
    """Pictures (n, s, s, 3) cut so that their faces stand as the mean face does."""
    return np.stack([_warp(image, move, True) for image, move in zip(images, moves, strict=True)])


def put_back(private: Images, faces: Images, moves: Moves) -> Images:
    """Drawn faces (n, s, s, 3) at their places in the private pictures, their rim fading."""
    seam = _fading(faces.shape[1])
    made = []
    for image, face, move in zip(private, faces, moves, strict=True):
        there = _warp(face, move, False, image.shape[0])
        share = _warp(seam, move, False, image.shape[0])[..., None]
        made.append(image + (there - image) * share)
    return np.clip(np.stack(made), 0, 1).astype(np.float32)


def _warp(
    image: Images, move: NDArray[np.float64], inverse: bool, size: int | None = None
) -> Images:
    import cv2

    side, (scale, x, y) = image.shape[0], move
    size = size or side
    factor = 1.0 if inverse else size / side
    shift = [factor * side * at + factor * scale / 2 - 0.5 for at in (x, y)]
    matrix = np.array([[factor * scale, 0, shift[0]], [0, factor * scale, shift[1]]])
    flags = cv2.INTER_LINEAR | (cv2.WARP_INVERSE_MAP if inverse else 0)
    border = cv2.BORDER_REFLECT if image.ndim == 3 else cv2.BORDER_CONSTANT
    return cv2.warpAffine(
        np.ascontiguousarray(image), matrix, (size, size), flags=flags, borderMode=border
    )


def _fading(size: int) -> Images:
    """1 in the middle, 0 at the rim."""
    at = np.minimum(np.arange(size) + 0.5, size - np.arange(size) - 0.5) / size
    edge = np.clip(at / _SEAM, 0, 1)
    smooth = edge * edge * (3 - 2 * edge)
    return (smooth[:, None] * smooth[None]).astype(np.float32)

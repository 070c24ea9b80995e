"""Boxes (n, 4) of faces, left top right bottom: how far they overlap, and which are one face's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SAME_FACE", "distinct", "overlap", "same_face"]

#: Intersection over union above which two boxes are taken for one face's: detectors differ in
#: how much of the forehead and of the chin they count.
SAME_FACE = 0.3
#: Or the share of the smaller box that lies in the larger one: a face within a face is none, as
#: long as the larger is no more than so many times as large.
_WITHIN, _TIMES = 0.75, 6.0


def overlap(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4)."""
    both, one, other = _areas(a, b)
    return both / np.maximum(one + other - both, 1e-9)


def same_face(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of boxes (n, 4) and (m, 4) are one face's, bool (n, m)."""
    both, one, other = _areas(a, b)
    smaller, larger = np.minimum(one, other), np.maximum(one, other)
    within = (both > _WITHIN * smaller) & (larger < _TIMES * smaller)
    return (both >= SAME_FACE * np.maximum(one + other - both, 1e-9)) | within


def distinct(boxes: NDArray[Any], score: NDArray[Any]) -> NDArray[np.int64]:
    """Places of the boxes that no surer box shows already, the surest first.

    Each is compared with those that are kept alone: a heat map gives 10,000 boxes of a crowd, and
    all pairs of them would take 10 GB.
    """
    kept: list[int] = []
    for place in np.argsort(-score, kind="stable").tolist():
        if not same_face(boxes[place : place + 1], boxes[kept]).any():
            kept.append(place)
    return np.array(kept, np.int64)


def _areas(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
    """What is common (n, m), and the areas (n, 1) and (1, m)."""
    first, second = a[:, None].astype(np.float64), b[None].astype(np.float64)
    corner = np.maximum(first[..., :2], second[..., :2])
    both = np.maximum(np.minimum(first[..., 2:], second[..., 2:]) - corner, 0).prod(-1)
    one, other = (np.maximum(box[..., 2:] - box[..., :2], 0).prod(-1) for box in (first, second))
    return both, one, other

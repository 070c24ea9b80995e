"""MTCNN's suppression of repeated boxes, in memory that does not grow with their square.

The package ``mtcnn`` compares all candidates of a picture with one another at once, some hundred
bytes a pair: where a crowd or a texture gives 12,000 of them, that is 16 GB. Here they are
compared in blocks; the answer is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["bound_memory", "distinct_candidates"]

Numbers = NDArray[np.floating[Any]]

#: Candidates that are compared with all before them at a time: 12,000 take 100 MB.
_BLOCK = 128
#: Columns of a candidate: picture, edges, confidence.
_EDGES, _CONFIDENCE = slice(1, 5), 5


def bound_memory() -> None:
    """Let the stages of the package ``mtcnn`` (1.0) use ``distinct_candidates``.

    They take the function by its name from their own modules, and have no argument for another.
    """
    from mtcnn.stages import stage_onet, stage_pnet, stage_rnet

    for stage in (stage_pnet, stage_rnet, stage_onet):
        stage.smart_nms_from_bboxes = distinct_candidates


def distinct_candidates(
    bboxes: Numbers,
    threshold: float,
    *,
    method: str = "union",
    initial_sort: bool = True,
) -> Numbers:
    """The candidates (n, 6 or more) of one picture that no earlier one overlaps too much.

    Parameters
    ----------
    bboxes : (n, c) float
        Picture, top, left, bottom, right, confidence, and what else there is.
    threshold : float
        Overlap above which a later candidate repeats an earlier one.
    method : str
        ``union``: the overlap is that over the union; ``min``: over the smaller box.
    initial_sort : bool
        Bring the surest to the front first.

    Returns
    -------
    (m, c) float
        In order. One that repeats another that is left out itself is left out, too.
    """
    if initial_sort:
        bboxes = bboxes[np.argsort(bboxes[:, _CONFIDENCE])[::-1]]
    edges = bboxes[:, _EDGES]
    kept = [
        _is_new(edges[: start + _BLOCK], start, threshold, method)
        for start in range(0, len(edges), _BLOCK)
    ]
    return bboxes[np.concatenate(kept)] if kept else np.empty((0, 6))


def _is_new(edges: Numbers, start: int, threshold: float, method: str) -> NDArray[np.bool_]:
    """Of the boxes from ``start`` on, which overlap none of those before by too much."""
    later = edges[start:]
    size = np.minimum(edges[:, None, 2:], later[None, :, 2:])
    size -= np.maximum(edges[:, None, :2], later[None, :, :2])
    both = np.maximum(size, 0).prod(axis=2)
    area, area_later = ((box[:, 2:] - box[:, :2]).prod(axis=1) for box in (edges, later))
    if method == "min":
        whole = np.minimum(area[:, None], area_later)
    else:
        whole = area[:, None] + area_later - both
    earlier = np.arange(len(edges))[:, None] < np.arange(start, len(edges))
    with np.errstate(divide="ignore", invalid="ignore"):
        repeated = (both / whole > threshold) & earlier
    return np.asarray(~repeated.any(axis=0), np.bool_)

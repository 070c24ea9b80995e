"""Resampling along one axis by any filter: upsample, pad or crop, filter, take every n-th.

A filter that changes the rate by a ratio repeats itself every few outputs. So it is one small
matrix that makes a block of outputs of a window of inputs, which lets a matrix product do what
a depthwise convolution does many times slower on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

__all__ = ["Step", "resample"]

Tensor = Any
_BLOCK = 32


@dataclass(frozen=True, kw_only=True)
class Step:
    """What to do along an axis; ``before`` counts samples in front of the upsampled signal."""

    taps: tuple[float, ...]
    length: int
    up: int = 1
    down: int = 1
    before: int = 0


def resample(x: Tensor, axis: int, step: Step) -> Tensor:
    """Maps (n, h, w, c) with axis 1 (h) or 2 (w) resampled to ``step.length`` samples.

    Between the samples of the input come ``up - 1`` zeros, in front ``before`` zeros (or as
    many are cut off, if negative), behind it whatever is wanted; this is correlated with the
    taps, and of the results every ``down``-th is kept.
    """
    _, h, w, c = x.shape
    plan = _plan(step, x.shape[axis])
    start = max(plan.first, 0)
    used = x[:, start : plan.last] if axis == 1 else x[:, :, start : plan.last]
    margins = [(0, 0)] * 4
    margins[axis] = (max(-plan.first, 0), max(plan.last - x.shape[axis], 0))
    windows = ops.take(ops.pad(used, margins), plan.index, axis=axis)
    matrix = ops.cast(plan.matrix, x.dtype)
    blocks, width = plan.index.shape
    whole = blocks * len(plan.matrix)
    if axis == 1:
        maps = ops.matmul(matrix, ops.reshape(windows, (-1, blocks, width, w * c)))
        return ops.reshape(maps, (-1, whole, w, c))[:, : step.length]
    maps = ops.reshape(ops.matmul(matrix, windows), (-1, h, whole, c))
    return maps[:, :, : step.length]


@dataclass(frozen=True)
class _Plan:
    """The ``matrix`` (outputs, window) and which inputs, from ``first``, each window takes."""

    matrix: NDArray[np.float64]
    index: NDArray[np.int64]
    first: int
    last: int


@lru_cache(maxsize=256)
def _plan(step: Step, inputs: int) -> _Plan:
    block = _block(step)
    first = -(step.before // step.up)
    end = ((block - 1) * step.down + len(step.taps) - 1 - step.before) // step.up + 1
    tap = (first + np.arange(end - first)) * step.up + step.before
    which = tap - step.down * np.arange(block)[:, None]
    inside = (which >= 0) & (which < len(step.taps))
    matrix = np.where(inside, np.take(step.taps, which, mode="clip"), 0.0)
    blocks = -(-step.length // block)
    stride = block * step.down // step.up
    index = stride * np.arange(blocks)[:, None] + np.arange(end - first)
    return _Plan(matrix, index, first, first + int(index.max()) + 1)


def _block(step: Step) -> int:
    """So many outputs at a time that each block starts at the same phase of the filter."""
    return min(_BLOCK, step.length + -step.length % step.up)

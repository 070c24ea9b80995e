"""L-BFGS of many small problems at once, each with a length of step of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Descent"]

Numbers = NDArray[np.float64]

#: Steps that are remembered.
_MEMORY = 4
#: Length that a step has at most, where the mean curvature is 1.
_LONGEST = 3.0
#: A step that made it worse is taken again, shorter; one that helped may be followed by a longer.
_SHORTER, _LONGER = 0.4, 1.5
#: Of the first step, before anything is known of a problem's own curvature.
_FIRST = 0.5


class Descent:
    """Down from the origin, ``count`` problems of ``dim`` numbers in coordinates of like curvature.

    ``place`` (count, dim) is where loss and slope are wanted next; ``step`` takes them. A problem
    goes on from its best place, so none can run away.
    """

    def __init__(self, count: int, dim: int) -> None:
        self.place: Numbers = np.zeros((count, dim))
        self._best, self._loss = self.place, np.full(count, np.inf)
        self._slope = np.zeros_like(self.place)
        self._share = np.ones(count)
        self._last: tuple[Numbers, Numbers] | None = None
        self._moved: list[tuple[Numbers, Numbers]] = []

    def step(self, loss: Numbers, slope: Numbers) -> None:
        """Move on from ``place``, where the losses (count,) and slopes (count, dim) are these."""
        if self._last is not None:
            moved = (self.place - self._last[0], slope - self._last[1])
            self._moved = [*self._moved, moved][-_MEMORY:]
        self._last = (self.place, slope)
        better = loss < self._loss
        self._slope = np.where(better[:, None], slope, self._slope)
        self._best = self.best(loss)
        self._loss = np.minimum(loss, self._loss)
        longer = np.minimum(self._share * _LONGER, 1.0)
        self._share = np.where(better, longer, self._share * _SHORTER)
        self.place = self._best + self._share[:, None] * self._direction()

    def best(self, loss: Numbers) -> Numbers:
        """The best places seen, with ``place`` where ``loss`` (count,) is less than before."""
        return np.where((loss < self._loss)[:, None], self.place, self._best)

    def _direction(self) -> Numbers:
        """The quasi-Newton step from the best places, at most ``_LONGEST`` long."""
        left, used = self._slope, []
        for way, change in reversed(self._moved):
            weight = _inverse(_dot(way, change))
            share = weight * _dot(way, left)
            left = left - share[:, None] * change
            used.append((weight, share))
        left = left * self._scale()[:, None]
        for (way, change), (weight, share) in zip(self._moved, reversed(used), strict=True):
            left = left + way * (share - weight * _dot(change, left))[:, None]
        uphill = _dot(left, self._slope) <= 0
        left = np.where(uphill[:, None], _FIRST * self._slope, left)
        length = np.linalg.norm(left, axis=1)
        return -left * np.minimum(1.0, _LONGEST / np.maximum(length, 1e-9))[:, None]

    def _scale(self) -> Numbers:
        """One over the curvature along the last step, between a tenth and 1."""
        if not self._moved:
            return np.full(len(self.place), _FIRST)
        way, change = self._moved[-1]
        curved = _dot(way, change) * _inverse(_dot(change, change))
        return np.where(curved > 0, np.clip(curved, 0.1, 1.0), 0.3)


def _dot(one: Numbers, other: Numbers) -> Numbers:
    return np.einsum("ij,ij->i", one, other)


def _inverse(value: Numbers) -> Numbers:
    """1 / value where it is above 0, else 0: what curves the wrong way is not learned from."""
    positive = value > 1e-12
    return np.where(positive, 1 / np.where(positive, value, 1.0), 0.0)

"""Faces into the latent space of a generator that has no encoder: by their dlib vectors.

Samples of the generator are embedded and their w regressed on the vectors (ridge, the penalty
chosen on held-out samples). What dlib does not tell, such as lighting, becomes the average. A
sample costs one picture and one vector: 1,000 take some 15 s on two cores at 64 px; at 1024 px
300 are taken, which is some minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.latents import within
from encoders.embed import load_embedder

if TYPE_CHECKING:
    from encoders.embed import Embedder
    from encoders.frame import Framing
    from stylegan.generator import Generator

__all__ = ["Regression", "fit_regression"]

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float64]

_SMALL, _MANY, _FEW = 256, 1000, 300
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_HELD_OUT, _PART = 5, 32


class Regression:
    """Chips to one w for all layers: ``w = mean + (vector - centre) @ weight``."""

    def __init__(
        self, framing: Framing, embedder: Embedder, line: tuple[Vectors, Vectors, Vectors], n: int
    ) -> None:
        self.framing = framing
        self._embedder, self._num_ws = embedder, n
        self._centre, self._mean, self._weight = line
        self._square = within(framing.dlib, framing.ffhq)

    def __call__(self, chips: Pixels) -> NDArray[np.float32]:
        """FFHQ-aligned RGB chips (n, s, s, 3) to W+ float32 (n, num_ws, w_dim)."""
        vectors = self._embedder(self._square.cut(chips, self._embedder.chip_size))
        w = self._mean + (vectors - self._centre) @ self._weight
        return np.repeat(w.astype(np.float32)[:, None], self._num_ws, axis=1)


def fit_regression(
    generator: Generator, framing: Framing, samples: int | None = None
) -> Regression:
    """The regression for ``generator``, always the same for the same generator."""
    embedder = load_embedder("dlib")
    count = _MANY if generator.config.resolution <= _SMALL else _FEW
    seeds = range(samples or count)
    vectors, latents = [], []
    for start in range(0, len(seeds), _PART):
        w = generator.map(generator.latents(seeds[start : start + _PART]))
        cut = framing.dlib.cut(generator.pictures(w), embedder.chip_size)
        vectors.append(embedder(cut))
        latents.append(w.mean(axis=1))
    line = _ridge(np.concatenate(vectors).astype(float), np.concatenate(latents).astype(float))
    return Regression(framing, embedder, line, generator.num_ws)


def _ridge(x: Vectors, y: Vectors) -> tuple[Vectors, Vectors, Vectors]:
    held = np.arange(len(x)) % _HELD_OUT == 0
    errors = [_error(_line(x[~held], y[~held], p), x[held], y[held]) for p in _PENALTIES]
    return _line(x, y, _PENALTIES[int(np.argmin(errors))])


def _line(x: Vectors, y: Vectors, penalty: float) -> tuple[Vectors, Vectors, Vectors]:
    centre, mean = x.mean(axis=0), y.mean(axis=0)
    off = x - centre
    square = off.T @ off
    square[np.diag_indices_from(square)] += penalty * np.trace(square) / len(square)
    return centre, mean, np.linalg.solve(square, off.T @ (y - mean))


def _error(line: tuple[Vectors, Vectors, Vectors], x: Vectors, y: Vectors) -> float:
    centre, mean, weight = line
    return float(np.square(mean + (x - centre) @ weight - y).sum())

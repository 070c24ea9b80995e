"""Faces into the latent space of a generator that has no encoder: by their dlib vectors.

Samples of the generator are embedded and their w regressed on the vectors, as the inverse in
``encoders.latent`` is, but in less time: on fewer samples, which are cut where the generator has
its faces instead of searched, and chosen by the error of w alone. What dlib does not tell, such
as lighting, becomes the average. A sample costs one picture and one vector: 1,000 take some 15 s
on two cores at 64 px; at 1024 px 300 are taken, which is some minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoders.embed import load_embedder
from encoders.latent.inverse import ranked

if TYPE_CHECKING:
    from encoders.frame import CropAlignment
    from encoders.latent.inverse import EmbeddingToLatent
    from stylegan.generator import Generator

__all__ = ["Regression", "fit_regression"]

Pixels = NDArray[np.uint8]

_SMALL = 256
_MANY = 1000
_FEW = 300
_HELD_OUT = 5
_PART = 32


class Regression:
    """Chips to one w for all layers: ``inverse`` of their dlib vectors."""

    def __init__(self, framing: CropAlignment, inverse: EmbeddingToLatent, num_ws: int) -> None:
        self.framing = framing
        self._inverse, self._num_ws = inverse, num_ws
        self._embedder = load_embedder("dlib")
        self._square = framing.dlib.within(framing.ffhq.inverse())

    def __call__(self, chips: Pixels) -> NDArray[np.float32]:
        """FFHQ-aligned RGB chips (n, s, s, 3) to W+ float32 (n, num_ws, w_dim)."""
        w = self._inverse(self._embedder(self._square.cut(chips, self._embedder.chip_size)))
        return np.repeat(w.astype(np.float32)[:, None], self._num_ws, axis=1)


def fit_regression(
    generator: Generator, framing: CropAlignment, samples: int | None = None
) -> Regression:
    """The regression for ``generator``, always the same for the same generator."""
    embedder = load_embedder("dlib")
    count = samples or (_MANY if generator.config.resolution <= _SMALL else _FEW)
    vectors, latents = [], []
    for start in range(0, count, _PART):
        w = generator.map(generator.latents(range(start, min(start + _PART, count))))
        cut = framing.dlib.cut(generator.pictures(w), embedder.chip_size)
        vectors.append(embedder(cut))
        latents.append(w.mean(axis=1))
    tries = ranked(np.concatenate(vectors), np.concatenate(latents), count // _HELD_OUT, seed=0)
    return Regression(framing, tries[0][1], generator.num_ws)

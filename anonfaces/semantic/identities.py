"""Whose face is drawn: nobody's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Nobodies", "nobodies"]

#: Samples by which the generator's framing is measured, at the least.
_LOOKED_AT = 60
_PSI = 0.9
_BATCH = 64


@dataclass(frozen=True)
class Nobodies:
    """People who do not exist, samples of a generator.

    Attributes:
        vector: float32 (n, 128), what dlib's network sees of each.
        w: float32 (n, w_dim), what the generator draws them of.
        picture: uint8 (n, s, s, 3), RGB.
        looks: float32 (n, 2), perceived decades of age and probability of "female".
        year: float32 (w_dim,), what another year of age adds to a w.
    """

    vector: NDArray[np.float32]
    w: NDArray[np.float32]
    picture: NDArray[np.uint8]
    looks: NDArray[np.float32]
    year: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.vector)


def nobodies(count: int, seed: int = 0, generator: Path | None = None) -> Nobodies:
    """``count`` people who do not exist, as the semantic generator takes them.

    A sample of the generator is seen by dlib's network, and w is what the inverse makes of the
    vector: who it is is kept, pose and light are not.
    """
    import stylegan
    from encoders.attributes import load_attributes
    from encoders.frame import estimate_alignment
    from encoders.latent import load_directions, load_inverse
    from encoders.latent.identity import Recognizer

    network = stylegan.load(generator)
    seeds = np.random.default_rng(seed).integers(0, 2**32, max(count, _LOOKED_AT))
    w = network.map(network.latents([int(s) for s in seeds]), psi=_PSI)
    pictures = network.pictures(w, batch=_BATCH)
    framing = estimate_alignment(pictures[:_LOOKED_AT])
    recognize = Recognizer(framing.dlib, pictures.shape[1])
    parts = [
        np.asarray(recognize(pictures[i : i + _BATCH].astype(np.float32) / 127.5 - 1))
        for i in range(0, count, _BATCH)
    ]
    vector = np.concatenate(parts)[:count]
    columns = load_attributes()(pictures[:count], framing)
    looks = np.column_stack([columns["age"] / 10, columns["female"]])
    w, year = load_inverse(network)(vector), load_directions(network)["age"]
    return Nobodies(vector, w, pictures[:count], looks, year)

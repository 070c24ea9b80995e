"""From a face to the latent space of a generator, and from a vector there.

``load_latent_encoder()(chips)`` takes FFHQ-aligned chips to W+ in one pass,
``load_latent_corrector()(chips)`` more nearly in some passes more, ``load_inverse()(embeddings)``
takes dlib's vectors to w without any photograph, and ``load_directions()`` has the ways to change
one trait. Each fits one generator and is refused with another; ``python -m encoders.latent``
fits them anew.

Examples
--------
>>> import stylegan
>>> from encoders.latent import load_directions, load_inverse, load_latent_encoder
>>> generator = stylegan.load()
>>> w = generator.map(generator.latents([0]))
>>> older = w + 20 * load_directions(generator)["age"]  # twenty years
>>> older.shape == w.shape
True
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Directions": "encoders.latent.directions",
    "EmbeddingToLatent": "encoders.latent.inverse",
    "LatentCorrector": "encoders.latent.correction",
    "LatentEncoder": "encoders.latent.encoder",
    "load_directions": "encoders.latent.directions",
    "load_inverse": "encoders.latent.inverse",
    "load_latent_corrector": "encoders.latent.correction",
    "load_latent_encoder": "encoders.latent.encoder",
}

__all__ = [
    "Directions",
    "EmbeddingToLatent",
    "LatentCorrector",
    "LatentEncoder",
    "load_directions",
    "load_inverse",
    "load_latent_corrector",
    "load_latent_encoder",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'encoders.latent' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

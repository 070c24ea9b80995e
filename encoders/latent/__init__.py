"""From a face to the latent space of a generator, and from a vector there.

>>> from encoders.latent import load_latent_encoder
>>> encoder = load_latent_encoder()                     # for the generator that ships
>>> w = encoder(chips)                                  # FFHQ-aligned chips -> W+
>>> pictures = encoder.generator.pictures(w)
>>> from encoders.latent import load_inverse
>>> w = load_inverse()(embeddings)                      # dlib's vectors -> w, without a picture
>>> from encoders.latent import load_directions
>>> older = w + 20 * load_directions()["age"]           # twenty years

What is fitted to one generator is refused with another. ``python -m encoders.latent`` fits all
of it anew.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Directions": "encoders.latent.directions",
    "EmbeddingToLatent": "encoders.latent.inverse",
    "LatentEncoder": "encoders.latent.encoder",
    "load_directions": "encoders.latent.directions",
    "load_inverse": "encoders.latent.inverse",
    "load_latent_encoder": "encoders.latent.encoder",
}

__all__ = [
    "Directions",
    "EmbeddingToLatent",
    "LatentEncoder",
    "load_directions",
    "load_inverse",
    "load_latent_encoder",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'encoders.latent' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

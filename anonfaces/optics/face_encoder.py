"""Stage two's network: a private picture, its heat maps and a style to the latents of a face.

The generator that ships draws the face; it does not learn. A style is a w of that generator: what
the latent encoder says of a reference picture, or what the mapping network makes of a seed. The
network answers how each layer's w differs from the style, so that at its first step every face is
the reference's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = [
    "build_face_encoder", "drawn_faces", "generator", "generator_spread", "styles_of",
    "styles_of_seeds",
]  # fmt: skip

Tensor = Any

#: Numbers that the steps of all layers are made of.
_RANK = 64
_SAMPLES = 512
#: How far drawn styles lie from the mean face: the generator's own advice.
_PSI = 0.7


def build_face_encoder(size: int = 64, width: int = 24, num_ws: int = 10, w_dim: int = 256) -> Any:
    """Keras model: ``[picture, maps, style]`` to steps in deviations of w, (n, num_ws, w_dim).

    ``picture`` is (n, size, size, 3) in 0..1, ``maps`` (n, size/4, size/4, 2), ``style``
    (n, w_dim) in deviations from the mean w.
    """
    picture, maps = keras.Input((size, size, 3)), keras.Input((size // 4, size // 4, 2))
    style = keras.Input((w_dim,))
    x = _block(layers.Rescaling(2.0, -1.0)(picture), width)
    x = layers.Concatenate()([_block(x, 2 * width), maps])
    x = _block(layers.Conv2D(3 * width, 3, padding="same")(x), 4 * width)
    x = _block(x, 4 * width)
    x = layers.Dense(256, activation="silu")(layers.Flatten()(x))
    x = layers.Concatenate()([x, layers.Dense(128, activation="silu")(style)])
    x = layers.Dense(256, activation="silu")(x)
    x = layers.Dense(num_ws * w_dim, kernel_initializer="zeros")(layers.Dense(_RANK)(x))
    steps = layers.Reshape((num_ws, w_dim))(x)
    return keras.Model([picture, maps, style], steps, name="faces")


def _block(x: Tensor, width: int) -> Tensor:
    x = layers.Conv2D(width, 3, 2, padding="same", use_bias=False)(x)
    return layers.Activation("silu")(layers.GroupNormalization(8)(x))


@cache
def generator() -> Any:
    """The generator that ships."""
    import stylegan

    return stylegan.load()


@cache
def generator_spread() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation (w_dim,) of the generator's w."""
    drawn = generator().map(generator().latents(range(_SAMPLES)))[:, 0]
    return drawn.mean(axis=0), drawn.std(axis=0) + 1e-3


def drawn_faces(latents: Tensor, size: int) -> Tensor:
    """Faces (n, size, size, 3) in 0..1 of latents (n, num_ws, w_dim) in deviations of w."""
    mean, spread = generator_spread()
    w = latents * ops.convert_to_tensor(spread) + ops.convert_to_tensor(mean)
    faces = ops.clip((generator().apply(w, generator().noise_maps()) + 1) / 2, 0.0, 1.0)
    factor, rest = divmod(faces.shape[1], size)
    if factor >= 1 and not rest:
        return ops.average_pool(faces, factor, factor, data_format="channels_last")
    return ops.image.resize(faces, (size, size), "bilinear", antialias=True)


def styles_of(references: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Styles (n, w_dim) of reference pictures uint8 (n, s, s, 3), framed as the generator's."""
    import cv2

    from encoders.latent import load_latent_encoder

    encoder = load_latent_encoder(generator()).to_single_w()
    side = encoder.config.resolution
    sized = [cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in references]
    return encoder(np.stack(sized))


def styles_of_seeds(seeds: Sequence[int], psi: float = _PSI) -> NDArray[np.float32]:
    """Styles (n, w_dim) of nobody: what the mapping network makes of seeds."""
    if not 0 <= psi <= 1.5:
        raise InputError(f"psi {psi}: expected 0 to 1.5")
    return generator().map(generator().latents(seeds), psi=psi)[:, 0]

"""The network of an attacker who has pairs: a private picture in, the sharp one out."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

__all__ = ["build_restorer", "restoration_loss"]

Tensor = Any


def build_restorer(size: int = 64, width: int = 24) -> Any:
    """Keras model: pictures float32 (n, size, size, 3) in 0..1 to pictures of the same shape.

    A U-Net (Ronneberger et al., MICCAI 2015) that answers what to add to the private picture.
    """
    image = keras.Input((size, size, 3))
    x = layers.Rescaling(2.0, -1.0)(image)
    skips = []
    for level, factor in enumerate((1, 2, 4, 6)):
        x = _block(x, width * factor, 2 if level else 1)
        skips.append(x)
    for skip, factor in zip(reversed(skips[:-1]), (4, 2, 1), strict=True):
        x = layers.Concatenate()([layers.UpSampling2D(2, interpolation="bilinear")(x), skip])
        x = _block(x, width * factor, 1)
    more = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(x)
    return keras.Model(image, layers.Add()([image, more]), name="restorer")


def _block(x: Tensor, width: int, strides: int) -> Tensor:
    x = layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(x)
    x = layers.GroupNormalization(8)(x)
    return layers.Activation("silu")(x)


def restoration_loss(found: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference of levels, and of their differences to the next pixels."""
    near = ops.mean(ops.abs(found - true))
    off = found - true
    across = ops.mean(ops.abs(off[:, :, 1:] - off[:, :, :-1]))
    down = ops.mean(ops.abs(off[:, 1:] - off[:, :-1]))
    return near + across + down

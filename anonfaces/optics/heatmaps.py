"""Where the parts of a face are: one map a landmark, read from a private picture.

The teacher is a Gaussian at each landmark that dlib found in the sharp photograph; the network
answers a map of log odds a landmark, whose softmax over the places is compared with it. The
expected place under the map is the landmark (soft argmax: Nibali et al., "Numerical coordinate
regression with convolutional neural networks", 2018).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

__all__ = [
    "LEVELS", "POINTS", "build_heatmap_network", "landmark_error", "level_maps", "map_loss",
    "maps_to_points", "points_to_maps",
]  # fmt: skip

Tensor = Any

POINTS = 68
#: The two pictures that the generator's encoder is given: outline and brows; eyes, nose and mouth.
LEVELS = (slice(0, 27), slice(27, 68))
#: Of the teacher's Gaussians, in sides of the picture: 0.9 of 16 places.
_SIGMA = 0.9 / 16
#: The map of a landmark that is sure rises to about this before it is cut off at 1.
_SURE = 12.0


def build_heatmap_network(size: int = 64, width: int = 16, maps: int = POINTS) -> Any:
    """Keras model: pictures float32 (n, size, size, 3) in 0..1 to log odds (n, size/4, size/4, m).

    A U-Net of four levels (Ronneberger et al., MICCAI 2015), deep enough to see the whole face.
    """
    image = keras.Input((size, size, 3))
    x = layers.Rescaling(2.0, -1.0)(image)
    skips = []
    for factor in (1, 2, 4, 8):
        x = _block(x, width * factor, strides=2)
        skips.append(x)
    for skip, factor in zip(reversed(skips[1:-1]), (4, 2), strict=True):
        x = layers.Concatenate()([layers.UpSampling2D(2, interpolation="bilinear")(x), skip])
        x = _block(x, width * factor, strides=1)
    return keras.Model(image, layers.Conv2D(maps, 1)(x), name="heatmaps")


def _block(x: Tensor, width: int, strides: int) -> Tensor:
    for step in (strides, 1) if strides > 1 else (1,):
        x = layers.Conv2D(width, 3, step, padding="same", use_bias=False)(x)
        x = layers.GroupNormalization(8)(x)
        x = layers.Activation("silu")(x)
    return x


def points_to_maps(points: Tensor, side: int) -> Tensor:
    """Landmarks (n, m, 2) in sides of the picture to maps (n, side, side, m) whose sum is 1."""
    at = (ops.arange(side, dtype="float32") + 0.5) / side
    x, y = (
        ops.softmax(-ops.square((at[None, :, None] - points[:, None, :, axis]) / _SIGMA) / 2, 1)
        for axis in (0, 1)
    )
    return y[:, :, None] * x[:, None]


def maps_to_points(logits: Tensor) -> Tensor:
    """Log odds (n, s, s, m) to the expected places (n, m, 2) in sides of the picture."""
    side = logits.shape[1]
    share = _shares(logits)
    at = (ops.arange(side, dtype="float32") + 0.5) / side
    x = ops.einsum("nyxm,x->nm", share, at)
    y = ops.einsum("nyxm,y->nm", share, at)
    return ops.stack([x, y], axis=-1)


def map_loss(logits: Tensor, points: Tensor) -> Tensor:
    """Cross-entropy of the maps with the teacher's, and the distance of their places.

    Landmarks outside of the picture count as at its border.
    """
    side = logits.shape[1]
    teacher = points_to_maps(ops.clip(points, 0.0, 1.0), side)
    flat = ops.reshape(logits, (-1, side * side, logits.shape[-1]))
    log = ops.log_softmax(flat, axis=1)
    crossed = -ops.mean(ops.sum(ops.reshape(teacher, ops.shape(flat)) * log, axis=1))
    least = -ops.mean(ops.sum(teacher * ops.log(teacher + 1e-9), axis=(1, 2)))
    away = ops.abs(maps_to_points(logits) - ops.clip(points, 0.0, 1.0))
    return crossed - least + 20.0 * ops.mean(away)


def level_maps(logits: Tensor) -> Tensor:
    """Two pictures (n, s, s, 2) in 0..1: the maps of each of ``LEVELS``, added and cut at 1."""
    share = _shares(logits) * _SURE
    return ops.stack([ops.minimum(ops.sum(share[..., at], -1), 1.0) for at in LEVELS], axis=-1)


def landmark_error(found: NDArray[np.floating], true: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean Euclidean distance of each face's landmarks (n,), in pixels of a picture of 256 px."""
    return np.linalg.norm(np.asarray(found, float) - true, axis=-1).mean(axis=1) * 256


def _shares(logits: Tensor) -> Tensor:
    side, maps = logits.shape[1], logits.shape[-1]
    flat = ops.softmax(ops.reshape(logits, (-1, side * side, maps)), axis=1)
    return ops.reshape(flat, (-1, side, side, maps))

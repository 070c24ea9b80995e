"""Adaptive augmentation of what the discriminator sees (Karras et al. 2020, "ADA").

Each change is made to a picture with probability ``p``, to made and real pictures alike, and
``p`` follows how surely the discriminator tells real ones: below an overlap that a small
data set would lose, nothing is changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

__all__ = ["Change", "adapt", "apply", "draw"]

Tensor = Any
Change = tuple[NDArray[np.float32], NDArray[np.float32]]


def draw(rng: np.random.Generator, count: int, p: float, size: int) -> Change:
    """Affine maps (n, 8) for pixels and matrices (n, 3, 4) for colours, each with chance ``p``.

    Moves, turns and scalings; brightness, contrast and saturation, as the paper's figures have
    them. Mirrored faces are in the data already.
    """

    def chance(values: NDArray[np.float64], neutral: float) -> NDArray[np.float64]:
        return np.where(rng.random(count) < p, values, neutral)

    scale = chance(2.0 ** rng.normal(0, 0.2, count), 1.0)
    angle = chance(rng.uniform(-0.35, 0.35, count), 0.0)
    shift = [chance(rng.normal(0, 0.125, count), 0.0) * size for _ in "xy"]
    return (
        _affine(scale, angle, shift, size),
        _colour(
            chance(rng.normal(0, 0.2, count), 0.0),
            chance(2.0 ** rng.normal(0, 0.5, count), 1.0),
            chance(2.0 ** rng.normal(0, 1.0, count), 1.0),
        ),
    )


def apply(images: Tensor, geometry: Tensor, colour: Tensor) -> Tensor:
    """The change of ``draw`` made to (n, s, s, 3), with a gradient; edges are mirrored."""
    n, side, _, _ = images.shape
    pad = side // 4
    wide = ops.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
    moved = ops.image.affine_transform(
        wide, geometry, interpolation="bilinear", data_format="channels_last"
    )[:, pad : pad + side, pad : pad + side]
    flat = ops.reshape(moved, (n, side * side, 3))
    mixed = ops.matmul(flat, ops.transpose(colour[:, :, :3], (0, 2, 1))) + colour[:, None, :, 3]
    return ops.reshape(mixed, (n, side, side, 3))


def adapt(p: float, sign: float, target: float, pictures: int, kimg: float) -> float:
    """The next ``p``: up while the mean sign of real scores is above ``target``, else down."""
    if kimg <= 0:
        return p
    return float(np.clip(p + np.sign(sign - target) * pictures / (kimg * 1000), 0.0, 0.8))


def _affine(
    scale: NDArray[np.float64],
    angle: NDArray[np.float64],
    shift: list[NDArray[np.float64]],
    size: int,
) -> NDArray[np.float32]:
    """Output pixel to input pixel about the middle of the padded picture."""
    middle = (size + 2 * (size // 4) - 1) / 2
    a, b = np.cos(angle) / scale, np.sin(angle) / scale
    x = middle - a * middle + b * middle + shift[0]
    y = middle - b * middle - a * middle + shift[1]
    zero = np.zeros_like(a)
    return np.stack([a, -b, x, b, a, y, zero, zero], axis=1).astype(np.float32)


def _colour(
    brightness: NDArray[np.float64], contrast: NDArray[np.float64], saturation: NDArray[np.float64]
) -> NDArray[np.float32]:
    grey = np.full((3, 3), 1 / 3)
    linear = grey + saturation[:, None, None] * (np.eye(3) - grey)
    both = linear * contrast[:, None, None]
    shift = np.repeat(brightness[:, None, None], 3, axis=1)
    return np.concatenate([both, shift], axis=2).astype(np.float32)

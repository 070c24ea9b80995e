"""What each network is to make small. Scalars of tensors, any backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

__all__ = [
    "likeness",
    "path_length",
    "r1",
    "reconstruction",
    "sliced_wasserstein",
    "smaller",
    "soft_plus",
    "spread",
]

Tensor = Any


def spread(w: Tensor) -> Tensor:
    """The mean variance of w (n, d) within a batch: it stays small wherever w lies."""
    return ops.mean(ops.square(w - ops.mean(w, axis=0, keepdims=True)))


def soft_plus(score: Tensor) -> Tensor:
    """log(1 + exp(score)), mean: the non-saturating loss (Goodfellow et al. 2014)."""
    return ops.mean(ops.softplus(score))


def reconstruction(made: Tensor, real: Tensor) -> Tensor:
    """How far two batches (n, s, s, 3) lie apart: pixels, their gradients, and at s / 4."""
    off = made - real
    down = ops.mean(ops.abs(off[:, 1:] - off[:, :-1]))
    across = ops.mean(ops.abs(off[:, :, 1:] - off[:, :, :-1]))
    return ops.mean(ops.abs(off)) + down + across + ops.mean(ops.abs(smaller(off, 4)))


def likeness(drawn: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """The squared distance of two batches of maps (n, h, w, c), summed over layers."""
    pairs = zip(drawn, real, strict=True)
    return sum(ops.mean(ops.sum(ops.square(a - b), axis=(1, 2, 3))) for a, b in pairs)


def r1(gradient: Tensor) -> Tensor:
    """The squared norm of the score's gradient by real pictures (Mescheder et al. 2018)."""
    return ops.mean(ops.sum(ops.square(gradient), axis=(1, 2, 3)))


def path_length(gradient: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """StyleGAN2's regulariser: ``gradient`` of noisy pictures by W+ (n, num_ws, w_dim).

    The loss, and the lengths' mean for the running average (Karras et al. 2020, section 3.2).
    """
    lengths = ops.sqrt(ops.mean(ops.sum(ops.square(gradient), axis=2), axis=1) + 1e-8)
    return ops.mean(ops.square(lengths - mean)), ops.mean(lengths)


def sliced_wasserstein(a: Tensor, b: Tensor, directions: Tensor) -> Tensor:
    """Squared distance of two clouds (n, d) along ``directions`` (d, p) (Bonneel et al. 2015)."""
    first = ops.sort(ops.matmul(a, directions), axis=0)
    second = ops.sort(ops.matmul(b, directions), axis=0)
    return ops.mean(ops.square(first - second))


def smaller(images: Tensor, factor: int) -> Tensor:
    """Pictures (n, s, s, c) to (n, s / factor, s / factor, c): the mean of each block."""
    n, h, w, c = images.shape
    blocks = ops.reshape(images, (n, h // factor, factor, w // factor, factor, c))
    return ops.mean(blocks, axis=(2, 4))

"""How what VGG16 sees of drawn pictures is spread, against photographs: matched, as a loss.

Heads tell a patch that looks wrong; that faces on the whole are a little too smooth, or lack a kind
of background, they hardly see. The first two moments of a network's features do ("Improved
techniques for training GANs", Salimans et al. 2016, feature matching).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.keras_backend import compiled
from stylegan.train.texture import Arrays, read_trunk, trunk_maps

__all__ = ["Moments", "toward"]

Tensor = Any
#: Blocks of VGG16 that are asked: the first two see but edges and colors.
_FROM = 2
#: Share of a batch in the running averages.
_NEW = 0.02
#: Batches that the photographs' variance counts for at first.
_DOUBT = 20
#: Least variance of pictures, as a share of photographs', that is reckoned with.
_LEAST = 0.1


class Moments:
    """The last maps of VGG16's third to fifth block, each map's mean over a picture.

    ``batches`` are float32 (n, side, side, 3), -1 to 1: photographs. ``dtype`` is what
    convolutions compute with. A batch is far too small to tell a mean by, so those of the pictures
    drawn are running averages, and what is made small is linear in the batch. A training that goes
    on begins them anew.
    """

    def __init__(
        self,
        batches: Iterable[NDArray[np.float32]],
        dtype: str = "float32",
        trunk: Arrays | None = None,
    ) -> None:
        blocks = read_trunk() if trunk is None else trunk
        self._trunk = [
            [(ops.cast(kernel, dtype), ops.cast(bias, dtype)) for kernel, bias in block]
            for block in blocks
        ]
        self._dtype = dtype
        seen = compiled(self.seen)
        found = [map(ops.convert_to_numpy, seen(ops.convert_to_tensor(b))) for b in batches]
        self._blocks = [_Block(np.concatenate(part)) for part in zip(*found, strict=True)]

    def seen(self, images: Tensor) -> list[Tensor]:
        """What is seen of pictures (n, s, s, 3), float32 (n, c) for each block."""
        maps = trunk_maps(self._trunk, images, self._dtype)[_FROM:]
        return [ops.mean(ops.cast(one, "float32"), axis=(1, 2)) for one in maps]

    def follow(self, seen: Sequence[Tensor]) -> float:
        """Move the running averages on by a batch; the squared distance in units of spread.

        It is that of normal distributions without correlations, a mean over blocks.
        """
        pairs = zip(self._blocks, seen, strict=True)
        return float(np.mean([block.follow(ops.convert_to_numpy(one)) for block, one in pairs]))

    def slopes(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """For each block the middle, and how the distance grows with a feature and its square."""
        return [
            tuple(ops.convert_to_tensor(one.astype(np.float32)) for one in block.slopes())
            for block in self._blocks
        ]


def toward(seen: Sequence[Tensor], slopes: Sequence[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """What a batch adds to the distance, to first order: a mean over blocks and pictures."""
    total = ops.zeros(())
    for found, (middle, shift, stretch) in zip(seen, slopes, strict=True):
        off = found - middle
        total = total + ops.mean(ops.sum(off * shift + ops.square(off) * stretch, axis=1))
    return total / len(seen)


class _Block:
    """Mean and variance of what one block sees, of photographs float32 (n, c) and of pictures."""

    def __init__(self, found: NDArray[np.float32]) -> None:
        self._mean, self._var = found.mean(axis=0), found.var(axis=0)
        self._whole = float(self._var.sum())
        self._drawn, self._square, self._count = self._mean.copy(), self._var.copy(), 0

    def follow(self, found: NDArray[np.float32]) -> float:
        self._count += 1
        share = max(1 / self._count, _NEW)
        self._drawn = self._drawn + share * (found.mean(axis=0) - self._drawn)
        spread = np.square(found - self._drawn).mean(axis=0)
        # first batches lie around a mean that they made themselves
        self._square = self._square + max(1 / (self._count + _DOUBT), _NEW) * (
            spread - self._square
        )
        off = np.square(self._drawn - self._mean)
        off += np.square(np.sqrt(self._square) - np.sqrt(self._var))
        return float(off.sum()) / self._whole

    def slopes(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        shift = 2 * (self._drawn - self._mean)
        stretch = 1 - np.sqrt(self._var / np.maximum(self._square, _LEAST * self._var + 1e-12))
        return self._drawn, shift / self._whole, stretch / self._whole

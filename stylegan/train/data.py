"""The images to learn from: kept as bytes, drawn by seed and step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["Pictures", "split"]

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """``pixels`` uint8 (n, size, size, 3), RGB."""

    pixels: Pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, rng: np.random.Generator, count: int) -> Pixels:
        """``count`` pictures drawn by ``rng``, half of them mirrored."""
        chosen = self.pixels[rng.integers(len(self), size=count)]
        mirrored = rng.random(count) < 0.5
        return np.where(mirrored[:, None, None, None], chosen[:, :, ::-1], chosen)


def split(pictures: Pictures, held_out: int, seed: int) -> tuple[Pictures, Pictures]:
    """Those to learn from and ``held_out`` to measure by, drawn by ``seed``."""
    if not 0 <= held_out < len(pictures):
        raise InputError(f"cannot hold {held_out} of {len(pictures)} pictures out")
    order = np.random.default_rng(seed).permutation(len(pictures))
    kept = np.sort(order[held_out:])
    return Pictures(pictures.pixels[kept]), Pictures(pictures.pixels[np.sort(order[:held_out])])

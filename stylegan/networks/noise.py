"""Random noise maps of pictures, each by its own seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

__all__ = ["random_noise"]


def random_noise(sides: Sequence[int], seeds: Sequence[tuple[int, int]]) -> list[Any]:
    """Tensors (n, s, s, 1), one for each of ``sides``; n is the number of ``seeds``."""
    rngs = [np.random.default_rng(pair) for pair in seeds]
    return [
        ops.convert_to_tensor(
            np.stack([rng.standard_normal((s, s, 1), np.float32) for rng in rngs])
        )
        for s in sides
    ]

"""Questions that every layout asks of arrays: presence, width, count, order of axes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from anonbase.errors import WeightsError

__all__ = ["Arrays", "count", "kernel", "mapping_sizes", "need", "widths"]

Arrays = Mapping[str, NDArray[Any]]


def kernel(oihw: NDArray[Any]) -> NDArray[Any]:
    """A convolution's kernel, PyTorch's order to TensorFlow's."""
    return oihw.transpose(2, 3, 1, 0)


def widths(values: Arrays, name: str, axis: int, source: str) -> tuple[int, ...]:
    """Feature maps of the blocks from 4 pixels up, read off ``name.format(size)``."""
    sizes = [4 << i for i in range(10) if name.format(4 << i) in values]
    if not sizes or sizes != [4 << i for i in range(len(sizes))]:
        raise WeightsError(f"{source}: no {name.format(4)}: not a StyleGAN of a known kind")
    return tuple(int(values[name.format(size)].shape[axis]) for size in sizes)


def mapping_sizes(ours: Arrays) -> dict[str, Any]:
    """What the mapping network's arrays tell of the config."""
    embed = ours.get("mapping.embed.weight")
    return {
        "z_dim": len(ours["mapping.fc0.weight"]) - (0 if embed is None else embed.shape[-1]),
        "w_dim": len(ours["mapping.w_avg"]),
        "mapping_layers": count(ours, r"mapping\.fc(\d+)\.weight"),
        "classes": 0 if embed is None else len(embed),
    }


def need(values: Arrays, names: tuple[str, ...], source: str) -> None:
    """``WeightsError`` unless all ``names`` are there, as arrays of at least one axis."""
    for name in names:
        if name not in values or not values[name].ndim:
            raise WeightsError(f"{source}: no {name}: not a StyleGAN of a known kind")


def count(values: Arrays, pattern: str) -> int:
    """How many names match ``pattern``."""
    return sum(re.fullmatch(pattern, name) is not None for name in values)

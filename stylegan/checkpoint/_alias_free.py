"""StyleGAN3's official names in our layout, if its layers are the published ones."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from stylegan.checkpoint._arrays import Arrays, mapping_sizes, need
from stylegan.networks.config import AliasFreeConfig

__all__ = ["alias_free_from_official"]

_LAYER = re.compile(r"synthesis\.(L(\d{1,2})_(\d{1,4})_(\d{1,4}))\.weight")
_FILTERS = ("up_filter", "down_filter")


def alias_free_from_official(
    ours: dict[str, NDArray[Any]], clamp: float | None, source: str
) -> tuple[AliasFreeConfig, dict[str, NDArray[Any]]]:
    """The config that the names and shapes tell, and the numbers without the filters.

    Filters are made anew. Where the file holds them they must be ours: so settings that are
    told nowhere else (cutoffs, stop bands, lengths, radial or not) are not taken on trust.
    """
    need(ours, ("mapping.fc0.weight", "mapping.w_avg", "synthesis.input.weight"), source)
    layers = _layers(ours, source)
    kernel = ours[f"synthesis.{layers[0][0]}.weight"].shape[0]
    if kernel not in (1, 3):
        raise WeightsError(f"{source}: a StyleGAN3 of {kernel} x {kernel} kernels: expected 1 or 3")
    config = AliasFreeConfig(
        architecture="stylegan3-r" if kernel == 1 else "stylegan3-t",
        channels=tuple(width for _, _, width in layers[:-1]),
        size=layers[-1][1],
        clamp=clamp,
        **mapping_sizes(ours),
    )
    _check_plan(config, ours, [name for name, _, _ in layers], source)
    return config, {k: v for k, v in ours.items() if not k.endswith(_FILTERS)}


def _layers(ours: Arrays, source: str) -> list[tuple[str, int, int]]:
    """Name, side and feature maps of each layer, in order."""
    names = sorted(filter(None, map(_LAYER.fullmatch, ours)), key=lambda m: int(m[2]))
    sizes = [(match[1], int(match[3]), int(match[4])) for match in names]
    if [int(match[2]) for match in names] != list(range(len(names))) or len(names) < 4:
        raise WeightsError(f"{source}: lacks layers of a StyleGAN3 ({len(names)} found)")
    if sizes[-1][2] != 3:
        raise WeightsError(f"{source}: makes {sizes[-1][2]} colours a pixel: expected RGB")
    need(ours, tuple(f"synthesis.{name}.weight" for name, _, _ in sizes), source)
    return sizes


def _check_plan(config: AliasFreeConfig, ours: Arrays, names: list[str], source: str) -> None:
    from stylegan.networks.filters3 import layers

    for name, layer in zip(names, layers(config), strict=True):
        if name != layer.name:
            raise WeightsError(
                f"{source}: layer {name} where the published StyleGAN3 of {config.size} px has "
                f"{layer.name}: networks with other settings are not supported"
            )
        for part, taps in zip(_FILTERS, (layer.up_taps, layer.down_taps), strict=True):
            theirs = ours.get(f"synthesis.{name}.{part}")
            if theirs is not None and not _same(theirs, taps):
                raise WeightsError(
                    f"{source}: the {part} of {name} is not the published {config.architecture}'s: "
                    "networks with other filters are not supported"
                )


def _same(theirs: NDArray[Any], taps: NDArray[np.float64]) -> bool:
    return theirs.shape == taps.shape and bool(
        np.allclose(theirs, taps, rtol=0, atol=1e-4 * np.abs(taps).max())
    )

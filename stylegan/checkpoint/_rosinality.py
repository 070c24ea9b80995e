"""rosinality's stylegan2-pytorch: its names, which pSp and e4e have too, in ours."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylegan.checkpoint._arrays import Arrays, need
from stylegan.checkpoint._layout import Checkpoint, discriminator_from_official, from_official
from stylegan.checkpoint._missing import completed, with_mean

__all__ = ["from_rosinality", "is_rosinality"]


def is_rosinality(arrays: Arrays) -> bool:
    """Whether the names of ``arrays`` are those of that project's generator."""
    return {"input.input", "style.1.weight", "conv1.conv.weight"} <= set(arrays)


def from_rosinality(generator: Arrays, judge: Arrays, average: Any, source: str) -> Checkpoint:
    """The generator of its arrays, and the discriminator where it has any.

    ``average`` is the mean of w, a row or one a layer. That project's trainer writes none: then
    it is the mean of mapped z, as its own script for pictures takes.
    """
    values = _official(generator, source)
    width = values["mapping.fc0.weight"].shape[0]
    if isinstance(average, np.ndarray) and average.size and average.size % width == 0:
        values["mapping.w_avg"] = average.reshape(-1, width).mean(axis=0)
    config, ours = from_official(completed(values), None, source)
    networks = Checkpoint(
        generator=config, generator_values=with_mean(config, ours, values, source)
    )
    if not judge:
        return networks
    theirs = _official_discriminator(judge, source)
    its, numbers = discriminator_from_official(theirs, None, source)
    return replace(networks, discriminator=its, discriminator_values=numbers)


def _official(found: Arrays, source: str) -> dict[str, NDArray[Any]]:
    need(found, ("input.input", "conv1.conv.weight", "style.1.weight"), source)
    values = {"synthesis.b4.const": found["input.input"][0]}
    for i in range(1, 65):
        for kind in ("weight", "bias"):
            if f"style.{i}.{kind}" in found:
                values[f"mapping.fc{i - 1}.{kind}"] = found[f"style.{i}.{kind}"]
    for layer, (theirs, ours) in enumerate(_layers(found)):
        values |= dict(_modulated(found, theirs, ours))
        noise = f"noises.noise_{layer}"
        need(found, (f"{theirs}.noise.weight",), source)
        if noise in found:
            values[f"{ours}.noise_const"] = found[noise][0, 0]
        values[f"{ours}.noise_strength"] = found[f"{theirs}.noise.weight"].reshape(())
        values[f"{ours}.bias"] = found[f"{theirs}.activate.bias"]
    for theirs, ours in _to_rgbs(found):
        values |= dict(_modulated(found, theirs, ours, demodulated=False))
        values[f"{ours}.bias"] = found[f"{theirs}.bias"].reshape(-1)
    return values


def _layers(found: Arrays) -> Iterator[tuple[str, str]]:
    yield "conv1", "synthesis.b4.conv1"
    for i in range(18):
        if f"convs.{i}.conv.weight" in found:
            yield f"convs.{i}", f"synthesis.b{8 << i // 2}.conv{i % 2}"


def _to_rgbs(found: Arrays) -> Iterator[tuple[str, str]]:
    yield "to_rgb1", "synthesis.b4.torgb"
    for i in range(9):
        if f"to_rgbs.{i}.conv.weight" in found:
            yield f"to_rgbs.{i}", f"synthesis.b{8 << i}.torgb"


def _modulated(
    found: Arrays, theirs: str, ours: str, demodulated: bool = True
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Theirs scales the weights before it demodulates, which its small constant feels."""
    weight = found[f"{theirs}.conv.weight"][0]
    scale = 1 / math.sqrt(math.prod(weight.shape[1:])) if demodulated else 1.0
    yield f"{ours}.weight", weight * np.float32(scale)
    yield f"{ours}.affine.weight", found[f"{theirs}.conv.modulation.weight"]
    yield f"{ours}.affine.bias", found[f"{theirs}.conv.modulation.bias"]


def _official_discriminator(found: Arrays, source: str) -> dict[str, NDArray[Any]]:
    blocks = sum(re.fullmatch(r"convs\.\d+\.skip\.1\.weight", name) is not None for name in found)
    top = 4 << blocks
    names = {
        "convs.0.0.weight": f"b{top}.fromrgb.weight",
        "convs.0.1.bias": f"b{top}.fromrgb.bias",
        "final_conv.0.weight": "b4.conv.weight",
        "final_conv.1.bias": "b4.conv.bias",
        "final_linear.0.weight": "b4.fc.weight",
        "final_linear.0.bias": "b4.fc.bias",
        "final_linear.1.weight": "b4.out.weight",
        "final_linear.1.bias": "b4.out.bias",
    }
    for i in range(blocks):
        size = top >> i
        for theirs, ours in _BLOCK.items():
            names[f"convs.{i + 1}.{theirs}"] = f"b{size}.{ours}"
    need(found, tuple(names), source)
    return {ours: found[theirs] for theirs, ours in names.items()}


_BLOCK = {
    "conv1.0.weight": "conv0.weight",
    "conv1.1.bias": "conv0.bias",
    "conv2.1.weight": "conv1.weight",
    "conv2.2.bias": "conv1.bias",
    "skip.1.weight": "skip.weight",
}

"""rosinality's stylegan2-pytorch checkpoints: a dictionary with ``g_ema``, in their names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.untrusted.guard import UnsafeContentError
from stylegan.checkpoint._arrays import Arrays, need
from stylegan.checkpoint._layout import Checkpoint, discriminator_from_official, from_official

__all__ = ["from_rosinality"]


def from_rosinality(content: Any, source: str) -> Checkpoint:
    """The averaged generator, and the discriminator if it is there."""
    generator = _arrays(content, "g_ema") or _arrays(content, "g")
    if not generator:
        raise UnsafeContentError("holds no g_ema: not a checkpoint of stylegan2-pytorch")
    values = _official(generator, source)
    average = content.get("latent_avg")
    width = values["mapping.fc0.weight"].shape[0]
    zero = np.zeros(width, np.float32)
    values["mapping.w_avg"] = average.reshape(-1) if isinstance(average, np.ndarray) else zero
    config, ours = from_official(values, None, source)
    judge = _arrays(content, "d")
    if not judge:
        return Checkpoint(generator=config, generator_values=ours)
    theirs = _official_discriminator(judge, source)
    return Checkpoint(config, ours, *discriminator_from_official(theirs, None, source))


def _arrays(content: Any, name: str) -> dict[str, NDArray[Any]]:
    part = content.get(name) if isinstance(content, dict) else None
    held = part if isinstance(part, dict) else {}
    return {k: v for k, v in held.items() if isinstance(k, str) and isinstance(v, np.ndarray)}


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
        need(found, (noise, f"{theirs}.noise.weight"), source)
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

"""From the variable names of NVIDIA's TensorFlow networks to ours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from stylegan.checkpoint._arrays import Arrays, count, need
from stylegan.checkpoint._layout import fc_hwc
from stylegan.networks.config import DiscriminatorConfig, GeneratorConfig

__all__ = ["discriminator_from_tensorflow", "generator_from_tensorflow"]

_SIZES = tuple(4 << i for i in range(10))


def generator_from_tensorflow(
    top: Arrays, mapping: Arrays, synthesis: Arrays, source: str
) -> tuple[GeneratorConfig, dict[str, NDArray[Any]]]:
    """A StyleGAN or StyleGAN2 generator from its three groups of variables."""
    need(top, ("dlatent_avg",), source)
    need(mapping, ("Dense0/weight",), source)
    first = "4x4/Const/const"
    need(synthesis, (first,), source)
    old = "4x4/Const/StyleMod/weight" in synthesis
    values = {"mapping.w_avg": top["dlatent_avg"], **_mapping(mapping, old, source)}
    values["synthesis.b4.const"] = _shaped(synthesis[first], 4, first, source)[0].transpose(1, 2, 0)
    values |= dict(_stylegan(synthesis) if old else _stylegan2(synthesis))
    for i, size in enumerate(_noise_sizes(values, old)):
        name = f"noise{i}"
        need(synthesis, (name,), source)
        values[size] = _shaped(synthesis[name], 4, name, source)[0, 0]
    return _config(values, mapping, old), values


def discriminator_from_tensorflow(
    variables: Arrays, source: str
) -> tuple[DiscriminatorConfig, dict[str, NDArray[Any]]]:
    """StyleGAN2's residual discriminator from its variables."""
    need(variables, ("4x4/Conv/weight", "4x4/Dense0/weight", "Output/weight"), source)
    sizes = [s for s in _SIZES if f"{s}x{s}/Conv0/weight" in variables]
    if not all(f"{size}x{size}/Skip/weight" in variables for size in sizes):
        raise WeightsError(f"{source}: the discriminator is not StyleGAN2's residual one")
    values = dict(_discriminator(variables, sizes))
    first = int(values["b4.conv.weight"].shape[-1])
    values["b4.fc.weight"] = fc_hwc(values["b4.fc.weight"], first)
    rest = tuple(int(values[f"b{size}.conv0.weight"].shape[2]) for size in sizes)
    if values["b4.out.weight"].shape[-1] != 1:
        raise WeightsError(f"{source}: a discriminator with labels in TensorFlow's layout")
    return DiscriminatorConfig(channels=(first, *rest)), values


def _config(values: Arrays, mapping: Arrays, old: bool) -> GeneratorConfig:
    sizes = [s for s in _SIZES if f"synthesis.b{s}.conv1.weight" in values]
    label = mapping.get("LabelConcat/weight", mapping.get("LabelEmbed/weight"))
    inputs = len(values["mapping.fc0.weight"])
    return GeneratorConfig(
        architecture="stylegan" if old else "stylegan2",
        channels=tuple(int(values[f"synthesis.b{s}.conv1.weight"].shape[-1]) for s in sizes),
        z_dim=inputs - (0 if label is None else int(label.shape[-1])),
        w_dim=len(values["mapping.w_avg"]),
        mapping_layers=count(values, r"mapping\.fc(\d+)\.weight"),
        classes=0 if label is None else len(label),
    )


def _mapping(found: Arrays, old: bool, source: str) -> dict[str, NDArray[Any]]:
    values = {}
    for i in range(count(found, r"Dense(\d+)/weight")):
        need(found, (f"Dense{i}/weight", f"Dense{i}/bias"), source)
        values[f"mapping.fc{i}.weight"] = found[f"Dense{i}/weight"]
        # StyleGAN's gain multiplies the weights alone; ours (StyleGAN2's) the bias as well
        bias = found[f"Dense{i}/bias"]
        values[f"mapping.fc{i}.bias"] = bias / np.float32(math.sqrt(2)) if old else bias
    if "LabelConcat/weight" in found:
        if not old:
            raise WeightsError(f"{source}: StyleGAN2 with labels in TensorFlow's layout")
        values["mapping.embed.weight"] = found["LabelConcat/weight"]
    if "LabelEmbed/weight" in found:  # StyleGAN2-ADA's
        need(found, ("LabelEmbed/weight", "LabelEmbed/bias"), source)
        for kind in ("weight", "bias"):
            values[f"mapping.embed.{kind}"] = found[f"LabelEmbed/{kind}"]
    return values


def _stylegan(found: Arrays) -> Iterator[tuple[str, NDArray[Any]]]:
    for size in _SIZES:
        names = {"conv0": "Const", "conv1": "Conv"}
        names = names if size == 4 else {"conv0": "Conv0_up", "conv1": "Conv1"}
        for ours, theirs in names.items():
            here, there = f"synthesis.b{size}.{ours}", f"{size}x{size}/{theirs}"
            yield from _renamed(found, here, there, _STYLEGAN_PARTS)
    yield from _renamed(found, "synthesis.torgb", "ToRGB_lod0", _PLAIN_PARTS)


_PLAIN_PARTS = {"weight": "weight", "bias": "bias"}
_STYLEGAN_PARTS = {
    **_PLAIN_PARTS,
    "noise_strength": "Noise/weight",
    "affine.weight": "StyleMod/weight",
    "affine.bias": "StyleMod/bias",
}
_STYLEGAN2_PARTS = {
    **_PLAIN_PARTS,
    "noise_strength": "noise_strength",
    "affine.weight": "mod_weight",
    "affine.bias": "mod_bias",
}


def _stylegan2(found: Arrays) -> Iterator[tuple[str, NDArray[Any]]]:
    for size in _SIZES:
        names = {"conv1": "Conv"} if size == 4 else {"conv0": "Conv0_up", "conv1": "Conv1"}
        for ours, theirs in {**names, "torgb": "ToRGB"}.items():
            here, there = f"synthesis.b{size}.{ours}", f"{size}x{size}/{theirs}"
            for name, array in _renamed(found, here, there, _STYLEGAN2_PARTS):
                yield name, _adjusted(name, array)


def _adjusted(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """TensorFlow's styles are around 0 where ours are around 1; its enlarging kernels turned."""
    if name.endswith("affine.bias"):
        return array + np.float32(1)
    if name.endswith("conv0.weight"):
        return array[::-1, ::-1]
    return array


def _discriminator(found: Arrays, sizes: list[int]) -> Iterator[tuple[str, NDArray[Any]]]:
    top = max(sizes, default=4)
    yield from _renamed(found, f"b{top}.fromrgb", f"{top}x{top}/FromRGB", _PLAIN_PARTS)
    for size in sizes:
        for ours, theirs in {"conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip"}.items():
            here, there = f"b{size}.{ours}", f"{size}x{size}/{theirs}"
            yield from _renamed(found, here, there, _PLAIN_PARTS)
    for ours, theirs in {"conv": "4x4/Conv", "fc": "4x4/Dense0", "out": "Output"}.items():
        yield from _renamed(found, f"b4.{ours}", theirs, _PLAIN_PARTS)


def _renamed(
    found: Arrays, here: str, there: str, parts: dict[str, str]
) -> Iterator[tuple[str, NDArray[Any]]]:
    for ours, theirs in parts.items():
        if f"{there}/{theirs}" in found:
            yield f"{here}.{ours}", np.asarray(found[f"{there}/{theirs}"])


def _noise_sizes(values: Arrays, old: bool) -> list[str]:
    """The names of our noise maps, in the order of the layers."""
    layers = [f"synthesis.b{size}.{name}" for size in _SIZES for name in ("conv0", "conv1")]
    layers = [layer for layer in layers if old or layer != "synthesis.b4.conv0"]
    return [f"{layer}.noise_const" for layer in layers if f"{layer}.bias" in values]


def _shaped(array: NDArray[Any], axes: int, name: str, source: str) -> NDArray[Any]:
    if array.ndim != axes or not array.size:
        raise WeightsError(f"{source}: {name} is {array.shape}, expected {axes} axes")
    return array

"""From the layouts of others to ours: kernels HWIO, dense layers (in, out), maps HWC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from stylegan.checkpoint._alias_free import alias_free_from_official
from stylegan.checkpoint._arrays import Arrays, count, kernel, mapping_sizes, need, widths
from stylegan.networks.config import DiscriminatorConfig, EncoderConfig, GeneratorConfig

__all__ = [
    "Checkpoint",
    "discriminator_from_official",
    "encoder_from_official",
    "fc_hwc",
    "from_official",
]

#: The filter of StyleGAN2's changes of size.
_TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint file: configs and numbers in our layout, not yet checked."""

    generator: GeneratorConfig
    generator_values: dict[str, NDArray[Any]]
    discriminator: DiscriminatorConfig | None = None
    discriminator_values: dict[str, NDArray[Any]] | None = None
    encoder: EncoderConfig | None = None
    encoder_values: dict[str, NDArray[Any]] | None = None


def from_official(
    values: Arrays, clamp: float | None, source: str
) -> tuple[GeneratorConfig, dict[str, NDArray[Any]]]:
    """A generator under the names of NVIDIA's PyTorch modules (NCHW) in our layout.

    StyleGAN2-ADA's and StyleGAN3's modules have these names.
    """
    ours = {name: _turned(name, array) for name, array in _numbers(values, source).items()}
    if any(name.startswith("synthesis.input.") for name in ours):
        return alias_free_from_official(ours, clamp, source)
    need(ours, ("mapping.fc0.weight", "mapping.w_avg"), source)
    config = GeneratorConfig(
        channels=widths(ours, "synthesis.b{}.conv1.weight", -1, source),
        clamp=clamp,
        **mapping_sizes(ours),
    )
    return config, ours


def discriminator_from_official(
    values: Arrays, clamp: float | None, source: str, group: int = 4
) -> tuple[DiscriminatorConfig, dict[str, NDArray[Any]]]:
    """The residual discriminator under the same names."""
    ours = {name: _turned(name, array) for name, array in _numbers(values, source).items()}
    need(ours, ("b4.fc.weight", "b4.conv.weight"), source)
    first = int(ours["b4.conv.weight"].shape[-1])
    ours["b4.fc.weight"] = fc_hwc(ours["b4.fc.weight"], first)
    tops = [4 << i for i in range(10) if f"b{4 << i}.skip.weight" in ours]
    rest = tuple(int(ours[f"b{size}.skip.weight"].shape[2]) for size in tops if size > 4)
    embed = ours.get("mapping.embed.weight")
    config = DiscriminatorConfig(
        channels=(first, *rest),
        classes=0 if embed is None else len(embed),
        group=group,
        mapping_layers=count(ours, r"mapping\.fc(\d+)\.weight") or 8,
        clamp=clamp,
    )
    return config, ours


def encoder_from_official(
    values: Arrays, source: str
) -> tuple[EncoderConfig, dict[str, NDArray[Any]]]:
    """This project's encoder, saved under names of the same kind."""
    ours = {name: _turned(name, array) for name, array in _numbers(values, source).items()}
    need(ours, ("fc.weight", "out.weight", "b8.skip.weight"), source)
    first = int(ours["b8.skip.weight"].shape[3])
    ours["fc.weight"] = fc_hwc(ours["fc.weight"], first)
    tops = [4 << i for i in range(1, 10) if f"b{4 << i}.skip.weight" in ours]
    config = EncoderConfig(
        channels=(first, *(int(ours[f"b{size}.skip.weight"].shape[2]) for size in tops)),
        w_dim=int(ours["out.weight"].shape[1]),
        hidden=int(ours["out.weight"].shape[0]),
    )
    return config, ours


def _numbers(values: Arrays, source: str) -> dict[str, NDArray[Any]]:
    """All but the filters, which are made anew and must be the published ones."""
    filters = [name for name in values if name.endswith(".resample_filter")]
    for name in filters:
        if values[name].shape != _TAPS.shape or not np.allclose(values[name], _TAPS, atol=1e-4):
            raise WeightsError(
                f"{source}: is built another way: {name} is not [1, 3, 3, 1], which alone is"
                " supported"
            )
    return {k: np.asarray(v) for k, v in values.items() if k not in filters}


def _turned(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if name.endswith(".const"):
        return array.transpose(1, 2, 0) if array.ndim == 3 else array
    if name.endswith(".weight"):
        return kernel(array) if array.ndim == 4 else array.T
    return array


def fc_hwc(weight: NDArray[Any], width: int) -> NDArray[Any]:
    """Rows in the order of a flattened (C, 4, 4) map to those of a flattened (4, 4, C) one."""
    if weight.ndim != 2 or len(weight) != 16 * width:
        return weight
    split = weight.reshape(width, 4, 4, -1)
    return split.transpose(1, 2, 0, 3).reshape(16 * width, -1)

"""The mapping network: z to w (Karras et al. 2019, section 2), and truncation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from anonbase.errors import InputError
from anonbase.text import pluralize
from stylegan.networks.config import GeneratorConfig
from stylegan.networks.ops import add_bias_leaky, dense, normalise
from stylegan.networks.parameters import Parameters, Spec

__all__ = [
    "broadcast", "layers", "map_latents", "map_rows", "mapping_specs", "one_hot_labels",
    "truncate",
]  # fmt: skip

Tensor = Any
RATE = 0.01  # the mapping network learns a hundred times slower than the synthesis
_ROWS = 32  # latents that are mapped together: short parts are filled up to a multiple of it


def mapping_specs(config: GeneratorConfig) -> dict[str, Spec]:
    """Names and shapes of the mapping network's parameters."""
    width = config.z_dim
    specs = {"mapping.w_avg": Spec((config.w_dim,), 0.0, trainable=False)}
    if config.classes:
        embedded = config.z_dim if config.architecture == "stylegan" else config.w_dim
        specs["mapping.embed.weight"] = Spec((config.classes, embedded))
        if config.architecture != "stylegan":
            specs["mapping.embed.bias"] = Spec((embedded,), 0.0)
        width += embedded
    return specs | layer_specs("mapping.", width, config.w_dim, config.mapping_layers)


def layer_specs(prefix: str, inputs: int, width: int, count: int) -> dict[str, Spec]:
    """Names and shapes of ``count`` dense layers."""
    specs = {}
    for i in range(count):
        shape = (inputs if i == 0 else width, width)
        specs[f"{prefix}fc{i}.weight"] = Spec(shape, spread=1 / RATE)
        specs[f"{prefix}fc{i}.bias"] = Spec((width,), 0.0)
    return specs


def layers(p: Parameters, prefix: str, x: Tensor, count: int) -> Tensor:
    """``count`` dense layers with leaky rectifiers."""
    for i in range(count):
        y = dense(x, p[f"{prefix}fc{i}.weight"], rate=RATE)
        x = add_bias_leaky(y, p[f"{prefix}fc{i}.bias"] * RATE)
    return x


def map_latents(
    p: Parameters, config: GeneratorConfig, z: Tensor, labels: Tensor | None = None
) -> Tensor:
    """float32 (n, z_dim), and one-hot labels (n, classes) if the network has any, to (n, w_dim)."""
    return layers(p, "mapping.", _input(p, config, z, labels), config.mapping_layers)


def _input(p: Parameters, config: GeneratorConfig, z: Tensor, labels: Tensor | None) -> Tensor:
    if labels is None:
        return normalise(z)
    if config.architecture == "stylegan":
        both = ops.concatenate([z, ops.matmul(labels, p["mapping.embed.weight"])], axis=1)
        return normalise(both)
    embedded = dense(labels, p["mapping.embed.weight"], p["mapping.embed.bias"])
    return ops.concatenate([normalise(z), normalise(embedded)], axis=1)


def broadcast(w: Tensor, count: int) -> Tensor:
    """(n, w_dim) to (n, count, w_dim): the same w for every layer."""
    return ops.repeat(w[:, None, :], count, axis=1)


def truncate(w: Tensor, average: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
    """Pull the first ``cutoff`` (all, if None) w of each image towards the average."""
    near = average + psi * (w - average)
    if cutoff is None:
        return near
    return ops.concatenate([near[:, :cutoff], w[:, cutoff:]], axis=1)


def map_rows(p: Parameters, config: GeneratorConfig, z: Tensor, one_hot: Tensor | None) -> Tensor:
    """As ``map_latents``, of a z no matter how many others there are: rows are filled up.

    A product of matrices rounds otherwise where it has few rows.
    """
    count = z.shape[0]
    if not count:
        return map_latents(p, config, z, one_hot)
    rows = np.arange(count + -count % _ROWS) % count
    labels = None if one_hot is None else ops.take(one_hot, rows, axis=0)
    return map_latents(p, config, ops.take(z, rows, axis=0), labels)[:count]


def one_hot_labels(labels: Sequence[int] | None, classes: int, count: int) -> Tensor | None:
    """Labels of ``count`` images as (count, classes); None where there are no classes.

    ``InputError`` where labels and classes do not belong together.
    """
    if (labels is None) != (classes == 0):
        there = pluralize(classes, "class", "classes")
        raise InputError(
            f"this generator has {there}: give one label for each image (--class of a"
            " command), or none where there are no classes"
        )
    if labels is None:
        return None
    chosen = np.asarray(labels)
    if chosen.shape != (count,) or not np.isin(chosen, range(classes)).all():
        many = pluralize(count, "class", "classes")
        raise InputError(f"expected {many} from 0 to {classes - 1}")
    return ops.convert_to_tensor(np.eye(classes, dtype=np.float32)[chosen])

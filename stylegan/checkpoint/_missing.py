"""What a file may leave out, made anew: noise maps that were drawn at random, and the mean of w."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from stylegan.checkpoint._arrays import Arrays, need
from stylegan.networks.config import GeneratorConfig

__all__ = ["completed", "with_mean"]

#: Mapped z that the mean of w is taken of, as rosinality's own script does.
_MAPPED = 10_000
_AVERAGE = "mapping.w_avg"
_NOISY = re.compile(r"synthesis\.b(\d{1,4})\.conv[01]\.noise_strength")


def completed(values: Arrays) -> dict[str, NDArray[Any]]:
    """The arrays of a StyleGAN2 by official names, with noise maps and a mean where they lack.

    Noise maps are standard normal numbers in the file as well; these are of a seed of their own.
    The mean is zero until ``with_mean`` computes it.
    """
    arrays, rng = dict(values), np.random.default_rng(0)
    for match in filter(None, map(_NOISY.fullmatch, values)):
        side = int(match[1])
        noise = f"{match[0].rpartition('.')[0]}.noise_const"
        if noise not in arrays and 4 <= side <= 2048:
            arrays[noise] = rng.standard_normal((side, side), np.float32)
    if _AVERAGE not in arrays:
        need(arrays, ("mapping.fc0.weight",), "the file")
        last = max(name for name in arrays if re.fullmatch(r"mapping\.fc\d+\.weight", name))
        arrays[_AVERAGE] = np.zeros(arrays[last].shape[0], np.float32)
    return arrays


def with_mean(
    config: GeneratorConfig, ours: dict[str, NDArray[Any]], given: Arrays, source: str
) -> dict[str, NDArray[Any]]:
    """``ours`` with the mean of w over mapped z, unless the arrays ``given`` had one."""
    if _AVERAGE in given:
        return ours
    if config.classes:
        raise WeightsError(f"{source}: holds no mean of w, and one over classes is not computed")
    return {**ours, _AVERAGE: _mean_w(config, ours)}


def _mean_w(config: GeneratorConfig, ours: Arrays) -> NDArray[np.float32]:
    from anonbase.keras_backend import load_engine

    load_engine()
    from keras import ops

    from stylegan.networks.mapping import map_latents

    tensors = {
        name: ops.convert_to_tensor(np.asarray(value, np.float32))
        for name, value in ours.items()
        if name.startswith("mapping.")
    }
    z = np.random.default_rng(0).standard_normal((_MAPPED, config.z_dim), np.float32)
    w = ops.convert_to_numpy(map_latents(tensors, config, ops.convert_to_tensor(z)))
    return np.asarray(w, np.float64).mean(axis=0).astype(np.float32)

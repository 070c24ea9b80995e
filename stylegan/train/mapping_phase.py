"""Third phase: the mapping network learns where w of the training faces lie.

It begins as the normal distribution of their mean and covariance, in closed form. Then the
sliced Wasserstein distance (Bonneel et al. 2015; Kolouri et al. 2018) between mapped z and
encoded w is made small, with the synthesis network left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.keras_backend import compiled, value_and_gradients
from stylegan.encoder import Encoder
from stylegan.networks.mapping import RATE
from stylegan.networks.ops import ROOT2
from stylegan.train.losses import sliced_wasserstein
from stylegan.train.networks import Networks
from stylegan.train.schedules import warmed
from stylegan.train.state import State, Tensors, adam

__all__ = ["Match", "normal_mapping", "shifted"]

Tensor = Any
_BETAS = (0.9, 0.99)
_CLOUD, _DIRECTIONS = 2048, 512
_FAR = 6.0  # deviations that w lies above 0: there the mapping network is linear


class Match:
    """Needs no pictures but at the start: all of them are encoded once."""

    name = "match"

    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        self.steps, self._layers = networks.recipe.match_steps, networks.recipe.mapping_layers
        self._run = compiled(self._step)
        self._encoded = self._scales = np.empty((0, 0), np.float32)

    def prepare(self, state: State, pixels: NDArray[np.uint8]) -> None:
        """Take the averaged networks for the networks; before the first step, fit the normal.

        ``pixels`` uint8 (n, s, s, 3) are encoded, all of them, unless w were fitted to some.
        """
        for name in ("generator", "encoder"):
            state.tensors[name] = dict(state.tensors[f"average_{name}"])
        if not self.steps:
            return
        recipe, values = self.networks.recipe, _values(state, "encoder")
        fitted = state.tensors.get("latents")
        self._encoded = (
            Encoder(recipe.encoder, values)(pixels, 64)
            if fitted is None
            else ops.convert_to_numpy(fitted["w"])
        )
        if not state.count("step"):
            self._begin(state, values)
        self._scales = _scales(self._encoded, recipe.w_noise)

    def _begin(self, state: State, values: dict[str, NDArray[np.float32]]) -> None:
        mean, spread = self._encoded.mean(axis=0), self._encoded.std(axis=0)
        far = _FAR * spread - mean
        self._encoded = self._encoded + far
        if "latents" in state.tensors:
            fitted = ops.convert_to_tensor(self._encoded)
            state.tensors["latents"] = state.tensors["latents"] | {"w": fitted}
        drawn = shifted(_values(state, "generator"), far)
        drawn |= normal_mapping(self._encoded, self.networks.recipe.z_dim, self._layers)
        values = values | {"out.bias": values["out.bias"] + far}
        for name, found in (("generator", drawn), ("encoder", values)):
            state.tensors[name] = {k: ops.convert_to_tensor(v) for k, v in found.items()}
            state.tensors[f"average_{name}"] = dict(state.tensors[name])

    def step(
        self, state: State, number: int, rng: np.random.Generator, images: NDArray[np.float32]
    ) -> dict[str, float]:
        """Two clouds of 2,048 along 512 directions; ``images`` are not looked at."""
        recipe = self.networks.recipe
        parameters = self.networks.trained(state, "generator", "mapping.")
        averages = (state.tensors["generator_m"], state.tensors["generator_v"])
        given = (
            rng.standard_normal((_CLOUD, recipe.z_dim), np.float32),
            self._encoded[rng.integers(len(self._encoded), size=_CLOUD)],
            _directions(rng, self._scales),
            np.float32(number + 1),
            np.float32(recipe.match_rate * warmed(number, self.steps, 0.01)),
        )
        moved, (first, second), report = self._run(
            parameters, averages, *map(ops.convert_to_tensor, given)
        )
        state.tensors["generator"].update(moved)
        state.tensors["generator_m"].update(first)
        state.tensors["generator_v"].update(second)
        state.tensors["average_generator"].update(moved)
        return {k: float(v) for k, v in report.items()}

    def _step(
        self,
        parameters: Tensors,
        averages: tuple[Tensors, Tensors],
        z: Tensor,
        encoded: Tensor,
        directions: Tensor,
        step: Tensor,
        rate: Tensor,
    ) -> Any:
        def loss(p: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            distance = sliced_wasserstein(self.networks.map(p, z), encoded, directions)
            return distance, {"sliced": distance}

        report, gradients = value_and_gradients(loss, parameters)
        first, second = averages
        kept = {k: first[k] for k in parameters}, {k: second[k] for k in parameters}
        moved, new = adam(parameters, gradients, kept, step, rate, _BETAS)
        return moved, new, report


def shifted(
    generator: dict[str, NDArray[np.float32]], by: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """A generator that draws from ``w + by`` what the given one draws from w."""
    moved = {"mapping.w_avg": generator["mapping.w_avg"] + by}
    for name, weight in generator.items():
        if name.endswith(".affine.weight"):
            bias = name.removesuffix("weight") + "bias"
            moved[bias] = generator[bias] - by @ weight / np.float32(np.sqrt(len(weight)))
    return generator | moved


def normal_mapping(
    w: NDArray[np.float32], z_dim: int, layers: int
) -> dict[str, NDArray[np.float32]]:
    """A mapping network whose w have the mean and the covariance of ``w`` (n, d), 6 deviations > 0.

    Far from 0 a leaky rectifier is linear, so layers that keep their inputs there are one matrix:
    each number of z moves w along one of its principal axes, the first along the widest.
    """
    mean, d = w.mean(axis=0), w.shape[1]
    spread, axes = np.linalg.eigh(np.cov(w.T).reshape(d, d))
    wide = (axes * np.sqrt(np.maximum(spread, 0))).T[::-1]
    values, before, inputs = {"mapping.w_avg": mean}, np.zeros(z_dim, np.float32), z_dim
    for i in range(layers):
        last = i == layers - 1
        matrix = np.eye(inputs, d, dtype=np.float32)
        matrix = (matrix @ wide if last else matrix).astype(np.float32)
        after = mean if last else np.full(d, _FAR, np.float32)
        bias = (after - before @ matrix) / np.float32(ROOT2 * RATE)
        values[f"mapping.fc{i}.bias"] = bias
        values[f"mapping.fc{i}.weight"] = matrix * np.float32(np.sqrt(inputs) / (ROOT2 * RATE))
        before, inputs = after, d
    return {k: np.asarray(v, np.float32) for k, v in values.items()}


def _values(state: State, name: str) -> dict[str, NDArray[np.float32]]:
    return {k: ops.convert_to_numpy(v) for k, v in state.tensors[name].items()}


def _scales(encoded: NDArray[np.float32], noise: float) -> NDArray[np.float32]:
    """float32 (d, d): w times it has about the same spread along every axis.

    Most of the spread of w lies along few axes; along random directions the others, which tell
    people apart, would hardly be seen. What the decoder's noise drowns stays small.
    """
    spread, axes = np.linalg.eigh(np.cov(encoded.T).reshape(encoded.shape[1], -1))
    return (axes / np.sqrt(np.maximum(spread, 0) + noise**2 + 1e-6)).astype(np.float32)


def _directions(rng: np.random.Generator, scales: NDArray[np.float32]) -> NDArray[np.float32]:
    drawn = rng.standard_normal((len(scales), _DIRECTIONS), np.float32)
    return scales @ (drawn / np.linalg.norm(drawn, axis=0))

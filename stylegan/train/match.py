"""Second phase: the mapping network learns where the encoder put the training faces.

The sliced Wasserstein distance (Bonneel et al. 2015; Kolouri et al. 2018) between mapped z and
encoded w is made small, with the synthesis network left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from stylegan._autodiff import value_and_gradients
from stylegan._backend import compiled
from stylegan.encoder import Encoder
from stylegan.train.losses import sliced_wasserstein
from stylegan.train.networks import Networks
from stylegan.train.pace import warmed
from stylegan.train.state import State, Tensors, adam

__all__ = ["Match"]

Tensor = Any
_BETAS = (0.9, 0.99)
_CLOUD, _DIRECTIONS = 2048, 512


class Match:
    """Needs no pictures but at the start: all of them are encoded once."""

    name = "match"

    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        self.steps = networks.recipe.match_steps
        self._run = compiled(self._step)
        self._encoded = np.empty((0, 0), np.float32)

    def prepare(self, state: State, pixels: NDArray[np.uint8]) -> None:
        """Encode ``pixels`` uint8 (n, s, s, 3), and take the averaged networks for the networks."""
        for name in ("generator", "encoder"):
            state.tensors[name] = dict(state.tensors[f"average_{name}"])
        values = {k: ops.convert_to_numpy(v) for k, v in state.tensors["encoder"].items()}
        self._encoded = Encoder(self.networks.recipe.encoder, values)(pixels, 64)
        average = ops.convert_to_tensor(self._encoded.mean(axis=0))
        for name in ("generator", "average_generator"):
            state.tensors[name]["mapping.w_avg"] = average

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
            _directions(rng, recipe.w_dim),
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


def _directions(rng: np.random.Generator, dims: int) -> NDArray[np.float32]:
    drawn = rng.standard_normal((dims, _DIRECTIONS), np.float32)
    return drawn / np.linalg.norm(drawn, axis=0)

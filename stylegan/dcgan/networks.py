"""The two networks as a training state keeps them, and as they are saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.keras_backend import compiled
from stylegan.checkpoint import Checkpoint
from stylegan.dcgan.recipe import DcganTraining
from stylegan.networks.dcgan import score_specs, synthesis_specs, synthesize_batch
from stylegan.networks.mapping import mapping_specs
from stylegan.networks.ops import normalise
from stylegan.networks.parameters import initial
from stylegan.train.state import State, Tensors, moments

__all__ = ["DcganNetworks", "bounded", "turned"]

Tensor = Any
Arrays = dict[str, NDArray[Any]]

_CALIBRATION = 20  # batches whose mean statistics the saved generator normalizes by
_CALIBRATION_SEED = 7


class DcganNetworks:
    """What a recipe trains. Parameters are plain tensors under the names of the specs."""

    def __init__(self, recipe: DcganTraining) -> None:
        self.recipe = recipe
        self.specs = {
            "generator": mapping_specs(recipe.generator) | synthesis_specs(recipe.generator),
            "discriminator": score_specs(recipe.discriminator),
        }
        self._measure = compiled(self._statistics)

    def start(self, given: Checkpoint | None = None) -> State:
        """First values: ``given``'s networks where there are any, else random ones by the seed."""
        rng = np.random.default_rng(self.recipe.seed)
        state = State()
        for name, specs in self.specs.items():
            values = dict(initial(specs, rng))
            if given is not None:
                values = _fitting(values, getattr(given, f"{name}_values"), name)
            state.tensors[name] = {k: ops.convert_to_tensor(v) for k, v in values.items()}
            first, second = moments(self.trained(state, name))
            state.tensors[f"{name}_m"], state.tensors[f"{name}_v"] = first, second
        state.tensors["average_generator"] = dict(state.tensors["generator"])
        state.tensors["directions"] = {
            name: ops.convert_to_tensor(_unit(rng.standard_normal(spec.shape[-1])))
            for name, spec in self.specs["discriminator"].items()
            if name.endswith(".weight")
        }
        return state

    def forget(self, state: State) -> None:
        """Nothing: Adam's averages last over all epochs."""

    def trained(self, state: State, name: str) -> Tensors:
        """The parameters of a network that learn."""
        specs = self.specs[name]
        return {k: v for k, v in state.tensors[name].items() if specs[k].trainable}

    def found(self, state: State) -> Checkpoint:
        """The networks as they are saved: generator averaged, discriminator bounded."""
        judge, _ = bounded(state.tensors["discriminator"], state.tensors["directions"])
        return Checkpoint(
            generator=self.recipe.generator,
            generator_values=_arrays(self._calibrated(state.tensors["average_generator"])),
            discriminator=self.recipe.discriminator,
            discriminator_values=_arrays(judge),
        )

    def _calibrated(self, parameters: Tensors) -> Tensors:
        """Averaged weights with the statistics of their own batches, not averages of others'."""
        rng = np.random.default_rng(_CALIBRATION_SEED)
        shape = (self.recipe.batch, self.recipe.z_dim)
        measured = [
            self._measure(parameters, rng.standard_normal(shape, np.float32))
            for _ in range(_CALIBRATION)
        ]
        return parameters | {k: sum(m[k] for m in measured) / len(measured) for k in measured[0]}

    def _statistics(self, parameters: Tensors, z: Tensor) -> Tensors:
        _, measured = synthesize_batch(parameters, self.recipe.generator, normalise(z))
        return {
            f"{name}.{what}": value
            for name, both in measured.items()
            for what, value in zip(("mean", "variance"), both, strict=True)
        }


def bounded(p: Mapping[str, Tensor], directions: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The discriminator with every kernel at a spectral norm of 1, and the next directions.

    One step of the power method a call (Miyato et al., "Spectral normalization for generative
    adversarial networks", ICLR 2018); ``directions`` are the left vectors, one a kernel.
    """
    scaled, after = dict(p), {}
    for name, left in directions.items():
        matrix = ops.reshape(p[name], (-1, p[name].shape[-1]))
        after[name], norm = turned(matrix, left)
        scaled[name] = p[name] / norm
    return scaled, after


def turned(matrix: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
    """A step of the power method: the new vector, and the norm of ``matrix`` that it shows."""
    fixed = ops.stop_gradient(matrix)
    right = _unit(ops.matmul(fixed, left))
    left = _unit(ops.matmul(right, fixed))
    return left, ops.sum(right * ops.matmul(matrix, left))


def _fitting(fresh: Arrays, given: Arrays | None, name: str) -> Arrays:
    """``given``, or ``fresh`` where there is nothing; ``WeightsError`` for other sizes."""
    if given is None:
        return fresh
    if {k: v.shape for k, v in given.items()} != {k: v.shape for k, v in fresh.items()}:
        raise WeightsError(f"the {name} to begin with has other sizes than the recipe's")
    return given


def _unit(vector: Tensor) -> Tensor:
    vector = ops.cast(vector, "float32")
    return vector * ops.rsqrt(ops.sum(ops.square(vector)) + 1e-12)


def _arrays(tensors: Tensors) -> dict[str, Any]:
    return {name: ops.convert_to_numpy(tensor) for name, tensor in tensors.items()}

"""The three networks as functions of their parameters, and how they are kept in a state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.keras_backend import compiled
from stylegan.checkpoint import Checkpoint
from stylegan.encoder import encode, encoder_specs
from stylegan.generator import generator_specs
from stylegan.networks import synthesis2
from stylegan.networks.discriminator import discriminator_specs, score
from stylegan.networks.mapping import broadcast, map_latents
from stylegan.networks.parameters import Spec, initial
from stylegan.train.recipe import TrainingConfig
from stylegan.train.state import State, Tensors, moments, moved_average

__all__ = ["Networks"]

Tensor = Any
Features = Callable[[Tensor], Tensor]


class Networks:
    """What a recipe trains. Parameters are plain tensors under the names of the specs."""

    def __init__(self, recipe: TrainingConfig) -> None:
        self.recipe = recipe
        self._follow = compiled(moved_average)
        self.specs: dict[str, dict[str, Spec]] = {
            "generator": generator_specs(recipe.generator),
            "encoder": encoder_specs(recipe.encoder),
            "discriminator": discriminator_specs(recipe.discriminator),
        }

    def start(self, given: Checkpoint | None = None) -> State:
        """First values: ``given``'s networks where it has them, else random ones by the seed."""
        rng = np.random.default_rng(self.recipe.seed)
        values = {name: initial(specs, rng) for name, specs in self.specs.items()}
        if given is not None:
            for name, arrays in values.items():
                values[name] = grown(arrays, getattr(given, f"{name}_values"), name)
        state = State()
        for name, arrays in values.items():
            state.tensors[name] = {k: ops.convert_to_tensor(v) for k, v in arrays.items()}
        for name in ("generator", "encoder"):
            state.tensors[f"average_{name}"] = dict(state.tensors[name])
        self.forget(state)
        return state

    def forget(self, state: State) -> None:
        """Adam's averages back to nothing, as at the start of a phase."""
        for name in self.specs:
            first, second = moments(self.trained(state, name))
            state.tensors[f"{name}_m"], state.tensors[f"{name}_v"] = first, second

    def trained(self, state: State, name: str, prefix: str = "") -> Tensors:
        """The parameters of a network that learn, those that begin with ``prefix``."""
        specs = self.specs[name]
        return {
            k: v
            for k, v in state.tensors[name].items()
            if specs[k].trainable and k.startswith(prefix)
        }

    def follow(self, state: State, name: str, keep: float) -> None:
        """Move the running average of a network on."""
        average = state.tensors[f"average_{name}"]
        share = ops.convert_to_tensor(np.float32(keep))
        state.tensors[f"average_{name}"] = self._follow(average, state.tensors[name], share)

    def map(self, p: Mapping[str, Tensor], z: Tensor) -> Tensor:
        """z (n, z_dim) to w (n, w_dim)."""
        return map_latents(p, self.recipe.generator, z)

    def broadcast_w(self, w: Tensor) -> Tensor:
        """w (n, w_dim) to W+ (n, num_ws, w_dim)."""
        return broadcast(w, self.recipe.generator.num_ws)

    def synthesize(
        self, p: Mapping[str, Tensor], w: Tensor, noise: list[Tensor] | None = None
    ) -> Tensor:
        """W+ to pictures (n, s, s, 3), -1 to 1."""
        return synthesis2.synthesize(p, self.recipe.generator, w, noise, self.recipe.dtype)

    def encode(self, p: Mapping[str, Tensor], images: Tensor) -> Tensor:
        """Pictures to w (n, w_dim)."""
        return encode(p, self.recipe.encoder, images, self.recipe.dtype)

    def judge(
        self, p: Mapping[str, Tensor], images: Tensor, precision: str | None = None
    ) -> Tensor:
        """Pictures to scores (n, 1)."""
        dtype = precision or self.recipe.dtype
        return score(p, self.recipe.discriminator, images, None, dtype)

    def noise(self, rng: np.random.Generator, count: int) -> list[Any] | None:
        """Random noise maps, one (count, s, s, 1) a layer, or none if the recipe wants none."""
        if not self.recipe.noise:
            return None
        sides = [s for s in self.recipe.generator.sizes for _ in range(1 if s == 4 else 2)]
        return [rng.standard_normal((count, s, s, 1), np.float32) for s in sides]

    def found(self, state: State, averaged: bool = True) -> Checkpoint:
        """The networks as they are saved: the running averages, and the discriminator."""
        kept = {
            name: _arrays(state.tensors[f"average_{name}" if averaged else name])
            for name in ("generator", "encoder")
        }
        judge = _arrays(state.tensors["discriminator"])
        return Checkpoint(
            generator=self.recipe.generator,
            generator_values=kept["generator"],
            discriminator=self.recipe.discriminator,
            discriminator_values=judge,
            encoder=self.recipe.encoder,
            encoder_values=kept["encoder"],
        )


def grown(
    fresh: dict[str, NDArray[Any]], given: Mapping[str, NDArray[Any]] | None, name: str
) -> dict[str, NDArray[Any]]:
    """``given``'s values where they fit, ``fresh`` ones elsewhere: blocks of a higher resolution.

    A new block of the generator adds nothing to the picture at first. ``WeightsError`` where
    too little fits: that is another network.
    """
    if given is None:
        return fresh
    given = {k: widened(v, fresh[k]) if k in fresh else v for k, v in given.items()}
    fit = {k: v for k, v in given.items() if k in fresh and fresh[k].shape == v.shape}
    if len(fit) < 0.8 * len(given):
        raise WeightsError(
            f"the {name} to begin with has other widths than the recipe's: only {len(fit)} of"
            f" {len(given)} arrays fit"
        )
    new = {k: v for k, v in fresh.items() if k not in fit}
    quiet = {k: np.zeros_like(v) for k, v in new.items() if k.endswith("torgb.weight")}
    return fresh | fit | quiet


def widened(given: NDArray[Any], fresh: NDArray[Any]) -> NDArray[Any]:
    """``given`` in the first corner of a larger ``fresh``, so that old maps stay what they are.

    New inputs of an old filter are 0, and its numbers grow by as much as the equalized learning
    rate takes away; new filters begin at random.
    """
    if given.ndim != fresh.ndim or any(
        a > b for a, b in zip(given.shape, fresh.shape, strict=True)
    ):
        return given
    if given.shape == fresh.shape or given.ndim < 2:
        corner = tuple(map(slice, given.shape))
        wide = fresh.copy()
        wide[corner] = given
        return wide
    wide = fresh.copy()
    wide[..., : given.shape[-1]] = 0
    inputs = np.prod(fresh.shape[:-1]) / np.prod(given.shape[:-1])
    wide[tuple(map(slice, given.shape))] = given * np.float32(np.sqrt(inputs))
    return wide


def _arrays(tensors: Tensors) -> dict[str, Any]:
    return {k: ops.convert_to_numpy(v) for k, v in tensors.items()}

"""One epoch: a step of the discriminator and one of the generator for every batch.

Before the first one, ``Lesson`` may teach the generator which picture belongs to which latent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.keras_backend import compiled, value_and_gradients
from stylegan.dcgan.networks import DcganNetworks, bounded
from stylegan.dcgan.teacher import Lessons
from stylegan.networks.dcgan import score, synthesize_batch
from stylegan.networks.ops import normalise
from stylegan.train import augment
from stylegan.train.losses import reconstruction, smaller
from stylegan.train.state import State, Tensors, adam, moved_average

__all__ = ["Epoch", "Lesson", "Steps"]

Tensor = Any
Averages = tuple[Tensors, Tensors]
_BETA2 = 0.999
_COARSE = 4  # the lessons' say, once the discriminator has one, ends at a quarter of the size


class Epoch:
    """A phase of ``stylegan.train.loop.Run``: ``steps`` batches."""

    def __init__(self, number: int, count: int, steps: Steps) -> None:
        self.name = f"epoch {number + 1}"
        self.steps = max(1, count // steps.networks.recipe.batch)
        self._steps = steps

    def prepare(self, state: State, pixels: NDArray[np.uint8]) -> None:
        """Nothing has to be there."""

    def step(
        self, state: State, number: int, rng: np.random.Generator, images: NDArray[np.float32]
    ) -> dict[str, float]:
        """One batch for each network."""
        return self._steps.both(state, rng, images)


class Lesson:
    """A phase of ``Run`` in which the generator learns which picture belongs to which latent."""

    name = "lessons"

    def __init__(self, steps: Steps) -> None:
        self.steps = steps.networks.recipe.lessons
        self._steps = steps

    def prepare(self, state: State, pixels: NDArray[np.uint8]) -> None:
        """Nothing has to be there."""

    def step(
        self, state: State, number: int, rng: np.random.Generator, images: NDArray[np.float32]
    ) -> dict[str, float]:
        """One batch of pairs."""
        return self._steps.lesson(state, rng)


class Steps:
    """The compiled steps, which all epochs share."""

    def __init__(self, networks: DcganNetworks, lessons: Lessons | None = None) -> None:
        self.networks, self.lessons = networks, lessons
        self._judge = compiled(self._discriminator_step)
        self._generate = compiled(self._generator_step)
        self._copy = compiled(self._lesson_step)

    def both(
        self, state: State, rng: np.random.Generator, images: NDArray[np.float32]
    ) -> dict[str, float]:
        """Discriminator, then generator; the state is changed in place."""
        recipe, count = self.networks.recipe, len(images)
        step = _next_step(state)
        z = rng.standard_normal((count, recipe.z_dim), np.float32)
        changes = [
            augment.draw(rng, n, recipe.augment, recipe.resolution) for n in (2 * count, count)
        ]
        judged = self._learn_to_judge(state, step, z, images, changes[0])
        drawn = self._learn_to_draw(state, step, self._mixed(rng, count), changes[1])
        return {k: float(v) for k, v in (judged | drawn).items()}

    def lesson(self, state: State, rng: np.random.Generator) -> dict[str, float]:
        """One batch of pairs; the state is changed in place."""
        z, pictures = self._pairs(rng, self.networks.recipe.batch)
        trained = self.networks.trained(state, "generator")
        averages = (state.tensors["generator_m"], state.tensors["generator_v"])
        numbers = map(ops.convert_to_tensor, (z, pictures))
        made = self._copy(trained, averages, _next_step(state), *numbers)
        return {k: float(v) for k, v in self._take(state, *made).items()}

    def _mixed(self, rng: np.random.Generator, count: int) -> tuple[Any, Any]:
        """Latents, of which the first half, if there are lessons, has pictures to stay near to."""
        z = rng.standard_normal((count, self.networks.recipe.z_dim), np.float32)
        if self.lessons is None:
            return z, None
        known, pictures = self._pairs(rng, count // 2)
        return np.concatenate([known, z[len(known) :]]), pictures

    def _pairs(self, rng: np.random.Generator, count: int) -> tuple[Any, Any]:
        if self.lessons is None:
            raise InputError("there are no lessons: the recipe wants none")
        rows = rng.integers(len(self.lessons.z), size=count)
        pictures = self.lessons.pictures[rows].astype(np.float32) / np.float32(127.5) - 1
        return self.lessons.z[rows], pictures

    def _take(self, state: State, trained: Tensors, averages: Averages, report: Tensors) -> Tensors:
        """The generator's new parameters into the state, and their running average moved on."""
        state.tensors["generator"] = state.tensors["generator"] | trained
        state.tensors["generator_m"], state.tensors["generator_v"] = averages
        done = state.count("steps")
        keep = min(self.networks.recipe.ema, (1 + done) / (10 + done))
        state.tensors["average_generator"] = moved_average(
            state.tensors["average_generator"],
            state.tensors["generator"],
            ops.convert_to_tensor(np.float32(keep)),
        )
        return report

    def _learn_to_judge(
        self, state: State, step: Tensor, z: Any, images: Any, change: augment.Change
    ) -> Tensors:
        trained = self.networks.trained(state, "discriminator")
        averages = (state.tensors["discriminator_m"], state.tensors["discriminator_v"])
        tensors, averages, directions, report = self._judge(
            state.tensors["generator"],
            trained,
            averages,
            state.tensors["directions"],
            step,
            *map(ops.convert_to_tensor, (z, images, *change)),
        )
        state.tensors["discriminator"] = tensors
        state.tensors["discriminator_m"], state.tensors["discriminator_v"] = averages
        state.tensors["directions"] = directions
        return report

    def _learn_to_draw(
        self, state: State, step: Tensor, given: tuple[Any, Any], change: augment.Change
    ) -> Tensors:
        made = self._generate(
            self.networks.trained(state, "generator"),
            (state.tensors["generator_m"], state.tensors["generator_v"]),
            state.tensors["discriminator"],
            state.tensors["directions"],
            step,
            *(None if g is None else ops.convert_to_tensor(g) for g in (*given, *change)),
        )
        return self._take(state, *made)

    def _discriminator_step(
        self,
        generator: Tensors,
        trained: Tensors,
        averages: Averages,
        directions: Tensors,
        step: Tensor,
        z: Tensor,
        images: Tensor,
        geometry: Tensor,
        color: Tensor,
    ) -> tuple[Tensors, Averages, Tensors, Tensors]:
        recipe, count = self.networks.recipe, z.shape[0]
        drawn, _ = synthesize_batch(generator, recipe.generator, normalise(z))
        shown = augment.apply(ops.concatenate([images, drawn]), geometry, color)
        _, turned = bounded(trained, directions)

        def loss(given: Mapping[str, Tensor]) -> tuple[Tensor, Tensors]:
            scores = score(bounded(given, directions)[0], shown)
            real, fake = scores[:count], scores[count:]
            total = _judged_real(real, recipe.smoothing) + ops.mean(ops.softplus(fake))
            shares = {"real_found": real > 0, "drawn_found": fake < 0}
            report = {k: ops.mean(ops.cast(v, "float32")) for k, v in shares.items()}
            return total, {"discriminator": total} | report

        report, gradients = value_and_gradients(loss, trained)
        rate = recipe.discriminator_rate
        trained, averages = adam(trained, gradients, averages, step, rate, self._betas)
        return trained, averages, turned, report

    def _generator_step(
        self,
        trained: Tensors,
        averages: Averages,
        discriminator: Tensors,
        directions: Tensors,
        step: Tensor,
        z: Tensor,
        pictures: Tensor | None,
        geometry: Tensor,
        color: Tensor,
    ) -> tuple[Tensors, Averages, Tensors]:
        recipe = self.networks.recipe
        judge, _ = bounded(discriminator, directions)

        def loss(given: Mapping[str, Tensor]) -> tuple[Tensor, Tensors]:
            drawn, _ = synthesize_batch(given, recipe.generator, normalise(z))
            scores = score(judge, augment.apply(drawn, geometry, color))
            fooled = ops.mean(ops.softplus(-scores))
            if pictures is None:
                return fooled, {"generator": fooled}
            off = ops.mean(ops.abs(smaller(drawn[: pictures.shape[0]] - pictures, _COARSE)))
            return fooled + recipe.teacher_weight * off, {"generator": fooled, "pairs": off}

        report, gradients = value_and_gradients(loss, trained)
        trained, averages = adam(
            trained, gradients, averages, step, recipe.generator_rate, self._betas
        )
        return trained, averages, report

    def _lesson_step(
        self, trained: Tensors, averages: Averages, step: Tensor, z: Tensor, pictures: Tensor
    ) -> tuple[Tensors, Averages, Tensors]:
        recipe = self.networks.recipe

        def loss(given: Mapping[str, Tensor]) -> tuple[Tensor, Tensors]:
            drawn, _ = synthesize_batch(given, recipe.generator, normalise(z))
            total = reconstruction(drawn, pictures)
            return total, {"lesson": total}

        report, gradients = value_and_gradients(loss, trained)
        trained, averages = adam(
            trained, gradients, averages, step, recipe.lesson_rate, self._betas
        )
        return trained, averages, report

    @property
    def _betas(self) -> tuple[float, float]:
        return self.networks.recipe.beta1, _BETA2


def _next_step(state: State) -> Tensor:
    """The number of this step over all phases, from 1, as Adam counts."""
    state.counters["steps"] = number = state.count("steps") + 1
    return ops.convert_to_tensor(np.float32(number))


def _judged_real(scores: Tensor, wanted: float) -> Tensor:
    """Cross entropy of photographs with a label of ``wanted`` in place of 1 (Salimans 2016)."""
    return ops.mean(wanted * ops.softplus(-scores) + (1 - wanted) * ops.softplus(scores))

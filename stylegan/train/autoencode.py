"""First phase: the synthesis network learns to draw, as the decoder of an encoder.

A picture becomes one w, some noise is added to it so that its surroundings mean something too,
and the synthesis network draws it again. Minutes of this give faces where adversarial training
from nothing gives noise; what it leaves is blurred.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.keras_backend import compiled, value_and_gradients
from stylegan.networks.parameters import initial
from stylegan.train.feature_discriminator import generator_loss, head_specs, told_apart
from stylegan.train.learners import Learners, flat, learners, moved, own, take
from stylegan.train.losses import likeness, reconstruction, spread
from stylegan.train.networks import Features, Networks
from stylegan.train.schedules import keep_share, warmed
from stylegan.train.state import State, moments

__all__ = ["Autoencode", "mixed", "start_heads"]

Tensor = Any


class Autoencode:
    """``step`` after ``step``; ``features`` (n, s, s, 3) -> (n, d) tell what else must be kept.

    Features that have layers (``maps``) are looked at by heads as well, which learn to tell what
    was drawn from photographs: what the encoder's w give, and w of nobody with the same mean and
    covariance, which is what the mapping network will ask for.
    """

    name = "autoencode"

    def __init__(self, networks: Networks, features: Features | None = None) -> None:
        self.networks, self.features = networks, features
        recipe = networks.recipe
        self.steps = round(recipe.autoencode_kimg * 1000 / recipe.batch)
        self.judging = bool(recipe.heads_weight) and hasattr(features, "maps")
        self._run = compiled(self._step)

    def prepare(self, state: State, pixels: NDArray[np.uint8]) -> None:
        """The heads begin at random, unless they are there."""
        if self.judging:
            start_heads(state, self.features, self.networks.recipe.seed)

    def step(
        self, state: State, number: int, rng: np.random.Generator, images: NDArray[np.float32]
    ) -> dict[str, float]:
        """One batch float32 (n, s, s, 3) in -1 to 1; the losses."""
        recipe, count = self.networks.recipe, len(images)
        noise = rng.standard_normal((count, recipe.w_dim), np.float32) * recipe.w_noise
        mixes = rng.standard_normal((round(recipe.sampled * count), count), np.float32)
        rate = recipe.autoencode_rate * warmed(number, self.steps)
        names = ("encoder", "generator", "heads") if self.judging else ("encoder", "generator")
        both = learners(self.networks, state, names)
        wander = getattr(self.features, "wandering", None)
        cut = wander(rng) if wander else None
        after, report = self._run(both, *_tensors(images, noise, mixes, number + 1, rate), cut)
        take(self.networks, state, after, keep_share(recipe, number))
        return {k: float(v) for k, v in report.items()}

    def _step(
        self,
        both: Learners,
        images: Tensor,
        noise: Tensor,
        mixes: Tensor,
        step: Tensor,
        rate: Tensor,
        cut: Any,
    ) -> tuple[Learners, dict[str, Tensor]]:
        report, slopes = value_and_gradients(
            lambda p: self._loss(p, images, noise, mixes, cut), flat(both)
        )
        return moved(both, slopes, step, rate), report

    def _loss(
        self, p: Mapping[str, Tensor], images: Tensor, noise: Tensor, mixes: Tensor, cut: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        recipe, networks = self.networks.recipe, self.networks
        w = networks.encode(own(p, "encoder/"), images)
        asked = ops.concatenate([w + noise, mixed(w, mixes)]) if self.judging else w + noise
        made = networks.synthesize(own(p, "generator/"), networks.broadcast_w(asked))
        made, nobody = made[: images.shape[0]], made[images.shape[0] :]
        report = {"pixels": reconstruction(made, images)}
        total = report["pixels"] + recipe.w_weight * spread(w)
        if self.features is not None:
            some = images.shape[0] // 2  # the recogniser costs as much as both networks
            more, found = self._seen(own(p, "heads/"), made[:some], nobody, images[:some], cut)
            total, report = total + more, report | found
        return total, report

    def _seen(
        self, heads: Mapping[str, Tensor], made: Tensor, nobody: Tensor, real: Tensor, cut: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the features and the heads on them say."""
        recipe, features = self.networks.recipe, self.features
        if not self.judging:
            distance = feature_distance(features, made, real)  # type: ignore[arg-type]
            return recipe.feature_weight * distance, {"features": distance}
        drawn = features.maps(ops.concatenate([made, nobody]), cut)  # type: ignore[union-attr]
        wanted = [ops.stop_gradient(one) for one in features.maps(real, cut)]  # type: ignore[union-attr]
        distance = likeness([one[: real.shape[0]] for one in drawn], wanted)
        fools, wrong = generator_loss(heads, drawn), told_apart(heads, drawn, wanted)
        total = recipe.feature_weight * distance + recipe.heads_weight * fools + wrong
        return total, {"features": distance, "fooled": fools, "heads": wrong}


def start_heads(state: State, features: Any, seed: int) -> None:
    """Heads for the layers of ``features`` begin at random, unless they are there."""
    if "heads" in state.tensors:
        return
    values = initial(head_specs(features.shapes), np.random.default_rng(seed))
    state.tensors["heads"] = {k: ops.convert_to_tensor(v) for k, v in values.items()}
    state.tensors["heads_m"], state.tensors["heads_v"] = moments(state.tensors["heads"])


def mixed(w: Tensor, mixes: Tensor) -> Tensor:
    """w (n, d) and normal numbers (m, n) to w of nobody (m, d): of w's mean and covariance."""
    w = ops.stop_gradient(w)
    middle = ops.mean(w, axis=0)
    return middle + mixes @ (w - middle) / np.float32(np.sqrt(w.shape[0] - 1))


def feature_distance(features: Features, made: Tensor, real: Tensor) -> Tensor:
    """The mean squared distance of two batches in the features."""
    wanted = ops.stop_gradient(features(real))
    return ops.mean(ops.sum(ops.square(features(made) - wanted), axis=1))


def _tensors(*values: Any) -> list[Tensor]:
    return [ops.convert_to_tensor(np.asarray(value, np.float32)) for value in values]

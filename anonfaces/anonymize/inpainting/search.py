"""The latents whose pictures suit their holes, all of them in one batch.

R. A. Yeh et al., "Semantic image inpainting with deep generative models", CVPR 2017: what is kept
must agree (contextual loss, the mean absolute difference), and the picture must look real to the
discriminator (prior, minus the logarithm of its belief that it is a photograph).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError, WeightsWarning
from anonbase.notices import warn_user
from anonfaces.anonymize.inpainting.holes import Hole
from anonfaces.anonymize.inpainting.options import InpaintOptions

__all__ = ["LatentSearch", "Search", "alikeness", "load_critic"]

Pixels = NDArray[np.uint8]
Tensors = dict[str, Any]

_BETAS = (0.9, 0.99)
_DRAWN = 1000  # latents by which the mean and the spread of w are measured
#: Weight of how unusual a latent is, by the mean square of its standardized numbers. A StyleGAN's
#: w leave what it can draw sooner than a DCGAN's z, which are scaled to one length in training.
_UNUSUAL = {"dcgan": 0.005}
_UNUSUAL_STYLE = 0.05
#: Iterations and rate by family: a step of the small network is cheap.
_MANNER = {"dcgan": (300, 0.1)}
_MANNER_STYLE = (60, 0.12)


@dataclass(frozen=True)
class Search:
    """What was found for n holes.

    Attributes
    ----------
    pictures, first : uint8 (n, s, s, 3)
        The end of the search, and its start.
    stages : list of uint8 (n, s, s, 3)
        The way, one every ``every`` steps.
    curve : float32 (steps, 3, n)
        Contextual loss, prior (unweighted), and the sum that is made small.
    """

    pictures: Pixels
    first: Pixels
    stages: list[Pixels]
    curve: NDArray[np.float32]

    @property
    def loss(self) -> NDArray[np.float32]:
        """The last total of each (n,)."""
        return self.curve[-1, 2]

    def of(self, rows: NDArray[np.intp]) -> Search:
        """Some of the holes, in that order."""
        stages = [stage[rows] for stage in self.stages]
        return Search(self.pictures[rows], self.first[rows], stages, self.curve[:, :, rows])


class LatentSearch:
    """A generator, its discriminator, and the steps of the search."""

    def __init__(self, generator: Any, critic: Any, options: InpaintOptions) -> None:
        from anonbase.keras_backend import compiled

        self._generator, self._critic, self._options = generator, critic, options
        drawn = generator.map(generator.latents(range(_DRAWN)))[:, 0]
        self._mean, self._spread = drawn.mean(axis=0), drawn.std(axis=0) + np.float32(1e-3)
        family = generator.config.architecture
        steps, rate = _MANNER.get(family, _MANNER_STYLE)
        self._steps, self._rate = options.iterations or steps, options.rate or rate
        self._unusual = _UNUSUAL.get(family, _UNUSUAL_STYLE)
        self._move = compiled(self._moved)

    def __call__(self, holes: Sequence[Hole], start: NDArray[np.float32], films: bool) -> Search:
        """Search for a latent a hole, from ``start`` float32 (n, w_dim)."""
        from keras import ops

        from stylegan.train.state import moments

        real, weight = (
            ops.convert_to_tensor(np.stack([getattr(hole, name) for hole in holes]))
            for name in ("picture", "weight")
        )
        tensors = {"w": ops.convert_to_tensor((start - self._mean) / self._spread)}
        averages, stages, curve = moments(tensors), [], []
        every = self._options.every or max(1, self._steps // 20)
        first = self._drawn(tensors["w"])
        for number in range(self._steps):
            if films and number and number % every == 0:
                stages.append(self._drawn(tensors["w"]))
            rate = self._rate * (1 + math.cos(math.pi * number / self._steps)) / 2
            numbers = (ops.convert_to_tensor(np.float32(n)) for n in (number + 1, rate))
            tensors, averages, losses = self._move(tensors, averages, real, weight, *numbers)
            curve.append(ops.convert_to_numpy(losses))
        return Search(self._drawn(tensors["w"]), first, stages, np.stack(curve))

    def _moved(
        self, tensors: Tensors, averages: Any, real: Any, weight: Any, step: Any, rate: Any
    ) -> tuple[Tensors, Any, Any]:
        from keras import ops

        from anonbase.keras_backend import value_and_gradients
        from stylegan.train.state import adam

        def loss(given: Mapping[str, Any]) -> tuple[Any, Tensors]:
            each = self._losses(given["w"], real, weight)
            return ops.sum(each[2]), {"each": each}

        found, gradients = value_and_gradients(loss, tensors)
        tensors, averages = adam(tensors, gradients, averages, step, rate, _BETAS)
        return tensors, averages, found["each"]

    def _losses(self, w: Any, real: Any, weight: Any) -> Any:
        """Contextual loss, prior and total (3, n): a latent's gradient knows of no other."""
        from keras import ops

        made = self._made(w)
        kept = 3 * ops.sum(weight, axis=(1, 2, 3)) + 1e-6
        context = ops.sum(ops.abs(made - real) * weight, axis=(1, 2, 3)) / kept
        prior = ops.zeros_like(context)
        if self._critic is not None:
            prior = ops.softplus(-self._critic(made)[:, 0])  # -log D: small where D believes it
        unusual = self._unusual * ops.mean(ops.square(w), axis=1)
        return ops.stack([context, prior, context + self._options.prior * prior + unusual])

    def _made(self, w: Any) -> Any:
        from keras import ops

        wide = ops.repeat((w * self._spread + self._mean)[:, None], self._generator.num_ws, axis=1)
        return self._generator.apply(wide, self._generator.noise_maps())

    def _drawn(self, w: Any) -> Pixels:
        from keras import ops

        made = ops.convert_to_numpy(self._made(w))
        return np.clip(np.rint(made * 127.5 + 127.5), 0, 255).astype(np.uint8)


def alikeness(pictures: Pixels) -> float:
    """The mean absolute difference of two of the pictures (n, s, s, 3), in -1 to 1; 0 for one."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float32) / 127.5
    pairs = [np.abs(flat[i] - flat[i + 1 :]).mean(axis=1) for i in range(len(flat) - 1)]
    return float(np.concatenate(pairs).mean()) if pairs else 0.0


def load_critic(path: Path | None, resolution: int) -> Any:
    """What scores pictures (n, s, s, 3) as (n, 1); None where no discriminator of that size is."""
    import stylegan
    from stylegan import checkpoint
    from stylegan.networks.discriminator import score

    try:
        critic = stylegan.load_discriminator(checkpoint.SHIPPED if path is None else path)
    except WeightsError:
        critic = None
    if critic is None or critic.config.resolution != resolution:
        warn_user(
            "there is no discriminator beside the generator: holes are filled by their border"
            " alone, not by how real a face looks",
            WeightsWarning,
        )
        return None
    alone = replace(critic.config, group=1)  # a latent's score must not depend on the others
    return partial(score, critic.parameters, alone)

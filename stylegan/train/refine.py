"""Third phase: detail by heads, while every face stays the one that an anchor draws.

A generator that draws many different people, but softly, is a good place to begin: what it lacks
is local. The synthesis network draws w of nobody, and heads on the layers of other networks
("Projected GANs converge faster", Sauer et al. 2021) compare that with sharp photographs. Alone
they would let the people drift to a few that please them. So an anchor, a generator that has the
same face for the same z, is asked as well: at low resolution both pictures must agree, and in a
recognizer's vector. Variety then comes from the anchor, detail from the photographs, and no face
of a photograph is ever drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.keras_backend import compiled, value_and_gradients
from stylegan.train.anchor import Anchor, off_anchor
from stylegan.train.autoencode import start_heads
from stylegan.train.feature_discriminator import generator_loss, told_apart
from stylegan.train.learners import Learners, flat, learners, moved, own, take
from stylegan.train.moments import Moments, toward
from stylegan.train.networks import Features, Networks
from stylegan.train.schedules import keep_share, warmed
from stylegan.train.sharpness import Photographs
from stylegan.train.spectrum import Spectrum
from stylegan.train.state import State

__all__ = ["Refine"]

Tensor = Any
#: Photographs that the wanted spectrum and the wanted moments are measured by.
_MEASURED = 2000
_LAYERS = "refine_kimg: heads need features that have layers: features dlib (--features dlib)"


class Refine:
    """``step`` after ``step``; ``anchor`` draws the faces that are kept.

    ``features`` need layers (``maps``, ``shapes``); where they have ``vectors``, the recognizer's
    vector of each face is kept as well.
    """

    name = "refine"

    def __init__(
        self, networks: Networks, features: Features | None, anchor: Anchor | None = None
    ) -> None:
        self.networks, self.features, self._anchor = networks, features, anchor
        self.steps = round(networks.recipe.refine_kimg * 1000 / networks.recipe.batch)
        self._run = compiled(self._step)

    def prepare(self, state: State, pixels: NDArray[np.uint8]) -> None:
        """Find the sharp photographs; the heads begin at random, unless they are there."""
        if not self.steps:
            return
        recipe = self.networks.recipe
        if not hasattr(self.features, "maps"):
            raise InputError(_LAYERS)
        if self._anchor is None:
            raise InputError("refine_kimg: a generator to keep the faces of is needed (--anchor)")
        self._photographs = Photographs(pixels, recipe.sharp_share)
        if recipe.spectrum_weight:
            self._spectrum = Spectrum(recipe.resolution, self._some(recipe.batch))
        if recipe.moments_weight:
            self._moments = Moments(self._some(recipe.batch), recipe.dtype)
        start_heads(state, self.features, recipe.seed)

    def _some(self, batch: int) -> Iterator[NDArray[np.float32]]:
        rng = np.random.default_rng(self.networks.recipe.seed)
        return (self._photographs.batch(rng, batch) for _ in range(0, _MEASURED, batch))

    def step(
        self, state: State, number: int, rng: np.random.Generator, images: NDArray[np.float32]
    ) -> dict[str, float]:
        """One batch of nobody's faces; ``images`` are not looked at, sharp ones are drawn."""
        recipe = self.networks.recipe
        z = ops.convert_to_tensor(rng.standard_normal((recipe.batch, recipe.z_dim), np.float32))
        shown = ops.convert_to_tensor(self._photographs.batch(rng, recipe.batch))
        w = self.networks.map(state.tensors["generator"], z)
        rate = recipe.refine_rate * warmed(number, self.steps)
        # Heads begin at random: at the drawing network's rate they would be at chance for long.
        rates = (number + 1, rate, recipe.heads_rate)
        numbers = [ops.convert_to_tensor(np.float32(one)) for one in rates]
        wander = getattr(self.features, "wandering", None)
        both = learners(self.networks, state, ("generator", "heads"))
        kept = self._anchor.pictures(z)  # type: ignore[union-attr]
        cut = wander(rng) if wander else None
        slopes = self._moments.slopes() if recipe.moments_weight else []
        after, report = self._run(both, w, kept, shown, *numbers, cut, slopes)
        take(self.networks, state, after, keep_share(recipe, number))
        if recipe.moments_weight:
            report["moments"] = self._moments.follow(report["moments"])
        return {k: float(v) for k, v in report.items()}

    def _step(
        self,
        both: Learners,
        w: Tensor,
        kept: Tensor,
        shown: Tensor,
        step: Tensor,
        rate: Tensor,
        heads_rate: Tensor,
        cut: Any,
        moments: Any,
    ) -> tuple[Learners, dict[str, Any]]:
        report, slopes = value_and_gradients(
            lambda p: self._loss(p, w, kept, shown, cut, moments), flat(both)
        )
        drawing, judging = ({name: both[name]} for name in ("generator", "heads"))
        after = dict(moved(drawing, slopes, step, rate))
        return after | dict(moved(judging, slopes, step, heads_rate)), report

    def _loss(
        self,
        p: Mapping[str, Tensor],
        w: Tensor,
        kept: Tensor,
        shown: Tensor,
        cut: Any,
        moments: Any,
    ) -> tuple[Tensor, dict[str, Any]]:
        recipe, features, heads = self.networks.recipe, self.features, own(p, "heads/")
        images = self.networks.synthesize(own(p, "generator/"), self.networks.broadcast_w(w))
        drawn = features.maps(images, cut)  # type: ignore[union-attr]
        real = [ops.stop_gradient(one) for one in features.maps(shown, cut)]  # type: ignore[union-attr]
        fools, wrong = generator_loss(heads, drawn), told_apart(heads, drawn, real)
        off = off_anchor(images, kept)
        other = self._otherness(drawn, kept, cut)
        total = recipe.anchor_weight * off + recipe.feature_weight * other
        report = {"anchor": off, "identity": other, "fooled": fools, "heads": wrong}
        if recipe.spectrum_weight:
            report["spectrum"] = self._spectrum.loss(images)
            total = total + recipe.spectrum_weight * report["spectrum"]
        if recipe.moments_weight:
            seen = self._moments.seen(images[: recipe.batch // 2])
            report["moments"] = seen
            total = total + recipe.moments_weight * toward(seen, moments)
        return total + recipe.heads_weight * fools + wrong, report

    def _otherness(self, drawn: list[Tensor], kept: Tensor, cut: Any) -> Tensor:
        """The squared distance of half of the faces to the anchor's, in the recognizer's vector."""
        vectors = getattr(self.features, "vectors", None)
        if vectors is None:
            return ops.zeros(())
        some = max(kept.shape[0] // 2, 1)
        wanted = ops.stop_gradient(vectors(kept[:some], cut))
        shapes = self.features.shapes  # type: ignore[union-attr]
        ours = next(one for one, shape in zip(drawn, shapes, strict=True) if shape[0] == 1)
        return ops.mean(ops.sum(ops.square(ours[:some, 0, 0] - wanted), axis=1))

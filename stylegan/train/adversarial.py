"""Fourth phase: StyleGAN2's own training (Karras et al. 2020), from a generator that can draw.

The discriminator starts from nothing and gets a head start: one that starts from the encoder's
trunk stays at chance. The generator goes on drawing training faces from their w, so that what
the autoencoder knows of the variety of faces is kept while they become sharp. Features that have
layers (``maps``) lend the discriminator what their network knows: small heads on them judge as
well, of pictures changed in the same way ("Ensembling off-the-shelf models for GAN training",
Kumari et al. 2022).

A discriminator from nothing leads a generator to a handful of faces before it learns that they are
few. With an anchor, a generator that has the faces already, the mapping network stays as it is and
each picture must agree with the anchor's of the same z at low resolution, less strictly towards
the end: variety comes from the anchor, form and detail from the photographs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.keras_backend import compiled, input_gradient, value_and_gradients
from stylegan.train import augment
from stylegan.train.anchor import Anchor, off_anchor
from stylegan.train.autoencode import feature_distance, start_heads
from stylegan.train.feature_discriminator import generator_loss, told_apart
from stylegan.train.learners import joined, separated, step_each
from stylegan.train.losses import path_length, r1, reconstruction, soft_plus, spread
from stylegan.train.networks import Features, Networks
from stylegan.train.schedules import keep_share
from stylegan.train.state import State, Tensors, adam

__all__ = ["Adversarial"]

Tensor = Any
_BETAS = (0.0, 0.99)
_W_AVERAGE = 0.998
_ADAPT_EVERY = 4
#: Steps over which the generator's rate goes up from 0.
_WARM = 500
#: So much of the anchor's weight is gone at the end.
_RELEASED = 0.75


class Adversarial:
    """Generator and discriminator by turns; R1 and path lengths every so many steps."""

    name = "adversarial"

    def __init__(
        self,
        networks: Networks,
        features: Features | None = None,
        anchor: Anchor | None = None,
    ) -> None:
        self.networks, self.features, self.anchor = networks, features, anchor
        recipe = networks.recipe
        wanted = round(recipe.adversarial_kimg * 1000 / recipe.batch)
        self.steps = recipe.head_start + wanted if wanted else 0
        self.judging = bool(recipe.heads_weight) and hasattr(features, "maps")
        self.learning = ("encoder", "generator") if recipe.keep_weight else ("generator",)
        self._generate = compiled(self._generator_step)
        self._paths = compiled(self._path_step)
        self._judge = compiled(self._discriminator_step)
        self._smooth = compiled(self._r1_step)
        self._draw = compiled(
            lambda p, z, n: self._made(p, (z, z), ops.zeros((z.shape[0], 1, 1)), n)[0]
        )

    def prepare(self, state: State, pixels: NDArray[np.uint8]) -> None:
        """The running average of path lengths and the chance of augmentation start at 0.

        Heads begin at random, unless they are there.
        """
        if self.steps and self.judging:
            start_heads(state, self.features, self.networks.recipe.seed)
        state.counters.setdefault("augment", 0.0)
        state.tensors.setdefault("paths", {"mean": ops.convert_to_tensor(np.float32(0))})

    def step(
        self, state: State, number: int, rng: np.random.Generator, images: NDArray[np.float32]
    ) -> dict[str, float]:
        """One batch for each network, the generator's after the head start."""
        recipe = self.networks.recipe
        report: dict[str, Tensor] = {}
        if number >= recipe.head_start:
            fakes, report = self._train_generator(state, number, rng, images)
        else:
            z, noise = self._latents(rng, len(images))[0][0], self._noise(rng, len(images))
            fakes = self._draw(state.tensors["generator"], z, noise)
        found = report | self._train_discriminator(state, number, rng, images, fakes)
        report = {name: float(value) for name, value in found.items()}
        self._adapt(state, number, report["sign"])
        return report | {"augment": state.counters["augment"]}

    def _train_generator(
        self, state: State, number: int, rng: np.random.Generator, images: NDArray[np.float32]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        recipe, networks = self.networks.recipe, self.networks
        turn = number - recipe.head_start
        z, crossing = self._latents(rng, len(images))
        share = turn / max(self.steps - recipe.head_start, 1)
        given = (
            z,
            crossing,
            self.anchor.pictures(z[0]) if self.anchor else None,
            self._noise(rng, len(images)),
            self._change(rng, state, len(images)),
            ops.convert_to_tensor(images[: len(images) // 2]),
        )
        both, averages = self._both(state), self._averages(state)
        moved, averages, made, w, report = self._generate(
            both,
            averages,
            self._still(state),
            state.tensors["discriminator"],
            state.tensors.get("heads", {}),
            self._look(rng),
            *given,
            *_numbers(turn + 1, recipe.generator_rate * min((turn + 1) / _WARM, 1.0)),
            *_numbers(recipe.anchor_weight * (1 - _RELEASED * share)),
        )
        if recipe.path_weight and not self.anchor and turn % recipe.path_every == 0:
            moved, averages, mean, more = self._path_turn(state, moved, averages, rng, turn)
            state.tensors["paths"]["mean"] = mean
            report |= more
        self._store(state, moved, averages)
        if not self.anchor:
            average = state.tensors["generator"]["mapping.w_avg"]
            state.tensors["generator"]["mapping.w_avg"] = w + (average - w) * _W_AVERAGE
        for name in self.learning:
            networks.follow(state, name, keep_share(recipe, turn))
        return made, dict(report)

    def _path_turn(
        self, state: State, moved: Any, averages: Any, rng: np.random.Generator, turn: int
    ) -> Any:
        recipe = self.networks.recipe
        count = max(recipe.batch // 2, 1)
        side = recipe.resolution
        probe = rng.standard_normal((count, side, side, 3), np.float32) / np.float32(side)
        return self._paths(
            moved,
            averages,
            self._latents(rng, count)[0][0],
            self._noise(rng, count),
            ops.convert_to_tensor(probe),
            state.tensors["paths"]["mean"],
            *_numbers(turn + 1, recipe.generator_rate),
        )

    def _train_discriminator(
        self,
        state: State,
        number: int,
        rng: np.random.Generator,
        images: NDArray[np.float32],
        made: Tensor,
    ) -> dict[str, Tensor]:
        recipe = self.networks.recipe
        count, rate = len(images), _numbers(number + 1, recipe.discriminator_rate)
        real = ops.convert_to_tensor(images)
        changes = self._change(rng, state, count), self._change(rng, state, count)
        judges = ("discriminator", "heads") if self.judging else ("discriminator",)
        both, kept = {n: state.tensors[n] for n in judges}, self._averages(state, judges)
        rates = [*rate, *_numbers(recipe.heads_rate)]
        both, kept, report = self._judge(both, kept, real, made, changes, self._look(rng), *rates)
        self._store(state, both, kept)
        p, averages = both["discriminator"], kept["discriminator"]
        if recipe.r1_gamma and number % recipe.r1_every == 0:
            change = self._change(rng, state, count)
            p, averages, more = self._smooth(p, averages, real, change, *rate)
            report |= more
            self._store(state, {"discriminator": p}, {"discriminator": averages})
        return dict(report)

    def _generator_step(
        self,
        both: Mapping[str, Tensors],
        averages: Any,
        still: Tensors,
        judge: Tensors,
        heads: Tensors,
        look: Any,
        z: tuple[Tensor, Tensor],
        crossing: Tensor,
        wanted: Tensor | None,
        noise: Any,
        change: Any,
        real: Tensor,
        step: Tensor,
        rate: Tensor,
        anchor_weight: Tensor,
    ) -> Any:
        def loss(p: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            own = separated(p)
            fakes, w = self._made(still | own["generator"], z, crossing, noise)
            seen = augment.apply(fakes, *change)
            fooled = soft_plus(-self.networks.judge(judge, seen))
            kept, report = self._kept(
                own, real, None if noise is None else [n[: real.shape[0]] for n in noise]
            )
            report = report | {"generator": fooled, "_made": fakes, "_w": w}
            if self.judging:
                report["heads"] = generator_loss(heads, self.features.maps(seen, look))  # type: ignore[union-attr]
                fooled = fooled + self.networks.recipe.heads_weight * report["heads"]
            if wanted is not None:
                report["anchor"] = off_anchor(fakes, wanted)
                fooled = fooled + anchor_weight * report["anchor"]
            return fooled + kept, report

        report, gradients = value_and_gradients(loss, joined(both))
        fakes, w = report.pop("_made"), ops.mean(report.pop("_w"), axis=0)
        moved, averages = step_each(both, averages, separated(gradients), step, rate, _BETAS)
        return moved, averages, fakes, w, report

    def _kept(
        self, own: Mapping[str, Mapping[str, Tensor]], real: Tensor, noise: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the autoencoder's loss says, by its weight."""
        networks, recipe = self.networks, self.networks.recipe
        if not recipe.keep_weight:
            return ops.zeros(()), {}
        w = networks.encode(own["encoder"], real)
        fakes = networks.synthesize(own["generator"], networks.broadcast_w(w), noise)
        report = {"pixels": reconstruction(fakes, real)}
        total = report["pixels"] + recipe.w_weight * spread(w)
        if self.features is not None:
            report["features"] = feature_distance(self.features, fakes, real)
            total = total + recipe.feature_weight * report["features"]
        return recipe.keep_weight * total, report

    def _made(
        self, p: Mapping[str, Tensor], z: tuple[Tensor, Tensor], crossing: Tensor, noise: Any
    ) -> tuple[Tensor, Tensor]:
        """Pictures of z, from layer ``crossing`` (n, num_ws, 1; 0 or 1) on of the second z."""
        first, second = (self.networks.map(p, some) for some in z)
        wide = self.networks.broadcast_w(first)
        mixed = wide + (self.networks.broadcast_w(second) - wide) * crossing
        return self.networks.synthesize(p, mixed, noise), first

    def _path_step(
        self,
        both: Mapping[str, Tensors],
        averages: Any,
        z: Tensor,
        noise: Any,
        probe: Tensor,
        mean: Tensor,
        step: Tensor,
        rate: Tensor,
    ) -> Any:
        recipe = self.networks.recipe

        def loss(p: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            own = separated(p)["generator"]
            wide = self.networks.broadcast_w(self.networks.map(own, z))
            slope = input_gradient(
                lambda w: ops.sum(self.networks.synthesize(own, w, noise) * probe), wide
            )
            value, length = path_length(slope, mean)
            total = value * recipe.path_weight * recipe.path_every
            return total, {"paths": value, "length": length}

        report, gradients = value_and_gradients(loss, joined(both))
        moved, averages = step_each(both, averages, separated(gradients), step, rate, _BETAS)
        return moved, averages, mean + (report["length"] - mean) * 0.01, report

    def _discriminator_step(
        self,
        both: Mapping[str, Tensors],
        averages: Any,
        real: Tensor,
        made: Tensor,
        changes: Any,
        look: Any,
        step: Tensor,
        rate: Tensor,
        heads_rate: Tensor,
    ) -> Any:
        def loss(p: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            own = separated(p)
            shown, drawn = augment.apply(real, *changes[0]), augment.apply(made, *changes[1])
            real_logits = self.networks.judge(own["discriminator"], shown)
            fake_logits = self.networks.judge(own["discriminator"], drawn)
            value = soft_plus(-real_logits) + soft_plus(fake_logits)
            report = {"sign": ops.mean(ops.sign(real_logits)), "real": ops.mean(real_logits)}
            report |= {"discriminator": value, "made": ops.mean(fake_logits)}
            if self.judging:
                maps = (self.features.maps(one, look) for one in (drawn, shown))  # type: ignore[union-attr]
                report["told_apart"] = told_apart(own["heads"], *maps)
                value = value + report["told_apart"]
            return value, report

        report, gradients = value_and_gradients(loss, joined(both))
        rates = {"discriminator": rate, "heads": heads_rate}
        moved, averages = step_each(both, averages, separated(gradients), step, rates, _BETAS)
        return moved, averages, report

    def _r1_step(
        self, p: Tensors, averages: Any, real: Tensor, change: Any, step: Tensor, rate: Tensor
    ) -> Any:
        recipe = self.networks.recipe
        shown = augment.apply(real, *change)

        def loss(q: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            slope = input_gradient(lambda x: ops.sum(self.networks.judge(q, x, "float32")), shown)
            penalty = r1(slope)
            return penalty * (recipe.r1_gamma / 2 * recipe.r1_every), {"r1": penalty}

        report, gradients = value_and_gradients(loss, p)
        moved, averages = adam(p, gradients, averages, step, rate, _BETAS)
        return moved, averages, report

    def _latents(
        self, rng: np.random.Generator, count: int
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Two z a picture, and at which layers the second one serves (style mixing)."""
        recipe = self.networks.recipe
        shape = (count, recipe.z_dim)
        z = tuple(ops.convert_to_tensor(rng.standard_normal(shape, np.float32)) for _ in "ab")
        layers = recipe.generator.num_ws
        mixing = 0.0 if self.anchor else recipe.mixing
        start = np.where(rng.random(count) < mixing, rng.integers(1, layers, size=count), layers)
        crossing = (np.arange(layers) >= start[:, None]).astype(np.float32)
        return (z[0], z[1]), ops.convert_to_tensor(crossing[:, :, None])

    def _noise(self, rng: np.random.Generator, count: int) -> Any:
        maps = self.networks.noise(rng, count)
        return None if maps is None else [ops.convert_to_tensor(plane) for plane in maps]

    def _change(self, rng: np.random.Generator, state: State, count: int) -> Any:
        p, side = state.counters["augment"], self.networks.recipe.resolution
        return tuple(map(ops.convert_to_tensor, augment.draw(rng, count, p, side)))

    def _look(self, rng: np.random.Generator) -> Any:
        """Where the features look, if they look at parts."""
        wander = getattr(self.features, "wandering", None) if self.judging else None
        return wander(rng) if wander else None

    def _adapt(self, state: State, number: int, sign: float) -> None:
        recipe = self.networks.recipe
        average = state.counters.get("sign", recipe.ada_target)
        state.counters["sign"] = average + (sign - average) * 0.1
        if (number + 1) % _ADAPT_EVERY == 0:
            state.counters["augment"] = augment.adapt(
                state.counters["augment"],
                state.counters["sign"],
                recipe.ada_target,
                recipe.batch * _ADAPT_EVERY,
                recipe.ada_kimg,
            )

    def _both(self, state: State) -> dict[str, Tensors]:
        prefix = {"generator": "synthesis." if self.anchor else ""}
        return {n: self.networks.trained(state, n, prefix.get(n, "")) for n in self.learning}

    def _still(self, state: State) -> Tensors:
        """What of the generator does not learn: the mapping network, where there is an anchor."""
        if not self.anchor:
            return {}
        generator = state.tensors["generator"]
        return {k: v for k, v in generator.items() if k.startswith("mapping.")}

    def _averages(self, state: State, names: Sequence[str] = ()) -> Any:
        learnt = {n: state.tensors[n] for n in names} or self._both(state)
        pairs = {n: (state.tensors[f"{n}_m"], state.tensors[f"{n}_v"]) for n in learnt}
        return {
            n: tuple({k: one[k] for k in learnt[n] if k in one} for one in pair)
            for n, pair in pairs.items()
        }

    def _store(self, state: State, moved: Mapping[str, Tensors], averages: Any) -> None:
        for name, parameters in moved.items():
            state.tensors[name].update(parameters)
            state.tensors[f"{name}_m"], state.tensors[f"{name}_v"] = map(dict, averages[name])


def _numbers(*values: float) -> list[Tensor]:
    return [ops.convert_to_tensor(np.float32(value)) for value in values]

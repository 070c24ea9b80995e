"""One step of training: what is made small, for the drawing network and for its judges.

Of a batch the first half is drawn with its own person's identity, so what should come out is
known: the picture itself. The other half gets somebody else's: there the recognizer has to see
the target and not the source, the judge of quality has to see a face that fits the map, and light
and tone at an eighth of the size have to stay. A network that guesses age and gender has to guess
of each result what it guesses of the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from keras import ops

from anonbase.errors import InputError
from anonbase.keras_backend import value_and_gradients
from stylegan.networks.parameters import Spec
from stylegan.networks.synthesis2 import synthesis_specs
from stylegan.semantic.config import SemanticConfig
from stylegan.semantic.discriminators import (
    contrastive,
    critic_specs,
    feature_matching,
    identity_specs,
    identity_vectors,
    judged,
    score_loss,
)
from stylegan.semantic.generator import composed, draw, generator_specs, shown
from stylegan.train.losses import likeness, reconstruction, smaller
from stylegan.train.state import Tensors, adam, moved_average

__all__ = ["Batch", "SemanticTraining", "TrainingStep", "specs_of"]

Tensor = Any
Groups = dict[str, Tensors]
_BETAS = (0.5, 0.99)
#: Numbers of a recognizer's vector.
VECTOR = 128
_LEARNT = ("generator", "critic", "siamese")
#: The running average is of a tenth of the steps so far, until it is as long as is asked for.
_SHORT = 10.0
_ADVERSARIAL = ("hinge", "lsgan")


@dataclass(frozen=True, kw_only=True)
class SemanticTraining:
    """Length and weights of a training run.

    Attributes:
        kpictures: pictures that are seen, in thousands.
        batch: pictures a step; half are drawn as themselves, half as somebody else.
        rate: of Adam for the generator at its highest; the judges have twice that.
        warm: share of the run after which the judge of quality counts in full; it begins at half.
        adversarial: "hinge" or "lsgan".
        recognized: pictures of each half that the recognizer looks at: it costs most.
        push: distance, of the recognizer's vectors, that a result keeps from its source.
        weights: of each loss.
    """

    kpictures: float = 40.0
    batch: int = 12
    recognized: int = 4
    rate: float = 2e-3
    warm: float = 0.2
    adversarial: str = "hinge"
    push: float = 1.0
    average: float = 0.998
    seed: int = 0
    pixel_weight: float = 4.0
    feature_weight: float = 1.0
    identity_weight: float = 1.0
    push_weight: float = 4.0
    siamese_weight: float = 0.05
    tone_weight: float = 2.0
    critic_weight: float = 0.1
    matching_weight: float = 1.0
    age_weight: float = 2.0
    gender_weight: float = 0.5

    def __post_init__(self) -> None:
        if self.adversarial not in _ADVERSARIAL:
            raise InputError(f"adversarial loss {self.adversarial!r}: expected hinge or lsgan")
        if self.batch < 4 or self.batch % 2 or self.kpictures <= 0:
            raise InputError("a batch has an even number of pictures, at least 4")
        if not 1 <= self.recognized <= self.batch // 2:
            raise InputError("the recognizer looks at one picture of each half, or at more")

    @property
    def steps(self) -> int:
        """How many batches the run has."""
        return max(1, round(self.kpictures * 1000 / self.batch))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Batch(NamedTuple):
    """What a step sees; the first half is drawn as itself.

    ``pictures`` RGB float32 (n, s, s, 3) in -1 to 1, ``maps`` (n, s, s, classes), ``own`` and
    ``target`` (n, d) the recognizer's vectors, ``identity`` (n, w_dim) the target's w; ``left``,
    ``right`` (m, d) and ``same`` (m,) pairs of real vectors for the siamese network; ``looks``
    (n, 2) the target's age in units of 50 years and its probability of "female".
    """

    pictures: Any
    maps: Any
    own: Any
    target: Any
    identity: Any
    left: Any
    right: Any
    same: Any
    looks: Any


def specs_of(config: SemanticConfig) -> dict[str, dict[str, Spec]]:
    """The parameters of every network that learns."""
    return {
        "generator": generator_specs(config),
        "critic": critic_specs(config.classes),
        "siamese": identity_specs(VECTOR),
    }


class TrainingStep:
    """One step as a function of tensors.

    ``features`` is as ``stylegan.train`` takes it; ``traits(pictures, cut)`` gives age in units of
    50 years and log odds of "female" (n, 2), with a gradient.
    """

    def __init__(
        self, config: SemanticConfig, recipe: SemanticTraining, features: Any, traits: Any
    ) -> None:
        self._config, self._recipe, self._features = config, recipe, features
        self._traits = traits
        specs = generator_specs(config)
        self._fixed = {k for k, v in specs.items() if not v.trainable}
        if config.shared:
            self._fixed |= set(synthesis_specs(config.decoder)) & set(specs)

    def __call__(
        self, groups: Groups, batch: Batch, cuts: Any, rate: Tensor, count: Tensor, share: Tensor
    ) -> tuple[Groups, dict[str, Tensor]]:
        """Parameters, their averages and moments after a step, and the losses.

        ``cuts`` is where features and traits look, ``share`` how much of the judge's weight
        counts, ``count`` the step from 1.
        """
        cut = cuts[0]
        real = [ops.stop_gradient(one) for one in self._maps(batch.pictures[: self._seen], cut)]
        told, gradients = value_and_gradients(
            lambda p: self._drawn(p, groups, batch, real, cuts, share), groups["generator"]
        )
        made = ops.stop_gradient(told.pop("made"))
        after = dict(groups)
        gradients = {k: g * 0.0 if k in self._fixed else g for k, g in gradients.items()}
        self._move(after, "generator", gradients, rate, count)
        for name, loss in (
            ("critic", lambda p: self._quality(p, batch, made)),
            ("siamese", lambda p: self._pairs(p, batch)),
        ):
            report, gradients = value_and_gradients(loss, groups[name])
            self._move(after, name, gradients, 2.0 * rate, count)
            told |= report
        keep = ops.minimum(self._recipe.average, count / (count + _SHORT))
        after["average"] = moved_average(groups["average"], after["generator"], keep)
        return after, told

    @property
    def _half(self) -> int:
        return self._recipe.batch // 2

    @property
    def _seen(self) -> int:
        return self._recipe.recognized

    def _looked_at(self, rows: Tensor) -> Tensor:
        """What the recognizer looks at: the first of each half."""
        half, seen = self._half, self._seen
        return ops.concatenate([rows[:seen], rows[half : half + seen]])

    def _maps(self, pictures: Tensor, cut: Any) -> list[Tensor]:
        return self._features.maps(pictures, cut)

    def _move(
        self, groups: Groups, name: str, gradients: Tensors, rate: Tensor, count: Tensor
    ) -> None:
        averages = groups[f"{name}.first"], groups[f"{name}.second"]
        moved, averages = adam(groups[name], gradients, averages, count, rate, _BETAS)
        groups[name], groups[f"{name}.first"], groups[f"{name}.second"] = moved, *averages

    def _drawn(
        self, p: Mapping[str, Tensor], groups: Groups, batch: Batch, real: list[Tensor], cuts: Any,
        share: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:  # fmt: skip
        seen, where = shown(batch.pictures, batch.maps)
        made = draw(p, self._config, seen, batch.maps, where, batch.identity)
        made = composed(made, batch.pictures, where)
        half, some, weigh = self._half, self._seen, self._recipe
        maps = self._maps(self._looked_at(made), cuts[0])
        own, target = self._looked_at(batch.own), self._looked_at(batch.target)
        vectors = maps[-1][:, 0, 0]
        losses = {
            "pixel": reconstruction(made[:half], batch.pictures[:half]) * weigh.pixel_weight,
            "feature": likeness([one[:some] for one in maps], real) * weigh.feature_weight,
            "identity": _squared(vectors, target) * weigh.identity_weight,
            "push": self._pushed(vectors[some:], own[some:]) * weigh.push_weight,
            "tone": _tone(made[half:], batch.pictures[half:]) * weigh.tone_weight,
            "siamese": self._told(groups["siamese"], vectors, own, target) * weigh.siamese_weight,
        }
        losses |= self._traits_off(self._traits(made, cuts[1]), batch.looks)
        scores = judged(groups["critic"], made, batch.maps)
        genuine = judged(groups["critic"], batch.pictures[:half], batch.maps[:half])
        fooled = self._fooled(scores[-1])
        losses["critic"] = fooled * weigh.critic_weight * share
        matched = feature_matching([one[:half] for one in scores], genuine)
        losses["matching"] = matched * weigh.matching_weight * share
        return sum(losses.values()), losses | {"made": made}

    def _traits_off(self, seen: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """How far guessed age and gender (n, 2) lie from the target's, weighed."""
        odds = seen[:, 1]
        off = ops.mean(ops.square(seen[:, 0] - wanted[:, 0]))
        wrong = ops.mean(ops.softplus(odds) - wanted[:, 1] * odds)
        weigh = self._recipe
        return {"age": off * weigh.age_weight, "gender": wrong * weigh.gender_weight}

    def _fooled(self, scores: Tensor) -> Tensor:
        if self._recipe.adversarial == "lsgan":
            return ops.mean(ops.square(scores - 1.0))
        return -ops.mean(scores)

    def _pushed(self, vectors: Tensor, own: Tensor) -> Tensor:
        apart = ops.sqrt(ops.sum(ops.square(vectors - own), axis=1) + 1e-8)
        return ops.mean(ops.square(ops.relu(self._recipe.push - apart)))

    def _told(self, siamese: Tensors, vectors: Tensor, own: Tensor, target: Tensor) -> Tensor:
        """To the target's vector all results, away from the source's those that are another's."""
        fixed = {k: ops.stop_gradient(v) for k, v in siamese.items()}
        made, some = identity_vectors(fixed, vectors), self._seen
        one = ops.ones_like(made[:, 0])
        wanted = contrastive(made, identity_vectors(fixed, target), one)
        source = identity_vectors(fixed, own[some:])
        return wanted + contrastive(made[some:], source, one[some:] * 0.0)

    def _quality(
        self, p: Mapping[str, Tensor], batch: Batch, made: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        kind = self._recipe.adversarial
        real = judged(p, batch.pictures, batch.maps)[-1]
        fake = judged(p, made, batch.maps)[-1]
        loss = score_loss(real, True, kind) + score_loss(fake, False, kind)
        return loss, {"critic own": loss, "real": ops.mean(real), "made": ops.mean(fake)}

    def _pairs(self, p: Mapping[str, Tensor], batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        left, right = (identity_vectors(p, v) for v in (batch.left, batch.right))
        loss = contrastive(left, right, batch.same)
        return loss, {"siamese own": loss}


def _squared(a: Tensor, b: Tensor) -> Tensor:
    return ops.mean(ops.sum(ops.square(a - b), axis=1))


def _tone(made: Tensor, real: Tensor) -> Tensor:
    return ops.mean(ops.abs(smaller(made - real, 8)))

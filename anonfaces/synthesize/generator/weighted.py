"""StyleGAN with weights: the two further ways of the AnonFACES paper to mix a group's latents.

M.-H. Le, M. S. N. Khan, G. Tsaloli, N. Carlsson and S. Buchegger, "AnonFACES: Anonymizing Faces
Adjusted to Constraints on Efficacy and Security", WPES 2020.

``Weighted`` is their loop: all weights start equal; as long as the re-identification rate (the
share of faces that dlib finds within 0.6 of their surrogate) is above 1/k, the weights of the
people who were re-identified are multiplied by beta = 0.8 and the whole mix by alpha = 0.8. Three
things are reconstructed, since paper and published program differ or leave them open. The paper
shrinks the mix towards the origin of W, where no face need be; here alpha is StyleGAN's
truncation, towards the mean w. The published program forgets a weight when its group is drawn
again; here weights add up, as the paper's text has it, and are divided by their sum. Where the
rate stays above 1/k after 20 rounds, which the paper does not foresee (the mean face may look
like somebody), the round with the least is taken, with a ``PrivacyWarning``.

They count the rate over the data set (``per="dataset"``), so that single groups may give their
people away; and a face then depends on other groups than its own. Per group, as it should be, is
the default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonbase.notices import warn_user
from anonbase.text import pluralize
from anonfaces.synthesize.generator.mean_latent import GeneratorSurrogate
from anonfaces.synthesize.generator.recognizer import distances, rendered_embedder

if TYPE_CHECKING:
    from anonfaces.synthesize import Members
    from anonfaces.synthesize.generator.latents import GroupLatents
    from anonfaces.synthesize.options import SurrogateOptions

__all__ = ["RandomlyWeighted", "Weighted"]

Latents = NDArray[np.float32]

ALPHA = BETA = 0.8
THRESHOLD = 0.6
LEAST = 0.6
MOST = 1.0
_ROUNDS = 20


class RandomlyWeighted(GeneratorSurrogate):
    """Each person weighs a random number in [0.6, 1], by the seed and the group's content."""

    name = "stylegan-random"

    def place(self, groups: list[GroupLatents]) -> Latents:
        """W+ (g, num_ws, w_dim)."""
        weights = [g.draw(self.options.seed).uniform(LEAST, MOST, len(g.latent)) for g in groups]
        mixed = np.stack([_mix(g, weight) for g, weight in zip(groups, weights, strict=True)])
        return mixed if self.hide is None else self.hide(mixed, groups)


class Weighted(GeneratorSurrogate):
    """Equal weights, adjusted until the re-identification rate is at most 1/k."""

    name = "stylegan-weighted"
    needs = ("vectors",)

    def __init__(self, options: SurrogateOptions) -> None:
        super().__init__(options)
        self.of_the_set = options.per == "dataset"
        self._mirror = rendered_embedder(self.generator, self.invert.framing)

    def place(self, groups: list[GroupLatents]) -> Latents:
        """W+ (g, num_ws, w_dim); of each group alone, or of all of ``groups`` together."""
        weights = [np.ones(len(group.latent)) for group in groups]
        alpha, lowest = np.ones(len(groups)), np.full(len(groups), np.inf)
        w = self._mixed(groups, weights, alpha)
        best = w.copy()
        for _ in range(_ROUNDS):
            near = self._reidentified(w, groups)
            rate = np.array([np.concatenate(group).mean() for group in near])
            better, lowest = rate < lowest, np.minimum(rate, lowest)
            best[better] = w[better]
            again = np.flatnonzero(self._too_many(near))
            if not len(again):
                return best
            for i in again:
                weights[i] = weights[i] * np.where([face.any() for face in near[i]], BETA, 1)
            alpha[again] *= ALPHA
            mixed = self._mixed(
                [groups[i] for i in again], [weights[i] for i in again], alpha[again]
            )
            w[again] = mixed
        self._warn(len(again))
        return best

    def _drawn_of(
        self, groups: Iterable[tuple[int, Members]]
    ) -> Iterator[list[tuple[int, Members]]]:
        """All groups at once where the rate is the data set's, some at a time otherwise."""
        if self.of_the_set:
            warn_user(
                f"--surrogate {self.name} --per dataset: a surrogate depends on how other groups"
                " are re-identified, not on its group alone, and single groups may be above 1/k",
            )
            yield list(groups)
        else:
            yield from super()._drawn_of(groups)

    def _mixed(
        self,
        groups: list[GroupLatents],
        weights: list[NDArray[np.float64]],
        alpha: NDArray[np.float64],
    ) -> Latents:
        mixed = np.stack([_mix(group, w) for group, w in zip(groups, weights, strict=True)])
        return self.truncated(self.hidden(mixed, groups), alpha[:, None, None])

    def _reidentified(
        self, w: Latents, groups: list[GroupLatents]
    ) -> list[list[NDArray[np.bool_]]]:
        """For each group and person, which of their faces are within 0.6 of the surrogate."""
        shown = zip(self._mirror(w), groups, strict=True)
        return [[d <= THRESHOLD for d in distances(*pair)] for pair in shown]

    def _too_many(self, found: list[list[NDArray[np.bool_]]]) -> NDArray[np.bool_]:
        """Groups to draw anew: their rate is above one in their people, or the set's is."""
        people = np.array([len(group) for group in found])
        rate = np.array([np.concatenate(group).mean() for group in found])
        if not self.of_the_set:
            return rate > 1 / people
        faces = np.concatenate([face for group in found for face in group])
        return (rate > 0) & bool(faces.mean() > 1 / people.min())

    def _warn(self, left: int) -> None:
        warn_user(
            f"--surrogate {self.name}: after {_ROUNDS} rounds"
            f" {pluralize(left, 'group is', 'groups are')} still re-identified more often"
            " than 1/k by dlib; of each the best round is taken",
        )


def _mix(group: GroupLatents, weight: NDArray[np.float64]) -> Latents:
    return np.average(group.latent, axis=0, weights=weight).astype(np.float32)

"""Ours: a latent near the group's mean whose face is equally far from every member.

The mean latent of a group may look like one member and unlike another. Here a differentiable
recogniser (dlib's network, run in Keras) sees the picture, and the latent is moved until every
member's nearest photograph lies at one and the same distance, a little above 0.6, at which dlib
takes two faces for two people: nobody stands out, and nothing more is given up than that takes.
Colour, perceived age and perceived gender stay at the group's medians (see ``traits``).

Two searches do it. The quick one is led by an emulator of what is seen (``emulated_search``) and
looks at four pictures a group; it serves generators that have an emulator. The exact one follows
the gradient through generator and recogniser for forty steps: it serves all others, and groups of
which the quick one left a member too near.

A picture may please a network and nobody else. Three things stand against that: the latent moves
in the principal directions of the generator's own latents, each in its own standard deviation, so
that it leaves the manifold in none; how far it moves has a price; and the exact search shows the
networks a picture a little moved, scaled and mirrored, otherwise in every step but the last ones,
while the quick one follows no gradient of theirs.

The recogniser and the attribute network take part, so neither can judge the result: measure with
others. That the face should be unlike everybody else in the set as well is left out on purpose:
it would make a released face depend on people outside of its group, which the guarantee excludes.

Stands up to a stranger with a recogniser; with the owner's key (``hiding``) also to who runs our
encoder or holds the very photographs of k - 1 members. Without the key it does to neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.generator.emulated_search import emulated_search
from anonfaces.synthesize.generator.mean_latent import GeneratorSurrogate, PlacingStoppedError
from anonfaces.synthesize.generator.objective import TARGET
from anonfaces.synthesize.generator.offset_search import offset_search
from anonfaces.synthesize.generator.recognizer import distances, padded_shape, rendered_embedder
from anonfaces.synthesize.member_distances import (
    THRESHOLD,
    TOLERANCE,
    describe_distances,
    warn_of_distances,
)

if TYPE_CHECKING:
    from anonfaces.synthesize import Members
    from anonfaces.synthesize.generator.latents import GroupLatents
    from anonfaces.synthesize.generator.mean_latent import Batch
    from anonfaces.synthesize.options import SurrogateOptions

__all__ = ["TARGET", "TOLERANCE", "Optimized"]

Latents = NDArray[np.float32]
Search = Any

STARTS = (1.0, 0.5)
"""Where a member stays too near, the start is drawn towards the generator's mean face."""


class Optimized(GeneratorSurrogate):
    """Adam on the offset from the group's mean latent, the same for all layers.

    ``member_distances`` says of every group that was made how far its face is from the nearest
    and from the farthest member, each by their nearest photograph, in dlib's embedding.
    """

    name = "optimised"
    needs = ("vectors", "color", "looks")
    at_once = 16

    def __init__(self, options: SurrogateOptions) -> None:
        super().__init__(options)
        self.watch: Callable[[int, int], None] | None = None
        self.earlier: Mapping[int, tuple[float, float]] = {}
        self.member_distances: dict[int, tuple[float, float]] = {}
        self._chip_size: int | None = None
        self._mirror = rendered_embedder(self.generator, self.invert.framing)

    def many(
        self, groups: Iterable[tuple[int, Members]]
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield ``(group, face)``; ``PrivacyWarning`` counts groups whose members stand out."""
        self.member_distances, self.earlier = dict(self.earlier), {}
        yield from super().many(groups)
        warn_of_distances(self.name, self.member_distances)

    @property
    def _exact(self) -> Search:
        return offset_search(self.generator, self.invert.framing, self._chip_size)

    @property
    def _quick(self) -> Search | None:
        return emulated_search(
            self.generator, self.invert.framing, self.options.generator, self._chip_size
        )

    def _tries(self) -> Iterator[tuple[float, Search]]:
        """Shares of the start's way from the mean face, and how it is searched from there."""
        if self._quick is not None:
            yield STARTS[0], self._quick
        for share in STARTS:
            yield share, self._exact

    def _drawn_of(
        self, groups: Iterable[tuple[int, Members]]
    ) -> Iterator[list[tuple[int, Members]]]:
        for some in super()._drawn_of(groups):
            self._chip_size = some[0][1].chip_size  # of a set all are of one size
            yield some

    def report_line(self) -> str:
        """In a line: where the faces that were made stand to their members, and their psi."""
        line = describe_distances(self.member_distances)
        return f"{line}; psi {self.psi:g}" if self.member_distances else line

    def place(self, groups: list[GroupLatents]) -> Latents:
        """W+ (g, num_ws, w_dim); each group's is found as if it were alone.

        Ctrl-C raises ``PlacingStoppedError`` with the groups that are found.
        """
        means = self.means(groups)
        w = means.astype(np.float32)
        nearest, left = np.full(len(groups), -np.inf), np.arange(len(groups))
        for share, search in self._tries():
            stopped: PlacingStoppedError | None = None
            starts = self.truncated(means[left].astype(np.float32), share)
            try:
                tried = self._moved(starts, [groups[i] for i in left], search)
            except PlacingStoppedError as stop:
                tried, left, stopped = stop.w[stop.done], left[stop.done], stop
            now = self._standing(tried, [groups[i] for i in left])[0]
            farther = now > nearest[left]
            w[left[farther]], nearest[left[farther]] = tried[farther], now[farther]
            if stopped is not None:
                done = nearest > THRESHOLD
                done[left] |= share == STARTS[-1]
                raise PlacingStoppedError(w, done)
            left = left[nearest[left] <= THRESHOLD]
            if not len(left):
                break
        return w

    def finished(self, batch: Batch) -> Batch:
        """Note how far the members of each group are from what will be released."""
        near, far = self._standing(batch.w, batch.people)
        pairs = zip(near.tolist(), far.tolist(), strict=True)
        self.member_distances |= dict(zip(batch.numbers, pairs, strict=True))
        return batch

    def _standing(
        self, w: Latents, groups: list[GroupLatents]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Of each group the distance of the nearest and of the farthest member, float64 (g,)."""
        shown = zip(self._mirror(w), groups, strict=True)
        own = [[face.min() for face in distances(*pair)] for pair in shown]
        return np.array([min(d) for d in own]), np.array([max(d) for d in own])

    def _moved(self, starts: Latents, groups: list[GroupLatents], search: Search) -> Latents:
        w, done = np.empty_like(starts), np.zeros(len(groups), bool)
        try:
            for some in _of_one_shape(groups, search.at_once):
                w[some] = search(starts[some], [groups[i] for i in some])
                done[some] = True
                if self.watch is not None:
                    self.watch(int(done.sum()), len(groups))
        except KeyboardInterrupt:
            raise PlacingStoppedError(w, done) from None
        return w


def _of_one_shape(groups: list[GroupLatents], most: int) -> Iterator[list[int]]:
    """Rows of groups that are searched together: of one ``padded_shape``, ``most`` at once."""
    shapes = [padded_shape(group) for group in groups]
    for shape in sorted(set(shapes)):
        rows = [i for i, own in enumerate(shapes) if own == shape]
        for start in range(0, len(rows), most):
            yield rows[start : start + most]

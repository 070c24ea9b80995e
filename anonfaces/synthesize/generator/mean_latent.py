"""StyleGAN: the picture of a group's mean latent.

M.-H. Le, M. S. N. Khan, G. Tsaloli, N. Carlsson and S. Buchegger, "AnonFACES: Anonymizing Faces
Adjusted to Constraints on Efficacy and Security", WPES 2020. They have one photograph of each
person; here a person with many is their own mean latent, so that people weigh equally.

Stands up to a stranger with a recogniser; with the owner's key (``hiding``) also to who runs our
encoder or holds the very photographs of k - 1 members. Without the key it does to neither.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import GuaranteeError
from anonfaces.synthesize.generator.inversion import load_inversion
from anonfaces.synthesize.generator.latents import people_of
from anonfaces.synthesize.hiding import KEYED_PSI, Hiding
from encoders.detect.pool import FaceDetectorPool, enlarged, shows_a_face

if TYPE_CHECKING:
    from anonfaces.synthesize import Members
    from anonfaces.synthesize.generator.latents import GroupLatents, Inversion
    from anonfaces.synthesize.options import SurrogateOptions
    from stylegan.generator import Generator

__all__ = ["RETREAT", "Batch", "GeneratorSurrogate", "PlacingStoppedError", "StyleGan"]

Pixels = NDArray[np.uint8]
Latents = NDArray[np.float32]

RETREAT = (1.0, 0.85, 0.7, 0.5, 0.3)
"""Where dlib finds no face, the latent is drawn towards the generator's mean, to these shares."""
_AT_ONCE = 64
_BATCH = 4  # pictures at a time: of 32 some differ by a level with their place, of 4 none, measured


@dataclass(kw_only=True)
class Batch:
    """Groups under way: numbers, people, chip sizes, latents and what was drawn of them."""

    numbers: list[int]
    people: list[GroupLatents]
    sizes: list[int]
    w: Latents
    pictures: Pixels


class PlacingStoppedError(KeyboardInterrupt):
    """Ctrl-C while groups are placed, with those that are.

    ``w`` (g, num_ws, w_dim) of all groups, ``done`` bool (g,) those whose w will not change.
    """

    def __init__(self, w: Latents, done: NDArray[np.bool_]) -> None:
        super().__init__("stopped")
        self.w, self.done = w, done


class GeneratorSurrogate(ABC):
    """What the methods with a generator have in common: ``place`` says where a group's w lies.

    No face is released in which dlib finds none: the latent is drawn towards the generator's
    mean face first, and where that does not help either a ``GuaranteeError`` names the group.
    """

    name = "generator"
    needs: tuple[str, ...] = ()
    """What ``place`` has to know of the people beside their latents, as ``people_of`` names it."""
    of_the_set = False
    """Whether a face depends on other groups than its own."""
    at_once = _AT_ONCE
    """Groups that are placed together; what a run that is killed loses at most."""

    def __init__(self, options: SurrogateOptions) -> None:
        self.options = options
        self.generator, self.invert = _loaded(
            _Source(options.generator, options.label, options.progress)
        )
        self.mean: Latents = np.asarray(self.generator.values()["mapping.w_avg"])
        self.hide: Hiding | None = None
        if options.key is not None:
            self.hide = Hiding(self.generator, options.key, self.invert.framing)

    def means(self, groups: list[GroupLatents]) -> NDArray[np.float64]:
        """The mean W+ of each group's people, by the owner's key and psi where there are such."""
        means = np.stack([people.latent.mean(axis=0, dtype=np.float64) for people in groups])
        return self.hidden(means, groups)

    def hidden(self, w: NDArray[np.floating], groups: list[GroupLatents]) -> NDArray[np.float64]:
        """W+ of ``groups`` moved by the owner's key, where there is one, and at psi.

        psi comes before what ``place`` does with it: drawn in afterwards, members would stand out.
        """
        moved = np.asarray(w if self.hide is None else self.hide(w, groups), np.float64)
        return self.mean + self.psi * (moved - self.mean)

    @property
    def psi(self) -> float:
        """The share of a latent's way from the generator's mean that is kept."""
        if self.options.psi is not None:
            return self.options.psi
        return 1.0 if self.hide is None else KEYED_PSI

    @abstractmethod
    def place(self, groups: list[GroupLatents]) -> Latents:
        """W+ float32 (g, num_ws, w_dim), one a group, of that group alone."""

    def __call__(self, members: Members) -> Pixels:
        ((_, face),) = self.many([(0, members)])
        return face

    def many(self, groups: Iterable[tuple[int, Members]]) -> Iterator[tuple[int, Pixels]]:
        """Yield ``(group, face)`` in order; while one batch is drawn the last is looked at.

        Stopped by Ctrl-C it yields what is drawn before it stops.
        """
        with FaceDetectorPool(self.options.jobs) as pool:
            for batch in self._looked_at(groups, pool):
                for number, size, face in zip(
                    batch.numbers, batch.sizes, batch.pictures, strict=True
                ):
                    yield number, enlarged(face, size)

    def finished(self, batch: Batch) -> Batch:
        """The batch once all of it shows faces, before it is released."""
        return batch

    def truncated(self, w: NDArray[np.floating], share: float | NDArray[np.float64]) -> Latents:
        """``w`` drawn towards the generator's mean: ``share`` of the way is left."""
        return (self.mean + share * (w - self.mean)).astype(np.float32)

    def draw(self, w: Latents) -> Pixels:
        """Pictures uint8 (g, side, side, 3) of W+; each is as if drawn alone."""
        return self.generator.pictures(w, batch=_BATCH)

    def _looked_at(
        self, groups: Iterable[tuple[int, Members]], pool: FaceDetectorPool
    ) -> Iterator[Batch]:
        waiting: Batch | None = None
        stopped: KeyboardInterrupt | None = None
        drawn = self._drawn(groups)
        while True:
            try:
                batch = next(drawn, None)
            except KeyboardInterrupt as stop:
                batch, stopped = None, stop
            if batch is not None:
                pool.submit(list(batch.pictures))
            if waiting is not None:
                yield self._with_faces(waiting, pool.results())
            if batch is None:
                break
            waiting = batch
        if stopped is not None:
            raise stopped

    def _drawn(self, groups: Iterable[tuple[int, Members]]) -> Iterator[Batch]:
        for some in self._drawn_of(groups):
            members = [who for _, who in some]
            people = people_of(members, self.invert, self.needs)
            stopped: PlacingStoppedError | None = None
            try:
                w, done = self.place(people), np.ones(len(some), bool)
            except PlacingStoppedError as stop:
                w, done, stopped = stop.w, stop.done, stop
            placed = np.flatnonzero(done)
            for start in range(0, len(placed), _AT_ONCE):
                part = placed[start : start + _AT_ONCE]
                yield Batch(
                    numbers=[some[i][0] for i in part],
                    people=[people[i] for i in part],
                    sizes=[members[i].chip_size for i in part],
                    w=w[part],
                    pictures=self.draw(w[part]),
                )
            if stopped is not None:
                raise stopped

    def _drawn_of(
        self, groups: Iterable[tuple[int, Members]]
    ) -> Iterator[list[tuple[int, Members]]]:
        """Groups in the batches in which they are drawn."""
        left = iter(groups)
        while some := list(islice(left, self.at_once)):
            yield some

    def _with_faces(self, batch: Batch, seen: NDArray[np.bool_]) -> Batch:
        faceless, asked = np.flatnonzero(~seen), batch.w.copy()
        for share in RETREAT[1:]:
            if len(faceless):
                batch.w[faceless] = self.truncated(asked[faceless], share)
                batch.pictures[faceless] = self.draw(batch.w[faceless])
                faceless = np.array([i for i in faceless if not shows_a_face(batch.pictures[i])])
        if len(faceless):
            raise GuaranteeError(_no_face(self.name, [batch.numbers[i] for i in faceless]))
        return self.finished(batch)


class StyleGan(GeneratorSurrogate):
    """The mean of the people's latents, each person with equal weight."""

    name = "stylegan"

    def place(self, groups: list[GroupLatents]) -> Latents:
        return self.means(groups).astype(np.float32)


@dataclass(frozen=True)
class _Source:
    """Which generator; whether its progress is told makes no other of it."""

    path: Path | None
    label: int | None
    progress: bool = field(compare=False)


@lru_cache(maxsize=2)  # that which ships, and one of the user's
def _loaded(source: _Source) -> tuple[Generator, Inversion]:
    """A generator and the way into it, shared by the methods: compiling them takes seconds."""
    import stylegan

    generator = stylegan.load(source.path)
    if source.label is not None:
        generator = generator.of_class(source.label)
    return generator, load_inversion(generator, source.path, source.progress)


def _no_face(name: str, numbers: list[int]) -> str:
    message = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    return (
        f"--surrogate {name}: dlib finds no face in what the generator draws for group {message},"
        f" not even at {RETREAT[-1]:g} of the way from its mean face; nothing is released:"
        " take a smaller --psi, another --generator, or another --surrogate"
    )

"""Ours: a latent near the group's mean whose face is equally far from every member.

The mean latent of a group may look like one member and unlike another. Here a differentiable
recogniser (dlib's network, run in Keras) sees the picture, and the latent is moved until every
member's nearest photograph lies at one and the same distance, a little above 0.6, at which dlib
takes two faces for two people: nobody stands out, and nothing more is given up than that takes.
Colour, perceived age and perceived gender stay at the group's medians (see ``traits``).

A picture may please a network and nobody else. Three things stand against that: the latent moves
in the principal directions of the generator's own latents, each in its own standard deviation, so
that it leaves the manifold in none; how far it moves has a price; and the networks see the
picture a little moved, scaled and mirrored, otherwise in every step but the last ones.

The recogniser and the attribute network take part, so neither can judge the result: measure with
others. That the face should be unlike everybody else in the set as well is left out on purpose:
it would make a released face depend on people outside of its group, which the guarantee excludes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.notices import warn_user
from anonfaces.synthesize.generator.mean_latent import GeneratorSurrogate
from anonfaces.synthesize.generator.recognizer import (
    Gallery,
    RenderedEmbedder,
    distances,
    padded_shape,
)
from anonfaces.synthesize.generator.traits import TargetTraits, Traits, attribute_loss, color_loss

if TYPE_CHECKING:
    from anonfaces.synthesize import Members
    from anonfaces.synthesize.generator.latents import GroupLatents
    from anonfaces.synthesize.generator.mean_latent import Batch
    from anonfaces.synthesize.options import SurrogateOptions
    from stylegan.generator import Generator

__all__ = ["TARGET", "TOLERANCE", "Optimized"]

Latents = NDArray[np.float32]
Tensor = Any

THRESHOLD, TARGET = 0.6, 0.64
TOLERANCE = 0.1
"""The largest and the smallest distance of a group's members differ by no more than this."""
STARTS = (1.0, 0.5)
"""Where a member stays too near, the start is drawn towards the generator's mean face."""
_TOO_NEAR, _UNEVEN = 10.0, 2.0
_COLOUR, _TINT, _LOOKS, _OFFSET_PENALTY = 0.5, 0.3, 0.05, 0.015
_STEPS, _PLAIN, _RATE, _BETAS = 40, 12, 0.06, (0.9, 0.99)
_AT_ONCE, _SAMPLED = 4, 4096
_SHIFT, _SCALE = 0.015, 0.03


class Optimized(GeneratorSurrogate):
    """Adam on the offset from the group's mean latent, the same for all layers.

    ``member_distances`` says of every group that was made how far its face is from the nearest
    and from the farthest member, each by their nearest photograph, in dlib's embedding.
    """

    name = "optimised"
    needs = ("vectors", "colour", "looks")
    at_once = 16

    def __init__(self, options: SurrogateOptions) -> None:
        super().__init__(options)
        self.watch: Callable[[int, int], None] | None = None
        self.member_distances: dict[int, tuple[float, float]] = {}
        self._directions = _principal(self.generator)
        self._mirror = RenderedEmbedder(self.generator, self.invert.framing)
        self._traits = Traits(self.invert.framing, self.generator.config.resolution)

    def many(
        self, groups: Iterable[tuple[int, Members]]
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield ``(group, face)``; ``PrivacyWarning`` counts groups whose members stand out."""
        self.member_distances = {}
        yield from super().many(groups)
        _warn(self.member_distances)

    def report_line(self) -> str:
        """In a line: where the faces that were made stand to their members."""
        near, far = np.array([*self.member_distances.values()]).reshape(-1, 2).T
        if not len(near):
            return "no surrogate was made"
        spread = far - near
        return (
            f"members' distances in dlib's embedding {near.min():.2f} to {far.max():.2f};"
            f" farthest less nearest of a group {np.median(spread):.3f} in the median,"
            f" {spread.max():.3f} at most"
        )

    def place(self, groups: list[GroupLatents]) -> Latents:
        """W+ (g, num_ws, w_dim); each group's is found as if it were alone."""
        means = np.stack([g.latent.mean(axis=0, dtype=np.float64) for g in groups])
        made = means.astype(np.float32)
        nearest, left = np.full(len(groups), -np.inf), np.arange(len(groups))
        for share in STARTS:
            some = [groups[i] for i in left]
            tried = self._moved(self.truncated(means[left], share), some)
            now = self._standing(tried, some)[0]
            farther = now > nearest[left]
            made[left[farther]], nearest[left[farther]] = tried[farther], now[farther]
            left = left[nearest[left] <= THRESHOLD]
            if not len(left):
                break
        return made

    def at_psi(self, groups: list[GroupLatents]) -> Latents:
        """psi bounds where a latent starts: drawn in afterwards, members would stand out again."""
        psi = self.options.psi
        if psi is None:
            return self.place(groups)
        nearer = [replace(g, latent=self.truncated(g.latent, psi)) for g in groups]
        return self.place(nearer)

    def finished(self, batch: Batch) -> Batch:
        """Note how far the members of each group are from what will be released."""
        near, far = self._standing(batch.w, batch.people)
        pairs = zip(near.tolist(), far.tolist(), strict=True)
        self.member_distances |= dict(zip(batch.numbers, pairs, strict=True))
        return batch

    def _standing(self, w: Latents, groups: list[GroupLatents]) -> tuple[NDArray, NDArray]:
        """Of each group the distance of the nearest and of the farthest member, float64 (g,)."""
        shown = zip(self._mirror(w), groups, strict=True)
        own = [[face.min() for face in distances(*pair)] for pair in shown]
        return np.array([min(d) for d in own]), np.array([max(d) for d in own])

    def _moved(self, starts: Latents, groups: list[GroupLatents]) -> Latents:
        made, rooms, found = np.empty_like(starts), [padded_shape(group) for group in groups], 0
        for size in sorted(set(rooms)):
            rows = [i for i, own in enumerate(rooms) if own == size]
            for start in range(0, len(rows), _AT_ONCE):
                some = rows[start : start + _AT_ONCE]
                made[some] = self._found(starts[some], [groups[i] for i in some])
                found += len(some)
                if self.watch is not None:
                    self.watch(found, len(groups))
        return made

    def _found(self, starts: Latents, groups: list[GroupLatents]) -> Latents:
        from keras import ops

        gallery, wanted = Gallery.of(groups, _AT_ONCE), TargetTraits.of(groups, _AT_ONCE)
        start = np.resize(starts, (_AT_ONCE, *starts.shape[1:]))
        known = {
            name: ops.convert_to_tensor(values)
            for name, values in {**vars(gallery), **vars(wanted), "start": start}.items()
        }
        known["tint"] = self._tint(known["start"])
        offset = ops.zeros((_AT_ONCE, len(self._directions)))
        moments = (ops.zeros_like(offset), ops.zeros_like(offset[:, :1]))
        for step in self._schedule:
            offset, moments = self._step(offset, moments, step, known)
        moved = ops.convert_to_numpy(offset) @ self._directions
        return (start + moved[:, None])[: len(groups)]

    @cached_property
    def _tint(self) -> Any:
        from anonbase.keras_backend import compiled

        noise = self.generator.noise_maps()
        return compiled(lambda w: self._traits.chroma_map(self.generator.apply(w, noise)))

    @cached_property
    def _step(self) -> Any:
        from anonbase.keras_backend import compiled

        return compiled(self._stepped)

    def _stepped(
        self, offset: Tensor, moments: Any, step: dict[str, Tensor], known: dict[str, Tensor]
    ) -> tuple[Tensor, Any]:
        """Adam with one step size a group: directions that matter little are left alone."""
        from keras import ops

        from anonbase.keras_backend import value_and_gradients

        def loss(parameters: Any) -> tuple[Tensor, dict[str, Tensor]]:
            return ops.sum(self._loss(parameters["offset"], step, known)), {}

        _, gradient = value_and_gradients(loss, {"offset": offset})
        g, number = gradient["offset"], step["number"]
        first = _BETAS[0] * moments[0] + (1 - _BETAS[0]) * g
        square = ops.mean(ops.square(g), axis=1, keepdims=True)
        second = _BETAS[1] * moments[1] + (1 - _BETAS[1]) * square
        along = first / (1 - ops.power(_BETAS[0], number))
        scale = ops.sqrt(second / (1 - ops.power(_BETAS[1], number))) + 1e-8
        return offset - step["rate"] * along / scale, (first, second)

    def _loss(self, offset: Tensor, step: dict[str, Tensor], known: dict[str, Tensor]) -> Tensor:
        from keras import ops

        w = known["start"] + ops.matmul(offset, self._directions)[:, None]
        images = self.generator.apply(w, self.generator.noise_maps())
        shown = ops.einsum("yi,nijc,xj->nyxc", step["rows"], images, step["columns"])
        return (
            _of_distances(self._mirror.embed(shown), known)
            + _COLOUR * color_loss(self._traits.color(images), known["colour"])
            + _LOOKS * attribute_loss(self._traits.looks(shown), known["looks"])
            + _TINT
            * ops.sum(ops.square(self._traits.chroma_map(images) - known["tint"]), axis=(1, 2, 3))
            + _OFFSET_PENALTY * ops.sum(ops.square(offset), axis=1)
        )

    @cached_property
    def _schedule(self) -> list[dict[str, Tensor]]:
        from keras import ops

        side, rng = self.generator.config.resolution, np.random.default_rng(0)
        steps = []
        for number in range(_STEPS):
            rate = _RATE * min(1.0, (number + 1) / 5, 3 * (1 - number / _STEPS))
            rows, columns = _view(side, rng if number < _STEPS - _PLAIN else None)
            step = {"rate": rate, "number": number + 1, "rows": rows, "columns": columns}
            steps.append({k: ops.convert_to_tensor(v, "float32") for k, v in step.items()})
        return steps


def _of_distances(seen: Tensor, known: dict[str, Tensor]) -> Tensor:
    """What it costs that members are too near, or farther than need be, (g,).

    Among many one who is too near weighs as much as among few.
    """
    from keras import ops

    here, distance = known["here"], _distances(seen, known["vector"], known["away"])
    near, far = ops.relu(TARGET - distance), ops.relu(distance - TARGET)
    too_near, uneven = (ops.sum(ops.square(off) * here, axis=1) for off in (near, far))
    return _TOO_NEAR * too_near + _UNEVEN * uneven / (ops.sum(here, axis=1) + 1e-6)


def _distances(seen: Tensor, vector: Tensor, away: Tensor) -> Tensor:
    """Of each picture to each person's nearest face: (g, 128), (g, f, 128), (g, p, f) to (g, p)."""
    from keras import ops

    square = ops.sum(ops.square(seen[:, None] - vector), axis=2)
    return ops.min(ops.sqrt(square + 1e-8)[:, None] + away, axis=2)


def _principal(generator: Generator) -> Latents:
    """The principal directions of the generator's w, each as long as its standard deviation."""
    drawn = generator.map(generator.latents(range(_SAMPLED)))[:, 0].astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(drawn, rowvar=False))
    return (vectors * np.sqrt(np.maximum(values, 0))).T.astype(np.float32)


def _view(side: int, rng: np.random.Generator | None) -> tuple[NDArray, NDArray]:
    """Matrices (side, side) by which the networks see a picture; the plain one without ``rng``."""
    from encoders.frame import CropSquare, resampling

    if rng is None:
        return np.eye(side), np.eye(side)
    x, y = 0.5 + rng.uniform(-_SHIFT, _SHIFT, 2)
    square = CropSquare(x, y, float(np.exp(rng.uniform(-_SCALE, _SCALE))))
    rows, columns = (resampling(side, square, axis, side) for axis in "yx")
    return rows, columns[::-1] if rng.random() < 0.5 else columns


def _warn(member_distances: dict[int, tuple[float, float]]) -> None:
    near = [group for group, (nearest, _) in member_distances.items() if nearest <= THRESHOLD]
    uneven = [g for g, (nearest, far) in member_distances.items() if far - nearest > TOLERANCE]
    for groups, message in (
        (near, "dlib takes the surrogate for one of its own members"),
        (
            uneven,
            f"the surrogate is nearer to some members than to others by over {TOLERANCE:g}",
        ),
    ):
        if groups:
            warn_user(
                f"--surrogate optimised: in {len(groups)} of {len(member_distances)} groups"
                f" {message} (owner/surrogate_distances.csv says in which)",
            )

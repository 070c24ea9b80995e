"""Ours: a latent near the group's mean whose face is equally far from every member.

The mean latent of a group may look like one member and unlike another. Here a differentiable
recogniser (dlib's network, run in Keras) sees the picture, and the latent is moved until every
member's nearest photograph lies at one and the same distance, a little above 0.6, at which dlib
takes two faces for two people: nobody stands out, and nothing more is given up than that takes.
The latent stays near the mean of the group in units of the generator's own variety, and the
inner face keeps the mean colour of the members'.

The recogniser takes part, so dlib cannot judge the result: measure with another. That the face
should be unlike everybody else in the set as well is left out on purpose: it would make a released
face depend on people outside of its group, which the guarantee excludes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.errors import PrivacyWarning
from anonfaces.synthesize.latents import inner_face
from anonfaces.synthesize.recognised import Gallery, Mirror, room
from anonfaces.synthesize.stylegan import GeneratorSurrogate

if TYPE_CHECKING:
    from anonfaces.synthesize.latents import People
    from anonfaces.synthesize.options import Drawing

__all__ = ["Optimised"]

Latents = NDArray[np.float32]
Tensor = Any

THRESHOLD, TARGET = 0.6, 0.64
_TOO_NEAR, _UNEVEN, _COLOUR, _STRAY = 20.0, 1.0, 1.0, 0.002
_STEPS, _RATE, _BETAS = 30, 0.12, (0.9, 0.99)
_AT_ONCE, _SAMPLED = 4, 1024


class Optimised(GeneratorSurrogate):
    """Adam on the offset from the group's mean latent, the same for all layers."""

    name = "optimised"
    looks_at_faces = True

    def __init__(self, drawing: Drawing) -> None:
        super().__init__(drawing)
        drawn = self.generator.map(self.generator.latents(range(_SAMPLED)))[:, 0]
        self._spread = drawn.std(axis=0) + np.float32(1e-3)
        side = self.generator.config.resolution
        self._mirror = Mirror(self.generator, self.invert.framing)
        self._rows, self._columns = _weights(self.invert.framing, side)

    def place(self, groups: list[People]) -> Latents:
        """W+ (g, num_ws, w_dim); each group's is found as if it were alone."""
        made = np.empty((len(groups), *groups[0].latent.shape[1:]), np.float32)
        rooms = [room(group) for group in groups]
        for size in sorted(set(rooms)):
            rows = [i for i, own in enumerate(rooms) if own == size]
            for start in range(0, len(rows), _AT_ONCE):
                some = rows[start : start + _AT_ONCE]
                made[some] = self._found([groups[i] for i in some])
        return made

    def _found(self, groups: list[People]) -> Latents:
        from keras import ops

        means = np.stack([g.latent.mean(axis=0, dtype=np.float64) for g in groups])
        start = np.resize(means.astype(np.float32), (_AT_ONCE, *means.shape[1:]))
        gallery = Gallery.of(groups, _AT_ONCE)
        known = [
            ops.convert_to_tensor(a)
            for a in (start, gallery.vector, gallery.away, gallery.here, gallery.tone)
        ]
        offset = ops.zeros((_AT_ONCE, start.shape[2]))
        moments = (ops.zeros_like(offset), ops.zeros_like(offset))
        for rate, number in _schedule():
            offset, moments, report = self._step(offset, moments, rate, number, *known)
        least = ops.convert_to_numpy(report["distance"]).min(axis=1)[: len(groups)]
        _warn(int((least <= THRESHOLD).sum()))
        moved = ops.convert_to_numpy(offset) * self._spread
        return (start + moved[:, None])[: len(groups)]

    @cached_property
    def _step(self) -> Any:
        from stylegan._backend import compiled

        return compiled(self._moved)

    def _moved(
        self, offset: Tensor, moments: Any, rate: Tensor, number: Tensor, *known: Tensor
    ) -> tuple[Tensor, Any, Tensor]:
        from keras import ops

        from stylegan._autodiff import value_and_gradients

        def loss(parameters: Any) -> tuple[Tensor, dict[str, Tensor]]:
            each, report = self._loss(parameters["offset"], *known)
            return ops.sum(each), report

        report, gradient = value_and_gradients(loss, {"offset": offset})
        g = gradient["offset"]
        first = _BETAS[0] * moments[0] + (1 - _BETAS[0]) * g
        second = _BETAS[1] * moments[1] + (1 - _BETAS[1]) * g * g
        step = first / (1 - ops.power(_BETAS[0], number))
        scale = ops.sqrt(second / (1 - ops.power(_BETAS[1], number))) + 1e-8
        return offset - rate * step / scale, (first, second), report

    def _loss(
        self,
        offset: Tensor,
        start: Tensor,
        vector: Tensor,
        away: Tensor,
        here: Tensor,
        tone: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        from keras import ops

        w = start + (offset * self._spread)[:, None]
        images = self.generator.apply(w, self.generator.noise_maps())
        seen = self._mirror.see(images)
        distance = _distances(seen, vector, away)
        near = ops.square(ops.relu(TARGET - distance)) * here
        far = ops.square(ops.relu(distance - TARGET)) * here
        people = ops.sum(here, axis=1) + 1e-6
        colour = ops.einsum("y,nyxc,x->nc", self._rows, ops.clip(images, -1, 1), self._columns)
        loss = (
            ops.sum(_TOO_NEAR * near + _UNEVEN * far, axis=1) / people
            + _COLOUR * ops.sum(ops.square(colour - tone), axis=1)
            + _STRAY * ops.sum(ops.square(offset), axis=1) / 10
        )
        return loss, {"distance": distance, "loss": loss}


def _warn(near: int) -> None:
    if near:
        warnings.warn(
            f"--surrogate optimised: dlib takes {near} surrogates for one of their own members",
            PrivacyWarning,
            stacklevel=2,
        )


def _distances(seen: Tensor, vector: Tensor, away: Tensor) -> Tensor:
    """Of each picture to each person's nearest face: (g, 128), (g, f, 128), (g, p, f) to (g, p)."""
    from keras import ops

    square = ops.sum(ops.square(seen[:, None] - vector), axis=2)
    return ops.min(ops.sqrt(square + 1e-8)[:, None] + away, axis=2)


def _weights(framing: Any, side: int) -> tuple[Tensor, Tensor]:
    """How much each row, and each column, of a picture belongs to the inner face."""
    from keras import ops

    from encoders.frame import resampling

    square = inner_face(framing)
    return tuple(
        ops.convert_to_tensor(resampling(side, square, axis, 32).mean(axis=0)) for axis in "yx"
    )


def _schedule() -> Iterator[tuple[Tensor, Tensor]]:
    from keras import ops

    for number in range(_STEPS):
        rate = _RATE * min(1.0, (number + 1) / 5, 3 * (1 - number / _STEPS))
        yield ops.convert_to_tensor(np.float32(rate)), ops.convert_to_tensor(np.float32(number + 1))

"""The search of the optimised surrogate: Adam on an offset from the group's mean latent.

What is compiled belongs to a generator, not to a method: compiling takes some ten seconds, and
whoever makes surrogates twice in one process pays it once.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.generator.recognizer import Gallery, rendered_embedder
from anonfaces.synthesize.generator.traits import TargetTraits, Traits, attribute_loss, color_loss

if TYPE_CHECKING:
    from anonfaces.synthesize.generator.latents import GroupLatents
    from encoders.frame import CropAlignment
    from stylegan.generator import Generator

__all__ = ["TARGET", "OffsetSearch", "offset_search"]

Latents = NDArray[np.float32]
Tensor = Any

#: Distance in dlib's embedding that no member may be nearer than: dlib's 0.6 and a margin.
TARGET = 0.64
#: Groups searched at once: more do not fit the cache of a core and are slower each.
_AT_ONCE = 4
#: Weight of what a member is nearer than ``TARGET``, squared.
_TOO_NEAR = 10.0
#: Weight of the variance of the members' distances.
_UNEVEN = 2.0
#: Weight of the inner face's mean colour.
_COLOUR = 0.5
#: Weight of the coarse map of colours, which keeps eyes and lips from turning blue.
_TINT = 0.3
#: Weight of perceived age and gender.
_LOOKS = 0.05
#: Weight of the squared length of the offset: a face far from the mean looks broken.
_OFFSET_PENALTY = 0.015
#: Steps of Adam.
_STEPS = 40
#: Last steps, in which the picture is looked at as it is, not shifted and scaled.
_PLAIN = 12
#: Adam's rate, in standard deviations of the principal directions.
_RATE = 0.06
_BETAS = (0.9, 0.99)
#: Latents that the principal directions are computed of.
_SAMPLED = 4096
#: Largest shift of a view, in sides of the picture, so that no single alignment is fooled.
_SHIFT = 0.015
#: Largest change of a view's side, as a logarithm.
_SCALE = 0.03


class OffsetSearch:
    """Moves the latents of groups until their members are equally far from the face.

    The offset lies in the principal directions of the generator's own latents, the same for all
    layers.
    """

    def __init__(self, generator: Generator, framing: CropAlignment) -> None:
        self.generator = generator
        self.at_once = generator.at_once(_AT_ONCE, gradients=True)
        self._directions = _principal(generator)
        self._mirror = rendered_embedder(generator, framing)
        self._traits = Traits(framing, generator.config.resolution)

    def __call__(self, starts: Latents, groups: list[GroupLatents]) -> Latents:
        """W+ (g, num_ws, w_dim) of up to ``at_once`` groups of one ``padded_shape``."""
        from keras import ops

        gallery, wanted = Gallery.of(groups, self.at_once), TargetTraits.of(groups, self.at_once)
        start = np.resize(starts, (self.at_once, *starts.shape[1:]))
        known = {
            name: ops.convert_to_tensor(values)
            for name, values in {**vars(gallery), **vars(wanted), "start": start}.items()
        }
        known["tint"] = self._tint(known["start"])
        offset = ops.zeros((self.at_once, len(self._directions)))
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
            + _COLOUR * color_loss(self._traits.color(images), known["color"])
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


def offset_search(
    generator: Generator, framing: CropAlignment, chip_size: int | None = None
) -> OffsetSearch:
    """The search of ``generator``, one for all methods: compiling it takes seconds.

    A picture of more than twice ``chip_size`` is looked at in a lower output of the network: what
    looks at it sees 150 px, and a step grows with the pixels that are drawn.
    """
    side = generator.config.resolution
    return _search_at(generator, framing, side if side <= 2 * (chip_size or side) else chip_size)


@lru_cache(maxsize=1)
def _search_at(generator: Generator, framing: CropAlignment, side: int) -> OffsetSearch:
    return OffsetSearch(generator.lower(side), framing)


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


def _view(side: int, rng: np.random.Generator | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Matrices (side, side) by which the networks see a picture; the plain one without ``rng``."""
    from encoders.frame import CropSquare, resampling

    if rng is None:
        return np.eye(side), np.eye(side)
    x, y = 0.5 + rng.uniform(-_SHIFT, _SHIFT, 2)
    square = CropSquare(x, y, float(np.exp(rng.uniform(-_SCALE, _SCALE))))
    rows, columns = (resampling(side, square, axis, side) for axis in "yx")
    return rows, columns[::-1] if rng.random() < 0.5 else columns

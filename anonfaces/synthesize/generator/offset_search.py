"""The search of the optimised surrogate: Adam on an offset from the group's mean latent.

What is compiled belongs to a generator, not to a method: compiling takes some ten seconds, and
whoever makes surrogates twice in one process pays it once.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.generator.objective import Seen, Weights, cost, known_of
from anonfaces.synthesize.generator.recognizer import rendered_embedder
from anonfaces.synthesize.generator.traits import Traits

if TYPE_CHECKING:
    from anonfaces.synthesize.generator.latents import GroupLatents
    from encoders.frame import CropAlignment
    from stylegan.generator import Generator

__all__ = [
    "OffsetSearch",
    "adam_step",
    "lower_side",
    "offset_search",
    "principal_directions",
]

Latents = NDArray[np.float32]
Tensor = Any

#: Groups searched at once: more do not fit the cache of a core and are slower each.
_AT_ONCE = 4
_WEIGHTS = Weights(uneven=2.0, offset=0.015)
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
        self._directions = principal_directions(generator)
        self._mirror = rendered_embedder(generator, framing)
        self._traits = Traits(framing, generator.config.resolution)

    def __call__(self, starts: Latents, groups: list[GroupLatents]) -> Latents:
        """W+ (g, num_ws, w_dim) of up to ``at_once`` groups of one ``padded_shape``."""
        from keras import ops

        start = np.resize(starts, (self.at_once, *starts.shape[1:]))
        known = known_of(groups, self.at_once, "float32")
        known["start"] = ops.convert_to_tensor(start)
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
        from keras import ops

        from anonbase.keras_backend import value_and_gradients

        def loss(parameters: Any) -> tuple[Tensor, dict[str, Tensor]]:
            return ops.sum(self._loss(parameters["offset"], step, known)), {}

        _, gradient = value_and_gradients(loss, {"offset": offset})
        return adam_step(offset, gradient["offset"], moments, step["number"], step["rate"])

    def _loss(self, offset: Tensor, step: dict[str, Tensor], known: dict[str, Tensor]) -> Tensor:
        from keras import ops

        w = known["start"] + ops.matmul(offset, self._directions)[:, None]
        images = self.generator.apply(w, self.generator.noise_maps())
        shown = ops.einsum("yi,nijc,xj->nyxc", step["rows"], images, step["columns"])
        seen = Seen(
            self._mirror.embed(shown),
            self._traits.color(images),
            self._traits.looks(shown),
            self._traits.chroma_map(images),
        )
        return cost(seen, offset, known, _WEIGHTS)

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
    """The search of ``generator``, one for all methods: compiling it takes seconds."""
    return _search_at(generator, framing, lower_side(generator, chip_size))


def lower_side(generator: Generator, chip_size: int | None) -> int:
    """The side in px at which pictures are looked at during a search.

    A picture of more than twice ``chip_size`` is looked at in a lower output of the network: what
    looks at it sees 150 px, and a step grows with the pixels that are drawn.
    """
    side = generator.config.resolution
    return side if chip_size is None or side <= 2 * chip_size else chip_size


@lru_cache(maxsize=2)  # that which ships, and one of the user's
def _search_at(generator: Generator, framing: CropAlignment, side: int) -> OffsetSearch:
    return OffsetSearch(generator.lower(side), framing)


def adam_step(
    offset: Tensor, gradient: Tensor, moments: tuple[Tensor, Tensor], number: Tensor, rate: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Adam with one step size a group: directions that matter little are left alone.

    ``offset`` and ``gradient`` (g, d); ``moments`` of the gradient (g, d) and of its mean square
    (g, 1); ``number`` counts from 1.
    """
    from keras import ops

    first = _BETAS[0] * moments[0] + (1 - _BETAS[0]) * gradient
    square = ops.mean(ops.square(gradient), axis=1, keepdims=True)
    second = _BETAS[1] * moments[1] + (1 - _BETAS[1]) * square
    along = first / (1 - ops.power(_BETAS[0], number))
    scale = ops.sqrt(second / (1 - ops.power(_BETAS[1], number))) + 1e-8
    return offset - rate * along / scale, (first, second)


def principal_directions(generator: Generator) -> Latents:
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

"""What a face costs its group: the objective of both searches of the optimised surrogate.

A face is judged by what is seen in it, 181 numbers: dlib's vector, the inner face's colour,
perceived age and gender, and the coarse map of colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from anonfaces.synthesize.generator.recognizer import Gallery
from anonfaces.synthesize.generator.traits import (
    TINTS,
    TargetTraits,
    attribute_loss,
    color_loss,
)

if TYPE_CHECKING:
    from anonfaces.synthesize.generator.latents import GroupLatents

__all__ = ["SEEN", "TARGET", "Seen", "Weights", "cost", "known_of"]

Tensor = Any

#: Distance in dlib's embedding that no member may be nearer than: dlib's 0.6 and a margin.
TARGET = 0.64
#: Numbers that are seen in a face: vector, color, looks, tint.
SEEN = 128 + 3 + 2 + TINTS
#: Weight of what a member is nearer than ``TARGET``, squared.
_TOO_NEAR = 10.0
#: Weight of the inner face's mean colour.
_COLOUR = 0.5
#: Weight of the coarse map of colours, which keeps eyes and lips from turning blue.
_TINT = 0.3
#: Weight of perceived age and gender.
_LOOKS = 0.05


@dataclass(frozen=True)
class Weights:
    """Of the variance of the members' distances, and of the squared length of the offset: a face
    far from the mean looks broken."""

    uneven: float
    offset: float


class Seen(NamedTuple):
    """What is seen in g faces: ``vector`` (g, 128), ``color`` (g, 3), ``looks`` (g, 2) and
    ``tint`` (g, 48), as ``Traits`` has them."""

    vector: Tensor
    color: Tensor
    looks: Tensor
    tint: Tensor

    @classmethod
    def of(cls, numbers: Tensor) -> Seen:
        """Of (g, ``SEEN``)."""
        return cls(numbers[:, :128], numbers[:, 128:131], numbers[:, 131:133], numbers[:, 133:])


def known_of(groups: Sequence[GroupLatents], count: int, dtype: str) -> dict[str, Tensor]:
    """What is known of ``groups`` of one ``padded_shape``, and of nobody up to ``count``."""
    from keras import ops

    gallery, wanted = Gallery.of(groups, count), TargetTraits.of(groups, count)
    arrays = {**vars(gallery), **vars(wanted)}
    return {name: ops.convert_to_tensor(values, dtype) for name, values in arrays.items()}


def cost(seen: Seen, offset: Tensor, known: dict[str, Tensor], weights: Weights) -> Tensor:
    """What faces cost, (g,): ``offset`` (g, d) from where they start, whose tint is ``known``."""
    from keras import ops

    return (
        _of_distances(seen.vector, known, weights.uneven)
        + _COLOUR * color_loss(seen.color, known["color"])
        + _LOOKS * attribute_loss(seen.looks, known["looks"])
        + _TINT * ops.sum(ops.square(seen.tint - known["tint"]), axis=1)
        + weights.offset * ops.sum(ops.square(offset), axis=1)
    )


def _of_distances(vector: Tensor, known: dict[str, Tensor], weight: float) -> Tensor:
    """What it costs that members are too near, or farther than need be, (g,).

    Among many one who is too near weighs as much as among few.
    """
    from keras import ops

    here, distance = known["here"], _distances(vector, known["vector"], known["away"])
    near, far = ops.relu(TARGET - distance), ops.relu(distance - TARGET)
    too_near, uneven = (ops.sum(ops.square(off) * here, axis=1) for off in (near, far))
    return _TOO_NEAR * too_near + weight * uneven / (ops.sum(here, axis=1) + 1e-6)


def _distances(seen: Tensor, vector: Tensor, away: Tensor) -> Tensor:
    """Of each picture to each person's nearest face: (g, 128), (g, f, 128), (g, p, f) to (g, p)."""
    from keras import ops

    square = ops.sum(ops.square(seen[:, None] - vector), axis=2)
    return ops.min(ops.sqrt(square + 1e-8)[:, None] + away, axis=2)

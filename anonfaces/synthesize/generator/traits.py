"""What a group has in common and its surrogate keeps: colour, perceived age, perceived gender.

Of each trait the *median* over the people is wanted: where more than half of a group are in one
age band, of one gender or of one shade of skin, the median is there too, and a single person who
is far off does not move it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.generator.latents import TONE, inner_face

if TYPE_CHECKING:
    from anonfaces.synthesize.generator.latents import GroupLatents
    from encoders.frame import CropAlignment

__all__ = ["TINTS", "TargetTraits", "Traits", "attribute_loss", "color_loss"]

Tensor = Any

#: Numbers of the coarse map of colors.
TINTS = 4 * 4 * 3
#: Years that a face may be older or younger for nothing.
_SLACK = 3.0
#: Years that count as one unit of loss.
_DECADE = 10.0
#: Log odds of a gender below which a group's is not clear, and above which it need not be clearer.
_LEAST_ODDS = 0.5
_MOST_ODDS = 3.0


@dataclass(frozen=True)
class TargetTraits:
    """Medians of many groups: ``colour`` float32 (g, 3), the inner face's mean RGB, -1 to 1;
    ``looks`` float32 (g, 2), years and log odds of "female"."""

    color: NDArray[np.float32]
    looks: NDArray[np.float32]

    @classmethod
    def of(cls, groups: Sequence[GroupLatents], count: int) -> TargetTraits:
        """Those of ``groups``, and zeros up to ``count``."""
        medians = cls(np.zeros((count, 3), np.float32), np.zeros((count, 2), np.float32))
        for number, group in enumerate(groups):
            medians.color[number] = np.median(group.color, axis=0)
            medians.looks[number] = np.median(group.looks, axis=0)
        return medians


class Traits:
    """The traits of a generator's pictures, differentiable."""

    def __init__(self, framing: CropAlignment, side: int) -> None:
        from encoders.attributes import load_attributes
        from encoders.attributes.network import FACE, SIZE

        self._network = load_attributes().network
        self._network.trainable = False
        self._face = _cut_of(side, FACE.inverse().within(framing.ffhq), SIZE)
        self._inner = _cut_of(side, inner_face(framing), TONE)

    def color(self, images: Tensor) -> Tensor:
        """RGB (n, side, side, 3) in -1 to 1 to (n, 3), as ``TargetTraits`` has it."""
        from keras import ops

        return ops.mean(_cut(self._inner, images), axis=(1, 2))

    def chroma_map(self, images: Tensor) -> Tensor:
        """RGB (n, side, side, 3) in -1 to 1 to (n, ``TINTS``): how the hue of each of 4 x 4 parts
        of the inner face differs from that of the whole."""
        from keras import ops

        cells = ops.average_pool(_cut(self._inner, images), TONE // 4, TONE // 4)
        off = cells - ops.mean(cells, axis=(1, 2), keepdims=True)
        return ops.reshape(off - ops.mean(off, axis=3, keepdims=True), (-1, TINTS))

    def looks(self, images: Tensor) -> Tensor:
        """RGB (n, side, side, 3) in -1 to 1 to (n, 2), years and log odds of "female"."""
        from keras import ops

        from encoders.attributes.network import YEARS

        levels = (_cut(self._face, images) + 1) * 127.5
        return self._network(levels, training=False)[:, :2] * ops.array([YEARS, 1.0], "float32")


def color_loss(color: Tensor, wanted: Tensor) -> Tensor:
    """How far colours are from those that are wanted, both (n, 3), to (n,)."""
    from keras import ops

    return ops.sum(ops.square(color - wanted), axis=1)


def attribute_loss(looks: Tensor, wanted: Tensor) -> Tensor:
    """How far years and odds are from those that are wanted, both (n, 2), to (n,).

    Years within three cost nothing; nor does a gender that is clearer than the group's.
    """
    from keras import ops

    late = ops.relu(ops.abs(looks[:, 0] - wanted[:, 0]) - _SLACK) / _DECADE
    side = ops.sign(wanted[:, 1])
    clear = ops.clip(ops.abs(wanted[:, 1]), _LEAST_ODDS, _MOST_ODDS)
    other = ops.relu(clear - side * looks[:, 1]) * ops.abs(side) / _MOST_ODDS
    return ops.square(late) + ops.square(other)


def _cut_of(side: int, square: Any, size: int) -> tuple[Tensor, Tensor]:
    from keras import ops

    from encoders.frame import resampling

    rows, columns = (resampling(side, square, axis, size) for axis in "yx")
    return ops.convert_to_tensor(rows), ops.convert_to_tensor(columns)


def _cut(matrices: tuple[Tensor, Tensor], images: Tensor) -> Tensor:
    from keras import ops

    rows, columns = matrices
    return ops.einsum("yi,nijc,xj->nyxc", rows, ops.clip(images, -1.0, 1.0), columns)

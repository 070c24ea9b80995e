"""dlib's network as the adversary of a camera: does it still see who is in a private picture?

The attacker knows where the face is: every picture is cut by the square of its true place.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from encoders.frame import CropAlignment, CropSquare, resampling

if TYPE_CHECKING:
    from anonfaces.optics.faces import Frames

__all__ = ["framing", "identity_loss", "network", "resamplings", "vectors"]

Tensor = Any
#: Pixels of dlib's chips.
_CHIP = 150
#: How sharply the loss turns from "nearer than others" to "not nearer", in dlib's distance.
_SOFT = 0.1
_MARGIN = 0.05


@cache
def framing() -> CropAlignment:
    """Where the FFHQ square and dlib's chip lie in the frames of the generator that ships."""
    from encoders import weights_file
    from encoders.latent.encoder import FILE, KIND, REMEDY

    meta, _ = weights_file.read(weights_file.SHIPPED / FILE, KIND, REMEDY)
    return CropAlignment.from_json(meta["framing"])


@cache
def network() -> Any:
    """dlib's network: RGB chips float (n, 150, 150, 3), levels 0 to 255, to (n, 128)."""
    from encoders.embed.dlib_file import FILE_NAME, read_dlib
    from encoders.embed.dlib_resnet import build_dlib
    from encoders.models import model_path

    made = build_dlib(read_dlib(model_path(FILE_NAME)))
    made.trainable = False
    return made


def resamplings(
    frames: Frames, size: int, count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Matrices (count, 150, size) that cut dlib's chip out of the rows and columns of frames."""
    squares = [_chip_square(frames, i) for i in range(count)]
    rows, columns = (
        np.stack([resampling(size, square, axis, _CHIP) for square in squares]) for axis in "yx"
    )
    return rows, columns


def _chip_square(frames: Frames, i: int) -> CropSquare:
    chip = framing().dlib
    if frames.mirrored[i]:
        chip = CropSquare(1 - chip.x, chip.y, chip.side)
    return chip.within(frames.square[i])


def vectors(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """dlib's vectors (n, 128) of pictures (n, s, s, 3) in 0..1, differentiable."""
    return network()(ops.einsum("nai,nijc,nbj->nabc", rows, images * 255.0, columns))


def identity_loss(found: Tensor, own: Tensor) -> Tensor:
    """How much nearer vectors (n, d) lie to those of the same faces than to the others'.

    At its least no picture is nearer to its own face than the mean of the others is.
    """
    apart = ops.sqrt(ops.sum(ops.square(found[:, None] - own[None]), axis=-1) + 1e-8)
    count = apart.shape[0]
    same = ops.eye(count)
    mine = ops.sum(apart * same, axis=1)
    others = ops.sum(apart * (1 - same), axis=1) / max(count - 1, 1)
    return ops.mean(ops.softplus((others - mine + _MARGIN) / _SOFT)) * _SOFT

"""What a face looks like to strangers: perceived age and gender."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["AS_GOOD", "contrast", "looks_of"]

Pixels = NDArray[np.uint8]

AS_GOOD = 0.03
"""``contrast`` within which one face suits as well as another."""
_CHIP = 128
#: What a decade of perceived age weighs, and another perceived gender.
_WEIGHTS = np.array([0.02, 0.2])


def looks_of(faces: Sequence[tuple[Pixels, NDArray[np.float32]]]) -> NDArray[np.float32]:
    """Perceived decades of age and probability of "female" (n, 2) of pictures with landmarks."""
    from encoders.align import align_ffhq
    from encoders.attributes import load_attributes

    chips = [align_ffhq(picture, landmark, _CHIP) for picture, landmark in faces]
    columns = load_attributes()(np.array(chips, np.uint8).reshape(-1, _CHIP, _CHIP, 3))
    return np.column_stack([columns["age"] / 10, columns["female"]])


def contrast(looks: NDArray[np.floating], own: NDArray[np.floating]) -> NDArray[np.float64]:
    """How badly looks (n, 2) suit those of a face (2,)."""
    return np.asarray(np.abs(looks - own) @ _WEIGHTS, np.float64)

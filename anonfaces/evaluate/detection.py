"""Detection rate: is there one face in a surrogate, no less and no more?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.evaluate.intervals import Interval, wilson

__all__ = ["SIZE", "Detection", "check_picture", "detection_rate"]

SIZE = 256


@dataclass(frozen=True)
class Detection:
    """``faces`` int64 (g,): how many faces were found in each surrogate."""

    faces: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"Detection({len(self.faces):,} surrogates, {100 * self.rate:.1f} % show one face)"

    @property
    def rate(self) -> float:
        """Share of surrogates with exactly one face."""
        return float((self.faces == 1).mean())

    @property
    def failures(self) -> NDArray[np.int64]:
        """The surrogates without a face or with several, as positions."""
        return np.flatnonzero(self.faces != 1)

    def interval(self, confidence: float = 0.95) -> Interval:
        """Wilson's interval of ``rate``."""
        return wilson(self.rate, len(self.faces), confidence)


def detection_rate(pictures: Iterable[NDArray[np.uint8]], size: int = SIZE) -> Detection:
    """How many faces dlib's HOG detector finds in each RGB picture (s, s, 3) at ``size`` px.

    At 256 px and not doubled, so a surrogate needs a clear face of 80 px and more; at its own
    size a 64 px surrogate would fail for being small. 15 ms a picture. ``InputError`` for what
    is no picture, or none at all.
    """
    from encoders.detect import load_detector
    from encoders.detect.pool import enlarged

    find = load_detector("hog", 0)
    faces = [len(find(enlarged(check_picture(picture), size))) for picture in pictures]
    if not faces:
        raise InputError("there is no surrogate to look at")
    return Detection(np.array(faces))


def check_picture(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``picture`` where it is uint8 (s, s, 3), InputError where not."""
    square = picture.ndim == 3 and picture.shape[0] == picture.shape[1] > 0
    if not square or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise InputError(f"a surrogate is uint8 (s, s, 3), not {picture.dtype} {picture.shape}")
    return picture

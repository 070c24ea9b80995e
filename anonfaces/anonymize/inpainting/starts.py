"""Where the search begins: samples, of the face's perceived gender and age band if wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.detection import FaceAnalyzer
from anonfaces.anonymize.inpainting.holes import SIDE
from encoders.resize import enlarged

__all__ = ["MOST_DRAWS", "Sample", "agreement", "draw"]

Pixels = NDArray[np.uint8]

MOST_DRAWS = 50
"""Samples that are drawn for a face before the nearest of them has to do."""
_PSI = 0.7  # truncation of the samples: what the generator draws well
_CHIP = 128
_BANDS = (13, 30, 50)  # years between a child, a young, a middle-aged and an older face
_OTHER_GENDER, _DECADE = 10.0, 0.1  # a wrong gender is worse than any age


@dataclass(frozen=True)
class Sample:
    """A start: its w (w_dim,), and where dlib finds the face (68, 2) in its picture at 256 px."""

    w: NDArray[np.float32]
    landmark: NDArray[np.float32] | None = None


def draw(
    generator: Any,
    analyzer: FaceAnalyzer,
    rng: np.random.Generator,
    count: int,
    *,
    face: tuple[Pixels, NDArray[np.float32]] | None,
    landmarks: bool,
) -> list[Sample]:
    """``count`` samples: the first drawn; or, with the picture and landmarks of a ``face``, the
    first that agree with it of at most 50, then the nearest of those that do not.

    With ``landmarks``, only samples in which dlib finds exactly one face.
    """
    if face is None and not landmarks:
        z = rng.standard_normal((count, generator.config.z_dim), np.float32)
        return [Sample(w) for w in generator.map(z, psi=_PSI)[:, 0]]
    drawn = max(MOST_DRAWS, count)
    z = rng.standard_normal((drawn, generator.config.z_dim), np.float32)
    w = generator.map(z, psi=_PSI)
    pictures = [
        enlarged(picture, SIDE, smooth=True) for picture in generator.pictures(w, batch=drawn)
    ]
    found = {id(picture): faces.landmark[0] for picture, faces in analyzer.portraits(pictures)}
    kept = [i for i, picture in enumerate(pictures) if id(picture) in found]
    samples = [Sample(w[i, 0], found[id(pictures[i])]) for i in kept]
    if face is None or not samples:
        return samples[:count]
    looks = _looks([(pictures[i], found[id(pictures[i])]) for i in kept])
    off = agreement(looks, _looks([face])[0])
    order = np.argsort(off, kind="stable")[:count]
    return [samples[i] for i in order]


def agreement(looks: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """How badly looks (n, 2: years, probability of "female") suit those of a face (2,).

    0 where gender and age band are the same; a further band costs less than another gender.

    >>> import numpy as np
    >>> people = np.array([[20.0, 0.9], [45.0, 0.8], [22.0, 0.1]])
    >>> agreement(people, np.array([25.0, 0.7])).round(1).tolist()
    [0.0, 2.0, 10.3]
    """
    band = np.digitize(looks[:, 0], _BANDS) != np.digitize(own[0], _BANDS)
    gender = (looks[:, 1] > 0.5) != (own[1] > 0.5)
    apart = np.abs(looks[:, 0] - own[0]) * _DECADE
    return np.where(band | gender, apart, 0.0) + _OTHER_GENDER * gender


def _looks(faces: Sequence[tuple[Pixels, NDArray[np.float32]]]) -> NDArray[np.float64]:
    """Perceived years and probability of "female" (n, 2) of pictures by their landmarks."""
    from encoders.align import align_ffhq
    from encoders.attributes import load_attributes

    chips = [align_ffhq(picture, landmark, _CHIP) for picture, landmark in faces]
    columns = load_attributes()(np.array(chips, np.uint8).reshape(-1, _CHIP, _CHIP, 3))
    return np.column_stack([columns["age"], columns["female"]])

"""How samples lie to real faces: Frechet distances, and whether training faces come back.

In dlib's embedding, with every picture cut by one square, so that no face is lost for want of a
detection. A Frechet distance in these features is not FID, which means Inception's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate import frechet_distance

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]

HEAD = ("", "faces", "Frechet distance", "nearest learnt: 1 %", "median", "closer than 0.6")
ONE_PERSON = 0.6
_CHIP, _PAIRS, _SHOWN = 150, 5, 256


def rows(learnt: Pixels, held: Pixels, samples: Mapping[str, Pixels]) -> list[tuple[object, ...]]:
    """A row for the faces held out, one for each set of samples, by its name."""
    known, other = vectors(learnt), vectors(held)
    half = len(other) // 2
    floor = frechet_distance(other[:half], other[half:])
    found: list[tuple[object, ...]] = [
        ("held-out faces (halves)", len(held), f"{floor:.4f}", *_near(other, known))
    ]
    for name, pictures in samples.items():
        made = vectors(pictures)
        distance = frechet_distance(made, other)
        found.append((name, len(made), f"{distance:.4f}", *_near(made, known)))
    return found


def vectors(pictures: Pixels) -> Vectors:
    """dlib's embeddings float32 (n, 128) of pictures framed alike uint8 (n, s, s, 3)."""
    from encoders.embed import load_embedder
    from encoders.frame import estimate_alignment

    square = estimate_alignment(pictures[:200]).dlib
    return load_embedder("dlib")(square.cut(pictures, _CHIP))


def write_pairs(path: Path, learnt: Pixels, samples: Pixels) -> None:
    """The five samples nearest to a training face, above those faces: for one's own eyes."""
    distances, which = nearest(vectors(samples), vectors(learnt))
    closest = np.argsort(distances)[:_PAIRS]
    pairs = samples[closest], learnt[which[closest]]
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in pairs])
    scale = _SHOWN / samples.shape[1]
    large = cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(path), large[:, :, ::-1])


def nearest(a: Vectors, b: Vectors) -> tuple[Vectors, NDArray[np.int64]]:
    """The distance of every row of ``a`` to its nearest in ``b``, and which that is."""
    from sklearn.metrics import pairwise_distances_argmin_min

    which, distances = pairwise_distances_argmin_min(a, b)
    return distances, which


def _near(a: Vectors, b: Vectors) -> tuple[str, str, str]:
    distances, _ = nearest(a, b)
    first, middle = np.percentile(distances, [1, 50])
    return f"{first:.3f}", f"{middle:.3f}", f"{100 * np.mean(distances < ONE_PERSON):.1f} %"

"""Surrogates as a recogniser sees them: found, aligned and embedded like any photograph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate.detection import SIZE

if TYPE_CHECKING:
    from encoders.embed import Embedder

__all__ = ["recognize"]

_PART = 256


def recognize(
    pictures: Iterable[NDArray[np.uint8]],
    embedder: Embedder,
    size: int = SIZE,
    cut: Callable[..., NDArray[np.uint8]] | None = None,
) -> NDArray[np.float32]:
    """Vectors float32 (g, d) of RGB pictures (s, s, 3), a row of NaN where no face is found.

    Each is looked at with dlib's HOG detector at ``size`` px, and once more doubled where that
    finds nothing; of several faces the largest is taken. Then it is aligned as ``embedder``
    wants it. So a vector is what somebody gets who treats the surrogate as a photograph.
    ``cut`` takes the place of ``encoders.align.align``, for alignments that it does not know.
    """
    left = iter(pictures)
    parts = [np.empty((0, embedder.dim), np.float32)]
    while some := list(islice(left, _PART)):
        parts.append(_vectors(some, embedder, size, cut))
    return np.concatenate(parts)


def _vectors(
    pictures: list[NDArray[np.uint8]],
    embedder: Embedder,
    size: int,
    cut: Callable[..., NDArray[np.uint8]] | None,
) -> NDArray[np.float32]:
    chips = dict(_aligned(pictures, embedder, size, cut))
    vectors = np.full((len(pictures), embedder.dim), np.nan, np.float32)
    if chips:
        vectors[list(chips)] = embedder(np.stack(list(chips.values())))
    return vectors


def _aligned(
    pictures: list[NDArray[np.uint8]],
    embedder: Embedder,
    size: int,
    cut: Callable[..., NDArray[np.uint8]] | None,
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    from encoders.align import align, find_landmarks
    from encoders.detect import in_order
    from encoders.detect.pool import enlarged

    for number, picture in enumerate(pictures):
        image = enlarged(picture, size)
        boxes = in_order(_found(image), image)
        if len(boxes):
            landmark = find_landmarks(image, boxes[0])
            about = (embedder.alignment, embedder.chip_size)
            yield number, (cut or align)(image, boxes[0], landmark, *about)


def _found(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    boxes = _detector(0)(image)
    return boxes if len(boxes) else _detector(1)(image)


@cache
def _detector(upsample: int) -> Any:
    from encoders.detect import load_detector

    return load_detector("hog", upsample)

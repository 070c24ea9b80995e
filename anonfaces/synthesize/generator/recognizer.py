"""Members and pictures as the recogniser sees them, in arrays of one shape for many groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anonfaces.synthesize.generator.latents import GroupLatents
    from encoders.frame import CropAlignment
    from stylegan.generator import Generator

__all__ = ["FAR", "Gallery", "RenderedEmbedder", "distances", "padded_shape", "rendered_embedder"]

Tensor = Any

FAR = 1e3
"""The distance of a member who is not there: arrays are filled up to one shape."""
_AT_ONCE = 12  # as encoders.embed.network.BATCH: a multiple of 12
_SMALLEST = 16  # faces or people, of which a group of the usual k has no more


@dataclass(frozen=True)
class Gallery:
    """dlib's vectors of many groups' faces.

    ``vector`` float32 (g, f, 128); ``away`` float32 (g, p, f), 0 where face f is one of person
    p and ``FAR`` otherwise; ``here`` float32 (g, p), 1 for a person and 0 for none.
    """

    vector: NDArray[np.float32]
    away: NDArray[np.float32]
    here: NDArray[np.float32]

    @classmethod
    def of(cls, groups: Sequence[GroupLatents], count: int) -> Gallery:
        """Groups of one ``room``, and empty ones up to ``count``."""
        faces, people = padded_shape(groups[0])
        vector = np.zeros((count, faces, 128), np.float32)
        away = np.full((count, people, faces), FAR, np.float32)
        here = np.zeros((count, people), np.float32)
        for g, group in enumerate(groups):
            whole = np.concatenate(group.vectors)
            vector[g, : len(whole)] = whole
            owner = np.repeat(np.arange(len(group.vectors)), [len(v) for v in group.vectors])
            away[g, owner, np.arange(len(whole))] = 0
            here[g, : len(group.vectors)] = 1
        return cls(vector, away, here)


class RenderedEmbedder:
    """What the recogniser sees in a generator's pictures, without looking for the face first."""

    def __init__(self, generator: Generator, framing: CropAlignment) -> None:
        from encoders.latent.identity import Recognizer

        self._generator = generator
        self._recognise = Recognizer(framing.dlib, generator.config.resolution)

    def __call__(self, w: NDArray[np.float32]) -> NDArray[np.float32]:
        """W+ (n, num_ws, w_dim) to dlib's vectors float32 (n, 128), each as if alone."""
        from keras import ops

        parts = [np.empty((0, 128), np.float32)]
        count = self._generator.at_once(_AT_ONCE)
        for start in range(0, len(w), count):
            part = w[start : start + count]
            full = ops.convert_to_tensor(np.resize(part, (count, *part.shape[1:])))
            parts.append(ops.convert_to_numpy(self._run(full))[: len(part)])
        return np.concatenate(parts)

    def embed(self, images: Tensor) -> Tensor:
        """The same of pictures (n, side, side, 3) in -1 to 1, differentiable."""
        return self._recognise(images)

    @cached_property
    def _run(self) -> Any:
        from anonbase.keras_backend import compiled

        noise = self._generator.noise_maps()
        return compiled(lambda w: self._recognise(self._generator.apply(w, noise)))


@lru_cache(maxsize=4)  # two networks and their lower outputs
def rendered_embedder(generator: Generator, framing: CropAlignment) -> RenderedEmbedder:
    """That of ``generator``, one for all methods: compiling it takes seconds."""
    return RenderedEmbedder(generator, framing)


def distances(shown: NDArray[np.float32], group: GroupLatents) -> list[NDArray[np.float64]]:
    """Of one picture's vector (128,) to each face of each person, float64 (m,) a person."""
    return [np.sqrt(np.square(own - shown, dtype=np.float64).sum(axis=1)) for own in group.vectors]


def padded_shape(group: GroupLatents) -> tuple[int, int]:
    """Faces and people that a group is filled up to: a power of two, 16 at least.

    A sum depends on the length of its array, in its last bits: so the length is the group's own.
    For each shape the search is compiled anew, some ten seconds: so there are few.
    """
    faces, people = sum(map(len, group.vectors)), len(group.vectors)
    return _up(faces), _up(people)


def _up(number: int) -> int:
    return max(_SMALLEST, 1 << (number - 1).bit_length())

"""``group``: the people of all pictures in groups of at least k, one surrogate a group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.options import DEFAULT_K, AnonymizationOptions
from anonfaces.anonymize.paste import SourceFace
from anonfaces.anonymize.sources.fresh import donors_of

__all__ = ["METHOD", "GroupFaces"]

Pixels = NDArray[np.uint8]

METHOD = "stylegan"
_SIDE = 256


class GroupFaces:
    """Every face gets the surrogate of its group, which is made of at least k people.

    A generator draws it with the owner's key, ``options.secret_key``; without one whoever runs
    this code on the same photographs gets the same face, and a PrivacyWarning says so.

    Who is who is estimated from the faces, on the safe side. What is put in depends on the
    group alone; what stays of the picture (pose, light, tone of skin, hair) does not, and is
    outside of the guarantee.

    Raises GuaranteeError where there are fewer than k people. PrivacyWarning where surrogates are
    means of pixels: who subtracts other members' photographs finds a face.
    """

    def __init__(
        self,
        analyzer: FaceAnalyzer,
        detections: Sequence[Faces],
        allowlisted: Sequence[Sequence[int]],
        read: Callable[[int], Pixels],
        options: AnonymizationOptions,
    ) -> None:
        from anonfaces.cluster import group
        from anonfaces.dataset.files import read_secret_key
        from anonfaces.synthesize import (
            SurrogateOptions,
            load_surrogate,
            surrogates,
            warn_if_pixel_mean,
        )

        surrogate_options = SurrogateOptions(
            generator=options.generator,
            seed=options.seed,
            key=None if options.secret_key is None else read_secret_key(options.secret_key),
        )
        method = load_surrogate(options.method or METHOD, surrogate_options)
        warn_if_pixel_mean(options.method or METHOD)
        where = [
            (key, i)
            for key, faces in enumerate(detections)
            for i in range(len(faces))
            if i not in allowlisted[key]
        ]
        chips = _Chips(where, detections, read)
        groups = group(
            chips.embedding, options.k or DEFAULT_K, [""] * len(where), seed=options.seed
        )
        pictures = surrogates(chips, groups.labels, groups.identity, method)
        source_faces = {number: donors_of([face], analyzer) for number, face in pictures}
        self._donors = {
            place: source_faces[n] for place, n in zip(where, groups.labels, strict=True)
        }

    def candidates(self, image: Pixels, faces: Faces, index: int, key: int) -> Iterator[SourceFace]:
        """The group's surrogate; nothing where dlib finds no face in it."""
        yield from self._donors[key, index]


class _Chips:
    """FFHQ-aligned chips, cut out of the pictures when they are asked for."""

    chip_size = _SIDE

    def __init__(
        self,
        where: list[tuple[int, int]],
        detections: Sequence[Faces],
        read: Callable[[int], Pixels],
    ) -> None:
        self._where, self._read = where, read
        self._open: tuple[int, Pixels] | None = None
        self.landmark = np.array([detections[key].landmark[i] for key, i in where])
        self.embedding = np.array([detections[key].embedding[i] for key, i in where])

    def chips(self, rows: NDArray[np.int64]) -> Pixels:
        """uint8 (n, 256, 256, 3), RGB."""
        from encoders.align import align_ffhq

        return np.array(
            [align_ffhq(self._picture(self._where[row][0]), self.landmark[row]) for row in rows]
        )

    def _picture(self, key: int) -> Pixels:
        if self._open is None or self._open[0] != key:
            self._open = key, self._read(key)
        return self._open[1]

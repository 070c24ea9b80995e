"""``group``: the people of all pictures in groups of at least k, one surrogate a group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.detection import Faces, Finder
from anonfaces.anonymize.options import Options
from anonfaces.anonymize.paste import Donor
from anonfaces.anonymize.sources.fresh import donors_of

__all__ = ["METHOD", "Grouped"]

Pixels = NDArray[np.uint8]

METHOD = "stylegan"
_SIDE = 256


class Grouped:
    """Every face gets the surrogate of its group, which is made of at least k people.

    Who is who is estimated from the faces, on the safe side. What is put in depends on the
    group alone; what stays of the picture (pose, light, tone of skin, hair) does not, and is
    outside of the guarantee.

    Raises GuaranteeError where there are fewer than k people. PrivacyWarning where surrogates are
    means of pixels: who subtracts other members' photographs finds a face.
    """

    def __init__(
        self,
        finder: Finder,
        found: Sequence[Faces],
        spared: Sequence[Sequence[int]],
        read: Callable[[int], Pixels],
        options: Options,
    ) -> None:
        from anonfaces.cluster import group
        from anonfaces.synthesize import Drawing, load_surrogate, surrogates, warn_of_means

        drawing = Drawing(options.generator, seed=options.seed)
        method = load_surrogate(options.method or METHOD, drawing)
        warn_of_means(options.method or METHOD)
        where = [
            (key, i)
            for key, faces in enumerate(found)
            for i in range(len(faces))
            if i not in spared[key]
        ]
        chips = _Chips(where, found, read)
        groups = group(chips.embedding, options.k, [""] * len(where), seed=options.seed)
        made = surrogates(chips, groups.labels, groups.identity, method)
        donors = {number: donors_of([face], finder) for number, face in made}
        self._donors = {place: donors[n] for place, n in zip(where, groups.labels, strict=True)}

    def offers(self, image: Pixels, faces: Faces, index: int, key: int) -> Iterator[Donor]:
        """The group's surrogate; nothing where dlib finds no face in it."""
        yield from self._donors[key, index]


class _Chips:
    """FFHQ-aligned chips, cut out of the pictures when they are asked for."""

    chip_size = _SIDE

    def __init__(
        self,
        where: list[tuple[int, int]],
        found: Sequence[Faces],
        read: Callable[[int], Pixels],
    ) -> None:
        self._where, self._read = where, read
        self._open: tuple[int, Pixels] | None = None
        self.landmark = np.array([found[key].landmark[i] for key, i in where])
        self.embedding = np.array([found[key].embedding[i] for key, i in where])

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

"""Pictures of people who do not exist: drawn by a generator, or out of a gallery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoders.resize import enlarged

__all__ = ["Named", "draws", "draws_of_gallery", "large"]

Pixels = NDArray[np.uint8]
#: A picture by its name.
Named = tuple[str, Pixels]

#: Pictures that are looked at together.
_DRAWN = 256
_PSIS = (0.7, 1.0)
#: Times that a gallery is drawn from: a thousand pictures have a face for everybody, if any have.
_DRAWS = 4
#: Smallest side in pixels at which faces are looked for.
_SIDE = 256
#: Longer side in pixels to which a picture of a gallery is brought: a face in a photograph is
#: rarely larger.
_LONGEST = 512


def draws(seed: int, generator: Path | None) -> Iterator[list[Named]]:
    """Samples of a generator: at psi 0.7, and the same at 1."""
    import stylegan

    network = stylegan.load(generator)
    for psi in _PSIS:
        seeds = np.random.default_rng(seed).integers(0, 2**32, _DRAWN)
        w = network.map(network.latents([int(s) for s in seeds]), psi=psi)
        yield [("", large(picture)) for picture in network.pictures(w)]


def draws_of_gallery(seed: int, folder: Path) -> Iterator[list[Named]]:
    """Pictures of a folder, each once, in an order by ``seed``.

    What cannot be read is left out. InputError where there is no such folder, or nothing in it.
    """
    from encoders.photographs.walk import find_photographs

    names = [photograph.path for photograph in find_photographs(folder).photographs]
    order = np.random.default_rng(seed).permutation(len(names))
    for start in range(0, min(len(names), _DRAWS * _DRAWN), _DRAWN):
        some = (names[i] for i in order[start : start + _DRAWN])
        yield [named for name in some for named in _read(folder, name)]


def _read(folder: Path, name: str) -> Iterator[Named]:
    import cv2

    from encoders.photographs.path_escape import unescape
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

    try:
        picture = decode(read_bytes(folder, name)[0])
    except UnreadableImageError:
        return
    side = max(picture.shape[:2])
    if side > _LONGEST:
        shape = tuple(max(1, round(length * _LONGEST / side)) for length in picture.shape[1::-1])
        picture = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA)
    yield (
        str(folder / unescape(name)),
        large(picture) if picture.shape[0] == picture.shape[1] else picture,
    )


def large(picture: Pixels) -> Pixels:
    """A square picture at no less than the side at which faces are looked for."""
    return enlarged(picture, max(_SIDE, len(picture)), smooth=True)

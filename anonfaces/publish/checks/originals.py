"""With the originals: no released picture is one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.publish.checks.hashes import nearest_bits, perceptual_hash
from anonfaces.publish.checks.registry import Problems, check
from anonfaces.publish.checks.release import Release
from anonfaces.publish.pictures import read_pixels

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

__all__ = ["SAME_BITS", "SAME_FACE"]

Pixels = NDArray[np.uint8]

#: Of 256 bits. Of 600 faces of LFW, scaled to a quarter and encoded as JPEG of quality 30, none
#: differed from itself in more than 18; another photograph of 3,000 is 62 away at the least, a mean
#: of two faces 20, of three 40, of five 54, a generated face 82.
SAME_BITS = 20
#: In dlib's vectors: two pictures nearer than this are one photograph, or nearly.
SAME_FACE = 0.3
_PART = 512
_SHOWN = 5


@check("originals", "no picture is an original, as it was, scaled or encoded anew", "originals")
def originals(release: Release) -> Problems:
    """Exact pixels and a perceptual hash, against photographs or the aligned faces of faces.h5."""
    pictures = [read_pixels(release.folder / name) for name in release.faces]
    exact = [_digest(pixels) for pixels in pictures]
    own = np.stack([perceptual_hash(pixels) for pixels in pictures])
    digests, hashes = set(), []
    for pixels in _originals(release):
        digests.add(_digest(pixels))
        hashes.append(perceptual_hash(pixels))
    if not hashes:
        raise InputError(f"{release.originals} holds no picture to compare with")
    bits, _ = nearest_bits(own, np.stack(hashes))
    same = np.array([digest in digests for digest in exact])
    return [
        *(f"{release.faces[i]} is an original" for i in np.flatnonzero(same)[:_SHOWN]),
        *(
            f"{release.faces[i]} looks like an original ({bits[i]} of 256 bits differ)"
            for i in np.flatnonzero((bits < SAME_BITS) & ~same)[:_SHOWN]
        ),
    ]


@check("judge", "no recogniser takes a picture for one of the photographs", "originals", "judge")
def judge(release: Release) -> Problems:
    """Nearer than two photographs of one moment; how like members are is the evaluation's."""
    assert release.judge is not None  # noqa: S101 - the registry asks for it
    ours = release.judge(read_pixels(release.folder / name) for name in release.faces)
    theirs = _vectors(release)
    problems = []
    for name, vector in zip(release.faces, ours, strict=True):
        distance = np.sqrt(((theirs - vector) ** 2).sum(axis=1)) if len(theirs) else np.ones(1)
        if np.nanmin(distance, initial=np.inf) < SAME_FACE:
            problems.append(f"{name} is {np.nanmin(distance):.2f} from a photograph")
    return problems


def _vectors(release: Release) -> NDArray[np.float32]:
    faces = _faceset(release)
    if faces is not None and str(faces.meta.get("extractor", "")).startswith("dlib"):
        return faces.embedding
    assert release.judge is not None  # noqa: S101 - the registry asks for it
    return release.judge(_originals(release))


def _digest(pixels: Pixels) -> bytes:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()


def _originals(release: Release) -> Iterator[Pixels]:
    """The aligned faces of a faces.h5, or the photographs of a folder, one at a time."""
    from tqdm import tqdm

    faces, place = _faceset(release), release.originals
    assert place is not None  # noqa: S101 - the registry asks for it
    every: Any = _chips(faces) if faces is not None else _photographs(place)
    yield from tqdm(every, "originals", unit="picture", disable=not release.progress, leave=False)


def _faceset(release: Release) -> FaceSet | None:
    from encoders.faceset import FaceSet

    path = release.originals
    return FaceSet.read(path) if path is not None and path.suffix == ".h5" else None


def _chips(faces: FaceSet) -> Iterator[Pixels]:
    for start in range(0, len(faces), _PART):
        yield from faces.chips(np.arange(start, min(start + _PART, len(faces))))


def _photographs(root: Path) -> Iterator[Pixels]:
    """Those that can be read; the others were not condensed either."""
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes
    from encoders.photographs.walk import find_photographs

    for photograph in find_photographs(root).photographs:
        try:
            yield decode(read_bytes(root, photograph.path)[0])
        except UnreadableImageError:
            continue

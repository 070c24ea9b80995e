"""With the originals: no released picture is one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonbase.dask_workers import DaskTask, check_surroundings, package_versions
from anonbase.errors import InputError
from anonfaces.publish.checks.hashes import BITS, nearest_bits, perceptual_hash
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
_FACES_A_TASK = 4096  # some ten seconds of a core
_SHOWN = 5


@check("originals", "no picture is an original, as it was, scaled or encoded anew", "originals")
def originals(release: Release) -> Problems:
    """Exact pixels and a perceptual hash, against photographs or the aligned faces of faces.h5."""
    own = hashed(read_pixels(release.folder / name) for name in release.faces)
    found = list(_compared(release, own))
    if not sum(one.originals for one in found):
        raise InputError(f"{release.originals} holds no picture to compare with")
    bits = np.min([one.bits for one in found], axis=0)
    same = np.any([one.same for one in found], axis=0)
    return [
        *(f"{release.faces[i]} is an original" for i in np.flatnonzero(same)[:_SHOWN]),
        *(
            f"{release.faces[i]} looks like an original ({bits[i]} of 256 bits differ)"
            for i in np.flatnonzero((bits < SAME_BITS) & ~same)[:_SHOWN]
        ),
    ]


@dataclass(frozen=True)
class Hashed:
    """Of n pictures the SHA-256 of their pixels, and their perceptual hashes, uint64 (n, 4)."""

    digest: tuple[bytes, ...]
    perceptual: NDArray[np.uint64]


def hashed(pictures: Iterable[Pixels]) -> Hashed:
    """Look at pictures one at a time, keeping none."""
    both = [(_digest(pixels), perceptual_hash(pixels)) for pixels in pictures]
    perceptual = np.array([own for _, own in both], np.uint64).reshape(-1, BITS // 64)
    return Hashed(tuple(digest for digest, _ in both), perceptual)


@dataclass(frozen=True)
class Compared:
    """How some ``originals``, so many, compare with each picture.

    ``bits`` int64 (n,) that the most alike differs in; ``same`` bool (n,), whether one is the same.
    """

    originals: int
    bits: NDArray[np.int64]
    same: NDArray[np.bool_]


def compare(own: Hashed, originals: Iterable[Pixels]) -> Compared:
    """Compare pictures with some originals."""
    theirs = hashed(originals)
    known = set(theirs.digest)
    same = np.array([digest in known for digest in own.digest], bool)
    return Compared(len(known), nearest_bits(own.perceptual, theirs.perceptual)[0], same)


def _compared(release: Release, own: Hashed) -> Iterator[Compared]:
    """All originals at once, or as many at a time as a task of the workers takes."""
    faces = _faceset(release)
    if release.workers is None or faces is None:
        yield compare(own, _originals(release))
        return
    place, versions = str(Path(str(release.originals)).absolute()), package_versions()
    starts = range(0, len(faces), _FACES_A_TASK)
    tasks = [DaskTask(f"compare-{i}", (versions, place, i, own)) for i in starts]
    for _, compared in release.workers.run(compare_part, tasks):
        yield compared


def compare_part(versions: dict[str, str], place: str, first: int, own: Hashed) -> Compared:
    """Compare pictures with a task's faces of the ``faces.h5`` at ``place``, from ``first`` on.

    ``InputError`` where this machine has other versions, or does not see the file.
    """
    from encoders.faceset_cache import cached_faces

    check_surroundings(versions, [place])
    faces = cached_faces(place)
    last = min(first + _FACES_A_TASK, len(faces))
    return compare(own, _chips(faces.select(np.arange(first, last))))


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
    if faces is not None:
        count, every = len(faces), _chips(faces)
    else:
        count, every = _photographs(place)
    hidden = not release.progress
    yield from tqdm(every, "originals", count, unit="picture", disable=hidden, leave=False)


def _faceset(release: Release) -> FaceSet | None:
    from encoders.faceset import FaceSet

    path = release.originals
    return FaceSet.read(path) if path is not None and path.suffix == ".h5" else None


def _chips(faces: FaceSet) -> Iterator[Pixels]:
    for start in range(0, len(faces), _PART):
        yield from faces.chips(np.arange(start, min(start + _PART, len(faces))))


def _photographs(root: Path) -> tuple[int, Iterator[Pixels]]:
    """How many there are, and those that can be read; the others were not condensed either."""
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes
    from encoders.photographs.walk import find_photographs

    found = find_photographs(root).photographs

    def readable() -> Iterator[Pixels]:
        for photograph in found:
            with suppress(UnreadableImageError):
                yield decode(read_bytes(root, photograph.path)[0])

    return len(found), readable()

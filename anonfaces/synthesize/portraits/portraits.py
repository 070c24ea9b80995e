"""The faces of a gallery: found and embedded as photographs are, and cut at their full size."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.synthesize.generator.latents import GroupLatents, people_of
from anonfaces.synthesize.portraits.candidates import Candidates
from anonfaces.synthesize.portraits.morph import Portrait
from encoders.frame import CropAlignment, CropSquare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anonfaces.synthesize import Members
    from encoders.faceset import FaceSet

__all__ = ["Portraits", "people_seen", "read_portraits", "seen"]

Pixels = NDArray[np.uint8]

#: Largest side in pixels of a surrogate: what the largest face generators draw.
LARGEST = 1024
#: How far off FFHQ's crop a square picture may be, in its sides, and still count as aligned.
_NEARLY = 0.05
#: Side in pixels at which dlib looks at a picture.
_LOOKED_AT = 256
#: Pictures that are embedded at once: few are looked at for a group.
_BATCH = 1
#: Where dlib's chip lies in an FFHQ-aligned one: the median of 83 generated faces.
_FRAMING = CropAlignment(ffhq=CropSquare(), dlib=CropSquare(0.502, 0.611, 0.707))


class _NoLatents:
    """The inversion of methods that have no generator."""

    framing = _FRAMING

    def __call__(self, chips: Pixels) -> NDArray[np.float32]:
        return np.zeros((len(chips), 1, 1), np.float32)


def people_seen(groups: Sequence[Members]) -> list[GroupLatents]:
    """The people of groups with dlib's vectors, tones and looks; without latents."""
    return people_of(groups, _NoLatents(), ("vectors", "tone", "looks"))


@dataclass(frozen=True, kw_only=True)
class Portraits:
    """Pictures in each of which one face was found.

    ``root`` is their folder, ``image`` str (n,) their paths in it, escaped as in a ``FaceSet``;
    ``landmark`` float32 (n, 68, 2) in their pixels.
    """

    root: Path
    image: NDArray[np.str_]
    landmark: NDArray[np.float32]
    candidates: Candidates

    def __len__(self) -> int:
        return len(self.image)

    @property
    def digest(self) -> str:
        """SHA-256 of the names and of what the faces are like."""
        digest = hashlib.sha256(repr(self.image.tolist()).encode())
        digest.update(self.candidates.vector.tobytes())
        return digest.hexdigest()

    def by_kind(self) -> NDArray[np.int64]:
        """Rows int64 (n,) in the order of perceived gender and age."""
        years, odds = self.candidates.looks.T
        return np.lexsort((years, odds > 0))

    def portrait(self, row: int) -> Portrait:
        """A face at its full size, up to 1024 px.

        A picture that is aligned as FFHQ already stays as it is.
        """
        from encoders.align import align_ffhq, ffhq_landmarks, ffhq_square
        from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

        name, landmark = str(self.image[row]), self.landmark[row]
        try:
            image = decode(read_bytes(self.root, name)[0])
        except UnreadableImageError as error:
            raise InputError(
                f"{self.root / name}: this face of the gallery is gone ({error})"
            ) from error
        centre, right = ffhq_square(landmark)
        square = np.array([*(centre + 0.5), *(2 * right)]) / image.shape[1]
        aligned = np.abs(square - [0.5, 0.5, 1, 0]).max() < _NEARLY
        if aligned and image.shape[0] == image.shape[1] <= LARGEST:
            return Portrait(image, landmark)
        size = min(max(round(2 * float(np.hypot(*right))), 1), LARGEST)
        return Portrait(align_ffhq(image, landmark, size), ffhq_landmarks(landmark, size))


def read_portraits(
    folder: Path, cache_file: Path | None, jobs: int | None, progress: bool
) -> Portraits:
    """The faces of a folder, those of pictures that show a single one; of copies the first.

    ``cache_file`` is a FaceSet that keeps what was found; None keeps nothing. InputError where
    there is no such folder, or nothing in it that can be read.
    """
    from encoders import encode

    with ExitStack() as stack:
        if cache_file is None:
            place = stack.enter_context(TemporaryDirectory(prefix="anonfaces-"))
            cache_file = Path(place) / "gallery.h5"
        faces = encode(
            folder, cache_file, identity="none", faces="largest", jobs=jobs,
            overwrite=True, progress=progress,
        )  # fmt: skip
        with_others = set(faces.bystanders["image"])
        alone = faces.select(np.array([name not in with_others for name in faces.image], bool))
        _, first = np.unique(alone.embedding, axis=0, return_index=True)
        alone = alone.select(np.sort(first))
        return Portraits(
            root=folder, image=alone.image, landmark=alone.landmark, candidates=_seen_in(alone)
        )


def _seen_in(faces: FaceSet) -> Candidates:
    from anonfaces.synthesize import Members

    if not len(faces):
        return Candidates(*(np.empty((0, size), np.float32) for size in (128, 2, 3)))
    each = people_seen([Members(faces, (np.array([row]),)) for row in range(len(faces))])
    vectors = np.concatenate([face.vectors[0] for face in each])
    looks, tone = (np.concatenate([getattr(f, name) for f in each]) for name in ("looks", "tone"))
    return Candidates(vectors, looks, tone)


class _Shown:
    """Aligned pictures as a source of chips."""

    chip_size = _LOOKED_AT

    def __init__(self, pictures: Pixels, landmark: NDArray[np.float32]) -> None:
        self._pictures, self.landmark = pictures, landmark

    def chips(self, rows: NDArray[np.int64]) -> Pixels:
        return self._pictures[rows]


def seen(pictures: Sequence[Pixels]) -> tuple[NDArray[np.bool_], Candidates]:
    """What networks see in aligned pictures, as in photographs; and in which dlib finds one face.

    The vector of a picture in which it does not is zero.
    """
    from anonfaces.synthesize import Members
    from encoders.align import align_dlib5, find_landmarks
    from encoders.detect import portrait_detector
    from encoders.resize import enlarged

    small = np.stack([enlarged(picture, _LOOKED_AT, smooth=True) for picture in pictures])
    boxes = [portrait_detector()(picture) for picture in small]
    found = np.array([len(own) == 1 for own in boxes])
    vector = np.zeros((len(small), 128), np.float32)
    landmark = np.zeros((len(small), 68, 2), np.float32)
    for i in np.flatnonzero(found):
        landmark[i] = find_landmarks(small[i], boxes[i][0])
        chip = align_dlib5(small[i], boxes[i][0], _embedder().chip_size)
        vector[i] = _embedder()(chip[None])[0]
    shown = _Shown(small, landmark)
    each = people_of(
        [Members(shown, (np.array([i]),)) for i in range(len(small))],
        _NoLatents(), ("tone", "looks"),
    )  # fmt: skip
    looks, tone = (np.concatenate([getattr(f, name) for f in each]) for name in ("looks", "tone"))
    return found, Candidates(vector, looks, tone)


@cache
def _embedder() -> Any:
    """One chip at a time: a batch is always filled up."""
    from encoders.embed import load_embedder
    from encoders.embed.network import NetworkEmbedder

    dlib: Any = load_embedder("dlib")
    return NetworkEmbedder(dlib.name, dlib.sha256, dlib.alignment, dlib.network, _BATCH)

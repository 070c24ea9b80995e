"""Who judges surrogates: a recogniser with its threshold, and what it takes people's looks for.

dlib's network takes part in grouping, and in making the surrogates of some methods. FaceRes takes
part in nothing: neither its vectors nor its heads for age and gender are used by any method.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from encoders.embed import Embedder
    from encoders.faceset import FaceSet

__all__ = ["BANDS", "Judge", "Verdict", "kept", "load_judge"]

#: The first year of each band of ages but the youngest.
BANDS = (13, 25, 40, 60)
_PART = 256


@dataclass(frozen=True)
class Verdict:
    """What a judge sees in n pictures: ``vector`` float32 (n, d); ``looks`` float32 (n, 2), years
    and the probability of "female", or None; rows of NaN where it finds no face."""

    vector: NDArray[np.float32]
    looks: NDArray[np.float32] | None


@dataclass(frozen=True)
class Judge:
    """A recogniser, the distance below which it takes two faces for one person's, and its heads."""

    name: str
    embedder: Embedder
    threshold: float
    looks: Any = None

    def of_photographs(self, faces: FaceSet, root: Path) -> Verdict:
        """The people themselves, each face cut from its photograph under ``root``."""
        if faces.meta["extractor_sha256"] == self.embedder.sha256:
            return Verdict(faces.embedding, None)
        rows = np.array_split(np.arange(len(faces)), -(-len(faces) // _PART))
        both = self._both()
        parts = [both(self._chips(faces.select(some), root)) for some in rows]
        return self._verdict(np.concatenate(parts))

    def of_pictures(self, pictures: Iterable[NDArray[np.uint8]]) -> Verdict:
        """Surrogates, treated as photographs."""
        from anonfaces.evaluate import recognize

        return self._verdict(recognize(pictures, self._both()))

    def _both(self) -> _Both:
        return _Both(self.embedder, self.looks)

    def _verdict(self, found: NDArray[np.float32]) -> Verdict:
        dim = self.embedder.dim
        return Verdict(found[:, :dim], None if self.looks is None else found[:, dim:])

    def _chips(self, faces: FaceSet, root: Path) -> NDArray[np.uint8]:
        from encoders.align import align
        from encoders.photographs.reading import decode, read_bytes

        cut = (self.embedder.alignment, self.embedder.chip_size)
        images = (decode(read_bytes(root, str(name))[0]) for name in faces.image)
        return np.stack([
            align(image, box, landmark, *cut)
            for image, box, landmark in zip(images, faces.box, faces.landmark, strict=True)
        ])  # fmt: skip


class _Both:
    """An embedder whose vectors have the looks behind them, so that a face is looked for once."""

    def __init__(self, embedder: Embedder, looks: Any) -> None:
        self.name, self.sha256 = embedder.name, embedder.sha256
        self.alignment, self.chip_size = embedder.alignment, embedder.chip_size
        self.dim = embedder.dim + (0 if looks is None else 2)
        self._embedder, self._looks = embedder, looks

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        vector = self._embedder(chips)
        if self._looks is None:
            return vector
        seen = self._looks(chips)
        return np.column_stack([vector, seen["age"], seen["female"]])


def load_judge(message: str) -> Judge:
    """``dlib``, ``faceres`` (its weights from the user's cache) or ``faceres:PATH``."""
    from anonfaces.evaluate.links import DLIB
    from encoders.embed import load_embedder

    name, _, path = message.partition(":")
    weights = Path(path) if path else None
    if name != "faceres":
        return Judge(name, load_embedder(name, weights), DLIB)
    from anonfaces.evaluate.judges.faceres import THRESHOLD, load_face_attributes, load_faceres

    return Judge(name, load_faceres(weights), THRESHOLD, load_face_attributes(weights))


def kept(
    people: NDArray[np.float32], surrogates: NDArray[np.float32], labels: NDArray[np.int64],
    identity: NDArray[np.str_],
) -> tuple[float, float]:  # fmt: skip
    """Share of groups whose surrogate has the gender of most members, and the band of ages.

    ``people`` (n, 2) a row a face, ``surrogates`` (g, 2), as in ``Verdict``. A person is the mean
    of their faces. Groups without a most frequent value do not count; a surrogate without a face
    has kept nothing.
    """
    _, first, person = np.unique(identity, return_index=True, return_inverse=True)
    count = np.bincount(person)[:, None]
    mean = np.stack([np.bincount(person, column) for column in people.T], axis=1) / count
    members, group = _classes(mean), labels[first]
    seen = _classes(surrogates)
    gender, age = (_agreement(members[:, c], seen[:, c], group) for c in (1, 0))
    return gender, age


def _classes(looks: NDArray[np.floating]) -> NDArray[np.int64]:
    """Band of ages and gender (n, 2) of years and probabilities; -1 where there is no face."""
    band, female = np.digitize(looks[:, 0], BANDS), looks[:, 1] >= 0.5
    return np.where(np.isnan(looks), -1, np.stack([band, female], axis=1))


def _agreement(
    member: NDArray[np.int64], seen: NDArray[np.int64], group: NDArray[np.int64]
) -> float:
    votes = np.zeros((len(seen), len(BANDS) + 1), np.int64)
    np.add.at(votes, (group, member), 1)
    clear = (votes == votes.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return float((votes.argmax(axis=1) == seen)[clear].mean())

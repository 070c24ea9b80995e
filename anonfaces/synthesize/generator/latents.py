"""The people of a group in a generator's latent space."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from encoders.frame import CropAlignment, CropSquare, estimate_alignment

if TYPE_CHECKING:
    from anonfaces.synthesize import ChipSource, Members
    from encoders.embed import Embedder
    from stylegan.generator import Generator

__all__ = [
    "SAMPLES",
    "TONE",
    "GroupLatents",
    "Inversion",
    "framing_of",
    "has_dlib_vectors",
    "inner_face",
    "people_of",
]

Pixels = NDArray[np.uint8]

SAMPLES = 60
"""Pictures by which a generator's framing is measured."""
_PSI = 0.7
_BYTES = 32 * 2**20
_ROUND = 36  # so that the encoder's batches are full
TONE = 16
_INNER = 0.6
#: Landmarks of the jaw and under the nose: half-way between lie cheeks and chin.
_JAW, _NOSE_BASE = slice(1, 16), 33


class Inversion(Protocol):
    """Faces to the latent space of one generator."""

    framing: CropAlignment

    def __call__(self, chips: Pixels) -> NDArray[np.float32]:
        """FFHQ-aligned RGB chips (n, s, s, 3) to W+ float32 (n, num_ws, w_dim)."""
        ...


def _nothing() -> NDArray[np.float32]:
    return np.empty(0, np.float32)


@dataclass(frozen=True, kw_only=True)
class GroupLatents:
    """The people of one group, in an order that depends neither on that of rows nor on names.

    ``latent`` float32 (p, num_ws, w_dim); ``key`` a SHA-256 of the chips; and where they were
    asked for ``vectors``, for each person float32 (m, 128), dlib's of their faces; ``colour``
    float32 (p, 3), the inner face's mean RGB, -1 to 1; ``tone`` float32 (p, 3), the median RGB of
    cheeks and chin, -1 to 1, which glasses and make-up do not change; and ``looks`` float32 (p, 2),
    perceived age in years and log odds of "female".
    """

    latent: NDArray[np.float32]
    key: bytes
    vectors: tuple[NDArray[np.float32], ...] = ()
    color: NDArray[np.float32] = field(default_factory=_nothing)
    tone: NDArray[np.float32] = field(default_factory=_nothing)
    looks: NDArray[np.float32] = field(default_factory=_nothing)

    def draw(self, seed: int) -> np.random.Generator:
        """Chance by ``seed`` and the group's content: not by its number, nor by other groups."""
        return np.random.default_rng([seed, *self.key])


def framing_of(generator: Generator) -> CropAlignment:
    """How ``generator`` frames its faces, measured on 60 of its own at psi 0.7 (a second)."""
    w = generator.map(generator.latents(range(SAMPLES)), psi=_PSI)
    return estimate_alignment(generator.pictures(w))


@dataclass(frozen=True)
class _Faces:
    """Faces in the order of the digests of their chips: a sum depends on its order, in its bits."""

    digest: NDArray[np.bytes_]
    latent: NDArray[np.float32]
    seen: dict[str, NDArray[np.float32]]

    def at(self, rows: slice) -> _Faces:
        some = np.arange(rows.start, rows.stop)
        some = some[np.argsort(self.digest[rows])]
        seen = {name: values[some] for name, values in self.seen.items()}
        return _Faces(self.digest[some], self.latent[some], seen)

    @property
    def key(self) -> bytes:
        return hashlib.sha256(self.digest.tobytes()).digest()


def people_of(
    groups: Sequence[Members], invert: Inversion, needs: Sequence[str] = ()
) -> list[GroupLatents]:
    """The people of each group of one set: a person with many faces is their mean latent.

    ``needs`` are the fields beside ``latent`` that are asked for: "vectors", "color", "tone",
    "looks".
    """
    rows = [row for members in groups for row in members.rows]
    read = _read(groups[0].faces, np.concatenate(rows), invert, needs)
    ends = np.cumsum([0, *map(len, rows)])
    persons = iter(read.at(slice(*pair)) for pair in pairwise(ends))
    return [_people([next(persons) for _ in members.rows]) for members in groups]


def _people(persons: list[_Faces]) -> GroupLatents:
    persons = sorted(persons, key=lambda person: person.key)
    key = hashlib.sha256(b"".join(person.key for person in persons)).digest()
    vectors = tuple(person.seen["vectors"] for person in persons if "vectors" in person.seen)
    means = {
        name: _means([person.seen[name] for person in persons])
        for name in ("color", "tone", "looks")
        if name in persons[0].seen
    }
    return GroupLatents(
        latent=_means([person.latent for person in persons]), key=key, vectors=vectors, **means
    )


def _means(values: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Of each person's faces, float32 (p, ...)."""
    return np.stack([own.mean(axis=0, dtype=np.float64) for own in values]).astype(np.float32)


def _read(
    faces: ChipSource, rows: NDArray[np.int64], invert: Inversion, needs: Sequence[str]
) -> _Faces:
    """Chips are read and hashed while the networks look at those before.

    They are looked at in the order of their digests: what a network says of a picture can depend,
    in its last bits, on the place in the batch, and must not on the order of rows.
    """
    step = max(1, _BYTES // (3 * faces.chip_size**2 * _ROUND)) * _ROUND
    parts = [rows[start : start + step] for start in range(0, len(rows), step)]
    digest, latent = [], []
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in needs}
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(_chips, faces, parts[0])
        for number, some in enumerate(parts, 1):
            chips, digests = waiting.result()
            if number < len(parts):
                waiting = reader.submit(_chips, faces, parts[number])
            digest += digests
            order = np.argsort(np.array(digests), kind="stable")
            back, some, chips = np.argsort(order), some[order], chips[order]
            latent.append(invert(chips)[back])
            for name, found in seen.items():
                found.append(_SEEN[name](faces, some, chips, invert.framing)[back])
    whole = {name: np.concatenate(found) for name, found in seen.items()}
    return _Faces(np.array(digest, "S64"), np.concatenate(latent), whole)


def _chips(faces: ChipSource, rows: NDArray[np.int64]) -> tuple[Pixels, list[str]]:
    chips = faces.chips(rows)
    return chips, [hashlib.sha256(chip.tobytes()).hexdigest() for chip in chips]


def has_dlib_vectors(faces: ChipSource) -> bool:
    """Whether the vectors that a set comes with are dlib's."""
    about: Mapping[str, object] = getattr(faces, "meta", {})
    return str(about.get("extractor", "")).startswith("dlib")


def _vectors(
    faces: ChipSource, rows: NDArray[np.int64], chips: Pixels, framing: CropAlignment
) -> NDArray[np.float32]:
    """dlib's vectors: those of the set where they are, of the chips otherwise (less exact)."""
    if has_dlib_vectors(faces):
        return np.asarray(faces.embedding[rows], np.float32)  # type: ignore[attr-defined]
    embedder = _embedder()
    return embedder(framing.dlib.within(framing.ffhq.inverse()).cut(chips, embedder.chip_size))


@cache
def _embedder() -> Embedder:
    from encoders.embed import load_embedder

    return load_embedder("dlib")


def _colours(
    faces: ChipSource, rows: NDArray[np.int64], chips: Pixels, framing: CropAlignment
) -> NDArray[np.float32]:
    square = inner_face(framing).within(framing.ffhq.inverse())
    return square.cut(chips, TONE).mean(axis=(1, 2), dtype=np.float32) / 127.5 - 1


def _tones(
    faces: ChipSource, rows: NDArray[np.int64], chips: Pixels, framing: CropAlignment
) -> NDArray[np.float32]:
    from encoders.align import ffhq_landmarks

    landmark = ffhq_landmarks(faces.landmark[rows], chips.shape[1])
    points = (landmark[:, _JAW] + landmark[:, _NOSE_BASE, None]) / 2
    x, y = np.rint(np.clip(points, 0, chips.shape[1] - 1)).astype(int).transpose(2, 0, 1)
    levels = chips[np.arange(len(chips))[:, None], y, x]
    return (np.median(levels, axis=1) / 127.5 - 1).astype(np.float32)


def _looks(
    faces: ChipSource, rows: NDArray[np.int64], chips: Pixels, framing: CropAlignment
) -> NDArray[np.float32]:
    from encoders.attributes import load_attributes

    columns = load_attributes()(chips)
    female = np.clip(columns["female"], 1e-6, 1 - 1e-6)
    return np.stack([columns["age"], np.log(female / (1 - female))], axis=1)


_SEEN = {"vectors": _vectors, "color": _colours, "tone": _tones, "looks": _looks}


def inner_face(framing: CropAlignment) -> CropSquare:
    """Eyes to mouth, in a generator's picture: the middle of dlib's chip."""
    return replace(framing.dlib, side=framing.dlib.side * _INNER)

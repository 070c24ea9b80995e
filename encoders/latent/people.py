"""People who do not exist: one w a person, kept if a recognizer agrees with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from encoders.attributes import load_attributes
from encoders.embed import load_embedder
from encoders.latent.directions import load_directions
from encoders.latent.samples import detect_faces, draw
from encoders.resize import enlarged

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["Person", "PopulationConfig", "generate_people", "greedy_independent_set"]

_POOL = 256
_BATCH = 8
_BLOCK = 1024
_BANDS = ((0, "0-12"), (13, "13-24"), (25, "25-39"), (40, "40-59"), (60, "60+"))
_DIM = 128
_CHANCE = 0.12
#: Nearly all pictures that dlib scores so are of one face for MTCNN too, and when doubled; of
#: those below 0.4 it is half, and people see a blur.
_CLEAR = 0.8


Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class PopulationConfig:
    """The size and the distances of a population."""

    people: int = 240
    most: int = 4
    apart: float = 0.6
    within: float = 0.45
    psi: float = 1.0
    tries: int = 60
    seed: int = 0
    side: int = 256
    kind: str = "jpg"


@dataclass(frozen=True)
class Person:
    """Files as they will be written, dlib's vectors of them float32 (n, 128), and traits."""

    files: list[bytes]
    vectors: Floats
    age: str
    gender: str


def generate_people(
    generator: Generator, terms: PopulationConfig, progress: bool = False
) -> Iterator[Person]:
    """Yield people until there are ``terms.people``, or as many as are apart in what was drawn.

    Faces are drawn until ``terms.people`` of them are apart, or ``terms.tries`` for each.
    """
    maker = _PersonSampler(generator, terms)
    w, first = _chosen(maker, terms, progress)
    taken = [vector[None] for vector in first]
    for number in range(len(w)):
        others = np.concatenate([np.empty((0, _DIM)), *taken[:number], *taken[number + 1 :]])
        person = maker.person(w[number], others)
        if person is not None:
            taken[number] = person.vectors
            yield person


def _chosen(
    maker: _PersonSampler, terms: PopulationConfig, progress: bool
) -> tuple[Floats, Floats]:
    """w (n, w_dim) and vectors (n, 128) of the people there will be."""
    from tqdm import tqdm

    total, hidden = terms.people * terms.tries, None if progress else True
    rows: list[int] = []
    kept: list[tuple[Floats, Floats]] = []
    with tqdm(total=total, desc="drawn", unit="face", disable=hidden) as bar:
        for start in range(0, total, _POOL):
            count = min(_POOL, total - start)
            kept.append(maker.faces(start, count))
            bar.update(count)
            rows = greedy_independent_set(
                np.concatenate([v for _, v in kept]), terms.people, terms.apart
            )
            if len(rows) == terms.people:
                break
    w, vectors = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    rows.sort()  # as they were drawn: the unusual are not the first
    return w[rows], vectors[rows]


def greedy_independent_set(vectors: Floats, most: int, apart: float) -> list[int]:
    """Choose rows at least ``apart`` from one another, at most ``most``: fewest neighbors first.

    This finds more people than a pass in the given order, since a face with few neighbors excludes
    few others. (Halldorsson and Radhakrishnan, "Greed is good: approximating independent sets in
    sparse and bounded-degree graphs", 1994; they count the neighbors anew after each choice.)
    """
    near = [
        (_squares(vectors[i : i + _BLOCK], vectors) < apart**2).sum(axis=1)
        for i in range(0, len(vectors), _BLOCK)
    ]
    free = np.ones(len(vectors), bool)
    rows: list[int] = []
    for row in np.argsort(np.concatenate(near), kind="stable") if near else ():
        if free[row] and len(rows) < most:
            rows.append(int(row))
            free &= np.linalg.norm(vectors - vectors[row], axis=1) >= apart
    return rows


class _PersonSampler:
    """One generator with all that looks at its pictures."""

    def __init__(self, generator: Generator, terms: PopulationConfig) -> None:
        self._generator, self._terms = generator, terms
        self._side, self._kind = terms.side, terms.kind
        self._embed, self._attributes = load_embedder("dlib"), load_attributes()
        self._directions = load_directions(generator)
        self._rng = np.random.default_rng(terms.seed)

    def faces(self, start: int, count: int) -> tuple[Floats, Floats]:
        """Of ``count`` w those (n, w_dim) in whose picture one face is found; vectors (n, 128)."""
        psi, seed = self._terms.psi, self._terms.seed
        w = draw(self._generator, count, (seed << 32) + start, (psi, psi))
        rows, _, vectors = self._seen(self._generator.pictures(w, batch=_BATCH))
        return w[rows], vectors

    def person(self, w: Floats, others: Floats) -> Person | None:
        """The person of a w, with some pictures, all of them apart from ``others``."""
        wanted = int(self._rng.integers(1, self._terms.most + 1))
        first = self._generator.pictures(w[None], batch=_BATCH)
        every = np.concatenate([first, self._variants(w)]) if wanted > 1 else first
        rows, files, vectors = self._seen(every)
        if 0 not in rows or _nearest(vectors[:1], others) < self._terms.apart:
            return None
        kept = [0]
        for i in range(1, len(rows)):
            own = np.linalg.norm(vectors[kept] - vectors[i], axis=1).max()
            away = _nearest(vectors[i : i + 1], others)
            if len(kept) < wanted and own <= self._terms.within and away >= self._terms.apart:
                kept.append(i)
        return Person([files[i] for i in kept], vectors[kept], *self._traits(first))

    def _variants(self, w: Floats) -> NDArray[np.uint8]:
        """Other pictures of a person: turned, smiling or not, a little chance, other noise."""
        rng, size = self._rng, (_BATCH, 1)
        average = np.asarray(self._generator.parameters["mapping.w_avg"], np.float32)
        z = rng.standard_normal((_BATCH, self._generator.config.z_dim), np.float32)
        chance = _CHANCE * (self._generator.map(z)[:, 0] - average)
        turned = rng.choice([-1, 1], size) * rng.uniform(0.4, 1.2, size) * self._directions["yaw"]
        smiling = rng.uniform(-1.2, 1.2, size) * self._directions["smile"]
        moved = (w + chance + turned + smiling).astype(np.float32)
        return self._generator.pictures(moved, "random", int(rng.integers(1 << 31)), _BATCH)

    def _seen(self, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.intp], list[bytes], Floats]:
        """Rows of the pictures in which dlib sees one clear face, their files and vectors."""
        from encoders.photographs.reading import decode

        files = [_file(picture, self._side, self._kind) for picture in pictures]
        looks = detect_faces(np.stack([decode(file) for file in files]))
        rows = np.flatnonzero(looks.score >= _CLEAR)
        return rows, [files[row] for row in rows], self._embed(looks.chip[rows])

    def _traits(self, picture: NDArray[np.uint8]) -> tuple[str, str]:
        columns = self._attributes(picture, self._directions.framing)
        band = [name for least, name in _BANDS if columns["age"][0] >= least][-1]
        return band, "female" if columns["female"][0] >= 0.5 else "male"


def _nearest(vectors: Floats, others: NDArray[Any]) -> float:
    if not len(others):
        return np.inf
    return float(np.linalg.norm(vectors[:, None] - others[None], axis=2).min())


def _squares(one: Floats, other: Floats) -> Floats:
    """Squares (n, m) of the distances of vectors (n, d) and (m, d)."""
    return (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T


def _file(picture: NDArray[np.uint8], side: int, kind: str) -> bytes:
    """The bytes of a picture (s, s, 3) at ``side`` px."""
    from io import BytesIO

    from PIL import Image

    options: dict[str, Any] = {"quality": 92} if kind == "jpg" else {"optimize": True}
    content = BytesIO()
    name = "jpeg" if kind == "jpg" else "png"
    Image.fromarray(enlarged(picture, max(side, len(picture)), smooth=True)).save(
        content, format=name, **options
    )
    return content.getvalue()

"""People who do not exist: one w a person, kept where a recogniser agrees with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from encoders.attributes import load_attributes
from encoders.embed import load_embedder
from encoders.latent.directions import load_directions
from encoders.latent.samples import draw, enlarged, look

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["Person", "Terms", "populate"]

_POOL, _VARIANTS = 256, 8
_BANDS = ((0, "0-12"), (13, "13-24"), (25, "25-39"), (40, "40-59"), (60, "60+"))
_DIM, _QUICK_MARGIN, _CHANCE = 128, 0.1, 0.12


@dataclass(frozen=True)
class Terms:
    """What is asked of a population."""

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
    vectors: NDArray[np.float32]
    age: str
    gender: str


def populate(generator: Generator, terms: Terms) -> Iterator[Person]:
    """Yield people until there are ``terms.people``, or ``terms.tries`` for each are used up."""
    taken: list[NDArray[np.float32]] = []
    maker = _Maker(generator, terms)
    for start in range(0, terms.people * terms.tries, _POOL):
        w = draw(generator, _POOL, (terms.seed << 32) + start, (terms.psi, terms.psi))
        for candidate in maker.promising(w):
            person = maker.person(candidate, taken)
            if person is None:
                continue
            taken.append(person.vectors)
            yield person
            if len(taken) == terms.people:
                return


class _Maker:
    """One generator with all that looks at its pictures."""

    def __init__(self, generator: Generator, terms: Terms) -> None:
        self._generator, self._terms = generator, terms
        self._side, self._kind = terms.side, terms.kind
        self._embed, self._attributes = load_embedder("dlib"), load_attributes()
        self._directions = load_directions(generator)
        self._rng = np.random.default_rng(terms.seed)
        self._quick: list[NDArray[np.float32]] = []
        self._looking_at = np.empty(0, np.float32)

    def promising(self, w: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Those w that a quick look does not take for one of the people there are.

        The look cuts dlib's chip where it mostly is, which saves finding the face.
        """
        chips = self._directions.framing.dlib.cut(self._generator.pictures(w, batch=32), 150)
        for row, vector in zip(w, self._embed(chips), strict=True):
            known = np.array(self._quick).reshape(-1, len(vector))
            if _nearest(vector[None], known) >= self._terms.apart - _QUICK_MARGIN:
                self._looking_at = vector
                yield row

    def person(self, w: NDArray[np.float32], taken: list[NDArray[np.float32]]) -> Person | None:
        """The person of a w, with some pictures, if apart from all who were ``taken``."""
        others = np.concatenate(taken) if taken else np.empty((0, _DIM))
        picture = self._generator.pictures(w[None], batch=1)
        first = self._seen(picture)
        if not first or _nearest(first[0][1][None], others) < self._terms.apart:
            return None
        self._quick.append(self._looking_at)
        kept, wanted = [first[0]], int(self._rng.integers(1, self._terms.most + 1))
        for file, vector in self._variants(w) if wanted > 1 else ():
            own = _farthest(vector, kept)
            if own <= self._terms.within and _nearest(vector[None], others) >= self._terms.apart:
                kept.append((file, vector))
            if len(kept) == wanted:
                break
        files, vectors = zip(*kept, strict=True)
        return Person(list(files), np.stack(vectors), *self._traits(picture))

    def _variants(self, w: NDArray[np.float32]) -> list[tuple[bytes, NDArray[np.float32]]]:
        """Other pictures of a person: turned, smiling or not, a little chance, other noise."""
        rng, size = self._rng, (_VARIANTS, 1)
        average = np.asarray(self._generator.parameters["mapping.w_avg"], np.float32)
        z = rng.standard_normal((_VARIANTS, self._generator.config.z_dim), np.float32)
        chance = _CHANCE * (self._generator.map(z)[:, 0] - average)
        turned = rng.choice([-1, 1], size) * rng.uniform(0.4, 1.2, size) * self._directions["yaw"]
        smiling = rng.uniform(-1.2, 1.2, size) * self._directions["smile"]
        moved = (w + chance + turned + smiling).astype(np.float32)
        noise = int(rng.integers(1 << 31))
        return self._seen(self._generator.pictures(moved, "random", noise, _VARIANTS))

    def _seen(self, pictures: NDArray[np.uint8]) -> list[tuple[bytes, NDArray[np.float32]]]:
        """Files of those pictures in which dlib finds one face, and its vector of each file."""
        from encoders.photographs import decode

        files = [_file(picture, self._side, self._kind) for picture in pictures]
        looks = look(np.stack([decode(file) for file in files]))
        rows = np.flatnonzero(looks.found)
        return list(zip([files[row] for row in rows], self._embed(looks.chip[rows]), strict=True))

    def _traits(self, picture: NDArray[np.uint8]) -> tuple[str, str]:
        columns = self._attributes(picture, self._directions.framing)
        band = [name for least, name in _BANDS if columns["age"][0] >= least][-1]
        return band, "female" if columns["female"][0] >= 0.5 else "male"


def _nearest(vectors: NDArray[np.float32], others: NDArray[Any]) -> float:
    if not len(others):
        return np.inf
    return float(np.linalg.norm(vectors[:, None] - others[None], axis=2).min())


def _farthest(vector: NDArray[np.float32], kept: list[tuple[bytes, NDArray[np.float32]]]) -> float:
    return max(float(np.linalg.norm(vector - other)) for _, other in kept)


def _file(picture: NDArray[np.uint8], side: int, kind: str) -> bytes:
    """The bytes of a picture (s, s, 3) at ``side`` px."""
    from io import BytesIO

    from PIL import Image

    options: dict[str, Any] = {"quality": 92} if kind == "jpg" else {"optimize": True}
    made = BytesIO()
    name = "jpeg" if kind == "jpg" else "png"
    Image.fromarray(enlarged(picture, side)).save(made, format=name, **options)
    return made.getvalue()

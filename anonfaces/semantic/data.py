"""Faces to train on: crops, label maps, vectors and whose they are; and batches of them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.files import atomic_write, check_there
from anonfaces.semantic.frame import SQUARE, framed_landmarks, labels_of
from anonfaces.semantic.identities import Nobodies
from encoders.faceset import FaceSet
from encoders.parsing import mirrored, one_hot
from stylegan.semantic.training import Batch

__all__ = ["Batches", "TrainingFaces", "is_set_aside", "read_or_keep", "read_training_faces"]

_PART = 512
_FIELDS = ("picture", "labels", "vector", "person", "looks")
#: One person in so many is never trained on, so that there are faces to measure by.
_SET_ASIDE = 10
#: How often a face is shown without color, or mirrored.
_GRAY, _MIRRORED = 0.05, 0.5
#: Pairs of real faces that the siamese network sees, in batches.
_PAIRS = 2
#: Share of the others who are nobody, and of those who are taken for the source's gender.
_NOBODY, _ALIKE = 0.6, 0.85
_YEARS = 50.0


@dataclass(frozen=True, kw_only=True)
class TrainingFaces:
    """Crops uint8 (n, s, s, 3), label maps (n, 2 s, 2 s), dlib's vectors (n, 128), people (n,) as
    numbers, -1 where nobody knows, and guessed age in years and probability of "female" (n, 2).
    """

    picture: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    vector: NDArray[np.float32]
    person: NDArray[np.int64]
    looks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.picture)

    def select(self, rows: NDArray[np.int64]) -> TrainingFaces:
        """Those of ``rows``."""
        return TrainingFaces(
            picture=self.picture[rows], labels=self.labels[rows],
            vector=self.vector[rows], person=self.person[rows], looks=self.looks[rows],
        )  # fmt: skip


def is_set_aside(name: str) -> bool:
    """Whether a picture, by its path, is of a person that is never trained on: one in ten."""
    person = name.rsplit("/", 1)[0] if "/" in name else name
    return zlib.crc32(person.encode()) % _SET_ASIDE == 0


def read_training_faces(
    sources: Sequence[Path], size: int, set_aside: bool = False
) -> TrainingFaces:
    """The faces of FaceSets (``.h5``, chips FFHQ-aligned, vectors dlib's), without those set aside.

    With ``set_aside`` those alone. ``InputError`` for a FaceSet of another recognizer.
    """
    parts = [_read(source, size, set_aside, number) for number, source in enumerate(sources)]
    if not sum(map(len, parts)):
        raise InputError("there are no faces to learn from")
    return TrainingFaces(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS}
    )


def _read(source: Path, size: int, set_aside: bool, number: int) -> TrainingFaces:
    faces = FaceSet.read(source)
    if faces.meta.get("extractor") != "dlib":
        raise InputError(f"{source}: its vectors are not dlib's: python -m encoders makes such")
    rows = np.array(
        [i for i, name in enumerate(faces.image) if is_set_aside(name) == set_aside], np.int64
    )
    landmark = framed_landmarks(faces.landmark[rows], size)
    parts = [rows[i : i + _PART] for i in range(0, len(rows), _PART)]
    cut = [SQUARE.cut(faces.chips(part), size) for part in parts]
    picture = np.concatenate([np.empty((0, size, size, 3), np.uint8), *cut])
    names, person = np.unique(faces.identity[rows], return_inverse=True)
    known = np.append(names, "")[person] != ""
    person = np.where(known, person + number * 10**6, -1)
    return TrainingFaces(
        picture=picture, labels=labels_of(landmark, picture),
        vector=faces.embedding[rows], person=person.astype(np.int64), looks=_looks(picture),
    )  # fmt: skip


def _looks(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Guessed age in years and probability of "female" (n, 2) of crops."""
    from encoders.attributes import load_attributes
    from encoders.frame import CropAlignment

    whole = SQUARE.inverse()
    columns = load_attributes()(pictures, CropAlignment(whole, whole))
    return np.column_stack([columns["age"], columns["female"]]).astype(np.float32)


class Batches:
    """Batches for ``stylegan.semantic``: half to be drawn as themselves, half as somebody else.

    A person with several faces is drawn from the vector of any of them. Somebody else is a
    real stranger, or one of ``nobodies``: mostly of the same guessed gender, as in use.
    ``inverse`` gives the w of vectors.
    """

    def __init__(
        self,
        faces: TrainingFaces,
        batch: int,
        size: int,
        nobodies: Nobodies,
        inverse: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    ) -> None:
        self._faces, self._batch, self._size, self._inverse = faces, batch, size, inverse
        self._people = _People(faces, nobodies)
        self._of = _rows_by_person(faces.person)
        self._several = np.array([p for p, rows in self._of.items() if len(rows) > 1], np.int64)

    def __call__(self, rng: np.random.Generator) -> Batch:
        rows = rng.integers(len(self._faces), size=self._batch)
        pictures, maps = self._shown(rows, rng)
        own = self._faces.vector[rows]
        half = self._batch // 2
        target = own.copy()
        target[:half] = [self._another_of(row, rng) for row in rows[:half]]
        looks = self._faces.looks[rows].copy()
        target[half:], looks[half:] = self._people.others(looks[half:], rng)
        wanted = looks / np.array([_YEARS, 1.0], np.float32)
        left, right, same = self._pairs(rng)
        who = self._inverse(target)
        return Batch(pictures, maps, own, target, who, left, right, same, wanted)

    def _shown(
        self, rows: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        pictures = self._faces.picture[rows].astype(np.float32) / np.float32(127.5) - 1
        labels = self._faces.labels[rows]
        flip = rng.random(len(rows)) < _MIRRORED
        gray = rng.random(len(rows)) < _GRAY
        pictures = np.where(flip[:, None, None, None], pictures[:, :, ::-1], pictures)
        labels = np.where(flip[:, None, None], mirrored(labels), labels)
        without = pictures @ np.array([0.299, 0.587, 0.114], np.float32)
        pictures = np.where(gray[:, None, None, None], without[..., None], pictures)
        return pictures, one_hot(labels, self._size)

    def _another_of(self, row: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """The vector of the same person's face, or of another of theirs."""
        person = int(self._faces.person[row])
        if person < 0 or rng.random() < 0.5:
            return self._faces.vector[row]
        return self._faces.vector[rng.choice(self._of[person])]

    def _pairs(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
        """As many pairs of one person's faces as of two people's."""
        count = self._batch * _PAIRS
        half = count // 2 if len(self._several) else 0
        people = [self._of[int(p)] for p in rng.choice(self._several, half)] if half else []
        alike = np.array([rng.choice(rows, 2, replace=False) for rows in people]).reshape(-1, 2)
        apart = rng.integers(len(self._faces), size=(count - half, 2))
        both = np.concatenate([alike, apart]).astype(np.int64)
        known = self._faces.person[both]
        same = (known[:, 0] == known[:, 1]) & (known[:, 0] >= 0) | (both[:, 0] == both[:, 1])
        left, right = (self._faces.vector[both[:, i]] for i in (0, 1))
        return left, right, same.astype(np.float32)


class _People:
    """Vectors and looks of the faces to learn from and of nobodies, in pools by guessed gender."""

    def __init__(self, faces: TrainingFaces, nobodies: Nobodies) -> None:
        drawn = nobodies.looks * np.array([10.0, 1.0], np.float32)
        self._vector = [faces.vector, nobodies.vector]
        self._looks = [faces.looks, drawn]
        self._pools = [
            [np.flatnonzero((looks[:, 1] > 0.5) == female) for female in (False, True)]
            for looks in self._looks
        ]

    def others(
        self, looks: NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Somebody else for each of ``looks`` (n, 2): vectors (n, 128) and what they look like."""
        alike = rng.random(len(looks)) < _ALIKE
        female = ((looks[:, 1] > 0.5) == alike).astype(int)
        kinds = (rng.random(len(looks)) < _NOBODY).astype(int)
        drawn = [self._one(kind, gender, rng) for kind, gender in zip(kinds, female, strict=True)]
        pairs = [(self._vector[kind][row], self._looks[kind][row]) for kind, row in drawn]
        vectors, seen = zip(*pairs, strict=True)
        return np.stack(vectors), np.stack(seen)

    def _one(self, kind: int, female: int, rng: np.random.Generator) -> tuple[int, int]:
        """Of ``kind`` 1 a nobody, else a face; any face where there is nobody such."""
        pool = self._pools[kind][female]
        if len(pool):
            return kind, int(rng.choice(pool))
        return 0, int(rng.integers(len(self._looks[0])))


def _rows_by_person(person: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    order = np.argsort(person, kind="stable")
    order = order[person[order] >= 0]
    if not len(order):
        return {}
    numbers, start = np.unique(person[order], return_index=True)
    return dict(zip(map(int, numbers), np.split(order, start[1:]), strict=True))


def read_or_keep(
    sources: Sequence[Path], size: int, place: Path
) -> tuple[TrainingFaces, TrainingFaces]:
    """Faces to train on and those set aside, as ``place`` (.npz) holds them; made there if need be.

    Cutting them takes minutes, and a run that goes on needs them again. The file holds faces of
    the FaceSets and is as secret as these.
    """
    for path in sources:
        check_there(path)
    said = json.dumps([[str(path.resolve()), path.stat().st_size] for path in sources])
    if place.is_file():
        with np.load(place, allow_pickle=False) as held:
            if str(held["said"]) == said and "trained_looks" in held:
                return _kept(held, "trained"), _kept(held, "aside")
    both = {
        "trained": read_training_faces(sources, size),
        "aside": read_training_faces(sources, size, set_aside=True),
    }
    arrays = {f"{name}_{k}": v for name, faces in both.items() for k, v in vars(faces).items()}
    place.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(place) as beside, beside.open("wb") as file:
        np.savez(file, said=np.array(said), **arrays)
    return both["trained"], both["aside"]


def _kept(held: Any, name: str) -> TrainingFaces:
    return TrainingFaces(**{k: held[f"{name}_{k}"] for k in _FIELDS})

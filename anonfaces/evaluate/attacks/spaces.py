"""Spaces in which an attacker compares faces: vectors, pixels, latents of the generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anonfaces.evaluate.attacks.practice import Practice
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.subject import Galleries, Subject
    from encoders.faceset import FaceSet

__all__ = ["Space", "latent_reader", "of_people", "pixel_reader", "spaces_of"]

Vectors = NDArray[np.float64]

#: Side in pixels at which chips are compared: an average of faces shows at 32 what it does at 256.
_SIDE = 32
#: Chips that are read at once, 50 MB at 256 px.
_PART = 256
#: Directions that are told apart where a space is whitened; the rest is noise.
_DIRECTIONS = 120


@dataclass(frozen=True)
class Space:
    """Everybody in one space, a row a person.

    Attributes
    ----------
    name : str
        What the attacker compares.
    linear : bool
        Whether a group's surrogate may be a mean of its members here, so that subtraction helps.
    surrogate : float64 (g, d)
        NaN where a surrogate cannot be read.
    very : float64 (p, d)
        Of each person of the release the very picture (the mean of theirs).
    other : float64 (p, d) or None
        The mean of their other photographs, NaN where there are none.
    stranger : float64 (s, d) or None
        People who are not in the release.
    practice : pair of float64 (m, d), or None
        Surrogates of groups of strangers that the attacker made, and the means of their members.
    """

    name: str
    linear: bool
    surrogate: Vectors
    very: Vectors
    other: Vectors | None = None
    stranger: Vectors | None = None
    practice: tuple[Vectors, Vectors] | None = None

    @cached_property
    def whitened(self) -> Space:
        """The same with directions in units of how much people differ along them.

        Fitted on everybody whom the attacker holds; of many dimensions by the products of people,
        who are fewer (M. Turk, A. Pentland, "Eigenfaces for Recognition", 1991).
        """
        parts = [self.very, self.other, self.stranger]
        known = np.concatenate([p[~np.isnan(p[:, 0])] for p in parts if p is not None])
        mean = known.mean(axis=0)
        matrix = _whitening(known - mean)

        def brought(values: Vectors) -> Vectors:
            return (values - mean) @ matrix

        other, stranger = (None if p is None else brought(p) for p in (self.other, self.stranger))
        practice = self.practice and (brought(self.practice[0]), brought(self.practice[1]))
        return Space(
            self.name, self.linear, brought(self.surrogate), brought(self.very), other, stranger,
            practice,
        )  # fmt: skip


def _whitening(off: Vectors) -> Vectors:
    """The matrix (d, m) to the principal directions of rows (n, d), each of variance 1."""
    from scipy.linalg import eigh

    most = min(_DIRECTIONS, len(off) // 3 + 1, off.shape[1])
    first = len(off) - most
    value, vector = eigh(off @ off.T / len(off), subset_by_index=[first, len(off) - 1])
    kept = value > 1e-12 * value[-1]
    return off.T @ (vector[:, kept] / (value[kept] * np.sqrt(len(off))))


@dataclass(frozen=True)
class _Reader:
    """One way of seeing: of faces, and of the pictures that surrogates are."""

    name: str
    linear: bool
    of_faces: Callable[[FaceSet], Any]
    of_pictures: Callable[[Any], Any]


def spaces_of(
    subject: Subject,
    judges: Sequence[Judge],
    galleries: Galleries,
    practice: Practice | None = None,
    corrections: int = 0,
) -> list[Space]:
    """Pixels, latents (corrected so many times), and the vectors of every judge."""
    other, stranger = galleries.other, galleries.strangers
    readers = [
        _Reader("pixels", True, *pixel_reader()),
        _Reader("latents", True, *latent_reader(corrections)),
        *(_Reader(f"vectors of {j.name}", False, j.of_faces, j.of_pictures) for j in judges),
    ]
    return [_space(reader, subject, other, stranger, practice) for reader in readers]


def _space(
    reader: _Reader,
    subject: Subject,
    other: FaceSet | None,
    stranger: FaceSet | None,
    practice: Practice | None,
) -> Space:
    def of(faces: FaceSet | None, names: NDArray[Any] | None = None) -> Vectors | None:
        if faces is None or not len(faces):
            return None
        chosen = np.unique(faces.identity) if names is None else names
        return of_people(reader.of_faces(faces), faces.identity, chosen)

    pictures = reader.of_pictures(subject.pictures())
    very = of(subject.faces, subject.name)
    assert very is not None  # noqa: S101 - a subject has faces
    tried = None if practice is None else _practice(reader, practice)
    return Space(
        reader.name, reader.linear, np.asarray(pictures, np.float64), very,
        of(other, subject.name), of(stranger), tried,
    )  # fmt: skip


def _practice(reader: _Reader, practice: Practice) -> tuple[Vectors, Vectors]:
    seen = np.asarray(reader.of_pictures(iter(practice.pictures)), np.float64)
    names, first = np.unique(practice.faces.identity, return_index=True)
    people = of_people(reader.of_faces(practice.faces), practice.faces.identity, names)
    _, group = np.unique(practice.labels[first], return_inverse=True)
    total = np.stack([np.bincount(group, column) for column in people.T], axis=1)
    return seen, total / np.bincount(group)[:, None]


def of_people(vectors: NDArray[Any], identity: NDArray[Any], names: NDArray[Any]) -> Vectors:
    """The mean of each person's rows, float64 (names, d), NaN for who has none."""
    known, person = np.unique(identity, return_inverse=True)
    sums = np.zeros((len(known), vectors.shape[1]))
    np.add.at(sums, person, vectors)
    means = sums / np.bincount(person)[:, None]
    at = np.minimum(np.searchsorted(known, names), len(known) - 1)
    return np.where((known[at] == names)[:, None], means[at], np.nan)


def _once(read: Callable[[FaceSet], NDArray[np.float32]]) -> Callable[[FaceSet], Any]:
    """``read`` that sees each FaceSet once: galleries are searched for many sets of surrogates."""
    seen: dict[int, tuple[FaceSet, NDArray[np.float32]]] = {}

    def once(faces: FaceSet) -> NDArray[np.float32]:
        if id(faces) not in seen:
            seen[id(faces)] = (faces, read(faces))
        return seen[id(faces)][1]

    return once


@lru_cache(maxsize=1)
def pixel_reader() -> tuple[Callable[[FaceSet], Any], Callable[[Any], Any]]:
    """How chips and surrogates become rows of pixels, float32 (n, 3072)."""
    return _once(_pixels_of_faces), lambda pictures: np.stack([_small(p) for p in pictures])


def _pixels_of_faces(faces: FaceSet) -> NDArray[np.float32]:
    return np.stack([_small(chip) for chips in _parts(faces) for chip in chips])


def _small(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    import cv2

    small = cv2.resize(picture.astype(np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return small.ravel()


@lru_cache(maxsize=2)
def latent_reader(corrections: int = 0) -> tuple[Callable[[FaceSet], Any], Callable[[Any], Any]]:
    """How chips and surrogates become latents, by the public encoder of the generator that ships.

    A chip is framed as the generator frames faces; a surrogate is framed so already: only its
    enlargement is undone. With ``corrections`` each latent is corrected so often, which takes
    twenty times as long.
    """
    from encoders.latent import load_latent_corrector

    corrector = load_latent_corrector()
    side = corrector.encoder.side

    def of_faces(faces: FaceSet) -> NDArray[np.float32]:
        return np.concatenate([_flat(corrector(chips, corrections)) for chips in _parts(faces)])

    def of_surrogates(pictures: Any) -> NDArray[np.float32]:
        import cv2

        small = [cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in pictures]
        return _flat(corrector.correct_framed(np.stack(small), corrections))

    return _once(of_faces), of_surrogates


def _flat(latent: NDArray[np.float32]) -> NDArray[np.float32]:
    return latent.reshape(len(latent), -1)


def _parts(faces: FaceSet) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(faces), _PART):
        yield faces.chips(np.arange(start, min(start + _PART, len(faces))))

"""The people of a group in a generator's latent space."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from anonfaces.errors import WeightsError
from encoders.frame import Framing, measure

if TYPE_CHECKING:
    from anonfaces.synthesize import ChipSource, Members
    from stylegan.encoder import Encoder
    from stylegan.generator import Generator

__all__ = ["Inversion", "People", "framing_of", "load_inversion", "people_of"]

Pixels = NDArray[np.uint8]

_SAMPLES, _PSI = 60, 0.7
_BYTES = 32 * 2**20


class Inversion(Protocol):
    """Faces to the latent space of one generator."""

    framing: Framing

    def __call__(self, chips: Pixels) -> NDArray[np.float32]:
        """FFHQ-aligned RGB chips (n, s, s, 3) to W+ float32 (n, num_ws, w_dim)."""
        ...


@dataclass(frozen=True)
class People:
    """The people of one group: ``latent`` float32 (p, num_ws, w_dim), and their ``key``.

    ``key`` is a SHA-256 of the chips. Neither depends on the order of rows or on names.
    """

    latent: NDArray[np.float32]
    key: bytes

    def draw(self, seed: int) -> np.random.Generator:
        """Chance by ``seed`` and the group's content: not by its number, nor by other groups."""
        return np.random.default_rng([seed, *self.key])


class BesideInversion:
    """The encoder that was trained together with a generator: one w for all layers."""

    def __init__(self, generator: Generator, encoder: Encoder, framing: Framing) -> None:
        self.framing = framing
        self._encoder, self._num_ws = encoder, generator.num_ws

    def __call__(self, chips: Pixels) -> NDArray[np.float32]:
        framed = self.framing.from_ffhq(chips, self._encoder.config.resolution)
        return np.repeat(self._encoder(framed)[:, None], self._num_ws, axis=1)


def framing_of(generator: Generator) -> Framing:
    """How ``generator`` frames its faces, measured on 60 of its own at psi 0.7 (a second)."""
    w = generator.map(generator.latents(range(_SAMPLES)), psi=_PSI)
    return measure(generator.pictures(w))


def load_inversion(generator: Generator, path: Path | None) -> Inversion:
    """The best way into the latent space of ``generator``, which was read from ``path``.

    In turn: the latent encoder that ships, if it was fitted to this generator; the encoder
    beside the generator; a regression from dlib's vectors, fitted now on samples.
    """
    import stylegan
    from encoders.latent import load_latent_encoder

    try:
        return load_latent_encoder(generator)
    except WeightsError:
        framing = framing_of(generator)
    try:
        return BesideInversion(generator, stylegan.load_encoder(path), framing)
    except WeightsError:
        from anonfaces.synthesize.regression import fit_regression

        return fit_regression(generator, framing)


def people_of(groups: Sequence[Members], invert: Inversion) -> list[People]:
    """The people of each group of one set: a person with many faces is their mean latent."""
    rows = np.concatenate([row for members in groups for row in members.rows])
    latent, digest = _faces(groups[0].faces, rows, invert)
    ends = np.cumsum([len(row) for members in groups for row in members.rows])[:-1]
    persons = iter(
        _person(*face) for face in zip(np.split(latent, ends), np.split(digest, ends), strict=True)
    )
    return [_people([next(persons) for _ in members.rows]) for members in groups]


def _faces(
    faces: ChipSource, rows: NDArray[np.int64], invert: Inversion
) -> tuple[NDArray[np.float32], NDArray[np.bytes_]]:
    """W+ of each face, and the SHA-256 of its chip."""
    step = max(1, _BYTES // (3 * faces.chip_size**2))
    latents, digests = [], []
    for start in range(0, len(rows), step):
        chips = faces.chips(rows[start : start + step])
        digests += [hashlib.sha256(chip.tobytes()).hexdigest() for chip in chips]
        latents.append(invert(chips))
    return np.concatenate(latents), np.array(digests, "S64")


def _person(
    latent: NDArray[np.float32], digest: NDArray[np.bytes_]
) -> tuple[bytes, NDArray[np.float32]]:
    order = np.argsort(digest)  # a sum depends on its order, in its last bits
    mean = latent[order].mean(axis=0, dtype=np.float64)
    return hashlib.sha256(digest[order].tobytes()).digest(), mean.astype(np.float32)


def _people(persons: list[tuple[bytes, NDArray[np.float32]]]) -> People:
    found = sorted(persons, key=lambda person: person[0])
    key = hashlib.sha256(b"".join(digest for digest, _ in found)).digest()
    return People(np.stack([latent for _, latent in found]), key)

"""Part files: the finished work of a run, so that it can be killed at any moment.

A part holds some examined photographs as plain arrays (``.npz``, no pickle). Workers write
parts named ``*.found``: faces, with the chips to embed. The parent replaces each by one named
``*.done``, with vectors in place of those chips, unless the embedder has still to be fitted on
them.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.files import atomic_write
from encoders.faceset_file import BYSTANDER_COLUMNS, LEDGER_COLUMNS
from encoders.photographs.walk import Photograph
from encoders.run.examine import ExaminedPhotograph

__all__ = [
    "DETECTED",
    "EMBEDDED",
    "Checkpoint",
    "load_part",
    "make_part",
    "part_name",
    "with_examined",
]

DETECTED = ".found"
EMBEDDED = ".done"
_ARRAYS = ("box", "landmark", "quality", "chip", "chip_end", "aligned", "embedding", "owner")
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Checkpoint:
    """Photographs examined and their faces; ``owner`` is the photograph's place in the part.

    ``aligned`` is uint8 (n, s, s, 3), or (0, s, s, 3) once ``embedding`` is float32 (n, d).
    """

    ledger: list[dict[str, Any]]
    bystanders: list[dict[str, Any]]
    owner: NDArray[np.int64]
    box: NDArray[np.int32]
    landmark: NDArray[np.float32]
    quality: NDArray[np.float32]
    chip: NDArray[np.uint8]
    chip_end: NDArray[np.int64]
    aligned: NDArray[np.uint8]
    embedding: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.owner)

    def packed_chip(self, face: int) -> bytes:
        """The deflated chip of a face of this part."""
        start = self.chip_end[face - 1] if face else 0
        return self.chip[start : self.chip_end[face]].tobytes()

    def embedded(self, vectors: NDArray[np.float32]) -> Checkpoint:
        """The same with vectors, and without the chips that they were made from."""
        return replace(self, embedding=vectors, aligned=self.aligned[:0])

    def save(self, path: Path) -> None:
        """Write all of it or nothing."""
        tables = json.dumps([self.ledger, self.bystanders]).encode()
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        with atomic_write(path) as beside, beside.open("wb") as file:
            np.savez(file, tables=np.frombuffer(tables, np.uint8), **arrays)


def load_part(path: Path, without_chips: bool = False) -> Checkpoint | None:
    """Read a part; None if it is damaged, so that its photographs are examined again."""
    left_out = ("chip", "aligned") if without_chips else ()
    try:
        with np.load(path, allow_pickle=False) as file:
            ledger, bystanders = json.loads(file["tables"].tobytes())
            arrays: dict[str, Any] = {
                name: np.empty(0, np.uint8) if name in left_out else file[name] for name in _ARRAYS
            }
        return Checkpoint(ledger, bystanders, **arrays)
    except _DAMAGED:
        return None


def with_examined(
    part: Checkpoint, places: Sequence[int], examined: Sequence[ExaminedPhotograph]
) -> Checkpoint:
    """The part with new results for the photographs at ``places``, which had no face."""
    other = make_part(examined, part.aligned.shape[1])
    ledger = list(part.ledger)
    for place, row in zip(places, other.ledger, strict=True):
        ledger[place] = row
    owner = np.concatenate([part.owner, np.array(places, np.int64)[other.owner]])
    order = np.argsort(owner, kind="stable")
    chips = [source.packed_chip(face) for source in (part, other) for face in range(len(source))]
    together = {
        name: np.concatenate([getattr(part, name), getattr(other, name)])[order]
        for name in ("box", "landmark", "quality", "aligned")
    }
    return Checkpoint(
        ledger,
        part.bystanders + other.bystanders,
        owner=owner[order],
        chip=np.frombuffer(b"".join(chips[face] for face in order), np.uint8),
        chip_end=np.cumsum([len(chips[face]) for face in order], dtype=np.int64),
        embedding=part.embedding,
        **together,
    )


def part_name(photographs: Sequence[Photograph]) -> str:
    """A name that says which photographs a part holds, and in which state."""
    message = json.dumps([[p.path, p.size, p.mtime_ns] for p in photographs])
    return hashlib.sha256(message.encode()).hexdigest()[:24]


def make_part(
    examined: Sequence[ExaminedPhotograph], aligned_size: int, dim: int = 0
) -> Checkpoint:
    """Gather examined photographs into a part, without vectors yet."""
    faces = [face for one in examined for face in one.faces]
    square = (aligned_size, aligned_size, 3)
    return Checkpoint(
        ledger=[_ledger_row(one) for one in examined],
        bystanders=[row for one in examined for row in _bystander_rows(one)],
        owner=np.repeat(np.arange(len(examined)), [len(one.faces) for one in examined]),
        box=_stack([face.box for face in faces], (4,), np.int32),
        landmark=_stack([face.landmark for face in faces], (68, 2), np.float32),
        quality=np.array([face.quality for face in faces], np.float32),
        chip=np.frombuffer(b"".join(face.packed_chip for face in faces), np.uint8),
        chip_end=np.cumsum([len(face.packed_chip) for face in faces], dtype=np.int64),
        aligned=_stack([face.aligned for face in faces], square, np.uint8),
        embedding=np.empty((0, dim), np.float32),
    )


def _stack(values: list[NDArray[Any]], tail: tuple[int, ...], dtype: type) -> NDArray[Any]:
    return np.array(values, dtype).reshape(len(values), *tail)


def _ledger_row(one: ExaminedPhotograph) -> dict[str, Any]:
    photograph = one.photograph
    values = (photograph.path, photograph.size, photograph.mtime_ns, one.sha256, one.outcome,
              one.reason, len(one.faces), len(one.bystanders), one.smallest_face)  # fmt: skip
    return dict(zip(LEDGER_COLUMNS, values, strict=True))


def _bystander_rows(one: ExaminedPhotograph) -> list[dict[str, Any]]:
    return [
        dict(zip(BYSTANDER_COLUMNS, (one.photograph.path, *box.tolist(), quality), strict=True))
        for box, quality in one.bystanders
    ]

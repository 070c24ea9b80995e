"""Faces to learn from: frames as a camera of a few pixels sees them, with landmarks and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.files import check_there
from encoders.frame import CropSquare

__all__ = ["FRAME", "MIRRORED", "FaceFrames", "Frames", "Jitter", "in_sides", "read_face_frames"]

#: What the generator that ships shows of an FFHQ-aligned chip.
FRAME = CropSquare(0.5, 0.6, 0.62)
#: Pixels of the chips that are kept in memory; frames of up to 96 px are cut from them.
_CHIP = 128
_PART = 256


def _mirrored() -> NDArray[np.int64]:
    """The landmark that each of the 68 becomes in a mirror (iBUG 300-W)."""
    order = list(range(16, -1, -1)) + list(range(26, 16, -1)) + list(range(27, 31))
    order += [35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    order += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55]
    return np.array([*order, 64, 63, 62, 61, 60, 67, 66, 65])


MIRRORED = _mirrored()


@dataclass(frozen=True)
class Jitter:
    """How far frames are moved: shares of the frame's side, a factor, and whether mirrored."""

    shift: float = 0.06
    scale: float = 0.14
    mirror: bool = True


@dataclass(frozen=True)
class Frames:
    """Frames float32 (n, s, s, 3) in 0..1, landmarks (n, 68, 2) in sides of the frame, and the
    square of each that holds the whole of the unmoved frame, ``mirrored`` where it was."""

    image: NDArray[np.float32]
    landmark: NDArray[np.float32]
    square: list[CropSquare]
    mirrored: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceFrames:
    """Chips of faces with what is known of them.

    Attributes
    ----------
    chip : uint8 (n, 128, 128, 3)
        FFHQ-aligned.
    landmark : float32 (n, 68, 2)
        In sides of the chip, found in the sharp photograph.
    vector : float32 (n, 128)
        dlib's, of the sharp photograph.
    identity : str (n,)
        Empty where unknown.
    name : str (n,)
        The photograph.
    """

    chip: NDArray[np.uint8]
    landmark: NDArray[np.float32]
    vector: NDArray[np.float32]
    identity: NDArray[np.str_]
    name: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.chip)

    def select(self, rows: NDArray[np.generic]) -> FaceFrames:
        """Those of ``rows`` (indices or a mask)."""
        return FaceFrames(
            chip=self.chip[rows], landmark=self.landmark[rows], vector=self.vector[rows],
            identity=self.identity[rows], name=self.name[rows],
        )  # fmt: skip

    def frames(
        self,
        rows: NDArray[np.integer],
        size: int,
        rng: np.random.Generator | None = None,
        jitter: Jitter | None = None,
    ) -> Frames:
        """Frames of ``size`` px of some faces, each moved by ``jitter`` where ``rng`` is given."""
        moved = [_moved(rng, jitter or Jitter()) for _ in rows]
        squares = [FRAME if square is None else square for square, _ in moved]
        images = np.stack(
            [_cut(self.chip[row], square, size) for row, square in zip(rows, squares, strict=True)]
        )
        points = np.stack(
            [_inside(self.landmark[row], square) for row, square in zip(rows, squares, strict=True)]
        )
        mirrored = np.array([turned for _, turned in moved], bool)
        images[mirrored] = images[mirrored, :, ::-1]
        points[mirrored] = (points[mirrored] * [-1, 1] + [1, 0])[:, MIRRORED]
        there = [_seen(square, turned) for square, turned in zip(squares, mirrored, strict=True)]
        return Frames((images / 255).astype(np.float32), points.astype(np.float32), there, mirrored)


def read_face_frames(sources: Sequence[Path], most: int | None = None) -> FaceFrames:
    """Read FaceSets (``.h5``) with FFHQ-aligned chips; ``most`` faces of each, evenly spread.

    Raises
    ------
    InputError
        There is no face, a source is no FaceSet, or its vectors are not dlib's.
    """
    parts = [_read(source, most) for source in sources]
    if not parts or not sum(map(len, parts)):
        raise InputError("there are no faces to learn from")
    names = ("chip", "landmark", "vector", "identity", "name")
    return FaceFrames(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


def _read(source: Path, most: int | None) -> FaceFrames:
    from encoders.faceset import FaceSet

    check_there(source)
    if source.suffix != ".h5" or not source.is_file():
        raise InputError(f"{source}: expected a FaceSet (.h5): python -m encoders photos/ makes it")
    faces = FaceSet.read(source)
    if faces.meta.get("extractor") != "dlib":
        raise InputError(f"{source}: its vectors are {faces.meta.get('extractor')}'s, not dlib's")
    rows = np.arange(len(faces))
    if most is not None and most < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    whole = CropSquare()
    chips = [whole.cut(faces.chips(rows[i : i + _PART]), _CHIP) for i in range(0, len(rows), _PART)]
    return FaceFrames(
        chip=np.concatenate([np.empty((0, _CHIP, _CHIP, 3), np.uint8), *chips]),
        landmark=in_sides(faces.landmark[rows]),
        vector=faces.embedding[rows],
        identity=faces.identity[rows],
        name=faces.image[rows],
    )


def in_sides(landmark: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks (n, 68, 2) of photographs, in sides of their FFHQ-aligned chips from the corner."""
    from encoders.align import ffhq_landmarks

    return ffhq_landmarks(landmark, 1) + np.float32(0.5)  # 0 is the middle of the one pixel


def _moved(rng: np.random.Generator | None, jitter: Jitter) -> tuple[CropSquare | None, bool]:
    if rng is None:
        return None, False
    side = FRAME.side * float(np.exp(rng.uniform(-jitter.scale, jitter.scale)))
    x, y = rng.uniform(-jitter.shift, jitter.shift, 2) * side
    return CropSquare(FRAME.x + x, FRAME.y + y, side), jitter.mirror and bool(rng.random() < 0.5)


def _cut(chip: NDArray[np.uint8], square: CropSquare, size: int) -> NDArray[np.uint8]:
    """As ``CropSquare.cut``, of one chip: enlarged never, so one interpolation is enough."""
    return square.cut(chip[None], size)[0]


def _inside(points: NDArray[np.float32], square: CropSquare) -> NDArray[np.float32]:
    corner = np.array([square.x, square.y]) - square.side / 2
    return ((points - corner) / square.side).astype(np.float32)


def _seen(square: CropSquare, mirrored: bool) -> CropSquare:
    """The frame as a square of what ``square`` shows."""
    x = 0.5 + (FRAME.x - square.x) / square.side
    y = 0.5 + (FRAME.y - square.y) / square.side
    return CropSquare(1 - x if mirrored else x, y, FRAME.side / square.side)

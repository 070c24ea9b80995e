"""``python -m benchmarks.parsing lfw.h5``: label maps where landmarks fail.

Faces of people whom the parser did not learn from. dlib's landmarks are looked for in the square
about a face's own, moved aside by a share of its side, as a detector's box may be, and the face is
cropped by them. The label map drawn by these landmarks, the one that the parser sees in the crop,
and the one of the two that ``anonfaces.semantic`` trusts are compared with the map by the own ones.
The first row has the own landmarks as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables import print_table

HEAD = (
    *("box moved by", "landmarks off, % of the eyes' distance", "mIoU: landmarks", "parser"),
    *("trusted", "parser trusted, %"),
)
_SIDE = 256


def main() -> None:
    """Print a row a distance."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("faces", type=Path, help="a FaceSet")
    parser.add_argument("--count", type=int, default=200, help="faces (default: %(default)s)")
    parser.add_argument("--moved", type=float, nargs="+", default=[0.0, 0.1, 0.2, 0.3, 0.4])
    asked = parser.parse_args()
    chips, points = _held_out(asked.faces, asked.count)
    print_table(HEAD, (_row(chips, points, moved) for moved in (None, *asked.moved)))


def _held_out(path: Path, count: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    from encoders.align import ffhq_landmarks
    from encoders.faceset import FaceSet
    from encoders.frame import CropSquare
    from encoders.latent.faces import is_held_out

    faces = FaceSet.read(path)
    held = np.array([i for i, name in enumerate(faces.image) if is_held_out(name)])
    rows = np.sort(np.random.default_rng(0).permutation(held)[:count])
    chips = CropSquare().cut(faces.chips(rows), _SIDE)
    return chips, ffhq_landmarks(faces.landmark[rows], _SIDE)


def _row(chips: NDArray[np.uint8], points: NDArray[np.float32], moved: float) -> tuple[object, ...]:
    rng = np.random.default_rng(1)
    each = np.array([
        _compared(chip, own, moved, rng.uniform(0, 2 * np.pi))
        for chip, own in zip(chips, points, strict=True)
    ])  # fmt: skip
    off, drawn, seen, trusted, chosen = each.mean(axis=0)
    name = "own landmarks" if moved is None else f"{moved:g}"
    return name, 100 * off, drawn, seen, trusted, 100 * chosen


def _compared(
    chip: NDArray[np.uint8], own: NDArray[np.float32], moved: float | None, angle: float
) -> tuple[Any, ...]:
    from anonfaces.semantic.frame import (
        SQUARE,
        agreement,
        framed,
        framed_landmarks,
        labels_of,
        trusted_labels,
    )
    from encoders.align import ffhq_landmarks, find_landmarks
    from encoders.parsing import load_parser
    from encoders.parsing.parser import SIZE

    wrong = own if moved is None else find_landmarks(chip, _box(own, moved, angle))
    small = SIZE // 2
    crop = framed(chip, wrong, small)
    true = SQUARE.points(ffhq_landmarks(own, 1 << 10, aligned_by=wrong), 1 << 10, small)
    wanted = labels_of(true[None], crop[None])[0]
    drawn = labels_of(framed_landmarks(wrong, small)[None], crop[None])[0]
    seen = load_parser()(framed(chip, wrong, SIZE)[None])[0]
    trusted = trusted_labels(chip, wrong, crop)
    eyes = np.linalg.norm(own[36:42].mean(axis=0) - own[42:48].mean(axis=0))
    off = np.linalg.norm(wrong - own, axis=1).mean() / eyes
    scores = (agreement(one, wanted) for one in (drawn, seen, trusted))
    return off, *scores, float((trusted != drawn).any())


def _box(own: NDArray[np.float32], moved: float, angle: float) -> NDArray[np.int64]:
    low, high = own.min(axis=0), own.max(axis=0)
    side = float((high - low).max())
    middle = (low + high) / 2 + side * moved * np.array([np.cos(angle), np.sin(angle)])
    return np.rint([*(middle - side / 2), *(middle + side / 2)]).astype(np.int64)


if __name__ == "__main__":
    main()

"""All photographs of a folder, one after another; what is done is noted, and not done again."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, OutputError
from anonbase.files import atomic_write, lock, mark_resumable
from anonbase.output import refuse_nesting
from encoders.crops.sheet import write_sheet
from encoders.crops.squares import centered_square, cut_square
from encoders.photographs.path_escape import unescape
from encoders.photographs.reading import UnreadableImageError, decode, read_bytes
from encoders.photographs.walk import Photograph, find_photographs

__all__ = ["CropsConfig", "CropsResult", "make_crops"]

Pixels = NDArray[np.uint8]

LEDGER = "crops.csv"
_COLUMNS = ("path", "size", "mtime_ns", "options", "saved", "small", "outcome")
_LEAST_PROBABILITY = 0.7  # what MTCNN's last network itself takes for a face
_SIDES = (8, 2048)


class Finder(Protocol):
    """What finds faces: ``encoders.detect.mtcnn.MtcnnDetector``."""

    def rectangles(
        self, image: Pixels, probability: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Boxes (n, 4) and probabilities (n,)."""


@dataclass(frozen=True, kw_only=True)
class CropsConfig:
    """Which faces are cut out, and how.

    Attributes
    ----------
    size : int
        Side of the crops in pixels.
    smallest : int
        Least width and height of a face in the photograph, in pixels.
    probability : float
        Least probability of a face, 0.7 to 1.
    every_face : bool
        All faces of a photograph, not the surest alone.

    Raises
    ------
    InputError
        A value is none.
    """

    size: int = 64
    smallest: int = 64
    probability: float = 0.7
    every_face: bool = False

    def __post_init__(self) -> None:
        if not _SIDES[0] <= self.size <= _SIDES[1]:
            raise InputError(f"--size {self.size}: expected {_SIDES[0]} to {_SIDES[1]}")
        if self.smallest < 1:
            raise InputError(f"--smallest {self.smallest}: expected 1 or more")
        if not _LEAST_PROBABILITY <= self.probability < 1:
            raise InputError(f"--probability {self.probability}: expected 0.7 to less than 1")

    def label(self) -> str:
        """The options in a word, as the ledger has them."""
        which = "all" if self.every_face else "surest"
        return f"{self.size}/{self.smallest}/{self.probability:g}/{which}"


@dataclass(frozen=True, kw_only=True)
class CropsResult:
    """What a run came to.

    Attributes
    ----------
    photographs, crops, small : int
        Photographs looked at in all runs, crops saved, faces left out as too small.
    outcomes : dict of str to int
        Photographs by what came of them.
    new : int
        Photographs looked at in this run.
    seconds : float
        What this run took.
    sheet : Path
        Some photographs with boxes and squares beside their crops.
    """

    photographs: int
    crops: int
    small: int
    outcomes: dict[str, int]
    new: int
    seconds: float
    sheet: Path


def make_crops(
    photos: Path,
    output: Path,
    config: CropsConfig | None = None,
    *,
    finder: Finder | None = None,
    max_pixels: int = 100_000_000,
    progress: bool = True,
) -> CropsResult:
    """Cut the faces out of a folder of photographs.

    Parameters
    ----------
    photos : Path
        The folder; subfolders are kept in the output, so that a folder a person stays one.
    output : Path
        The folder of crops, outside of ``photos``. What an earlier run noted in its ``crops.csv``
        with the same options is not done again.
    config : CropsConfig, optional
        Which faces, and how.
    finder : Finder, optional
        In place of MTCNN.
    max_pixels : int
        Larger photographs are not decoded.
    progress : bool
        Show a bar.

    Returns
    -------
    CropsResult
        Counts, and where the sheet is.

    Raises
    ------
    InputError
        There are no photographs, or an option is none.
    OutputError
        The output lies in the input or cannot be written, or another run is using it.
    """
    chosen, started = config or CropsConfig(), time.monotonic()
    refuse_nesting(output.expanduser().resolve(), photos.expanduser().resolve())
    photographs = find_photographs(photos).photographs
    try:
        output.mkdir(parents=True, exist_ok=True)
        with (output / ".lock").open("w") as held:
            lock(held, output)
            job = _Job(photos, output, chosen, finder, max_pixels)
            job.run(photographs, progress)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{output}: cannot be written ({error.strerror or error})") from error
    return job.result(time.monotonic() - started)


class _Job:
    def __init__(
        self,
        photos: Path,
        output: Path,
        config: CropsConfig,
        finder: Finder | None,
        max_pixels: int,
    ) -> None:
        self._photos, self._output, self._config = photos, output, config
        self._finder, self._max_pixels = finder, max_pixels
        self._rows: dict[str, dict[str, str]] = _read_ledger(output / LEDGER)
        self._new = 0

    def run(self, photographs: Sequence[Photograph], progress: bool) -> None:
        """Do what is not done yet, and note each photograph when its crops are written."""
        from tqdm import tqdm

        there = {photograph.path for photograph in photographs}
        self._rows = {path: row for path, row in self._rows.items() if path in there}
        todo = [photograph for photograph in photographs if not self._done(photograph)]
        _write_ledger(self._output / LEDGER, self._rows.values())
        try:
            for photograph in tqdm(todo, unit="photo", disable=None if progress else True):
                row = self._one(photograph)
                self._rows[photograph.path] = row
                self._new += 1
                _append(self._output / LEDGER, row)
        except KeyboardInterrupt as stop:
            mark_resumable(stop)
            raise
        write_sheet(self._output / "sheet.png", self._examples())

    def result(self, seconds: float) -> CropsResult:
        rows = list(self._rows.values())
        return CropsResult(
            photographs=len(rows),
            crops=sum(int(row["saved"]) for row in rows),
            small=sum(int(row["small"]) for row in rows),
            outcomes=dict(Counter(row["outcome"] for row in rows)),
            new=self._new,
            seconds=seconds,
            sheet=self._output / "sheet.png",
        )

    def _done(self, photograph: Photograph) -> bool:
        row = self._rows.get(photograph.path)
        now = (str(photograph.size), str(photograph.mtime_ns), self._config.label())
        return row is not None and (row["size"], row["mtime_ns"], row["options"]) == now

    def _one(self, photograph: Photograph) -> dict[str, str]:
        row = {
            "path": photograph.path,
            "size": str(photograph.size),
            "mtime_ns": str(photograph.mtime_ns),
            "options": self._config.label(),
            "saved": "0",
            "small": "0",
        }
        try:
            image = self._read(photograph.path)
        except UnreadableImageError as unusable:
            return row | {"outcome": unusable.outcome}
        boxes, squares = self._find(image)
        for number, square in enumerate(squares):
            crop = cut_square(image, square, self._config.size)
            _save(self._output / _name(photograph.path, number), crop)
        small = len(boxes) - len(squares)
        outcome = "faces" if squares else "too small" if small else "no face"
        return row | {"saved": str(len(squares)), "small": str(small), "outcome": outcome}

    def _read(self, path: str) -> Pixels:
        return decode(read_bytes(self._photos, path)[0], self._max_pixels)

    def _find(self, image: Pixels) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
        """The boxes that count, the surest first, and the squares of those large enough."""
        boxes, probability = self._detector().rectangles(image, self._config.probability)
        boxes = boxes[np.argsort(-probability, kind="stable")]
        if not self._config.every_face:
            boxes = boxes[:1]
        squares = [centered_square(box, image.shape, self._config.smallest) for box in boxes]
        return boxes, [square for square in squares if square is not None]

    def _detector(self) -> Finder:
        if self._finder is None:
            from encoders.detect.mtcnn import MtcnnDetector

            self._finder = MtcnnDetector()
        return self._finder

    def _examples(self) -> Iterator[tuple[Pixels, NDArray[np.float64], list[NDArray[np.int64]]]]:
        """Photographs in which there were faces: picture, boxes, squares."""
        for path, row in self._rows.items():
            if row["outcome"] == "faces":
                try:
                    image = self._read(path)
                except UnreadableImageError:
                    continue
                yield image, *self._find(image)


def _name(path: str, number: int) -> str:
    """The crop's name: the photograph's, with the number of the face."""
    real = PurePosixPath(unescape(path))
    return str(real.with_name(f"{real.name}.{number}.png"))


def _save(path: Path, crop: Pixels) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        Image.fromarray(crop).save(beside, "PNG")


def _read_ledger(path: Path) -> dict[str, dict[str, str]]:
    """What earlier runs noted, by photograph; a line that was cut off is left out."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    rows = [row for row in csv.DictReader(lines) if _whole(row)]
    return {row["path"]: row for row in rows}


def _whole(row: dict[str, str]) -> bool:
    return tuple(row) == _COLUMNS and (row["saved"] or "").isdigit() and bool(row["outcome"])


def _write_ledger(path: Path, rows: object) -> None:
    with atomic_write(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)  # type: ignore[arg-type]


def _append(path: Path, row: dict[str, str]) -> None:
    with path.open("a", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, _COLUMNS).writerow(row)

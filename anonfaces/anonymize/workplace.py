"""Where pictures without faces are made: a hidden folder beside the output that takes its place.

``OUT/`` is there whole or not at all, and holds nothing but pictures. The record of what was
found and done lies beside it, as ``OUT.detections.json``, and ``OUT.review.html`` shows it: both
tell of the originals and are the owner's. So is ``OUT.secret.key``, which groups' faces depend on.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonbase.errors import AnonfacesError, OutputError
from anonbase.files import mark_resumable, write_text
from anonbase.output import MARK, held_partial, resolve_output
from encoders.photographs.path_escape import unescape

__all__ = [
    "Place",
    "check_output",
    "key_path",
    "record_path",
    "review_path",
    "workplace",
    "write_secret",
]

_RECIPE = "recipe.json"
_PICTURES = "pictures"


@dataclass(frozen=True)
class Place:
    """The hidden folder of one run.

    Attributes:
        folder: the hidden folder; anything may be kept there until the run is done.
        output: the folder that is to be made.
    """

    folder: Path
    output: Path

    @property
    def pictures(self) -> Path:
        """The folder that will become the output."""
        return self.folder / _PICTURES

    @property
    def record(self) -> Path:
        """The record beside the output."""
        return record_path(self.output)

    @property
    def review(self) -> Path:
        """The review page beside the output."""
        return review_path(self.output)

    @property
    def key(self) -> Path:
        """The owner's key of this run; it takes the place of ``key_path`` when the run is done."""
        return self.folder / "secret.key"

    def inner(self, number: int) -> Place:
        """The hidden folder of video ``number``, in this one."""
        folder = self.folder / f"video-{number:07d}"
        folder.mkdir(exist_ok=True)
        return Place(folder, self.output)

    def part(self, kind: str, number: int) -> Path:
        """A file of the hidden folder, of picture ``number``."""
        return self.folder / f"{number:07d}.{kind}"

    def save(self, kind: str, number: int, value: dict[str, Any]) -> None:
        """Keep what JSON can hold, all of it or nothing."""
        write_text(self.part(kind, number), json.dumps(value))

    def load(self, kind: str, number: int) -> dict[str, Any] | None:
        """What ``save`` kept, None where there is nothing."""
        path = self.part(kind, number)
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def finish(self, record: dict[str, Any]) -> None:
        """Take the output's place with the pictures of the record, and write the record."""
        names = {unescape(entry["output"]) for entry in record["pictures"] if "output" in entry}
        for path in [p for p in self.pictures.rglob("*") if p.is_file()]:
            if path.relative_to(self.pictures).as_posix() not in names:
                path.unlink()  # written when a run was killed, before it was recorded
        if self.output.exists():
            shutil.rmtree(self.output)  # empty, or ours: check_output has looked
        if self.key.exists():
            self.key.replace(key_path(self.output))
        write_secret(self.record, json.dumps(record, indent=1, ensure_ascii=False))
        self.pictures.rename(self.output)
        shutil.rmtree(self.folder)


def write_secret(path: Path, text: str) -> None:
    """Write what tells of the originals, all of it or nothing, for the owner alone (mode 0600)."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def check_output(output: Path, source: Path, overwrite: bool) -> Path:
    """The resolved place to write to; nothing is read or written.

    Raises:
        OutputError: ``output`` is a file, ``source``, inside it or around it, or holds anything;
            with ``overwrite``, anything but what an earlier run of ours wrote there.
    """
    place = resolve_output(output, source)
    _refuse_occupied(place, overwrite)
    return place


@contextmanager
def workplace(place: Path, recipe: dict[str, Any]) -> Iterator[Place]:
    """The hidden folder for ``place`` (as ``check_output`` gave it), held for one run at a time.

    What an earlier run of the same ``recipe`` left there is kept, that of another is removed.
    After Ctrl-C, or where the disk was full, it stays for the same run to go on from; after any
    other error nothing of it does.
    """
    with held_partial(place) as folder:
        _settle(folder, json.dumps(recipe, sort_keys=True))
        try:
            yield Place(folder, place)
        except BaseException as stop:
            if _goes_on(stop, folder):
                mark_resumable(stop)
            else:
                shutil.rmtree(folder)
            raise


def _goes_on(stop: BaseException, folder: Path) -> bool:
    refused = isinstance(stop, AnonfacesError)
    halted = isinstance(stop, OSError) or not isinstance(stop, Exception)
    return halted and not refused and any(folder.rglob("[0-9]*.*"))


def _settle(folder: Path, recipe: str) -> None:
    written = folder / _RECIPE
    if not written.is_file() or written.read_text(encoding="utf-8") != recipe:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != MARK:
                path.unlink()
        write_text(written, recipe)
    (folder / _PICTURES).mkdir(exist_ok=True)


def record_path(output: Path) -> Path:
    """The record beside an output folder."""
    return output.with_name(f"{output.name}.detections.json")


def key_path(output: Path) -> Path:
    """The owner's key beside an output folder."""
    return output.with_name(f"{output.name}.secret.key")


def review_path(output: Path) -> Path:
    """The review page beside an output folder."""
    return output.with_name(f"{output.name}.review.html")


def _refuse_occupied(place: Path, overwrite: bool) -> None:
    if place.exists() and not place.is_dir():
        raise OutputError(f"{place} is a file: name a folder")
    here = {p.relative_to(place).as_posix() for p in place.rglob("*") if not p.is_dir()}
    if not here:
        return
    if not overwrite:
        raise OutputError(f"{place} holds something: name a new folder, or --overwrite")
    foreign = sorted(here - _ours(place))
    if foreign:
        raise OutputError(
            f"{place} holds {foreign[0]}, which no run of ours wrote and which is not deleted:"
            " move it away, or name another output"
        )


def _ours(place: Path) -> set[str]:
    """The files in the output that the record beside it names."""
    try:
        record = json.loads(record_path(place).read_text(encoding="utf-8"))
        return {unescape(e["output"]) for e in record["pictures"] if "output" in e}
    except (OSError, ValueError, KeyError, TypeError):
        return set()

"""The folder of drawn faces: made in a hidden one beside it, by one set of options alone."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anonbase.errors import AnonfacesError, OutputError
from anonbase.files import write_text
from anonbase.output import held_partial
from anonfaces.optics.names import OutputNames

__all__ = ["drawn_folder", "refuse_occupied"]

_RECIPE, _PICTURES = "recipe.json", "pictures"
#: What follows the name of a private picture in those of the faces that are drawn for it.
_ADDED = re.compile(r"(\.\d+|\.strip)?\.png$")
_FRAME = re.compile(r"/frame_\d+$")


def refuse_occupied(place: Path, names: OutputNames, overwrite: bool) -> None:
    """OutputError where there are files at ``place`` that a run must not replace.

    With ``overwrite`` those are all but faces that were drawn for the same pictures.
    """
    if place.exists() and not place.is_dir():
        raise OutputError(f"{place} is a file: name a folder")
    here = [path.relative_to(place).as_posix() for path in place.rglob("*") if not path.is_dir()]
    if here and not overwrite:
        raise OutputError(
            f"{place} holds {here[0]}: --overwrite replaces what an earlier run drew, or name a new"
            " folder"
        )
    bases = names.bases()
    foreign = sorted(path for path in here if not _bases(path) & bases)
    if foreign:
        raise OutputError(
            f"{place} holds {foreign[0]}, which was not drawn for a picture of this input and is"
            " not deleted: move it away, or name another output"
        )


@contextmanager
def drawn_folder(place: Path, recipe: dict[str, Any]) -> Iterator[Path]:
    """The hidden folder for the pictures of ``place``, of which it takes the place at the end.

    What a stopped run of the same ``recipe`` left in it is there, that of another is removed.
    After Ctrl-C, or where the disk was full, it stays; after a mistake it does not.
    """
    with held_partial(place) as folder:
        pictures = _settled(folder, json.dumps(recipe, sort_keys=True))
        try:
            yield pictures
        except BaseException as stop:
            if not _goes_on(stop, pictures):
                shutil.rmtree(folder)
            raise
        if place.exists():
            shutil.rmtree(place)  # empty, or drawn for the same pictures: refuse_occupied looked
        pictures.rename(place)
        shutil.rmtree(folder)


def _goes_on(stop: BaseException, pictures: Path) -> bool:
    mistake = isinstance(stop, AnonfacesError)
    halted = isinstance(stop, OSError) or not isinstance(stop, Exception)
    return halted and not mistake and any(pictures.rglob("*.png"))


def _settled(folder: Path, recipe: str) -> Path:
    written, pictures = folder / _RECIPE, folder / _PICTURES
    if not written.is_file() or written.read_text(encoding="utf-8") != recipe:
        shutil.rmtree(pictures, ignore_errors=True)
        write_text(written, recipe)
    pictures.mkdir(exist_ok=True)
    return pictures


def _bases(path: str) -> set[str]:
    """The names without an ending that a picture may have been drawn for, a video's folder too."""
    if not path.endswith(".png"):
        return set()
    bases = {_ADDED.sub("", path), path.removesuffix(".png")}
    return bases | {_FRAME.sub("", base) for base in bases if _FRAME.search(base)}

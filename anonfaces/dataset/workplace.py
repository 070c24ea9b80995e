"""Where a condensed dataset is made: a hidden folder beside the output that takes its place.

A dataset is there whole or not at all. What cost much (``faces.h5``, surrogates) stays in the
hidden folder when a run is killed, so that the same command goes on from it; without any of it
the hidden folder goes. Nothing that is not ours is ever deleted.
"""

from __future__ import annotations

import filecmp
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anonbase.errors import OutputError
from anonbase.files import mark_resumable, umask
from anonbase.output import MARK, held_partial, resolve_output
from anonfaces.dataset.files import FILES, OWNER, SECRET_KEY, find_file, protect
from anonfaces.dataset.summary import is_summary

__all__ = ["LEDGER", "check_output", "workplace"]

LEDGER = ".surrogates.jsonl"
"""What surrogates are finished, while they are made; it does not outlast that."""
_NAMES = {file.name for file in FILES if not file.name.endswith("/")}
_BARE = {Path(name).name for name in _NAMES}
_FILES = _NAMES | _BARE  # an older dataset has its secret files beside the others
_OURS = re.compile(
    rf"surrogates/\d+\.png|\.surrogates\.jsonl|(?:{OWNER}/)?\.?faces\.(?:(?:pca|gallery)\.)?h5\..+"
    rf"|(?:{OWNER}/)?\.(?:{'|'.join(map(re.escape, sorted(_BARE)))})\.\w+\.new"
)
_FACES = f"{OWNER}/faces."


def check_output(output: Path, source: Path | None, overwrite: bool) -> Path:
    """The resolved place to write to, or ``OutputError`` that says why it is not usable.

    Refused are: a file, a folder that holds something else than a condensed dataset, a condensed
    dataset without ``overwrite``, and a folder inside ``source`` or around it. Writes nothing.
    """
    place = resolve_output(output, source)
    _refuse_occupied(place, overwrite)
    return place


@contextmanager
def workplace(place: Path) -> Iterator[Path]:
    """Yield the hidden folder for ``place`` (as ``check_output`` gave it) to write to.

    When the block ends well the folder becomes ``place``, in place of the dataset that may be
    there. When it does not, the folder stays where it holds what a later run can use, and that is
    noted on the exception (``mark_resumable``). Beside ``faces.h5``, the surrogates and what
    belongs to them, what an earlier run left there is removed first. Nobody else can read the
    hidden folder, nor in ``place`` what is in ``owner/``.
    """
    if _old(place).exists() and not place.exists():  # killed between the renames of _take_place
        _old(place).rename(place)
    with held_partial(place) as partial:
        _remove(partial, _spoilt(partial))
        try:
            yield partial
        except BaseException as stop:
            if _worth_keeping(partial, place):
                mark_resumable(stop, partial)
            else:
                _remove(partial, _entries(partial))
            raise
        (partial / LEDGER).unlink(missing_ok=True)
        (partial / MARK).unlink()
        protect(partial)
        partial.chmod(0o777 & ~umask())
        _take_place(partial, place)


def _old(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _refuse_occupied(place: Path, overwrite: bool) -> None:
    if not place.exists():
        return
    if not place.is_dir():
        raise OutputError(f"{place} is a file: name a folder")
    foreign = [name for name in _entries(place) if not _is_ours(name)]
    if any(place.iterdir()) and not is_summary(place / "summary.json"):
        raise OutputError(f"{place} holds something else: name a new or an empty folder")
    if is_summary(place / "summary.json") and not overwrite:
        raise OutputError(f"{place} holds a condensed dataset: --overwrite replaces it")
    if foreign:
        raise OutputError(
            f"{place} holds a condensed dataset and something else ({foreign[0]}), which is not"
            " deleted: move that away, or name another output"
        )


def _take_place(partial: Path, place: Path) -> None:
    old = _old(place)
    if old.exists():
        _remove(old, _entries(old))
    if place.exists():
        place.rename(old)
    partial.rename(place)
    if old.exists():
        _remove(old, _entries(old))


def _entries(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not _plain_folder(p))


def _spoilt(partial: Path) -> list[str]:
    """What an earlier run left and no later one can use; surrogates need their ledger."""
    ledger = partial / LEDGER
    drawn = ("surrogates/", LEDGER) if ledger.is_file() and ledger.stat().st_size else ()
    kept = (_FACES, f"{OWNER}/.faces.", SECRET_KEY, MARK, *drawn)
    return [name for name in _entries(partial) if not name.startswith(kept)]


def _worth_keeping(partial: Path, place: Path) -> bool:
    """Whether a later run can use anything there that the dataset in ``place`` does not hold."""
    usable = {*_entries(partial)} - {*_spoilt(partial), MARK, SECRET_KEY}
    for name in (f"{_FACES}h5", f"{_FACES}pca.h5", f"{_FACES}gallery.h5"):
        theirs = find_file(place, Path(name).name)
        if name in usable and theirs.is_file() and filecmp.cmp(partial / name, theirs):
            usable.remove(name)
    return bool(usable)


def _plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_ours(name: str) -> bool:
    return name in _FILES or name == MARK or _OURS.fullmatch(name) is not None


def _remove(folder: Path, names: list[str]) -> None:
    """Delete those of ``names`` in ``folder`` that are ours, and the folders left empty."""
    for name in filter(_is_ours, names):
        (folder / name).unlink()
    emptied = sorted((p for p in folder.rglob("*") if _plain_folder(p)), reverse=True)
    for path in [*emptied, folder]:
        if not any(path.iterdir()):
            path.rmdir()

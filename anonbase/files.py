"""Atomic writes: a file is written beside its place and then renamed, so none is half-written."""

from __future__ import annotations

import glob
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from anonbase.errors import InputError, OutputError

__all__ = [
    "PACKED",
    "atomic_write",
    "cache_folder",
    "check_there",
    "is_resumable",
    "kept_in",
    "lock",
    "mark_resumable",
    "remove_stale",
    "sha256",
    "umask",
    "write_text",
]

PACKED = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
"""How h5py packs arrays of weights, as small as every reader of HDF5 can unpack."""

#: Bytes of a name that fit with all that a temporary one adds; file systems take 255.
_LONGEST_NAME, _KEPT_OF_NAME = 235, 120
_RESUMABLE = "what was finished is kept, and the same call goes on from it"
_KEPT_IN = "it is kept in "


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to, and rename it to ``path`` if all went well."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=".new")
    os.close(descriptor)
    beside = Path(name)
    try:
        yield beside
        _flush_to_disk(beside)
        beside.chmod(0o666 & ~umask())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def cache_folder() -> Path:
    """``anonfaces`` in the user's cache, where weights are looked for and what was fitted is kept.

    It need not exist.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "anonfaces"


def remove_stale(path: Path) -> None:
    """Remove what killed writers of ``path`` left beside it. Only its sole writer may call this."""
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*.new"):
        left.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    """How the names of what is written beside ``path`` begin, short enough for a file system."""
    name = os.fsencode(path.name)
    if len(name) <= _LONGEST_NAME:
        return f".{path.name}."
    digest = hashlib.sha256(name).hexdigest()[:16]
    return f".{name[:_KEPT_OF_NAME].decode('utf-8', 'ignore')}.{digest}."


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, all of it or nothing."""
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Compute the hexadecimal SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_there(path: Path) -> None:
    """InputError where there is nothing at ``path``."""
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")


def lock(file: IO[Any], folder: Path) -> None:
    """Lock ``file`` of ``folder`` until it is closed; OutputError if another run holds the lock."""
    try:
        import fcntl
    except ImportError:  # no such lock on Windows: two runs at once are the user's care there
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise OutputError(f"{folder}: another run is using it; wait until it ends") from error


def mark_resumable(stop: BaseException, folder: Path | None = None) -> None:
    """Note on the exception that ended a run that the same call goes on from there.

    ``folder`` is where what was finished is kept.
    """
    if not is_resumable(stop):
        stop.add_note(_RESUMABLE)
        if folder is not None:
            stop.add_note(f"{_KEPT_IN}{folder}")


def is_resumable(stop: BaseException | None) -> bool:
    """Whether ``stop``, or what it was raised from, has the note of ``mark_resumable``."""
    return _RESUMABLE in _notes(stop)


def kept_in(stop: BaseException | None) -> str:
    """Name the folder that ``mark_resumable`` was told of; '' without one."""
    places = [note for note in _notes(stop) if note.startswith(_KEPT_IN)]
    return places[0].removeprefix(_KEPT_IN) if places else ""


def _notes(stop: BaseException | None) -> list[str]:
    notes: list[str] = []
    while stop is not None:
        notes += getattr(stop, "__notes__", ())
        stop = stop.__cause__ or stop.__context__
    return notes


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def umask() -> int:
    """The permissions that new files of this process do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

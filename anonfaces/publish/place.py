"""Where a release is made: a hidden folder beside it, which takes its place when all is checked.

A release is there whole or not at all, and never without its key.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from anonbase.errors import OutputError
from anonbase.files import atomic_write, lock, mark_resumable, sha256, write_text
from anonfaces.publish.card import CHECKSUMS, read_checksums
from anonfaces.publish.certificate import CERTIFICATE, FORMAT, read_json
from anonfaces.publish.signing import SIGNATURE

__all__ = ["TIME", "Place", "check_place", "equalize", "release_files"]

#: 1980-01-01 00:00:00 UTC, the earliest time that a ZIP archive can hold: every file has it.
TIME = 315_532_800
_MARK, _KEY_NOTE = "anonfaces.partial", "key.sha256"
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
FIXED = (CERTIFICATE, CHECKSUMS, SIGNATURE)


@dataclass(frozen=True)
class Place:
    """The output folder, the file of the key (None: none is kept), and the hidden folder."""

    output: Path
    key: Path | None

    @property
    def partial(self) -> Path:
        return self.output.with_name(f".{self.output.name}.partial")

    @property
    def _old(self) -> Path:
        return self.output.with_name(f".{self.output.name}.old")

    @contextmanager
    def made(self) -> Iterator[Path]:
        """Yield the folder to make the release in; ``finish`` puts it in its place.

        When the block fails for want of disk the folder goes; when it is interrupted what is
        there is kept for the same command; when nothing is of use it goes.
        """
        if self._old.exists() and not self.output.exists():
            self._old.rename(self.output)
        try:
            (self.partial / "release").mkdir(parents=True, exist_ok=True)
            self.partial.chmod(0o700)
            mark = (self.partial / _MARK).open("w")
        except OSError as error:
            message = error.strerror or error
            raise OutputError(f"cannot write beside {self.output}: {message}") from error
        with mark:
            lock(mark, self.partial)
            try:
                yield self.partial / "release"
            except KeyboardInterrupt as stop:
                mark_resumable(stop)
                raise
            except BaseException:
                _remove(self.partial)
                raise
        _remove(self.partial)

    def finish(self, sealed: bytes | None) -> None:
        """The key is written first: a release without it could never be taken back.

        The key of a release that is replaced is kept under another name: copies of that release
        may be about, and its people can only be found with its own key.
        """
        if self.key is not None and sealed is not None:
            self._keep_earlier_key()
            with atomic_write(self.key) as beside:
                beside.write_bytes(sealed)
                beside.chmod(0o600)
                write_text(self.partial / _KEY_NOTE, sha256(beside))
            self.key.chmod(0o600)
        os.sync()  # a power cut after the renames must find the bytes on the disk
        if self.output.exists():
            self.output.rename(self._old)
        (self.partial / "release").rename(self.output)
        if self._old.exists():
            _remove(self._old)

    def _keep_earlier_key(self) -> None:
        certificate = self.output / CERTIFICATE
        if self.key is None or not self.key.exists() or self.left_by_a_killed_run():
            return
        of = sha256(certificate)[:8] if certificate.is_file() else "earlier"
        self.key.replace(self.key.with_name(f"{self.key.name}.{of}"))

    def left_by_a_killed_run(self) -> bool:
        """Whether the key that is there was written by a run that was killed right after."""
        note = self.partial / _KEY_NOTE
        known = self.key is not None and self.key.is_file() and note.is_file()
        return known and note.read_text() == sha256(Path(str(self.key)))


def check_place(output: Path, key: Path | None, source: Path, overwrite: bool) -> Place:
    """The place to release to; OutputError says why it cannot be used. Writes nothing."""
    folder = output.expanduser().resolve()
    place = Path(source).expanduser().resolve()
    if not folder.name:
        raise OutputError(f"{output} cannot be an output folder: name one to be made")
    if folder == place or place in folder.parents or folder in place.parents:
        raise OutputError(f"the release {folder} and the dataset {place} must lie apart")
    made = Place(folder, None if key is None else key.expanduser().resolve())
    _check_output(made, overwrite)
    _check_key(made, overwrite)
    if made.partial.exists() and not (made.partial / _MARK).is_file():
        raise OutputError(f"{made.partial} is in the way and not ours: move it")
    return made


def _check_output(place: Place, overwrite: bool) -> None:
    folder = place.output
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or not is_release(folder):
        raise OutputError(f"{folder} holds something else: name a new or an empty folder")
    if not overwrite:
        raise OutputError(f"{folder} holds a release: --overwrite replaces it")
    foreign = sorted(release_files(folder) - {*read_checksums(folder / CHECKSUMS), *FIXED})
    if foreign:
        raise OutputError(f"{folder} holds {foreign[0]}, which is not of the release: move it away")


def _check_key(place: Place, overwrite: bool) -> None:
    if place.key is None:
        return
    if place.output == place.key or place.output in place.key.parents:
        raise OutputError(f"the key {place.key} must not lie in the release")
    if place.key.exists() and not overwrite and not place.left_by_a_killed_run():
        raise OutputError(
            f"{place.key} is there already, and may be the only key of another release: name"
            " another file (--key), or move it"
        )
    if not place.key.parent.is_dir():
        raise OutputError(f"{place.key.parent}: there is no such folder for the key")


def is_release(folder: Path) -> bool:
    """Whether a folder holds a release of ours, of whatever version."""
    try:
        return read_json(folder / CERTIFICATE, "a certificate").get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


def release_files(folder: Path) -> set[str]:
    """Every entry under ``folder`` that is not a plain folder, by its path there."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def equalize(folder: Path) -> None:
    """Give every file and folder one time and one mode: neither says when, by whom, or which."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(_FOLDER_MODE if path.is_dir() else _FILE_MODE)
        os.utime(path, (TIME, TIME))
    folder.chmod(_FOLDER_MODE)
    os.utime(folder, (TIME, TIME))


def _remove(folder: Path) -> None:
    """Delete a folder of ours with all that is in it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    with suppress(FileNotFoundError):
        folder.rmdir()

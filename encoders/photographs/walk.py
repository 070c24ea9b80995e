"""Which files of a folder are photographs, and which are refused before they are opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from anonbase.errors import InputError
from anonbase.text import pluralize
from encoders.photographs.path_escape import escape
from encoders.photographs.remote import Entry, PhotographRoot, RemoteFolder

__all__ = ["FORMATS", "VIDEO", "Photograph", "Refused", "ScanResult", "find_photographs", "formats"]

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
VIDEO = "video"
"""Outcome of a video among photographs."""
_READ = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"),
    ".avif",
}
#: Read where the package pillow-heif is installed.
_HEIF = {".heic", ".heif", ".hif"}
_NOT_READ = {
    *(".jp2", ".j2k", ".jxl", ".psd", ".dng", ".cr2", ".cr3", ".nef"),
    *(".arw", ".orf", ".rw2", ".raf", ".tga", ".ppm", ".pgm", ".pnm"),
}
_VIDEOS = {
    *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".wmv", ".3gp", ".mts"),
    *(".m2ts", ".flv", ".ogv"),
}
#: Files that a message names.
_NAMED = 5
_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"MM\x00*", b"GIF8")


def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that can be read here: HEIF with the package pillow-heif."""
    here = FORMATS if _has_avif() else tuple(name for name in FORMATS if name != "AVIF")
    return (*here, "HEIF") if _has_heif() else here


@cache
def _has_avif() -> bool:
    from PIL import features

    return bool(features.check("avif"))


@cache
def _has_heif() -> bool:
    return find_spec("pillow_heif") is not None


@dataclass(frozen=True, order=True)
class Photograph:
    """A photograph to read: escaped path relative to the root, size, time of last change."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, order=True)
class Refused:
    """An entry that is not opened, and why."""

    path: str
    outcome: str
    reason: str


@dataclass
class ScanResult:
    """The content of a folder: photographs and refused entries in the order of their paths.

    ``ignored`` are the escaped paths of all other files.
    """

    photographs: list[Photograph] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def find_photographs(root: PhotographRoot) -> ScanResult:
    """List the photographs in a folder; nothing outside of it is ever looked at.

    A file is a photograph by its extension, or by its first bytes where it has none. Hidden files
    and folders are passed over. A link to a file inside the folder is a photograph. A link that
    leads out of it, and any link to a folder, is refused, so a loop cannot arise. At an address a
    file without an extension is none: it would have to be fetched to know.

    Parameters
    ----------
    root : Path or RemoteFolder
        The folder.

    Returns
    -------
    ScanResult
        Photographs and refused entries, each sorted by path.

    Raises
    ------
    InputError
        ``root`` is no folder, cannot be read, or holds no photograph.
    """
    if not root.is_dir():
        raise InputError(_why_no_folder(root))
    walk = ScanResult()
    if isinstance(root, RemoteFolder):
        for listed in root.entries():
            _classify_listed(listed, walk)
    else:
        inside = os.path.realpath(root)
        for entry in _entries(root, walk):
            _classify(entry, os.path.relpath(entry.path, root), inside, walk)
    if not walk.photographs:
        raise InputError(f"{escape(str(root))}: {_why_no_photograph(walk)}")
    walk.photographs.sort()
    walk.refused.sort()
    return walk


def _why_no_photograph(walk: ScanResult) -> str:
    """What the folder holds in place of photographs: how many files, and the first few by name."""
    refused = [f"{entry.path} ({entry.reason})" for entry in sorted(walk.refused)]
    files = [*refused, *sorted(walk.ignored)]
    more = f" and {len(files) - _NAMED:,} more" if len(files) > _NAMED else ""
    held = f"{pluralize(len(files), 'other file')}: {', '.join(files[:_NAMED])}{more}"
    return (
        f"no photograph in it ({held if files else 'it is empty'}); expected {', '.join(formats())}"
    )


def _why_no_folder(root: Path | RemoteFolder) -> str:
    name = escape(str(root))
    if isinstance(root, Path) and root.is_file():
        holds = escape(str(root.absolute().parent))
        return (
            f"{name}: a file, not a folder of photographs: name the folder that holds it, {holds}"
        )
    if isinstance(root, Path) and not root.exists():
        return f"{name}: there is no such folder of photographs"
    return f"{name}: not a folder of photographs"


def _entries(root: Path, walk: ScanResult) -> Iterator[os.DirEntry[str]]:
    folders = [str(root)]
    while folders:
        folder = folders.pop()
        try:
            entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
        except OSError as error:
            path = escape(os.path.relpath(folder, root))
            walk.refused.append(Refused(path, "unreadable", f"folder: {error.strerror}"))
            continue
        folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        yield from (entry for entry in entries if not entry.is_dir(follow_symlinks=False))


def _classify(entry: os.DirEntry[str], path: str, inside: str, walk: ScanResult) -> None:
    text = escape(path.replace(os.sep, "/"))
    try:
        refusal = _refusal(entry, inside)
        status = entry.stat()
        if refusal:
            walk.refused.append(Refused(text, *refusal))
        elif _is_photograph(entry):
            walk.photographs.append(Photograph(text, status.st_size, status.st_mtime_ns))
        else:
            walk.ignored.append(text)
    except OSError as error:
        walk.refused.append(Refused(text, "unreadable", str(error.strerror)))


def _classify_listed(entry: Entry, walk: ScanResult) -> None:
    text, suffix = escape(entry.path), Path(entry.path).suffix.lower()
    if not (_is_known(suffix) or suffix in _NOT_READ | _VIDEOS | _HEIF):
        walk.ignored.append(text)
    elif entry.refusal:
        walk.refused.append(Refused(text, "refused", entry.refusal))
    elif refusal := _refused_kind(suffix):
        walk.refused.append(Refused(text, *refusal))
    else:
        walk.photographs.append(Photograph(text, entry.size, entry.mtime_ns))


def _refusal(entry: os.DirEntry[str], inside: str) -> tuple[str, str] | None:
    if entry.is_symlink():
        target = os.path.realpath(entry.path)
        if os.path.commonpath([inside, target]) != inside:
            return "refused", "a link that leads out of the folder"
        if entry.is_dir():
            return "refused", "a link to a folder"
    if not stat.S_ISREG(entry.stat().st_mode):
        return "not a file", "a pipe, a socket or a device"
    return _refused_kind(Path(entry.name).suffix.lower())


def _refused_kind(suffix: str) -> tuple[str, str] | None:
    if suffix in _VIDEOS:
        return VIDEO, "a video among photographs: give it to anonfaces anonymize by itself"
    if suffix in _HEIF and not _has_heif():
        return "unreadable", f"{suffix[1:]} is read with pillow-heif: pip install pillow-heif"
    if suffix in _NOT_READ:
        return "unreadable", f"{suffix[1:]} is not supported: convert it to JPEG or PNG"
    return None


def _is_photograph(entry: os.DirEntry[str]) -> bool:
    suffix = Path(entry.name).suffix.lower()
    return _is_known(suffix) or (not suffix and _has_magic(entry.path))


def _is_known(suffix: str) -> bool:
    return suffix in _READ or (suffix in _HEIF and _has_heif())


def _has_magic(path: str) -> bool:
    with open(path, "rb", opener=_without_waiting) as file:
        start = file.read(16)
    if start[4:8] == b"ftyp":
        return start[8:12] in _BRANDS or (start[8:12] in _HEIF_BRANDS and _has_heif())
    return start.startswith(_MAGIC) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))

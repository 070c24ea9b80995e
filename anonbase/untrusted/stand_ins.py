"""What often lies in place of the file that was asked for: told by its content, with the way out.

A download that went wrong leaves a page, an error of the storage service or a pointer under the
name of the weights; an archive was not unpacked; the paths of a command are in another order. The
content decides, for the name says what it should have been.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonbase.untrusted.guard import UnsafeContentError, untrusted_input

__all__ = ["FileKind", "check_weights_file", "refuse_stand_in", "stand_in"]

_HEAD = 1 << 14  # bytes at the beginning that are looked at; an error document is shorter
_QUOTED = 120  # characters of a document that a message quotes
_SPACE = b"\xef\xbb\xbf \t\r\n"
_POINTER = b"version https://git-lfs"
_PAGES = (b"<!doctype html", b"<html", b"<head")
_XML = (b"<?xml", b"<error>")
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
_LARGEST_HEADER = 100 << 20  # bytes, as safetensors itself has it
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
}
_PICTURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
}
_BRANDS = {b"heic": "HEIF", b"heix": "HEIF", b"mif1": "HEIF", b"avif": "AVIF"}
_AGAIN = "download it again"
_ORDER = "the paths may be in another order than asked for"
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class FileKind:
    """What a file is, in words, and what its owner can do."""

    name: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.name} in place of the file: {self.way_out}"


def stand_in(path: Path, archives: bool = True) -> FileKind | None:
    """What lies at ``path`` in place of the file that was meant, or None if nothing tells so.

    Parameters
    ----------
    path : Path
        A file that can be read.
    archives : bool
        Whether the zip archives that ``torch.save`` and NumPy write are what was meant.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, io.SEEK_END)
    if head.startswith(_ZIPS):
        return _archive(path, archives)
    for recognize in (_packed, _picture, _safetensors):
        if kind := recognize(head, size):
            return kind
    return _document(head.strip(_SPACE))


def refuse_stand_in(path: Path, archives: bool = True) -> None:
    """Raise UnsafeContentError where ``stand_in`` finds one, or where the file is empty."""
    if path.stat().st_size == 0:
        raise UnsafeContentError(f"the file is empty: {_AGAIN}")
    if kind := stand_in(path, archives):
        raise UnsafeContentError(str(kind))


def check_weights_file(path: Path, archives: bool = False) -> None:
    """As ``refuse_stand_in``, with a WeightsError that names the file."""
    with untrusted_input(str(path)):
        refuse_stand_in(path, archives)


def _archive(path: Path, archives: bool) -> FileKind | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return FileKind("a part of a zip archive", f"it was cut short; {_AGAIN}")
    torch = any(name.endswith("/data.pkl") for name in names)
    arrays = any(name.endswith(".npy") for name in names)
    if archives and (torch or arrays):
        return None
    if torch or arrays:
        kind = "a file of torch.save" if torch else "an .npz of NumPy"
        return FileKind(kind, _ORDER)
    held = repr(names[0])[:_QUOTED] if names else "nothing"
    rest = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return FileKind(f"a zip archive of {held}{rest}", "unpack it, and give the file that is in it")


def _packed(head: bytes, size: int) -> FileKind | None:
    kind = _beginning(head, _PACKED) or ("tar" if head[257:262] == b"ustar" else None)
    return (
        None
        if kind is None
        else FileKind(f"an archive ({kind})", "unpack it, and give the file that is in it")
    )


def _picture(head: bytes, size: int) -> FileKind | None:
    kind = _beginning(head, _PICTURES)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        kind = "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[2:6], "little") == size:
        kind = "BMP"
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        kind = _BRANDS[head[8:12]]
    return None if kind is None else FileKind(f"a picture ({kind})", _ORDER)


def _safetensors(head: bytes, size: int) -> FileKind | None:
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{" or not 2 <= length <= min(size - 8, _LARGEST_HEADER):
        return None
    return FileKind(
        "safetensors, which is not read,",
        "save it as PyTorch does: torch.save(safetensors.torch.load_file(FILE), 'FILE.pt')",
    )


def _document(text: bytes) -> FileKind | None:
    low = text[:512].lower()
    if low.startswith(_POINTER):
        return FileKind("a pointer of git-lfs", "fetch the file itself (git lfs pull)")
    if low.startswith(_XML) and b"<html" not in low:
        return _error(_xml_said(text), "an XML document")
    if low.startswith((*_PAGES, *_XML)):
        return FileKind(
            "a web page",
            "its address shows a page to sign in or to confirm a download; open it in a browser",
        )
    return _json(text)


def _json(text: bytes) -> FileKind | None:
    if not re.match(rb'\{\s*["}]|\[\s*[\[{"\]]', text) or _BINARY.search(text):
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        # longer than what was looked at, or no JSON: no table begins with {"
        return FileKind("a JSON document", _AGAIN) if text.startswith(b"{") else None
    return _error(_json_said(content), "a JSON document")


def _error(said: str, name: str) -> FileKind:
    if said:
        said = "".join(c if c.isprintable() else "?" for c in said[:_QUOTED])
        return FileKind(
            f"an error document ({said})", "its address is wrong, has run out or asks for a key"
        )
    return FileKind(name, _AGAIN)


def _xml_said(text: bytes) -> str:
    """The code and message of an error as S3 and its like answer."""
    parts = (re.search(rb"<%b>([^<]*)</%b>" % (tag, tag), text) for tag in (b"Code", b"Message"))
    return ": ".join(part[1].decode("utf-8", "replace") for part in parts if part)


def _json_said(content: Any) -> str:
    """What a service says went wrong: ``error``, ``message`` or ``detail``, maybe one below."""
    while isinstance(content, Mapping):
        words = ("error", "message", "detail", "errors")
        content = next((content[word] for word in words if content.get(word)), "")
    return content if isinstance(content, str) else ""


def _beginning(head: bytes, kinds: Mapping[bytes, str]) -> str | None:
    return next((kind for magic, kind in kinds.items() if head.startswith(magic)), None)

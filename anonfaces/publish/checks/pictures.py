"""The pictures: pixels and nothing else, all of one kind."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from anonbase.dask_workers import DaskTask, check_surroundings, package_versions
from anonbase.errors import InputError
from anonfaces.publish.checks.registry import Problems, check
from anonfaces.publish.checks.release import Release
from anonfaces.publish.pictures import read_pixels

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_CHUNKS = {b"IHDR", b"IDAT", b"IEND"}
#: 8 bits, RGB, deflate, adaptive filters, not interlaced: what the encoder here writes.
_PNG_KIND = (8, 2, 0, 0, 0)
#: Start of frame (baseline), tables, start of scan; of application segments JFIF's alone.
_SEGMENTS = {0xC0, 0xC4, 0xDB, 0xDA, 0xE0}
_JFIF_BYTES = 16
_PICTURES_A_TASK = 2048  # some ten seconds of a core
#: Larger than any surrogate.
_MOST_BYTES = 64 * 2**20


@check("pictures", "every picture holds pixels and nothing else, of one size and one encoder")
def pictures(release: Release) -> Problems:
    """No EXIF, XMP, IPTC, colour profile, text, comment, thumbnail or trailing byte."""
    wanted, names = release.certificate["picture"], release.pictures
    about = (str(release.folder), wanted["format"], wanted["size"])
    if release.workers is None:
        return picture_problems(*about, names, os.cpu_count())
    given = [names[i : i + _PICTURES_A_TASK] for i in range(0, len(names), _PICTURES_A_TASK)]
    versions = package_versions()
    tasks = [DaskTask(f"pictures-{i}", (versions, *about, own)) for i, own in enumerate(given)]
    found = dict(release.workers.run(look_at_pictures, tasks))
    return [problem for place in sorted(found) for problem in found[place]]


def look_at_pictures(
    versions: dict[str, str], folder: str, form: str, size: int, names: Sequence[str]
) -> Problems:
    """``picture_problems`` as a task; ``InputError`` of other versions, or an unseen folder."""
    check_surroundings(versions, [folder])
    return picture_problems(folder, form, size, names, threads=1)


def picture_problems(
    folder: str, form: str, size: int, names: Sequence[str], threads: int | None
) -> Problems:
    """What is wrong with pictures ``names`` in ``folder``, in their order."""
    look = partial(_problem, Path(folder), form, size)
    with ThreadPoolExecutor(threads) as pool:
        return [problem for problem in pool.map(look, names) if problem]


def _problem(folder: Path, form: str, size: int, name: str) -> str:
    path = folder / name
    if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
        return f"{name} is no picture of a release"
    data = path.read_bytes()
    try:
        problem = png_problem(data) if form == "png" else jpeg_problem(data)
        if problem:
            return f"{name} {problem}"
        shape = read_pixels(path).shape
    except (struct.error, IndexError, InputError):
        return f"{name} cannot be read"
    return "" if shape == (size, size, 3) else f"{name} is not {size} px wide and high"


def png_problem(data: bytes) -> str:
    """What a PNG holds beside pixels, '' for nothing (W3C PNG, chunks)."""
    if not data.startswith(_PNG):
        return "is no PNG"
    kinds = []
    for kind, body in _chunks(data):
        if kind not in _CHUNKS:
            return f"holds a chunk {kind.decode('latin-1')!r}"
        if kind == b"IHDR" and struct.unpack(">5B", body[8:13]) != _PNG_KIND:
            return "was made by another encoder setting"
        kinds.append(kind)
    whole = kinds and kinds[0] == b"IHDR" and kinds[-1] == b"IEND" and kinds.count(b"IEND") == 1
    if not whole:
        return "is cut short, or has bytes after its end"
    return _after_pixels(data)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk; a wrong checksum or length is a chunk of kind '????'."""
    place = len(_PNG)
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        yield (kind if zlib.crc32(kind + body) == checksum else b"????"), body
        place += 12 + length


def _after_pixels(data: bytes) -> str:
    """Bytes can hide behind the end of the deflated pixels, inside the last chunk."""
    inflater = zlib.decompressobj()
    try:
        for kind, body in _chunks(data):
            if kind == b"IDAT":
                inflater.decompress(body, _MOST_BYTES)
    except zlib.error:
        return "cannot be read"
    return "holds bytes after its pixels" if inflater.unused_data else ""


def jpeg_problem(data: bytes) -> str:
    """What a JPEG holds beside pixels, '' for nothing (ITU T.81, markers)."""
    if not data.startswith(_JPEG):
        return "is no JPEG"
    place = len(_JPEG)
    while data[place] == 0xFF and data[place + 1] != 0xDA:
        marker = data[place + 1]
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        if marker not in _SEGMENTS:
            return f"holds a segment {marker:02X}"
        if marker == 0xE0 and (length != _JFIF_BYTES or data[place + 4 : place + 9] != b"JFIF\0"):
            return "holds a thumbnail or another application's data"
        place += 2 + length
    end = data.find(b"\xff\xd9", place)
    return "" if end == len(data) - 2 else "is cut short, or has bytes after its end"

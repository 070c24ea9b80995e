"""Writing a picture's pixels and nothing else, under a name that is free."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import OutputError
from anonbase.files import atomic_write
from anonfaces.anonymize.inputs import VIDEOS
from encoders.photographs.path_escape import escape, unescape

__all__ = ["jpeg", "names", "write_picture"]

_JPEG = {".jpg", ".jpeg", ".jpe", ".jfif"}
_QUALITY = 95
#: Of the copies on the review page.
_SMALL_QUALITY = 80
#: Bytes that file systems take for the name of a file.
_LONGEST_NAME = 255


def names(paths: Iterable[str], rename: bool) -> list[str]:
    """The name that each picture gets in the output: its own, or a random one.

    JPEG stay JPEG, and videos the kind they are, but AVI, which becomes MP4; all others become
    PNG.
    """
    chosen: list[str] = []
    taken: set[str] = set()
    for path in paths:
        suffix = PurePosixPath(path).suffix.lower()
        written = _suffix(suffix)
        if rename:
            name = f"{secrets.token_hex(8)}{written}"
        elif suffix in _JPEG | {written}:
            name = path
        else:
            name = f"{path}{written}"
        name = _short(name)
        while name.lower() in taken:
            name = _short(str(PurePosixPath(name).with_suffix(f".again{written}")))
        taken.add(name.lower())
        chosen.append(name)
    return chosen


def jpeg(image: NDArray[np.uint8], longest: int) -> bytes:
    """RGB pixels (height, width, 3) as a JPEG of at most ``longest`` pixels a side."""
    import io

    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((longest, longest))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_SMALL_QUALITY)
    return file.getvalue()


def _suffix(suffix: str) -> str:
    """The extension that a file of this one gets."""
    if suffix in VIDEOS:
        return ".mp4" if suffix == ".avi" else suffix
    return ".jpg" if suffix in _JPEG else ".png"


def _short(name: str) -> str:
    """The name, its last part cut where no file system would take it; the suffix stays."""
    path = PurePosixPath(name)
    last = os.fsencode(unescape(path.name))
    if len(last) <= _LONGEST_NAME:
        return name
    stem = last[: _LONGEST_NAME - len(path.suffix)].decode("utf-8", "ignore")
    return str(path.with_name(escape(stem) + path.suffix))


def write_picture(folder: Path, name: str, image: NDArray[np.uint8]) -> None:
    """Write RGB pixels (height, width, 3) alone: no EXIF, thumbnail, XMP, profile or comment.

    PNG keeps every pixel; JPEG has quality 95 and all of the colour. Raises OutputError.
    """
    from PIL import Image

    path = folder / unescape(name)
    jpeg = path.suffix.lower() in _JPEG
    options = {"quality": _QUALITY, "subsampling": 0} if jpeg else {"compress_level": 4}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as beside:
            Image.fromarray(image).save(beside, "JPEG" if jpeg else "PNG", **options)
    except ValueError as error:  # JPEG ends at 65,500 pixels a side
        raise OutputError(f"{path}: cannot be written ({error})") from error

"""Reading a photograph that may be hostile into upright RGB pixels."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from encoders.photographs.path_escape import unescape
from encoders.photographs.remote import PhotographRoot, RemoteFolder, TooLargeError
from encoders.photographs.walk import formats

__all__ = [
    "LARGEST_FILE",
    "MAX_PIXELS",
    "UnreadableImageError",
    "decode",
    "frame_count",
    "is_photograph",
    "read_bytes",
    "refuse_photograph",
]

MAX_PIXELS = 100_000_000
LARGEST_FILE = 512 * 2**20
_ORIENTATION = 0x0112
_WHITE = (255, 255, 255, 255)


class UnreadableImageError(Exception):
    """A photograph cannot be used; the ledger gets its ``outcome`` and ``reason``."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(f"{outcome}: {reason}")
        self.outcome, self.reason = outcome, reason


def read_bytes(root: PhotographRoot, path: str) -> tuple[bytes, str]:
    """Read the file ``path`` (escaped, relative) in ``root``: its bytes and their SHA-256.

    The call never waits on a pipe and never leaves ``root``, whatever has changed since the file
    was listed.

    Raises
    ------
    UnreadableImageError
        The file cannot be read, is too large, or lies elsewhere.
    OSError
        The storage at an address does not answer.
    """
    if isinstance(root, RemoteFolder):
        data = _read_remote(root, unescape(path))
        return data, hashlib.sha256(data).hexdigest()
    try:
        data = _read_inside(root, os.path.realpath(root / unescape(path)))
    except OSError as error:
        raise UnreadableImageError("unreadable", str(error.strerror or error)) from error
    return data, hashlib.sha256(data).hexdigest()


def _read_remote(root: RemoteFolder, path: str) -> bytes:
    try:
        return root.read(path, LARGEST_FILE)
    except TooLargeError as error:
        size = error.args[0] or "more"
        raise UnreadableImageError(
            "too large", f"{size} bytes, at most {LARGEST_FILE} are read"
        ) from error
    except (FileNotFoundError, PermissionError) as error:
        raise UnreadableImageError("unreadable", str(error.strerror or "no access")) from error


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode a photograph to upright RGB.

    The first frame counts. Transparent pixels show white. 16-bit levels are scaled by 65535, and
    so are 32-bit integers that stay below that; floats in 0..1 by 1, others by their range. The
    number of pixels is read from the header, before anything is decoded.

    Parameters
    ----------
    data : bytes
        The whole file.
    max_pixels : int
        More pixels than these are refused.

    Returns
    -------
    uint8 (height, width, 3)
        RGB, turned upright by its EXIF orientation.

    Raises
    ------
    UnreadableImageError
        The photograph cannot be decoded, or is too large.
    """
    if not data:
        raise UnreadableImageError("unreadable", "the file is empty")
    try:
        with _quiet_pillow() as pillow, pillow.open(io.BytesIO(data), formats=formats()) as picture:
            _check_size(picture.width, picture.height, max_pixels)
            turned = _upright(picture, _orientation(picture))
            return np.ascontiguousarray(_to_rgb(turned))
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise UnreadableImageError("too large", "not enough memory to decode it") from error
    except Exception as error:  # a decoder that is lied to raises anything
        raise UnreadableImageError("unreadable", _reason(error)) from error


def frame_count(data: bytes) -> int:
    """How many frames a picture that ``decode`` reads has: GIF, WebP, TIFF, MPO, AVIF and HEIF.

    1 where that cannot be told, or where counting would mean to decode them all.
    """
    try:
        with _quiet_pillow() as pillow, pillow.open(io.BytesIO(data), formats=formats()) as picture:
            return int(getattr(picture, "n_frames", 1))
    except Exception:  # a decoder that is lied to raises anything
        return 1


def is_photograph(path: Path) -> bool:
    """Whether a file begins as a picture that ``decode`` reads; nothing is decoded."""
    try:
        with (
            _quiet_pillow() as pillow,
            open(path.resolve(), "rb", opener=_open_carefully) as file,
            pillow.open(file, formats=formats()),
        ):
            return True
    except Exception:  # a decoder that is lied to raises anything
        return False


def refuse_photograph(path: Path, command: str) -> None:
    """InputError where ``path`` is one photograph, and ``command`` takes the folder of many."""
    if path.is_file() and is_photograph(path):
        raise InputError(
            f"{path} is one photograph: give the folder that holds all of them, as"
            f" {command} {path.parent}"
        )


def _read_inside(root: Path, real: str) -> bytes:
    inside = os.path.realpath(root)
    if os.path.commonpath([inside, real]) != inside:
        raise UnreadableImageError("refused", "a link that leads out of the folder")
    with open(real, "rb", opener=_open_carefully) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImageError("not a file", "a pipe, a socket or a device")
        if status.st_size > LARGEST_FILE:
            raise UnreadableImageError(
                "too large", f"{status.st_size} bytes, at most {LARGEST_FILE} are read"
            )
        return file.read(LARGEST_FILE)


def _open_carefully(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


@contextmanager
def _quiet_pillow() -> Iterator[Any]:
    """Pillow without its own limit, which we check ourselves, and without its warnings."""
    from PIL import Image

    if "HEIF" in formats():
        from pillow_heif import register_heif_opener

        register_heif_opener()
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield Image
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        asked = f"{width} x {height} pixels, at most {max_pixels} are decoded (--max-pixels)"
        raise UnreadableImageError("too large", asked)


def _orientation(picture: Any) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF says nothing; the picture itself may be fine
        return 1


def _upright(picture: Any, orientation: int) -> Any:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return picture.transpose(turns[orientation]) if orientation in turns else picture


def _to_rgb(picture: Any) -> NDArray[np.uint8]:
    picture.load()
    if picture.mode == "F" or picture.mode.startswith("I"):
        grey = _to_8_bits(np.asarray(picture))
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        return np.asarray(_over_white(picture.convert("RGBA")))
    return np.asarray(picture.convert("RGB"))


def _over_white(picture: Any) -> Any:
    from PIL import Image

    paper = Image.new("RGBA", picture.size, _WHITE)
    return Image.alpha_composite(paper, picture).convert("RGB")


def _to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    grey = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    low, high = float(grey.min()), float(grey.max())
    if values.dtype.kind in "iu" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return np.rint((grey - low) * (255 / max(high - low, 1e-30))).astype(np.uint8)


def _reason(error: Exception) -> str:
    text = str(error).split("<_io")[0].strip() or type(error).__name__
    return "not a photograph in a supported format" if "cannot identify" in text else text

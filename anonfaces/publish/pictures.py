"""Pictures of a release: re-encoded from their pixels, with one setting, and nothing beside."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.publish.source import Source

__all__ = ["FORMATS", "encode_image", "read_pixels", "write_pictures"]

FORMATS = {"png": ".png", "jpeg": ".jpg"}
_PNG_LEVEL = 6  # zlib's own default
_JPEG_QUALITY = 95
#: More pixels than any surrogate has: a larger file is not decoded.
_MOST_PIXELS = 4096 * 4096


def encode_image(pixels: NDArray[np.uint8], form: str) -> bytes:
    """RGB pixels (h, w, 3) as a PNG or JPEG that holds them and nothing else.

    The same pixels give the same bytes: no time, no program, no colour profile, no thumbnail.
    """
    from PIL import Image

    memory = io.BytesIO()
    if form == "png":
        Image.fromarray(pixels).save(memory, "PNG", compress_level=_PNG_LEVEL)
    else:
        Image.fromarray(pixels).save(memory, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return memory.getvalue()


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """The RGB pixels (h, w, 3) of a picture; InputError where it is none or far too large."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise InputError(f"{path}: {image.width} x {image.height} pixels are too many")
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a picture: {error}") from error


def write_pictures(
    folder: Path, source: Source, table: pd.DataFrame, form: str, progress: bool
) -> None:
    """Write every record's picture under ``folder``, on all cores, a group at a time.

    What an earlier run wrote whole is left as it is.
    """
    from tqdm import tqdm

    for parent in sorted({str(Path(path).parent) for path in table["path"]}):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    jobs = list(table.groupby("number")["path"])
    with (
        ThreadPoolExecutor(os.cpu_count()) as pool,
        tqdm(total=len(table), desc="pictures", unit="picture", disable=not progress) as bar,
    ):
        waiting = [
            pool.submit(_write_group, folder, source.surrogate(int(str(number))), paths, form)
            for number, paths in jobs
        ]
        try:
            for done in waiting:
                bar.update(done.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _write_group(folder: Path, surrogate: Path, paths: Iterable[str], form: str) -> int:
    """Write the picture of a group to each of its ``paths``; how many there are."""
    content = encode_image(read_pixels(surrogate), form)
    places = [folder / path for path in paths]
    for place in places:
        if not (place.exists() and place.read_bytes() == content):
            place.write_bytes(content)
    return len(places)

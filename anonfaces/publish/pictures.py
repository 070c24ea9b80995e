"""Pictures of a release: re-encoded from their pixels, with one setting, and nothing beside."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.dask_workers import DaskTask, DaskWorkers, check_surroundings, package_versions
from anonbase.errors import InputError
from anonfaces.publish.source import Source

__all__ = ["FORMATS", "encode_image", "read_pixels", "write_groups", "write_pictures"]

#: A surrogate, and the pictures in the release that show it.
_Group = tuple[str, list[str]]

FORMATS = {"png": ".png", "jpeg": ".jpg"}
_PNG_LEVEL = 6  # zlib's own default
_JPEG_QUALITY = 95
_GROUPS_A_TASK = 512  # some ten seconds of a core
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
    folder: Path,
    source: Source,
    table: pd.DataFrame,
    form: str,
    progress: bool,
    workers: DaskWorkers | None = None,
) -> None:
    """Write every record's picture under ``folder``, a group at a time, on all cores or by workers.

    What an earlier run wrote whole is left as it is.
    """
    from tqdm import tqdm

    for parent in sorted({str(Path(path).parent) for path in table["path"]}):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    groups = [
        (str(source.surrogate(int(str(number))).absolute()), paths.tolist())
        for number, paths in table.groupby("number")["path"]
    ]
    writing = _here(folder, groups, form) if workers is None else _by(workers, folder, groups, form)
    with tqdm(total=len(table), desc="pictures", unit="picture", disable=not progress) as bar:
        for done in writing:
            bar.update(done)


def _here(folder: Path, groups: list[_Group], form: str) -> Iterator[int]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(_write_group, folder, *group, form) for group in groups]
        try:
            for done in waiting:
                yield done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _by(workers: DaskWorkers, folder: Path, groups: list[_Group], form: str) -> Iterator[int]:
    versions, starts = package_versions(), range(0, len(groups), _GROUPS_A_TASK)
    given = [groups[i : i + _GROUPS_A_TASK] for i in starts]
    tasks = [
        DaskTask(f"write-{i}", (versions, str(folder), own, form)) for i, own in enumerate(given)
    ]
    for _, done in workers.run(write_groups, tasks):
        yield done


def write_groups(versions: dict[str, str], folder: str, groups: list[_Group], form: str) -> int:
    """Write the pictures of some groups, a surrogate and its paths each; how many there are.

    ``InputError`` where this machine has other versions, or does not see the folders.
    """
    check_surroundings(versions, [folder, *(str(Path(one).parent) for one, _ in groups[:1])])
    return sum(_write_group(Path(folder), *group, form) for group in groups)


def _write_group(folder: Path, surrogate: str, paths: Iterable[str], form: str) -> int:
    """Write the picture of a group to each of its ``paths``; how many there are."""
    content = encode_image(read_pixels(Path(surrogate)), form)
    places = [folder / path for path in paths]
    for place in places:
        if not (place.exists() and place.read_bytes() == content):
            # a worker that was given up may be at it still: whole or not at all
            beside = place.with_name(f".{uuid.uuid4().hex}")
            beside.write_bytes(content)
            beside.replace(place)
    return len(places)

"""``python -m stylegan.generate --seeds 0-63 --psi 0.7 -o faces/``: one PNG a seed."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonbase import cli
from anonbase.errors import InputError, OutputError
from anonbase.options import Debug, option
from anonbase.text import pluralize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EXAMPLES = """
Make images from seeds: one PNG a seed, named seed0000.png.

Without --generator, the generator that ships is used: 64 px faces, trained on UTKFace and LFW
and so for non-commercial research only. The same seed makes the same image.

\b
Examples:
  python -m stylegan.generate --seeds 0-63 --psi 0.7 -o faces/
  python -m stylegan.generate --seeds 1,5,20-29 -o faces/ --grid grid.png
  python -m stylegan.generate --seeds 0-3 --generator ffhq.pkl -o faces/
  python -m stylegan.generate --seeds 0-9 --generator cifar10.pkl --class 3 -o cats/
"""

_MOST_SEEDS = 1_000_000
app = typer.Typer(add_completion=False)


class _Noise(StrEnum):
    const = "const"
    random = "random"
    none = "none"


class _Precision(StrEnum):
    float32 = "float32"
    bfloat16 = "bfloat16"


@app.command(help=_EXAMPLES)
def generate(
    output: Annotated[Path, option("the folder for the images", "--output", "-o")],
    seeds: Annotated[str, option("seeds, such as 0-63 or 1,5,20-29", "--seeds")] = "0-15",
    psi: Annotated[
        float, option("truncation: 1 for full variety, 0 for the mean face", "--psi")
    ] = 0.7,
    cutoff: Annotated[
        int | None, option("number of layers to truncate; default: all", "--cutoff", min=0)
    ] = None,
    generator: Annotated[
        Path | None, option("StyleGAN checkpoint; default: the one that ships", "--generator")
    ] = None,
    noise: Annotated[_Noise, option("the noise maps to add", "--noise-mode")] = _Noise.const,
    label: Annotated[
        int | None, option("class of the images, if the network has classes", "--class")
    ] = None,
    size: Annotated[
        int | None,
        option("side of the files in pixels; enlarging adds no detail", "--size", min=4, max=4096),
    ] = None,
    grid: Annotated[
        Path | None, option("also write all images as one, to this file", "--grid")
    ] = None,
    batch: Annotated[int, option("images at a time", "--batch", min=1, max=1024)] = 8,
    precision: Annotated[
        _Precision,
        option("numbers to compute with; bfloat16 is faster where the CPU has it", "--precision"),
    ] = _Precision.float32,
    debug: Debug = False,
) -> None:
    """Map, synthesize and write one batch at a time."""
    chosen = parse_seeds(seeds)
    if not math.isfinite(psi):
        raise InputError(f"--psi {psi}: expected a number, mostly 0 to 1")
    from tqdm import tqdm

    import stylegan

    network = stylegan.load(generator, precision.value)
    _make_folder(output)
    tiles: list[NDArray[np.uint8]] = []
    for start in tqdm(range(0, len(chosen), batch), unit="batch", disable=None):
        part = chosen[start : start + batch]
        labels = None if label is None else [label] * len(part)
        w = network.map(network.latents(part), labels, psi=psi, cutoff=cutoff)
        pictures = network.pictures(w, noise.value, seed=part[0], batch=batch)
        _write_all(output, part, [resized(picture, size) for picture in pictures])
        if grid is not None:
            tiles.extend(pictures)
    if grid is not None:
        _write(grid, as_grid(tiles))
    drawn, side = network.config.resolution, size or network.config.resolution
    print(f"{pluralize(len(chosen), 'picture')} of {side} px (drawn at {drawn} px) in {output}")


def parse_seeds(text: str) -> list[int]:
    """Turn ``"1,5,20-22"`` into ``[1, 5, 20, 21, 22]``.

    Raises
    ------
    InputError
        The text is anything else.

    Examples
    --------
    >>> parse_seeds("1,5,20-22")
    [1, 5, 20, 21, 22]
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(first + last) > 20:
            raise InputError(f"--seeds {text!r}: expected numbers and ranges, such as 1,5,20-29")
        low, high = int(first), int(last or first)
        if high < low or high >= 1 << 32 or len(seeds) + high - low >= _MOST_SEEDS:
            raise InputError(f"--seeds {text!r}: at most {_MOST_SEEDS} seeds, each below 2**32")
        seeds.extend(range(low, high + 1))
    return seeds


def resized(picture: NDArray[np.uint8], size: int | None) -> NDArray[np.uint8]:
    """A picture (s, s, 3) at ``size`` px: bicubic upwards, area means downwards."""
    import cv2
    import numpy as np

    if size is None or size == len(picture):
        return picture
    way = cv2.INTER_CUBIC if size > len(picture) else cv2.INTER_AREA
    return cv2.resize(picture, (size, size), interpolation=way).astype(np.uint8)


def as_grid(tiles: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Put images of one size into one image, about square, row by row."""
    import numpy as np

    columns = math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    height, width, channels = tiles[0].shape
    sheet = np.zeros((rows * columns, height, width, channels), np.uint8)
    sheet[: len(tiles)] = tiles
    stacked = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return stacked.reshape(rows * height, columns * width, channels)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from None


def _write_all(folder: Path, seeds: list[int], pictures: list[NDArray[np.uint8]]) -> None:
    for seed, picture in zip(seeds, pictures, strict=True):
        _write(folder / f"seed{seed:04d}.png", picture)


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    from PIL import Image

    from anonbase.files import atomic_write

    try:
        with atomic_write(path) as beside:
            Image.fromarray(picture).save(beside, format="png")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from None


if __name__ == "__main__":
    cli.run(app)

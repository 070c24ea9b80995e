"""``python -m stylegan.generate --seeds 0-63 --psi 0.7 -o faces/``: one PNG a seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anonbase import cli
from anonbase.errors import InputError, OutputError
from anonbase.options import Debug, Generator, Label, Overwrite, option
from anonbase.text import pluralize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylegan.generator import Generator as Network

_EXAMPLES = """
Make images from seeds: one PNG a seed, named seed0000.png.

Without --generator, the generator that ships is used: 128 px faces, trained on UTKFace and LFW
and so for non-commercial research only. The same seed makes the same image.
Files that are there already are kept, and nothing is written, without --overwrite.

\b
Examples:
  python -m stylegan.generate --seeds 0-63 --psi 0.7 -o faces/
  python -m stylegan.generate --seeds 1,5,20-29 -o faces/ --grid grid.png
  python -m stylegan.generate --seeds 0-3 --generator ffhq.pkl -o faces/
  python -m stylegan.generate --seeds 0-9 --generator cifar10.pkl --class 3 -o cats/
  python -m stylegan.generate --seeds 3 --generator stylegan3-r.pkl --rotate 30 -o turned/
  python -m stylegan.generate --interpolate 0-5 -o film/
"""
#: Pictures of a film from one seed to the next: two seconds.
_STEPS = 48

#: The most that anonfaces.synthesize takes; below 0 lie the opposites of faces.
_MOST_PSI = 2.0

_FILM = "film.mp4"
_MOST_SEEDS = 1_000_000
app = typer.Typer(add_completion=False)


_Output = Annotated[Path, option("the folder for the images", "--output", "-o")]
_Seeds = Annotated[str, option("seeds, such as 0-63 or 1,5,20-29", "--seeds")]
_Psi = Annotated[float, option("truncation: 1 for full variety, 0 for the mean face", "--psi")]
_Cutoff = Annotated[
    int | None, option("number of layers to truncate; default: all", "--cutoff", min=0)
]
_Noise = Annotated[
    Literal["const", "random", "none"], option("the noise maps to add", "--noise-mode")
]
_Size = Annotated[
    int | None,
    option("side of the files in pixels; enlarging adds no detail", "--size", min=4, max=4096),
]
_Grid = Annotated[Path | None, option("also write all images as one, to this file", "--grid")]
_Interpolate = Annotated[
    str | None,
    option(
        "seeds of a film from face to face and back to the first, film.mp4, in place of pictures",
        "--interpolate",
        show_default=False,
    ),
]
_Translate = Annotated[
    str | None,
    option(
        "x,y: move the pictures of a StyleGAN3 to the right and down, in their sides",
        "--translate",
        show_default=False,
    ),
]
_Rotate = Annotated[
    float, option("turn the pictures of a StyleGAN3, degrees against the clock", "--rotate")
]
_Batch = Annotated[int, option("images at a time", "--batch", min=1, max=1024)]
_Precision = Annotated[
    Literal["float32", "bfloat16"],
    option("numbers to compute with; bfloat16 is faster where the CPU has it", "--precision"),
]


@app.command(help=_EXAMPLES)
def generate(
    output: _Output,
    seeds: _Seeds = "0-15",
    psi: _Psi = 0.7,
    cutoff: _Cutoff = None,
    generator: Generator = None,
    noise: _Noise = "const",
    label: Label = None,
    size: _Size = None,
    grid: _Grid = None,
    interpolate: _Interpolate = None,
    translate: _Translate = None,
    rotate: _Rotate = 0.0,
    batch: _Batch = 8,
    precision: _Precision = "float32",
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Map, synthesize and write one batch at a time."""
    chosen = parse_seeds(seeds if interpolate is None else interpolate)
    if not abs(psi) <= _MOST_PSI:
        raise InputError(
            f"--psi {psi:g}: expected about 0 (the mean face) to 1 (full variety), and"
            f" {_MOST_PSI:g} at most"
        )
    shift = (0.0, 0.0) if translate is None else _shift(translate)
    files = [output / _FILM] if interpolate is not None else [_file(output, n) for n in chosen]
    if not overwrite:
        _refuse_written([*files, *([grid] if grid and interpolate is None else [])])
    import stylegan

    network = stylegan.load(generator, precision)
    if label is not None:
        network = network.of_class(label)
    if any(shift) or rotate:
        network.move(shift, rotate)

    def latents(part: list[int]) -> NDArray[np.float32]:
        return network.map(network.latents(part), psi=psi, cutoff=cutoff)

    _make_folder(output)
    drawn, side = network.config.resolution, size or network.config.resolution
    if interpolate is not None:
        steps = _between(latents(chosen))
        _film(output / _FILM, network, steps, noise, size, batch)
        print(f"{pluralize(len(steps), 'picture')} of {side} px in {output / _FILM}")
        return
    from tqdm import tqdm

    tiles: list[NDArray[np.uint8]] = []
    for start in tqdm(range(0, len(chosen), batch), unit="batch", disable=None):
        part = chosen[start : start + batch]
        pictures = network.pictures(latents(part), noise, seed=part[0], batch=batch)
        _write_all(output, part, [resized(picture, size) for picture in pictures])
        if grid is not None:
            tiles.extend(pictures)
    if grid is not None:
        _write(grid, as_grid(tiles))
    print(f"{pluralize(len(chosen), 'picture')} of {side} px (drawn at {drawn} px) in {output}")


def _shift(text: str) -> tuple[float, float]:
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise InputError(f"--translate {text!r}: expected two numbers, such as 0.1,-0.2") from None
    return x, y


def _between(w: NDArray[np.float32]) -> NDArray[np.float32]:
    """W+ (s, num_ws, w_dim) of a film through ``w`` and back to the first of them."""
    import numpy as np

    if len(w) < 2:
        raise InputError("--interpolate takes two seeds or more, such as 0-5")
    share = np.linspace(0, 1, _STEPS, endpoint=False, dtype=np.float32)[None, :, None, None]
    return (w[:, None] + share * (np.roll(w, -1, axis=0) - w)[:, None]).reshape(-1, *w.shape[1:])


def _film(
    path: Path,
    network: Network,
    steps: NDArray[np.float32],
    noise: Literal["const", "random", "none"],
    size: int | None,
    batch: int,
) -> None:
    from tqdm import tqdm

    from stylegan.film import write_film

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for start in tqdm(range(0, len(steps), batch), unit="batch", disable=None):
            for picture in network.pictures(steps[start : start + batch], noise, batch=batch):
                yield resized(picture, size)

    write_film(path, pictures())


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
        if high < low:
            raise InputError(f"--seeds {text!r}: {part.strip()} runs backward: {high}-{low}?")
        if high >= 1 << 32 or len(seeds) + high - low >= _MOST_SEEDS:
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
        _write(_file(folder, seed), picture)


def _file(folder: Path, seed: int) -> Path:
    """The picture of a seed."""
    return folder / f"seed{seed:04d}.png"


def _refuse_written(files: list[Path]) -> None:
    """OutputError where one of the files is there."""
    there = [path for path in files if path.exists()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise OutputError(
            f"{there[0]}{more} would be replaced: --overwrite does so, or name a new folder"
        )


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

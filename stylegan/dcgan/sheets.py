"""Pictures of a training run: samples of fixed latents, photographs beside them, curves, a film."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.files import atomic_write
from stylegan.checkpoint import Checkpoint
from stylegan.generator import Generator
from stylegan.train.data import Pictures

__all__ = ["write_beside", "write_curves", "write_film", "write_samples"]

_ACROSS = 8  # 8 x 8 pictures a grid, as is usual for a DCGAN
_SECOND = 1000  # ms that an epoch is shown in the film
_GAP = 4  # px between photographs and samples


def write_samples(found: Checkpoint, path: Path) -> None:
    """Samples of the latents of seeds 0 to 63, the same in every epoch."""
    _save(_grid(_drawn(found)), path)


def write_beside(found: Checkpoint, pictures: Pictures, seed: int, path: Path) -> None:
    """Photographs that were learned from at the left, samples at the right."""
    rows = np.random.default_rng(seed).permutation(len(pictures))[: _ACROSS**2]
    real = np.zeros((_ACROSS**2, *pictures.pixels.shape[1:]), np.uint8)
    real[: len(rows)] = pictures.pixels[rows]
    left = _grid(real)
    gap = np.full((len(left), _GAP, 3), 255, np.uint8)
    _save(np.concatenate([left, gap, _grid(_drawn(found))], axis=1), path)


def write_film(grids: Sequence[Path], path: Path) -> None:
    """The grids in turn as a GIF."""
    from PIL import Image

    frames = []
    for grid in grids:
        with Image.open(grid) as picture:
            frames.append(picture.convert("RGB"))
    if frames:
        with atomic_write(path) as beside:
            frames[0].save(
                beside, "GIF", save_all=True, append_images=frames[1:], duration=_SECOND, loop=0
            )


def write_curves(log: Path, path: Path) -> None:
    """Every number of ``log.csv`` over the pictures seen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with log.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            lines[row["name"]].append((int(row["pictures"]), float(row["value"])))
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name, points in lines.items():
        axes.plot(*zip(*points, strict=True), label=name.replace("_", " "))
    axes.set(xlabel="images", ylabel="loss; share found", ylim=(0, None))
    if lines:
        axes.legend()
    with atomic_write(path) as beside:
        figure.savefig(beside, format="png", dpi=120)


def _drawn(found: Checkpoint) -> NDArray[np.uint8]:
    generator = Generator(found.generator, found.generator_values)
    z = generator.latents(range(_ACROSS**2))
    return generator.pictures(generator.map(z), batch=_ACROSS**2)


def _grid(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = [np.concatenate(list(row), axis=1) for row in np.split(pictures, _ACROSS)]
    return np.concatenate(rows)


def _save(sheet: NDArray[np.uint8], path: Path) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        Image.fromarray(sheet).save(beside, "PNG")

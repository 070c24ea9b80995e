"""Training a DCGAN, the small network of 2016, on faces.

>>> from stylegan.dcgan import DcganTraining, train
>>> train(pixels, "run", DcganTraining(epochs=10))  # takes hours  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anonbase.errors import InputError
from stylegan.dcgan.recipe import DcganTraining

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylegan.train.loop import Phase

__all__ = ["DcganTraining", "train"]


def train(
    pixels: NDArray[np.uint8],
    output: str | Path,
    recipe: DcganTraining | None = None,
    *,
    start: str | Path | None = None,
    teacher: str | Path | None = None,
    save_minutes: float = 5.0,
    progress: bool = True,
) -> Path:
    """Train a DCGAN; the folder ``output`` then loads with ``stylegan.load``.

    Parameters
    ----------
    pixels : uint8 (n, size, size, 3)
        RGB images of the recipe's resolution.
    output : path
        The run's folder. If it holds a run of the same recipe, that run goes on.
    recipe : DcganTraining, optional
        Sizes and rates.
    start : path, optional
        A DCGAN of the same sizes to go on from, with photographs of one's own for example.
    teacher : path, optional
        A generator whose pictures are learned first, where ``recipe.lesson_pairs`` is above 0.
    save_minutes : float
        How often the state is saved besides at the end of an epoch.
    progress : bool
        Show a bar.

    Returns
    -------
    Path
        ``output``: the networks, ``log.csv``, ``curves.png``, ``grids/``, ``epochs.gif``,
        ``beside.png``, and ``state.h5`` to go on from.

    Raises
    ------
    InputError
        The images have another shape, or are fewer than a batch.
    WeightsError
        ``start`` has other sizes, or the run in ``output`` another recipe.
    """
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan import checkpoint
    from stylegan.dcgan.epoch import Epoch, Lesson, Steps
    from stylegan.dcgan.networks import DcganNetworks
    from stylegan.dcgan.run import DcganRun
    from stylegan.dcgan.teacher import component_lessons, read_lessons
    from stylegan.train.data import Pictures

    wanted, folder = recipe or DcganTraining(), Path(output)
    _check(pixels, wanted)
    given = None if start is None else checkpoint.read(Path(start))
    networks = DcganNetworks(wanted)
    first = networks.start(given)
    folder.mkdir(parents=True, exist_ok=True)
    lessons = None
    if wanted.lessons and wanted.lesson_pairs:
        source = checkpoint.SHIPPED if teacher is None else Path(teacher)
        lessons = read_lessons(folder / "lessons.h5", source, wanted, progress)
    elif wanted.lessons:
        lessons = component_lessons(pixels, wanted)
    steps = Steps(networks, lessons)
    phases: list[Phase] = [Lesson(steps)] if wanted.lessons else []
    phases += [Epoch(i, len(pixels), steps) for i in range(wanted.epochs)]
    run = DcganRun(
        folder, networks, phases, Pictures(pixels), save_minutes=save_minutes, progress=progress
    )
    run.go(first)
    return folder


def _check(pixels: NDArray[np.uint8], recipe: DcganTraining) -> None:
    side = recipe.resolution
    if pixels.dtype.name != "uint8" or pixels.ndim != 4 or pixels.shape[1:] != (side, side, 3):
        raise InputError(
            f"pixels are {pixels.dtype} {pixels.shape}: expected uint8 (n, {side}, {side}, 3)"
        )
    if len(pixels) < recipe.batch:
        raise InputError(f"{len(pixels)} images are fewer than a batch of {recipe.batch}")

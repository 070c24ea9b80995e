"""What another generator draws for the same latents: a first lesson, where time is short.

A DCGAN that learns from photographs alone needs some two million of them before its faces are
well formed. One that first learns to draw what a trained generator draws for the same z needs
a fiftieth of that ("knowledge distillation", Hinton et al. 2015), and the discriminator then
works on detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonbase.files import atomic_write
from anonbase.untrusted.guard import untrusted_input
from stylegan.dcgan.recipe import DcganTraining

__all__ = ["Lessons", "read_lessons"]

_AT_ONCE = 32  # latents that the teacher draws at a time


@dataclass(frozen=True)
class Lessons:
    """``z`` float32 (n, z_dim), and ``pictures`` uint8 (n, s, s, 3) that a teacher draws of it."""

    z: NDArray[np.float32]
    pictures: NDArray[np.uint8]


def read_lessons(path: Path, teacher: Path, recipe: DcganTraining, progress: bool) -> Lessons:
    """The lessons in ``path``, which are drawn first if it is not there yet.

    Raises
    ------
    InputError
        The teacher draws at another size, or has latents of another length.
    WeightsError
        A file is damaged, or holds lessons of another recipe.
    """
    if not path.exists():
        lessons = _draw(teacher, recipe, progress)
        with atomic_write(path) as beside, h5py.File(beside, "w") as file:
            file["z"], file["pictures"] = lessons.z, lessons.pictures
    with untrusted_input(str(path)), h5py.File(path, "r") as file:
        side, count = recipe.resolution, recipe.lessons
        shapes = {"z": (count, recipe.z_dim), "pictures": (count, side, side, 3)}
        if any(name not in file or file[name].shape != shape for name, shape in shapes.items()):
            raise WeightsError(f"{path} was made by another recipe: take another folder")
        return Lessons(np.asarray(file["z"], np.float32), np.asarray(file["pictures"], np.uint8))


def _draw(teacher: Path, recipe: DcganTraining, progress: bool) -> Lessons:
    from tqdm import tqdm

    import stylegan

    generator = stylegan.load(teacher)
    if (generator.config.resolution, generator.config.z_dim) != (recipe.resolution, recipe.z_dim):
        raise InputError(
            f"{teacher} draws {generator.config.resolution} px from {generator.config.z_dim}"
            f" numbers: expected {recipe.resolution} px and --z-dim {generator.config.z_dim}"
        )
    rng = np.random.default_rng((recipe.seed, 1))
    z = rng.standard_normal((recipe.lessons, recipe.z_dim), np.float32)
    parts = tqdm(
        range(0, len(z), _AT_ONCE), "teacher", unit="batch", disable=None if progress else True
    )
    made = [
        generator.pictures(
            generator.map(z[i : i + _AT_ONCE], psi=recipe.teacher_psi), batch=_AT_ONCE
        )
        for i in parts
    ]
    return Lessons(z, np.concatenate(made))

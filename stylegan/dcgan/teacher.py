"""Latents and the pictures that they should give: a first lesson, where time is short.

A DCGAN that learns by its discriminator alone needs some two million pictures before its faces
are well formed. One that is first told which picture belongs to which latent needs a fiftieth of
that, and the discriminator then works on detail. The pairs are either photographs with their
principal components, scaled to the normal distribution that latents are drawn from (the start of
Bojanowski et al., "Optimizing the latent space of generative networks", ICML 2018), or what
another generator draws for the same latents (Hinton et al., "Distilling the knowledge in a neural
network", 2015).
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
from anonbase.untrusted.hdf5 import open_hdf5
from stylegan.dcgan.recipe import DcganTraining

__all__ = ["Lessons", "component_lessons", "read_lessons"]

_COMPONENT_SIDE = 16  # px: what is finer is the discriminator's business
_PART = 4096  # pictures that are averaged at a time
_AT_ONCE = 32  # latents that the teacher draws at a time


@dataclass(frozen=True)
class Lessons:
    """``z`` float32 (n, z_dim), and ``pictures`` uint8 (n, s, s, 3) that belong to it."""

    z: NDArray[np.float32]
    pictures: NDArray[np.uint8]


def component_lessons(pixels: NDArray[np.uint8], recipe: DcganTraining) -> Lessons:
    """Photographs uint8 (n, s, s, 3) and their first principal components at 16 px, whitened.

    Raises
    ------
    InputError
        There are fewer photographs, or numbers in one at 16 px, than numbers in a latent.
    """
    small = _small(pixels)
    small -= small.mean(axis=0)
    values, vectors = np.linalg.eigh(small.T @ small / len(small))
    if min(len(pixels), len(values)) < recipe.z_dim:
        raise InputError(
            f"{len(pixels)} photographs of {len(values)} numbers do not give {recipe.z_dim}"
            " components: take more photographs or fewer --z-dim"
        )
    kept = slice(None, -recipe.z_dim - 1, -1)
    scale = np.sqrt(np.maximum(values[kept], 1e-6 * values[-1]))
    return Lessons((small @ vectors[:, kept] / scale).astype(np.float32), pixels)


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures (n, s, s, 3) as rows of what they are at 16 px or less."""
    count, side = pixels.shape[:2]
    least = min(side, _COMPONENT_SIDE)
    parts = [
        pixels[i : i + _PART]
        .reshape(-1, least, side // least, least, side // least, 3)
        .mean(axis=(2, 4), dtype=np.float32)
        for i in range(0, count, _PART)
    ]
    return np.concatenate(parts).reshape(count, -1)


def read_lessons(path: Path, teacher: Path, recipe: DcganTraining, progress: bool) -> Lessons:
    """The lessons in ``path``, which ``teacher`` draws first if it is not there yet.

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
    with untrusted_input(str(path)), open_hdf5(path) as file:
        side, count = recipe.resolution, recipe.lesson_pairs
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
    z = rng.standard_normal((recipe.lesson_pairs, recipe.z_dim), np.float32)
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

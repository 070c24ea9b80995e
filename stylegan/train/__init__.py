"""Training a generator from pictures: autoencode, fit latents, match, refine, adversarial.

>>> from stylegan.train import TrainingConfig, train
>>> train(pixels, "run", TrainingConfig(adversarial_kimg=50))  # takes days  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anonbase.errors import InputError
from stylegan.train.recipe import TrainingConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stylegan.checkpoint import Checkpoint
    from stylegan.train.networks import Features

__all__ = ["TrainingConfig", "train"]


def train(
    pixels: NDArray[np.uint8],
    output: str | Path,
    recipe: TrainingConfig | None = None,
    *,
    held_out: int = 0,
    synthetic: NDArray[np.uint8] | None = None,
    start: str | Path | Checkpoint | None = None,
    anchor: str | Path | None = None,
    features: Features | None = None,
    save_minutes: float = 5.0,
    progress: bool = True,
) -> Path:
    """Train a StyleGAN2 on aligned faces; the folder ``output`` then loads with ``stylegan.load``.

    Parameters:
        pixels: Aligned faces, RGB uint8 (n, size, size, 3), of the recipe's resolution
            (``encoders.training_images.read_pictures`` reads FaceSets and folders).
        output: The run's folder. If it holds a run of the same recipe, that run goes on.
        held_out: How many pictures, drawn by the seed, are left out for measuring.
        synthetic: More pictures of the same shape: faces of nobody, none of which is held out.
        start: A checkpoint to begin with, or where it lies; networks that it lacks begin at
            random.
        anchor: The checkpoint whose faces the phases ``refine`` and ``adversarial`` keep, with
            its mapping network as ``start``'s; by default ``start`` in the former, none in the
            latter.
        features: What a drawn training face must keep besides its pixels: a function of pictures
            (n, s, s, 3) in -1 to 1 to vectors (n, d) that has a gradient, or nothing.
        save_minutes: How often the state and a grid of samples are saved.

    Raises:
        InputError: pixels of another shape, or a recipe that cannot be.
        WeightsError: ``start`` does not fit the recipe, or the run in ``output`` had another.
    """
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan.train.adversarial import Adversarial
    from stylegan.train.anchor import Anchor
    from stylegan.train.autoencode import Autoencode
    from stylegan.train.data import Pictures, split
    from stylegan.train.latents import NEEDS_LAYERS, Latents
    from stylegan.train.loop import Phase, Run
    from stylegan.train.mapping_phase import Match
    from stylegan.train.networks import Networks
    from stylegan.train.refine import Refine

    wanted = recipe or TrainingConfig()
    if wanted.latent_kimg and features is None:
        raise InputError(NEEDS_LAYERS)
    networks = Networks(wanted)
    given = _given(start)
    first = networks.start(given)
    named = _given(anchor)
    kept = Anchor(named, wanted) if named else None
    _check(pixels, wanted.resolution)
    learnt, _ = split(Pictures(pixels), held_out, wanted.seed)
    if synthetic is not None:
        _check(synthetic, wanted.resolution)
        learnt = Pictures(np.concatenate([learnt.pixels, synthetic]))
    phases: list[Phase] = [
        Autoencode(networks, features),
        Latents(networks, features),
        Match(networks),
        Refine(
            networks,
            features,
            kept or (Anchor(given, wanted) if given and wanted.refine_kimg else None),
        ),
        Adversarial(networks, features, kept),
    ]
    run = Run(Path(output), networks, phases, learnt, save_minutes=save_minutes, progress=progress)
    run.go(first)
    return Path(output)


def _given(start: str | Path | Checkpoint | None) -> Checkpoint | None:
    from stylegan import checkpoint

    if start is None:
        return None
    if isinstance(start, checkpoint.Checkpoint):
        return checkpoint.checked(start, "start")
    return checkpoint.checked(checkpoint.read(Path(start)), str(start))


def _check(pixels: NDArray[np.uint8], size: int) -> None:
    if pixels.ndim != 4 or pixels.shape[1:] != (size, size, 3) or pixels.dtype.name != "uint8":
        raise InputError(
            f"pixels: RGB uint8 (n, {size}, {size}, 3) is needed at this resolution,"
            f" not {pixels.dtype} {pixels.shape}"
        )

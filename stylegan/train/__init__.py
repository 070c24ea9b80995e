"""Training a generator from pictures: autoencode, fit latents, match, refine, adversarial.

>>> from stylegan.train import Recipe, train
>>> train(["faces.h5"], "run", Recipe(resolution=64, adversarial_kimg=50))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anonfaces.errors import InputError
from stylegan.train.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from encoders.frame import Square
    from stylegan.checkpoint import Found
    from stylegan.train.networks import Features

__all__ = ["Recipe", "train"]

_MEASURED = 200


def train(
    sources: Sequence[str | Path],
    output: str | Path,
    recipe: Recipe | None = None,
    *,
    square: Square | None = None,
    held_out: int = 0,
    synthetic: Sequence[str | Path] = (),
    start: str | Path | None = None,
    anchor: str | Path | None = None,
    features: str | Features = "none",
    save_minutes: float = 5.0,
    progress: bool = True,
) -> Path:
    """Train a StyleGAN2 on aligned faces; the folder ``output`` then loads with ``stylegan.load``.

    Parameters:
        sources: FaceSets (``.h5``) and folders of pictures.
        output: The run's folder. If it holds a run of the same recipe, that run goes on.
        square: What to cut out of each picture; by default all of it.
        held_out: How many pictures, drawn by the seed, are left out for measuring.
        synthetic: More FaceSets and folders: faces of nobody, none of which is held out.
        start: A checkpoint to begin with; networks that it lacks begin at random.
        anchor: The checkpoint whose faces the phase ``refine`` keeps; by default ``start``.
        features: What a drawn training face must keep besides its pixels: ``"none"``, ``"dlib"``
            (what layers of its recogniser see), ``"dlib+vgg"`` (and what VGG16 sees of the
            texture), or a function of pictures (n, s, s, 3) in -1 to 1 to vectors (n, d) that
            has a gradient.
        save_minutes: How often the state and a grid of samples are saved.

    Raises:
        InputError: no pictures, or a recipe that cannot be.
        WeightsError: ``start`` does not fit the recipe, or the run in ``output`` had another.
    """
    from anonfaces._engine import load_engine

    load_engine()
    from stylegan.train.adversarial import Adversarial
    from stylegan.train.autoencode import Autoencode
    from stylegan.train.data import WHOLE, Pictures, read_pictures, split
    from stylegan.train.latents import NEEDS_LAYERS, Latents
    from stylegan.train.loop import Phase, Run
    from stylegan.train.match import Match
    from stylegan.train.networks import Networks
    from stylegan.train.refine import Refine

    wanted = recipe or Recipe()
    if wanted.latent_kimg and features == "none":
        raise InputError(NEEDS_LAYERS)
    networks = Networks(wanted)
    given = _given(start)
    first = networks.start(given)
    pictures = read_pictures([Path(s) for s in sources], wanted.resolution, square or WHOLE)
    learnt, _ = split(pictures, held_out, wanted.seed)
    if synthetic:
        more = read_pictures([Path(s) for s in synthetic], wanted.resolution, square or WHOLE)
        learnt = Pictures(np.concatenate([learnt.pixels, more.pixels]))
    kept = _features(features, learnt.pixels)
    phases: list[Phase] = [
        Autoencode(networks, kept),
        Latents(networks, kept),
        Match(networks),
        Refine(networks, kept, _given(anchor) or given),
        Adversarial(networks, kept),
    ]
    run = Run(Path(output), networks, phases, learnt, save_minutes=save_minutes, progress=progress)
    run.go(first)
    return Path(output)


def _given(start: str | Path | None) -> Found | None:
    from stylegan import checkpoint

    return None if start is None else checkpoint.checked(checkpoint.read(Path(start)), str(start))


def _features(wanted: str | Features, pixels: NDArray[np.uint8]) -> Features | None:
    """dlib's network sees the faces where it would cut them, as measured on some of them."""
    if wanted == "none":
        return None
    if not isinstance(wanted, str):
        return wanted
    if wanted not in {"dlib", "dlib+vgg"}:
        raise InputError(f"features {wanted!r}: expected dlib, dlib+vgg, none or a function")
    from encoders.frame import measure
    from encoders.latent.perceptual import Perceptual
    from stylegan.train.texture import Texture, Together

    size = pixels.shape[1]
    texture = [Texture(size)] if wanted.endswith("vgg") else []
    return Together([Perceptual(measure(pixels[:_MEASURED]).dlib, size), *texture])

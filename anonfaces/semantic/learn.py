"""Training a semantic generator on FaceSets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.semantic.data import Batches, TrainingFaces, read_or_keep
from anonfaces.semantic.frame import DLIB, SQUARE
from anonfaces.semantic.identities import nobodies
from anonfaces.semantic.lead import fit_lead
from anonfaces.semantic.sheets import write_curves, write_sheet
from anonfaces.semantic.weights import FILE, load_generator, save_generator

__all__ = ["train"]

Values = dict[str, NDArray[np.float32]]
_NOBODIES, _SHOWN, _OTHERS = 512, 10, 3
_SIDE = 64  # px: what two cores can train a synthesis network of its own at


def train(
    sources: Sequence[Path],
    folder: Path,
    recipe: Any = None,
    *,
    start: Path | None = None,
    features: str = "dlib",
    own_decoder: bool = False,
    save_minutes: float = 5.0,
    progress: bool = True,
    command: str = "",
) -> Path:
    """Train, or go on with the run in ``folder``; the file of the finished network.

    Parameters
    ----------
    sources : sequence of path
        FaceSets with dlib's vectors. One person in ten is set aside and never seen.
    folder : path
        Gets ``faces.npz``, ``state.h5``, ``log.csv``, ``curves.png``, ``sheets/`` and
        ``semantic.h5``, the weights so far.
    recipe : SemanticTraining, optional
        Length and weights.
    start : path, optional
        Weights to begin with; by default the generator that ships, which no map steers.
    features : {"dlib", "dlib+vgg"}
        What a result must keep of the picture beside its pixels.
    own_decoder : bool
        Train a synthesis network of its own, at 64 px, from that of the generator that ships.
        Otherwise the generator itself draws, as it is, and only what steers it learns. Where
        there is a ``start``, it says which.
    """
    from anonbase.keras_backend import load_engine

    load_engine()
    import stylegan
    from encoders.attributes.steady import SteadyAttributes
    from encoders.latent import load_inverse
    from stylegan.semantic.generator import SemanticGenerator
    from stylegan.semantic.run import SemanticRun
    from stylegan.semantic.training import SemanticTraining

    begun = None if start is None else load_generator(start)
    decoder, inverse = stylegan.load(), load_inverse()
    decoder = decoder.lower(_SIDE) if own_decoder else decoder
    config = _config(decoder, own_decoder) if begun is None else begun.config
    size, recipe = config.resolution, recipe or SemanticTraining()
    faces, held = read_or_keep(sources, size, folder / "faces.npz")
    aside = _some(held)
    drawn = nobodies(_NOBODIES, recipe.seed)

    facts = {"faces": len(faces), "recipe": recipe.to_json(), "features": features}

    def show(values: Values, name: str) -> None:
        seen = {"seen": name, "command": command, **facts}
        save_generator(folder / FILE, config, values, **seen)
        network = SemanticGenerator(config, values)
        place = folder / "sheets" / f"{name}.png"
        own, few = inverse(aside.vector), slice(_OTHERS)
        write_sheet(place, network, aside, own, drawn.w[few], drawn.picture[few])
        write_curves(folder / "log.csv", folder / "curves.png")

    batches = Batches(faces, recipe.batch, size, drawn, inverse)
    run = SemanticRun(
        folder, config, recipe, _features(features, size), SteadyAttributes(SQUARE.inverse(), size),
        batches, show, save_minutes=save_minutes, progress=progress,
    )  # fmt: skip
    run.go(lambda: begun.values() if begun else _first(config, decoder, faces, inverse, progress))
    return folder / FILE


def _config(decoder: Any, own: bool) -> Any:
    from stylegan.semantic.config import HIDDEN, SemanticConfig

    hidden = HIDDEN.get(len(decoder.config.channels))
    if hidden is None:
        raise InputError("a semantic generator draws at 64 or 128 px, as the generator that ships")
    return SemanticConfig(decoder.config, hidden=hidden, shared=not own)


def _first(config: Any, decoder: Any, faces: TrainingFaces, inverse: Any, progress: bool) -> Values:
    """The numbers to begin with: the decoder's, and how map and surroundings move w."""
    from encoders.latent import load_latent_encoder
    from stylegan.semantic.generator import generator_specs

    encoder = load_latent_encoder().to_single_w()
    weights, offset, explained = fit_lead(faces, encoder, inverse, progress)
    if progress:
        print(f"map and surroundings tell {explained:.0%} of what the identity does not of w")
    wanted = generator_specs(config)
    values = {k: v for k, v in decoder.values().items() if k in wanted}
    return values | {"lead.weight": weights, "move.bias": offset}


def _some(aside: TrainingFaces) -> TrainingFaces:
    rows = np.linspace(0, len(aside) - 1, min(_SHOWN, len(aside))).astype(np.int64)
    return aside.select(rows)


def _features(name: str, size: int) -> Any:
    from encoders.latent.perceptual import Perceptual

    face = Perceptual(DLIB, size)
    if name == "dlib":
        return face
    from stylegan.train.texture import Texture, Together

    return Together([Texture(size), face])

"""What was fitted to one generator, for another that draws the same face for the same w.

A generator whose detail was refined on an anchor's faces (``stylegan.train``, the phase
``refine``) has the anchor's mapping network and nearly its faces: its ways into the latent space
serve the finer one too. How well is measured, and written into the files. Other files that name
their generator can follow; what they are worth there is for whoever carries them to measure.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from encoders import weights_file
from encoders.latent import directions, encoder, inverse
from encoders.latent.network import with_layers
from encoders.latent.samples import detect_faces, draw

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["carry", "carry_file"]

#: Pictures by which the inverse is measured, of each generator.
MEASURED = 150
#: How far two float16 numbers may lie apart that were the same float32.
_ROUNDING = 2e-3
#: Not 0, which the inverse that ships was fitted with.
_SEED = 1


def carry(
    generator: Generator, before: Generator, source: Path, output: Path, **facts: Any
) -> dict[str, float]:
    """Write the three files of ``source``, fitted to ``before``, for ``generator``; the figures.

    Raises:
        WeightsError: a file of ``source`` is missing, damaged or fitted to another generator than
            ``before``, or the two generators have other mapping networks.
    """
    _check_mapping(generator, before)
    latent = encoder.load_latent_encoder(before, source / encoder.FILE)
    back = inverse.load_inverse(before, source / inverse.FILE)
    ways = directions.load_directions(before, source / directions.FILE)
    found = {
        "distance": _distance(generator, back),
        "distance_before": _distance(before, back),
    }
    said = {"carried_from": weights_file.digest(before), **facts, **found}
    config, values = with_layers(latent.values(), latent.config, generator.num_ws)
    encoder.LatentEncoder(generator, config, latent.framing, values).save(
        output / encoder.FILE, **said
    )
    back.save(output / inverse.FILE, generator=weights_file.digest(generator), **said)
    ways.save(output / directions.FILE, generator=weights_file.digest(generator), **said)
    return found


def carry_file(
    generator: Generator, before: Generator, source: Path, output: Path, **facts: Any
) -> Path:
    """Write any file that was fitted to ``before`` for ``generator``; its place in ``output``.

    Raises:
        WeightsError: it is missing, damaged or fitted to another generator than ``before``, or the
            two generators have other mapping networks.
    """
    _check_mapping(generator, before)
    meta, arrays = weights_file.read_any(source)
    weights_file.check_generator(source, meta, before, "the command that made it")
    theirs = weights_file.digest(before)
    said = {**meta, "generator": weights_file.digest(generator), "carried_from": theirs, **facts}
    weights_file.write(output / source.name, said.pop("kind"), said, arrays)
    return output / source.name


def _check_mapping(generator: Generator, before: Generator) -> None:
    ours, theirs = (
        {k: v for k, v in g.values().items() if k.startswith("mapping.")}
        for g in (generator, before)
    )
    same = ours.keys() == theirs.keys() and all(
        ours[k].shape == theirs[k].shape
        and np.allclose(ours[k], theirs[k], rtol=_ROUNDING, atol=_ROUNDING)
        for k in ours
    )
    if not same:
        raise WeightsError(
            "the two generators have other mapping networks, so that a w means another face: fit"
            f" anew with {encoder.REMEDY}, {inverse.REMEDY} and {directions.REMEDY}"
        )


def _distance(generator: Generator, back: inverse.EmbeddingToLatent) -> float:
    """Mean distance between dlib's vectors of pictures and of what the inverse makes of them."""
    from encoders.embed import load_embedder

    embed = load_embedder("dlib")
    looks = detect_faces(generator.pictures(draw(generator, MEASURED, _SEED), batch=32))
    wanted: NDArray[np.float32] = embed(looks.chip[looks.found])
    return round(inverse.distance(generator, back, wanted), 4)

"""dlib's vector of a face to a w, which the centroid of a group has even without photographs.

The regression learns from the generator's own images, whose w is known. Of the regressions that
were tried, those with the least error of w on held-out images are compared by the distance between
the vector that goes in and the vector of the image that comes out. The nearest one is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from encoders import weights_file
from encoders.latent.samples import detect_faces, draw

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["EmbeddingToLatent", "checked", "distance", "fit", "load_inverse", "ranked"]

Vectors = NDArray[np.float32]

KIND = "inverse of the dlib embedding"
FILE = "inverse.h5"
REMEDY = "python -m encoders.latent inverse -o FOLDER"
DIM = 128
ANCHORS = 800
_RIDGES = (1e-3, 1e-2, 1e-1, 1.0)
_WIDTHS = (0.5, 1.0, 2.0)
_HELD_OUT = 0.1
_LOOKED_AT = 3
_CHOSEN_ON = 150
_LOOK_AT_ONCE = 256


class EmbeddingToLatent:
    """Kernel ridge regression on anchors, after a linear part, on dlib's own scale.

    ``w = offset + (v - centre) @ linear + exp(-|v - anchor|^2 / (2 width^2)) @ kernel``.
    """

    def __init__(self, arrays: dict[str, Vectors], width: float) -> None:
        self.arrays, self.width = arrays, width

    def __call__(self, embedding: Vectors) -> Vectors:
        """Map vectors to latents.

        Parameters
        ----------
        embedding : float32 (n, 128)
            dlib's vectors, finite.

        Returns
        -------
        float32 (n, w_dim)
            One w a vector.

        Raises
        ------
        InputError
            The vectors have another shape, or are not finite.
        """
        given = np.asarray(embedding, np.float32)
        if given.ndim != 2 or given.shape[1] != DIM or not np.isfinite(given).all():
            raise InputError(f"expected finite dlib vectors (n, {DIM}), got {given.shape}")
        away = given - self.arrays["centre"]
        near = _near(away, self.arrays["anchor"], self.width)
        straight = away @ self.arrays["linear"]
        return self.arrays["offset"] + straight + near @ self.arrays["kernel"]

    def save(self, path: Path, **facts: Any) -> None:
        """Write the arrays as float16, with ``facts`` beside them as JSON."""
        weights_file.write(path, KIND, {**facts, "width": self.width}, self.arrays)


def load_inverse(
    generator: Generator | None = None, path: str | Path | None = None
) -> EmbeddingToLatent:
    """Load the map from dlib's vectors to the w of a generator.

    Parameters
    ----------
    generator : Generator, optional
        The generator that it fits. None: the one that ships.
    path : path, optional
        A file that ``python -m encoders.latent inverse`` wrote. None: the one that ships
        (``datasets/latent``).

    Returns
    -------
    EmbeddingToLatent
        A callable: vectors float32 (n, 128) to w float32 (n, w_dim).

    Raises
    ------
    WeightsError
        The file is missing, damaged, or fits another generator.
    """
    import stylegan

    source = weights_file.SHIPPED / FILE if path is None else Path(path)
    meta, arrays = weights_file.read(source, KIND, REMEDY)
    generator = stylegan.load() if generator is None else generator
    weights_file.check_generator(source, meta, generator, REMEDY)
    return checked(source, meta, arrays, generator.config.w_dim)


def fit(
    generator: Generator, samples: int, seed: int, progress: bool = False
) -> tuple[EmbeddingToLatent, dict[str, Any]]:
    """Fit to ``samples`` pictures of ``generator``; the best of a few, and what was measured.

    ``InputError`` if dlib finds a face in too few of them.
    """
    w, vectors = _pairs(generator, samples, seed, progress)
    held = max(50, int(_HELD_OUT * len(w)))
    if len(w) < 3 * held:
        raise InputError(
            f"dlib finds a face in {len(w)} of {samples} images: too few to learn from"
        )
    tries, some = ranked(vectors, w, held, seed)[:_LOOKED_AT], vectors[:_CHOSEN_ON]
    ridge, best = min(tries, key=lambda pair: distance(generator, pair[1], some))
    facts = {
        "generator": weights_file.digest(generator),
        "pictures": len(w),
        "seed": seed,
        "ridge": ridge,
        "width": best.width,
        "held_out": held,
        "distance": round(distance(generator, best, vectors[:held]), 4),
        "distance_of_the_mean": round(distance(generator, _mean(w, vectors), vectors[:held]), 4),
    }
    return best, facts


def ranked(
    vectors: Vectors, w: Vectors, held: int, seed: int
) -> list[tuple[float, EmbeddingToLatent]]:
    """Regressions of w float32 (n, w_dim) on vectors (n, 128), each with its ridge.

    The best first, by the first ``held`` rows, from which none is learnt.
    """
    tries = [
        (ridge, _solve(vectors[held:], w[held:], ridge, width, seed))
        for ridge in _RIDGES
        for width in _WIDTHS
    ]
    return sorted(tries, key=lambda pair: _error(pair[1], vectors[:held], w[:held]))


def _pairs(
    generator: Generator, samples: int, seed: int, progress: bool
) -> tuple[Vectors, Vectors]:
    from tqdm import tqdm

    from encoders.embed import load_embedder

    embed, w = load_embedder("dlib"), draw(generator, samples, seed)
    kept, vectors = [], []
    for start in tqdm(range(0, samples, _LOOK_AT_ONCE), disable=None if progress else True):
        part = w[start : start + _LOOK_AT_ONCE]
        looks = detect_faces(generator.pictures(part, batch=32))
        kept.append(part[looks.found])
        vectors.append(embed(looks.chip[looks.found]))
    return np.concatenate(kept), np.concatenate(vectors)


def _solve(
    vectors: Vectors, w: Vectors, ridge: float, width: float, seed: int
) -> EmbeddingToLatent:
    """Ridge regression of w on the vector and its nearness to anchors, in float64."""
    centre, offset = vectors.mean(axis=0), w.mean(axis=0)
    away = vectors - centre
    chosen = np.random.default_rng(seed).permutation(len(away))[:ANCHORS]
    anchor = away[chosen]
    features = np.hstack([away, _near(away, anchor, width)]).astype(np.float64)
    gram = features.T @ features / len(features)
    gram += ridge * 1e-2 * np.eye(len(gram))
    solved = np.linalg.solve(gram, features.T @ (w - offset) / len(features)).astype(np.float32)
    arrays = {"centre": centre, "offset": offset, "anchor": anchor}
    return EmbeddingToLatent({**arrays, "linear": solved[:DIM], "kernel": solved[DIM:]}, width)


def _error(found: EmbeddingToLatent, vectors: Vectors, w: Vectors) -> float:
    """Squared error of w, every number of it weighing by its spread."""
    return float(np.mean(np.square((found(vectors) - w) / (w.std(axis=0) + 1e-3))))


def _mean(w: Vectors, vectors: Vectors) -> EmbeddingToLatent:
    """Whatever is asked, the mean: what a regression has to beat."""
    nothing = np.zeros((DIM, w.shape[1]), np.float32)
    arrays = {"centre": vectors.mean(axis=0), "offset": w.mean(axis=0), "linear": nothing}
    return EmbeddingToLatent({**arrays, "anchor": vectors[:1], "kernel": nothing[:1]}, 1.0)


def distance(generator: Generator, found: EmbeddingToLatent, wanted: Vectors) -> float:
    """Mean distance between the vectors asked for and those of the pictures made of them.

    A picture without a face counts as far away as dlib's threshold allows twice over.
    """
    from encoders.embed import load_embedder

    looks = detect_faces(generator.pictures(found(wanted), batch=32))
    distances = np.full(len(wanted), 1.2)
    vectors = load_embedder("dlib")(looks.chip[looks.found])
    distances[looks.found] = np.linalg.norm(vectors - wanted[looks.found], axis=1)
    return float(distances.mean())


def _near(away: Vectors, anchor: Vectors, width: float) -> Vectors:
    squared = (
        np.square(away).sum(axis=1)[:, None] + np.square(anchor).sum(axis=1) - 2 * away @ anchor.T
    )
    return np.exp(-np.maximum(squared, 0) / (2 * width**2))


def checked(
    source: Path, meta: Mapping[str, Any], arrays: dict[str, Vectors], w_dim: int
) -> EmbeddingToLatent:
    """The map in ``meta`` and ``arrays`` of a file; ``WeightsError`` where they are not one's."""
    anchors = len(arrays["anchor"]) if "anchor" in arrays else 0
    wanted = {
        "centre": (DIM,),
        "offset": (w_dim,),
        "anchor": (anchors, DIM),
        "linear": (DIM, w_dim),
        "kernel": (anchors, w_dim),
    }
    if {name: array.shape for name, array in arrays.items()} != wanted:
        raise WeightsError(f"{source}: its arrays are not those of {KIND}: {REMEDY} makes it")
    width = meta.get("width")
    if not isinstance(width, float) or not 0 < width < 100:
        raise WeightsError(f"{source}: width {width!r}, expected a positive number")
    return EmbeddingToLatent(arrays, width)

"""Directions in w: how to change one trait of a face and, to first order, no other.

On the generator's own pictures every trait, and the colour of each quarter of the picture, is
regressed on w (ridge): the gradients are the rows of A. Of all changes of w that alter one of them
by 1 and the others by 0, the one that the generator's own distribution finds least unusual is
S A' (A S A')^-1, with S the covariance of w. (Shen et al., "Interpreting the latent space of GANs
for semantic face editing", CVPR 2020, project the normals of separating planes instead.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from encoders import weights_file
from encoders.attributes import load_attributes
from encoders.frame import CropAlignment, estimate_alignment
from encoders.latent.samples import draw

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["TRAITS", "Directions", "fit", "load_directions", "picture"]

Vectors = NDArray[np.float32]

KIND = "directions in w"
FILE = "directions.h5"
REMEDY = "python -m encoders.latent directions -o FOLDER"
#: A step of 1 along each: a year, one of log odds of "female", a standard deviation of the others.
TRAITS = ("age", "female", "smile", "yaw")
_RIDGE = 0.02
_HELD_OUT = 0.1
_FACES = 6
_AT_ONCE = 512
_SHOWN = {
    "age": (-30, -15, 0, 15, 30),
    "female": (-6, -3, 0, 3, 6),
    "smile": (-2, -1, 0, 1, 2),
    "yaw": (-2, -1, 0, 1, 2),
}


class Directions(Mapping[str, Vectors]):
    """The ways to change one trait: ``directions[trait]`` is float32 (w_dim,).

    Add one, times an amount, to w or to W+. A step of 1 is a year of "age", one of the log odds of
    "female", a standard deviation of "smile" and "yaw".
    """

    def __init__(self, vectors: Mapping[str, Vectors], framing: CropAlignment) -> None:
        self._vectors, self.framing = dict(vectors), framing

    def __getitem__(self, trait: str) -> Vectors:
        return self._vectors[trait]

    def __iter__(self) -> Iterator[str]:
        return iter(self._vectors)

    def __len__(self) -> int:
        return len(self._vectors)

    def save(self, path: Path, **facts: Any) -> None:
        """Write the directions as float16, with ``facts`` beside them as JSON."""
        weights_file.write(path, KIND, {**facts, "framing": self.framing.to_json()}, self._vectors)


def load_directions(
    generator: Generator | None = None, path: str | Path | None = None
) -> Directions:
    """Load the directions of a generator.

    Parameters
    ----------
    generator : Generator, optional
        The generator that they fit. None: the one that ships.
    path : path, optional
        A file that ``python -m encoders.latent directions`` wrote. None: the one that ships
        (``datasets/latent``).

    Returns
    -------
    Directions
        A mapping of ``TRAITS`` to float32 (w_dim,).

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
    shapes = {name: array.shape for name, array in arrays.items()}
    if shapes != dict.fromkeys(TRAITS, (generator.config.w_dim,)):
        raise WeightsError(f"{source}: expected {', '.join(TRAITS)}: {REMEDY} makes it")
    try:
        framing = CropAlignment.from_json(meta["framing"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{source}: no framing ({error})") from None
    return Directions({trait: arrays[trait] for trait in TRAITS}, framing)


def fit(generator: Generator, samples: int, seed: int) -> tuple[Directions, dict[str, Any]]:
    """Fit to ``samples`` pictures; how well each trait is read off w, on held-out pictures."""
    w = draw(generator, samples, seed, (0.7, 1.0))
    framing = estimate_alignment(generator.pictures(w[:200], batch=32))
    traits = _traits(generator, framing, w)
    held = max(20, int(_HELD_OUT * samples))
    slopes, explained = _regress(w[held:], traits[held:], w[:held], traits[:held])
    vectors = _steps(w, slopes)
    facts = {
        "generator": weights_file.digest(generator),
        "pictures": samples,
        "seed": seed,
        "explained": {name: round(float(r), 3) for name, r in zip(TRAITS, explained, strict=False)},
        "spread": dict(zip(TRAITS, np.round(traits.std(axis=0).astype(float), 3), strict=False)),
    }
    return Directions(dict(zip(TRAITS, vectors.T, strict=False)), framing), facts


def picture(generator: Generator, directions: Directions, seed: int) -> NDArray[np.uint8]:
    """Six faces, each moved along every direction: a row a face, a block a trait."""
    w = draw(generator, _FACES, seed + 1, (0.7, 0.7))
    blocks = []
    for trait, amounts in _SHOWN.items():
        moved = [generator.pictures(w + amount * directions[trait]) for amount in amounts]
        strip = np.concatenate(moved, axis=2)  # faces side by side by amount
        blocks.append(strip.reshape(-1, strip.shape[2], 3))
    return np.concatenate(blocks, axis=1)


def _traits(generator: Generator, framing: CropAlignment, w: Vectors) -> Vectors:
    """What the attribute network sees, gender as log odds, and the light in quarters, (n, 16)."""
    network, parts = load_attributes(), []
    for start in range(0, len(w), _AT_ONCE):
        pictures = generator.pictures(w[start : start + _AT_ONCE], batch=32)
        columns = network(pictures, framing)
        odds = np.clip(columns["female"], 1e-4, 1 - 1e-4)
        columns["female"] = np.log(odds / (1 - odds))
        seen = np.stack([columns[trait] for trait in TRAITS], axis=1)
        parts.append(np.hstack([seen, _light(pictures)]))
    return np.concatenate(parts)


def _light(pictures: NDArray[np.uint8]) -> Vectors:
    """Mean RGB of each quarter of the pictures, 0 to 1, (n, 12)."""
    half = pictures.shape[1] // 2
    rows = (pictures[:, :half], pictures[:, half:])
    quarters = [part for row in rows for part in (row[:, :, :half], row[:, :, half:])]
    levels = np.hstack([part.mean(axis=(1, 2)) for part in quarters])
    return (levels / 255).astype(np.float32)


def _steps(w: Vectors, slopes: NDArray[np.float64]) -> Vectors:
    """The least unusual changes of w that alter one trait by 1 and no other, (w_dim, traits)."""
    across = np.cov(w.astype(np.float64), rowvar=False) @ slopes
    return (across @ np.linalg.inv(slopes.T @ across)).astype(np.float32)


def _regress(
    w: Vectors, traits: Vectors, w_held: Vectors, traits_held: Vectors
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes float64 (w_dim, traits) of ridge regression, and the share of variance explained."""
    spread, mean, level = w.std(axis=0) + 1e-6, w.mean(axis=0), traits.mean(axis=0)
    x, y = ((w - mean) / spread).astype(np.float64), (traits - level).astype(np.float64)
    gram = x.T @ x / len(x) + _RIDGE * np.eye(x.shape[1])
    slopes = np.linalg.solve(gram, x.T @ y / len(x)) / spread[:, None]
    left = traits_held - level - (w_held - mean) @ slopes
    return slopes, 1 - np.square(left).mean(axis=0) / traits_held.var(axis=0)

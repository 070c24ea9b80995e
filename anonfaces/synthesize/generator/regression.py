"""Faces into the latent space of a generator that has no encoder: by their dlib vectors.

Samples of the generator are embedded and their w regressed on the vectors, as the inverse in
``encoders.latent`` is, but in less time: on fewer samples, which are cut where the generator has
its faces instead of searched, and chosen by the error of w alone. What dlib does not tell, such
as lighting, becomes the average. A sample costs one picture and one vector: 1,000 take some 15 s
on two cores at 64 px; at 1024 px 300 are taken, which is some minutes. So what was fitted is kept:
beside the checkpoint, or in the user's cache where nothing can be written there.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.files import cache_folder
from anonfaces.synthesize.generator.latents import SAMPLES, framing_of
from encoders import weights_file
from encoders.embed import load_embedder
from encoders.frame import CropAlignment
from encoders.latent import inverse

if TYPE_CHECKING:
    from encoders.latent.inverse import EmbeddingToLatent
    from stylegan.generator import Generator

__all__ = ["Regression", "fit_regression", "kept_regression"]

Pixels = NDArray[np.uint8]

_SMALL = 256
_MANY = 1000
_FEW = 300
_HELD_OUT = 5
_PART = 32
_KIND = "regression of w on dlib's vectors"
#: Counted up where other numbers come out for the same generator.
_VERSION = 1


class Regression:
    """Chips to one w for all layers: ``inverse`` of their dlib vectors."""

    def __init__(self, framing: CropAlignment, inverse: EmbeddingToLatent, num_ws: int) -> None:
        self.framing, self.inverse = framing, inverse
        self._num_ws = num_ws
        self._embedder = load_embedder("dlib")
        self._square = framing.dlib.within(framing.ffhq.inverse())

    def __call__(self, chips: Pixels) -> NDArray[np.float32]:
        """FFHQ-aligned RGB chips (n, s, s, 3) to W+ float32 (n, num_ws, w_dim)."""
        w = self.inverse(self._embedder(self._square.cut(chips, self._embedder.chip_size)))
        return np.repeat(w.astype(np.float32)[:, None], self._num_ws, axis=1)


def kept_regression(
    generator: Generator, path: Path | None, samples: int | None = None, progress: bool = False
) -> Regression:
    """The regression for ``generator``, which was read from ``path``: kept, or fitted now."""
    key = _key(generator, samples)
    places = _places(path, key)
    for place in places:
        if place.is_file() and (kept := _read(place, key, generator)):
            return kept
    started = time.monotonic()
    framing = framing_of(generator)
    if progress:
        count = samples or _samples(generator)
        seconds = count / SAMPLES * (time.monotonic() - started)
        print(
            f"fitting a way from faces into {'the generator' if path is None else path.name}, once:"
            f" {count} pictures, about {seconds:.0f} s",
            file=sys.stderr,
        )
    fitted = fit_regression(generator, framing, samples, progress)
    _keep(places, key, fitted)
    return fitted


def fit_regression(
    generator: Generator,
    framing: CropAlignment,
    samples: int | None = None,
    progress: bool = False,
) -> Regression:
    """The regression for ``generator``, always the same for the same generator."""
    from tqdm import tqdm

    embedder = load_embedder("dlib")
    count = samples or _samples(generator)
    vectors, latents = [], []
    parts = tqdm(range(0, count, _PART), "regression", unit="part", disable=not progress)
    for start in parts:
        w = generator.map(generator.latents(range(start, min(start + _PART, count))))
        cut = framing.dlib.cut(generator.pictures(w), embedder.chip_size)
        vectors.append(embedder(cut))
        latents.append(w.mean(axis=1))
    tries = inverse.ranked(
        np.concatenate(vectors), np.concatenate(latents), count // _HELD_OUT, seed=0
    )
    return Regression(framing, tries[0][1], generator.num_ws)


def _samples(generator: Generator) -> int:
    return _MANY if generator.config.resolution <= _SMALL else _FEW


def _key(generator: Generator, samples: int | None) -> str:
    """SHA-256 of all that a regression depends on: the generator's numbers, how it is fitted."""
    settings = {
        "generator": weights_file.digest(generator),
        "config": generator.config.to_json(),
        "label": generator.label,
        "samples": samples or _samples(generator),
        "version": _VERSION,
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _places(path: Path | None, key: str) -> list[Path]:
    """Where it may lie, the best first; beside a folder, not in it: its files are its hash."""
    name = f"{'generator' if path is None else path.resolve().name}.regression-{key[:16]}.h5"
    beside = [path.resolve().parent / name] if path is not None and path.exists() else []
    return [*beside, cache_folder() / name]


def _read(place: Path, key: str, generator: Generator) -> Regression | None:
    """What ``_keep`` wrote at ``place``; None for anything else, which is fitted anew."""
    try:
        meta, arrays = weights_file.read(place, _KIND, "")
        if meta.get("key") != key:
            return None
        framing = CropAlignment.from_json(meta["framing"])
        kept = inverse.checked(place, meta, arrays, generator.config.w_dim)
    except (WeightsError, ValueError, TypeError, KeyError):
        return None
    return Regression(framing, kept, generator.num_ws)


def _keep(places: list[Path], key: str, fitted: Regression) -> None:
    """Write it to the first of ``places`` that takes it: all of it or nothing, exactly."""
    meta: dict[str, Any] = {"key": key, "framing": asdict(fitted.framing)}
    meta["width"] = fitted.inverse.width
    for place in places:
        try:
            weights_file.write(place, _KIND, meta, fitted.inverse.arrays, np.float32)
        except OSError:
            continue
        return

"""Pictures of how far a run is: samples, and training faces beside what is made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.files import atomic_write
from stylegan.checkpoint import Checkpoint
from stylegan.encoder import Encoder
from stylegan.generator import Generator
from stylegan.train.data import Pictures

__all__ = ["write_grid"]

_ACROSS, _DOWN = 12, 4
PSI = 0.7


def write_grid(found: Checkpoint, pictures: Pictures, path: Path) -> None:
    """Four rows of samples at psi 0.7, then twelve training faces, and what w keeps of them."""
    from PIL import Image

    generator = Generator(found.generator, found.generator_values)
    w = generator.map(generator.latents(range(_ACROSS * _DOWN)), psi=PSI)
    rows = [_row(part) for part in np.split(generator.pictures(w), _DOWN)]
    if found.encoder is not None:
        faces = pictures.pixels[: _ACROSS * 100 : 100][:_ACROSS]
        made = generator.pictures(Encoder(found.encoder, found.encoder_values)(faces), "none")
        rows += [_row(part) for part in (faces, made) if len(part) == _ACROSS]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        Image.fromarray(np.concatenate(rows)).save(beside, "PNG")


def _row(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate(list(pictures), axis=1)

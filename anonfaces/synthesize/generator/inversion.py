"""The best way from a face into the latent space of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonfaces.synthesize.generator.latents import Inversion, framing_of
from encoders.frame import CropAlignment

if TYPE_CHECKING:
    from stylegan.encoder import Encoder
    from stylegan.generator import Generator

__all__ = ["PairedEncoder", "load_inversion"]

Pixels = NDArray[np.uint8]


class PairedEncoder:
    """The encoder that was trained together with a generator: one w for all layers."""

    def __init__(self, generator: Generator, encoder: Encoder, framing: CropAlignment) -> None:
        self.framing = framing
        self._encoder, self._num_ws = encoder, generator.num_ws

    def __call__(self, chips: Pixels) -> NDArray[np.float32]:
        framed = self.framing.from_ffhq(chips, self._encoder.config.resolution)
        return np.repeat(self._encoder(framed)[:, None], self._num_ws, axis=1)


def load_inversion(generator: Generator, path: Path | None, progress: bool = False) -> Inversion:
    """The best way into the latent space of ``generator``, which was read from ``path``.

    In turn: the latent encoder that ships, if it was fitted to this generator; the encoder
    beside the generator; a regression from dlib's vectors, fitted on samples once and kept.
    """
    import stylegan
    from encoders.latent import load_latent_encoder
    from stylegan import checkpoint

    try:
        return load_latent_encoder(generator)
    except WeightsError:
        pass
    try:
        encoder = stylegan.load_encoder(path or checkpoint.SHIPPED)
    except WeightsError:
        from anonfaces.synthesize.generator.regression import kept_regression

        return kept_regression(generator, path, progress=progress)
    return PairedEncoder(generator, encoder, framing_of(generator))

"""A face to W+ in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonbase.keras_backend import load_engine
from encoders import weights_file
from encoders.embed.network import check_chips
from encoders.frame import CropAlignment

load_engine()

from encoders.latent.network import (  # noqa: E402
    LatentConfig,
    encode,
    latent_specs,
    single_w_values,
)
from stylegan.networks.config import EncoderConfig  # noqa: E402
from stylegan.networks.parameters import check, variables  # noqa: E402

if TYPE_CHECKING:
    from stylegan.encoder import Encoder
    from stylegan.generator import Generator

__all__ = ["LatentEncoder", "load_latent_encoder", "read_numbers"]

KIND = "latent encoder"
FILE = "encoder.h5"
#: Pictures at a time: of 32 the last are added up in another order than the first, which moves a
#: latent by its last bits with its place; of 4 none is, measured, and no slower.
_ALIKE = 4
REMEDY = "python -m encoders.latent encoder FACES -o FOLDER"


class LatentEncoder:
    """A network from faces to the W+ of one generator.

    Attributes
    ----------
    generator : Generator
        The generator that it fits.
    framing : CropAlignment
        How the generator's images show a face, beside FFHQ-aligned chips.
    """

    def __init__(
        self,
        generator: Generator,
        config: LatentConfig,
        framing: CropAlignment,
        values: Mapping[str, NDArray[Any]],
        source: str = "latent encoder",
    ) -> None:
        specs = latent_specs(config)
        self.generator, self.config, self.framing = generator, config, framing
        self.parameters = variables(specs, check(specs, values, source))

    def __call__(self, chips: NDArray[np.uint8], batch: int = _ALIKE) -> NDArray[np.float32]:
        """Find the latents of faces.

        The latent of a chip does not depend on the others in the call.

        Parameters
        ----------
        chips : uint8 (n, s, s, 3)
            RGB, FFHQ-aligned, of any size: what ``FaceSet.chips`` gives.
        batch : int
            Chips at a time.

        Returns
        -------
        float32 (n, num_ws, w_dim)
            W+ of the generator.

        Raises
        ------
        InputError
            The chips have another shape or type.
        """
        chips = np.asarray(chips)
        if chips.ndim != 4:
            raise InputError(f"expected RGB chips of shape (n, s, s, 3), got {chips.shape}")
        check_chips(chips, chips.shape[1])
        parts = [
            self.encode_framed(self.framing.from_ffhq(chips[i : i + batch], self.side), batch)
            for i in range(0, len(chips), batch)
        ]
        return np.concatenate([self._empty, *parts])

    def encode_framed(
        self, pictures: NDArray[np.uint8], batch: int = _ALIKE
    ) -> NDArray[np.float32]:
        """As a call, for images (n, side, side, 3) that are framed as the generator's own."""
        pictures = check_chips(pictures, self.side)
        parts = [self._part(pictures[i : i + batch], batch) for i in range(0, len(pictures), batch)]
        return np.concatenate([self._empty, *parts])

    def to_single_w(self) -> Encoder:
        """The encoder of framed images to one w, the mean of those of all layers.

        It is of the kind that ``stylegan.train`` makes, and goes on from.
        """
        from stylegan.encoder import Encoder

        return Encoder(self.config.trunk, single_w_values(self.values(), self.config))

    @property
    def side(self) -> int:
        """Side in pixels of the images that the network takes."""
        return self.config.trunk.resolution

    def values(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter as an array."""
        from keras import ops

        return {k: ops.convert_to_numpy(v) for k, v in self.parameters.items()}

    def save(self, path: Path, **facts: Any) -> None:
        """Write the weights as float16, with ``facts`` beside them as JSON."""
        meta = {
            "generator": weights_file.digest(self.generator),
            "framing": self.framing.to_json(),
            "config": asdict(self.config),
            **facts,
        }
        weights_file.write(path, KIND, meta, self.values())

    @property
    def _empty(self) -> NDArray[np.float32]:
        return np.empty((0, self.config.num_ws, self.config.trunk.w_dim), np.float32)

    def _part(self, part: NDArray[np.uint8], batch: int) -> NDArray[np.float32]:
        from keras import ops

        full = np.resize(part, (batch, *part.shape[1:])).astype(np.float32) / 127.5 - 1
        return ops.convert_to_numpy(self._run(ops.convert_to_tensor(full)))[: len(part)]

    @cached_property
    def _run(self) -> Any:
        from anonbase.keras_backend import compiled

        return compiled(lambda images: encode(self.parameters, self.config, images))


def load_latent_encoder(
    generator: Generator | None = None, path: str | Path | None = None
) -> LatentEncoder:
    """Load the encoder of a generator.

    Parameters
    ----------
    generator : Generator, optional
        The generator. None: the one that ships.
    path : path, optional
        A file that ``python -m encoders.latent encoder`` wrote. None: the one that ships
        (``datasets/latent``).

    Returns
    -------
    LatentEncoder
        A callable: chips to W+.

    Raises
    ------
    WeightsError
        The file is missing, damaged, or fits another generator. The message has the command that
        makes it.
    """
    import stylegan

    source = weights_file.SHIPPED / FILE if path is None else Path(path)
    meta, values = weights_file.read(source, KIND, REMEDY)
    generator = stylegan.load() if generator is None else generator
    weights_file.check_generator(source, meta, generator, REMEDY)
    try:
        framing, config = CropAlignment.from_json(meta["framing"]), _config(meta["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{source}: its description is not a latent encoder's ({error})"
        ) from None
    return LatentEncoder(generator, config, framing, values, str(source))


def read_numbers(path: Path) -> tuple[LatentConfig, dict[str, NDArray[np.float32]]]:
    """Config and numbers of an encoder, whatever generator it was fitted to: to begin with.

    Raises:
        WeightsError: the file is missing, damaged, or of another kind.
    """
    meta, values = weights_file.read(path, KIND, REMEDY)
    try:
        config = _config(meta["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not a latent encoder's words ({error})") from None
    return config, check(latent_specs(config), values, str(path))


def _config(values: Mapping[str, Any]) -> LatentConfig:
    trunk = dict(values["trunk"])
    trunk["channels"] = tuple(trunk["channels"])
    num_ws, rank = int(values["num_ws"]), int(values["rank"])
    if not (1 <= num_ws <= 64 and 1 <= rank <= 4096):
        raise ValueError(f"{num_ws} layers, rank {rank}")
    return LatentConfig(EncoderConfig(**trunk), num_ws, rank)

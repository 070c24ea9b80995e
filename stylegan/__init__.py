"""StyleGAN, StyleGAN2 and StyleGAN3: networks, official checkpoints, our own generator.

>>> import stylegan
>>> generator = stylegan.load()                      # the one that ships
>>> w = generator.map(generator.latents(range(4)), psi=0.7)
>>> generator.pictures(w).shape
(4, 64, 64, 3)

Knows nothing of anonymity. TensorFlow is imported when a network is made, not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from stylegan.encoder import Encoder
    from stylegan.generator import Generator
    from stylegan.networks.discriminator import Discriminator

__all__ = ["load", "load_discriminator", "load_encoder"]


def load(
    path: str | Path | None = None, precision: Literal["float32", "bfloat16"] = "float32"
) -> Generator:
    """The generator in ``path``: any checkpoint that ``stylegan.checkpoint.read`` takes.

    Without a path it is the one that ships (``datasets/generator``: 64 px faces, research
    terms). Raises ``WeightsError``; nothing in the file is ever run.
    """
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan import checkpoint
    from stylegan.generator import Generator

    source = checkpoint.SHIPPED if path is None else Path(path)
    found = checkpoint.read(source)
    return Generator(
        found.generator, found.generator_values, precision=precision, source=str(source)
    )


def load_discriminator(path: str | Path) -> Discriminator:
    """The discriminator in ``path``. ``WeightsError`` if there is none that we know."""
    from anonbase.errors import WeightsError
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan import checkpoint
    from stylegan.networks.discriminator import Discriminator

    found = checkpoint.read(Path(path))
    if found.discriminator is None:
        raise WeightsError(f"{path}: holds no discriminator that we know")
    return Discriminator(found.discriminator, found.discriminator_values, source=str(path))


def load_encoder(path: str | Path | None = None) -> Encoder:
    """The encoder beside a generator of ours, or of the one that ships: a picture to its w.

    ``WeightsError`` if there is none: only ``stylegan.train`` makes one.
    """
    from anonbase.errors import WeightsError
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan import checkpoint
    from stylegan.encoder import Encoder

    source = checkpoint.SHIPPED if path is None else Path(path)
    found = checkpoint.read(source)
    if found.encoder is None:
        raise WeightsError(f"{source}: holds no encoder (python -m stylegan.train makes one)")
    return Encoder(found.encoder, found.encoder_values, source=str(source))


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def __getattr__(name: str) -> Any:
    if name in {"Generator", "Noise", "mix"}:
        from anonbase.keras_backend import load_engine

        load_engine()
        from stylegan import generator

        return getattr(generator, name)
    raise AttributeError(f"module 'stylegan' has no attribute {name!r}")

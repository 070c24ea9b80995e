"""StyleGAN, StyleGAN2, StyleGAN3 and DCGAN: networks, official checkpoints, our own generator.

The package knows nothing of anonymity. TensorFlow is imported when a network is made, not before.

Examples
--------
>>> import stylegan
>>> generator = stylegan.load()  # the one that ships
>>> w = generator.map(generator.latents(range(4)), psi=0.7)
>>> generator.pictures(w).shape
(4, 128, 128, 3)
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
    """Load a generator. Nothing in the file is ever run.

    Parameters
    ----------
    path : path, optional
        Any checkpoint that ``stylegan.checkpoint.read`` takes. None: the one that ships
        (``datasets/generator``: 128 px faces, for research only). "dcgan": the small DCGAN that
        ships (``datasets/dcgan``), for research only as well.
    precision : {"float32", "bfloat16"}
        The numbers that the network computes with. bfloat16 is about twice as fast where the CPU
        has it.

    Returns
    -------
    Generator
        The generator with its numbers.

    Raises
    ------
    WeightsError
        The file is missing, damaged, hostile, or holds no StyleGAN.
    """
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan import checkpoint
    from stylegan.generator import Generator

    source = checkpoint.SHIPPED if path is None else Path(path)
    networks = checkpoint.read(source)
    return Generator(
        networks.generator, networks.generator_values, precision=precision, source=str(source)
    )


def load_discriminator(path: str | Path) -> Discriminator:
    """Load the discriminator of a checkpoint.

    Raises
    ------
    WeightsError
        The file cannot be used, or holds no discriminator of a known kind.
    """
    from anonbase.errors import WeightsError
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan import checkpoint
    from stylegan.networks.discriminator import Discriminator

    networks = checkpoint.read(Path(path))
    if networks.discriminator is None:
        raise WeightsError(f"{path}: holds no discriminator of a known kind")
    return Discriminator(networks.discriminator, networks.discriminator_values, source=str(path))


def load_encoder(path: str | Path) -> Encoder:
    """Load the encoder of a generator of ours: an image to its w.

    The way into the generator that ships is ``encoders.latent.load_latent_encoder``.

    Parameters
    ----------
    path : path
        A folder that ``stylegan.train`` wrote.

    Returns
    -------
    Encoder
        A callable: images uint8 (n, s, s, 3) to w float32 (n, w_dim).

    Raises
    ------
    WeightsError
        There is no encoder: only ``stylegan.train`` makes one.
    """
    from anonbase.errors import WeightsError
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan import checkpoint
    from stylegan.encoder import Encoder

    networks = checkpoint.read(Path(path))
    if networks.encoder is None:
        raise WeightsError(f"{path}: holds no encoder (python -m stylegan.train makes one)")
    return Encoder(networks.encoder, networks.encoder_values, source=str(path))


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def __getattr__(name: str) -> Any:
    if name in {"Generator", "Noise", "mix"}:
        from anonbase.keras_backend import load_engine

        load_engine()
        from stylegan import generator, styles

        return getattr(styles if name == "mix" else generator, name)
    raise AttributeError(f"module 'stylegan' has no attribute {name!r}")

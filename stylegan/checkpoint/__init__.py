"""Checkpoints: a StyleGAN in any of the common formats, read without running any of it.

``read`` takes NVIDIA's TensorFlow pickles (StyleGAN, StyleGAN2 and its ADA version), their PyTorch
pickles (StyleGAN2-ADA, StyleGAN3) whole or of a generator alone, state dicts under their names,
rosinality's files, those of pSp and e4e (their decoder), this project's ``.npz``, and our own
folders. The content decides, not the name. ``write`` makes the last.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from anonbase.errors import WeightsError
from anonbase.untrusted.guard import untrusted_input
from anonbase.untrusted.stand_ins import refuse_stand_in
from stylegan.checkpoint._known import Known, known
from stylegan.checkpoint._layout import Checkpoint
from stylegan.checkpoint._own import read_folder
from stylegan.checkpoint._own import write_folder as write

__all__ = ["SHIPPED", "SHIPPED_DCGAN", "Checkpoint", "Known", "checked", "known", "read", "write"]

_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE.parent / "_generator"
_DCGAN_IN_WHEEL = _HERE.parent / "_dcgan"
SHIPPED_DCGAN = (
    _DCGAN_IN_WHEEL if _DCGAN_IN_WHEEL.is_dir() else _HERE.parent.parent / "datasets" / "dcgan"
)
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent.parent / "datasets" / "generator"


def read(path: Path) -> Checkpoint:
    """Read the networks of a checkpoint.

    Parameters
    ----------
    path : Path
        A file, or a folder of ours. ``Path("dcgan")`` is the DCGAN that ships, unless there is
        something of that name.

    Returns
    -------
    Checkpoint
        Configs and numbers in our layout; ``checked`` compares them.

    Raises
    ------
    WeightsError
        The file is missing, damaged, hostile, or holds no StyleGAN.
    """
    if path == Path("dcgan") and not path.exists():
        path = SHIPPED_DCGAN
    try:
        with untrusted_input(str(path)):
            return _read(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from None


def checked(found: Checkpoint, source: str, generator_only: bool = False) -> Checkpoint:
    """Check a checkpoint against its own configs.

    Parameters
    ----------
    found : Checkpoint
        What ``read`` gave.
    source : str
        Where it comes from, for error messages.
    generator_only : bool
        Leave out discriminator and encoder.

    Returns
    -------
    Checkpoint
        The same as float32: every name, shape and number is what the configs ask for.

    Raises
    ------
    WeightsError
        A name or a shape differs, or a number is not finite.
    """
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan.encoder import encoder_specs
    from stylegan.generator import generator_specs
    from stylegan.networks.discriminator import discriminator_specs
    from stylegan.networks.parameters import check

    specs = generator_specs(found.generator)
    networks = Checkpoint(
        generator=found.generator,
        generator_values=dict(check(specs, found.generator_values, source)),
    )
    if generator_only:
        return networks
    if found.discriminator is not None and found.discriminator_values is not None:
        judge = dict(
            check(discriminator_specs(found.discriminator), found.discriminator_values, source)
        )
        networks = replace(networks, discriminator=found.discriminator, discriminator_values=judge)
    if found.encoder is not None and found.encoder_values is not None:
        values = dict(check(encoder_specs(found.encoder), found.encoder_values, source))
        networks = replace(networks, encoder=found.encoder, encoder_values=values)
    return networks


def _read(path: Path) -> Checkpoint:
    if path.is_dir():
        return read_folder(path)
    if path.suffix in {".json", ".h5"}:
        return read_folder(path.parent)
    refuse_stand_in(path)
    from stylegan.checkpoint._contents import read_file

    return read_file(path)

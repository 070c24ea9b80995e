"""Which kind of checkpoint a file is: told by what it holds, never by its name."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.untrusted.guard import UnsafeContentError
from anonbase.untrusted.pickles import OpaqueObject, Stream, load
from anonbase.untrusted.torch_files import FILE_LIMIT, in_plain_pickles, read_torch_object
from stylegan.checkpoint._layout import Checkpoint, from_official
from stylegan.checkpoint._missing import completed, with_mean
from stylegan.checkpoint._nvidia import from_modules, from_networks
from stylegan.checkpoint._own import read_npz
from stylegan.checkpoint._rosinality import from_rosinality, is_rosinality
from stylegan.checkpoint._settings import entries, state

__all__ = ["read_file"]

_ZIP = b"PK\x03\x04"
#: How ``torch.save`` began before version 1.6: protocol 2, and its magic number.
_TORCH_STREAM = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
_LOOKED_AT = 256  # bytes at the beginning
_PREFIX = "module."  # of a network that ran on several devices


def read_file(path: Path) -> Checkpoint:
    """The networks in a file: an .npz of ours, ``torch.save``'s, or a plain pickle."""
    with path.open("rb") as file:
        if file.seek(0, 2) > FILE_LIMIT:
            raise UnsafeContentError(f"larger than {FILE_LIMIT >> 30} GiB")
        file.seek(0)
        beginning = file.read(_LOOKED_AT)
    head = beginning[: len(_TORCH_STREAM)]
    if head.startswith(_ZIP) and _is_npz(path):
        return read_npz(path)
    if head.startswith(_ZIP) or head == _TORCH_STREAM:
        return _from_content(read_torch_object(path), str(path))
    if _is_prose(beginning):
        raise UnsafeContentError("a text in place of the file: give the checkpoint itself")
    with path.open("rb") as file:
        return _from_content(load(Stream(file), in_plain_pickles()), str(path))


def _is_prose(beginning: bytes) -> bool:
    """Whether a file begins with a line of words; the oldest pickles are text, but of none."""
    line = beginning.lstrip().partition(b"\n")[0].decode(errors="replace").strip()
    return (
        line.replace("\t", " ").isprintable() and len(line.split(" ")) > 1 and "\ufffd" not in line
    )


def _is_npz(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())


def _from_content(content: Any, source: str) -> Checkpoint:
    if isinstance(content, tuple | list):
        return from_networks(content, source)
    if isinstance(content, OpaqueObject) and content.name == "Network":
        return from_networks([content], source)
    if isinstance(content, OpaqueObject) and "synthesis" in entries(state(content).get("_modules")):
        return from_modules(content, None, source)
    held = entries(content)
    if isinstance(held.get("G_ema", held.get("G")), OpaqueObject):
        return from_modules(held.get("G_ema", held.get("G")), held.get("D"), source)
    for part in (held.get("g_ema"), held.get("g"), held.get("state_dict"), held):
        arrays = _arrays(part)
        if arrays:
            return _from_arrays(arrays, held, source)
    if "GAN" in held:
        raise UnsafeContentError("is lucidrains' stylegan2-pytorch, another network: not supported")
    kind = content.name if isinstance(content, OpaqueObject) else type(content).__name__
    raise UnsafeContentError(f"holds {kind or 'something'}, not the networks of a StyleGAN")


def _from_arrays(
    arrays: dict[str, NDArray[Any]], held: Mapping[Any, Any], source: str
) -> Checkpoint:
    """State dicts: rosinality's, that of an encoder with its decoder, or an official one."""
    decoder = _below(arrays, "decoder.")
    generator = decoder if is_rosinality(decoder) else arrays
    if is_rosinality(generator):
        return from_rosinality(generator, _arrays(held.get("d")), held.get("latent_avg"), source)
    if "mapping.fc0.weight" in arrays:
        config, ours = from_official(completed(arrays), None, source)
        return Checkpoint(
            generator=config, generator_values=with_mean(config, ours, arrays, source)
        )
    if any(name.startswith(("GAN.", "G.initial_block", "S.net")) for name in arrays):
        raise UnsafeContentError("is lucidrains' stylegan2-pytorch, another network: not supported")
    raise UnsafeContentError("holds arrays, but not those of a StyleGAN generator")


def _arrays(part: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a state dict by name, without the prefix that several devices add."""
    held = {
        name: value
        for name, value in entries(part).items()
        if isinstance(name, str) and isinstance(value, np.ndarray)
    }
    return _below(held, _PREFIX) or held


def _below(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

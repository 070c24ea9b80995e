"""Our own format: a folder with config.json and HDF5 weights, for each network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from anonbase.files import PACKED, atomic_write, write_text
from anonbase.untrusted.guard import UnsafeContentError
from anonbase.untrusted.hdf5 import open_hdf5
from stylegan.checkpoint._layout import (
    Checkpoint,
    discriminator_from_official,
    encoder_from_official,
    from_official,
)
from stylegan.networks.config import DiscriminatorConfig, EncoderConfig, GeneratorConfig

__all__ = ["read_folder", "read_npz", "write_folder"]

C = TypeVar("C", DiscriminatorConfig, EncoderConfig)

_LARGEST = 4 << 30
_LARGEST_CONFIG = 1 << 16
_MOST = 5000


def write_folder(found: Checkpoint, folder: Path, dtype: str = "float32") -> None:
    """Write ``generator.*``, and ``discriminator.*`` and ``encoder.*`` if there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    networks = {
        "generator": (found.generator, found.generator_values),
        "discriminator": (found.discriminator, found.discriminator_values),
        "encoder": (found.encoder, found.encoder_values),
    }
    for name, (config, values) in networks.items():
        if config is not None and values is not None:
            _write_weights(folder / f"{name}.h5", values, dtype)
            write_text(folder / f"{name}.json", config.to_json() + "\n")


def _write_weights(path: Path, values: Mapping[str, NDArray[Any]], dtype: str) -> None:
    with atomic_write(path) as beside, h5py.File(beside, "w", track_order=False) as file:
        for name in sorted(values):
            numbers = np.asarray(values[name], dtype)
            packed = PACKED if numbers.size > 1024 else {}
            file.create_dataset(name, data=numbers, track_times=False, **packed)


def read_folder(folder: Path) -> Checkpoint:
    """Read what ``write_folder`` wrote; hostile sizes, links and types are refused."""
    generator = GeneratorConfig.from_json(*_config(folder / "generator.json"))
    judge = _network(folder, "discriminator", DiscriminatorConfig)
    encoder = _network(folder, "encoder", EncoderConfig)
    return Checkpoint(generator, _weights(folder / "generator.h5"), *judge, *encoder)


def _network(
    folder: Path, name: str, kind: type[C]
) -> tuple[C, dict[str, NDArray[Any]]] | tuple[None, None]:
    if not (folder / f"{name}.json").is_file():
        return None, None
    config = kind.from_json(*_config(folder / f"{name}.json"))
    return config, _weights(folder / f"{name}.h5")


def _config(path: Path) -> tuple[str, str]:
    if not path.is_file():
        raise UnsafeContentError(f"has no {path.name} beside it, which says what network it is")
    if path.stat().st_size > _LARGEST_CONFIG:
        raise UnsafeContentError(f"{path.name} is larger than a config")
    return path.read_text(encoding="utf-8"), str(path)


def _weights(path: Path) -> dict[str, NDArray[Any]]:
    with open_hdf5(path) as file:
        if len(file) > _MOST:
            raise UnsafeContentError(f"{path.name} holds {len(file)} arrays, not a network's")
        left = _LARGEST
        values = {}
        for name in file:
            dataset = _dataset(file, name)
            left -= dataset.size * 4
            if left < 0:
                raise UnsafeContentError(f"{path.name} unpacks to more than {_LARGEST >> 30} GiB")
            values[name] = np.asarray(dataset[()])
    return values


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise UnsafeContentError(f"{name} is a link to another place")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind != "f":
        raise UnsafeContentError(f"{name} is not an array of floating-point numbers")
    if dataset.external or dataset.is_virtual:
        raise UnsafeContentError(f"{name} lies in another file")
    return dataset


def read_npz(path: Path) -> Checkpoint:
    """Read arrays under official names: ``G/...``, and ``D/...`` and ``E/...`` if there are any."""
    with np.load(path, allow_pickle=False) as archive:
        groups: dict[str, dict[str, NDArray[Any]]] = {"G": {}, "D": {}, "E": {}}
        left = _LARGEST
        for info in archive.zip.infolist():
            left -= info.file_size
        if left < 0 or len(archive.files) > _MOST:
            raise UnsafeContentError("unpacks to more than a network's weights")
        for name in archive.files:
            prefix, _, rest = name.partition("/")
            if prefix in groups:
                groups[prefix][rest] = archive[name]
    if not groups["G"]:
        raise UnsafeContentError("holds no arrays named G/...")
    generator = from_official(groups["G"], None, str(path))
    judge = (
        discriminator_from_official(groups["D"], None, str(path)) if groups["D"] else (None,) * 2
    )
    encoder = encoder_from_official(groups["E"], str(path)) if groups["E"] else (None, None)
    return Checkpoint(*generator, *judge, *encoder)

"""Reader of PyTorch's files (``torch.save``) that runs nothing in them.

Both layouts are read: the zip archive (PyTorch 1.6 and later), and the stream of pickles before
that, which is also how a tensor lies in a plain pickle. ``pickles`` reads the pickles; this module
turns their storages into arrays.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.untrusted.guard import UnsafeContentError, untrusted_input
from anonbase.untrusted.pickles import Global, Stream, load

__all__ = ["in_plain_pickles", "read_torch", "read_torch_object"]

FILE_LIMIT = 4 << 30
PICKLE_LIMIT = 4 << 20
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_STORAGES = {
    "torch.DoubleStorage": "<f8",
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "<i1",
    "torch.ByteStorage": "<u1",
    "torch.BoolStorage": "?",
}


def read_torch(path: Path) -> dict[str, NDArray[Any]]:
    """Read a state dict.

    Returns
    -------
    dict of str to array
        The values of each tensor by its name.

    Raises
    ------
    WeightsError
        The file is missing, damaged, larger than 4 GiB, or holds anything but a dictionary of
        tensors.
    """
    with untrusted_input(f"{path}: not a state dict from torch.save(model.state_dict(), ...)"):
        state = _opened(path)
        _require(isinstance(state, dict) and len(state) > 0, "it holds no dictionary")
        for name, value in state.items():
            _require(type(name) is str, "a name is not text")
            _require(isinstance(value, np.ndarray), f"{name!r} is not a tensor")
        return state


def read_torch_object(path: Path) -> Any:
    """Read any object that ``torch.save`` wrote.

    Returns
    -------
    object
        Containers of arrays, with ``OpaqueObject`` for everything else.

    Raises
    ------
    WeightsError
        The file is missing, damaged, larger than 4 GiB, or asks for the system.
    """
    with untrusted_input(str(path)):
        return _opened(path)


def _opened(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error


def _require(fact: bool, otherwise: str) -> None:
    if not fact:
        raise UnsafeContentError(otherwise)


# ---- the two layouts


@dataclass(frozen=True)
class _Storage:
    dtype: str
    key: str
    count: int

    @property
    def size(self) -> int:
        return self.count * np.dtype(self.dtype).itemsize


def _read(file: BinaryIO) -> Any:
    size = file.seek(0, io.SEEK_END)
    _require(size <= FILE_LIMIT, f"larger than {FILE_LIMIT >> 30} GiB")
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    return _read_zip(file, size) if start == b"PK\x03\x04" else _read_stream(file)


def _read_zip(file: BinaryIO, size: int) -> Any:
    with zipfile.ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        _require(len(pickles) == 1, "it has no data.pkl, or several")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist():
            order = _member(archive, f"{folder}byteorder", 16)
            _require(order == b"little", "it was written on a big-endian machine")
        pickled = _member(archive, pickles[0], PICKLE_LIMIT)
        contents = _Members(archive, folder, size)
        return load(Stream(io.BytesIO(pickled)), _TENSORS, contents, size)


class _Members:
    """The storages of an archive, each read once."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, size: int) -> None:
        self._archive, self._folder, self._left = archive, folder, size
        self._known: dict[_Storage, NDArray[Any]] = {}

    def __call__(self, identifier: Any) -> NDArray[Any]:
        storage = _identified(identifier)
        if storage not in self._known:
            # members may overlap, so that a small archive unpacks to a large one
            self._left -= storage.size
            _require(self._left >= 0, "its sizes do not add up")
            name = f"{self._folder}data/{storage.key}"
            content = _member(self._archive, name, storage.size)
            self._known[storage] = np.frombuffer(content, storage.dtype)
        return self._known[storage]


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    _require(name in archive.NameToInfo, f"it has no {name!r}")
    info = archive.getinfo(name)
    _require(info.compress_type == zipfile.ZIP_STORED, f"{name!r} is compressed")
    _require(info.file_size <= limit, f"{name!r} is larger than it should be")
    return archive.read(info)


def _read_stream(file: BinaryIO) -> Any:
    """The values come after the pickle that uses them: it is read twice."""
    stream = Stream(file)
    _require(load(stream) == _MAGIC, "it does not start like such a file")
    _require(load(stream) == _PROTOCOL, "it is of another version")
    _require(load(stream)["little_endian"] is True, "it was written on a big-endian machine")
    start = file.tell()
    declared: dict[str, _Storage] = {}
    load(stream, dict.fromkeys(_TENSORS, _nothing), _collector(declared))
    contents = {key: _stored(stream, declared[key]) for key in load(stream)}
    file.seek(start)
    return load(stream, _TENSORS, lambda identifier: contents[_identified(identifier).key])


def _nothing(*_: Any) -> None:
    return None


def _collector(declared: dict[str, _Storage]) -> Callable[[Any], None]:
    def collect(identifier: Any) -> None:
        storage = _identified(identifier)
        known = declared.setdefault(storage.key, storage)
        _require(known == storage, "a storage has two sizes")

    return collect


def _stored(stream: Stream, storage: _Storage) -> NDArray[Any]:
    count = int.from_bytes(stream.read(8), "little")
    _require(count == storage.count, "the size of a storage is not the one that it claims")
    return np.frombuffer(stream.read(storage.size), storage.dtype)


def _identified(identifier: Any) -> _Storage:
    kind, storage, key, _place, count = identifier[:5]
    name = str(storage) if isinstance(storage, Global) else "something unnamed"
    _require(kind == "storage" and name in _STORAGES, f"it holds {name}")
    _require(
        type(key) is str and type(count) is int and count >= 0,
        "a storage has an invalid key or size",
    )
    return _Storage(_STORAGES[name], key, count)


# ---- tensors


def _tensor(values: Any, offset: Any, shape: Any, strides: Any, *_rest: Any) -> NDArray[Any]:
    """The tensor's values, once it is known to lie inside of its storage."""
    _require(isinstance(values, np.ndarray) and values.ndim == 1, "a tensor has no storage")
    numbers = (offset, *shape, *strides)
    _require(
        all(type(n) is int and 0 <= n < 1 << 62 for n in numbers), "a tensor has an invalid size"
    )
    _require(len(shape) == len(strides) <= 8, "a tensor has invalid dimensions")
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    inside = last < len(values) and math.prod(shape) <= len(values)
    _require(0 in shape or inside, "a tensor is larger than its storage")
    if 0 in shape:
        return np.empty(shape, values.dtype)
    steps = [step * values.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(values[offset:], shape, steps).copy()


def _parameter(data: Any, *_rest: Any) -> Any:
    return data


def _storage_in_bytes(content: Any) -> Any:
    _require(isinstance(content, bytes), "a storage is not bytes")
    return _read_stream(io.BytesIO(content))


_TENSORS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
}


def in_plain_pickles() -> dict[str, Callable[..., Any]]:
    """The functions that ``load`` needs for tensors pickled without ``torch.save``."""
    return {**_TENSORS, "torch.storage._load_from_bytes": _storage_in_bytes}

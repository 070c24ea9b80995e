"""State dicts as PyTorch writes them, made by hand so that no test needs PyTorch."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

START, STOP = b"\x80\x02", b"."
_ORDERED_DICT = b"ccollections\nOrderedDict\n)R"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def storage(key: str, count: int, kind: str = "FloatStorage") -> bytes:
    symbol = f"ctorch\n{kind}\n".encode()
    return tuple_of(text("storage"), symbol, text(key), text("cpu"), number(count)) + b"Q"


def tensor(stored: bytes, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    sizes = [tuple_of(*map(number, sides)) for sides in (shape, strides)]
    arguments = tuple_of(stored, number(offset), *sizes, b"\x89", _ORDERED_DICT)
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def pickled(entries: Mapping[str, bytes]) -> bytes:
    items = b"".join(text(name) + value for name, value in entries.items())
    return START + _ORDERED_DICT + b"(" + items + b"u" + STOP


def archive(pickle: bytes, storages: Mapping[str, bytes], compressed: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if compressed else 0) as file:
        file.writestr("archive/data.pkl", pickle)
        for key, content in storages.items():
            file.writestr(f"archive/data/{key}", content)
        file.writestr("archive/version", b"3\n")
    return out.getvalue()


def state_dict(arrays: Mapping[str, NDArray[np.float32]]) -> bytes:
    """The bytes of a .pt file that holds float32 arrays."""
    entries, storages = {}, {}
    for key, (name, array) in enumerate(arrays.items()):
        strides = tuple(step // 4 for step in np.empty(array.shape, np.float32).strides)
        entries[name] = tensor(storage(str(key), array.size), 0, array.shape, strides)
        storages[str(key)] = np.ascontiguousarray(array, "<f4").tobytes()
    return archive(pickled(entries), storages)

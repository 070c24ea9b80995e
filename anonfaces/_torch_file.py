"""Reader of PyTorch's state dicts (``torch.save``) that runs nothing of what is in the file.

Such a file is a pickle, and unpickling may run any program that its writer liked. So the pickle
is not loaded: the few of its instructions that describe a dictionary of tensors are interpreted
here, over ``pickletools.genops``, and whatever else is in the file is refused by name. Both
layouts are read: the zip archive (PyTorch 1.6 and later) and the stream of pickles before that.
"""

from __future__ import annotations

import io
import math
import pickletools
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.errors import WeightsError

__all__ = ["read_torch"]

FILE_LIMIT = 2 << 30
PICKLE_LIMIT = 4 << 20
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_STORAGES = {
    "torch DoubleStorage": "<f8",
    "torch FloatStorage": "<f4",
    "torch HalfStorage": "<f2",
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
    "torch ShortStorage": "<i2",
    "torch CharStorage": "<i1",
    "torch ByteStorage": "<u1",
    "torch BoolStorage": "?",
}


def read_torch(path: Path) -> dict[str, NDArray[Any]]:
    """Read a state dict: the name of each tensor and its values, as arrays of their own.

    Raises:
        WeightsError: the file is missing, damaged, larger than 2 GiB, or holds anything but a
            dictionary of tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except _REFUSED as error:
        raise WeightsError(
            f"{path}: not a state dict that PyTorch wrote ({error}); expected a file from "
            "torch.save(model.state_dict(), ...)"
        ) from error


class _DamagedError(Exception):
    """What is wrong with the file, for the message."""


# What zipfile, pickletools and numpy raise on bytes that make no sense; IndexError, KeyError and
# TypeError come from instructions in an order that no pickler writes.
_REFUSED = (
    _DamagedError,
    zipfile.BadZipFile,
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
)


def _require(fact: bool, otherwise: str) -> None:
    if not fact:
        raise _DamagedError(otherwise)


@dataclass(frozen=True)
class _Symbol:
    """A name of the pickle's world. It stands for something, and never becomes it."""

    name: str


@dataclass(frozen=True)
class _Storage:
    dtype: str
    key: str
    count: int

    @property
    def size(self) -> int:
        return self.count * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, content: bytes) -> NDArray[Any]:
        """The tensor's values, once it is known to lie inside of its storage."""
        values = np.frombuffer(content, self.storage.dtype)
        numbers = (self.offset, *self.shape, *self.strides)
        _require(all(type(n) is int and n >= 0 for n in numbers), "a tensor's size is no size")
        _require(len(self.shape) == len(self.strides) <= 8, "a tensor has odd dimensions")
        last = self.offset + sum(
            (n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)
        )
        inside = last < len(values) and math.prod(self.shape) <= len(values)
        _require(0 in self.shape or inside, "a tensor is larger than its storage")
        if 0 in self.shape:
            return np.empty(self.shape, values.dtype)
        strides = [step * values.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides)
        return view.copy()


# ---- the two layouts


def _read(file: io.BufferedReader) -> dict[str, NDArray[Any]]:
    size = file.seek(0, io.SEEK_END)
    _require(size <= FILE_LIMIT, f"larger than {FILE_LIMIT >> 30} GiB")
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    return _read_zip(file, size) if start == b"PK\x03\x04" else _read_stream(file, size)


def _read_zip(file: io.BufferedReader, size: int) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        _require(len(pickles) == 1, "it has no data.pkl, or several")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist():
            order = _member(archive, f"{folder}byteorder", 16)
            _require(order == b"little", "it was written on a big-endian machine")
        tensors = _tensors(_run(io.BytesIO(_member(archive, pickles[0], PICKLE_LIMIT))))
        # members may overlap, so that a small archive unpacks to a large one
        storages = _storages(tensors, size)
        content = {s: _member(archive, f"{folder}data/{s.key}", s.size) for s in storages}
    return {name: tensor.array(content[tensor.storage]) for name, tensor in tensors.items()}


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    info = archive.getinfo(name)
    _require(info.compress_type == zipfile.ZIP_STORED, f"{name!r} is compressed")
    _require(info.file_size <= limit, f"{name!r} is larger than it should be")
    return archive.read(info)


def _read_stream(file: io.BufferedReader, size: int) -> dict[str, NDArray[Any]]:
    _require(_run(file) == _MAGIC, "it does not start as such a file does")
    _require(_run(file) == _PROTOCOL, "it is of another version")
    system = _run(file)
    _require(system["little_endian"] is True, "it was written on a big-endian machine")
    tensors = _tensors(_run(file))
    by_key = {storage.key: storage for storage in _storages(tensors, size)}
    keys = _run(file)
    _require(type(keys) is list and all(type(key) is str for key in keys), "it lists no storages")
    content = {by_key[key]: _stored(file, by_key[key]) for key in keys}
    return {name: tensor.array(content[tensor.storage]) for name, tensor in tensors.items()}


def _stored(file: io.BufferedReader, storage: _Storage) -> bytes:
    count = int.from_bytes(file.read(8), "little")
    _require(count == storage.count, "a storage has another size than it says")
    content = file.read(storage.size)
    _require(len(content) == storage.size, "it ends too early")
    return content


def _storages(tensors: dict[str, _Tensor], size: int) -> set[_Storage]:
    storages = {tensor.storage for tensor in tensors.values()}
    _require(sum(storage.size for storage in storages) <= size, "its sizes do not add up")
    return storages


def _tensors(state: Any) -> dict[str, _Tensor]:
    _require(isinstance(state, dict) and len(state) > 0, "it holds no dictionary")
    for name, value in state.items():
        _require(isinstance(value, _Tensor), f"{name!r} is no tensor")
    return state


# ---- the pickle


def _run(file: Any) -> Any:
    """Interpret one pickle; ``file`` is left after its end."""
    machine = _Machine()
    start = file.tell()
    for opcode, argument, place in pickletools.genops(file):
        _require(place is None or place - start <= PICKLE_LIMIT, "its pickle is too long")
        if opcode.name == "STOP":
            return machine.pop()
        machine.step(opcode.name, argument)
    raise _DamagedError("it ends too early")


class _Machine:
    """The part of the pickle machine that a dictionary of tensors needs."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def pop(self) -> Any:
        return self._stack.pop()

    def step(self, name: str, argument: Any) -> None:
        if name in _VALUES:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        else:
            _require(name in _STEPS, f"its pickle uses the instruction {name}")
            _STEPS[name](self, argument)

    def mark(self, _: None) -> None:
        self._marks.append(len(self._stack))

    def put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def memoize(self, _: None) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def symbol(self, name: str) -> None:
        self._stack.append(_Symbol(name))

    def stack_symbol(self, _: None) -> None:
        module, name = self._take(2)
        _require(type(module) is str and type(name) is str, "a name is no text")
        self._stack.append(_Symbol(f"{module} {name}"))

    def tuple_of(self, count: int | None) -> None:
        self._stack.append(tuple(self._take(count)))

    def set_item(self, _: None) -> None:
        self._update(self._take(2))

    def set_items(self, _: None) -> None:
        self._update(self._take())

    def append(self, _: None) -> None:
        value = self.pop()
        self._target(list).append(value)

    def extend(self, _: None) -> None:
        items = self._take()
        self._target(list).extend(items)

    def build(self, _: None) -> None:
        # what a state dict adds to its OrderedDict: versions of modules, which nobody needs
        self.pop()
        self._target(dict)

    def reduce(self, _: None) -> None:
        function, arguments = self._take(2)
        name = function.name if isinstance(function, _Symbol) else "something unnamed"
        _require(name in _CALLS, f"it would call {name}")
        self._stack.append(_CALLS[name](*arguments))

    def persistent(self, _: None) -> None:
        kind, storage, key, _place, count = self.pop()[:5]
        name = storage.name if isinstance(storage, _Symbol) else "something unnamed"
        _require(kind == "storage" and name in _STORAGES, f"it holds {name}")
        _require(type(key) is str and type(count) is int and count >= 0, "a storage is odd")
        self._stack.append(_Storage(_STORAGES[name], key, count))

    def _update(self, items: list[Any]) -> None:
        self._target(dict).update(_texts(zip(items[::2], items[1::2], strict=True)))

    def _target(self, kind: type) -> Any:
        _require(type(self._stack[-1]) is kind, "its instructions make no sense")
        return self._stack[-1]

    def _take(self, count: int | None = None) -> list[Any]:
        """The last ``count`` things of the stack, or what lies above the last mark."""
        start = self._marks.pop() if count is None else len(self._stack) - count
        _require(0 <= start <= len(self._stack), "its instructions make no sense")
        taken = self._stack[start:]
        del self._stack[start:]
        return taken


def _texts(items: Iterable[Any] = ()) -> dict[str, Any]:
    pairs = list(items)
    # a key that is nested deep enough would overflow the stack while it is hashed
    _require(all(type(key) is str for key, _ in pairs), "a name is no text")
    return dict(pairs)


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_rest: Any) -> _Tensor:
    _require(isinstance(storage, _Storage), "a tensor has no storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(data: Any, *_rest: Any) -> Any:
    return data


_CALLS: dict[str, Callable[..., Any]] = {
    "collections OrderedDict": _texts,
    "torch._utils _rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils _rebuild_parameter": _rebuild_parameter,
}
_VALUES = frozenset(
    ("BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT")
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
}
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, argument: None,
    "FRAME": lambda machine, argument: None,
    "MARK": _Machine.mark,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.symbol,
    "STACK_GLOBAL": _Machine.stack_symbol,
    "TUPLE": lambda machine, argument: machine.tuple_of(None),
    "TUPLE1": lambda machine, argument: machine.tuple_of(1),
    "TUPLE2": lambda machine, argument: machine.tuple_of(2),
    "TUPLE3": lambda machine, argument: machine.tuple_of(3),
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.extend,
    "BUILD": _Machine.build,
    "REDUCE": _Machine.reduce,
    "BINPERSID": _Machine.persistent,
}

"""The calls of a pickle that are answered: NumPy arrays and plain containers, checked.

Each function here gets arguments that a hostile file chose. None allocates more than the
bytes that the file brought.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anonbase.untrusted.guard import UnsafeContentError

__all__ = ["KEYS", "REBUILD", "Pending", "Rebuild"]

KEYS = (str, int, float, bytes, type(None))
Rebuild = Callable[..., Any]
_MOST_AXES = 32


@dataclass(eq=False)
class Pending:
    """An array or dtype between its call and the state that says what is in it."""

    finish: Callable[[Any], Any]
    memo_keys: list[int] = field(default_factory=list)


def _array(dtype: np.dtype[Any], shape: Any, data: Any, fortran: bool) -> np.ndarray:
    """The array, if its bytes are all there: the shape alone never allocates."""
    data = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(dtype, np.dtype) or not isinstance(data, bytes | bytearray):
        raise UnsafeContentError(
            "an array of objects, which can hide anything; weights are numbers"
        )
    sides = shape if isinstance(shape, tuple) and len(shape) <= _MOST_AXES else (-1,)
    if not all(type(n) is int and 0 <= n < 1 << 48 for n in sides):
        raise ValueError("an array without a shape")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise UnsafeContentError(
            f"an array claims the shape {shape} of {dtype} but brings {len(data)} bytes"
        )
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _ndarray(*_: Any) -> Pending:
    def finish(state: Any) -> np.ndarray:
        shape, dtype, fortran, data = state[-4:]
        return _array(dtype, shape, data, bool(fortran))

    return Pending(finish)


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    return _array(dtype, shape, data, order == "F")


def _scalar(dtype: Any, data: Any) -> Any:
    return _array(dtype, (), data, False)[()]


def _dtype(code: Any, *_: Any) -> Pending:
    if not (isinstance(code, str) and len(code) <= 8 and code.lstrip("<>|=")[:1] in set("?biuf")):
        raise UnsafeContentError(f"an array of type {str(code)[:40]!r}: weights are numbers")

    def finish(state: Any) -> np.dtype[Any]:
        return np.dtype(code).newbyteorder(">" if state[1] == ">" else "<")

    return Pending(finish)


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not (isinstance(text, str) and encoding in {"latin1", "utf-8"}):
        raise ValueError("bytes that are not text")
    return text.encode(encoding)


def _fresh(kind: type) -> Rebuild:
    """An empty container, or one of the list of items or pairs that it is given."""

    def make(items: Any = ()) -> Any:
        if not isinstance(items, list | tuple | set | frozenset | bytes):
            raise ValueError(f"a {kind.__name__} of something that is not a list")
        hashed: Any = [pair[0] for pair in items] if kind is dict else items  # type: ignore[index]
        if kind in {set, frozenset, dict} and not all(isinstance(i, KEYS) for i in hashed):
            raise UnsafeContentError(f"a {kind.__name__} of things that weights never need")
        return kind(items)

    return make


def _plain(kind: type) -> Rebuild:
    def make(*values: Any) -> Any:
        if not all(isinstance(value, int | float | None) for value in values):
            raise ValueError(f"a {kind.__name__} of something that is not a number")
        return kind(*values)

    return make


_BUILTINS = ("builtins", "__builtin__")
_CORES = ("numpy.core", "numpy._core")
REBUILD: dict[str, Rebuild] = {
    "collections.OrderedDict": _fresh(dict),
    "_codecs.encode": _encode,
    "numpy.dtype": _dtype,
    **{
        f"{b}.{k.__name__}": _fresh(k) for b in _BUILTINS for k in (set, frozenset, list, bytearray)
    },
    **{f"{b}.{k.__name__}": _plain(k) for b in _BUILTINS for k in (slice, complex)},
    **{f"{core}.multiarray._reconstruct": _ndarray for core in _CORES},
    **{f"{core}.multiarray.scalar": _scalar for core in _CORES},
    **{f"{core}.numeric._frombuffer": _from_buffer for core in _CORES},
}

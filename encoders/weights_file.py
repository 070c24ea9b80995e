"""Files of what was fitted to one generator: arrays, and a description that names the generator."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.files import PACKED, atomic_write
from anonbase.untrusted.guard import UnsafeContentError, untrusted_input

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["SHIPPED", "check_generator", "digest", "read", "write"]

_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE / "_latent"
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent / "datasets" / "latent"
_LARGEST = 1 << 28
_MOST = 500
_LONGEST = 1 << 16


def digest(generator: Generator) -> str:
    """SHA-256 of a generator's numbers, float32, in the order of their names."""
    found = hashlib.sha256()
    for name, values in sorted(generator.values().items()):
        found.update(f"{name} {values.shape} ".encode())
        found.update(np.ascontiguousarray(values, "<f4").tobytes())
    return found.hexdigest()


def write(
    path: Path,
    kind: str,
    meta: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    dtype: type[np.floating] = np.float16,
) -> None:
    """Write ``arrays`` as ``dtype``, or as float32 where that is too narrow, and ``meta`` as JSON.

    All of it or nothing.
    """
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside, h5py.File(beside, "w", track_order=False) as file:
        file.attrs["meta"] = json.dumps({"kind": kind, **meta})
        for name in sorted(arrays):
            numbers = _narrowed(arrays[name], dtype)
            packed = PACKED if numbers.size > 1024 else {}
            file.create_dataset(name, data=numbers, track_times=False, **packed)


def _narrowed(array: NDArray[Any], dtype: type[np.floating]) -> NDArray[np.floating]:
    with np.errstate(over="ignore"):
        numbers = np.asarray(array, dtype)
    return numbers if np.isfinite(numbers).all() else np.asarray(array, np.float32)


def read(path: Path, kind: str, remedy: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """``meta`` and the arrays as float32 of what ``write`` wrote.

    Raises
    ------
    WeightsError
        It is missing (``remedy`` is the command that makes it), damaged, hostile,
        or of another kind.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is missing: {remedy} makes it")
    return _read(path, kind)


def read_any(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """As ``read``, of a file of any kind; ``meta["kind"]`` says which."""
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    return _read(path, None)


def _read(path: Path, kind: str | None) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    from anonbase.untrusted.hdf5 import open_hdf5

    try:
        with untrusted_input(str(path)), open_hdf5(path) as file:
            meta = _meta(file, kind)
            return meta, _arrays(file)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from None


def check_generator(path: Path, meta: Mapping[str, Any], generator: Generator, remedy: str) -> None:
    """``WeightsError`` unless ``path`` was fitted to this very generator."""
    if meta.get("generator") != digest(generator):
        raise WeightsError(
            f"{path} was fitted to another generator (SHA-256 of its numbers"
            f" {str(meta.get('generator'))[:12]}..., this one's {digest(generator)[:12]}...):"
            f" fit it anew with {remedy}"
        )


def _meta(file: Any, kind: str | None) -> dict[str, Any]:
    expected = kind or "something that was fitted to a generator"
    text = file.attrs.get("meta")
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise UnsafeContentError(
            f"not a file of anonfaces: it has no description (expected {expected})"
        )
    meta = json.loads(text)
    said = meta.get("kind") if isinstance(meta, dict) else None
    if not isinstance(said, str) or (kind is not None and said != kind):
        raise UnsafeContentError(f"expected {expected}")
    return meta


def _arrays(file: Any) -> dict[str, NDArray[Any]]:
    from anonbase.untrusted.hdf5 import dataset

    if len(file) > _MOST:
        raise UnsafeContentError(f"holds {len(file)} arrays, more than any file of anonfaces")
    left, arrays = _LARGEST, {}
    for name in file:
        found = dataset(file, name)
        left -= found.size * 4
        if left < 0:
            raise UnsafeContentError(f"unpacks to more than {_LARGEST >> 20} MiB")
        arrays[name] = found.astype(np.float32)[()]
        if not np.isfinite(arrays[name]).all():
            raise UnsafeContentError(f"{name} holds values that are not finite")
    return arrays

"""Reading and writing ``faces.h5``. A file that is read may be hostile."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.files import atomic_write
from anonbase.untrusted.guard import UnsafeContentError
from anonbase.untrusted.hdf5 import open_hdf5

__all__ = [
    "BYSTANDER_COLUMNS",
    "FORMAT_VERSION",
    "LEDGER_COLUMNS",
    "Fields",
    "is_faceset",
    "pack_chip",
    "read_chips",
    "read_fields",
    "read_packed_chips",
    "write_faceset",
]

FORMAT_VERSION = 1
LEDGER_COLUMNS = {
    "path": "str",
    "size": "int64",
    "mtime_ns": "int64",
    "sha256": "str",
    "outcome": "str",
    "reason": "str",
    "faces": "int64",
    "bystanders": "int64",
    "smallest_face": "float64",
}
_ADDED = {"smallest_face"}  # columns that files of earlier versions lack
BYSTANDER_COLUMNS = {
    "image": "str",
    "left": "int64",
    "top": "int64",
    "right": "int64",
    "bottom": "int64",
    "quality": "float64",
}
_DEFLATE_LEVEL = 1
_FORMAT = "anonfaces FaceSet"
_NUMBERS: dict[str, tuple[type, tuple[int | None, ...]]] = {
    "embedding": (np.float32, (None,)),
    "box": (np.int32, (4,)),
    "landmark": (np.float32, (68, 2)),
    "quality": (np.float32, ()),
}
_TEXTS = ("image", "identity")
_META = ("extractor", "extractor_sha256", "alignment", "chip_alignment", "chip_size")
_MOST_ROWS = 100_000_000
_MOST_DIMENSIONS = 16_384
_LARGEST_CHIP = 2048
_LONGEST_TEXT = 16_384
_MOST_COLUMNS = 1000
_TEXTS_AT_ONCE = 4096
_DEFLATE = h5py.h5z.FILTER_DEFLATE


def is_faceset(path: Path) -> bool:
    """Whether ``path`` claims to be a FaceSet."""
    try:
        with h5py.File(path, "r") as file:
            return file.attrs.get("format") == _FORMAT
    except (OSError, KeyError, TypeError, UnicodeError):
        return False


class Fields(Protocol):
    """The content of a file of faces beside its arrays of one row a face, read by name."""

    @property
    def meta(self) -> dict[str, Any]: ...

    @property
    def attribute(self) -> dict[str, NDArray[Any]]: ...

    @property
    def ledger(self) -> pd.DataFrame: ...

    @property
    def bystanders(self) -> pd.DataFrame: ...

    @property
    def chip_size(self) -> int: ...


def pack_chip(chip: NDArray[np.uint8]) -> bytes:
    """Compress a chip as it lies in the file, which the worker that made it can do.

    Level 1: higher levels take three times as long to save a twentieth of a photograph.
    """
    return zlib.compress(np.ascontiguousarray(chip).tobytes(), _DEFLATE_LEVEL)


def write_faceset(path: Path, faces: Fields, packed_chips: Iterable[bytes]) -> None:
    """Write ``faces`` and their deflated chips to ``path``, all of it or nothing."""
    with atomic_write(path) as beside, h5py.File(beside, "w") as file:
        for key, value in sorted({**faces.meta, "format_version": FORMAT_VERSION}.items()):
            file.attrs[key] = value
        file.attrs["format"] = _FORMAT
        for name, (dtype, _) in _NUMBERS.items():
            file.create_dataset(name, data=getattr(faces, name).astype(dtype, copy=False))
        for name in _TEXTS:
            _write_column(file, name, getattr(faces, name))
        for name, values in sorted(faces.attribute.items()):
            _write_column(file.require_group("attribute"), name, values)
        _write_table(file.create_group("ledger"), faces.ledger, LEDGER_COLUMNS)
        _write_table(file.create_group("bystander"), faces.bystanders, BYSTANDER_COLUMNS)
        _write_chips(file, packed_chips, faces.chip_size)


def _write_table(group: h5py.Group, table: pd.DataFrame, columns: dict[str, str]) -> None:
    for name, dtype in columns.items():
        _write_column(group, name, table[name].to_numpy(dtype))


def _write_column(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    if values.dtype.kind in "biuf":
        group.create_dataset(name, data=values)
    else:
        group.create_dataset(name, data=[str(v) for v in values], dtype=h5py.string_dtype())


def _write_chips(file: h5py.File, packed_chips: Iterable[bytes], size: int) -> None:
    count = len(file["embedding"])
    chips = file.create_dataset(
        "chip", (count, size, size, 3), np.uint8, chunks=(1, size, size, 3), compression="gzip",
        maxshape=(None, size, size, 3),
    )  # fmt: skip
    written = -1
    for written, packed in enumerate(packed_chips):
        chips.id.write_direct_chunk((written, 0, 0, 0), packed)
    if written + 1 != count:
        raise InputError(f"chips given: {written + 1}, faces: {count}")


def read_fields(path: Path) -> dict[str, Any]:
    """Read everything but the chips, under the names of the fields of a ``FaceSet``."""
    with _opened(path) as file:
        meta = _read_meta(path, file)
        numbers = {name: _read_numbers(path, file, name) for name in _NUMBERS}
        count = len(numbers["embedding"])
        _check_chips(path, file, count, int(meta["chip_size"]))
        return dict(
            **numbers,
            image=_read_names(path, file, "image", count),
            identity=_read_names(path, file, "identity", count),
            attribute=_read_attributes(path, file, count),
            ledger=_read_table(path, file, "ledger", LEDGER_COLUMNS),
            bystanders=_read_table(path, file, "bystander", BYSTANDER_COLUMNS),
            meta=meta,
            path=path.absolute(),
            rows=np.arange(count, dtype=np.int64),
        )


def read_chips(path: Path, rows: NDArray[np.integer], size: int) -> NDArray[np.uint8]:
    """Read the chips uint8 (m, size, size, 3) at ``rows`` of the file."""
    chips = np.empty((len(rows), size, size, 3), np.uint8)
    with _opened(path) as file:
        stored = _dataset(path, file, "chip")
        for place, row in enumerate(rows):
            stored.read_direct(chips, np.s_[int(row)], np.s_[place])
    return chips


def read_packed_chips(path: Path, rows: NDArray[np.integer], size: int) -> Iterator[bytes]:
    """Read chips as they lie in the file, to copy them without inflating them."""
    with _opened(path) as file:
        stored = _dataset(path, file, "chip")
        _check_chips(path, file, len(stored), size)
        for row in rows:
            yield stored.id.read_direct_chunk((int(row), 0, 0, 0))[1]


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        if not path.is_file():
            what = "a folder, not a FaceSet" if path.is_dir() else "no such file"
            raise InputError(f"{path}: {what}; `python -m encoders` makes one")
        with open_hdf5(path) as file:
            if file.attrs.get("format") != _FORMAT:
                raise InputError(f"{path}: an HDF5 file, but not one that anonfaces wrote")
            yield file
    except InputError:
        raise
    except UnsafeContentError as error:
        raise InputError(
            f"{path}: {error}; `python -m encoders` makes a faces.h5 of photographs"
        ) from None
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged, or not an HDF5 file ({error})") from error


def _read_meta(path: Path, file: h5py.File) -> dict[str, Any]:
    version = file.attrs.get("format_version")
    if version != FORMAT_VERSION:
        raise InputError(f"{path}: format_version is {version}, this program reads 1")
    meta = {key: _plain(file.attrs[key]) for key in file.attrs if key != "format"}
    missing = [key for key in _META if key not in meta]
    if missing:
        raise InputError(f"{path}: the file's attribute {missing[0]!r} is missing")
    _require(isinstance(meta["chip_size"], int), path, "chip_size", "a number of pixels")
    _require(all(isinstance(meta[key], str) for key in _META[:4]), path, "extractor", "text")
    return meta


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _require(holds: bool, path: Path, name: str, expected: str) -> None:
    if not holds:
        raise InputError(f"{path}: the field {name!r} should be {expected}")


def _dataset(path: Path, group: h5py.Group, name: str) -> h5py.Dataset:
    """A dataset whose bytes lie in this very file."""
    where = f"{group.name}/{name}".lstrip("/")
    link = group.get(name, getlink=True)
    if link is None:
        raise InputError(f"{path}: the field {where!r} is missing")
    _require(isinstance(link, h5py.HardLink), path, where, "in this file, not a link elsewhere")
    dataset = group[name]
    _require(isinstance(dataset, h5py.Dataset), path, where, "a dataset")
    _require(
        not dataset.is_virtual and dataset.external is None, path, where, "stored in this file"
    )
    _check_filters(path, dataset, where)
    return dataset


def _check_filters(path: Path, dataset: h5py.Dataset, where: str) -> None:
    # A filter that HDF5 does not know would be looked for as a plugin and run.
    properties = dataset.id.get_create_plist()
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    _require(filters <= {_DEFLATE}, path, where, "compressed by deflate or not at all")


def _in_full(path: Path, dataset: h5py.Dataset, where: str) -> None:
    """A small field is stored uncompressed, so it cannot claim more than the file holds."""
    claimed = dataset.size * dataset.dtype.itemsize if dataset.size else 0
    holds = dataset.chunks is None and claimed <= dataset.id.get_storage_size()
    _require(holds, path, where, f"stored in full, uncompressed ({claimed} bytes)")


def _read_numbers(path: Path, file: h5py.File, name: str) -> NDArray[Any]:
    dtype, tail = _NUMBERS[name]
    dataset = _dataset(path, file, name)
    expected = ("n", *("d" if side is None else side for side in tail))
    shaped = dataset.dtype == dtype and len(dataset.shape or ()) == len(expected)
    _require(
        shaped, path, name, f"{np.dtype(dtype)} {expected}, not {dataset.dtype} {dataset.shape}"
    )
    sides = zip(dataset.shape[1:], tail, strict=True)
    fits = all(0 < side <= _MOST_DIMENSIONS and want in (side, None) for side, want in sides)
    _require(fits and len(dataset) <= _MOST_ROWS, path, name, f"{expected}, not {dataset.shape}")
    _in_full(path, dataset, name)
    count = _count(path, file)
    _require(len(dataset) == count, path, name, f"as long as 'embedding', {count}")
    values = dataset[...]
    _require(bool(np.isfinite(values).all()), path, name, "finite: it holds NaN or infinity")
    return values


def _count(path: Path, file: h5py.File) -> int:
    shape = _dataset(path, file, "embedding").shape
    return shape[0] if shape else 0


def _read_column(path: Path, group: h5py.Group, name: str, count: int) -> NDArray[Any]:
    dataset = _dataset(path, group, name)
    where = dataset.name.lstrip("/")
    _require(dataset.shape == (count,), path, where, f"of shape ({count},), not {dataset.shape}")
    _in_full(path, dataset, where)
    if dataset.dtype.kind in "biuf":
        return dataset[...]
    text = h5py.check_string_dtype(dataset.dtype)
    _require(text is not None, path, where, f"numbers or text, not {dataset.dtype}")
    return _read_texts(path, dataset, where)


def _read_names(path: Path, file: h5py.File, name: str, count: int) -> NDArray[np.str_]:
    values = _read_column(path, file, name, count)
    _require(values.dtype.kind == "U", path, name, "text")
    return values


def _read_texts(path: Path, dataset: h5py.Dataset, where: str) -> NDArray[np.str_]:
    parts: list[str] = []
    for start in range(0, len(dataset), _TEXTS_AT_ONCE):
        part = dataset.asstr(errors="surrogateescape")[start : start + _TEXTS_AT_ONCE]
        short = all(len(text) <= _LONGEST_TEXT for text in part)
        _require(short, path, where, f"texts of at most {_LONGEST_TEXT} characters")
        parts += part.tolist()
    _require(all(text.isascii() or _is_utf8(text) for text in parts), path, where, "UTF-8")
    return np.array(parts, dtype=str) if parts else np.empty(0, "<U1")


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _read_attributes(path: Path, file: h5py.File, count: int) -> dict[str, NDArray[Any]]:
    if "attribute" not in file:
        return {}
    group = _group(path, file, "attribute")
    return {name: _read_column(path, group, name, count) for name in group}


def _read_table(path: Path, file: h5py.File, name: str, columns: dict[str, str]) -> pd.DataFrame:
    group = _group(path, file, name)
    first = _dataset(path, group, next(iter(columns)))
    count = first.shape[0] if first.shape else 0
    there = [column for column in columns if column in group or column not in _ADDED]
    values = {column: _read_column(path, group, column, count) for column in there}
    values |= {column: np.zeros(count) for column in columns if column not in there}
    for column, dtype in columns.items():
        fits = (values[column].dtype.kind == "U") == (dtype == "str")
        _require(fits, path, f"{name}/{column}", "text" if dtype == "str" else "numbers")
    return pd.DataFrame(values).astype({c: d for c, d in columns.items() if d != "str"})


def _group(path: Path, file: h5py.File, name: str) -> h5py.Group:
    link = file.get(name, getlink=True)
    _require(isinstance(link, h5py.HardLink), path, name, "a group in this file")
    dataset = file[name]
    _require(isinstance(dataset, h5py.Group), path, name, "a group of columns")
    _require(len(dataset) <= _MOST_COLUMNS, path, name, f"at most {_MOST_COLUMNS} columns")
    return dataset


def _check_chips(path: Path, file: h5py.File, count: int, size: int) -> None:
    dataset = _dataset(path, file, "chip")
    _require(0 < size <= _LARGEST_CHIP, path, "chip_size", f"1 to {_LARGEST_CHIP}, not {size}")
    shape = (count, size, size, 3)
    typed = dataset.dtype == np.uint8 and dataset.shape == shape
    _require(typed, path, "chip", f"uint8 {shape}, not {dataset.dtype} {dataset.shape}")
    _require(dataset.chunks == (1, size, size, 3), path, "chip", "chunked by face")
    _require(dataset.id.get_num_chunks() == count, path, "chip", f"{count} chips stored")
    held = dataset.id.get_storage_size()
    _require(held <= path.stat().st_size, path, "chip", "within the file")

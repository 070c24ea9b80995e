"""Embeddings read in pieces, from files larger than memory. No trust in any of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from anonbase.errors import InputError
from anonbase.identity_names import fold_name
from anonbase.untrusted.stand_ins import stand_in
from anonfaces.cluster.parquet import embedding_columns, matrix, width

__all__ = ["Rows", "open_rows"]

_PIECE = 1 << 17  # rows
_MOST_IN_A_PIECE = 1 << 20
_MOST_DIMENSIONS = 16_384
_MOST_BYTES_A_CHUNK = 1 << 28  # of storage; one is unpacked at a time
_LARGEST = 1e15  # squares, and sums of some, stay finite in float32
_IDENTITY = ("identity", "person")
_ZARR_CODECS = {  # of these none runs code that comes with the data, as ``pickle`` does
    *("blosc", "bytes", "crc32c", "gzip", "lz4", "sharding_indexed", "shuffle", "transpose"),
    *("vlen-utf8", "zlib", "zstd"),
}
_KINDS = ".npy, .h5, .parquet (or a folder of them) or .zarr"


class Rows(Protocol):
    """A table of embeddings in a file.

    Attributes:
        dimensions: d.
        pieces: first and last row (exclusive) of each piece that is read at once.
        named: whether the file says who the rows are.
    """

    dimensions: int
    pieces: list[tuple[int, int]]
    named: bool

    def read(self, piece: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Embeddings float32 (m, d) and str (m,) identities (None where it has none)."""
        ...


def open_rows(path: Path | str, identity_column: str | None = None) -> Rows:
    """Open a file of embeddings to be read in pieces.

    ``.npy`` holds one 2-D array; ``.h5`` and ``.zarr`` an array ``embedding`` and maybe
    ``identity``; ``.parquet`` one numeric column a dimension, or one column ``embedding`` of lists
    of equal length, and maybe ``identity`` or ``person``. A folder of ``.parquet`` files counts as
    one table, in the order of their names. Nothing that would run code is read.

    Args:
        path: the file or folder.
        identity_column: the column or array that names the person, if not one of those.

    Raises:
        InputError: it cannot be read, or is no table of numbers; the message names it.
    """
    file = Path(path)
    if not file.exists():
        raise InputError(f"{file}: no such file")
    try:
        return _opener(file)(file, identity_column)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, EOFError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error


def _opener(file: Path) -> Any:
    if file.is_dir() and file.suffix != ".zarr" and any(file.glob("*.parquet")):
        return _Parquet
    kinds = {".npy": _Npy, ".h5": _Hdf5, ".parquet": _Parquet, ".zarr": _Zarr}
    if file.suffix.lower() not in kinds:
        raise InputError(f"{file}: embeddings that are read in pieces come as {_KINDS}")
    return kinds[file.suffix.lower()]


class _Arrays:
    """Rows of an array that can be sliced, and maybe of one with the names beside it."""

    def __init__(self, file: Path, embedding: Any, identity: Any = None) -> None:
        shape = tuple(embedding.shape)
        if len(shape) != 2 or 0 in shape or shape[1] > _MOST_DIMENSIONS:
            raise InputError(f"{file}: a table of faces x dimensions is needed, not {shape}")
        if embedding.dtype.kind not in "fiub":
            raise InputError(f"{file}: numbers are needed, not {embedding.dtype}")
        if identity is not None and tuple(identity.shape) != shape[:1]:
            raise InputError(f"{file}: {shape[0]} identities are needed, not {identity.shape}")
        self.file, self.dimensions, self.named = file, shape[1], identity is not None
        self.pieces = [(i, min(i + _PIECE, shape[0])) for i in range(0, shape[0], _PIECE)]
        self._embedding, self._identity = embedding, identity

    def read(self, piece: int) -> tuple[np.ndarray, np.ndarray | None]:
        first, last = self.pieces[piece]
        try:
            table = np.asarray(self._embedding[first:last])
            names = None if self._identity is None else _texts(self._identity[first:last])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise InputError(f"{self.file}: rows {first} to {last}: {error}") from error
        return _checked(table, self.file, first), names


class _Npy(_Arrays):
    def __init__(self, file: Path, column: str | None) -> None:
        if column is not None:
            raise InputError(f"{file}: has no columns, so none called {column!r}")
        super().__init__(file, np.load(file, mmap_mode="r", allow_pickle=False))


class _Hdf5(_Arrays):
    def __init__(self, file: Path, column: str | None) -> None:
        import h5py

        if kind := stand_in(file, archives=False):
            raise InputError(f"{file}: {kind}")
        opened = h5py.File(file, "r")
        if "embedding" not in opened:
            raise InputError(f"{file}: needs a dataset embedding; it has {list(opened)[:20]}")
        name = _identity_of(file, list(opened), column)
        stored = [_plain_dataset(file, opened, one) for one in ("embedding", name) if one]
        super().__init__(file, stored[0], stored[1].asstr() if name else None)


def _plain_dataset(file: Path, opened: Any, name: str) -> Any:
    """A dataset whose bytes lie in this very file, under no filter but HDF5's own deflate."""
    import h5py

    array = opened[name]
    linked = not isinstance(opened.get(name, getlink=True), h5py.HardLink)
    if linked or not isinstance(array, h5py.Dataset) or array.is_virtual or array.external:
        raise InputError(f"{file}: {name} is not a dataset stored in this file")
    properties = array.id.get_create_plist()
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if filters - {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE}:
        raise InputError(f"{file}: {name} is packed by something else than deflate")
    held = array.dtype.itemsize * int(np.prod(array.chunks or (1,)))
    if held > _MOST_BYTES_A_CHUNK:
        raise InputError(f"{file}: {name} is stored in chunks of {held} bytes")
    return array


class _Zarr(_Arrays):
    def __init__(self, file: Path, column: str | None) -> None:
        try:
            import zarr
        except ImportError as error:
            raise InputError(f"{file}: needs zarr: pip install -e '.[distributed]'") from error
        for described in sorted({*file.rglob("zarr.json"), *file.rglob(".zarray")}):
            _check_codecs(file, json.loads(described.read_text(encoding="utf-8")))
        opened: Any = zarr.open(str(file), mode="r")
        if not hasattr(opened, "keys"):
            return super().__init__(file, opened)
        arrays = sorted(opened.keys())
        if "embedding" not in arrays:
            raise InputError(f"{file}: needs an array embedding; it has {arrays[:20]}")
        name = _identity_of(file, arrays, column)
        super().__init__(file, opened["embedding"], opened[name] if name else None)


def _check_codecs(file: Path, described: Any) -> None:
    """Refuse what is not known to be inert; codecs stand in lists, at any depth."""
    if isinstance(described, list):
        for one in described:
            _check_codecs(file, one)
        return
    if not isinstance(described, dict):
        return
    for field in ("codecs", "index_codecs", "filters", "compressor"):
        for codec in np.atleast_1d(np.array(described.get(field) or [], dtype=object)):
            name = codec.get("name", codec.get("id")) if isinstance(codec, dict) else codec
            if name not in _ZARR_CODECS:
                raise InputError(f"{file}: packed by {name!r}; known are {sorted(_ZARR_CODECS)}")
    for value in described.values():
        _check_codecs(file, value)


def _identity_of(file: Path, names: list[str], column: str | None) -> str | None:
    if column is not None and column not in names:
        raise InputError(f"{file}: no column {column!r}; it has {', '.join(names[:20])}")
    return column or next((name for name in _IDENTITY if name in names), None)


class _Parquet:
    """Row groups of one file or of several; each is a piece."""

    def __init__(self, file: Path, column: str | None) -> None:
        from pyarrow.parquet import ParquetFile

        files = sorted(file.glob("*.parquet")) if file.is_dir() else [file]
        schema, at = ParquetFile(files[0]).schema_arrow, 0
        self._identity = _identity_of(file, schema.names, column)
        self._numbers = embedding_columns(file, schema, [self._identity])
        self.file, self.named = file, self._identity is not None
        self.pieces: list[tuple[int, int]] = []
        self._places: list[tuple[Path, int]] = []
        for one in files:
            opened = ParquetFile(one)
            if not opened.schema_arrow.equals(schema):
                raise InputError(f"{one}: other columns than {files[0].name} has")
            for group in range(opened.metadata.num_row_groups):
                rows = opened.metadata.row_group(group).num_rows
                if rows > _MOST_IN_A_PIECE:
                    raise InputError(f"{one}: a row group of {rows} rows; write smaller ones")
                if rows:
                    self.pieces.append((at, at + rows))
                    self._places.append((one, group))
                    at += rows
        if not self.pieces:
            raise InputError(f"{file}: holds no rows")
        self.dimensions = width(files[0], schema, self._numbers)

    def read(self, piece: int) -> tuple[np.ndarray, np.ndarray | None]:
        from pyarrow.parquet import ParquetFile

        file, group = self._places[piece]
        named = [self._identity] if self._identity else []
        try:
            table = ParquetFile(file).read_row_group(group, columns=[*self._numbers, *named])
            values = matrix(table, self._numbers, np.float32)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}: row group {group}: {error}") from error
        names = None if not named else _texts(table[named[0]].to_numpy())
        return _checked(values, file, self.pieces[piece][0]), names


def _checked(table: np.ndarray, file: Path, first: int) -> np.ndarray:
    table = np.ascontiguousarray(table, dtype=np.float32)
    bad = np.flatnonzero(~(np.abs(table) < _LARGEST).all(axis=1))
    if len(bad):
        raise InputError(
            f"{file}: NaN, infinity or numbers beyond {_LARGEST:g} in row {first + bad[0]}"
        )
    return table


def _texts(names: Any) -> np.ndarray:
    """Names as str, each in one spelling (`fold_name`); '' for what is missing."""
    import pandas as pd

    column = pd.Series(np.asarray(names, dtype=object))
    texts = column.where(column.notna(), "").astype(str)
    return texts.map({text: fold_name(text) for text in texts.unique()}).to_numpy(dtype=object)

"""Embeddings read in pieces, and the files that are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonbase.errors import InputError
from anonfaces.cluster.scale.rows import open_rows

TABLE = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
WHO = [f" person {i // 2} " if i else None for i in range(50)]
FRAME = pd.DataFrame(TABLE, columns=["x", "y", "z"])


def to_hdf5(path: Path, **options: Any) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("embedding", data=TABLE, **options)
        file.create_dataset("identity", data=[who or "" for who in WHO])


def to_zarr(path: Path) -> None:
    import zarr

    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    group.create_array("embedding", data=TABLE, chunks=(16, 3))
    group.create_array("identity", data=np.array([who or "" for who in WHO]))


def lists(path: Path) -> None:
    table = {"embedding": pa.FixedSizeListArray.from_arrays(TABLE.ravel(), 3), "identity": WHO}
    pq.write_table(pa.table(table), path, row_group_size=7)


def ragged(path: Path) -> None:
    pq.write_table(pa.table({"embedding": [[1.0, 2.0, 3.0], [3.0]]}), path)


def parts(path: Path) -> None:
    path.mkdir()
    named = FRAME.assign(identity=WHO)
    named[:20].to_parquet(path / "a.parquet", index=False)
    named[20:].to_parquet(path / "b.parquet", index=False, row_group_size=11)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.npy": lambda path: np.save(path, TABLE),
    "a.h5": to_hdf5,
    "packed.h5": lambda path: to_hdf5(path, compression="gzip", shuffle=True),
    "a.zarr": to_zarr,
    "a.parquet": lambda path: FRAME.assign(person=WHO).to_parquet(path, row_group_size=20),
    "lists.parquet": lists,
    "variable.parquet": lambda path: pq.write_table(
        pa.table({"embedding": TABLE.tolist(), "person": WHO}), path, row_group_size=9
    ),
    "parts": parts,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_is_read_in_pieces(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    rows = open_rows(tmp_path / name)
    read = [rows.read(piece) for piece in range(len(rows.pieces))]
    assert rows.dimensions == 3
    assert [last - first for first, last in rows.pieces] == [len(table) for table, _ in read]
    np.testing.assert_array_equal(np.concatenate([table for table, _ in read]), TABLE)
    assert rows.named == (name != "a.npy")
    if rows.named:
        found = [who for _, names in read if names is not None for who in names]
        assert found == ["" if who is None else who.strip() for who in WHO]


def zarr_with_code(path: Path) -> None:
    to_zarr(path)
    described = json.loads((path / "embedding" / ".zarray").read_text())
    described["filters"] = [{"id": "pickle"}]
    (path / "embedding" / ".zarray").write_text(json.dumps(described))


def linked(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["embedding"] = h5py.ExternalLink("/etc/passwd", "x")


def other_columns(path: Path) -> None:
    parts(path)
    FRAME.to_parquet(path / "c.parquet", index=False)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "objects.npy": (lambda path: np.save(path, np.array([{}], dtype=object)), "cannot be read"),
    "flat.npy": (lambda path: np.save(path, TABLE.ravel()), "a table of faces"),
    "words.npy": (lambda path: np.save(path, np.array([["a"]])), "numbers are needed"),
    "text.h5": (lambda path: path.write_text("hello"), "cannot be read"),
    "linked.h5": (linked, "linked"),
    "lzf.h5": (lambda path: to_hdf5(path, compression="lzf"), "something else than deflate"),
    "none.h5": (lambda path: h5py.File(path, "w").close(), "needs a dataset embedding"),
    "code.zarr": (zarr_with_code, "packed by 'pickle'"),
    "empty.zarr": (lambda path: path.mkdir(), "cannot be read"),
    "text.parquet": (lambda path: path.write_text("hello"), "cannot be read"),
    "words.parquet": (lambda path: FRAME.assign(w="a").to_parquet(path), "not numbers: w"),
    "nobody.parquet": (lambda path: FRAME[:0].to_parquet(path), "holds no rows"),
    "nan.parquet": (lambda path: (FRAME * np.nan).to_parquet(path), "NaN, infinity"),
    "ragged.parquet": (ragged, "of different lengths"),
    "scalar.parquet": (
        lambda path: FRAME[["x"]].rename(columns={"x": "embedding"}).to_parquet(path, index=False),
        "not lists of numbers",
    ),
    "columns": (other_columns, "other columns than a.parquet"),
    "a.csv": (lambda path: FRAME.to_csv(path), "that are read in pieces come as"),
    "absent.npy": (lambda path: None, "no such file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    make, message = HOSTILE[name]
    make(tmp_path / name)
    with pytest.raises(InputError, match=message) as caught:
        open_rows(tmp_path / name).read(0)
    assert name in str(caught.value)


def test_rows_that_are_no_numbers_are_named_when_they_are_read(tmp_path: Path) -> None:
    table = TABLE.copy()
    table[31, 1] = np.inf
    np.save(tmp_path / "a.npy", table)
    with pytest.raises(InputError, match="in row 31"):
        open_rows(tmp_path / "a.npy").read(0)


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet", index=False)
    with pytest.raises(InputError, match="no column 'who'; it has x, y, z"):
        open_rows(tmp_path / "a.parquet", "who")

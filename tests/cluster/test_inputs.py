"""Embeddings from files, and the files that are refused."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anonbase.errors import InputError, MixedExtractorsError, UtilityWarning
from anonfaces.cluster import Vectors, read_input
from anonfaces.cluster.inputs import non_embedding_columns, warn_of_dominant

TABLE = np.arange(12, dtype=np.float32).reshape(4, 3)
FRAME = pd.DataFrame(TABLE, columns=["x", "y", "z"])


def named() -> pd.DataFrame:
    return FRAME.assign(identity=["001", "1", None, "d"], image=["01", "2.png", "3", "4"])


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.npy": lambda path: np.save(path, TABLE),
    "a.npz": lambda path: np.savez(path, embedding=TABLE),
    "alone.npz": lambda path: np.savez_compressed(path, whatever=TABLE),
    "a.csv": lambda path: FRAME.to_csv(path, index=False),
    "a.parquet": lambda path: FRAME.to_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_of_file_holds_the_same_table(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    vectors = read_input(tmp_path / name)
    np.testing.assert_array_equal(vectors.embedding, TABLE)
    assert vectors.identity is None
    assert vectors.embedding.dtype == np.float64


def test_names_in_a_csv_keep_their_zeros(tmp_path: Path) -> None:
    named().to_csv(tmp_path / "a.csv", index=False)
    vectors = read_input(tmp_path / "a.csv")
    assert vectors.identity is not None
    assert vectors.identity.tolist() == ["001", "1", "", "d"]
    assert vectors.image is not None
    assert vectors.image.tolist() == ["01", "2.png", "3", "4"]


def test_names_in_parquet_and_npz(tmp_path: Path) -> None:
    named().to_parquet(tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", embedding=TABLE, identity=["001", "1", "", "d"])
    for name in ("a.parquet", "a.npz"):
        found = read_input(tmp_path / name).identity
        assert found is not None
        assert found.tolist() == ["001", "1", "", "d"]


def test_a_column_can_be_named(tmp_path: Path) -> None:
    FRAME.assign(who=[1, 1, 2, 2]).to_csv(tmp_path / "a.csv", index=False)
    found = read_input(tmp_path / "a.csv", identity_column="who").identity
    assert found is not None
    assert found.tolist() == ["1", "1", "2", "2"]
    with pytest.raises(InputError, match=r"no column 'name'; it has x, y, z, who"):
        read_input(tmp_path / "a.csv", identity_column="name")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_can_be_left_out_whatever_they_hold(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    frame = FRAME.assign(age=[1, 2, 3, 4], colour=list("abcd"), person=list("abcd"))
    getattr(frame, f"to_{suffix}")(path, index=False)
    with pytest.raises(InputError, match=r"not numbers: colour.*--leave-out colour"):
        read_input(path)
    found = read_input(path, leave_out=["age", "colour", "person"])
    np.testing.assert_array_equal(found.embedding, TABLE)
    assert (found.identity, found.columns) == (None, ("x", "y", "z"))
    with pytest.raises(InputError, match="no column 'shoe'; it has x, y, z, age"):
        read_input(path, leave_out=["shoe"])
    kept = read_input(path, attribute_columns=["age"], leave_out=["age", "colour"])
    assert kept.attribute["age"].tolist() == [1, 2, 3, 4]


def test_what_is_no_table_has_no_columns_to_leave_out(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", TABLE)
    with pytest.raises(InputError, match="left out of tables"):
        read_input(tmp_path / "a.npy", leave_out=["x"])


@pytest.mark.parametrize(
    ("names", "odd"),
    [
        (("0", "1", "2", "age"), ("age",)),
        (("age", "e0", "e1", "pose_0", "e2", "pose_1"), ("age", "pose_0", "pose_1")),
        (("dim_001", "dim_002"), ()),
        (("x", "y", "e1"), ("x", "y", "e1")),
        (("x", "y"), ("x", "y")),
    ],
)
def test_columns_outside_the_longest_numbered_series_are_odd(
    names: tuple[str, ...], odd: tuple[str, ...]
) -> None:
    assert non_embedding_columns(names) == odd


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("embedding.npy", b"\0" * (8 << 20))


def lying_header(path: Path) -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000, 128), }"
    path.write_bytes(
        b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + f"{header}\n".encode()
    )


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "objects.npy": (lambda path: np.save(path, np.array([{}, []], dtype=object)), "cannot be read"),
    "pickle.npy": (lambda path: path.write_bytes(pickle.dumps(TABLE)), "cannot be read"),
    "pickle.npz": (lambda path: path.write_bytes(pickle.dumps(TABLE)), "cannot be read"),
    "object.npz": (lambda path: np.savez(path, embedding=np.array([{}])), "cannot be read"),
    "text.npy": (lambda path: path.write_text("hello"), "cannot be read"),
    "empty.npy": (lambda path: path.write_bytes(b""), "cannot be read"),
    "cut.npy": (
        lambda path: np.save(path, TABLE) or path.write_bytes(path.read_bytes()[:-9]),
        "read",
    ),
    "lying.npy": (lying_header, "cannot be read"),
    "bomb.npz": (bomb, "unpacks to"),
    "two.npz": (lambda path: np.savez(path, a=TABLE, b=TABLE), "named embedding"),
    "nan.npy": (lambda path: np.save(path, TABLE * np.nan), "NaN"),
    "flat.npy": (lambda path: np.save(path, TABLE.ravel()), "table"),
    "short.npz": (lambda path: np.savez(path, embedding=TABLE, identity=["a"]), "one name a face"),
    "nan.csv": (lambda path: path.write_text("x,y\n1,2\n3,\n"), "first in row 1"),
    "words.csv": (lambda path: path.write_text("x,colour\n1,red\n"), "not numbers: colour"),
    "empty.csv": (lambda path: path.write_text(""), "cannot be read"),
    "bytes.csv": (lambda path: path.write_bytes(b"x,y\n\xff\xfe,1\n"), "cannot be read"),
    "text.parquet": (lambda path: path.write_text("hello"), "cannot be read"),
    "text.h5": (lambda path: path.write_text("hello"), r"text\.h5"),
    "a.txt": (lambda path: path.write_text("1 2"), "embeddings come as"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    make, told = HOSTILE[name]
    make(tmp_path / name)
    with pytest.raises(InputError, match=told) as caught:
        read_input(tmp_path / name)
    assert name in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_input(tmp_path / "a.npy")


def test_vectors_of_two_extractors_are_not_mixed(tmp_path: Path) -> None:
    FRAME.assign(extractor=["dlib", "dlib", "dlib", "facenet"]).to_csv(tmp_path / "a.csv")
    with pytest.raises(MixedExtractorsError, match="dlib, facenet"):
        read_input(tmp_path / "a.csv")
    one = Vectors(TABLE, extractor="dlib")
    for other in (Vectors(TABLE, extractor="pca"), Vectors(TABLE[:, :2], extractor="dlib")):
        with pytest.raises(MixedExtractorsError, match="different extractors"):
            Vectors.join([one, other])
    both = Vectors.join([one, Vectors(TABLE, np.array(list("abcd")), extractor="dlib")])
    assert both.identity is not None
    assert both.identity.tolist() == ["", "", "", "", "a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("scales", "columns", "dominant"),
    [
        ((20_000, 10, 1), ("income", "age", "children"), True),
        ((1, 1, 5), ("a", "b", "c"), True),
        ((1, 1, 4), ("a", "b", "c"), False),
        ((1, 1, 1), ("a", "b", "c"), False),
        ((100, 1), ("a", "b"), False),
        ((100, 1, 1), (), False),
        ((0, 0, 0), ("a", "b", "c"), False),
    ],
)
def test_a_column_that_outweighs_all_others_is_told(
    scales: tuple[float, ...], columns: tuple[str, ...], dominant: bool
) -> None:
    table = np.random.default_rng(0).permuted(np.tile(np.arange(50.0), (len(scales), 1)), axis=1).T
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        warn_of_dominant(table * scales, columns)
    assert [issubclass(one.category, UtilityWarning) for one in heard] == [True] * dominant
    if dominant:
        name = columns[int(np.argmax(scales))]
        assert f"column {name!r} has more than 90 %" in str(heard[0].message)
        assert f"--leave-out {name}" in str(heard[0].message)

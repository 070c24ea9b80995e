"""Tables as statisticians have them: what is taken, and what is refused by its column."""

from __future__ import annotations

import decimal
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from anonbase.errors import InputError, OutputError, PrivacyWarning, UtilityWarning
from anonfaces import KAnonymousClustering
from anonfaces.cluster import group, read_input
from anonfaces.cluster.checks import check_embedding, check_identity
from anonfaces.cluster.frames import doubt_of_name, doubtful_columns
from anonfaces.cluster.masked import check_masked, masked_table, write_masked
from anonfaces.cluster.scale.rows import open_rows

N = 24
RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(N, 3))
COLUMNS: dict[str, Any] = {
    "bool": pd.Series(VALUES[:, 0] > 0),
    "nullable bool": pd.Series(VALUES[:, 0] > 0, dtype="boolean"),
    "nullable whole": pd.Series((VALUES[:, 0] * 100).round(), dtype="Int64"),
    "nullable decimal": pd.Series(VALUES[:, 0], dtype="Float64"),
    "arrow": pd.Series(VALUES[:, 0], dtype="double[pyarrow]"),
    "arrow whole": pd.Series((VALUES[:, 0] * 100).round().astype(int), dtype="int32[pyarrow]"),
    "objects": pd.Series([1, 2.5, True] * 8, dtype=object),
    "decimals": pd.Series([decimal.Decimal("1.5"), decimal.Decimal(2)] * 12, dtype=object),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_of_numbers_of_every_kind_are_taken(kind: str) -> None:
    frame = pd.DataFrame({"a": VALUES[:, 1], kind: COLUMNS[kind]})
    table = check_embedding(frame)
    assert table.dtype == np.float64
    assert table[:, 1].tolist() == [float(value) for value in COLUMNS[kind]]
    model = KAnonymousClustering(4, effort="fast").fit(frame, identity=np.arange(N))
    assert model.feature_names_in_.tolist() == ["a", kind]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["red", "blue"] * 12, r"not numbers: colour"),
        (["1", "2"] * 12, r"not numbers: colour"),
        (pd.Categorical(["1", "2"] * 12), r"not numbers: colour"),
        (pd.date_range("2020", periods=N), r"not numbers: colour"),
        ([1.0, np.nan] * 12, r"missing values .* \(colour\) and 12 rows, first in row 1"),
        (pd.Series([1, None] * 12, dtype="Int64"), r"missing values .* \(colour\)"),
        ([np.inf, 1.0] * 12, r"\(colour\) and 12 rows, first in row 0: fill them in first"),
    ],
)
def test_words_and_gaps_are_refused_by_the_name_of_their_column(column: Any, message: str) -> None:
    frame = pd.DataFrame({"a": VALUES[:, 0], "colour": column})
    for refused in (
        lambda: group(frame, 4, np.arange(N)),
        lambda: KAnonymousClustering(4).fit(frame, identity=np.arange(N)),
    ):
        with pytest.raises(InputError, match=message):
            refused()


def test_other_libraries_tables_are_taken() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": VALUES[:, 0], "b": VALUES[:, 1]})
    np.testing.assert_array_equal(check_embedding(table), VALUES[:, :2])
    with pytest.raises(InputError, match="not numbers: b"):
        check_embedding(pa.table({"a": VALUES[:, 0], "b": ["x"] * N}))

    class Streamed:  # what polars and others offer
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return table.__arrow_c_stream__(requested_schema)

    np.testing.assert_array_equal(check_embedding(Streamed()), VALUES[:, :2])
    model = KAnonymousClustering(4, effort="fast").fit(Streamed(), identity=np.arange(N))
    assert model.feature_names_in_.tolist() == ["a", "b"]


def test_objects_in_an_array_are_numbers_or_refused() -> None:
    np.testing.assert_array_equal(check_embedding(VALUES.astype(object)), VALUES)
    with pytest.raises(InputError, match="not numbers: 0"):
        check_embedding(np.array([["a", 1.0], ["b", 2.0]], dtype=object))


def test_two_columns_of_one_name_are_two_columns() -> None:
    twice = pd.DataFrame(VALUES, columns=["a", "a", "b"])
    np.testing.assert_array_equal(check_embedding(twice), VALUES)
    with pytest.raises(InputError, match="faces x dimensions"):
        check_embedding(twice["b"])


def test_a_sparse_matrix_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"sparse.*X\.toarray\(\)"):
        group(scipy.sparse.csr_array(VALUES), 5)


def test_a_dominating_column_is_told_in_python_too() -> None:
    frame = pd.DataFrame(VALUES * [1, 1000, 1], columns=["age", "income", "height"])
    with pytest.warns(UtilityWarning, match="column 'income' has more than 90 %"):
        group(frame, 4, np.arange(N), effort="fast")
    with pytest.warns(UtilityWarning, match="column 'income'"):
        KAnonymousClustering(4, effort="fast").fit(frame, identity=np.arange(N))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UtilityWarning)
        group(frame, 4, np.arange(N), effort="fast", column_weights=[1, 1e-6, 1])


def test_column_weights_are_columns_scaled_by_their_roots() -> None:
    weighted = group(VALUES, 4, np.arange(N), effort="fast", column_weights=[1, 4, 9])
    scaled = group(VALUES * [1, 2, 3], 4, np.arange(N), effort="fast")
    assert weighted.information_loss == pytest.approx(scaled.information_loss)
    own = VALUES[weighted.labels == 0].mean(axis=0)
    np.testing.assert_allclose(weighted.centroids[0], own)
    with pytest.raises(InputError, match="one number a column is needed, 3 of them"):
        group(VALUES, 4, np.arange(N), column_weights=[1, 2])
    with pytest.raises(InputError, match="> 0"):
        group(VALUES, 4, np.arange(N), column_weights=[1, 0, 2])


@pytest.mark.parametrize(
    ("name", "doubted"),
    [
        ("Unnamed: 0", True),
        ("", True),
        ("index", True),
        ("__index_level_0__", True),
        ("label", True),
        ("Labels", True),
        ("id", True),
        ("subject_id", True),
        ("subjectId", True),
        ("person.id", True),
        ("row_number", True),
        ("width", False),
        ("idle", False),
        ("acid", False),
        ("liquid", False),
        ("e0", False),
    ],
)
def test_names_of_columns_that_are_no_dimension(name: str, doubted: bool) -> None:
    assert bool(doubt_of_name(name)) is doubted


def test_numbers_that_only_tell_the_rows_apart() -> None:
    some = RNG.permutation(N)
    frame = pd.DataFrame(
        {
            "running": np.arange(5, 5 + N),
            "downward": np.arange(N, 0, -1),
            "shuffled": some,
            "spread": some * 1000,  # as incomes may be
            "age": some // 2,
            "measured": some + 0.5,
        }
    )
    assert list(doubtful_columns(frame)) == ["running", "downward", "shuffled"]
    assert not doubtful_columns(frame.head(5)[["running"]])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_with_an_id_is_refused_until_it_is_said_what_it_is(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    frame = pd.DataFrame(VALUES, columns=list("abc")).assign(subject_id=np.arange(1000, 1000 + N))
    getattr(frame, f"to_{suffix}")(path, index=False)
    with pytest.raises(InputError, match=r"subject_id.*--leave-out.*--identity column:subject_id"):
        read_input(path)
    assert read_input(path, leave_out=["subject_id"]).columns == ("a", "b", "c")
    assert read_input(path, take=["subject_id"]).columns == ("a", "b", "c", "subject_id")
    named = read_input(path, identity_column="subject_id").identity
    assert named is not None
    assert named[0] == "1000"


def test_the_index_that_pandas_writes_is_refused(tmp_path: Path) -> None:
    pd.DataFrame(VALUES, columns=list("abc")).to_csv(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"'Unnamed: 0' \(an index that pandas wrote\)"):
        read_input(tmp_path / "a.csv")


def test_both_readers_of_parquet_agree_on_what_the_embedding_is(tmp_path: Path) -> None:
    lists = pd.DataFrame({"person": list("abcd"), "embedding": list(VALUES[:4].astype("float32"))})
    lists.to_parquet(tmp_path / "lists.parquet")
    flags = pd.DataFrame({"a": VALUES[:, 0].astype("float32"), "flag": VALUES[:, 1] > 0})
    flags.to_parquet(tmp_path / "flags.parquet")
    for name in ("lists.parquet", "flags.parquet"):
        whole, pieces = read_input(tmp_path / name), open_rows(tmp_path / name)
        np.testing.assert_array_equal(whole.embedding, pieces.read(0)[0])
        assert (whole.identity is not None) == pieces.named
    labelled = pd.DataFrame({"a": VALUES[:, 0], "label": np.arange(N) % 3})
    labelled.to_parquet(tmp_path / "label.parquet")
    for reader in (read_input, open_rows):
        with pytest.raises(InputError, match=r"'label' \(a label\)"):
            reader(tmp_path / "label.parquet")


def test_missing_names_of_every_kind_are_unknown() -> None:
    given = pd.Series(["a", pd.NA, "b"], dtype="string")
    assert check_identity(given, 3).tolist() == ["a", "", "b"]
    assert check_identity([None, np.nan, pd.NaT], 3).tolist() == ["", "", ""]


def test_one_name_in_two_spellings_is_one_person() -> None:
    decomposed = unicodedata.normalize("NFD", "José")
    names = ["José", decomposed, "Ann\u00a0Lee", "Ann  Lee", " Ann Lee", "b"]
    groups = group(RNG.normal(size=(6, 2)), 3, identity=names, effort="fast")
    assert len(set(groups.identity)) == 3
    assert groups.n_groups == 1


def test_names_that_may_be_one_persons_are_listed() -> None:
    names = ["Zoë", "Zoe", "ann lee", "Ann-Lee", "b", "c"]
    with pytest.warns(PrivacyWarning, match="'Ann-Lee' and 'ann lee'; 'Zoe' and 'Zoë'"):
        group(RNG.normal(size=(6, 2)), 3, identity=names, effort="fast")


def test_three_spellings_are_no_diversity() -> None:
    age = ["Old", "OLD ", "old", "young", "Old", "old"] * 4
    with pytest.warns(PrivacyWarning, match="column 'age': values that differ by case"):
        groups = group(
            VALUES, 6, np.arange(N), effort="fast", l_diversity={"age": 2}, attributes={"age": age}
        )
    assert [one.reached for one in groups.constraints] == [2]


@pytest.mark.filterwarnings("ignore::anonfaces.errors.PrivacyWarning")
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_masked_table_has_the_means_in_the_tables_own_types(
    tmp_path: Path, suffix: str
) -> None:
    source, out = tmp_path / f"a.{suffix}", tmp_path / f"out.{suffix}"
    frame = pd.DataFrame({"x": VALUES[:, 0], "age": (VALUES[:, 1] * 10).astype(int)})
    frame = frame.assign(flag=VALUES[:, 2] > 0)
    getattr(frame.assign(person=[f"p{i}" for i in range(N)]), f"to_{suffix}")(source, index=False)
    read = read_input(source)
    groups = group(read.embedding, 4, read.identity, effort="fast")
    check_masked(source, out)
    write_masked(source, groups, read.columns, out, order="kept")
    masked = pd.read_csv(out) if suffix == "csv" else pd.read_parquet(out)
    assert masked.dtypes.tolist() == frame.dtypes.tolist()
    assert masked.value_counts().min() >= 4
    np.testing.assert_allclose(masked["x"], groups.centroids[groups.labels, 0])
    np.testing.assert_allclose(masked["age"], groups.centroids[groups.labels, 1], atol=0.5)
    with pytest.raises(OutputError, match="something already"):
        check_masked(source, out)
    with pytest.raises(InputError, match="shuffled or kept"):
        check_masked(source, tmp_path / "b.csv", "sorted")


@pytest.mark.filterwarnings("ignore:the masked table holds")
def test_a_masked_table_is_shuffled_unless_asked_and_says_what_it_gives_away() -> None:
    frame = pd.DataFrame(VALUES, columns=list("abc"))
    groups = group(frame, 4, np.arange(N), effort="fast")
    with pytest.warns(PrivacyWarning, match="all of its people but one"):
        shuffled = masked_table(frame, groups, seed=1)
    with pytest.warns(PrivacyWarning, match="order of the original"):
        kept = masked_table(frame, groups, order="kept")
    assert not shuffled.equals(kept)
    pd.testing.assert_frame_equal(
        shuffled.sort_values(list("abc"), ignore_index=True),
        kept.sort_values(list("abc"), ignore_index=True),
    )
    with pytest.raises(InputError, match="24 rows and 3 columns was grouped"):
        masked_table(frame[["a"]], groups)

"""What may be published of the user's columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anonfaces.dataset.tables import condensed_table, read_csv, spread_of, to_csv

LABELS = np.repeat([0, 1], 6)
PEOPLE = np.array(list("aabcdefghijj"))


def table(k: int = 5, **attribute: object) -> tuple[pd.DataFrame, dict[str, str]]:
    columns = {name: np.asarray(values) for name, values in attribute.items()}
    return condensed_table(LABELS, PEOPLE, columns, k)


def test_sizes_count_people_and_faces() -> None:
    made, withheld = table()
    assert made.to_dict("list") == {
        "group": [0, 1],
        "people": [5, 5],
        "faces": [6, 6],
    }
    assert withheld == {}


def test_a_number_becomes_the_mean_of_people_not_of_faces() -> None:
    made, _ = table(age=[10, 20, 30, 40, 50, 60, 1, 1, 1, 1, 1, 3])
    assert made["age"].tolist() == [pytest.approx((15 + 30 + 40 + 50 + 60) / 5), 1.2]


def test_a_word_becomes_that_of_most_people() -> None:
    made, _ = table(hair=["dark", "dark", *["fair"] * 3, "dark", *["fair"] * 2, *["dark"] * 4])
    assert made["hair"].tolist() == ["fair", "dark"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([*"ABCDEFGHIJKL"], None),  # names: nobody shares one
        ([*["x"] * 6, *["rare"] * 4, "x", "x"], ["x", np.nan]),  # 4 people only
        ([*[""] * 5, "x", *["x"] * 6], [np.nan, "x"]),  # one person's word is not published
        ([*[np.nan] * 5, 7.0, *[1.0] * 6], [np.nan, 1.0]),  # nor one person's number
        ([*[np.inf] * 2, *[1.0] * 4, *[2.0] * 6], [np.nan, 2.0]),  # infinity is no value
        ([None, None, *["x"] * 4, *["x"] * 6], [np.nan, "x"]),
    ],
)
def test_what_fewer_than_k_people_have_is_held_back(
    values: list[object], expected: list[object] | None
) -> None:
    dtype = float if isinstance(values[-1], float) else object
    made, withheld = table(column=np.array(values, dtype=dtype))
    if expected is None:
        assert "column" not in made
        assert "column" in withheld
    else:
        pd.testing.assert_series_equal(
            made["column"], pd.Series(expected, name="column"), check_dtype=False
        )


def test_a_column_called_like_ours_does_not_replace_it() -> None:
    made, _ = table(people=[1.0] * 12)
    assert made["people"].tolist() == [5, 5]
    assert made["attribute people"].tolist() == [1.0, 1.0]


def test_spread_is_the_root_mean_square_distance_from_the_mean() -> None:
    X = np.random.default_rng(0).normal(size=(12, 3))
    by_hand = [
        np.sqrt(((X[g] - X[g].mean(0)) ** 2).sum(1).mean()) for g in (slice(6), slice(6, 12))
    ]
    np.testing.assert_allclose(spread_of(X, LABELS), by_hand)


def test_no_word_is_a_formula_and_all_come_back(tmp_path: Path) -> None:
    words = ["=1+1", "+1", "-1", "@x", "\tx", "'=1", "''@", "'", "'x", "x=1", "NA", "", "a,b\n"]
    made = pd.DataFrame({"image": words, "=name": words, "number": np.linspace(-1, 1, len(words))})
    (tmp_path / "x.csv").write_text(to_csv(made), encoding="utf-8")
    plain = pd.read_csv(tmp_path / "x.csv", dtype=str, keep_default_na=False)
    assert not plain["image"].str.match(r"[=+\-@\t\r]").any()
    assert list(plain) == ["image", "'=name", "number"]
    pd.testing.assert_frame_equal(read_csv(tmp_path / "x.csv", ["image", "=name"]), made)

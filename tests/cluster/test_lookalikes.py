"""Names that may stand for one person are found, counted aloud, and never named aloud."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from anonbase.errors import PrivacyWarning
from anonfaces.cluster.lookalikes import find_lookalikes


def _faces() -> tuple[np.ndarray, np.ndarray]:
    table = np.random.default_rng(0).normal(size=(12, 8))
    return table, np.array([f"person {row // 2}" for row in range(12)])


def test_one_photograph_under_two_names_is_found() -> None:
    table, names = _faces()
    table[7] = table[0]
    with pytest.warns(PrivacyWarning, match="1 pair of names") as heard:
        pairs = find_lookalikes(table, names, 0.0)
    assert pairs.to_dict("list") == {"first": [0], "second": [7], "distance": [0.0]}
    assert "person" not in str(heard[0].message).replace("one person", "")


def test_of_two_names_the_closest_faces_are_told() -> None:
    table, names = _faces()
    table[6], table[7] = table[0] + 0.05, table[1] + 0.01
    with pytest.warns(PrivacyWarning, match="1 pair of names"):
        pairs = find_lookalikes(table, names, 0.3)
    assert pairs[["first", "second"]].to_numpy().tolist() == [[1, 7]]
    assert pairs["distance"][0] == pytest.approx(0.01 * np.sqrt(8))


@pytest.mark.parametrize("names", [["a"] * 12, [""] * 12, ["a", *[""] * 11]])
def test_equal_faces_of_one_person_or_of_nobody_are_no_matter(names: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_lookalikes(np.zeros((12, 4)), np.array(names), 0.3).empty


def test_without_a_distance_only_equal_vectors_count() -> None:
    table, names = _faces()
    table[7] = table[0] + 1e-6
    assert find_lookalikes(table, names, 0.0).empty

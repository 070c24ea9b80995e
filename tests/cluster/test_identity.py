"""Who could be one person counts as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anonbase.errors import GuaranteeError, InputError, PrivacyWarning
from anonfaces.cluster import estimate_identity, group


def line(*places: float) -> np.ndarray:
    return np.array(places)[:, None] * np.ones((1, 4)) / 2


def estimated(table: np.ndarray, known: Any = None) -> list[str]:
    with pytest.warns(PrivacyWarning, match="estimated from their embeddings"):
        return estimate_identity(table, known, threshold=0.5).tolist()


@pytest.mark.parametrize(
    ("places", "known", "expected"),
    [
        ((0, 0.1, 5), None, ["unknown-1", "unknown-1", "unknown-2"]),
        ((0, 0.4, 0.8, 1.2), None, ["unknown-1"] * 4),
        ((0, 0.1, 5), ["a", "", ""], ["a", "a", "unknown-1"]),
        ((0, 0.1, 5), ["a", "b", "a"], ["a", "b", "a"]),
        ((0, 0.1, 5), ["a", "b", ""], ["a", "b", "unknown-1"]),
        ((0, 0.4, 0.8), ["a", "", "b"], ["a", "a", "a"]),
        ((0, 9, 9.1), ["a", "a", ""], ["a", "a", "a"]),
        ((0, 0.1, 9, 9.1), ["a", "", "a", ""], ["a"] * 4),
        ((0, 5), ["unknown-1", ""], ["unknown-1", "unknown-2"]),
        ((0, 5), [None, float("nan")], ["unknown-1", "unknown-2"]),
    ],
)
def test_faces_that_could_be_one_person(places: Any, known: Any, expected: list[str]) -> None:
    assert estimated(line(*places), known) == expected


def test_equal_partition_in_any_order_of_the_rows() -> None:
    table = np.random.default_rng(0).normal(size=(40, 2))
    order = np.random.default_rng(1).permutation(40)
    plain, mixed = np.array(estimated(table))[order], np.array(estimated(table[order]))
    np.testing.assert_array_equal(plain[:, None] == plain, mixed[:, None] == mixed)
    assert 1 < len(set(plain)) < 40


def test_chaining_is_told() -> None:
    table = line(*np.arange(60) * 0.1)
    with pytest.warns(PrivacyWarning) as told:
        estimate_identity(table, threshold=0.5)
    assert any("chained" in str(one.message) for one in told)


def test_too_few_people_are_left_after_the_estimate() -> None:
    with (
        pytest.warns(PrivacyWarning, match="estimated"),
        pytest.raises(GuaranteeError, match="there are 1"),
    ):
        group(line(0, 0.1, 0.2, 0.3), 2, ["", "a", "", ""])


def test_unknown_faces_are_grouped_with_whom_they_could_be() -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(size=(20, 8)) * 3
    table = np.repeat(people, 3, axis=0) + rng.normal(size=(60, 8)) * 0.01
    known = np.repeat(np.arange(20), 3).astype(object)
    known[rng.permutation(60)[:30]] = ""
    with pytest.warns(PrivacyWarning, match="30 of 60 faces"):
        groups = group(table, 4, known, effort="fast")
    groups.verify(np.repeat(np.arange(20), 3).astype(str))


@pytest.mark.parametrize("threshold", [0, -1, float("nan")])
def test_a_threshold_that_is_no_distance_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        estimate_identity(line(0, 1), threshold=threshold)


def test_a_name_that_was_given_and_gave_way_is_told() -> None:
    with pytest.warns(PrivacyWarning, match="; 1 name given counts as one person"):
        estimate_identity(line(0, 0.4, 0.8), ["a", "", "b"])

"""The benchmark's judge: what a surrogate keeps of its group's looks."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.looks import kept

WOMAN, MAN, NOBODY = (30.0, 0.9), (30.0, 0.1), (np.nan, np.nan)
OLD_MAN, GIRL = (70.0, 0.2), (8.0, 0.8)


def _looks(*rows: tuple[float, float]) -> np.ndarray:
    return np.array(rows, np.float32)


@pytest.mark.parametrize(
    ("people", "surrogate", "gender", "age"),
    [
        ([WOMAN, WOMAN, MAN], WOMAN, 1.0, 1.0),
        ([WOMAN, WOMAN, MAN], MAN, 0.0, 1.0),
        ([WOMAN, WOMAN, GIRL], GIRL, 1.0, 0.0),
        ([MAN, OLD_MAN, OLD_MAN], OLD_MAN, 1.0, 1.0),
        ([MAN, MAN, MAN], NOBODY, 0.0, 0.0),
    ],
)
def test_a_surrogate_keeps_what_most_members_have(
    people: list, surrogate: tuple, gender: float, age: float
) -> None:
    names = np.array(["a", "b", "c"])
    found = kept(_looks(*people), _looks(surrogate), np.zeros(3, np.int64), names)
    assert found == (gender, age)


def test_groups_without_a_majority_do_not_count() -> None:
    people = _looks(WOMAN, MAN, MAN, OLD_MAN)
    labels = np.array([0, 0, 1, 1])
    found = kept(people, _looks(WOMAN, WOMAN), labels, np.array(list("abcd")))
    assert found == (0.0, 1.0)  # genders of the second group, ages of the first


def test_a_person_counts_once_however_many_photographs_they_have() -> None:
    people = _looks(WOMAN, WOMAN, WOMAN, MAN, MAN)
    names = np.array(["a", "a", "a", "b", "c"])
    assert kept(people, _looks(MAN), np.zeros(5, np.int64), names)[0] == 1.0


def test_a_person_is_the_mean_of_their_photographs() -> None:
    people = _looks((20, 0.6), (60, 0.6), (40, 0.1))
    names = np.array(["a", "a", "a"])
    assert kept(people, _looks((41, 0.2)), np.zeros(3, np.int64), names) == (1.0, 1.0)

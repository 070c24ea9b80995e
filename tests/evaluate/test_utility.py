"""What is kept: measures on cases whose answers are known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from anonbase.errors import InputError, UtilityWarning
from anonfaces.evaluate import frechet_distance, kernel_distance, precision_recall
from anonfaces.evaluate.utility import _looks_kept, _variety, learned_from

RNG = np.random.default_rng(0)


def test_a_frechet_distance_is_that_of_the_normal_distributions() -> None:
    a = RNG.normal(size=(20_000, 3))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, a + np.array([3, 0, 4])) == pytest.approx(25, rel=1e-6)
    assert frechet_distance(a, 2 * a) == pytest.approx(3, rel=0.05)  # sum of (2 - 1)^2


def test_a_frechet_distance_of_few_vectors_of_many_numbers_is_one() -> None:
    few = np.random.default_rng(0).normal(size=(20, 60)).astype(np.float32)
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-4)
    assert frechet_distance(few, few + np.float32(1)) == pytest.approx(60, rel=1e-5)


def test_a_kernel_distance_has_no_bias_and_is_the_mean_over_pairs() -> None:
    """Sets of ten from one distribution: 0 in the mean, and below it as often as above."""
    own = [kernel_distance(*RNG.normal(size=(2, 10, 4))) for _ in range(400)]
    assert abs(np.mean(own)) < 3 * np.std(own) / 20
    assert 0.3 < np.mean(np.array(own) < 0) < 0.8
    a, b = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3)) + 2

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 3 + 1) ** 3)

    within = [
        np.mean([kernel(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j])
        for s in (a, b)
    ]
    between = np.mean([kernel(x, y) for x in a for y in b])
    assert kernel_distance(a, b) == pytest.approx(sum(within) - 2 * between)


def test_precision_says_what_looks_real_and_recall_what_is_covered() -> None:
    real = np.concatenate([RNG.normal(size=(100, 2)), RNG.normal(size=(100, 2)) + 50])
    half = RNG.normal(size=(80, 2))  # of one of the two clusters
    precision, recall = precision_recall(real, half)
    assert precision > 0.9
    assert 0.4 < recall < 0.55
    precision, recall = precision_recall(real, np.concatenate([real, real - 500]))
    assert (precision, recall) == (0.5, 1.0)


@pytest.mark.parametrize("measure", [kernel_distance, precision_recall])
def test_sets_without_a_common_length_or_with_too_few_are_refused(measure: object) -> None:
    for a, b in ((np.ones((9, 2)), np.ones((9, 3))), (np.ones((1, 2)), np.ones((9, 2)))):
        with pytest.raises(InputError, match="expected two sets of"):
            measure(a, b)  # type: ignore[operator]


def test_a_classifier_learns_from_what_says_something_and_not_from_noise() -> None:
    label = RNG.random(400) < 0.5
    X = RNG.normal(size=(400, 5)) + label[:, None]
    tried, truth = RNG.normal(size=(300, 5)), RNG.random(300) < 0.5
    tried = tried + truth[:, None]
    assert learned_from(X, label, tried, truth) > 0.8
    assert 0.3 < learned_from(RNG.normal(size=(400, 5)), label, tried, truth) < 0.7
    assert learned_from(X, np.ones(400, bool), tried, truth) is None


def looks(*rows: tuple[float, float]) -> np.ndarray:
    return np.array([(age, female, age / 10, -age / 10) for age, female in rows], np.float32)


def test_a_surrogate_keeps_what_its_people_have_and_nothing_without_a_face() -> None:
    before = looks((20, 0.9), (30, 0.8), (20, 0.1), (60, 0.1), (70, 0.2), (80, 0.9))
    after = looks((25, 0.9), (40, 0.9), (80, 0.3))
    people = SimpleNamespace(unit=np.arange(6), labels=np.array([0, 0, 1, 1, 2, 2]))
    found = {name: one["value"] for name, one in _looks_kept(people, before, after).items()}  # type: ignore[arg-type]
    assert found["face_found"] == 1
    # women and women; men and a woman; a tie at 0.55 and a man
    assert found["gender_kept"] == pytest.approx(1 / 3)
    assert found["age_error"] == pytest.approx((0 + 0 + 5) / 3)
    assert found["smile_kept"] > 0.9
    after[1] = np.nan
    fewer = {name: one["value"] for name, one in _looks_kept(people, before, after).items()}  # type: ignore[arg-type]
    assert fewer["face_found"] == pytest.approx(2 / 3)
    assert fewer["gender_kept"] == pytest.approx(1 / 3)


def test_surrogates_that_are_all_alike_have_no_variety_and_few_are_too_few() -> None:
    people = RNG.normal(size=(200, 4)).astype(np.float32)
    alike = np.ones((50, 4), np.float32) + 1e-3 * RNG.normal(size=(50, 4)).astype(np.float32)
    with pytest.warns(UtilityWarning, match="50 surrogates, 2,000 asked"):
        found = _variety(people, alike, "x")
    assert found["diversity"]["value"] < 0.01
    assert "not FID" in found["frechet_distance"]["about"]
    assert found["kernel_distance"]["value"] > 0
    assert found["recall"]["value"] < 0.1
    assert _variety(people, np.full((50, 4), np.nan, np.float32), "x") == {}

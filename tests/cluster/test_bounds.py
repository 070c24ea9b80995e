"""No grouping is under the bound, whatever the weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonfaces.cluster import group
from anonfaces.cluster.set_partition import dual_bound
from tests.cluster.test_group import optimum


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(4, 9),
    k=st.integers(2, 4),
    weighted=st.booleans(),
    effort=st.sampled_from(["fast", "default"]),
)
def test_the_bound_is_under_the_optimum_found_by_trying_everything(
    seed: int, n: int, k: int, weighted: bool, effort: str
) -> None:
    rng = np.random.default_rng(seed)
    points, weights = rng.normal(size=(n, 2)), np.ones(n)
    if weighted:
        weights = rng.integers(1, 9, size=n).astype(float)
    best = optimum(points, weights, k)
    for loss in (best, 3 * best):
        bound = dual_bound.between_bound(points, weights, k, loss, effort)
        assert 0 <= bound <= best * (1 + 1e-9)


def test_pairs_far_apart_are_known_to_be_optimal() -> None:
    table = np.repeat(np.arange(0.0, 100, 5), 2)[:, None] + np.tile([0.0, 1.0], 20)[:, None]
    groups = group(table, 2, np.arange(40), effort="fast")
    assert groups.gap == pytest.approx(0, abs=0.1)
    assert 0 < groups.lower_bound <= groups.information_loss


def test_faces_of_a_person_count_in_the_bound() -> None:
    rng = np.random.default_rng(0)
    identity = np.arange(60) // 3
    table = rng.normal(size=(20, 4))[identity] + 0.1 * rng.normal(size=(60, 4))
    groups = group(table, 3, identity, effort="fast")
    assert 0 < groups.lower_bound <= groups.information_loss
    assert groups.gap == pytest.approx(100 * (1 - groups.lower_bound / groups.information_loss))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_bound_by_rows_is_that_of_the_even_split(
    weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    points, weights = rng.normal(size=(700, 5)), np.ones(700)
    if weighted:
        weights = rng.integers(1, 9, size=700).astype(float)
    monkeypatch.setitem(dual_bound._WORK, "fast", 0.0)
    whole = dual_bound.between_bound(points, weights, 4, 1e9, "fast")
    monkeypatch.setattr(dual_bound, "_DENSE", 10)
    assert dual_bound.between_bound(points, weights, 4, 1e9, "fast") == pytest.approx(
        whole, rel=1e-6
    )
    monkeypatch.setattr(dual_bound, "_PASS", 10)
    assert dual_bound.between_bound(points, weights, 4, 1e9, "fast") == 0


def test_nothing_to_lose_has_no_gap() -> None:
    groups = group(np.ones((20, 3)), 4, np.arange(20), effort="fast")
    assert (groups.lower_bound, groups.gap) == (0, 0)

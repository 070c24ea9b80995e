"""The closed forms against sums of squares computed anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonfaces.cluster.annealing import state
from anonfaces.cluster.annealing.search import Search, heat_units
from anonfaces.cluster.baselines.mdav import mdav
from anonfaces.cluster.kernels import squared_distances
from anonfaces.cluster.neighbours import nearest_others
from anonfaces.cluster.people import between


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(2, 5),
    heat=st.sampled_from([0.0, 0.1, 3.0]),
    weighted=st.booleans(),
    coordinates=st.booleans(),
)
def test_the_loss_that_the_search_keeps_is_the_loss_there_is(
    seed: int, k: int, heat: float, weighted: bool, coordinates: bool
) -> None:
    rng = np.random.default_rng(seed)
    points, weights = rng.normal(size=(70, 3)), np.ones(70)
    if weighted:
        weights = rng.integers(1, 20, size=70).astype(float)
    start = mdav(points, weights, k, rng)
    near = nearest_others(squared_distances(points), 20) if coordinates else None
    search = Search(points, weights, k, rng, start, near=near)
    assert search.loss == pytest.approx(between(points, weights, start))
    search.stage(heat, 0.9, 20_000)
    assert search.loss == pytest.approx(between(points, weights, search.best))
    assert search.loss <= between(points, weights, start) * (1 + 1e-6)  # of a table in float32
    for label in (search.best, search.now):
        people = np.bincount(label)
        assert people.max() <= 2 * k - 1
        assert people[people > 0].min() >= k


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), coordinates=st.booleans())
def test_what_a_change_is_said_to_cost_is_what_it_costs(seed: int, coordinates: bool) -> None:
    rng = np.random.default_rng(seed)
    points, weights = rng.normal(size=(12, 2)), rng.integers(1, 9, size=12).astype(float)
    none, label = np.zeros((0, 0)), np.arange(12) // 4
    d2 = squared_distances(points)
    tables = (d2[:0, :0], points) if coordinates else (d2, none)
    built = state.build(tables, weights, nearest_others(d2, 5), label, 4)
    i, j = 1, 6
    priced = state.removal_delta(built, i) + state.insertion_delta(built, i, 1)
    swapped = state.swap_delta(built, i, j) + state.swap_delta(built, j, i)
    before = between(points, weights, label)
    moved, other = label.copy(), label.copy()
    moved[i] = 1
    other[[i, j]] = 1, 0
    assert priced == pytest.approx(between(points, weights, moved) - before)
    assert swapped == pytest.approx(between(points, weights, other) - before)
    state.move(built, i, 1)
    assert state.total(built) == pytest.approx(between(points, weights, moved))


def test_distances_of_duplicates_are_zero_far_from_the_origin() -> None:
    points = np.repeat(np.array([[1e8, 1.0], [1e8, 2.0]]), 2, axis=0)
    np.testing.assert_array_equal(squared_distances(points)[:2, :2], 0)
    assert squared_distances(points)[0, 2] == 1


@pytest.mark.parametrize("scale", [1e-120, 1.0, 1e90])
@pytest.mark.parametrize("coordinates", [False, True])
def test_numbers_of_any_size_are_searched_alike(scale: float, coordinates: bool) -> None:
    """Their squares would not fit into the float32 of the table."""
    points, weights = np.random.default_rng(0).normal(size=(60, 3)), np.ones(60)
    start = mdav(points, weights, 3, np.random.default_rng(0))
    near = nearest_others(squared_distances(points), 20) if coordinates else None
    rng = np.random.default_rng(1)
    search = Search(points * scale, weights, 3, rng, start, near=near)
    search.stage(0.0, 1.0, 20_000)
    assert between(points, weights, search.best) < 0.99 * between(points, weights, start)


def test_a_few_outliers_do_not_heat_the_search_for_everybody() -> None:
    points = np.random.default_rng(0).normal(size=(300, 4))
    far = points.copy()
    far[:3] *= 1000
    weights, label = np.ones(300), np.arange(300) // 3
    plain, heated = (heat_units(table, weights, label) for table in (points, far))
    assert plain[0] == pytest.approx(plain[1], rel=0.3)
    assert heated[1] < 2 * plain[1]
    assert heated[0] < heated[1] * 1000  # the arithmetic mean is 10,000 times as much

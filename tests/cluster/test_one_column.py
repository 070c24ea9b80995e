"""One column is solved exactly, and nothing is called exact that is not."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonfaces.cluster import METHODS, group
from anonfaces.cluster.one_column import exact_loss, is_exact, one_column, runs
from anonfaces.cluster.people import between


def least_of_all(points: np.ndarray, weights: np.ndarray, k: int) -> float:
    """The least loss over every grouping there is, by trying all."""

    def rest(left: tuple[int, ...]) -> float:
        if not left:
            return 0.0
        best = np.inf
        for size in range(k - 1, min(2 * k - 1, len(left))):
            if 0 < len(left) - size - 1 < k:
                continue
            for others in combinations(left[1:], size):
                rows = np.array([left[0], *others])
                own = between(points[rows], weights[rows], np.zeros(len(rows), int))
                after = tuple(i for i in left[1:] if i not in others)
                best = min(best, own + rest(after))
        return best

    return rest(tuple(range(len(points))))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(-20, 20), min_size=4, max_size=8),
    st.integers(2, 3),
    st.floats(0.1, 10),
)
def test_no_grouping_whatever_loses_less(values: list[int], k: int, weight: float) -> None:
    points, weights = np.array(values, float)[:, None], np.full(len(values), weight)
    label = runs(points[:, 0], weights, k)
    assert np.bincount(label).min() >= k
    assert np.bincount(label).max() <= 2 * k - 1
    assert between(points, weights, label) == pytest.approx(
        least_of_all(points, weights, k), abs=1e-9
    )


def test_weights_that_differ_may_do_better_out_of_order_and_are_not_called_exact() -> None:
    points = np.array([[0.0], [1.0], [2.0], [10.0]])
    weights = np.array([1.0, 0.001, 1.0, 1.0])  # who weighs nothing had better sit with the far one
    in_order = between(points, weights, runs(points[:, 0], weights, 2))
    assert least_of_all(points, weights, 2) < in_order * 0.1
    assert not is_exact(weights)
    assert exact_loss(points, weights, 2) is None


def shortest_path(values: np.ndarray, k: int) -> float:
    """The least loss of runs, by sums of squares before each place."""
    x = np.sort(values - values.mean())
    ones, sums, squares = (np.append(0, np.cumsum(x**power)) for power in range(3))
    least = np.append(0, np.full(len(x), np.inf))
    for end in range(k, len(x) + 1):
        at = np.arange(max(0, end - 2 * k + 1), end - k + 1)
        error = squares[end] - squares[at] - (sums[end] - sums[at]) ** 2 / (ones[end] - ones[at])
        least[end] = (least[at] + error).min()
    return float(least[-1])


def test_the_default_is_the_optimum_of_one_column_and_says_so() -> None:
    values = np.random.default_rng(0).standard_normal(5000)
    groups = group(values[:, None], 3, np.arange(5000), effort="fast")
    least = 100 * shortest_path(values, 3) / (5000 * values.var())
    assert groups.information_loss == pytest.approx(least)
    assert groups.gap == pytest.approx(0, abs=1e-6)
    plain = group(values[:, None], 3, np.arange(5000), method="mdav", effort="fast")
    assert plain.information_loss > groups.information_loss
    assert plain.lower_bound == pytest.approx(groups.information_loss)


def test_a_column_among_constant_ones_is_one_column() -> None:
    table = np.zeros((40, 3))
    table[:, 1] = np.random.default_rng(1).standard_exponential(40)
    np.testing.assert_array_equal(one_column(table, 4), table[:, 1])
    assert group(table, 4, np.arange(40)).gap == pytest.approx(0, abs=1e-6)
    assert one_column(np.eye(3), 2) is None


@pytest.mark.parametrize("method", sorted(METHODS))
def test_no_method_beats_the_default_with_people_of_several_faces(method: str) -> None:
    rng = np.random.default_rng(2)
    identity = rng.integers(60, size=150)
    values = rng.standard_t(3, 150)[:, None] + identity[:, None] / 10
    best = group(values, 4, identity, effort="fast")
    other = group(values, 4, identity, effort="fast", method=method)
    assert best.information_loss <= other.information_loss * (1 + 1e-9)
    assert best.lower_bound <= best.information_loss

"""The best of several groupings' groups."""

from __future__ import annotations

import numpy as np
import pytest

from anonfaces.cluster.baselines.partitioners import at_random
from anonfaces.cluster.methods import METHODS
from anonfaces.cluster.people import means
from anonfaces.cluster.set_partition import recombine as recombine_module
from anonfaces.cluster.set_partition.recombine import members, recombine


def loss(points: np.ndarray, label: np.ndarray) -> float:
    centre, _ = means(points, label, int(label.max()) + 1)
    return float(np.square(points - centre[label]).sum())


def test_the_good_halves_of_two_groupings_are_put_together() -> None:
    points = np.concatenate([np.arange(6.0), 100 + np.arange(6.0)])[:, None]
    good, bad = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 0, 1])
    first, second = np.concatenate([good, bad + 2]), np.concatenate([bad, good + 2])
    found = recombine(points, np.ones(12), [first, second])
    assert [rows.tolist() for rows in members(found)] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
        [9, 10, 11],
    ]


def test_it_is_never_worse_than_the_best_of_them() -> None:
    rng = np.random.default_rng(0)
    points, weights = rng.normal(size=(60, 3)), np.ones(60)
    labels = [at_random(points, weights, 4, rng) for _ in range(5)]
    labels += [METHODS["local_search"](points, weights, 4, one) for one in rng.spawn(5)]
    found = recombine(points, weights, labels)
    assert loss(points, found) <= min(loss(points, label) for label in labels)
    assert np.bincount(found).min() >= 4


def test_of_many_people_the_better_parts_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recombine_module, "TABLE", 10)
    points = np.concatenate([np.arange(6.0), 100 + np.arange(6.0)])[:, None]
    good, bad = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 0, 1])
    first, second = np.concatenate([good, bad + 2]), np.concatenate([bad, good + 2])
    found = recombine(points, np.ones(12), [first, second])
    assert loss(points, found) == pytest.approx(8)
    assert np.bincount(found).tolist() == [3, 3, 3, 3]


def test_one_grouping_is_its_own_best() -> None:
    label = np.array([0, 0, 1, 1])
    assert recombine(np.zeros((4, 1)), np.ones(4), [label]) is label

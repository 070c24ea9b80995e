"""The bound by column generation: under every grouping, and close to the best."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonbase.errors import InputError, UtilityWarning
from anonfaces.cluster import METHODS, group
from anonfaces.cluster.annealing import anneal
from anonfaces.cluster.baselines.partitioners import at_random
from anonfaces.cluster.budget import UNLIMITED, Budget
from anonfaces.cluster.kernels import squared_distances
from anonfaces.cluster.people import between
from anonfaces.cluster.set_partition import column_generation, dual_bound
from anonfaces.cluster.set_partition.candidate_sets import FAR, cheap_sets, losses
from tests.cluster.test_group import optimum


def drawn(seed: int, n: int, weighted: bool, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights; whole coordinates have many ties and duplicates."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 2))
    weights = rng.integers(1, 9, size=n).astype(float) if weighted else np.ones(n)
    return np.round(points) if whole else points, weights


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(4, 9),
    k=st.integers(2, 4),
    weighted=st.booleans(),
    whole=st.booleans(),
)
def test_the_bound_is_under_the_optimum_found_by_trying_everything(
    seed: int, n: int, k: int, weighted: bool, whole: bool
) -> None:
    points, weights = drawn(seed, n, weighted, whole)
    best = optimum(points, weights, k)
    label = at_random(points, weights, k, np.random.default_rng(seed))
    bound = column_generation.certified_bound(points, weights, k, label, UNLIMITED)
    assert 0 <= bound <= best * (1 + 1e-9)
    assert bound >= 0.5 * best


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(5, 10),
    m=st.integers(2, 5),
    weighted=st.booleans(),
    whole=st.booleans(),
)
def test_no_cheap_set_is_missed(seed: int, n: int, m: int, weighted: bool, whole: bool) -> None:
    points, weights = drawn(seed, n, weighted, whole)
    d2, price = squared_distances(points), np.random.default_rng(seed).uniform(-0.2, 1.5, n)
    pair = np.outer(weights, weights) * d2 - np.outer(weights, price) - np.outer(price, weights)
    pair -= np.add.outer(weights * price, weights * price) / (m - 1)
    np.fill_diagonal(pair, FAR)
    found = np.empty((5000, m), np.int64)
    count = cheap_sets(pair, 1e-9, 1e-12, 10**6, found)
    every = np.array(list(combinations(range(n), m)))
    reduced = losses(d2, weights, every) - price[every].sum(axis=1)
    cheap = {tuple(one) for one in every[reduced < 0].tolist()}
    assert cheap <= {tuple(one) for one in np.sort(found[:count], axis=1).tolist()}
    assert (losses(d2, weights, found[:count]) < price[found[:count]].sum(axis=1) + 1e-6).all()


def test_too_many_sets_are_refused_and_not_cut_short() -> None:
    pair = np.full((30, 30), -1.0)
    np.fill_diagonal(pair, FAR)
    assert cheap_sets(pair, 0.0, 0.0, 10**6, np.empty((100, 3), np.int64)) == -1
    assert cheap_sets(pair, 0.0, 0.0, 100, np.empty((10**5, 3), np.int64)) == -1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_it_is_under_every_method_and_over_the_quick_bound(k: int, weighted: bool) -> None:
    points, weights = drawn(k, 60, weighted, whole=False)
    rng = np.random.default_rng(0)
    found = [METHODS[name](points, weights, k, rng, Budget("fast")) for name in METHODS]
    label = min(found, key=lambda one: between(points, weights, one))
    loss = between(points, weights, label)
    bound = column_generation.certified_bound(points, weights, k, label, UNLIMITED)
    quick = float(column_generation.shares(points, weights, k, loss).sum())
    assert quick <= bound <= loss
    assert bound >= 0.93 * loss


def test_clumps_of_one_more_than_k_are_no_excuse() -> None:
    """Four people far from all others cost as one group, not as four thirds of the best threes."""
    rng = np.random.default_rng(0)
    points = np.repeat(100.0 * np.arange(8), 4)[:, None] + rng.normal(size=(32, 2))
    label = np.arange(32) // 4
    bound = column_generation.certified_bound(points, np.ones(32), 3, label, UNLIMITED)
    assert bound == pytest.approx(between(points, np.ones(32), label), rel=1e-3)


def test_faces_of_a_person_and_kept_values_count_in_it() -> None:
    rng = np.random.default_rng(0)
    identity = np.arange(120) // 2
    table = rng.normal(size=(60, 3))[identity] + 0.1 * rng.normal(size=(120, 3))
    options = {"effort": "fast", "same": identity % 2, "seed": 1}
    with pytest.warns(match="groups are kept within"):
        quick, tight = (group(table, 3, identity, certify=c, **options) for c in (None, 60))
    np.testing.assert_array_equal(quick.labels, tight.labels)
    assert quick.lower_bound < tight.lower_bound <= tight.information_loss


def test_a_limit_that_comes_at_once_leaves_the_quick_bound() -> None:
    points, weights = drawn(0, 80, False, whole=False)
    label = METHODS["mdav"](points, weights, 3, np.random.default_rng(0), UNLIMITED)
    loss = between(points, weights, label)
    with pytest.warns(UtilityWarning, match="time was too short"):
        bound = column_generation.certified_bound(
            points, weights, 3, label, Budget(time_limit=1e-9)
        )
    assert float(column_generation.shares(points, weights, 3, loss).sum()) <= bound <= loss


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("_PEOPLE", 50, "80 people are too many for a sharper proof"),
        ("_free_memory", lambda: 1000.0, "needs 0.0 GB of free memory"),
    ],
)
def test_a_proof_that_cannot_be_had_is_not_left_out_in_silence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any, message: str
) -> None:
    monkeypatch.setattr(column_generation, name, value)
    table = np.random.default_rng(0).normal(size=(80, 3))
    with pytest.warns(UtilityWarning, match=message):
        asked = group(table, 3, np.arange(80), effort="fast", certify=60)
    plain = group(table, 3, np.arange(80))
    assert asked.lower_bound == pytest.approx(plain.lower_bound, rel=1e-3)


def test_with_k_of_10_the_time_raises_the_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    points, weights = np.random.default_rng(0).normal(size=(150, 6)), np.ones(150)
    label = METHODS["mdav"](points, weights, 10, np.random.default_rng(0), UNLIMITED)
    loss = between(points, weights, label)
    monkeypatch.setitem(dual_bound._WORK, "default", 1e5)
    monkeypatch.setattr(column_generation, "_FIRST", 1e5)
    quick = dual_bound.between_bound(points, weights, 10, loss)
    proven = column_generation.certified_bound(points, weights, 10, label, Budget(time_limit=1))
    assert quick * 1.02 < proven <= loss


def test_ctrl_c_leaves_what_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    points, weights = drawn(0, 80, False, whole=False)
    label = METHODS["mdav"](points, weights, 3, np.random.default_rng(0), UNLIMITED)
    whole = column_generation.certified_bound(points, weights, 3, label, UNLIMITED)

    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(column_generation.cuts, "violated", pressed)
    assert 0 < column_generation.certified_bound(points, weights, 3, label, UNLIMITED) <= whole


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_seconds_that_are_none_are_refused(seconds: float) -> None:
    with pytest.raises(InputError, match="certify"):
        group(np.eye(6), 3, np.arange(6), certify=seconds)


def test_tarragona_at_k_3_is_certified(shared_data: Path) -> None:
    path = shared_data / "microaggregation" / "tarragona.csv"
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    groups = group(table, 3, np.arange(len(table)), effort="fast", certify=120)
    assert groups.gap <= 3


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_groups_that_it_chooses_are_better_than_where_it_started(
    k: int, weighted: bool
) -> None:
    points, weights = drawn(k, 50, weighted, whole=False)
    label = METHODS["mdav"](points, weights, k, np.random.default_rng(0), UNLIMITED)
    found = column_generation.chosen(points, weights, k, [label], UNLIMITED)
    again = column_generation.chosen(points, weights, k, [label], UNLIMITED)
    np.testing.assert_array_equal(found, again)
    assert between(points, weights, found) < between(points, weights, label)
    assert k <= np.bincount(found).min() <= np.bincount(found).max() < 2 * k
    bound = column_generation.certified_bound(points, weights, k, found, UNLIMITED)
    assert bound <= between(points, weights, found)


def test_pairs_are_chosen_as_well_as_can_be() -> None:
    """What is chosen costs what the bound says: nothing less can be had, at an odd number too."""
    points, weights = drawn(0, 61, False, whole=False)
    label = METHODS["mdav"](points, weights, 2, np.random.default_rng(0), UNLIMITED)
    found = column_generation.chosen(points, weights, 2, [label], UNLIMITED)
    bound = column_generation.certified_bound(points, weights, 2, found, UNLIMITED)
    assert bound == pytest.approx(between(points, weights, found), rel=5e-3)


@pytest.mark.parametrize(("k", "effort"), [(2, "default"), (3, "best")])
def test_the_search_ends_at_groups_that_nearly_nothing_can_better(
    k: int, effort: Literal["default", "best"], monkeypatch: pytest.MonkeyPatch
) -> None:
    points, _ = drawn(1, 45, False, whole=False)
    monkeypatch.setitem(anneal._PLANS, effort, anneal._PLANS[effort]._replace(each=200))
    first, again = (group(points, k, np.arange(45), effort=effort, certify=60) for _ in range(2))
    np.testing.assert_array_equal(first.labels, again.labels)
    assert first.gap < 3

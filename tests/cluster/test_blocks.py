"""Sets that are too large for one table of distances."""

from __future__ import annotations

import numpy as np
import pytest

from anonfaces.cluster import METHODS, group
from anonfaces.cluster.annealing import anneal as anneal_module
from anonfaces.cluster.annealing import blocks
from anonfaces.cluster.annealing.blocks import (
    BLOCK,
    anneal_in_blocks,
    draw_blocks,
    people_in_a_block,
)
from anonfaces.cluster.annealing.search import Search, heat_units
from anonfaces.cluster.baselines.mdav import mdav
from anonfaces.cluster.budget import Budget
from anonfaces.cluster.neighbours import nearest, recall
from anonfaces.cluster.people import between
from benchmarks.faces import face_like
from benchmarks.middle import heavy_tailed, normal


def test_the_index_finds_what_comparing_all_pairs_finds() -> None:
    table = face_like(6000, 32)
    truth = nearest(table, 16, exact=True)
    assert recall(table, truth, 500) > 0.999
    assert recall(table, nearest(table, 16, exact=False), 500) >= 0.95
    assert not (truth == np.arange(6000)[:, None]).any()


def test_duplicates_do_not_hide_the_point_itself_among_its_neighbours() -> None:
    found = nearest(np.repeat(np.eye(4), 30, axis=0), 8)
    assert found.shape == (120, 8)
    np.testing.assert_array_equal(found // 30, np.arange(120)[:, None] // 30 * np.ones((1, 8)))


@pytest.mark.parametrize("tied", [False, True])
def test_blocks_hold_every_person_once_and_no_group_in_two(tied: bool) -> None:
    table = face_like(5000, 16)
    label = np.random.default_rng(0).permutation(np.arange(5000) // 5)
    blocks = draw_blocks(label, nearest(table, 16), np.random.default_rng(1), tied=tied)
    assert np.sort(np.concatenate(blocks)).tolist() == list(range(5000))
    assert sum(len(set(label[rows])) for rows in blocks) == 1000
    assert all(abs(len(rows) - BLOCK) < 9 for rows in blocks[:-1])


@pytest.mark.parametrize("hot", [1.0, 0.0])
def test_blocks_keep_the_promise_and_beat_mdav(monkeypatch: pytest.MonkeyPatch, hot: float) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 700)
    monkeypatch.setitem(blocks._PLAN, "fast", (4, 200_000, 10))
    points, weights = face_like(3000, 16).astype(float), np.full(3000, 2.0)
    plain = between(points, weights, mdav(points, weights, 5, np.random.default_rng(0)))
    found = [
        anneal_in_blocks(points, weights, 5, np.random.default_rng(0), Budget("fast"), hot)
        for _ in range(2)
    ]
    sizes = np.bincount(found[0])
    assert sizes.min() >= 5
    assert sizes.max() <= 9
    assert between(points, weights, found[0]) < plain
    np.testing.assert_array_equal(found[0], found[1])


def test_blocks_never_give_back_worse_than_they_were_given() -> None:
    points, weights = heavy_tailed(1200, 4), np.ones(1200)
    search = Search(points, weights, 3, np.random.default_rng(0), mdav_of(points, 3))
    search.stage(0.0, 1.0, 200_000)
    good = between(points, weights, search.best)
    rng, quick = np.random.default_rng(1), Budget("fast", time_limit=0.2)
    again = anneal_in_blocks(points, weights, 3, rng, quick, start=search.best)
    assert between(points, weights, again) <= good


def mdav_of(points: np.ndarray, k: int) -> np.ndarray:
    return mdav(points, np.ones(len(points)), k, np.random.default_rng(0))


def test_the_heat_of_the_blocks_is_that_of_the_search_for_small_sets() -> None:
    """With the mean error as the unit a few far rows kept everybody molten: 23 times too hot."""
    points = heavy_tailed(1500, 6)
    label, weights = mdav_of(points, 3), np.ones(1500)
    warm, cold = heat_units(points, weights, label)
    mean = between(points, weights, label) / 1500
    assert warm < mean / 3
    assert cold < mean / 10


def test_blocks_have_room_for_several_groups_however_large_k_is() -> None:
    assert people_in_a_block(5) == BLOCK
    assert people_in_a_block(1500) >= 8 * 1500
    label = np.repeat(np.arange(9), 1000)
    graph = nearest(np.random.default_rng(0).normal(size=(9000, 3)), 8)
    for tied in (False, True):
        drawn = draw_blocks(label, graph, np.random.default_rng(0), 3000, tied=tied)
        assert [len(rows) for rows in drawn] == [3000, 3000, 3000]


@pytest.mark.parametrize("k", [40, 150])
def test_with_large_k_the_default_loses_no_more_than_any_method(k: int) -> None:
    table, ones = normal(320), np.ones(320)
    best = group(table, k, np.arange(320), effort="fast")
    assert best.method == "anneal"
    whole = np.square(table - table.mean(axis=0)).sum()
    for method in METHODS.keys() - {"anneal"}:  # without the bound, which takes longer than they
        label = METHODS[method](table, ones, k, np.random.default_rng(0), Budget("fast"))
        assert np.bincount(label).min() >= k, method
        other = 100 * between(table, ones, label) / whole
        assert best.information_loss <= other * (1 + 1e-9), method


def test_a_k_larger_than_a_block_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anneal_module, "WHOLE", 140)
    monkeypatch.setattr(blocks, "BLOCK", 35)
    groups = group(normal(150), 50, np.arange(150), effort="fast")
    groups.verify()
    plain = group(normal(150), 50, np.arange(150), effort="fast", method="kmeans")
    assert groups.information_loss <= plain.information_loss

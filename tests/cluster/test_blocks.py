"""Sets that are too large for one table of distances."""

from __future__ import annotations

import numpy as np
import pytest

from anonfaces.cluster import group
from anonfaces.cluster.annealing.blocks import BLOCK, draw_blocks
from anonfaces.cluster.neighbours import nearest, recall
from benchmarks.faces import face_like


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


@pytest.mark.parametrize("method", ["anneal", "local_search"])
def test_blocks_keep_the_promise_and_beat_mdav(method: str) -> None:
    table, identity = face_like(6000, 16), np.arange(6000) // 2
    plain = group(table, 5, identity, method="mdav")
    groups = group(table, 5, identity, method=method, effort="fast")
    groups.verify()
    assert groups.sizes()["people"].between(5, 9).all()
    assert groups.information_loss < plain.information_loss
    again = group(table, 5, identity, method=method, effort="fast")
    np.testing.assert_array_equal(groups.labels, again.labels)

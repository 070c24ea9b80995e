"""Distances within groups against plain loops, and the figures that are made of them."""

from __future__ import annotations

import numpy as np
import pytest

from anonfaces.evaluate import (
    grouping_table,
    member_distances,
    plot_bars,
    plot_curves,
    plot_dendrogram,
    plot_members,
    within_distances,
)

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(24, 5)), RNG.permutation(np.repeat(np.arange(6), 4))


def test_distances_are_those_of_loops() -> None:
    found = member_distances(X, LABELS)
    means = [X[g == LABELS].mean(axis=0) for g in range(6)]
    by_hand = [np.linalg.norm(x - means[g]) for x, g in zip(X, LABELS, strict=True)]
    np.testing.assert_allclose(found["distance"], by_hand)
    pairs = [
        np.linalg.norm(X[i] - X[j])
        for i in range(24)
        for j in range(i + 1, 24)
        if LABELS[i] == LABELS[j]
    ]
    np.testing.assert_allclose(sorted(within_distances(X, LABELS)), sorted(pairs))


def test_surrogates_without_a_face_have_no_distance() -> None:
    S = RNG.normal(size=(6, 5))
    S[2] = np.nan
    found = member_distances(X, LABELS, S)
    assert found.loc[found["group"] == 2, "distance"].isna().all()
    assert found.loc[found["group"] != 2, "distance"].notna().all()


def test_groups_of_neighbors_are_tighter_than_groups_by_chance() -> None:
    near = np.repeat(np.arange(6), 4)
    clumps = RNG.normal(size=(6, 5))[near] + 0.05 * RNG.normal(size=(24, 5))
    table = grouping_table(clumps, {"near": near, "chance": LABELS})
    assert table.loc["near", "mean"] < table.loc["chance", "mean"]
    assert table.loc["near", "silhouette"] > 0.8 > table.loc["chance", "silhouette"]
    assert (table["least"] <= table["mean"]).all()
    assert (table["mean"] <= table["largest"]).all()
    left, right = plot_bars(table).axes
    assert len(left.patches) == 6
    assert len(right.patches) == 2


@pytest.mark.parametrize("boxes", [True, False])
def test_every_group_is_drawn_beside_the_threshold(boxes: bool) -> None:
    (axes,) = plot_members(member_distances(X, LABELS), 0.6, boxes).axes
    level = [line for line in axes.lines if list(line.get_ydata()) == [0.6, 0.6]]
    assert len(level) == 1
    if not boxes:
        heights = [bar.get_height() for bar in axes.patches]
        assert heights == sorted(heights)
        assert len(heights) == 6


def test_curves_have_a_panel_each_and_the_dendrogram_a_leaf_a_person() -> None:
    import pandas as pd

    table = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 1.0]}, index=[2, 5])
    figure = plot_curves({"one": table, "two": table[["a"]]}, "loss")
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    (axes,) = plot_dendrogram(X, LABELS.astype(str)).axes
    assert sum(len(c.get_paths()) for c in axes.collections) == 5  # joins of six people

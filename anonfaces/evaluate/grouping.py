"""How groups lie in an embedding: member distances, silhouettes, and the ancestor's figures.

The figures are those of M.-H. Le et al., "AnonFACES", WPES 2020, and of its notebooks: curves over
k in panels, member distances of every group at one k with the line at dlib's threshold, bars of the
least, mean and largest distance by method, silhouettes, the dendrogram.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate._arrays import check_embedding
from anonfaces.evaluate.links import DLIB

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = [
    "grouping_table",
    "member_distances",
    "plot_bars",
    "plot_curves",
    "plot_dendrogram",
    "plot_members",
    "within_distances",
]


def member_distances(
    embedding: NDArray[Any], labels: NDArray[Any], surrogate: NDArray[Any] | None = None
) -> pd.DataFrame:
    """Distance of every face to its group's surrogate, or to the group's mean without one.

    Parameters
    ----------
    embedding : float (n, d)
    labels : int (n,)
    surrogate : float (g, d), optional
        Vectors of surrogates, NaN where one shows no face.

    Returns
    -------
    DataFrame
        One row a face: ``group`` and ``distance``.

    Examples
    --------
    >>> import numpy as np
    >>> from anonfaces.evaluate import member_distances
    >>> member_distances(np.array([[0.0], [2.0], [9.0]]), np.array([0, 0, 1]))["distance"].tolist()
    [1.0, 1.0, 0.0]
    """
    import pandas as pd

    X = check_embedding(embedding)
    group = np.asarray(labels, np.int64)
    S = _centers(X, group) if surrogate is None else np.asarray(surrogate, np.float64)
    return pd.DataFrame({"group": group, "distance": np.linalg.norm(X - S[group], axis=1)})


def within_distances(embedding: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    """Distances (pairs,) of all two faces of one group, group after group."""
    from scipy.spatial.distance import pdist

    X = check_embedding(embedding)
    order = np.argsort(labels, kind="stable")
    parts = np.split(X[order], np.flatnonzero(np.diff(np.asarray(labels)[order])) + 1)
    return np.concatenate([pdist(part) for part in parts])


def grouping_table(embedding: NDArray[Any], groupings: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """By name of a grouping: least, mean and largest distance within groups, and the silhouette.

    As the ancestor compared its partitions; ``groupings`` maps names to labels (n,).
    """
    import pandas as pd
    from sklearn.metrics import silhouette_score

    X, rows = check_embedding(embedding), {}
    for name, labels in groupings.items():
        within = within_distances(X, labels)
        ends = {"least": within.min(), "mean": within.mean(), "largest": within.max()}
        rows[name] = ends | {"silhouette": silhouette_score(X, labels)}
    return pd.DataFrame(rows).T


def plot_curves(panels: Mapping[str, pd.DataFrame], ylabel: str) -> Figure:
    """Curves over k, a panel each: a table with k as its index and a column a line."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(4 * len(panels), 3.2), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for place, (title, table) in zip(axes, panels.items(), strict=True):
        for column, mark in zip(table.columns, "osD^v<>P*X" * 3, strict=False):
            place.plot(table.index, table[column], marker=mark, markersize=3, label=str(column))
        place.set(xlabel="k", title=title, ylim=(0, None))
        place.xaxis.set_major_locator(MaxNLocator(integer=True))
        place.spines[["top", "right"]].set_visible(False)
        place.legend(frameon=False, fontsize=8)
    axes[0].set_ylabel(ylabel)
    return figure


def plot_members(distances: pd.DataFrame, threshold: float = DLIB, boxes: bool = True) -> Figure:
    """Member distances of each group as boxes, or their means as bars, with a line at a threshold.

    ``distances`` is what ``member_distances`` gives; below the line the recognizer takes a member
    for the surrogate.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.add_subplot()
    groups = [own["distance"].to_numpy() for _, own in distances.groupby("group")]
    order = np.argsort([own.mean() for own in groups])
    if boxes:
        axes.boxplot([groups[i] for i in order], showfliers=True, flierprops={"markersize": 3})
    else:
        axes.bar(np.arange(1, len(groups) + 1), [groups[i].mean() for i in order], width=0.9)
    axes.axhline(threshold, color="red", linewidth=1)
    axes.set(xlabel="groups, nearest first", ylabel="distance to the surrogate", xticks=[])
    axes.set_ylim(0, None)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_bars(table: pd.DataFrame) -> Figure:
    """What ``grouping_table`` gives: distances and silhouettes by grouping, in two panels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.3 * len(table) + 1.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    at = np.arange(len(table))
    for i, column in enumerate(("least", "mean", "largest")):
        left.barh(at + (i - 1) * 0.27, table[column], height=0.27, label=column)
    left.set(yticks=at, yticklabels=table.index, xlabel="distance within groups")
    left.legend(frameon=False, fontsize=8)
    right.barh(at, table["silhouette"], height=0.6)
    right.axvline(0, color="0.3", linewidth=0.6)
    right.set(xlabel="silhouette")
    left.invert_yaxis()
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_dendrogram(embedding: NDArray[Any], identity: NDArray[Any]) -> Figure:
    """Ward's dendrogram of people, each the mean of their faces; leaves bear no names."""
    from matplotlib.figure import Figure
    from scipy.cluster.hierarchy import dendrogram, linkage

    X = check_embedding(embedding)
    _, person = np.unique(identity, return_inverse=True)
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.add_subplot()
    dendrogram(linkage(_centers(X, person), "ward"), ax=axes, no_labels=True)
    axes.set(xlabel="people", ylabel="Ward's distance")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    return figure


def _centers(X: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    sums = np.stack([np.bincount(labels, column) for column in X.T], axis=1)
    return sums / np.bincount(labels)[:, None]

"""Parts of all people that hang together: cells around centres, and ranges of neighbouring cells.

The centres come from a sample. They are put in an order in which neighbours stand near each
other, so that a region is a range of cells and, in every run, one stretch of records.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from anonfaces.cluster.neighbours import build_index
from anonfaces.cluster.people import means

__all__ = ["Cells", "cell_of", "draw_centres", "region_slices"]

_ITERATIONS, _REFINED = 8, 3  # of k-means in each of two levels, and over both
_LEAF = 16  # centres; the order within does not matter
_SMALLEST = 0.25  # of the wanted size; what is less goes to the region before
_SLACK = 0.25  # how far a cut moves to leave a cell whole


def draw_centres(sample: np.ndarray, count: int, seed: int, axis: int = 0) -> np.ndarray:
    """Centres float32 (c, d) of a sample, c about ``count``, neighbours near each other.

    k-means in two levels, so that a great many centres cost little.

    Args:
        sample: float32 (n, d), some for each centre.
        count: how many are wanted.
        seed: where k-means begins.
        axis: 0 puts them in the order of a tree that halves along the longest axis, 1 along the
            second longest, and so on: regions of another axis have other borders.
    """
    sample = np.ascontiguousarray(sample, dtype=np.float32)
    coarse = _means(sample, max(1, round(np.sqrt(count))), seed)
    nearest = cell_of(sample, coarse)
    centres = [
        _means(sample[nearest == cell], round(count * float(np.mean(nearest == cell))), seed)
        for cell in range(len(coarse))
        if (nearest == cell).any()
    ]
    cells = np.concatenate(centres)
    for _ in range(_REFINED):
        cells = _moved(cells, sample)
    return np.ascontiguousarray(cells[_halved(cells, axis)])


def _moved(centres: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Each centre at the mean of what is nearest to it; those that nothing is near are gone."""
    _, nearest = np.unique(cell_of(sample, centres), return_inverse=True)
    return means(sample, nearest, int(nearest.max()) + 1)[0].astype(np.float32)


def _means(sample: np.ndarray, count: int, seed: int) -> np.ndarray:
    import faiss

    clustering = faiss.Kmeans(
        sample.shape[1], max(1, min(count, len(sample))), niter=_ITERATIONS, seed=seed,
        min_points_per_centroid=1, max_points_per_centroid=len(sample),
    )  # fmt: skip
    clustering.train(sample)
    return np.asarray(clustering.centroids)


def _halved(centres: np.ndarray, axis: int) -> np.ndarray:
    """Rows in an order by halving along one of the longest axes, time and again."""
    parts, order = [np.arange(len(centres))], []
    while parts:
        rows = parts.pop()
        if len(rows) <= _LEAF:
            order.append(rows)
            continue
        table = (centres[rows] - centres[rows].mean(axis=0)).astype(np.float64)
        along = np.linalg.eigh(table.T @ table)[1][:, -1 - min(axis, centres.shape[1] - 1)]
        along *= np.sign(along[np.abs(along).argmax()])
        turned = rows[np.argsort(table @ along, kind="stable")]
        parts += [turned[len(rows) // 2 :], turned[: len(rows) // 2]]
    return np.concatenate(order)


def cell_of(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Number of the nearest centre for points (n, d), int64 (n,)."""
    return Cells(centres).of(points)


class Cells:
    """Looks up which centre is nearest, for many points.

    All centres are compared: whoever is dealt to a wrong cell may land in a region away from all
    who are alike, and by matrix products 31,000 centres take 80 microseconds a point, where an
    index and a walk along a graph from what it finds took 30 and missed one in fifteen.

    Args:
        centres: float32 (c, d).
    """

    def __init__(self, centres: np.ndarray) -> None:
        self.centres = np.ascontiguousarray(centres, dtype=np.float32)
        self.index = build_index(self.centres, exact=True)

    def __len__(self) -> int:
        return len(self.centres)

    def of(self, points: np.ndarray) -> np.ndarray:
        """Number of the nearest centre of each of the points (n, d), int64 (n,)."""
        found = self.index.search(np.ascontiguousarray(points, dtype=np.float32), 1)[1]
        return np.asarray(found[:, 0], np.int64)


def region_slices(counts: np.ndarray, wanted: int, least: int) -> list[list[tuple[int, int, int]]]:
    """Cut all records into regions of about ``wanted``, between cells if there is one near.

    Where one cell is too large it is cut between two runs, so what one run has in one cell
    (whole groups) stays together.

    Args:
        counts: int64 (runs, cells), records of each run in each cell.
        wanted: records a region.
        least: no region has fewer, if there are as many at all.

    Returns:
        For each region the stretches: run, first record in it, records.
    """
    runs = len(counts)
    flat = counts.T.ravel()  # cell by cell, in each run by run
    ends = np.cumsum(flat)
    cuts = [0, *_cuts(ends, runs, wanted, max(least, int(_SMALLEST * wanted))), len(flat)]
    first = (np.cumsum(counts, axis=1) - counts).T.ravel()
    return [_stretches(flat, first, runs, a, b) for a, b in pairwise(cuts)]


def _cuts(ends: np.ndarray, runs: int, wanted: int, least: int) -> list[int]:
    """Where a new region begins, as numbers of stretches."""
    total, cuts, before = int(ends[-1]), [], 0
    cell_ends = np.arange(runs, len(ends), runs)
    for target in np.linspace(0, total, max(1, round(total / wanted)) + 1)[1:-1]:
        at = int(_nearest(ends[cell_ends - 1], target)) if len(cell_ends) else 0
        cut = int(cell_ends[at]) if len(cell_ends) else 0
        if not cut or abs(ends[cut - 1] - target) > _SLACK * wanted:
            cut = int(_nearest(ends, target)) + 1
        if ends[cut - 1] - before >= least and total - ends[cut - 1] >= least:
            cuts.append(cut)
            before = int(ends[cut - 1])
    return cuts


def _nearest(ascending: np.ndarray, target: float) -> int:
    at = int(np.searchsorted(ascending, target))
    near = [i for i in (at - 1, at) if 0 <= i < len(ascending)]
    return min(near, key=lambda i: abs(ascending[i] - target))


def _stretches(
    flat: np.ndarray, first: np.ndarray, runs: int, a: int, b: int
) -> list[tuple[int, int, int]]:
    """What stands between two cuts, run by run; a run's cells of a region lie side by side."""
    found = []
    for run in range(runs):
        own = np.arange(a + (run - a) % runs, b, runs)
        records = int(flat[own].sum())
        if records:
            found.append((run, int(first[own[flat[own] > 0][0]]), records))
    return found

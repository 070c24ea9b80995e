"""Odd sets of people that a fractional choice of groups fills with too many pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from anonfaces.cluster.kernels import compiled
from anonfaces.cluster.set_partition.pricing import Pricing

__all__ = ["violated"]

_MOST = 100  # cuts at a time
_EACH = 3  # of them on one person
_LEAST = 0.02  # too many pairs, by how much
_ROOM = 20_000  # threes looked at
_LINKS = (1e-6, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # two people belong together if taken so much


def violated(pricing: Pricing, sets: np.ndarray, share: np.ndarray) -> list[list[int]]:
    """Odd sets of people of whom too many pairs are taken, the worst first, few on a person.

    Threes, all that there are; and larger ones where people that are much together make an odd
    number.

    Args:
        pricing: the cuts there are already.
        sets: int64 (s, 2k - 1), filled up with p.
        share: float64 (s,), how much of each set is taken.

    Jepsen, Petersen, Spoorendonk and Pisinger, "Subset-row inequalities applied to the
    vehicle-routing problem with time windows", Operations Research 2008; Edmonds, "Maximum
    matching and a polyhedron with 0,1-vertices", 1965.
    """
    taken = share > 1e-6
    sets, share = sets[taken], share[taken]
    together = _together(sets, share, len(pricing.weights))
    threes = np.empty((_ROOM, 3), np.int64)
    threes = threes[: _threes(together, 1 + _LEAST, threes)]
    odd = [tuple(rows) for rows in np.sort(threes, axis=1).tolist()]
    odd = list(dict.fromkeys(odd + _components(together)))
    excess = _excess(sets, share, odd, len(pricing.weights))
    worst = [odd[q] for q in np.argsort(-excess, kind="stable") if excess[q] > _LEAST]
    return _spread(worst, pricing)


def _together(sets: np.ndarray, share: np.ndarray, p: int) -> np.ndarray:
    """How much every two people are in one set, float64 (p, p)."""
    out = np.zeros((p + 1, p + 1))
    for a in sets.T:
        for b in sets.T:
            np.add.at(out, (a, b), share)
    np.fill_diagonal(out, 0)
    return out[:p, :p]


@compiled
def _threes(together: Any, bar: float, out: Any) -> int:
    """All threes of which the pairs, counted one by one, are taken more than ``bar`` times."""
    n, count = len(together), 0
    for i in range(n):
        near = np.flatnonzero(together[i])
        for b in near:
            for c in near:
                if b < c and together[i, b] + together[i, c] + together[b, c] > bar:
                    first = i < b or together[b, c] == 0.0
                    if first and count < len(out):
                        out[count, 0], out[count, 1], out[count, 2] = i, b, c
                        count += 1
    return count


def _components(together: np.ndarray) -> list[tuple[int, ...]]:
    """Odd sets of people that hang together by pairs which are taken so much, or more."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    out = []
    for link in _LINKS:
        count, label = connected_components(csr_array(together > link), directed=False)
        size = np.bincount(label, minlength=count)
        out += [tuple(np.flatnonzero(label == c).tolist()) for c in np.flatnonzero(size % 2)]
    out.append(tuple(range(len(together) - 1 + len(together) % 2)))
    return [rows for rows in out if len(rows) > 3]


def _excess(sets: np.ndarray, share: np.ndarray, odd: list[tuple[int, ...]], p: int) -> np.ndarray:
    """By how much more pairs of each odd set are taken than a grouping could."""
    out = np.empty(len(odd))
    for part in np.array_split(np.arange(len(odd)), len(odd) // 500 + 1):
        inside = np.zeros((p + 1, len(part)), np.int16)
        for column, q in enumerate(part):
            inside[list(odd[q]), column] = 1
        out[part] = share @ (inside[sets].sum(axis=1) // 2) - inside.sum(axis=0) // 2
    return out


def _spread(odd: list[tuple[int, ...]], pricing: Pricing) -> list[list[int]]:
    known = {tuple(np.flatnonzero(column).tolist()) for column in pricing.inside.T}
    count = np.zeros(len(pricing.weights), np.int64)
    kept: list[list[int]] = []
    for rows in odd:
        one = list(rows)
        if len(kept) < _MOST and count[one].max() < _EACH and rows not in known:
            count[one] += 1
            kept.append(one)
    return kept

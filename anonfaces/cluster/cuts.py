"""Odd sets of people that a fractional choice of groups fills with too many pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from anonfaces.cluster._state import compiled
from anonfaces.cluster.pricing import Pricing

__all__ = ["violated"]

_MOST = 100  # cuts at a time
_EACH = 3  # of them on one person
_LEAST = 0.02  # too many pairs, by how much
_ROOM = 20_000  # threes looked at


def violated(pricing: Pricing, sets: np.ndarray, share: np.ndarray) -> list[list[int]]:
    """Threes of people of whom more than one pair is taken, the worst first, few on a person.

    Args:
        pricing: the cuts there are already.
        sets: int64 (s, 2k - 1), filled up with p.
        share: float64 (s,), how much of each set is taken.

    Jepsen, Petersen, Spoorendonk and Pisinger, "Subset-row inequalities applied to the
    vehicle-routing problem with time windows", Operations Research 2008.
    """
    taken = share > 1e-6
    sets, share = sets[taken], share[taken]
    threes = np.empty((_ROOM, 3), np.int64)
    together = _together(sets, share, len(pricing.weights))
    threes = threes[: _threes(together, 1 + _LEAST, threes)]
    excess = _excess(sets, share, threes, len(pricing.weights))
    order = np.argsort(-excess, kind="stable")
    threes = threes[order[excess[order] > _LEAST]]
    return _spread(threes, pricing)


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


def _excess(sets: np.ndarray, share: np.ndarray, threes: np.ndarray, p: int) -> np.ndarray:
    """By how much the sets with two or three of each three are taken more than once."""
    out = np.empty(len(threes))
    for part in np.array_split(np.arange(len(threes)), len(threes) // 500 + 1):
        inside = np.zeros((p + 1, len(part)), np.int8)
        for column in threes[part].T:
            inside[column, np.arange(len(part))] = 1
        out[part] = share @ (inside[sets].sum(axis=1) > 1) - 1
    return out


def _spread(threes: np.ndarray, pricing: Pricing) -> list[list[int]]:
    known = {tuple(np.flatnonzero(column)) for column in pricing.inside.T}
    count = np.zeros(len(pricing.weights), np.int64)
    kept: list[list[int]] = []
    for three in np.sort(threes, axis=1):
        if len(kept) < _MOST and count[three].max() < _EACH and tuple(three) not in known:
            known.add(tuple(three))
            count[three] += 1
            kept.append(three.tolist())
    return kept

"""Any grouping made to keep its limits: people change places first, groups are joined if they must.

One group of everybody keeps every limit that can be kept at all (the distance from everybody's
distribution is convex, so a whole is no farther than the farthest of its parts), so joining ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from anonfaces.cluster.annealing import state
from anonfaces.cluster.annealing.search import in_range
from anonfaces.cluster.annealing.state import (
    State,
    insertion_delta,
    move,
    removal_delta,
    swap_delta,
    violation,
)
from anonfaces.cluster.constraints.limits import Limits, limits_at, violation_of
from anonfaces.cluster.kernels import compiled, squared_distances
from anonfaces.cluster.people import between, means

__all__ = ["BLOCK", "begin", "deal_round_robin", "enforce_constraints", "violations"]

BLOCK = 1024  # people whose distances are held at a time
_LEAST = 1e-9
_NOBODY = np.zeros((0, 0), np.int64)


def begin(
    make: Callable[[int], np.ndarray],
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    limits: Limits | None,
) -> np.ndarray:
    """Groups that keep the limits, int64 (p,), out of those that ``make`` makes of a given size.

    Where groups of k would have to be joined, larger ones are tried as well, since many small
    differences are mended at less loss in them than by joining; the least loss wins. Where all
    would be joined to one, people are ``dealt``, which also tells how large groups need be.
    """
    label = make(k)
    if limits is None:
        return label
    best = first = enforce_constraints(points, weights, k, label, limits)
    if first.max() == 0:
        best = first = deal_round_robin(k, limits)
    least, size = between(points, weights, best), k
    while np.bincount(best).max() > 2 * size - 1 and size <= len(points) // 3:
        size += (size + 1) // 2
        label = enforce_constraints(points, weights, k, make(size), limits)
        loss = between(points, weights, label)
        if loss < least:
            best, least = label, loss
        elif label.max() > 0:
            break
    return best if best is not first else _as_large(make, points, weights, k, limits, first)


def _as_large(
    make: Callable[[int], np.ndarray],
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    limits: Limits,
    label: np.ndarray,
) -> np.ndarray:
    """``label``, or groups that are made about as large as its and mended, if they lose less."""
    size = len(label) // (int(label.max()) + 1)
    if size < 2 * k:
        return label
    near = enforce_constraints(points, weights, k, make(size), limits)
    return min(label, near, key=lambda one: between(points, weights, one))


def deal_round_robin(k: int, limits: Limits) -> np.ndarray:
    """Everybody dealt out like cards, in the order of their values: groups alike as can be.

    Returns:
        int64 (p,), as many groups of k people or more as keep the limits so (of many, a few less
        than that); one group where no more do.
    """
    people = limits.code.shape[1]
    order, groups = np.lexsort(limits.code[::-1]), people // k
    label = np.zeros(people, np.int64)
    while groups > 1:
        label[order] = np.arange(people) % groups
        if not violations(label, limits).any():
            return label
        groups = min(groups - 1, groups * 19 // 20)
    return np.zeros(people, np.int64)


def enforce_constraints(
    points: np.ndarray, weights: np.ndarray, k: int, label: np.ndarray, limits: Limits
) -> np.ndarray:
    """The groups of ``label``, changed as little as that goes until all keep the limits.

    Args:
        points: float64 (p, d).
        weights: float64 (p,).
        k: people a group at least.
        label: int64 (p,), groups of k to 2k - 1, numbered without gaps.
        limits: on the p people; all of them in one group would keep them.

    Returns:
        int64 (p,), groups of k people or more, 2k - 1 at most unless groups had to be joined.
    """
    points, label = np.ascontiguousarray(points), label.copy()
    for rows in _near_blocks(points, label):
        _exchange(points, weights, k, label, limits, rows)
    if len(points) > BLOCK:
        _exchange_far(points, weights, k, label, limits)
    return _joined(points, weights, label, limits)


def violations(label: np.ndarray, limits: Limits) -> np.ndarray:
    """By how much each group misses its limits, float64 (g,)."""
    order = np.lexsort((*limits.code[:1], label))  # in order, a column is sorted in no time
    return _shortfalls(order, np.bincount(label), limits)


@compiled
def _shortfalls(order: Any, size: Any, limits: Any) -> Any:
    short, first = np.zeros(len(size)), 0
    for g in range(len(size)):
        short[g] = violation_of(limits, order[first : first + size[g]], size[g])
        first += size[g]
    return short


def _near_blocks(points: np.ndarray, label: np.ndarray) -> list[np.ndarray]:
    """Rows of whole groups that lie together, halved until a block holds ``2 * BLOCK`` or less."""
    centre, _ = means(points, label, int(label.max()) + 1)
    size, parts, done = np.bincount(label), [np.arange(len(centre))], []
    while parts:
        part = parts.pop()
        if size[part].sum() <= 2 * BLOCK or len(part) < 2:
            done.append(np.flatnonzero(np.isin(label, part)))
            continue
        order = part[np.argsort(centre[part][:, np.ptp(centre[part], axis=0).argmax()])]
        parts += np.array_split(order, 2)
    return done


def _exchange_far(
    points: np.ndarray, weights: np.ndarray, k: int, label: np.ndarray, limits: Limits
) -> None:
    """The groups that still miss a limit, each time with as many others from anywhere."""
    rng = np.random.default_rng(0)
    for _ in range(4):
        short = np.flatnonzero(violations(label, limits))
        for part in np.array_split(rng.permutation(short), len(short) * k // BLOCK + 1):
            others = rng.choice(int(label.max()) + 1, max(BLOCK // k, 1))
            if len(part):
                rows = np.flatnonzero(np.isin(label, np.concatenate([part, others])))
                _exchange(points, weights, k, label, limits, rows)


def _exchange(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    label: np.ndarray,
    limits: Limits,
    rows: np.ndarray,
) -> None:
    """Exchange people among the groups of ``rows`` while fewer limits are missed; in ``label``."""
    groups, start = np.unique(label[rows], return_inverse=True)
    own = limits_at(limits, rows)
    if not violations(start, own).any():
        return
    d2 = squared_distances(in_range(points[rows])[0], np.float32)
    mass, most = np.ascontiguousarray(weights[rows]), int(np.bincount(start).max())
    built = state.build((d2, np.zeros((0, 0))), mass, _NOBODY, start, k, own, most)
    _exchanged(built, k)
    label[rows] = groups[built.label]


@compiled
def _exchanged(s: State, k: int) -> None:
    short = np.zeros(len(s.size))
    for g in range(len(s.size)):
        short[g] = violation(s, g, -1, -1) if s.size[g] > 0 else 0.0
    before = np.inf
    while short.sum() < before - _LEAST:
        before = short.sum()
        for g in range(len(s.size)):
            _help_out(s, g, short, k)


@compiled
def _help_out(s: State, g: int, short: Any, k: int) -> None:
    while short[g] > 0.0:
        out, into, h = _cheapest(s, g, short, k)
        if h < 0:
            break
        if out >= 0:
            move(s, out, h)
        if into >= 0:
            move(s, into, g)
        short[g], short[h] = violation(s, g, -1, -1), violation(s, h, -1, -1)


@compiled
def _cheapest(s: State, g: int, short: Any, k: int) -> Any:
    """Who leaves group g and who comes (-1: nobody), from where; -1 if nothing helps."""
    best, least = (-1, -1, -1), np.inf
    for j in range(len(s.weight)):
        h = s.label[j]
        if h == g:
            continue
        if s.size[h] > k and s.size[g] < s.most:
            price = removal_delta(s, j) + insertion_delta(s, j, g)
            if price < least and _improves(s, g, h, -1, j, short):
                best, least = (-1, j, h), price
        for i in s.member[g, : s.size[g]]:
            if not _differ(s.limits.code, i, j):
                continue
            price = swap_delta(s, i, j) + swap_delta(s, j, i)
            if price < least and _improves(s, g, h, i, j, short):
                best, least = (i, j, h), price
    return _cheapest_leaver(s, g, short, best, least) if s.size[g] > k else best


@compiled
def _cheapest_leaver(s: State, g: int, short: Any, best: Any, least: float) -> Any:
    for h in range(len(s.size)):
        if h == g or s.size[h] == 0 or s.size[h] >= s.most:
            continue
        for i in s.member[g, : s.size[g]]:
            price = removal_delta(s, i) + insertion_delta(s, i, h)
            if price < least and _improves(s, g, h, i, -1, short):
                best, least = (i, -1, h), price
    return best


@compiled
def _differ(code: Any, i: int, j: int) -> bool:
    differences = 0
    for c in range(len(code)):
        differences += code[c, i] != code[c, j]
    return differences > 0


@compiled
def _improves(s: State, g: int, h: int, out: int, into: int, short: Any) -> bool:
    after = violation(s, g, out, into)
    if after >= short[g] - _LEAST:
        return False
    return after + violation(s, h, into, out) < short[g] + short[h] - _LEAST


def _joined(
    points: np.ndarray, weights: np.ndarray, label: np.ndarray, limits: Limits
) -> np.ndarray:
    """The group that misses most joined with the cheapest that helps, until none misses."""
    short = violations(label, limits)
    while short.any():
        g = int(short.argmax())
        centre, mass = means(points, label, len(short), weights)
        price = np.square(centre - centre[g]).sum(axis=1) * mass / (mass + mass[g])
        h = _partner(label, limits, short, g, np.argsort(price, kind="stable"))
        label[label == g] = h
        label = np.unique(label, return_inverse=True)[1]
        short = violations(label, limits)
    return label


def _partner(
    label: np.ndarray, limits: Limits, short: np.ndarray, g: int, order: np.ndarray
) -> int:
    """The first in ``order`` with which g misses less than the two apart, else the first."""
    others = [int(h) for h in order if h != g]
    for h in others[:200]:
        rows = np.flatnonzero((label == g) | (label == h))
        if violation_of(limits, rows, len(rows)) < short[g] + short[h] - _LEAST:
            return h
    return others[0]

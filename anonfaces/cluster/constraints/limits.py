"""What a group may hold beside its number of people, in compiled form.

A limit is about one column: at least so many values among the people of a group (l-diversity), or
a distribution no farther than so much from everybody's (t-closeness). The search asks before it
carries a change out; what a group misses is told as a number, so that it can be mended.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from anonfaces.cluster.kernels import compiled

__all__ = [
    "CATEGORIES",
    "DIVERSITY",
    "ORDERED",
    "Limits",
    "limits_at",
    "limits_of",
    "violation_of",
    "without_limits",
]

DIVERSITY, CATEGORIES, ORDERED = 0, 1, 2
_ROUNDING = 1e-10


class Limits(NamedTuple):
    """c limits on n people; a column has m values or fewer."""

    code: Any  # (c, n) int64, the value of each person, -1 where there is none
    kind: Any  # (c,) int64
    bound: Any  # (c,) float64, values at least, or distance at most
    share: Any  # (c, m) float64, of the values among everybody; of an ordered column summed up
    below: Any  # (c, m + 1) float64, sums of ``share`` before each value
    values: Any  # (c,) int64, how many values the column has


def limits_of(
    code: np.ndarray, kind: np.ndarray, bound: np.ndarray, share: list[np.ndarray]
) -> Limits:
    """Limits on the people of int64 (c, n) values; ``share`` (m,) each, among everybody."""
    values = np.array([len(one) for one in share], np.int64)
    table = np.zeros((len(share), int(values.max(initial=1))))
    for c, one in enumerate(share):
        table[c, : len(one)] = np.cumsum(one) if kind[c] == ORDERED else one
    below = np.concatenate([np.zeros((len(share), 1)), np.cumsum(table, axis=1)], axis=1)
    code = np.ascontiguousarray(code, np.int64)
    return Limits(code, kind.astype(np.int64), bound.astype(float), table, below, values)


def without_limits(n: int) -> Limits:
    """No limit on n people."""
    return limits_of(np.zeros((0, n), np.int64), np.zeros(0), np.zeros(0), [])


def limits_at(limits: Limits, rows: np.ndarray) -> Limits:
    """The same limits on the people ``rows`` alone."""
    return limits._replace(code=np.ascontiguousarray(limits.code[:, rows]))


@compiled
def violation_of(limits: Limits, who: Any, count: int) -> float:
    """By how much the people ``who[:count]`` miss the limits; 0 where they keep them all."""
    total, code = 0.0, np.empty(count, np.int64)
    for c in range(len(limits.kind)):
        known = _sorted(limits.code[c], who, count, code)
        if limits.kind[c] == DIVERSITY:
            short = (limits.bound[c] - _different(code, known)) / limits.bound[c]
        elif limits.kind[c] == CATEGORIES:
            short = _variation(code, known, limits.share[c]) - limits.bound[c]
        else:
            short = (
                _moved(code, known, limits.share[c], limits.below[c], limits.values[c])
                - limits.bound[c]
            )
        if short > _ROUNDING:
            total += short
    return total


@compiled
def _sorted(values: Any, who: Any, count: int, code: Any) -> int:
    """The known values of the people in rising order, into ``code``; how many there are."""
    known = 0
    for q in range(count):
        one = values[who[q]]
        if one < 0:
            continue
        p = known
        while p > 0 and code[p - 1] > one:
            code[p] = code[p - 1]
            p -= 1
        code[p] = one
        known += 1
    return known


@compiled
def _different(code: Any, count: int) -> int:
    distinct = min(count, 1)
    for q in range(1, count):
        distinct += code[q] != code[q - 1]
    return distinct


@compiled
def _variation(code: Any, count: int, share: Any) -> float:
    """Total variation distance: what the group has too much of."""
    total, first = 0.0, 0
    for q in range(1, count + 1):
        if q == count or code[q] != code[first]:
            total += max(0.0, (q - first) / count - share[code[first]])
            first = q
    return total


@compiled
def _moved(code: Any, count: int, share: Any, below: Any, values: int) -> float:
    """Earth mover's distance on the ranks of the values, their whole range being 1.

    That is the mean gap of the two summed-up distributions (Li, Li and Venkatasubramanian,
    "t-closeness", 2007); the group's is level from one of its values to the next.
    """
    total, start = 0.0, 0
    for q in range(count + 1):
        end = values if q == count else code[q]
        level = q / count
        middle = start + np.searchsorted(share[start:end], level)
        total += level * (middle - start) - (below[middle] - below[start])
        total += (below[end] - below[middle]) - level * (end - middle)
        start = end
    return total / max(values - 1, 1)

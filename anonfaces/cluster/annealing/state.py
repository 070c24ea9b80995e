"""A grouping in compiled form, and what every change to it costs, in closed form.

With d2 the squared distances, a group's weighted sum of squared errors is
``pairs / weight`` where ``pairs`` sums ``w_i w_j d2_ij`` over the group's pairs. ``near`` keeps
``sum over j in g of w_j d2_ij`` for every group g and point i, so a change of one, two or three
groups is priced with a few look-ups, and carried out with one pass over a row per point moved.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from anonfaces.cluster.constraints.limits import Limits, violation_of, without_limits
from anonfaces.cluster.kernels import compiled

__all__ = ["State", "allowed", "build", "total", "violation"]


class State(NamedTuple):
    """What the kernels share: n points, room for ``n // k`` groups of ``most`` points."""

    d2: Any  # (n, n) float64, squared distances
    weight: Any  # (n,) float64
    candidates: Any  # (n, c) int64, the nearest others, nearest first
    label: Any  # (n,) int64, -1 while a point is in no group
    member: Any  # (g, most + 1) int64, a group's points in no order
    place: Any  # (n,) int64, where a point stands in ``member``
    size: Any  # (g,) int64
    mass: Any  # (g,) float64, sum of weights
    pairs: Any  # (g,) float64
    near: Any  # (g, n) float64
    most: int  # points that a group has at most
    limits: Limits  # what else a group must keep


def build(
    d2: np.ndarray,
    weight: np.ndarray,
    candidates: np.ndarray,
    label: np.ndarray,
    k: int,
    limits: Any = None,
    most: int = 0,
) -> State:
    """The state of the grouping ``label``, whose numbers are below ``n // k``.

    ``most`` is 2k - 1 if it is less than that.
    """
    limits = without_limits(len(weight)) if limits is None else limits
    return _build(d2, weight, candidates, label, k, max(most, 2 * k - 1), limits)


@compiled
def _build(
    d2: Any, weight: Any, candidates: Any, label: Any, k: int, most: int, limits: Any
) -> State:
    n = len(weight)
    g = n // k
    state = State(
        d2,
        weight,
        candidates,
        np.full(n, -1),
        np.zeros((g, most + 1), np.int64),
        np.zeros(n, np.int64),
        np.zeros(g, np.int64),
        np.zeros(g),
        np.zeros(g),
        np.zeros((g, n)),
        most,
        limits,
    )
    for i in range(n):
        add(state, i, label[i])
    return state


@compiled
def add(s: State, i: int, g: int) -> None:
    """Put point i, which is in no group, into group g."""
    w = s.weight[i]
    s.pairs[g] += w * s.near[g, i]
    s.mass[g] += w
    s.member[g, s.size[g]] = i
    s.place[i] = s.size[g]
    s.size[g] += 1
    s.label[i] = g
    row, near = s.d2[i], s.near[g]
    for j in range(len(row)):
        near[j] += w * row[j]


@compiled
def drop(s: State, i: int) -> None:
    """Take point i out of its group; an empty group is set to exact zeros."""
    g, w = s.label[i], s.weight[i]
    s.pairs[g] -= w * s.near[g, i]
    s.mass[g] -= w
    s.size[g] -= 1
    last = s.member[g, s.size[g]]
    s.member[g, s.place[i]] = last
    s.place[last] = s.place[i]
    row, near = s.d2[i], s.near[g]
    for j in range(len(row)):
        near[j] -= w * row[j]
    if s.size[g] == 0:
        s.pairs[g], s.mass[g] = 0.0, 0.0
        near[:] = 0.0


@compiled
def move(s: State, i: int, g: int) -> None:
    """Take point i out of its group and put it into g."""
    drop(s, i)
    add(s, i, g)


@compiled
def cost(s: State, g: int) -> float:
    """Sum of squared errors of a group that is not empty."""
    return s.pairs[g] / s.mass[g]


@compiled
def removal_delta(s: State, i: int) -> float:
    """What the loss changes by when point i leaves its group of two or more."""
    g, w = s.label[i], s.weight[i]
    return (s.pairs[g] - w * s.near[g, i]) / (s.mass[g] - w) - cost(s, g)


@compiled
def insertion_delta(s: State, i: int, g: int) -> float:
    """What the loss changes by when point i joins group g, which is not empty."""
    w = s.weight[i]
    return (s.pairs[g] + w * s.near[g, i]) / (s.mass[g] + w) - cost(s, g)


@compiled
def swap_delta(s: State, gone: int, come: int) -> float:
    """What the loss of ``gone``'s group changes by when ``come`` takes ``gone``'s place."""
    g, out, into = s.label[gone], s.weight[gone], s.weight[come]
    pairs = s.pairs[g] - out * s.near[g, gone]
    pairs += into * (s.near[g, come] - out * s.d2[gone, come])
    return pairs / (s.mass[g] - out + into) - cost(s, g)


@compiled
def empty_group(s: State) -> int:
    """The number of an empty group, -1 if there is none."""
    for g in range(len(s.size)):
        if s.size[g] == 0:
            return g
    return -1


@compiled
def total(s: State) -> float:
    """Sum of squared errors over all groups."""
    loss = 0.0
    for g in range(len(s.size)):
        if s.size[g] > 0:
            loss += s.pairs[g] / s.mass[g]
    return loss


@compiled
def violation(s: State, g: int, out: int, into: int) -> float:
    """By how much group g misses its limits if ``out`` leaves and ``into`` comes (-1: nobody)."""
    if len(s.limits.kind) == 0:
        return 0.0
    who, count = np.empty(s.size[g] + 1, np.int64), 0
    for i in s.member[g, : s.size[g]]:
        if i != out:
            who[count] = i
            count += 1
    if into >= 0:
        who[count] = into
        count += 1
    return violation_of(s.limits, who, count)


@compiled
def allowed(s: State, g: int, out: int, into: int) -> bool:
    """Whether group g keeps its limits if ``out`` leaves and ``into`` comes (-1: nobody)."""
    return len(s.limits.kind) == 0 or violation(s, g, out, into) == 0.0

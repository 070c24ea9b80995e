"""A grouping in compiled form, and what every change to it costs, in closed form.

With d2 the squared distances, a group's weighted sum of squared errors is
``pairs / weight`` where ``pairs`` sums ``w_i w_j d2_ij`` over the group's pairs. ``near`` keeps
``sum over j in g of w_j d2_ij`` for every group g and point i, so a change of one, two or three
groups is priced with a few look-ups, and carried out with one pass over a row per point moved.

That table grows with the square of the points. Where it would leave the cache, ``point`` and the
groups' ``sums`` stand in its place: a change is then priced with one pass over the coordinates of
each point in it, by ``w W / (W + w)`` times the squared distance from the group's mean, and
carried out as cheaply, however many points there are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from anonfaces.cluster.constraints.limits import Limits, violation_of, without_limits
from anonfaces.cluster.kernels import compiled, reordered

__all__ = ["State", "allowed", "build", "total", "violation"]


class State(NamedTuple):
    """What the kernels share: n points, room for ``n // k`` groups of ``most`` points."""

    d2: Any  # (n, n) float32, squared distances; (0, 0) with ``point``
    point: Any  # (n, d) float64; (0, 0) with ``d2``
    weight: Any  # (n,) float64
    candidates: Any  # (n, c) int64, the nearest others, nearest first
    label: Any  # (n,) int64, -1 while a point is in no group
    member: Any  # (g, most + 1) int64, a group's points in no order
    place: Any  # (n,) int64, where a point stands in ``member``
    size: Any  # (g,) int64
    mass: Any  # (g,) float64, sum of weights
    pairs: Any  # (g,) float64; with ``point`` the sum of squared errors itself
    near: Any  # (g, n) float64; (0, 0) with ``point``
    sums: Any  # (g, d) float64, weighted sums of a group's points; (0, 0) with ``d2``
    most: int  # points that a group has at most
    limits: Limits  # what else a group must keep


def build(
    tables: tuple[np.ndarray, np.ndarray],
    weight: np.ndarray,
    candidates: np.ndarray,
    label: np.ndarray,
    k: int,
    limits: Any = None,
    most: int = 0,
) -> State:
    """The state of the grouping ``label``, whose numbers are below ``n // k``.

    ``tables`` are ``d2`` and ``point``, one of them (0, 0). ``most`` is 2k - 1 if it is less
    than that.
    """
    limits = without_limits(len(weight)) if limits is None else limits
    return _build(*tables, weight, candidates, label, k, max(most, 2 * k - 1), limits)


@compiled
def _build(
    d2: Any, point: Any, weight: Any, candidates: Any, label: Any, k: int, most: int, limits: Any
) -> State:
    n = len(weight)
    g = n // k
    state = State(
        d2,
        point,
        weight,
        candidates,
        np.full(n, -1),
        np.zeros((g, most + 1), np.int64),
        np.zeros(n, np.int64),
        np.zeros(g, np.int64),
        np.zeros(g),
        np.zeros(g),
        np.zeros((g if len(d2) > 0 else 0, len(d2))),
        np.zeros((g if len(point) > 0 else 0, point.shape[1])),
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
    if len(s.point) > 0:
        if s.size[g] > 0:
            s.pairs[g] += insertion_delta(s, i, g)
        _summed(s.point, i, w, s.sums, g)
    else:
        s.pairs[g] += w * s.near[g, i]
        _passed(s.d2, i, w, s.near, g)
    s.mass[g] += w
    s.member[g, s.size[g]] = i
    s.place[i] = s.size[g]
    s.size[g] += 1
    s.label[i] = g


@compiled
def drop(s: State, i: int) -> None:
    """Take point i out of its group; an empty group is set to exact zeros."""
    g, w = s.label[i], s.weight[i]
    if len(s.point) > 0:
        if s.size[g] > 1:
            s.pairs[g] += removal_delta(s, i)
        _summed(s.point, i, -w, s.sums, g)
    else:
        s.pairs[g] -= w * s.near[g, i]
        _passed(s.d2, i, -w, s.near, g)
    s.mass[g] -= w
    s.size[g] -= 1
    last = s.member[g, s.size[g]]
    s.member[g, s.place[i]] = last
    s.place[last] = s.place[i]
    if s.size[g] == 0:
        s.pairs[g], s.mass[g] = 0.0, 0.0
        if len(s.point) > 0:
            s.sums[g] = 0.0
        else:
            s.near[g] = 0.0


@compiled
def _summed(point: Any, i: int, w: float, sums: Any, g: int) -> None:
    for c in range(point.shape[1]):
        sums[g, c] += w * point[i, c]


@compiled
def _passed(d2: Any, i: int, w: float, near: Any, g: int) -> None:
    for j in range(d2.shape[1]):
        near[g, j] += w * d2[i, j]


@reordered
def _off(point: Any, i: int, sums: Any, g: int, mass: float) -> float:
    """Squared distance of point i from the mean of group g."""
    total, share = 0.0, 1 / mass
    for c in range(point.shape[1]):
        gap = sums[g, c] * share - point[i, c]
        total += gap * gap
    return total


@reordered
def _traded(
    point: Any, gone: int, come: int, sums: Any, g: int, mass: float, out: float, into: float
) -> float:
    """``swap_delta`` from coordinates: ``gone`` leaves, then ``come`` meets the mean without it."""
    share, left = 1 / mass, mass - out
    lever, far, near = out / left, 0.0, 0.0
    for c in range(point.shape[1]):
        mean = sums[g, c] * share
        before = mean - point[gone, c]
        after = mean + lever * before - point[come, c]
        far += before * before
        near += after * after
    return into * left / (left + into) * near - out * mass / left * far


@compiled
def move(s: State, i: int, g: int) -> None:
    """Take point i out of its group and put it into g."""
    drop(s, i)
    add(s, i, g)


@compiled
def cost(s: State, g: int) -> float:
    """Sum of squared errors of a group that is not empty."""
    return s.pairs[g] if len(s.point) > 0 else s.pairs[g] / s.mass[g]


@compiled
def removal_delta(s: State, i: int) -> float:
    """What the loss changes by when point i leaves its group of two or more."""
    g, w = s.label[i], s.weight[i]
    if len(s.point) > 0:
        return -w * s.mass[g] / (s.mass[g] - w) * _off(s.point, i, s.sums, g, s.mass[g])
    return (s.pairs[g] - w * s.near[g, i]) / (s.mass[g] - w) - cost(s, g)


@compiled
def insertion_delta(s: State, i: int, g: int) -> float:
    """What the loss changes by when point i joins group g, which is not empty."""
    w = s.weight[i]
    if len(s.point) > 0:
        return w * s.mass[g] / (s.mass[g] + w) * _off(s.point, i, s.sums, g, s.mass[g])
    return (s.pairs[g] + w * s.near[g, i]) / (s.mass[g] + w) - cost(s, g)


@compiled
def swap_delta(s: State, gone: int, come: int) -> float:
    """What the loss of ``gone``'s group changes by when ``come`` takes ``gone``'s place."""
    g, out, into = s.label[gone], s.weight[gone], s.weight[come]
    if len(s.point) > 0:
        return _traded(s.point, gone, come, s.sums, g, s.mass[g], out, into)
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
            loss += cost(s, g)
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

"""The changes that the search tries: priced first, carried out if the temperature lets them.

Relocate, swap, path (a point goes on, another group hands one back), cycle of three, a new group,
a group dissolved. Every change keeps each group between k and ``most`` people (2k - 1, but where
limits need larger ones) and within its limits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anonfaces.cluster.annealing.state import (
    State,
    add,
    allowed,
    cost,
    drop,
    empty_group,
    insertion_delta,
    move,
    removal_delta,
    swap_delta,
    total,
)
from anonfaces.cluster.kernels import compiled

__all__ = ["search"]

_FROZEN = 30.0  # exp(-30): a change this many temperatures up is never taken


@compiled
def _random(r: Any) -> Any:
    """The next 64 bits of Marsaglia's xorshift; the state r holds one uint64, not zero."""
    x = r[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    r[0] = x
    return x


@compiled
def _below(r: Any, n: int) -> Any:
    return np.int64(((_random(r) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@compiled
def _unit(r: Any) -> float:
    return np.float64(_random(r) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def _taken(change: float, temperature: float, r: Any) -> bool:
    """Metropolis: always down, up with probability exp(-change / heat)."""
    if change <= 0.0:
        return change < 0.0 or temperature > 0.0
    return change < _FROZEN * temperature and _unit(r) < np.exp(-change / temperature)


@compiled
def _all_allowed(s: State, groups: Any) -> bool:
    broken = 0
    for g in groups:
        broken += not allowed(s, g, -1, -1)
    return broken == 0


@compiled
def _relocate_or_swap(s: State, i: int, b: int, k: int, temperature: float, r: Any) -> float:
    a = s.label[i]
    if s.size[a] > k and s.size[b] < s.most:
        change = removal_delta(s, i) + insertion_delta(s, i, b)
        if _taken(change, temperature, r) and allowed(s, a, i, -1) and allowed(s, b, -1, i):
            move(s, i, b)
            return change
    j = s.member[b, _below(r, s.size[b])]
    change = swap_delta(s, i, j) + swap_delta(s, j, i)
    if not (_taken(change, temperature, r) and allowed(s, a, i, j) and allowed(s, b, j, i)):
        return 0.0
    move(s, i, b)
    move(s, j, a)
    return change


@compiled
def _path_or_cycle(s: State, i: int, b: int, k: int, temperature: float, r: Any) -> float:
    """i goes from a to b; a gets a near point m of a third group c; b may hand one on to c."""
    a = s.label[i]
    mate = s.member[a, _below(r, s.size[a])]
    m = s.candidates[mate, _below(r, s.candidates.shape[1])]
    c = s.label[m]
    if c in (a, b):
        return 0.0
    if s.size[b] < s.most and s.size[c] > k:
        j, change = -1, swap_delta(s, i, m) + insertion_delta(s, i, b) + removal_delta(s, m)
    else:
        j = s.member[b, _below(r, s.size[b])]
        change = swap_delta(s, i, m) + swap_delta(s, j, i) + swap_delta(s, m, j)
    if not _taken(change, temperature, r):
        return 0.0
    if not (allowed(s, a, i, m) and allowed(s, b, j, i) and allowed(s, c, m, j)):
        return 0.0
    if j >= 0:
        move(s, j, c)
    move(s, i, b)
    move(s, m, a)
    return change


@compiled
def _create(s: State, i: int, k: int, temperature: float, r: Any) -> float:
    """A new group of i and the nearest points whose groups can spare one."""
    new = empty_group(s)
    if new < 0 or s.size[s.label[i]] <= k:
        return 0.0
    who, home = np.empty(k, np.int64), np.empty(k, np.int64)
    count, change = 0, 0.0
    for q in range(-1, s.candidates.shape[1]):
        j = i if q < 0 else s.candidates[i, q]
        g = s.label[j]
        if s.size[g] > k and count < k and (q < 0 or j != i):  # an index may name i itself
            change += removal_delta(s, j)
            drop(s, j)
            who[count], home[count] = j, g
            count += 1
    if count == k:
        for q in range(k):
            add(s, who[q], new)
        taken = _taken(change + cost(s, new), temperature, r) and allowed(s, new, -1, -1)
        if taken and _all_allowed(s, home):
            return change + cost(s, new)
        for q in range(k):
            drop(s, who[q])
    for q in range(count):
        add(s, who[q], home[q])
    return 0.0


@compiled
def _best_room(s: State, i: int, k: int) -> int:
    """The group near i, other than its own, that can take it for the least; -1 if none can."""
    best, least = -1, np.inf
    for q in range(s.candidates.shape[1]):
        g = s.label[s.candidates[i, q]]
        if g != s.label[i] and s.size[g] < s.most:
            change = insertion_delta(s, i, g)
            if change < least:
                best, least = g, change
    return best


@compiled
def _dissolve(s: State, a: int, k: int, temperature: float, r: Any) -> float:
    """Every point of group a goes where there is room for it, one after the other."""
    who = s.member[a, : s.size[a]].copy()
    change, moved = -cost(s, a), 0
    for i in who:
        g = _best_room(s, i, k)
        if g < 0:
            break
        change += insertion_delta(s, i, g)
        move(s, i, g)
        moved += 1
    if moved == len(who) and _taken(change, temperature, r) and _all_allowed(s, s.label[who]):
        return change
    for q in range(moved):
        move(s, who[q], a)
    return 0.0


@compiled
def _step(s: State, k: int, temperature: float, r: Any) -> float:
    """Try one change around a random point and one of its candidates; what the loss changed."""
    i = _below(r, len(s.weight))
    b = s.label[s.candidates[i, _below(r, s.candidates.shape[1])]]
    if b == s.label[i]:
        return 0.0
    kind = _unit(r)
    if kind < 0.6:
        return _relocate_or_swap(s, i, b, k, temperature, r)
    if kind < 0.99:
        return _path_or_cycle(s, i, b, k, temperature, r)
    if kind < 0.995:
        return _create(s, i, k, temperature, r)
    return _dissolve(s, s.label[i], k, temperature, r)


@compiled
def search(
    s: State, k: int, temperature: float, cooling: float, rounds: int, steps: int, r: Any, best: Any
) -> float:
    """Simulated annealing: ``rounds`` times ``steps`` tries, the heat times ``cool`` after each.

    ``best`` int64 (n,) receives the best labels at the end of a round, the return is their loss;
    ``r`` uint64 (1,) is the random state. With heat 0 only what lowers the loss is done.
    """
    least = total(s)
    best[:] = s.label
    for _ in range(rounds):
        for _ in range(steps):
            _step(s, k, temperature, r)
        temperature *= cooling
        loss = total(s)
        if loss < least:
            least = loss
            best[:] = s.label
    return least

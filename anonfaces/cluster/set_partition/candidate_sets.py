"""All sets of people that cost less than their prices: what column generation has to look for.

With a price for each person, a set S of m people of weight W and loss ``SSE(S)`` is cheap where
``SSE(S) < sum of prices``. Times W that is a sum over pairs, ``sum of e_ij < 0`` with

    e_ij = w_i w_j d2_ij - (w_i price_j + w_j price_i) - (w_i price_i + w_j price_j) / (m - 1)

so S is a clique of negative weight. Take away the member with the greatest sum of e to the
others: the mean over the pairs that stay is no greater. So every cheap set is reached from a
cheap pair by adding, one after the other, a member that has the greatest sum in the set so far,
and every set on the way has a negative sum. No other set is looked at, and none is missed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anonfaces.cluster.kernels import compiled

__all__ = ["FAR", "cheap_sets", "losses"]

FAR = 1e300  # on the diagonal of the pairs: nobody is taken twice


@compiled
def losses(d2: Any, weights: Any, sets: Any) -> Any:
    """Weighted sum of squared errors of each set, float64 (s,).

    ``sets`` int64 (s, most) holds rows; numbers from n on fill a row up and mean nobody.
    """
    out = np.zeros(len(sets))
    for s in range(len(sets)):
        pairs, mass = 0.0, 0.0
        for q in range(sets.shape[1]):
            i = sets[s, q]
            if i < len(weights):
                mass += weights[i]
                for r in range(q):
                    pairs += weights[i] * weights[sets[s, r]] * d2[i, sets[s, r]]
        out[s] = pairs / mass
    return out


@compiled
def cheap_sets(pair: Any, bar: float, slack: float, nodes: int, out: Any) -> int:
    """Into ``out`` int64 (room, m) all sets of m whose sum of ``pair`` is below ``bar``.

    Args:
        pair: float64 (n, n), symmetric, ``FAR`` on the diagonal.
        bar: above 0 by more than rounding, so that no set is lost by it.
        slack: sums that are no further apart count as equal, again for rounding. Sets may
            come twice where they are.
        nodes: sets of any size that may be looked at.
        out: receives the sets, m >= 2 from its width.

    Returns:
        How many sets were found, -1 where they or the nodes were too many.
    """
    n, (room, m) = len(pair), out.shape
    chosen, place = np.zeros(m, np.int64), np.zeros(m + 1, np.int64)
    near, total, degree = np.zeros((m, n)), np.zeros(m), np.zeros((m, m))
    found = 0
    for first in range(n):
        chosen[0], near[0], place[0], size = first, pair[first], first + 1, 1
        while size > 0:
            now = size - 1
            j = _next(pair, near[now], bar - total[now], slack, chosen[:size], degree[now], place)
            if j == n:
                size -= 1
                continue
            nodes -= 1
            if nodes < 0 or found == room:
                return -1
            chosen[now + 1] = j
            if size + 1 == m:
                out[found] = chosen
                found += 1
                continue
            for q in range(size):
                degree[size, q] = degree[now, q] + pair[chosen[q], j]
            degree[size, size] = near[now, j]
            total[size] = total[now] + near[now, j]
            for q in range(n):
                near[size, q] = near[now, q] + pair[j, q]
            place[size] = 0
            size += 1
    return found


@compiled
def _next(
    pair: Any, near: Any, bar: float, slack: float, chosen: Any, degree: Any, place: Any
) -> int:
    """The next to add: cheap enough, and with the greatest sum in the set with it; n if none."""
    now = len(chosen) - 1
    for j in range(place[now], len(near)):
        if near[j] < bar:
            greatest = True
            for q in range(len(chosen)):
                if degree[q] + pair[chosen[q], j] > near[j] + slack:
                    greatest = False
                    break
            if greatest:
                place[now] = j + 1
                return j
    return len(near)

"""Search over groupings: to the next local optimum, or further by simulated annealing."""

from __future__ import annotations

import numpy as np

from anonfaces.cluster.blocks import BLOCK, anneal_in_blocks
from anonfaces.cluster.budget import UNLIMITED, Budget
from anonfaces.cluster.mdav import mdav
from anonfaces.cluster.search import COLD, HOT, Search

__all__ = ["anneal", "local_search"]

_TRIES = {"fast": (1_500, 2_000_000), "default": (25_000, 25_000_000), "best": (60_000, 90_000_000)}
_LEGS = 50
_QUIET = 1e-9


def local_search(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
) -> np.ndarray:
    """MDAV, then every change that lowers the loss until none is found.

    The changes are those of ``_moves``: relocate, swap, pass on, cycle of three, create and
    dissolve a group, among a person's nearest others.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0, faces of a person.
        k: people a group at least; no group gets more than 2k - 1.
        rng: where the order of the tries comes from.
        budget: only its time limit counts.

    Returns:
        int64 (p,), group numbers from 0.
    """
    if len(points) > 2 * BLOCK:
        return anneal_in_blocks(points, weights, k, rng, budget, hot=0.0)
    search = Search(points, weights, k, rng, mdav(points, weights, k, rng))
    before = np.inf
    while search.loss < before * (1 - _QUIET) and not budget.spent():
        before = search.loss
        search.leg(0.0, 1.0, 8 * search.candidates.size)
    return search.best


def anneal(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
) -> np.ndarray:
    """MDAV, then simulated annealing: worse changes are taken too, ever more seldom.

    The work is a number of tries that follows from the effort and the number of people, so
    the same seed gives the same groups unless the time limit cuts it short.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0, faces of a person.
        k: people a group at least; no group gets more than 2k - 1.
        rng: where the chances come from.
        budget: effort, time limit, and whom to tell.

    Returns:
        int64 (p,), group numbers from 0: the best seen.

    Kirkpatrick, Gelatt and Vecchi, "Optimization by simulated annealing", Science 1983.
    """
    if len(points) > 2 * BLOCK:
        return anneal_in_blocks(points, weights, k, rng, budget)
    search = Search(points, weights, k, rng, mdav(points, weights, k, rng))
    each, most = _TRIES[budget.effort]
    tries = min(each * len(points), most) // _LEGS
    heat, cool = HOT * search.loss / len(points), (COLD / HOT) ** (1 / _LEGS)
    for leg in range(_LEGS):
        search.leg(heat, cool, tries)
        heat *= cool
        budget.report((leg + 1) / _LEGS, search.loss)
        if budget.spent():
            break
    return search.best

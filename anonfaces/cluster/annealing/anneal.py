"""Search over groupings: to the next local optimum, or further by simulated annealing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event
from typing import NamedTuple

import numpy as np

from anonbase.cores import count_cores
from anonfaces.cluster.annealing.blocks import WHOLE, anneal_in_blocks
from anonfaces.cluster.annealing.search import T_END, T_START, TABLE, Search, heat_units
from anonfaces.cluster.beginnings import LARGE, beginnings
from anonfaces.cluster.budget import UNLIMITED, Budget, stride
from anonfaces.cluster.constraints.limits import Limits
from anonfaces.cluster.one_column import is_exact, one_column, runs
from anonfaces.cluster.set_partition.column_generation import chosen
from anonfaces.cluster.set_partition.recombine import recombine

__all__ = ["anneal", "local_search"]

_LEGS = 40
_TO_COOL = 0.9  # of the time; the rest is for what comes between
_QUIET = 1e-9
_COORDINATES = 200  # that cost as much time as all else in a try
_MEMBERS = 75  # of a group; with more a try takes longer in proportion
_LOOKED = 40  # candidates that a descent looks at for each person, on average
_WARM = 0.1  # what keeps limits is found again with difficulty once it is given up


class _Plan(NamedTuple):
    """Generations of runs; each but the first goes on from the best of all groups so far."""

    runs: int
    each: int  # tries a person
    most: int  # tries
    beyond: tuple[int, int]  # runs and tries above 2,048 people, where each try costs less
    temperatures: tuple[float, ...]  # first heat of each generation
    priced: int  # largest k at which whole groups are chosen before the last generation


_PLANS = {
    "fast": _Plan(2, 1_000, 1_100_000, (1, 4_600_000), (T_START,), 0),
    "default": _Plan(2, 9_000, 9_000_000, (2, 12_000_000), (T_START, 0.1), 2),
    "best": _Plan(5, 12_000, 12_000_000, (4, 24_000_000), (T_START, 0.1, 0.1), 4),
}


def local_search(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
    limits: Limits | None = None,
) -> np.ndarray:
    """MDAV, then every change that lowers the loss until none is found.

    For large k it goes on from the best of several quick methods (``beginnings``).

    The changes are those of ``_moves``: relocate, swap, pass on, cycle of three, create and
    dissolve a group, among a person's nearest others.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0, faces of a person.
        k: people a group at least; no group gets more than 2k - 1.
        rng: where the order of the tries comes from.
        budget: only its time limit counts.
        limits: what the groups must keep beside their size; with them a group may get more
            than 2k - 1 people, where nothing else helps.

    Returns:
        int64 (p,), group numbers from 0.
    """
    if len(points) > (WHOLE if limits is None else TABLE):
        return anneal_in_blocks(points, weights, k, rng, budget, hot=0.0, limits=limits)
    start = beginnings(points, weights, k, rng, limits)[0]
    return _descended(Search(points, weights, k, rng, start, limits), budget)


def _planned(budget: Budget, points: np.ndarray, k: int) -> tuple[_Plan, int]:
    """The plan of an effort, and the tries of each run.

    Without a table a try costs more the more coordinates there are, and the more people a group
    has. Many people take fewer and longer runs: of two that are too short neither gets far.
    """
    plan = _PLANS[budget.effort]
    if len(points) <= TABLE:
        return plan, min(plan.each * len(points), plan.most)
    runs, most = plan.beyond
    most = int(most / (1 + points.shape[1] / _COORDINATES) / max(1, k / _MEMBERS))
    return plan._replace(runs=runs), most


def _descended(search: Search, budget: Budget) -> np.ndarray:
    """Only what lowers the loss, until nothing does."""
    before, tries = np.inf, 8 * len(search.candidates) * min(search.candidates.shape[1], _LOOKED)
    while search.loss < before * (1 - _QUIET) and not budget.spent():
        before = search.loss
        search.stage(0.0, 1.0, tries)
    return search.best


def anneal(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget = UNLIMITED,
    limits: Limits | None = None,
) -> np.ndarray:
    """MDAV, then simulated annealing: worse changes are taken too, ever more seldom.

    People who differ in one column alone, and weigh the same, get the best groups there are
    (``one_column``). For large k other quick methods take part as well (``beginnings``).

    Several runs, in threads; then the best grouping that can be made of all their groups
    (``recombine``), from which the next, cooler runs go on. For small k the last of them start
    from the best choice of groups that column generation finds (``chosen``): k = 2 with the
    effort ``default``, up to 4 with ``best``; from 5 on none was found in reasonable time.
    Beyond 8,192 people in blocks.
    With a time limit, Ctrl-C ends the search and the best so far is returned.

    The work is a number of tries that follows from the effort and the number of people, so
    the same seed gives the same groups unless the time limit cuts it short.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0, faces of a person.
        k: people a group at least; no group gets more than 2k - 1.
        rng: where the chances come from.
        budget: effort, time limit, and whom to tell.
        limits: as in ``local_search``.

    Returns:
        int64 (p,), group numbers from 0: the best seen.

    Kirkpatrick, Gelatt and Vecchi, "Optimization by simulated annealing", Science 1983.
    """
    values = None if limits is not None else one_column(points, k)
    if values is not None and is_exact(weights):
        return runs(values, weights, k)
    budget, quick = replace(budget, stopped=Event()), None  # a stop is for this search alone
    if budget.time_limit is not None and budget.effort != "fast":  # which is never cut off hot
        fast = replace(budget, effort="fast", progress=None)
        quick = _annealed(points, weights, k, rng.spawn(1)[0], fast, limits, None)
    return _annealed(points, weights, k, rng, budget, limits, quick)


def _annealed(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget,
    limits: Limits | None,
    quick: np.ndarray | None,
) -> np.ndarray:
    """``anneal``, no worse than the groups ``quick`` if there are such."""
    if len(points) > (WHOLE if limits is None else TABLE):
        hot = T_START if limits is None and k < LARGE else _WARM
        return anneal_in_blocks(points, weights, k, rng, budget, hot, limits, start=quick)
    labels = beginnings(points, weights, k, rng, limits)
    start, labels = labels[0], labels if quick is None else [quick, *labels]
    first = Search(points, weights, k, rng, start, limits)
    warm, cold = heat_units(points, weights, start)
    plan, tries = _planned(budget, points, k)
    for done, hot in enumerate(
        plan.temperatures if limits is None else [_WARM] * len(plan.temperatures)
    ):
        runs = [first.restarted(one, labels[0]) for one in rng.spawn(plan.runs)]
        if k >= LARGE and limits is None:
            hot = _WARM  # what a clustering of all knows is not found again once it is molten
        message = partial(_tell, budget, done, len(plan.temperatures))
        task = partial(
            _cooled, hot * warm, T_END * cold, tries, budget, _share(budget, plan, done), message
        )
        _in_threads(task, runs, budget)
        candidates = [run.best for run in runs] + labels
        labels = [recombine(points, weights, candidates, _part(budget)), *labels]
        if budget.spent():
            break
        if limits is None and k <= plan.priced and done == len(plan.temperatures) - 2:
            labels.insert(0, chosen(points, weights, k, labels, budget))
    return _descended(first.restarted(rng, labels[0]), budget)


def _in_threads(task: Callable[[Search], None], runs: list[Search], budget: Budget) -> None:
    """Run them all; with a time limit Ctrl-C ends them early and what they found is kept."""
    with ThreadPoolExecutor(count_cores()) as pool:
        try:
            list(pool.map(task, runs))
        except KeyboardInterrupt:
            budget.stop()
            if budget.time_limit is None:
                raise


def _share(budget: Budget, plan: _Plan, done: int) -> float | None:
    """Seconds for each run of a generation, of those that are left; some run one after another."""
    left, turns = budget.left(), -(-plan.runs // count_cores())
    return None if left is None else _TO_COOL * left / (turns * (len(plan.temperatures) - done))


def _part(budget: Budget) -> float | None:
    left = budget.left()
    return None if left is None else left / 4


def _cooled(
    hot: float,
    cold: float,
    tries: int,
    budget: Budget,
    seconds: float | None,
    message: Callable[[float, float], None],
    run: Search,
) -> None:
    cooling = (cold / hot) ** (1 / _LEGS) if hot > 0 else 1.0
    stage, step = 0.0, 1.0
    while stage < _LEGS and not budget.spent():
        began = time.monotonic()
        run.stage(hot * cooling**stage, cooling**step, tries // _LEGS)
        stage += step
        message(stage, run.loss)
        step = stride(_LEGS, stage, time.monotonic() - began, seconds)


def _tell(budget: Budget, done: int, generations: int, stage: float, loss: float) -> None:
    budget.report((done + min(1.0, stage / _LEGS)) / generations, loss)

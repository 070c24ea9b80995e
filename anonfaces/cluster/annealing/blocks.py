"""Sets too large for one table of distances: annealed in blocks whose borders move.

A block is some hundred whole groups that hang together in the graph of nearest neighbours. Each
block is annealed by itself, in threads, from one heat to the next; then the blocks are drawn
anew from other seeds, in turns breadth first and by most ties, so what a border kept apart in one
round meets in the next. A last round takes only what lowers the loss.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from anonbase.cores import count_cores
from anonfaces.cluster.annealing.enforce import begin
from anonfaces.cluster.annealing.search import T_END, T_START, Search, heat_units
from anonfaces.cluster.baselines.mdav import mdav
from anonfaces.cluster.beginnings import beginnings, is_quick
from anonfaces.cluster.budget import Budget, stride
from anonfaces.cluster.constraints.limits import Limits, limits_at
from anonfaces.cluster.kernels import compiled
from anonfaces.cluster.neighbours import nearest
from anonfaces.cluster.people import between

__all__ = ["BLOCK", "WHOLE", "anneal_in_blocks", "draw_blocks", "people_in_a_block"]

WHOLE = 8192  # people that are annealed at once
BLOCK = 4096  # people; their vectors fit into a core's share of the cache
_FIRST = 1024  # people of a block in which MDAV makes the first groups: it compares them all
_LIMITED = 1024  # people of a block whose groups keep limits: they need a table of distances
_GROUPS = 8  # of k people that a block has room for at least
_NEIGHBOURS = 16
_PLAN = {  # rounds, tries in all, but in a round at least so many a person
    "fast": (8, 4_000_000, 30),
    "default": (16, 25_000_000, 55),
    "best": (48, 400_000_000, 210),
}


def anneal_in_blocks(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    rng: np.random.Generator,
    budget: Budget,
    hot: float = T_START,
    limits: Limits | None = None,
    *,
    start: np.ndarray | None = None,
    stage: tuple[int, int] = (0, 1),
    crowd: int = 0,
    threads: int | None = None,
) -> np.ndarray:
    """Groups of k to 2k - 1 of many people, int64 (p,).

    Arguments as every method's; ``hot`` is the first heat in ``heat_units``, with 0 only what
    lowers the loss is done. The last round is at heat 0, and what is returned is the best seen.
    ``start`` int64 (p,) are groups to go on from (MDAV's in blocks otherwise), ``leg`` (i, of)
    says which of how many equal stretches of the cooling to do, ``crowd`` of how many people
    these are a part, which share the work that an effort means, ``threads`` how many (one a
    core); the groups do not depend on it.
    """
    points, weights = np.ascontiguousarray(points), np.ascontiguousarray(weights)
    graph = nearest(points, _NEIGHBOURS)
    if start is None:
        start = _start(points, weights, graph, k, rng, limits, threads)
    label = start
    rounds, total, least = _PLAN[budget.effort]
    tries = max(least, total // (rounds * max(crowd, len(points))))
    warm, cold = heat_units(points, weights, start)
    cooling = (T_END * cold / (hot * warm)) ** (1 / rounds) if hot * warm > 0 else 1.0
    temperature, rounds = hot * warm * cooling ** (rounds * stage[0] / stage[1]), rounds // stage[1]
    done, step, seconds = 0.0, 1.0, budget.left()
    most = people_in_a_block(k, BLOCK if limits is None else _LIMITED)
    best, lowest = label, between(points, weights, label)
    while done < rounds + 1 and not budget.spent():
        began, cooler = time.monotonic(), cooling**step
        if done >= rounds:
            label, temperature, cooler, tries = best, 0.0, 1.0, tries // 2
        leg_of = partial(_anneal_block, points, weights, k, label, limits, graph)
        task = partial(leg_of, temperature, cooler, tries)
        try:
            blocks = draw_blocks(label, graph, rng, most, tied=round(done) % 2 == 1)
            label = _joined(len(points), blocks, _in_threads(task, blocks, rng, threads))
            done, temperature, loss = (
                done + step,
                temperature * cooler,
                between(points, weights, label),
            )
            best, lowest = (label, loss) if loss < lowest else (best, lowest)
            budget.report(min(1.0, done / (rounds + 1)), loss)
        except KeyboardInterrupt:
            budget.stop()
            if budget.time_limit is None:
                raise
            break
        step = stride(rounds, done, time.monotonic() - began, seconds) if done < rounds else 1.0
    return best


def people_in_a_block(k: int, least: int = BLOCK) -> int:
    """How many people a block has: enough for several groups of k, however large k is."""
    return max(least, _GROUPS * k)


def draw_blocks(
    label: np.ndarray,
    graph: np.ndarray,
    rng: np.random.Generator,
    most: int = BLOCK,
    *,
    tied: bool = False,
) -> list[np.ndarray]:
    """Rows of each block: whole groups that hang together, about ``most`` people.

    Args:
        label: int64 (p,), group numbers from 0.
        graph: int64 (p, c), near others of every person.
        rng: where the blocks grow from.
        most: people.
        tied: next comes who is tied most often to the block so far, otherwise who is nearest to
            its seed. The first hangs together better, the second has other borders every time.
    """
    count = int(label.max()) + 1
    block = (_grown if tied else _spread)(
        label,
        np.argsort(label, kind="stable"),
        np.bincount(label, minlength=count),
        graph,
        rng.permutation(count),
        most,
    )[label]
    order = np.argsort(block, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(block[order])) + 1)


@compiled
def _spread(label: Any, member: Any, size: Any, graph: Any, seeds: Any, most: int) -> Any:
    """Block of each group, int64 (g,): breadth first from one seed after the other."""
    first = np.zeros(len(size) + 1, np.int64)
    first[1:] = np.cumsum(size)
    block, queue = np.full(len(size), -1), np.empty(len(size), np.int64)
    now, people, head, tail = 0, 0, 0, 0
    for seed in seeds:
        if block[seed] >= 0:
            continue
        block[seed] = now
        queue[tail] = seed
        tail += 1
        while head < tail:
            g = queue[head]
            if people and people + size[g] > most:
                block[queue[head:tail]] = -1
                now, people = now + 1, 0
                if g != seed:
                    tail = head
                    break
                block[g] = now
            head += 1
            people += size[g]
            for i in member[first[g] : first[g + 1]]:
                for j in graph[i]:
                    if block[label[j]] < 0:
                        block[label[j]] = now
                        queue[tail] = label[j]
                        tail += 1
    return block


@compiled
def _grown(label: Any, member: Any, size: Any, graph: Any, seeds: Any, most: int) -> Any:
    """Block of each group, int64 (g,): next comes who is tied most often to the block so far."""
    first = np.zeros(len(size) + 1, np.int64)
    first[1:] = np.cumsum(size)
    block, ties = np.full(len(size), -1), np.zeros(len(size), np.int64)
    border, width, now, people = np.empty(len(size), np.int64), 0, 0, 0
    for seed in seeds:
        g = seed if block[seed] < 0 else -1
        while g >= 0:
            if people and people + size[g] > most:
                ties[border[:width]] = 0
                width, now, people = 0, now + 1, 0
            block[g] = now
            people += size[g]
            for i in member[first[g] : first[g + 1]]:
                width = _tied(label[graph[i]], block, ties, border, width)
            g, width = _closest(block, ties, border, width)
    return block


@compiled
def _tied(near: Any, block: Any, ties: Any, border: Any, width: int) -> int:
    """Count the ties to the groups ``near``; how many groups the border has then."""
    for h in near:
        if block[h] < 0:
            if ties[h] == 0:
                border[width] = h
                width += 1
            ties[h] += 1
    return width


@compiled
def _closest(block: Any, ties: Any, border: Any, width: int) -> Any:
    """The group of the border with the most ties, or -1; and how many are still in it."""
    best, kept = -1, 0
    for h in border[:width]:
        if block[h] < 0:
            border[kept] = h
            kept += 1
            if best < 0 or ties[h] > ties[best]:
                best = h
    return best, kept


def _start(
    points: np.ndarray,
    weights: np.ndarray,
    graph: np.ndarray,
    k: int,
    rng: np.random.Generator,
    limits: Limits | None,
    threads: int | None,
) -> np.ndarray:
    """The best of the quick methods on everybody, where they are quick; otherwise in blocks."""
    if is_quick(points, k):
        return beginnings(points, weights, k, rng, limits)[0]
    first = partial(_mdav_in_blocks, points, weights, graph, rng, threads)
    return begin(first, points, weights, k, limits)


def _mdav_in_blocks(
    points: np.ndarray,
    weights: np.ndarray,
    graph: np.ndarray,
    rng: np.random.Generator,
    threads: int | None,
    k: int,
) -> np.ndarray:
    """MDAV in blocks of single people."""
    blocks = draw_blocks(np.arange(len(points)), graph, rng, people_in_a_block(k, _FIRST))
    if len(blocks) > 1 and len(blocks[-1]) < k:
        blocks[-2:] = [np.concatenate(blocks[-2:])]

    def task(rows: np.ndarray, own: np.random.Generator) -> np.ndarray:
        return mdav(points[rows], weights[rows], k, own)

    return _joined(len(points), blocks, _in_threads(task, blocks, rng, threads))


def _anneal_block(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    label: np.ndarray,
    limits: Limits | None,
    graph: np.ndarray,
    temperature: float,
    cooling: float,
    tries: int,
    rows: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    _, start = np.unique(label[rows], return_inverse=True)
    if start.max() == 0:
        return start
    own = None if limits is None else limits_at(limits, rows)
    near = _within(graph, rows, len(points)) if limits is None and 2 * k <= _NEIGHBOURS else None
    search = Search(points[rows], weights[rows], k, rng, start, own, near)
    search.stage(temperature, cooling, tries * len(rows))
    return search.now


def _within(graph: np.ndarray, rows: np.ndarray, people: int) -> np.ndarray:
    """The graph of the rows alone; who is not among them is replaced by the row itself."""
    place = np.full(people, -1)
    place[rows] = np.arange(len(rows))
    near = place[graph[rows]]
    return np.where(near < 0, np.arange(len(rows))[:, None], near)


def _in_threads(
    task: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    blocks: list[np.ndarray],
    rng: np.random.Generator,
    threads: int | None,
) -> Iterable[np.ndarray]:
    """The task for every block, each with a random generator of its own, in their order."""
    with ThreadPoolExecutor(threads or count_cores()) as pool:
        yield from pool.map(task, blocks, rng.spawn(len(blocks)))


def _joined(count: int, blocks: list[np.ndarray], labels: Iterable[np.ndarray]) -> np.ndarray:
    """One numbering, without gaps, over all blocks."""
    joined, used = np.empty(count, np.int64), 0
    for rows, label in zip(blocks, labels, strict=True):
        _, dense = np.unique(label, return_inverse=True)
        joined[rows] = used + dense
        used += int(dense.max()) + 1
    return joined

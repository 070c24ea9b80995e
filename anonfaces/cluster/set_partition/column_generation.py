"""A tight lower bound on the loss of every grouping, by column generation.

The least loss of a fractional choice of groups in which everybody is taken once is below that of
every grouping. Its dual gives each person a price; as long as no group costs less than its
members' prices, their sum is a bound. All groups that do are found exactly (``_sets``), so the
bound holds at every moment, however far the search has come.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from anonbase.errors import UtilityWarning
from anonbase.notices import warn_user
from anonfaces.cluster.budget import Budget
from anonfaces.cluster.kernels import compiled, squared_distances
from anonfaces.cluster.neighbours import nearest_others
from anonfaces.cluster.people import between, means
from anonfaces.cluster.set_partition import cuts, master
from anonfaces.cluster.set_partition.dual_bound import Ascent, between_bound, shares
from anonfaces.cluster.set_partition.pricing import Cheap, Prices, Pricing
from anonfaces.cluster.set_partition.recombine import members

__all__ = ["certified_bound", "chosen"]

_PEOPLE = 8192  # more would need a linear program with as many rows
_CHOSEN = 3000  # people among whose groups the best are chosen on the way; more take too long
_TABLES = 7  # of 8 bytes for every two people, that are held at a time
_FREE = 0.8  # of the memory that is free, at most
_SMALL_K = 5  # up to here the column generation gets most of the time, from here the ascent
_FIRST = 6e8  # entries of the table that the ascent looks at before anything else
_ASCENT = 0.15  # of the time
_MOST_STEPS = 10_000
_ENDLESS = 10**9
_EACH = 8  # new sets on one person in a round
_START, _KEPT, _MOST = 5, 10, 20  # sets a person: at first, after clearing up, before
_DONE = 1e-4  # relative; a bound this near the linear program's value is as good as that
_PROVEN = 1e-7
_RETREATS = 12
_TAKEN = 1e-6  # share of a set; less is rounding
_WHOLE = 6  # sets a person of which whole ones are chosen
_SOLVED, _SOLVED_BEYOND = 60, 12  # linear programs on the way to them, k up to 3 and above


def certified_bound(
    points: np.ndarray, weights: np.ndarray, k: int, label: np.ndarray, budget: Budget
) -> float:
    """A lower bound on the weighted sum of squared errors of any groups of k or more people.

    The best that was proven when the time limit is reached, or Ctrl-C pressed, or nothing more
    can be had; for k up to 5 often within 2 % of the optimum, for k of 10 within some 20 %, for
    then there are too many sets to look at and the ascent of ``between_bound`` goes on in their
    place. Beyond 8,192 people, or where memory is short, the bound is that of ``between_bound``.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0.
        k: people a group at least.
        label: int64 (p,), a grouping that was found; the better, the sooner the bound is good.
        budget: its time limit.

    Returns:
        The bound, >= 0 and <= the loss of ``label``.

    Warns:
        UtilityWarning: the time could not be used, or brought nothing.

    Aloise, Hansen, Rocha and Santi, "Column generation bounds for numerical microaggregation",
    2014; Castro, Gentile and Spagnolo, "An algorithm for the microaggregation problem using
    column generation", 2022.
    """
    loss, why_not = between(points, weights, label), _impossible(len(points))
    if why_not or loss <= 0:
        known = between_bound(points, weights, k, loss)
        if known < loss:
            warn_user(
                f"certify: {why_not}; the bound is the one that comes without it", UtilityWarning
            )
        return known
    proof = _Proof(points, weights, k, label)
    try:
        proof.run(budget)
    except KeyboardInterrupt:
        budget.stop()
    in_vain = budget.spent() and proof.bound <= proof.quick * (1 + _PROVEN)
    if in_vain and proof.quick < loss * (1 - _PROVEN) and not budget.stopped.is_set():
        warn_user("certify: the time was too short to prove more than without it", UtilityWarning)
    return min(max(0.0, proof.bound), loss)


def _impossible(people: int) -> str:
    """Why nothing more can be proven of so many people; '' where it can."""
    if people > _PEOPLE:
        return f"{people:,} people are too many for a sharper proof ({_PEOPLE:,} at most)"
    needed, free = 8 * _TABLES * people**2, _free_memory()
    if needed > _FREE * free:
        return f"a proof for {people:,} people needs {needed / 1e9:.1f} GB of free memory"
    return ""


def _free_memory() -> float:
    """Bytes that are free, infinite where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        return float("inf")


class _Proof:
    """A bound that grows: by the ascent on prices, then by columns, then by the ascent again."""

    def __init__(self, points: np.ndarray, weights: np.ndarray, k: int, label: np.ndarray) -> None:
        self.given = points, weights, k
        self.label, self.loss = label, between(points, weights, label)
        self.unit = self.loss / len(points)
        self.ascent = Ascent(points, weights, k, self.loss)
        self.rounds: _ColumnGeneration | None = None
        self.quick = 0.0  # what comes without asking for a proof

    @property
    def bound(self) -> float:
        """What is proven so far."""
        columns = 0.0 if self.rounds is None else self.rounds.bound * self.unit
        return max(columns, float(self.ascent.shares.sum()))

    def run(self, budget: Budget) -> None:
        """Until the time is over, or nothing more is to be had."""
        points, weights, k = self.given
        easy = (len(points) <= _CHOSEN and k <= _SMALL_K) or budget.time_limit is None
        self.ascent.run(min(_MOST_STEPS, int(_FIRST / len(points) ** 2)))
        self.quick = float(self.ascent.shares.sum())
        if self.quick >= self.loss * (1 - _PROVEN):
            return
        if not easy:
            share = _ASCENT if k <= _SMALL_K else 1 - _ASCENT
            self.ascent.run(_ENDLESS, lambda: _used(budget) >= share)
        start = self.ascent.shares / self.unit
        self.rounds = _ColumnGeneration(points / np.sqrt(self.unit), weights, k, self.label, start)
        self.rounds.run(budget)
        if not (easy or self.rounds.proven()):
            self.ascent.run(_ENDLESS, budget.spent)


def _used(budget: Budget) -> float:
    return 0.0 if budget.time_limit is None else budget.seconds() / budget.time_limit


def chosen(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    labels: list[np.ndarray],
    budget: Budget,
) -> np.ndarray:
    """The best grouping of the groups of some and of all those that the prices find worth it.

    For k = 2 that is the optimum or all but; for k = 3 about 1 % better than a long search.

    Args:
        points: float64 (p, d), one row a person.
        weights: float64 (p,), > 0.
        k: people a group at least.
        labels: int64 (p,) each, groupings, the best first.
        budget: its time limit.

    Returns:
        int64 (p,), no worse than the first of ``labels``; that one where Ctrl-C was pressed and
        there is a time limit.
    """
    loss = between(points, weights, labels[0])
    if len(points) > _CHOSEN or loss <= 0:
        return labels[0]
    unit = loss / len(points)
    start = shares(points, weights, k, loss, "default") / unit
    try:
        rounds = _ColumnGeneration(points / np.sqrt(unit), weights, k, labels[0], start)
        rounds.run(budget, _SOLVED if k <= 3 else _SOLVED_BEYOND)
        return labels[0] if budget.spent() else rounds.whole(labels, budget)
    except KeyboardInterrupt:
        if budget.time_limit is None:
            raise
        budget.stop()
        return labels[0]


class _ColumnGeneration:
    """Prices that are proven, and the sets that they came from; the loss is scaled to p."""

    def __init__(
        self, points: np.ndarray, weights: np.ndarray, k: int, label: np.ndarray, start: np.ndarray
    ) -> None:
        d2 = squared_distances(np.ascontiguousarray(points))
        self.pricing = Pricing(d2, np.ascontiguousarray(weights), k)
        self.people, self.bound = len(points), -np.inf
        self.centre = Prices(start, np.zeros(0))
        self.fine = np.maximum(0.01, 2 * _joining(points, weights, label))
        own = [np.flatnonzero(label == g) for g in np.unique(label)]
        near = np.hstack([np.arange(self.people)[:, None], nearest_others(d2, k - 1)])
        self.sets = np.full((0, self.pricing.most), self.people)
        self._add(np.concatenate([self._filled(own), self._filled(list(near)), self._seeds()]))

    def run(self, budget: Budget, programs: int = 10**9) -> None:
        """Rounds until nothing is cheap, then cuts, then rounds, until there are no cuts."""
        while not self.proven() and not budget.spent() and programs > 0:
            programs -= 1
            left = _left(budget)
            sets = self.sets
            solved = master.solve(self.pricing, sets, self.fine, left)
            if solved is None:
                return
            self._clear(solved)
            if self._improve(solved, budget) and not self._converged(solved):
                continue
            if self._fined(solved):
                continue
            corner = master.solve(self.pricing, sets, self.fine, left, corner=True) or solved
            more = cuts.violated(self.pricing, sets, corner.share)
            if not more:
                return
            self._cut(more)

    def whole(self, labels: list[np.ndarray], budget: Budget) -> np.ndarray:
        """The best choice of whole groups: of ``labels``, and of the sets nearest to the prices."""
        own = [self._filled(members(label)) for label in labels]
        order = np.argsort(self.pricing.reduced(self.centre, self.sets), kind="stable")
        near = self.sets[order[: _WHOLE * self.people]]
        sets, at = np.unique(np.concatenate([*own, near]), axis=0, return_inverse=True)
        known = np.zeros(len(sets))
        known[at.ravel()[: len(own[0])]] = 1
        table, allowed = master.cover(self.pricing, sets), self.pricing.inside.sum(axis=0) // 2
        taken = master.choose(self.pricing.losses(sets), table, allowed, known, _left(budget))
        label = np.full(self.people + 1, -1)
        for g, rows in enumerate(sets[taken]):
            label[rows] = g
        return label[:-1]

    def proven(self) -> bool:
        """Whether the bound is all that the grouping loses."""
        return self.bound >= self.people * (1 - _PROVEN)

    def _converged(self, solved: master.Solved) -> bool:
        return solved.value - self.bound <= _DONE * self.people

    def _fined(self, solved: master.Solved) -> bool:
        """Whether somebody rather stood alone: then that becomes twice as dear."""
        self.fine[solved.alone > _TAKEN] *= 2
        return bool((solved.alone > _TAKEN).any())

    def _clear(self, solved: master.Solved) -> None:
        """Of too many sets, those that cost most above the prices go."""
        if len(self.sets) > _MOST * self.people:
            order = np.argsort(self.pricing.reduced(solved.prices, self.sets), kind="stable")
            self.sets = self.sets[np.sort(order[: _KEPT * self.people])]

    def _improve(self, solved: master.Solved, budget: Budget) -> int:
        """Prices between the proven ones and the linear program's; how many sets were new.

        The prices of a linear program over few sets are far off. On the way to them few sets are
        cheap, and the repaired prices are a better bound; the nearer that is, the further we go.
        """
        back = min(0.5, 10 * (solved.value - self.bound) / self.people)
        for _ in range(_RETREATS):
            if budget.spent():
                return 0
            taken = self._take(self.centre.towards(solved.prices, 1 - back))
            if taken is None:
                back = (1 + back) / 2
                continue
            new = self._add(_few(taken, self.people))
            if new or back == 0:
                return new
            back = back / 2 if back > 0.1 else 0.0
        return 0

    def _take(self, prices: Prices) -> Cheap | None:
        columns = self.pricing.cheap(prices)
        if columns is not None:
            bound = self.pricing.bound(columns.safe)
            if bound > self.bound:
                self.bound, self.centre = bound, columns.safe
        return columns

    def _cut(self, more: list[list[int]]) -> None:
        self.pricing.add_cuts(more)
        self.centre = Prices(self.centre.person, np.append(self.centre.cut, np.zeros(len(more))))

    def _seeds(self) -> np.ndarray:
        """Sets that would be cheap if everybody paid more, enough for a first program."""
        found = self._take(self.centre)
        for raised in 1.05 ** np.arange(1, 40):
            if found is not None and len(found.sets) > _START * self.people:
                break
            prices = Prices(self.centre.person * raised, self.centre.cut)
            more = self.pricing.cheap(prices)
            if more is None:
                break
            found = more
        return self.sets if found is None else _few(found, self.people, 2 * _START * self.pricing.k)

    def _filled(self, groups: list[np.ndarray]) -> np.ndarray:
        out = np.full((len(groups), self.pricing.most), self.people)
        for row, group in zip(out, groups, strict=True):
            row[: len(group)] = group
        return out

    def _add(self, sets: np.ndarray) -> int:
        before = len(self.sets)
        self.sets = np.unique(np.concatenate([self.sets, np.sort(sets, axis=1)]), axis=0)
        return len(self.sets) - before


def _joining(points: np.ndarray, weights: np.ndarray, label: np.ndarray) -> np.ndarray:
    """What it costs that a person joins the best of the other groups, float64 (p,)."""
    _, label = np.unique(label, return_inverse=True)
    centre, mass = means(points, label, int(label.max()) + 1, weights)
    if len(centre) == 1:
        return np.full(len(points), np.inf)
    d2 = np.square(points).sum(axis=1)[:, None] + np.square(centre).sum(axis=1)
    d2 = np.maximum(d2 - 2 * points @ centre.T, 0)
    rise = d2 * weights[:, None] * mass / (weights[:, None] + mass)
    rise[np.arange(len(points)), label] = np.inf
    return rise.min(axis=1)


def _left(budget: Budget) -> float | None:
    return None if budget.time_limit is None else budget.time_limit - budget.seconds()


def _few(found: Cheap, people: int, each: int = _EACH) -> np.ndarray:
    order = np.argsort(found.reduced, kind="stable")
    return found.sets[_chosen(found.sets, order, people, each)]


@compiled
def _chosen(sets: Any, order: Any, people: int, each: int) -> Any:
    """The cheapest sets, until each has a member who has enough of them."""
    count, kept = np.zeros(people, np.int64), np.zeros(len(order), np.bool_)
    for s in order:
        least = each
        for i in sets[s]:
            if i < people:
                least = min(least, count[i])
        if least < each:
            kept[s] = True
            for i in sets[s]:
                if i < people:
                    count[i] += 1
    return kept

"""The choice among given groups so that everybody is in one: fractional, with prices, or whole."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from anonfaces.cluster.set_partition.pricing import Prices, Pricing

__all__ = ["Solved", "choose", "cover", "solve"]

_CALLS = 200  # how often the solver of whole choices asks whether to go on: a count, no clock
_NODES = 200  # of its branch and bound
_NEAR = 1e-5  # relative; a whole choice this close to the best is as good


class Solved(NamedTuple):
    """An optimum, or nearly: prices may be off by the solver's tolerance."""

    value: float
    share: np.ndarray  # float64 (s,), how much of each set is taken
    alone: np.ndarray  # float64 (p,), how much of each person is in no set
    prices: Prices


def solve(
    pricing: Pricing,
    sets: np.ndarray,
    fine: np.ndarray,
    seconds: float | None = None,
    corner: bool = False,
) -> Solved | None:
    """Every person in one set altogether, cuts kept, at the least loss.

    By HiGHS' interior point method without crossover: the prices lie in the middle of all that
    are optimal, and fewer rounds are needed than with those of a corner.

    Args:
        pricing: losses and cuts.
        sets: int64 (s, 2k - 1), filled up with p.
        fine: float64 (p,), for being in no set: the most that a person can be asked to pay.
        seconds: time limit.
        corner: go on to a corner, of which the shares are few and large: better for cuts.

    Returns:
        None if the limit came first.
    """
    from scipy.sparse import csc_array, eye_array, hstack

    options = {"solver": "ipm", "run_crossover": "on" if corner else "off"}
    solver = _solver(options, seconds)
    p, cuts = len(fine), pricing.inside.shape[1]
    table = csc_array(hstack([cover(pricing, sets), eye_array(p + cuts, p)]))
    cost = np.append(pricing.losses(sets), fine)
    solver.passModel(_program(cost, table, pricing.inside.sum(axis=0) // 2))
    solver.run()
    solution = solver.getSolution()
    if _late(solver) or not solution.dual_valid:
        return None
    price = np.array(solution.row_dual)
    share, alone = np.split(np.array(solution.col_value), [len(sets)])
    prices = Prices(price[:p], np.maximum(0, -price[p:]))
    return Solved(solver.getObjectiveValue(), share, alone, prices)


def choose(
    cost: np.ndarray, table: Any, allowed: np.ndarray, known: np.ndarray, seconds: float | None
) -> np.ndarray:
    """Whole sets, every person in one of them, that cost least together.

    HiGHS' branch and bound, ended by counts, so that the same sets give the same answer on
    every machine, unless a time limit comes first.

    Args:
        cost: float64 (s,).
        table: sparse (p + q, s), who is in a set; then how many pairs of each cut.
        allowed: float64 (q,), pairs of each cut that can be taken.
        known: float64 (s,), 1 for the sets of a choice that was found, 0 for the others.
        seconds: time limit.

    Returns:
        bool (s,), no worse than ``known``.
    """
    import highspy

    solver = _solver({"mip_max_nodes": _NODES, "mip_rel_gap": _NEAR}, seconds)
    program = _program(cost / max(cost.max(), np.finfo(float).tiny), table, allowed)
    program.integrality_ = [highspy.HighsVarType.kInteger] * len(cost)
    solver.passModel(program)
    start = highspy.HighsSolution()
    start.col_value = known.tolist()
    solver.setSolution(start)
    calls = iter(range(_CALLS))
    solver.cbMipInterrupt += lambda event: event.interrupt(next(calls, None) is None)
    solver.run()
    values = np.array(solver.getSolution().col_value)
    return (values if len(values) == len(cost) else known) > 0.5


def cover(pricing: Pricing, sets: np.ndarray) -> Any:
    """A row a person and a cut, a column a set."""
    from scipy.sparse import csc_array, vstack

    p = len(pricing.weights)
    real = sets < p
    ends = np.append(0, real.sum(axis=1).cumsum())
    people = csc_array((np.ones(ends[-1]), sets[real], ends), shape=(p, len(sets)))
    parts = np.array_split(sets, len(sets) // 5000 + 1)
    cuts = vstack([csc_array(pricing.pairs(part)) for part in parts]).T
    return csc_array(vstack([people, cuts]))


def _solver(options: dict[str, Any], seconds: float | None) -> Any:
    import highspy

    solver = highspy.Highs()
    for name, value in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(name, value)
    if seconds is not None:
        solver.setOptionValue("time_limit", max(0.1, seconds))
    return solver


def _late(solver: Any) -> bool:
    import highspy

    return solver.getModelStatus() == highspy.HighsModelStatus.kTimeLimit


def _program(cost: np.ndarray, table: Any, allowed: np.ndarray) -> Any:
    """Least cost: 1 in each row of a person, at most ``allowed`` in those of the cuts."""
    import highspy

    rows, columns = table.shape
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = rows, columns
    program.col_cost_, program.col_lower_ = cost, np.zeros(columns)
    program.col_upper_ = np.full(columns, highspy.kHighsInf)
    program.row_lower_ = np.append(
        np.ones(rows - len(allowed)), np.full(len(allowed), -highspy.kHighsInf)
    )
    program.row_upper_ = np.append(np.ones(rows - len(allowed)), allowed)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_ = table.indptr, table.indices
    program.a_matrix_.value_ = table.data
    return program

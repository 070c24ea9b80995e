"""The linear program over some groups: how much of each to take, and what its people should pay."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from anonfaces.cluster.pricing import Prices, Pricing

__all__ = ["Solved", "solve"]


class Solved(NamedTuple):
    """An optimum, or nearly: prices may be off by the solver's tolerance."""

    value: float
    share: np.ndarray  # float64 (s,), how much of each set is taken
    alone: np.ndarray  # float64 (p,), how much of each person is in no set
    prices: Prices


def solve(
    pricing: Pricing, sets: np.ndarray, fine: np.ndarray, seconds: float | None = None
) -> Solved | None:
    """Every person in one set altogether, cuts kept, at the least loss.

    By HiGHS' interior point method without crossover: the prices lie in the middle of all that
    are optimal, and fewer rounds are needed than with those of a corner.

    Args:
        pricing: losses and cuts.
        sets: int64 (s, 2k - 1), filled up with p.
        fine: float64 (p,), for being in no set: the most that a person can be asked to pay.
        seconds: time limit.

    Returns:
        None if the limit came first.
    """
    import highspy

    solver = highspy.Highs()
    options = {"output_flag": False, "threads": 1, "solver": "ipm", "run_crossover": "off"}
    for name, value in options.items():
        solver.setOptionValue(name, value)
    if seconds is not None:
        solver.setOptionValue("time_limit", max(0.1, seconds))
    solver.passModel(_program(pricing, sets, fine))
    solver.run()
    if solver.getModelStatus() == highspy.HighsModelStatus.kTimeLimit:
        return None
    found, p = solver.getSolution(), len(pricing.weights)
    if not found.dual_valid:
        return None
    price = np.array(found.row_dual)
    prices = Prices(price[:p], np.maximum(0, -price[p:]))
    share, alone = np.split(np.array(found.col_value), [len(sets)])
    return Solved(solver.getObjectiveValue(), share, alone, prices)


def _program(pricing: Pricing, sets: np.ndarray, fine: np.ndarray) -> Any:
    import highspy

    table = _table(pricing, sets)
    p, (cuts, columns) = len(fine), (pricing.inside.shape[1], table.shape[1])
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = p + cuts, columns
    program.col_cost_ = np.append(pricing.losses(sets), fine)
    program.col_lower_ = np.zeros(columns)
    program.col_upper_ = np.full(columns, highspy.kHighsInf)
    program.row_lower_ = np.append(np.ones(p), np.full(cuts, -highspy.kHighsInf))
    program.row_upper_ = np.append(np.ones(p), pricing.inside.sum(axis=0) // 2)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = table.indptr
    program.a_matrix_.index_ = table.indices
    program.a_matrix_.value_ = table.data
    return program


def _table(pricing: Pricing, sets: np.ndarray) -> Any:
    """A row a person and a cut; a column a set, and then a person alone."""
    from scipy.sparse import csc_array, eye_array, hstack, vstack

    p = len(pricing.weights)
    real = sets < p
    ends = np.append(0, real.sum(axis=1).cumsum())
    people = csc_array((np.ones(ends[-1]), sets[real], ends), shape=(p, len(sets)))
    parts = np.array_split(sets, len(sets) // 5000 + 1)
    cuts = vstack([csc_array(pricing.pairs(part)) for part in parts]).T
    return csc_array(hstack([vstack([people, cuts]), eye_array(p + cuts.shape[0], p)]))

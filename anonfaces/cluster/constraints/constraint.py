"""What a data owner demands of every group beside k people, column by column.

``same``: one value, so that groups never mix. ``l_diversity``: at least so many different values
among the people of a group (Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam, "l-diversity",
2007; the distinct kind). ``t_closeness``: the values of a group's people are distributed as
everybody's but for a distance t (Li, Li and Venkatasubramanian, "t-closeness", 2007): the total
variation of words, the ordered earth mover's distance of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np

from anonbase.errors import GuaranteeError, InputError
from anonbase.text import pluralize
from anonfaces.cluster.constraints.columns_of_people import Column
from anonfaces.cluster.constraints.limits import CATEGORIES, DIVERSITY, ORDERED, Limits, limits_of

__all__ = ["Constraint", "asked", "bounds", "check_feasible", "limits", "reached"]

SAME, L_DIVERSITY, T_CLOSENESS = "same", "l_diversity", "t_closeness"
_EXAMPLES = {"--l-diversity": "age:3", "--t-closeness": "gender:0.2"}
_ROUNDING = 1e-9
_CELLS = 10_000_000


@dataclass(frozen=True)
class Constraint:
    """One demand on one column.

    Attributes:
        kind: ``same``, ``l_diversity`` or ``t_closeness``.
        column: its name.
        bound: different values at least (l), distance at most (t), values at most (same: 1).
        reached: the same of the group that is worst off; NaN before there are groups.
        numbers: whether the column holds numbers.
    """

    kind: str
    column: str
    bound: float
    reached: float = float("nan")
    numbers: bool = False

    def __str__(self) -> str:
        """As one would say it on the command line."""
        bound = "" if self.kind == SAME else f":{self.bound:g}"
        return f"--{self.kind.replace('_', '-')} {self.column}{bound}"

    @property
    def description(self) -> str:
        """As an error says it, to the command line and to Python."""
        return f"{self.kind.replace('_', '-')} {self.column}"

    def violation_of(self, value: float) -> bool:
        """Whether a group with ``value`` breaks it."""
        if self.kind == L_DIVERSITY:
            return value < self.bound
        return value > self.bound + _ROUNDING

    def measured(self, column: Column, group: np.ndarray) -> np.ndarray:
        """What it is about, of each group, float64 (g,); ``group`` int64 (p,) of each person."""
        parts = [self._measure(counts, column) for counts in _counts(self, column, group)]
        return np.concatenate(parts)

    def _measure(self, counts: np.ndarray, column: Column) -> np.ndarray:
        if self.kind != T_CLOSENESS:
            return (counts > 0).sum(axis=1).astype(float)
        gap = counts / counts.sum(axis=1, keepdims=True) - _shares(self, column)
        if column.ordered:
            return np.abs(np.cumsum(gap, axis=1)).sum(axis=1) / max(gap.shape[1] - 1, 1)
        return np.abs(gap).sum(axis=1) / 2

    def worst(self, measured: np.ndarray) -> int:
        """The group that is worst off."""
        return int(measured.argmin() if self.kind == L_DIVERSITY else measured.argmax())


def _codes(constraint: Constraint, column: Column) -> np.ndarray:
    """Codes from 0; who has no value has one of their own, but adds nothing to a diversity."""
    if constraint.kind == L_DIVERSITY:
        return column.code
    return np.where(column.code < 0, len(column.levels), column.code)


def _shares(constraint: Constraint, column: Column) -> np.ndarray:
    code = _codes(constraint, column)
    count = np.bincount(code[code >= 0], minlength=max(len(column.levels), 1))
    return count / max(count.sum(), 1)


def _counts(constraint: Constraint, column: Column, group: np.ndarray) -> Iterator[np.ndarray]:
    """People by group and value, some groups at a time."""
    code, groups = _codes(constraint, column), int(group.max()) + 1
    width = max(int(code.max()) + 1, len(column.levels), 1)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(groups + 1))
    for first in range(0, groups, step := max(1, _CELLS // width)):
        last = min(first + step, groups)
        rows = order[starts[first] : starts[last]]
        rows = rows[code[rows] >= 0]
        cell = (group[rows] - first) * width + code[rows]
        yield np.bincount(cell, minlength=(last - first) * width).reshape(-1, width)


def asked(same: Iterable[str], l_diversity: Any, t_closeness: Any) -> tuple[Constraint, ...]:
    """The demands in the order given; InputError for one that is none.

    Args:
        same: names of columns.
        l_diversity: name -> whole number, 2 or more; None for none.
        t_closeness: name -> number from 0 to 1; None for none.
    """
    constraints = [Constraint(SAME, name, 1) for name in dict.fromkeys(same)]
    for name, least in _pairs(L_DIVERSITY, l_diversity):
        whole = isinstance(least, Integral) and not isinstance(least, bool)
        if not whole or least < 2:
            raise InputError(f"l-diversity {name}: a whole number of 2 or more, not {least!r}")
        constraints.append(Constraint(L_DIVERSITY, name, int(least)))
    for name, most in _pairs(T_CLOSENESS, t_closeness):
        if not isinstance(most, (int, float)) or isinstance(most, bool) or not 0 <= most <= 1:
            raise InputError(f"t-closeness {name}: a distance from 0 to 1, not {most!r}")
        constraints.append(Constraint(T_CLOSENESS, name, float(most)))
    return tuple(constraints)


def bounds(option: str, texts: Iterable[str]) -> dict[str, float]:
    """Column -> number from texts like ``age:3``; InputError names the option."""
    found: dict[str, float] = {}
    for text in texts:
        column, _, number = text.rpartition(":")
        try:
            bound = float(number) if "." in number or not number.isdigit() else int(number)
        except ValueError:
            bound = math.nan
        if not column or math.isnan(bound):
            raise InputError(f"{option} {text}: expected COLUMN:NUMBER, as in {_EXAMPLES[option]}")
        if found.setdefault(column, bound) != bound:
            raise InputError(f"{option} {text}: {column} was given {found[column]:g} before")
    return found


def _pairs(kind: str, given: Any) -> Iterable[tuple[str, Any]]:
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise InputError(f"{kind}: a dict of columns is needed, as {{'age': 3}}")
    return [(str(name), value) for name, value in given.items()]


def check_feasible(
    demands: Iterable[Constraint], columns: Mapping[str, Column], parts: Mapping[str, np.ndarray]
) -> None:
    """GuaranteeError, with by how much, where no groups at all can keep a demand.

    All people of a part in one group are as diverse, and as close to everybody, as groups of
    that part can all be; so what they do not keep nobody can, and the rest can be kept.

    Args:
        demands: what is asked.
        columns: by name.
        parts: int64 rows of people that must not be mixed with others, by what they are called.
    """
    for demand in demands:
        column = columns[demand.column]
        if demand.kind == T_CLOSENESS and column.ordered and (column.code < 0).any():
            many = pluralize(int((column.code < 0).sum()), "person has", "people have")
            raise InputError(f"t-closeness {column.name}: {many} no number there")
        for name, rows in parts.items() if demand.kind != SAME else ():
            where = np.full(len(column.code), 1)
            where[rows] = 0
            best = float(demand.measured(column, where)[0])
            if demand.violation_of(best):
                raise GuaranteeError(_why_not(demand, name, best))


def _why_not(demand: Constraint, part: str, best: float) -> str:
    who = f"the people of {part}" if part else "all people"
    if demand.kind == L_DIVERSITY:
        return (
            f"l-diversity {demand.column}: {who} have {pluralize(int(best), 'different value')},"
            f" and {demand.bound:g} are asked of every group: {demand.bound - best:.0f} too many"
        )
    return (
        f"t-closeness {demand.column}: even {who} in one group are {best:.3f} away from everybody,"
        f" {best - demand.bound:.3f} more than the {demand.bound:g} asked: no groups of them can be"
        " closer"
    )


def limits(demands: Iterable[Constraint], columns: Mapping[str, Column]) -> Limits | None:
    """What the search has to keep; None where it is nothing (``same`` is kept by the strata)."""
    kept = [demand for demand in demands if demand.kind != SAME]
    if not kept:
        return None
    owned = [columns[demand.column] for demand in kept]
    kind = [
        DIVERSITY if demand.kind == L_DIVERSITY else ORDERED if column.ordered else CATEGORIES
        for demand, column in zip(kept, owned, strict=True)
    ]
    pairs = list(zip(kept, owned, strict=True))
    return limits_of(
        np.stack([_codes(*pair) for pair in pairs]),
        np.array(kind),
        np.array([demand.bound for demand in kept], float),
        [_shares(*pair) for pair in pairs],
    )


def reached(
    demands: Iterable[Constraint], columns: Mapping[str, Column], group: np.ndarray
) -> tuple[Constraint, ...]:
    """The demands with what the worst group reaches; GuaranteeError if one is not kept.

    ``group`` int64 (p,), of each person, without gaps.
    """
    done = []
    for demand in demands:
        column = columns[demand.column]
        measured = demand.measured(column, group)
        g = demand.worst(measured)
        if demand.violation_of(float(measured[g])):
            raise GuaranteeError(
                f"group {g} does not keep {demand.description}: it has {measured[g]:.3g} where"
                f" {demand.bound:g} was promised"
            )
        done.append(replace(demand, reached=float(measured[g]), numbers=column.ordered))
    return tuple(done)

"""What is asked of the groups beside k, made ready for a search, and what is said of it after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anonbase.errors import InputError
from anonbase.notices import warn_user
from anonbase.text import pluralize
from anonfaces.cluster.constraints import constraint
from anonfaces.cluster.constraints.columns_of_people import Column, check_attributes
from anonfaces.cluster.constraints.constraint import L_DIVERSITY, SAME, Constraint
from anonfaces.cluster.constraints.limits import Limits
from anonfaces.cluster.constraints.strata import strata

__all__ = ["ConstraintSet", "Plan"]


@dataclass(frozen=True)
class Plan:
    """What a search has to keep.

    Attributes:
        parts: int64 rows of people who are grouped by themselves, by what they are called.
        limits: on all people; None for none.
        size: people a group at least: k, or more where so many different values are asked.
    """

    parts: dict[str, np.ndarray]
    limits: Limits | None
    size: int


@dataclass(frozen=True)
class ConstraintSet:
    """Constraints on columns of n faces.

    Attributes:
        constraints: what is asked.
        values: (n,) of every column that is known, asked for or not.
    """

    constraints: tuple[Constraint, ...]
    values: dict[str, np.ndarray]

    @classmethod
    def of(
        cls, n: int, same: Any, l_diversity: Any, t_closeness: Any, attributes: Any
    ) -> ConstraintSet:
        """Checked arguments of ``group``; InputError that names what is wrong."""
        values = check_attributes(attributes, n)
        if same is None:
            names: tuple[str, ...] = ()
        elif attributes is None:
            names, values = ("same",), check_attributes({"same": same}, n)
        else:
            names = (same,) if isinstance(same, str) else tuple(map(str, same))
        asked = constraint.asked(names, l_diversity, t_closeness)
        for one in asked:
            if one.column not in values:
                there = ", ".join(sorted(values)) or "none"
                raise InputError(
                    f"{one.description}: no column {one.column!r} (the columns are: {there}); give"
                    f" attributes={{{one.column!r}: its value for each face}}"
                )
        return cls(asked, values)

    @property
    def asked(self) -> dict[str, np.ndarray]:
        """The columns (n,) that are asked for."""
        return {one.column: self.values[one.column] for one in self.constraints}

    def plan(self, person: np.ndarray, k: int) -> Plan:
        """Make ready for the people int64 (n,) of the faces.

        Raises GuaranteeError, with by how much, where no groups can keep what is asked. A
        PrivacyWarning says that ``same`` tells a value, and who has several values.
        """
        columns = columns_of(self.asked, person)
        same = [self.values[one.column] for one in self.constraints if one.kind == SAME]
        parts = strata(person, _together(same), k)
        constraint.check_feasible(self.constraints, columns, parts)
        diverse = [int(one.bound) for one in self.constraints if one.kind == L_DIVERSITY]
        _warn_of_strata(same, len(parts))
        for column in columns.values():
            _warn_of_several(column)
        return Plan(parts, constraint.limits(self.constraints, columns), max(k, *diverse, 2))

    def warn_of_constants(self, person: np.ndarray, label: np.ndarray, k: int) -> None:
        """PrivacyWarning for each column, not asked for, that is the same all over some group.

        Values known of fewer than ``k`` of its people say nothing of a group.
        """
        loose = {name: self.values[name] for name in self.values if name not in self.asked}
        for column in columns_of(loose, person).values():
            known = column.code >= 0
            pairs = np.unique(np.stack([label[known], column.code[known]]), axis=1)[0]
            groups = int(label.max()) + 1
            one = np.bincount(pairs, minlength=groups) == 1
            constant = int((one & (np.bincount(label[known], minlength=groups) >= k)).sum())
            if constant and len(column.levels) > 1:
                warn_user(
                    f"{column.name!r} is the same for everybody in {constant} of {groups} groups:"
                    " whoever knows that somebody is in one of them knows it of them"
                    f" (l-diversity {column.name}:2 makes groups differ)",
                )


def columns_of(values: Mapping[str, np.ndarray], person: np.ndarray) -> dict[str, Column]:
    """Columns of people from columns of faces; ``person`` int64 (n,)."""
    return {name: Column.of(name, one, person) for name, one in values.items()}


def _together(columns: list[np.ndarray]) -> np.ndarray | None:
    """One text a face that tells all the columns; None without any."""
    if not columns:
        return None
    if len(columns) == 1:
        return columns[0]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return np.array([", ".join(map(repr, row)) for row in rows])


def _warn_of_strata(same: list[np.ndarray], parts: int) -> None:
    if same:
        warn_user(
            f"groups are kept within {pluralize(parts, 'value')} of a column: whoever sees a group"
            " knows its members' value",
        )


def _warn_of_several(column: Column) -> None:
    if column.several:
        which = "middle one" if column.ordered else "most frequent one"
        warn_user(
            f"{pluralize(column.several, 'person has', 'people have')} several values of"
            f" {column.name!r}: each counts with the {which}",
        )

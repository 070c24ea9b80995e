"""What people are, column by column: one value a person, from the values of their faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from anonbase.errors import InputError
from anonbase.identity_names import fold_name
from anonbase.notices import warn_user
from anonfaces.cluster.checks import check_texts

__all__ = ["Column", "check_attributes"]

_TOLD = 5  # values that a warning lists


@dataclass(frozen=True)
class Column:
    """A column of p people with m different values.

    Attributes:
        name: of the column.
        code: int64 (p,), the value of each person as a place in ``levels``; -1: not known.
        levels: (m,), the different values in rising order.
        ordered: whether the values are numbers.
        several: how many people have faces with different values.
    """

    name: str
    code: np.ndarray
    levels: np.ndarray
    ordered: bool
    several: int

    @classmethod
    def of(cls, name: str, values: np.ndarray, person: np.ndarray) -> Column:
        """The column of (n,) values of faces; ``person`` int64 (n,) tells whose face it is.

        Somebody with several values has the middle one of numbers (of two the lower), and of
        words the most frequent (of equals the first in the alphabet), so nobody gets a value
        that no face has. Faces without a value do not count, unless a person has no other.
        """
        ordered = values.dtype.kind != "U"
        known = np.isfinite(values) if ordered else values != ""
        different, code = np.unique(values[known], return_inverse=True)
        of, people = person[known], int(person.max()) + 1
        choose = _middle if ordered else _most_frequent
        chosen = np.full(people, -1)
        chosen[np.unique(of)] = choose(of, code)
        pairs = np.unique(np.stack([of, code]), axis=1)[0]
        several = int((np.bincount(pairs, minlength=people) > 1).sum())
        return cls(name, chosen, different, ordered, several)


def _middle(person: np.ndarray, code: np.ndarray) -> np.ndarray:
    """The lower median of each person's codes, in the order of the people."""
    order = np.lexsort((code, person))
    _, first, count = np.unique(person[order], return_index=True, return_counts=True)
    return code[order][first + (count - 1) // 2]


def _most_frequent(person: np.ndarray, code: np.ndarray) -> np.ndarray:
    pairs, count = np.unique(np.stack([person, code]), axis=1, return_counts=True)
    order = np.lexsort((pairs[1], -count, pairs[0]))
    _, first = np.unique(pairs[0][order], return_index=True)
    return pairs[1][order][first]


def check_attributes(attributes: Any, n: int) -> dict[str, np.ndarray]:
    """Columns by name: float64 (n,) of numbers, NaN where missing, or str (n,), '' where missing.

    Args:
        attributes: a DataFrame, or a mapping of names to (n,) values; None for no column.
        n: faces.

    Raises:
        InputError: not one value a face.
    """
    if attributes is None:
        return {}
    if not hasattr(attributes, "keys"):
        raise InputError("attributes: a DataFrame or a dict of columns is needed")
    return {str(name): _values(attributes[name], n, str(name)) for name in attributes.keys()}  # noqa: SIM118 - a DataFrame's too


def _values(values: Any, n: int, name: str) -> np.ndarray:
    if hasattr(values, "to_numpy"):
        values = _from_pandas(values)
    table = np.asarray(values)
    if table.shape != (n,):
        raise InputError(f"attribute {name!r}: one value a face is needed, {n}, not {table.shape}")
    if table.dtype.kind in "iuf":
        numbers = table.astype(np.float64)
        return np.where(np.isfinite(numbers), numbers, np.nan)
    return _folded(check_texts(table, n, f"attribute {name!r}"), name)


def _folded(words: np.ndarray, name: str) -> np.ndarray:
    """Words that differ by case and blanks alone as one, the most frequent way to write it.

    Three spellings of one value would count as three, and a group of one value as diverse.
    """
    ways, count = np.unique(words, return_counts=True)
    spelled: dict[str, list[str]] = {}
    for way in ways[np.argsort(-count, kind="stable")].tolist():
        spelled.setdefault(fold_name(way).casefold(), []).append(way)
    several = [one for one in spelled.values() if len(one) > 1]
    if several:
        message = "; ".join(", ".join(map(repr, one)) for one in several[:_TOLD])
        warn_user(
            f"column {name!r}: values that differ by case or blanks alone count as one: {message}"
        )
    chosen = {way: fold_name(one[0]) for one in spelled.values() for way in one}
    return np.array([chosen[word] for word in words.tolist()], dtype=str)


def _from_pandas(values: Any) -> np.ndarray:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_numeric_dtype(values) and not is_bool_dtype(values):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return values.astype(object).where(values.notna(), None).to_numpy(dtype=object)

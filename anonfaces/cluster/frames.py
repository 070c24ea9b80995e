"""Tables as statisticians have them, made into numbers: what cannot be one is told by its column.

pandas, and through Arrow's interface for streams also Arrow itself, polars and others. Columns of
bool, whole and decimal numbers count, nullable or backed by Arrow, and columns of objects that
are all numbers. Words are refused, and so are missing values: groups of people of whom a part is
unknown would be groups of guesses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.errors import InputError
from anonbase.text import pluralize

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "as_frame",
    "doubt_of_name",
    "doubtful_columns",
    "holds_numbers",
    "numbers_of",
    "refuse_doubtful",
]

_NUMBERS = (Real, Decimal, np.bool_)  # what a column of objects may hold
_TOLD = 5  # columns that a message names
_RUNNING = 10  # rows; fewer whole numbers may be in order by chance
_INDEX = re.compile(r"|index|level_\d+|unnamed: ?\d+|__index_level_\d+__", re.IGNORECASE)
_LABEL = re.compile(r"labels?|target", re.IGNORECASE)
_ID = re.compile(
    r"(.*[\s_.\-])?(id|ids|uid|uuid|guid|pid|key)|.*[a-z](Id|ID)|row(_?(nr|no|number))?"
)


def as_frame(X: Any) -> pd.DataFrame | None:
    """A pandas DataFrame of any kind of data frame; None where ``X`` is none."""
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return X
    if (
        hasattr(X, "__arrow_c_stream__") and getattr(X, "ndim", 2) == 2
    ):  # Arrow's own tables, polars, DuckDB and others
        import pyarrow

        return pyarrow.table(X).to_pandas()
    return None


def numbers_of(frame: pd.DataFrame, name: str, way_out: str = "") -> np.ndarray:
    """The columns as float64 (n, d), all finite.

    Args:
        frame: the columns.
        name: of the table, for messages.
        way_out: what else can be done with a column that is refused.

    Raises:
        InputError: a column of words, or with values that are missing; the message names it.
    """
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]  # two may have one name
    odd = [column.name for column in columns if not holds_numbers(column)]
    if odd:
        raise InputError(
            f"{name}: columns that are not numbers: {_few(odd)}: leave them out,"
            f" or give each value a column of 0 and 1{way_out}"
        )
    table = np.empty(frame.shape)
    for place, column in enumerate(columns):
        table[:, place] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    holes = ~np.isfinite(table)
    if holes.any():
        worst = [
            column
            for column, some in zip(frame, np.atleast_1d(holes.any(axis=0)), strict=True)
            if some
        ]
        rows = np.flatnonzero(holes.any(axis=1))
        raise InputError(
            f"{name}: missing values (NaN or infinity) in {pluralize(len(worst), 'column')}"
            f" ({_few(worst)}) and {pluralize(len(rows), 'row')}, first in row {rows[0]}: fill them"
            " in first (by scikit-learn's imputers, or sdcMicro's kNN and IRMI in R), or leave out"
            f" those rows or columns{way_out}"
        )
    return table


def holds_numbers(column: pd.Series) -> bool:
    """Whether the values are numbers or bool, some of them missing maybe."""
    from pandas.api import types

    if types.is_object_dtype(column.dtype):
        return all(isinstance(value, _NUMBERS) for value in column.dropna())
    return types.is_bool_dtype(column.dtype) or (
        types.is_numeric_dtype(column.dtype) and not types.is_complex_dtype(column.dtype)
    )


def _few(columns: Sequence[Any]) -> str:
    told = ", ".join(str(column) for column in columns[:_TOLD])
    return told if len(columns) <= _TOLD else f"{told}, … ({len(columns)} in all)"


def refuse_doubtful(name: str, doubts: Mapping[str, str]) -> None:
    """InputError that tells what each of the columns looks like, and the ways out; if any."""
    if not doubts:
        return
    told = ", ".join(f"{column!r} ({why})" for column, why in [*doubts.items()][:_TOLD])
    one = next(iter(doubts))
    raise InputError(
        f"{name}: columns that say which row it is, and not what it is like: {told}. Leave them out"
        f" (--leave-out {one!r}; in Python leave_out=), or say that they name the person"
        f" (--identity column:{one}); if they are measured after all, take={[one]!r} in Python's"
        " read_input, or give them another name"
    )


def doubtful_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Columns of numbers that say which row it is and not what it is like, and why we think so.

    An index that pandas wrote, a label, a running number, whole numbers that all differ and have
    few gaps, a column that is named like an id.
    """
    doubts = {str(name): doubt_of_name(str(name)) or _doubt(frame[name]) for name in frame}
    return {name: why for name, why in doubts.items() if why}


def doubt_of_name(name: str) -> str:
    """What a column of that name is in place of a dimension, '' for nothing known.

    >>> doubt_of_name("Unnamed: 0"), doubt_of_name("subject_id"), doubt_of_name("width")
    ('an index that pandas wrote', 'named like an id', '')
    """
    name = name.strip()
    if _INDEX.fullmatch(name):
        return "an index that pandas wrote"
    if _LABEL.fullmatch(name):
        return "a label"
    return "named like an id" if _ID.fullmatch(name) or name.upper() == "ID" else ""


def _doubt(column: pd.Series) -> str:
    if len(column) < _RUNNING or column.dtype.kind not in "iu":
        return ""
    steps = np.diff(column.to_numpy().astype(np.float64))
    if (steps == 1).all() or (steps == -1).all():
        return "a running number"
    values = np.sort(column.to_numpy().astype(np.float64))
    if (np.diff(values) > 0).all() and values[-1] - values[0] < 2 * len(values):
        return "a number of its own for every row"
    return ""

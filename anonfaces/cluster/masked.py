"""The microaggregated table: every row of a table replaced by the means of its group.

This is what a statistical office releases: as many rows as there were, in the same units and
types, of which each stands at least k times.

Domingo-Ferrer and Mateo-Sanz, "Practical data-oriented microaggregation for statistical
disclosure control", IEEE Transactions on Knowledge and Data Engineering 14(1), 2002.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from anonbase.errors import InputError, OutputError
from anonbase.files import atomic_write
from anonbase.notices import warn_user

if TYPE_CHECKING:
    import pandas as pd

    from anonfaces.cluster.groups import Groups

__all__ = ["Order", "check_masked", "masked_table", "write_masked"]

Order = Literal["shuffled", "kept"]
_TABLES = (".csv", ".parquet")


def masked_table(
    frame: pd.DataFrame, groups: Groups, *, order: Order = "shuffled", seed: int | None = None
) -> pd.DataFrame:
    """The table with each group's means in place of its rows.

    Parameters
    ----------
    frame : DataFrame, shape (n, d)
        The columns that were grouped, in their own units; its rows are those of ``groups``.
    groups : Groups
        What `group` returned for them. Groups of a weighted set have weighted means.
    order : {"shuffled", "kept"}
        Kept order tells, to whoever has the order of the original, which row was whose.
    seed : int, optional
        Of the order; None is another one every time.

    Returns
    -------
    DataFrame, shape (n, d)
        Whole numbers are rounded, of bool the more frequent value is taken; types are kept.

    Warns
    -----
    PrivacyWarning
        Exact means can be undone by whoever knows all but one of a group; and the order is kept.

    Examples
    --------
    >>> import numpy as np, pandas as pd, warnings
    >>> from anonfaces import group
    >>> people = pd.DataFrame({"age": [20, 21, 60, 62], "income": [1.0, 2.0, 8.0, 9.0]})
    >>> warnings.simplefilter("ignore")
    >>> masked_table(people, group(people, 2, np.arange(4)), order="kept")["age"].tolist()
    [20, 20, 61, 61]
    """
    _check_order(order)
    if frame.shape != (len(groups), groups.centroids.shape[1]):
        message = f"{len(groups)} rows and {groups.centroids.shape[1]} columns"
        raise InputError(f"a table of {message} was grouped, and this one has {frame.shape}")
    rows = np.arange(len(frame))
    if order == "shuffled":
        rows = np.random.default_rng(seed).permutation(rows)
    means = groups.centroids[groups.labels[rows]]
    masked = {name: _like(frame[name], means[:, at]) for at, name in enumerate(frame)}
    _warn(order)
    import pandas as pd

    return pd.DataFrame(masked)


def _check_order(order: str) -> None:
    if order not in get_args(Order):
        raise InputError(f"the order of a masked table is shuffled or kept, not {order!r}")


def _like(column: pd.Series, means: np.ndarray) -> Any:
    """The means in the type of the column."""
    import pandas as pd
    from pandas.api import types

    if types.is_bool_dtype(column.dtype):
        return pd.Series(means >= 0.5).astype(column.dtype)
    if types.is_integer_dtype(column.dtype):
        return pd.Series(np.rint(means).astype(np.int64)).astype(column.dtype)
    if types.is_float_dtype(column.dtype):
        return pd.Series(means).astype(column.dtype)
    whole = all(float(value).is_integer() for value in column)
    return pd.Series(np.rint(means).astype(np.int64) if whole else means)


def _warn(order: Order) -> None:
    warn_user(
        "the masked table holds the exact means of each group: whoever knows all of its people but"
        " one can subtract them, and k counts people who know only themselves"
    )
    if order == "kept":
        warn_user(
            "the masked table keeps the order of the original: whoever knows that order knows"
            " which row is whose, and so who shares a group"
        )


def check_masked(source: Path, path: Path, order: str = "shuffled") -> None:
    """InputError or OutputError, before any work, where ``write_masked`` would be refused."""
    _check_order(order)
    for file in (source, path):
        if file.suffix.lower() not in _TABLES:
            raise InputError(f"{file}: a masked table is made of a table, as one ({_TABLES})")
    if path.exists():
        raise OutputError(f"{path}: there is something already: name another file")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"{path}: there is no such folder")


def write_masked(
    source: Path,
    groups: Groups,
    columns: tuple[str, ...],
    path: Path,
    *,
    order: Order = "shuffled",
    seed: int | None = None,
) -> None:
    """Write the masked table of a file that was grouped, whole or not at all.

    Args:
        source: the table, ``.csv`` or ``.parquet``.
        groups: of its rows.
        columns: those that were the embedding, as ``Vectors.columns``; the others (names above
            all) are left out.
        path: the file to write, ``.csv`` or ``.parquet``; it must not be there.
        order: of the rows, see ``masked_table``.
        seed: of the order.
    """
    import pandas as pd

    check_masked(source, path, order)
    read = pd.read_csv if source.suffix.lower() == ".csv" else pd.read_parquet
    frame = read(source)
    missing = [name for name in columns if name not in frame]
    if missing or not columns:
        raise InputError(f"{source}: was grouped by columns that a masked table cannot have")
    masked = masked_table(frame[list(columns)], groups, order=order, seed=seed)
    with atomic_write(path) as beside:
        if path.suffix.lower() == ".csv":
            masked.to_csv(beside, index=False)
        else:
            masked.to_parquet(beside, index=False)

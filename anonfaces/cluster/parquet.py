"""Which columns of a Parquet file are the embedding, and how they become a matrix.

One idea of it for both readers, of files that fit into memory and of those that do not.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from anonbase.errors import InputError
from anonfaces.cluster.frames import doubt_of_name, refuse_doubtful

__all__ = ["BESIDE", "embedding_columns", "matrix", "width"]

_EMBEDDING = "embedding"
BESIDE = ("identity", "person", "image", "path", "file", "filename", "extractor")


def embedding_columns(
    file: Path, schema: Any, aside: Collection[str | None] = (), take: Collection[str] = ()
) -> list[str]:
    """The column ``embedding`` of lists if there is one, otherwise all columns of numbers.

    Args:
        file: for messages.
        schema: pyarrow's.
        aside: columns that are something else; those that are named for it are known.
        take: columns that are dimensions whatever they are named.

    Raises:
        InputError: a column of something else, or one whose name says that it is no dimension.
    """
    if _EMBEDDING in schema.names and _EMBEDDING not in aside:
        if not _is_list(kind := schema.field(_EMBEDDING).type):
            raise InputError(
                f"{file}: the column {_EMBEDDING} holds {kind}, not lists of numbers: leave it out"
                f" (--leave-out {_EMBEDDING}), or name it otherwise"
            )
        return [_EMBEDDING]
    beside = {*BESIDE, *aside} - {*take}
    fields = [schema.field(name) for name in schema.names if name not in beside]
    odd = [field.name for field in fields if not _is_number(field.type)]
    if odd or not fields:
        message = f"columns that are not numbers: {', '.join(odd[:5])}" if odd else "no numbers"
        out = f" (--leave-out {odd[0]}; in Python leave_out=)" if odd else ""
        raise InputError(
            f"{file}: {message}: leave them out{out}; the embedding is a column of numbers for each"
            f" dimension, or one column {_EMBEDDING!r} of lists"
        )
    doubts = {field.name: doubt_of_name(field.name) for field in fields if field.name not in take}
    refuse_doubtful(str(file), {name: why for name, why in doubts.items() if why})
    return [field.name for field in fields]


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    known = (types.is_floating, types.is_integer, types.is_boolean, types.is_decimal, types.is_null)
    return any(is_kind(kind) for is_kind in known)


def width(file: Path, schema: Any, columns: list[str]) -> int:
    """Dimensions of the embedding."""
    from pyarrow import types
    from pyarrow.parquet import ParquetFile

    if columns != [_EMBEDDING]:
        return len(columns)
    kind = schema.field(_EMBEDDING).type
    if types.is_fixed_size_list(kind):
        return int(kind.list_size)
    first = next(ParquetFile(file).iter_batches(1, columns=[_EMBEDDING]))
    return len(first.column(0)[0])


def matrix(table: Any, columns: list[str], dtype: type) -> np.ndarray:
    """The columns of a pyarrow table as (n, d), NaN where a number is missing.

    Raises:
        ValueError: lists that are missing or of different lengths.
    """
    if columns != [_EMBEDDING]:
        parts = [table[name].to_pandas().to_numpy(dtype, na_value=np.nan) for name in columns]
        return np.column_stack(parts)
    lists = table[_EMBEDDING].combine_chunks()
    lengths = lists.value_lengths().to_numpy(zero_copy_only=False)
    if lists.null_count or not len(lists) or (lengths != lengths[0]).any():
        raise ValueError("embeddings of different lengths")
    flat = lists.flatten().to_numpy(zero_copy_only=False).astype(dtype)
    return flat.reshape(len(lists), -1)

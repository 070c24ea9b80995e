"""What a grouping needs of its input, checked in one place before anything is computed."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from anonbase.errors import GuaranteeError, InputError

__all__ = ["check_embedding", "check_identity", "check_k", "check_weights"]

_LARGEST = 1e100  # squares, and sums of very many of them, stay finite


def check_k(k: object) -> int:
    """``k`` as an int; GuaranteeError below 2, InputError if it is not a whole number."""
    if isinstance(k, bool) or not isinstance(k, Integral):
        raise InputError(f"k is a whole number of people, not {k!r}")
    if k < 2:
        raise GuaranteeError(f"k is 2 or more, not {k}: a group of one person hides nobody")
    return int(k)


def check_embedding(X: object, name: str = "the embeddings") -> np.ndarray:
    """``X`` as float64 (n, d), n and d >= 1, all finite; InputError otherwise."""
    try:
        table = np.asarray(X)
    except ValueError as error:
        raise InputError(f"{name}: rows of different lengths") from error
    if table.ndim != 2 or 0 in table.shape:
        raise InputError(f"{name}: a table of faces x dimensions is needed, not {table.shape}")
    if table.dtype.kind not in "fiub":
        raise InputError(f"{name}: numbers are needed, not {table.dtype}")
    table = np.asarray(table, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise InputError(
            f"{name}: NaN or infinity in {len(bad)} of {len(table)} rows, first in row {bad[0]}"
        )
    largest = float(np.abs(table).max())
    if largest > _LARGEST:
        raise InputError(f"{name}: numbers up to {largest:g} cannot be squared: scale them down")
    return table


def check_identity(identity: object, n: int, name: str = "identity") -> np.ndarray:
    """``identity`` as str (n,), surrounding blanks removed; '' stands for unknown.

    None, NaN and other missing values count as unknown.
    """
    names = np.asarray(identity, dtype=object)
    if names.shape != (n,):
        raise InputError(f"{name}: one name a face is needed, {n} of them, not {names.shape}")
    return np.array(["" if _missing(name) else str(name).strip() for name in names], dtype=str)


def check_weights(weights: object, n: int) -> np.ndarray | None:
    """``weights`` as float64 (n,), all finite and > 0; None stays; InputError otherwise."""
    if weights is None:
        return None
    try:
        table = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"weights: numbers are needed: {error}") from error
    if table.shape != (n,):
        raise InputError(f"weights: one number a face is needed, {n} of them, not {table.shape}")
    if not (np.isfinite(table) & (table > 0)).all():
        raise InputError("weights: finite numbers > 0 are needed")
    return table


def _missing(name: object) -> bool:
    return name is None or name != name  # NaN of any kind differs from itself

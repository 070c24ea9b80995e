"""What a grouping needs of its input, checked in one place before anything is computed."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from anonbase.errors import GuaranteeError, InputError
from anonbase.identity_names import confusable_names, fold_name
from anonbase.notices import warn_user

__all__ = [
    "check_column_weights",
    "check_embedding",
    "check_identity",
    "check_k",
    "check_texts",
    "check_weights",
    "warn_of_confusable",
]

_TOLD = 5  # groups of names that a warning lists

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
    table = _table(X, name)
    if table.ndim != 2 or 0 in table.shape:
        raise InputError(f"{name}: a table of faces x dimensions is needed, not {table.shape}")
    if table.dtype.kind not in "fiub":
        raise InputError(f"{name}: numbers are needed, not {table.dtype}")
    table = np.asarray(table, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise InputError(
            f"{name}: NaN or infinity in {len(bad)} of {len(table)} rows, first in row {bad[0]}:"
            " leave those rows out, or fill the gaps in first"
        )
    largest = float(np.abs(table).max())
    if largest > _LARGEST:
        raise InputError(f"{name}: numbers up to {largest:g} cannot be squared: scale them down")
    return table


def _table(X: object, name: str) -> np.ndarray:
    """What numpy makes of ``X``; data frames and objects column by column."""
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise InputError(f"{name}: a sparse matrix; dense vectors are needed: give X.toarray()")
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
        return X
    from anonfaces.cluster.frames import as_frame, numbers_of

    frame = as_frame(X)
    try:
        table = np.asarray(X) if frame is None else np.empty(frame.shape)
    except ValueError as error:
        raise InputError(f"{name}: rows of different lengths") from error
    if frame is None and table.dtype.kind == "O" and table.ndim == 2:
        import pandas as pd

        frame = pd.DataFrame(table)
    return table if frame is None or 0 in table.shape else numbers_of(frame, name)


def check_texts(texts: object, n: int, name: str) -> np.ndarray:
    """``texts`` as str (n,), surrounding blanks removed; '' where there is none."""
    table = np.asarray(texts, dtype=object)
    if table.shape != (n,):
        raise InputError(f"{name}: one name a face is needed, {n} of them, not {table.shape}")
    return np.array(["" if _missing(text) else str(text).strip() for text in table], dtype=str)


def check_identity(identity: object, n: int, name: str = "identity") -> np.ndarray:
    """``identity`` as str (n,), '' for unknown; a name in two spellings is one name (`fold_name`).

    None, NaN, pandas' NA and other missing values count as unknown.
    """
    texts = check_texts(identity, n, name)
    folded = {text: fold_name(text) for text in set(texts.tolist())}
    return np.array([folded[text] for text in texts.tolist()], dtype=str)


def warn_of_confusable(names: np.ndarray) -> None:
    """PrivacyWarning where names differ by case, accents or punctuation alone; it lists them."""
    groups = confusable_names(names.tolist())
    if groups:
        message = "; ".join(" and ".join(map(repr, group)) for group in groups[:_TOLD])
        more = "; …" if len(groups) > _TOLD else ""
        warn_user(
            "names that differ by case, accents or punctuation alone count as different people:"
            f" {message}{more}. Where they are one person, a group that holds both has one person"
            " fewer than it says: write them alike"
        )


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
        raise InputError("weights: finite numbers > 0 are needed, and none that is zero")
    return table


def _missing(name: object) -> bool:
    """None, NaN or NaT (which differ from themselves), or pandas' NA (which says neither)."""
    return name is None or type(name).__name__ == "NAType" or bool(name != name)


def check_column_weights(weights: object, d: int) -> np.ndarray | None:
    """``weights`` as float64 (d,), all finite and > 0; None stays; InputError otherwise."""
    if weights is None:
        return None
    try:
        table = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"column weights: numbers are needed: {error}") from error
    if table.shape != (d,):
        raise InputError(
            f"column weights: one number a column is needed, {d} of them, not {table.shape}"
        )
    if not (np.isfinite(table) & (table > 0)).all():
        raise InputError("column weights: finite numbers > 0 are needed")
    return table

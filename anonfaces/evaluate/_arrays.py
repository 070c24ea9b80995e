"""What the measures take, checked in one place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["check_embedding", "check_labels", "check_surrogates", "people_of", "share_by"]

Vectors = NDArray[np.float64]


def check_embedding(embedding: NDArray[Any]) -> Vectors:
    """The originals' vectors as float64 (n, d), n > 0, all of them finite."""
    X = np.asarray(embedding, np.float64)
    if X.ndim != 2 or not X.size:
        raise InputError(f"embeddings are (faces, dimensions), not of shape {X.shape}")
    if not np.isfinite(X).all():
        raise InputError("an embedding of an original is not finite")
    return X


def check_labels(labels: NDArray[Any], n: int, groups: int) -> NDArray[np.int64]:
    """Group numbers int64 (n,), each from 0 to ``groups`` - 1, none without a face."""
    group = np.asarray(labels)
    if group.shape != (n,) or group.dtype.kind not in "iu":
        raise InputError(f"labels are {n} whole numbers, one a face")
    if group.min() < 0 or group.max() >= groups or len(np.unique(group)) != groups:
        raise InputError(f"labels number the {groups} surrogates from 0, each with a face")
    return group.astype(np.int64)


def check_surrogates(surrogate: NDArray[Any], dim: int) -> Vectors:
    """The surrogates' vectors as float64 (g, dim); a row is finite, or all NaN for no face."""
    S = np.asarray(surrogate, np.float64)
    if S.ndim != 2 or S.shape[1] != dim:
        raise InputError(f"surrogates' vectors are (groups, {dim}), not of shape {S.shape}")
    if not (np.isfinite(S).all(axis=1) | np.isnan(S).all(axis=1)).all():
        raise InputError("a surrogate's vector is finite, or NaN throughout where it has no face")
    return S


def people_of(identity: NDArray[Any] | None, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each face's person, int64 (n,); without identities every face is a person.

    ``InputError`` where a person is in two groups: there is no surrogate that is theirs.
    """
    if identity is None:
        return np.arange(len(labels))
    if np.shape(identity) != labels.shape:
        raise InputError(f"identities are {len(labels)}, one a face, not {np.shape(identity)}")
    _, first, person = np.unique(identity, return_index=True, return_inverse=True)
    if (labels != labels[first][person]).any():
        raise InputError("all faces of a person are in one group, and here they are not")
    return person


def share_by(value: NDArray[Any], by: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of ``value`` over the faces of each number in ``by``, float64 (numbers,)."""
    return np.bincount(by, value.astype(np.float64)) / np.bincount(by)

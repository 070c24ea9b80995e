"""Names that may stand for one person: what would make a group smaller than it says."""

from __future__ import annotations

import numpy as np
import pandas as pd

from anonbase.notices import warn_user
from anonbase.text import pluralize
from anonfaces.cluster.identity import close_pairs

__all__ = ["LOOKALIKE", "find_lookalikes"]

LOOKALIKE = 0.3
_MOST_FACES = 50_000


def find_lookalikes(embedding: np.ndarray, identity: np.ndarray, distance: float) -> pd.DataFrame:
    """Pairs of faces under different names that lie closer than ``distance``, or are equal.

    One photograph filed under two names counts as two people, and equal faces go to one group:
    k would not hold. In dlib's vectors ``LOOKALIKE`` = 0.3 finds five pairs among the 2,848
    names of half of LFW. Above 50,000 faces only equal vectors are looked for.

    Args:
        embedding: float (n, d).
        identity: str (n,), '' where unknown, which is nobody's name.
        distance: Euclidean; 0 finds equal vectors alone.

    Returns:
        Columns ``first``, ``second`` (rows, int64) and ``distance``, the closest pair of each
        two names, closest first.

    Warns:
        PrivacyWarning: there are such pairs; it tells how many, and never a name.
    """
    table = np.ascontiguousarray(embedding, np.float64)
    first, second = _equal(table)
    if distance > 0 and len(table) <= _MOST_FACES:
        a, b = close_pairs(table, np.arange(len(table)), distance)
        first, second = np.concatenate([first, a[a < b]]), np.concatenate([second, b[a < b]])
    known = (identity[first] != identity[second]) & (identity[first] != "")
    known &= identity[second] != ""
    pairs = _closest_of_names(table, identity, first[known], second[known])
    if len(pairs):
        warn_user(
            f"{pluralize(len(pairs), 'pair of names looks', 'pairs of names look')} like one person"
            " each (owner/lookalikes.csv): where that is so, a group that holds both has one person"
            " fewer than it says; file them together",
        )
    return pairs


def _equal(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row that has an equal before it, with the first of its equals."""
    _, first, of = np.unique(table, axis=0, return_index=True, return_inverse=True)
    original = first[of.ravel()]
    again = np.flatnonzero(original != np.arange(len(table)))
    return original[again], again


def _closest_of_names(
    table: np.ndarray, identity: np.ndarray, first: np.ndarray, second: np.ndarray
) -> pd.DataFrame:
    far = np.sqrt(np.square(table[first] - table[second]).sum(axis=1))
    pairs = pd.DataFrame({"first": first, "second": second, "distance": far})
    names = np.sort(np.stack([identity[first], identity[second]], axis=1), axis=1)
    pairs["a"], pairs["b"] = names[:, 0], names[:, 1]
    pairs = pairs.sort_values(["distance", "first", "second"]).drop_duplicates(["a", "b"])
    return pairs.drop(columns=["a", "b"]).reset_index(drop=True)

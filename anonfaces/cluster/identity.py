"""Who could be one person, from embeddings alone: on the safe side."""

from __future__ import annotations

from typing import Any

import numpy as np

from anonbase.errors import InputError
from anonbase.notices import warn_user
from anonbase.text import pluralize
from anonfaces.cluster.checks import check_embedding, check_identity

__all__ = ["THRESHOLD", "close_pairs", "estimate_identity"]

THRESHOLD = 0.5
_ROWS = 2048  # rows of distances held at a time
_SWALLOWED = 0.1  # a component with this share of the faces is no person


def estimate_identity(X: Any, known: Any = None, *, threshold: float = THRESHOLD) -> np.ndarray:
    """Names for faces without one: what could be one person counts as one.

    Faces closer than ``threshold`` are taken for one person, and so is whatever hangs together
    through such pairs (connected components). A face close to a known person counts as that
    person, never as an additional one; an unknown face that is close to two known people makes
    the two count as one, for it could be either.

    Measured on half of LFW (6,273 faces of 2,848 people, 825 of them with two faces or more,
    dlib's vectors): people with several faces that end as two or more, which is the danger,
    against the faces in the largest component, which is what chaining swallows.

    ========= ====== ====== ====== ====== ====== ======
    threshold   0.30   0.40   0.45   0.50   0.55   0.60
    split     96.2 % 71.3 % 43.0 % 19.6 %  3.0 %    0 %
    largest    1.1 %  2.6 %  5.0 % 19.3 % 84.6 % 99.6 %
    ========= ====== ====== ====== ====== ====== ======

    So no threshold is both safe and useful, and chaining grows with the number of faces: the
    default leans to the safe side of what is still a grouping. Give identities if there are any.

    Args:
        X: (n, d) embeddings of one extractor.
        known: str (n,), '' where unknown; None if nothing is known.
        threshold: Euclidean distance; the default is for dlib's 128-d vectors.

    Returns:
        str (n,): the known names, and ``unknown-<number>`` for people who have none.

    Warns:
        PrivacyWarning: always, with the number of people estimated; and once more when one
            estimated person has a tenth of the faces, which is chaining, not a person.
    """
    table = check_embedding(X)
    if not threshold > 0:
        raise InputError(f"the identity threshold is a distance > 0, not {threshold}")
    names = np.full(len(table), "") if known is None else check_identity(known, len(table))
    part = _components(table, names, threshold)
    named = _named(part, names)
    _warn(named, names, threshold)
    return named


def _components(table: np.ndarray, names: np.ndarray, threshold: float) -> np.ndarray:
    """Component of each face, int64 (n,), known people being one node each."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    known = np.flatnonzero(names != "")
    node = np.arange(len(table))
    first: dict[str, int] = {}
    for row in known.tolist():
        node[row] = first.setdefault(names[row], row)
    a, b = close_pairs(table, np.flatnonzero(names == ""), threshold)
    links = coo_array((np.ones(len(a), bool), (node[a], node[b])), shape=(len(table),) * 2)
    return connected_components(links, directed=False)[1][node]


def close_pairs(
    table: np.ndarray, unknown: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``a`` of ``unknown`` and ``b`` of any, int64 (m,) each, closer than the threshold."""
    centred = table - table.mean(axis=0)
    square = np.square(centred).sum(axis=1)
    found_a, found_b = [unknown[:0]], [unknown[:0]]
    for start in range(0, len(unknown), _ROWS):
        rows = unknown[start : start + _ROWS]
        d2 = square[rows, None] + square - 2 * centred[rows] @ centred.T
        a, b = np.nonzero(d2 < threshold**2)
        found_a.append(rows[a])
        found_b.append(b)
    return np.concatenate(found_a), np.concatenate(found_b)


def _named(part: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Every component under one name: its first known one, or a number that is not taken."""
    name: dict[int, str] = {}
    for row in np.argsort(names, kind="stable"):
        if names[row]:
            name.setdefault(part[row], names[row])
    taken, number = set(names), 0
    for one in dict.fromkeys(part.tolist()):
        while one not in name:
            number += 1
            if f"unknown-{number}" not in taken:
                name[one] = f"unknown-{number}"
    return np.array([name[one] for one in part.tolist()], dtype=str)


def _warn(named: np.ndarray, known: np.ndarray, threshold: float) -> None:
    people, faces = np.unique(named, return_counts=True)
    merged = len(set(known[known != ""]) - set(people))
    again = pluralize(merged, "name given counts", "names given count")
    message = f"; {again} as one person with another" if merged else ""
    warn_user(
        f"who is on {(known == '').sum()} of {pluralize(len(named), 'face')} was estimated from"
        f" their embeddings (closer than {threshold:g} may be one person):"
        f" {pluralize(len(people), 'person', 'people')} in all{message}; k holds only as far as"
        " that is right",
    )
    if len(named) >= 50 and faces.max() > _SWALLOWED * len(named):
        warn_user(
            f"{faces.max()} of {len(named)} faces count as one person: the estimate has chained "
            "through faces that look alike; give identities, or a smaller threshold at your risk",
        )

"""People who must not be mixed: groups within each value of a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from anonbase.errors import GuaranteeError, InputError
from anonfaces.cluster.checks import check_identity

__all__ = ["strata"]


def strata(of_face: np.ndarray, same: Any, k: int) -> dict[str, np.ndarray]:
    """The people of each value, in the order of the values; all in one where ``same`` is None.

    Args:
        of_face: int64 (n,), the person of each face.
        same: (n,), a value a face; faces of one person have one value, '' being one too.
        k: people a group at least.

    Returns:
        int64 rows of people by their value, '' where all are together.

    Raises:
        InputError: not one value a face, or a person with two.
        GuaranteeError: a value has fewer than k people; the message says how many are missing.

    Gross, Sweeney, de la Torre and Baker, "Model-based face de-identification", 2006 (k-Same-
    Select, 2005, by the same authors).
    """
    people = int(of_face.max()) + 1
    if same is None:
        return {"": np.arange(people)}
    names = check_identity(same, len(of_face), "same")
    values, code = np.unique(names, return_inverse=True)
    of_person = np.empty(people, np.int64)
    of_person[of_face] = code
    if (of_person[of_face] != code).any():
        row = int(np.flatnonzero(of_person[of_face] != code)[0])
        raise InputError(f"same: the person of face {row} has {names[row]!r} and another value")
    _check(values, np.bincount(of_person, minlength=len(values)), k)
    return {repr(str(v)): np.flatnonzero(of_person == c) for c, v in enumerate(values)}


def _check(values: np.ndarray, people: np.ndarray, k: int) -> None:
    short = [
        f"{v!r} has {n}, {k - n} short"
        for v, n in zip(values.tolist(), people.tolist(), strict=True)
        if n < k
    ]
    if short:
        raise GuaranteeError(f"k = {k} cannot be kept within every value: {'; '.join(short[:10])}")

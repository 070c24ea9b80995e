"""One surrogate face a group, behind one small protocol.

A surrogate method sees the aligned chips of one group and whose they are, and answers with one
aligned face. What it may use is the group alone: that is what the guarantee rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anonfaces.errors import InputError
from anonfaces.synthesize.k_same import KSame

__all__ = ["SURROGATES", "ChipSource", "Members", "Surrogate", "load_surrogate", "surrogates"]

BATCH_BYTES = 32 * 2**20
"""Chips of one person are read in batches of about this many bytes."""


class ChipSource(Protocol):
    """The part of a ``FaceSet`` that surrogates read: chips stay on disk until asked for."""

    @property
    def chip_size(self) -> int: ...

    def chips(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]: ...


@dataclass(frozen=True)
class Members:
    """The people of one group, in an order that does not depend on the order of the rows.

    ``rows[i]`` holds the rows of person ``i`` in ``faces``.
    """

    faces: ChipSource
    rows: tuple[NDArray[np.int64], ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def chip_size(self) -> int:
        """Side of the aligned chips in pixels."""
        return self.faces.chip_size

    def chips(self, person: int) -> Iterator[NDArray[np.uint8]]:
        """Yield the aligned RGB chips of one person, (m, s, s, 3), in batches that fit memory."""
        rows = self.rows[person]
        step = max(1, BATCH_BYTES // (3 * self.chip_size**2))
        for start in range(0, len(rows), step):
            yield self.faces.chips(rows[start : start + step])


class Surrogate(Protocol):
    """What a method of making surrogates is."""

    @property
    def name(self) -> str: ...

    def __call__(self, members: Members) -> NDArray[np.uint8]:
        """One aligned RGB face (s, s, 3) that depends on ``members`` alone."""
        ...


SURROGATES: dict[str, Callable[[], Surrogate]] = {"k-same": KSame}
"""Every method by its name; calling an entry loads it."""


def load_surrogate(name: str) -> Surrogate:
    """The method called ``name``; ``InputError`` lists the names where there is none such."""
    if name not in SURROGATES:
        raise InputError(f"no surrogate method {name!r}; there are: {', '.join(SURROGATES)}")
    return SURROGATES[name]()


def surrogates(
    faces: ChipSource, labels: NDArray[np.int64], identity: NDArray, method: Surrogate
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield ``(group, face)`` for each group in ascending order, one group in memory at a time.

    ``labels`` int64 (n,) and ``identity`` str (n,) say to which group and person each row of
    ``faces`` belongs; a face is uint8 (s, s, 3) RGB.
    """
    for group, rows in _people_by_group(labels, identity):
        yield group, method(Members(faces, rows))


def _people_by_group(
    labels: NDArray[np.int64], identity: NDArray
) -> Iterator[tuple[int, tuple[NDArray[np.int64], ...]]]:
    if not len(labels):
        return
    _, person = np.unique(identity, return_inverse=True)
    order = np.lexsort((np.arange(len(labels)), person, labels))
    new_group = np.diff(labels[order]) != 0
    new_person = new_group | (np.diff(person[order]) != 0)
    people = np.split(order, np.flatnonzero(new_person) + 1)
    group_of = np.array([labels[rows[0]] for rows in people])
    ends = [*(np.flatnonzero(np.diff(group_of)) + 1), len(people)]
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        yield int(group_of[start]), tuple(people[start:end])

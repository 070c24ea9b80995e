"""What an attacker can make with our public code: surrogates of people who are not in the set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anonfaces.evaluate.subject import Subject
    from encoders.faceset import FaceSet

__all__ = ["Practice", "practice_on"]

#: Groups without which nothing is learned.
_LEAST_GROUPS = 8
#: Strangers of whom surrogates are made, by chance: ``optimised`` takes a second or two a group.
_MOST_PEOPLE = 200


@dataclass(frozen=True)
class Practice:
    """Surrogates of strangers that an attacker made with our public code.

    ``pictures`` uint8 (s, s, 3) each; ``faces`` the strangers, ``labels`` int64 (n,) their groups.
    """

    pictures: tuple[NDArray[np.uint8], ...]
    faces: FaceSet
    labels: NDArray[np.int64]


def practice_on(subject: Subject, strangers: FaceSet | None, seed: int = 0) -> Practice | None:
    """Group up to 200 strangers and make surrogates as ``subject`` was made; None if too few.

    Without the owner's key, which the attacker does not have.
    """
    from anonfaces.cluster import group
    from anonfaces.synthesize import SELF_CONTAINED, SURROGATES, SurrogateOptions, surrogates

    if strangers is None or subject.kind != "condensed" or subject.surrogate not in SELF_CONTAINED:
        return None
    names = np.unique(strangers.identity)
    if len(names) < _LEAST_GROUPS * subject.k:
        return None
    drawn = np.random.default_rng(seed).permutation(names)
    some = np.isin(strangers.identity, drawn[: max(_MOST_PEOPLE, _LEAST_GROUPS * subject.k)])
    faces = strangers.select(np.flatnonzero(some))
    groups = group(faces.embedding, subject.k, faces.identity, effort="fast", seed=seed)
    method = SURROGATES[subject.surrogate].load(SurrogateOptions())  # an attacker has no key
    drawn_faces = surrogates(faces, groups.labels, faces.identity, method)
    return Practice(tuple(face for _, face in drawn_faces), faces, groups.labels)

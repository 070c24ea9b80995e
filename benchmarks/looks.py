"""What FaceRes takes people's looks for, and how often surrogates keep them.

FaceRes took part in nothing: neither its vectors nor its heads for age and gender are used by any
method.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge

__all__ = ["BANDS", "kept", "load_looks_judge"]

#: The first year of each band of ages but the youngest.
BANDS = (13, 25, 40, 60)


class _Looks:
    """The heads of FaceRes as an embedder: chips to years and the probability of "female"."""

    name, sha256, dim = "looks", "", 2

    def __init__(self, weights: Path | None) -> None:
        from anonfaces.evaluate.judges import faceres

        self.alignment, self.chip_size = faceres.ALIGNMENT, faceres.CHIP_SIZE
        self._heads = faceres.load_face_attributes(weights)

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen = self._heads(chips)
        return np.stack([seen["age"], seen["female"]], axis=1)


def load_looks_judge(weights: Path | None = None) -> Judge:
    """A judge whose "vectors" are years and the probability of "female"."""
    from anonfaces.evaluate.judges.judge import Judge

    return Judge(name="faceres' looks", embedder=_Looks(weights), about="age and gender")


def kept(
    people: NDArray[np.float32], surrogates: NDArray[np.float32], labels: NDArray[np.int64],
    identity: NDArray[np.str_],
) -> tuple[float, float]:  # fmt: skip
    """Share of groups whose surrogate has the gender of most members, and the band of ages.

    ``people`` (n, 2) a row a face, ``surrogates`` (g, 2): years and the probability of "female",
    NaN without a face. A person is the mean of their faces. Groups without a most frequent value
    do not count; a surrogate without a face has kept nothing.
    """
    _, first, person = np.unique(identity, return_index=True, return_inverse=True)
    count = np.bincount(person)[:, None]
    mean = np.stack([np.bincount(person, column) for column in people.T], axis=1) / count
    members, group = _classes(mean), labels[first]
    seen = _classes(surrogates)
    gender, age = (_agreement(members[:, c], seen[:, c], group) for c in (1, 0))
    return gender, age


def _classes(looks: NDArray[np.floating]) -> NDArray[np.int64]:
    """Band of ages and gender (n, 2) of years and probabilities; -1 where there is no face."""
    band, female = np.digitize(looks[:, 0], BANDS), looks[:, 1] >= 0.5
    return np.where(np.isnan(looks), -1, np.stack([band, female], axis=1))


def _agreement(
    member: NDArray[np.int64], seen: NDArray[np.int64], group: NDArray[np.int64]
) -> float:
    votes = np.zeros((len(seen), len(BANDS) + 1), np.int64)
    np.add.at(votes, (group, member), 1)
    clear = (votes == votes.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return float((votes.argmax(axis=1) == seen)[clear].mean())

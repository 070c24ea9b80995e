"""Surrogate distance: how far a face's vector lies from that of its group's surrogate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate._arrays import check_embedding, check_labels, check_surrogates, people_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SurrogateDistance", "surrogate_distance"]


@dataclass(frozen=True)
class SurrogateDistance:
    """Distances of faces to their surrogates.

    ``distance`` float64 (n,), NaN where the surrogate shows no face; ``labels`` int64 (n,) the
    groups; ``person`` int64 (n,) whose face it is.
    """

    distance: NDArray[np.float64]
    labels: NDArray[np.int64]
    person: NDArray[np.int64]

    def __repr__(self) -> str:
        mean = f"mean {self.mean:.3f}, of people {self.mean_of_people:.3f}"
        return f"SurrogateDistance({len(self.distance):,} faces, {mean}, {self.missing:,} missing)"

    @property
    def counted(self) -> NDArray[np.float64]:
        """Distances with the largest one in place of the missing; NaN if all are missing."""
        return np.where(np.isnan(self.distance), self.maximum, self.distance)

    @property
    def mean(self) -> float:
        """Over faces, as the AnonFACES paper has it (and calls information loss)."""
        return float(self.counted.mean())

    @property
    def mean_of_people(self) -> float:
        """Over people, each with equal weight whatever their number of photographs."""
        of_person = np.bincount(self.person, self.counted) / np.bincount(self.person)
        return float(of_person.mean())

    @property
    def maximum(self) -> float:
        """The largest distance that could be measured; NaN if none could."""
        seen = self.distance[~np.isnan(self.distance)]
        return float(seen.max()) if len(seen) else float("nan")

    @property
    def missing(self) -> int:
        """How many faces have a surrogate that shows no face."""
        return int(np.isnan(self.distance).sum())

    def to_pandas(self) -> pd.DataFrame:
        """One row a group: faces, people, mean, maximum, missing (all of its faces or none)."""
        import pandas as pd

        face = pd.DataFrame(
            {"group": self.labels, "person": self.person, "distance": self.distance}
        )
        by = face.groupby("group")
        table = by["distance"].agg(["size", "mean", "max", "count"])
        table.insert(1, "people", by["person"].nunique())
        table["missing"] = table["size"] - table.pop("count")
        return table.rename(columns={"size": "faces", "max": "maximum"}).reset_index()


def surrogate_distance(
    embedding: NDArray[Any],
    surrogate: NDArray[Any],
    labels: NDArray[Any],
    identity: NDArray[Any] | None = None,
) -> SurrogateDistance:
    """Euclidean distance between each face's vector and that of its group's surrogate.

    ``embedding`` (n, d); ``surrogate`` (g, d), row i that of group i and NaN where it shows no
    face; ``labels`` int (n,); ``identity`` (n,), None where every face is a person.

    Not information loss, which is ``100 SSE / SST`` of the grouping and knows no surrogates. The
    AnonFACES paper (Le et al., WPES 2020) calls this mean IL. Lower keeps more, so a missing
    surrogate counts as far as the farthest. ``InputError`` for arrays that do not fit.
    """
    X = check_embedding(embedding)
    S = check_surrogates(surrogate, X.shape[1])
    group = check_labels(labels, len(X), len(S))
    distance = np.sqrt(np.square(X - S[group]).sum(axis=1))
    return SurrogateDistance(distance, group, people_of(identity, group))

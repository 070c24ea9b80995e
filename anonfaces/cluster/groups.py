"""Groups: which face is in which group, and the promise that can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonfaces._files import replacing
from anonfaces.errors import GuaranteeError, InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Groups"]

_TABLE, _CENTROIDS = "groups.csv", "centroids.h5"


@dataclass(frozen=True)
class Groups:
    """A grouping of n faces of p people into g groups of at least k people.

    Groups are numbered by their centroids (first coordinate first), so a number says nothing
    about the order of the input.

    Attributes:
        labels: int64 (n,), group of each face, 0 to g - 1.
        identity: str (n,), the person of each face, as it was counted.
        k: people that every group has at least.
        centroids: float64 (g, d), mean of a group's faces.
        information_loss: percent, 100 * SSE / SST over faces.
        method: name of the method.
        seed: its seed.
        lower_bound: percent; no groups of k people or more can lose less. 0 claims nothing.
    """

    labels: np.ndarray
    identity: np.ndarray
    k: int
    centroids: np.ndarray
    information_loss: float
    method: str
    seed: int
    lower_bound: float = 0.0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.centroids)

    @property
    def gap(self) -> float:
        """How far the loss may be from the least possible, in percent of the loss."""
        if self.information_loss <= 0:
            return 0.0
        return 100 * (1 - self.lower_bound / self.information_loss)

    def to_pandas(self) -> pd.DataFrame:
        """One row a face: identity, group."""
        import pandas as pd

        return pd.DataFrame({"identity": self.identity, "group": self.labels})

    def sizes(self) -> pd.DataFrame:
        """One row a group: group, faces, people."""
        by_group = self.to_pandas().groupby("group")["identity"]
        return by_group.agg(faces="size", people="nunique").reset_index()

    def verify(self, identity: Any = None) -> None:
        """Raise GuaranteeError unless every group has k people and every person one group.

        Args:
            identity: str (n,), who the faces are by another source; None for the names that
                the groups were made with.
        """
        table = self.to_pandas()
        if identity is not None:
            table["identity"] = np.asarray(identity, dtype=str)
        if set(table["group"]) != set(range(self.n_groups)):
            raise GuaranteeError(f"the groups are not numbered 0 to {self.n_groups - 1}")
        people = table.groupby("group")["identity"].nunique()
        if people.min() < self.k:
            raise GuaranteeError(
                f"group {people.idxmin()} has {people.min()} people, k = {self.k} were promised"
            )
        spread = table.groupby("identity")["group"].nunique()
        if spread.max() > 1:
            raise GuaranteeError(f"{spread.idxmax()!r} is in {spread.max()} groups")

    def write(self, folder: Path, **columns: Any) -> None:
        """Write ``groups.csv`` (one row a face, secret) and ``centroids.h5`` into a folder.

        Args:
            folder: must exist.
            columns: further columns (n,) that lead the table, e.g. ``image=faces.image``.
        """
        import h5py

        table = self.to_pandas()
        for place, (name, values) in enumerate(columns.items()):
            table.insert(place, name, values)
        with replacing(folder / _TABLE) as beside:
            table.to_csv(beside, index=False)
        with replacing(folder / _CENTROIDS) as beside, h5py.File(beside, "w") as file:
            file["centroid"] = self.centroids
            file["centroid"].attrs.update(self._facts())

    def _facts(self) -> dict[str, Any]:
        names = ("k", "information_loss", "method", "seed", "lower_bound")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def read(cls, folder: Path) -> Groups:
        """Read what ``write`` wrote and verify it; InputError if that cannot be read."""
        import h5py
        import pandas as pd

        try:
            table = pd.read_csv(folder / _TABLE, dtype={"identity": str}, keep_default_na=False)
            with h5py.File(folder / _CENTROIDS) as file:
                centroids, facts = file["centroid"][:], dict(file["centroid"].attrs)
            groups = cls(
                table["group"].to_numpy(np.int64),
                table["identity"].to_numpy(dtype=str),
                int(facts["k"]),
                centroids,
                float(facts["information_loss"]),
                str(facts["method"]),
                int(facts["seed"]),
                float(facts["lower_bound"]),
            )
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"{folder}: no groups can be read there: {error}") from error
        groups.verify()
        return groups

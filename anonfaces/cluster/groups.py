"""Groups: which face is in which group, and the promise that can be checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.errors import GuaranteeError, InputError
from anonbase.files import atomic_write
from anonbase.text import pluralize
from anonfaces.cluster.constraints.constraint import Constraint, reached
from anonfaces.dataset.files import find_file, random_numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Groups"]

_TABLE, _CENTROIDS, _ATTRIBUTE = "groups.csv", "centroids.h5", "attribute "


@dataclass(frozen=True)
class Groups:
    """A grouping of n faces of p people into g groups of at least k people.

    Groups are numbered by their centroids (first coordinate first), so a number says nothing
    about the order of the input. It does say something of the embedding: what is to be published
    is numbered anew with a secret key, see ``renumbered``.

    Attributes:
        labels: int64 (n,), group of each face, 0 to g - 1.
        identity: str (n,), the person of each face, as it was counted.
        k: people that every group has at least.
        centroids: float64 (g, d), mean of a group's faces.
        information_loss: percent, 100 * SSE / SST over faces.
        method: name of the method.
        seed: its seed.
        lower_bound: percent; no groups of k people or more can lose less. 0 claims nothing.
        constraints: what else every group keeps, with what the worst group reaches.
        attributes: the columns (n,) that the constraints are about, one value a face.
    """

    labels: np.ndarray
    identity: np.ndarray
    k: int
    centroids: np.ndarray
    information_loss: float
    method: str
    seed: int
    lower_bound: float = 0.0
    constraints: tuple[Constraint, ...] = ()
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        people = self.sizes()["people"]
        groups, faces = pluralize(self.n_groups, "group"), pluralize(len(self), "face")
        return (
            f"Groups(k = {self.k}: {groups} of at least {people.min()} people, {faces} of"
            f" {people.sum():,} people; information loss {self.information_loss:.2f} %, no groups"
            f" lose less than {self.lower_bound:.2f} %; {self.method})"
        )

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

    def verify(self, identity: Any = None, attributes: Any = None) -> None:
        """Raise GuaranteeError unless every group keeps k, one group a person, and constraints.

        Args:
            identity: str (n,), who the faces are by another source; None for the names that
                the groups were made with.
            attributes: columns (n,) by another source, likewise.
        """
        table = self.to_pandas()
        if identity is not None:
            table["identity"] = np.asarray(identity, dtype=str)
        if set(table["group"]) != set(range(self.n_groups)):
            raise GuaranteeError(f"the groups are not numbered 0 to {self.n_groups - 1}")
        people = table.groupby("group")["identity"].nunique()
        if people.min() < self.k:
            raise GuaranteeError(
                f"group {people.idxmin()} has {pluralize(int(people.min()), 'person', 'people')},"
                f" k = {self.k} were promised"
            )
        spread = table.groupby("identity")["group"].nunique()
        if spread.max() > 1:
            raise GuaranteeError(f"{spread.idxmax()!r} is in {spread.max()} groups")
        self._reached(table["identity"].to_numpy(), attributes)

    def checked(self) -> Groups:
        """Verified, and with what the worst group reaches of each constraint."""
        self.verify()
        return replace(self, constraints=self._reached(self.identity, None))

    def _reached(self, identity: np.ndarray, attributes: Any) -> tuple[Constraint, ...]:
        from anonfaces.cluster.constraints.columns_of_people import Column, check_attributes

        if not self.constraints:
            return ()
        given = check_attributes(self.attributes if attributes is None else attributes, len(self))
        _, first, person = np.unique(identity, return_index=True, return_inverse=True)
        columns = {}
        for one in self.constraints:
            if one.column not in given:
                raise InputError(f"{one.description} cannot be checked: no column {one.column!r}")
            columns[one.column] = Column.of(one.column, given[one.column], person)
        return reached(self.constraints, columns, self.labels[first])

    def renumbered(self, key: bytes) -> Groups:
        """The same groups under numbers that nobody can tell without the secret ``key``.

        A number that follows the centroids, the names or the order of the input tells something
        of who is in the group. Equal groups and keys give equal numbers.
        """
        table = self.to_pandas().drop_duplicates().sort_values(["group", "identity"])
        about = "\n".join([*table["identity"], *table["group"].astype(str)])
        number = random_numbers(key, self.n_groups, about.encode("utf-8", "surrogatepass"))
        centroids = np.empty_like(self.centroids)
        centroids[number] = self.centroids
        return replace(self, labels=number[self.labels], centroids=centroids)

    def write(self, folder: Path, **columns: Any) -> None:
        """Write ``groups.csv`` (one row a face, secret) and ``centroids.h5`` into a folder.

        Columns that constraints are about come last, as ``attribute <name>``.

        Args:
            folder: must exist.
            columns: further columns (n,) that lead the table, e.g. ``image=faces.image``.
        """
        import h5py

        from anonfaces.dataset.tables import to_csv

        table = self.to_pandas()
        for place, (name, values) in enumerate(columns.items()):
            table.insert(place, name, values)
        for name, values in self.attributes.items():
            table[_ATTRIBUTE + name] = values
        with atomic_write(folder / _TABLE) as beside:
            beside.write_text(to_csv(table), encoding="utf-8")
        with atomic_write(folder / _CENTROIDS) as beside, h5py.File(beside, "w") as file:
            file["centroid"] = self.centroids
            file["centroid"].attrs.update(self._facts())

    def _facts(self) -> dict[str, Any]:
        names = ("k", "information_loss", "method", "seed", "lower_bound")
        facts = {name: getattr(self, name) for name in names}
        return facts | {"constraints": json.dumps([asdict(one) for one in self.constraints])}

    @classmethod
    def read(cls, folder: Path) -> Groups:
        """Read what ``write`` wrote and verify it; InputError if that cannot be read.

        ``folder`` is that folder, or a condensed dataset, which has them in ``owner/``.
        """
        import h5py

        from anonfaces.dataset.tables import read_csv

        try:
            with h5py.File(find_file(folder, _CENTROIDS)) as file:
                centroids, facts = file["centroid"][:], dict(file["centroid"].attrs)
            constraints = _constraints(facts)
            columns = {_ATTRIBUTE + one.column: one.numbers for one in constraints}
            words = [name for name, numbers in columns.items() if not numbers]
            table = read_csv(find_file(folder, _TABLE), ["identity", *words])
            groups = cls(
                table["group"].to_numpy(np.int64),
                table["identity"].to_numpy(dtype=str),
                int(facts["k"]),
                centroids,
                float(facts["information_loss"]),
                str(facts["method"]),
                int(facts["seed"]),
                float(facts["lower_bound"]),
                constraints,
                {name.removeprefix(_ATTRIBUTE): _column(table[name]) for name in columns},
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{folder}: no groups can be read there: {error}") from error
        groups.verify()
        return groups


def _constraints(facts: dict[str, Any]) -> tuple[Constraint, ...]:
    return tuple(Constraint(**one) for one in json.loads(facts.get("constraints", "[]")))


def _column(values: pd.Series) -> np.ndarray:
    return values.to_numpy(dtype=float if values.dtype.kind in "iuf" else str)

"""The records of a release: which file shows which group, and what its table says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from anonbase.errors import InputError
from anonfaces.publish.names import random_names, release_seed, split_groups
from anonfaces.publish.source import Source

__all__ = ["CONDENSED", "LAYOUTS", "PER_IMAGE", "Records", "lay_out", "people_of"]

CONDENSED, PER_IMAGE = "condensed", "per-image"
LAYOUTS = {
    CONDENSED: "one record a group",
    PER_IMAGE: "one record a face of the owner's photographs: its group's surrogate, in a folder"
    " a group",
}


@dataclass(frozen=True)
class Records:
    """The records of a release.

    Attributes
    ----------
    table : one row a record, sorted by path: path (in the release), group (its released name),
        number (the owner's number of the group), source (the owner's photograph or '')
    group_name : str (g,), the released name of each group, by its number
    """

    table: pd.DataFrame
    group_name: tuple[str, ...]

    def metadata(self, split: str, people: pd.Series, columns: pd.DataFrame) -> pd.DataFrame:
        """What a split's ``metadata.csv`` says: file_name, group, people and the columns.

        ``people`` and ``columns`` are by the owner's number of a group.
        """
        rows = self.table[self.table["split"] == split]
        numbers = rows["number"].to_numpy()
        table = columns.loc[numbers].reset_index(drop=True)
        table.insert(0, "people", people.loc[numbers].to_numpy())
        table.insert(0, "group", rows["group"].to_numpy())
        table.insert(0, "file_name", rows["path"].str.split("/", n=2).str[2].to_numpy())
        return table


def lay_out(source: Source, layout: str, shares: Mapping[str, float], suffix: str) -> Records:
    """Give every record its random name and its split."""
    if layout not in LAYOUTS:
        raise InputError(f"no layout {layout!r}; there are: {', '.join(LAYOUTS)}")
    seed = release_seed(source.key, layout)
    people = source.members.sort_values(["group", "identity"]).groupby("group")["identity"]
    names = random_names(seed, "group", ["\n".join(each) for _, each in people])
    split = split_groups(names, shares)
    table = _condensed(names) if layout == CONDENSED else _per_image(source, names, seed)
    number = table["number"].to_numpy()
    table["group"], table["split"] = np.array(names)[number], split[number]
    inner = table["group"] + "/" if layout == PER_IMAGE else ""
    table["path"] = "data/" + table["split"] + "/" + inner + table["name"] + suffix
    _refuse_twins(table["path"])
    return Records(table.sort_values("path", ignore_index=True), tuple(names))


def _condensed(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"name": names, "number": np.arange(len(names)), "source": ""})


def _per_image(source: Source, names: list[str], seed: bytes) -> pd.DataFrame:
    """A record a face; of several faces of a photograph each has its own."""
    face = pd.DataFrame({"number": source.groups.labels, "source": source.image})
    nth = face.groupby("source").cumcount()
    about = (f"{image}\n{n}" for image, n in zip(face["source"], nth, strict=True))
    return face.assign(name=random_names(seed, "record", about))


def _refuse_twins(paths: pd.Series) -> None:
    if paths.duplicated().any():
        raise InputError(
            "two records would have the same random name, which happens once in millions of"
            " releases: condense the photographs anew, with another secret key"
        )


def people_of(source: Source) -> pd.Series:
    """How many people each group has, by its number."""
    return source.members.groupby("group")["identity"].size()

"""The tables of a condensed dataset, and which of the user's columns may be in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

__all__ = [
    "EARLIER",
    "condensed_table",
    "group_facts",
    "not_found",
    "read_csv",
    "spread_of",
    "to_csv",
]

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_RESERVED = ("group", "people", "faces", "spread")
#: Column that says which group of an earlier release a person was in: it is never published.
EARLIER = "earlier_releases"


def to_csv(table: pd.DataFrame) -> str:
    """CSV text in which no spreadsheet takes a word for a formula.

    Words (and names of columns) that begin with = + - @, a tab or a carriage return get a single
    quote before them; those that begin so after single quotes get one more, so that
    ``read_csv`` knows which to take away again. Numbers stay as they are.
    """
    quoted = table.rename(columns=_quoted)
    for name in quoted.columns[[dtype.kind == "O" or dtype == "str" for dtype in quoted.dtypes]]:
        quoted[name] = quoted[name].map(_quoted, na_action="ignore")
    return quoted.to_csv(index=False, lineterminator="\n")


def read_csv(path: Path, words: Sequence[str]) -> pd.DataFrame:
    """Read what ``to_csv`` made; of the columns ``words`` those there as str, '' where empty."""
    kinds = {_quoted(name): str for name in words}
    table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""]).rename(
        columns=_unquoted
    )
    for name in set(words) & set(table):
        table[name] = table[name].fillna("").map(_unquoted)
    return table


def _quoted(word: object) -> object:
    return f"'{word}" if isinstance(word, str) and _FORMULA.match(word) else word


def _unquoted(word: str) -> str:
    return word[1:] if word.startswith("'") and _FORMULA.match(word) else word


def spread_of(X: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Root mean square distance of each group's faces from their mean, float64 (g,)."""
    counts = np.bincount(labels)
    sums = np.zeros((len(counts), X.shape[1]))
    np.add.at(sums, labels, X)
    squares = np.einsum("nd,nd->n", *(2 * [X - (sums / counts[:, None])[labels]]))
    return np.sqrt(np.bincount(labels, squares) / counts)


def group_facts(X: NDArray[Any], labels: NDArray[np.int64], identity: NDArray[Any]) -> pd.DataFrame:
    """What only the owner may know of the groups, one row a group: group, people, faces, spread.

    Six digits of a spread are a fingerprint: whoever holds photographs of candidates can compute
    it for every combination of them. The groups with the smallest are those to look at first.
    """
    by_group = pd.DataFrame({"group": labels, "identity": identity}).groupby("group")["identity"]
    table = pd.DataFrame({"people": by_group.nunique(), "faces": by_group.size()})
    table["spread"] = np.round(spread_of(X, labels)[table.index.to_numpy()], 6)
    return table.sort_values(["spread"]).reset_index()


def condensed_table(
    labels: NDArray[np.int64],
    identity: NDArray[Any],
    attribute: Mapping[str, NDArray[Any]],
    k: int,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The publishable table, one row a group, and the columns held back with the reason.

    A numeric column becomes its mean, any other its most frequent value, every person with
    equal weight. A value is published where at least ``k`` people of the group have one; a
    word only if ``k`` people of the whole set share it, so that a name never comes through.
    """
    face = pd.DataFrame({"group": labels, "identity": identity})
    by_group = face.groupby("group")["identity"]
    table = pd.DataFrame({"people": by_group.nunique(), "faces": by_group.size()})
    withheld = {}
    for name, values in attribute.items():
        if name == EARLIER:
            withheld[name] = "it ties groups to those of another release"
            continue
        column = _aggregate(face.assign(value=pd.Series(values)), k).reindex(table.index)
        if column.isna().all():
            withheld[name] = f"no group has {k} people with a value that {k} people share"
        else:
            table[f"attribute {name}" if name in _RESERVED else name] = column
    return table.reset_index(), withheld


def _aggregate(face: pd.DataFrame, k: int) -> pd.Series:
    face = face[face["value"].notna() & (face["value"].astype(str).str.strip() != "")]
    numeric = pd.api.types.is_numeric_dtype(face["value"])
    if numeric:
        face = face[np.isfinite(face["value"].astype(float))]
    enough = face.groupby("group")["identity"].nunique() >= k
    result = _mean_of_people(face) if numeric else _most_frequent(face, k)
    return result.where(enough.reindex(result.index))


def _mean_of_people(face: pd.DataFrame) -> pd.Series:
    person = face.astype({"value": float}).groupby(["group", "identity"])["value"].mean()
    return person.groupby("group").mean()


def _most_frequent(face: pd.DataFrame, k: int) -> pd.Series:
    """A person has their own most frequent value; of equals the first in the alphabet wins."""
    person = _mode(face.astype({"value": str}), ["group", "identity"]).reset_index()
    holders = person.groupby("value")["identity"].nunique()
    value = _mode(person, ["group"])
    return value.where(value.map(holders) >= k)


def _mode(rows: pd.DataFrame, by: list[str]) -> pd.Series:
    counts = rows.groupby([*by, "value"]).size().reset_index(name="n")
    counts = counts.sort_values([*by, "n", "value"], ascending=[True] * len(by) + [False, True])
    return counts.drop_duplicates(by).set_index(by)["value"]


def not_found(faces: FaceSet) -> tuple[pd.DataFrame, dict[str, int]]:
    """Every file without a face and every bystander, by name; and the files counted by outcome.

    The table is the owner's: path, outcome, reason and, for a bystander, the box of the face.
    """
    ledger = faces.ledger
    missing = ledger.loc[ledger["outcome"] != "faces", ["path", "outcome", "reason"]]
    beside = faces.bystanders.rename(columns={"image": "path"}).drop(columns="quality")
    beside = beside.assign(outcome="bystander", reason="not the person whom the picture is of")
    counts = missing["outcome"].value_counts()
    counted = {str(name): int(counts[name]) for name in sorted(counts.index)}
    boxes = dict.fromkeys(("left", "top", "right", "bottom"), "Int64")
    table = pd.concat([missing, beside.reset_index(drop=True)]).astype(boxes)
    return table.reset_index(drop=True), counted

"""The owner's columns as they may be released: a value of the group, never of a face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.dataset.tables import EARLIER

__all__ = ["BAND", "SHARE", "Column", "ReleasedColumns", "release_columns"]

BAND, SHARE = "band", "share"
#: Values of a category that are released apart; rarer ones are taken together as "other".
_MOST_VALUES = 12
#: Share of the people whose values are too rare to be told, above which words are free text.
_FREE_TEXT = 0.5
#: A band is about this part of the deviation among people wide: the group's mean hides in it.
_BAND_OF_DEVIATION = 0.5
_OTHER = "other"
_DIGITS = 2  # of a share: a group of 100 people has no finer one
_RESERVED = {"file_name", "group", "people", "image", "label", "split"}


@dataclass(frozen=True)
class Column:
    """How a column of the release was made.

    ``kind`` is ``band`` (the group's mean lies in it) or ``share`` (of the group's people who
    have ``value``); ``of`` the owner's column, ``width`` that of a band.
    """

    name: str
    of: str
    kind: str
    value: str = ""
    width: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As it stands in the certificate."""
        return {name: value for name, value in asdict(self).items() if value not in ("", 0.0)}


@dataclass(frozen=True)
class ReleasedColumns:
    """The columns of the released table.

    ``table`` has one row a group, by its number; ``withheld`` says why a column is not there.
    """

    table: pd.DataFrame
    columns: tuple[Column, ...] = ()
    withheld: dict[str, str] = field(default_factory=dict)


def release_columns(
    attribute: Mapping[str, NDArray[Any]],
    members: pd.DataFrame,
    k: int,
    asked: Sequence[str] | None = None,
) -> ReleasedColumns:
    """Generalise columns of faces to columns of groups.

    A number becomes the band in which its mean over the group's people lies; a date likewise, by
    its year; a category the share of the people who have each value. A value that fewer than
    ``k`` people of the whole set share is part of "other", and a column in which most are, which
    is free text, is held back; so is one that is not known of ``k`` people of every group.

    Parameters
    ----------
    attribute : column -> array (n,), one value a face
    members : (n,) rows of faces: group, identity
    asked : names to release; None is all that can be

    Raises
    ------
    InputError : a column of ``asked`` is not there, or is free text
    """
    _check_asked(attribute, asked)
    groups = pd.Index(np.unique(members["group"]), name="group")
    table, columns, withheld = pd.DataFrame(index=groups), [], {}
    for name in attribute if asked is None else asked:
        if name == EARLIER:
            continue
        made, why = _released(name, attribute[name], members, k)
        if why and asked is not None:
            raise InputError(f"column {name!r} cannot be released: {why}")
        if why:
            withheld[name] = why
        for column, values in made:
            table[column.name] = values.reindex(groups)
            columns.append(column)
    return ReleasedColumns(table, tuple(columns), withheld)


def _check_asked(attribute: Mapping[str, NDArray[Any]], asked: Sequence[str] | None) -> None:
    for name in asked or ():
        if name not in attribute:
            there = ", ".join(sorted(attribute)) or "none"
            raise InputError(f"there is no column {name!r} (columns: {there})")


def _released(
    name: str, values: NDArray[Any], members: pd.DataFrame, k: int
) -> tuple[list[tuple[Column, pd.Series]], str]:
    """Columns with their values by group, or why there are none."""
    face = members.assign(value=_plain(values)).dropna(subset=["value"])
    known = face.groupby("group")["identity"].nunique().reindex(np.unique(members["group"]))
    if (known.fillna(0) < k).any():
        return [], f"some group has fewer than {k} people with a value"
    if pd.api.types.is_numeric_dtype(face["value"]):
        return [_band(name, face)], ""
    return _shares(name, face, k)


def _plain(values: NDArray[Any]) -> pd.Series:
    """Numbers as float, dates as their year, words as str; nothing, NaN or infinity as missing."""
    column = pd.Series(values)
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float).where(np.isfinite(column.astype(float)))
    words = column.astype(str).str.strip()
    words = words.where((words != "") & column.notna())
    years = words.dropna().str.extract(r"^(\d{4})-\d{2}-\d{2}(?:[T ].*)?$")[0]
    if len(years) and years.notna().all():
        return years.astype(float).reindex(words.index)
    return words


def _band(name: str, face: pd.DataFrame) -> tuple[Column, pd.Series]:
    """The band, as '30 to 35', in which the mean over a group's people lies."""
    person = face.groupby(["group", "identity"])["value"].mean()
    width = _round_width(_BAND_OF_DEVIATION * float(person.std(ddof=0)))
    low = np.floor(person.groupby("group").mean() / width) * width
    text = low.map(lambda least: f"{least:g} to {least + width:g}")
    return Column(_safe(name), name, BAND, width=width), text


def _round_width(width: float) -> float:
    """The next of 1, 2, 5, 10, ... (times a power of ten) that is not smaller."""
    if not width > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(width))
    return float(power * next(step for step in (1, 2, 5, 10) if step * power >= width))


def _shares(name: str, face: pd.DataFrame, k: int) -> tuple[list[tuple[Column, pd.Series]], str]:
    """For each value that many have, the share of a group's people who have it."""
    counts = face.groupby(["group", "identity", "value"]).size().reset_index(name="n")
    counts = counts.sort_values(
        ["group", "identity", "n", "value"], ascending=[True, True, False, True]
    )
    person = counts.drop_duplicates(["group", "identity"])
    holders = person["value"].value_counts()
    common = sorted(holders[holders >= k].index[:_MOST_VALUES])
    value = person["value"].where(person["value"].isin(common), _OTHER)
    if (value == _OTHER).mean() > _FREE_TEXT and _OTHER not in common:
        return [], f"it is free text: most people have a value that fewer than {k} people share"
    share = pd.crosstab(person["group"], value, normalize="index").round(_DIGITS)
    return [
        (Column(_safe(f"{name}_{each}"), name, SHARE, value=str(each)), share[each])
        for each in share.columns
    ], ""


def _safe(name: str) -> str:
    """A column's name in letters, digits and underscores that is none of the release's own."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in name).strip("_") or "column"
    return f"{plain}_" if plain in _RESERVED else plain

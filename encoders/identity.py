"""Who is in a photograph: told by its folder, by a table, or by its name."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.identity_names import confusable_names, fold_name
from anonbase.notices import warn_user
from anonbase.text import pluralize
from encoders.people_table import match_photographs, read_people_table

__all__ = ["Identities", "find_identities"]

_PATTERN_SECONDS = 30
_LISTED = 3
_MATCHER = """
import json, re, sys
pattern, *names = json.load(sys.stdin)
pattern = re.compile(pattern)
which = "identity" if "identity" in pattern.groupindex else min(1, pattern.groups)
found = [pattern.search(name) for name in names]
json.dump([match[which] or "" if match else "" for match in found], sys.stdout)
"""


@dataclass(frozen=True)
class Identities:
    """``source`` ("folder", "csv:...", "regex:...", "none") and what it says of each photograph.

    ``of`` maps a photograph's path to its person; a photograph that is not in it, or whose
    person is empty, shows somebody unknown. ``columns`` are the other columns of a table.
    """

    source: str
    of: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)

    def labels(self, paths: Sequence[str], known: NDArray[np.bool_]) -> NDArray[np.str_]:
        """Person of each face by the path of its photograph, empty where not ``known``."""
        names = [self.of.get(p, "") if k else "" for p, k in zip(paths, known, strict=True)]
        return np.array(names, dtype=str) if names else np.empty(0, "<U1")

    def attributes(self, paths: Sequence[str], known: NDArray[np.bool_]) -> dict[str, Any]:
        """The user's columns by face; NaN or empty where not ``known``."""
        return {
            name: _column([v.get(p, "") if k else "" for p, k in zip(paths, known, strict=True)])
            for name, v in self.columns.items()
        }


def find_identities(source: str, paths: Sequence[str], root: Path | None = None) -> Identities:
    """Who is in the photographs ``paths`` (escaped, relative to ``root``).

    A name counts as one in either Unicode form and with any blanks; names that differ by case,
    accents or punctuation alone are two people and raise a PrivacyWarning that lists them.

    ``source``
        ``folder``: the first folder of the path is the person, whatever lies below; pictures
        that lie in no folder show unknown people. ``csv:FILE:COLUMN``: the column of a table
        that names the photographs in another column (path, absolute path or unique file name);
        further columns become attributes. ``regex:PATTERN``: the group ``identity``, or the first,
        where the pattern is found in the path. ``none``. ``auto``: ``folder`` if every picture
        lies in a folder, else ``none``.

    Raises InputError for a source that cannot be understood, read or finished in half a minute.
    """
    found = _found(source, paths, root)
    for names in confusable_names(found.of.values()):
        warn_user(
            f"{', '.join(map(repr, names))} count as {len(names)} people: if they are one, a group"
            " has fewer people than it says; give them one name"
        )
    return found


def _found(source: str, paths: Sequence[str], root: Path | None) -> Identities:
    kind, _, rest = source.partition(":")
    if source == "auto":
        kind = "folder" if all("/" in path for path in paths) else "none"
    if kind == "none":
        return Identities("none")
    if kind == "folder":
        return Identities("folder", {path: _folder(path) for path in paths})
    if kind == "regex" and rest:
        return Identities(source, _by_pattern(rest, paths))
    if kind == "csv" and ":" in rest:
        file, column = rest.rsplit(":", 1)
        return _by_table(source, file, column, paths, root)
    raise InputError(f"--identity {source}: expected folder, csv:FILE:COLUMN, regex:PATTERN, none")


def _folder(path: str) -> str:
    return fold_name(path.split("/", 1)[0]) if "/" in path else ""


def _by_pattern(pattern: str, paths: Sequence[str]) -> dict[str, str]:
    """Matched in a process of its own, since a pattern can take longer than the universe has."""
    # both in NFC: whoever types an é means the é of the file name, however that is written
    given = json.dumps([unicodedata.normalize("NFC", text) for text in (pattern, *paths)])
    command = [sys.executable, "-I", "-c", _MATCHER]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=_PATTERN_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        said = f"--identity regex:{pattern}: not done in {_PATTERN_SECONDS} s; simplify it"
        raise InputError(said) from error
    if done.returncode:
        reason = done.stderr.strip().rsplit("\n", 1)[-1]
        raise InputError(f"--identity regex:{pattern}: {reason}")
    names = json.loads(done.stdout)
    if not any(names):
        raise InputError(f"--identity regex:{pattern}: matches no photograph, as {paths[0]!r}")
    return dict(zip(paths, map(fold_name, names), strict=True))


def _by_table(
    source: str, file: str, column: str, paths: Sequence[str], root: Path | None
) -> Identities:
    table = read_people_table(Path(file))
    column = fold_name(column)
    if column not in table:
        raise InputError(f"{file}: no column {column!r}; it has {', '.join(table.columns)}")
    image, named = _image_column(table.drop(columns=column), paths, file, root)
    table = table.assign(**{image: named, column: table[column].map(fold_name)})[named.notna()]
    _refuse_conflict(table, image, column, file)
    table = table.drop_duplicates(image).set_index(image)
    columns = {str(c): table[c].to_dict() for c in table.columns if c != column}
    people = table[column].to_dict()
    _warn_of_missing(people, paths, named, file)
    return Identities(source, people, columns)


def _refuse_conflict(table: pd.DataFrame, image: str, column: str, file: str) -> None:
    """Raise InputError where a photograph is given two people."""
    given = table.drop_duplicates([image, column])
    twice = given[given.duplicated(image, keep=False)]
    if len(twice):
        path = twice[image].iloc[0]
        values = " and ".join(repr(v) for v in twice[twice[image] == path][column])
        raise InputError(f"{file}: {path} is given two different values of {column!r}: {values}")


def _warn_of_missing(
    people: dict[str, str], paths: Sequence[str], named: pd.Series, file: str
) -> None:
    """A PrivacyWarning for photographs without a name, and for rows without a photograph."""
    missing = [path for path in paths if not people.get(path)]
    if missing:
        warn_user(
            f"{file}: {pluralize(len(missing), 'photograph has', 'photographs have')} no name in"
            f" it, and show unknown people: {_listed(missing)}"
        )
    idle = [str(row + 2) for row in np.flatnonzero(named.isna())]  # the first line is the header
    if idle:
        warn_user(
            f"{file}: {pluralize(len(idle), 'row names', 'rows name')} no photograph that is here:"
            f" line {_listed(idle)}"
        )


def _listed(values: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
    return ", ".join(values[:_LISTED]) + more


def _image_column(
    table: pd.DataFrame, paths: Sequence[str], file: str, root: Path | None
) -> tuple[str, pd.Series]:
    """The column that names photographs, and their paths by it (missing where it does not)."""
    found = {
        str(c): pd.Series(match_photographs(table[c].tolist(), paths, root), table.index, object)
        for c in table
    }
    best = max(found, key=lambda c: found[c].notna().sum(), default=None)
    if best is None or not found[best].notna().any():
        near = f" ({table.iloc[0, 0]!r} is in it)" if table.size else ""
        raise InputError(f"{file}: no column names a photograph as {paths[0]!r} does{near}")
    return best, found[best]


def _column(values: list[str]) -> NDArray[Any]:
    """Numbers where every value is one (empty: NaN), text otherwise."""
    try:
        numbers = np.array([float(v) if v else np.nan for v in values])
    except ValueError:
        return np.array(values, dtype=str) if values else np.empty(0, "<U1")
    whole = bool(len(numbers)) and bool(np.isfinite(numbers).all())
    exact = whole and bool((numbers == np.rint(numbers)).all()) and abs(numbers).max() < 2**53
    return numbers.astype(np.int64) if exact else numbers

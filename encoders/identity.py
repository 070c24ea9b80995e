"""Who is in a photograph, by its folder, by a table, or by its name."""

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
from encoders.photographs.remote import PhotographRoot

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
    """The people of photographs, and where that is known from.

    Attributes
    ----------
    source : str
        "folder", "csv:...", "regex:..." or "none".
    of : dict of str to str
        The person of each photograph by its path. Nobody is known in a photograph that is missing
        here or has an empty name.
    columns : dict of str to dict
        The other columns of a table: column, path of the photograph, value.
    """

    source: str
    of: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)

    def labels(self, paths: Sequence[str], known: NDArray[np.bool_]) -> NDArray[np.str_]:
        """The person of the face in each of ``paths``, str (n,); empty where not ``known``."""
        names = [self.of.get(p, "") if k else "" for p, k in zip(paths, known, strict=True)]
        return np.array(names, dtype=str) if names else np.empty(0, "<U1")

    def attributes(self, paths: Sequence[str], known: NDArray[np.bool_]) -> dict[str, Any]:
        """The user's columns by face; NaN or empty where not ``known``."""
        return {
            name: _column([v.get(p, "") if k else "" for p, k in zip(paths, known, strict=True)])
            for name, v in self.columns.items()
        }


def find_identities(
    source: str, paths: Sequence[str], root: PhotographRoot | None = None
) -> Identities:
    """Find out who is in photographs.

    A name counts as one in either Unicode form and with any blanks.

    Parameters
    ----------
    source : str
        ``folder``: the first folder of the path is the person, whatever lies below; photographs
        that lie in no folder show unknown people. ``csv:FILE:COLUMN``: the column of a table that
        names the photographs in another column (path, absolute path or unique file name); further
        columns become attributes. ``regex:PATTERN``: the group ``identity``, or the first, where
        the pattern is found in the path. ``none``: nobody is known. ``auto``: ``folder`` if every
        photograph lies in a folder, else ``none``.
    paths : sequence of str
        The photographs, escaped and relative to ``root``.
    root : Path or RemoteFolder, optional
        Their folder, for absolute paths and addresses in a table.

    Returns
    -------
    Identities
        The person of each photograph, and the other columns of a table.

    Raises
    ------
    InputError
        The source cannot be understood, read, or finished in half a minute.

    Warns
    -----
    PrivacyWarning
        Names differ by case, accents or punctuation alone, and count as several people.

    Examples
    --------
    >>> find_identities("folder", ["Ada/1.jpg", "Ada/2.jpg", "Grace/1.jpg"]).of
    {'Ada/1.jpg': 'Ada', 'Ada/2.jpg': 'Ada', 'Grace/1.jpg': 'Grace'}
    >>> find_identities("regex:^([a-z]+)_", ["ada_1.jpg", "grace_1.jpg"]).of
    {'ada_1.jpg': 'ada', 'grace_1.jpg': 'grace'}
    """
    found = _found(source, paths, root)
    for names in confusable_names(found.of.values()):
        warn_user(
            f"{', '.join(map(repr, names))} count as {len(names)} people: if they are one, a group"
            " has fewer people than it says; give them one name"
        )
    return found


def _found(source: str, paths: Sequence[str], root: PhotographRoot | None) -> Identities:
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
    raise InputError(
        f"--identity {source}: expected folder, csv:FILE:COLUMN, regex:PATTERN,"
        " none, and where people are grouped estimate"
    )


def _folder(path: str) -> str:
    return fold_name(path.split("/", 1)[0]) if "/" in path else ""


def _by_pattern(pattern: str, paths: Sequence[str]) -> dict[str, str]:
    """Match in a process of its own, which can be ended: a hostile pattern may never end."""
    # both in NFC: whoever types an é means the é of the file name, however that is written
    given = json.dumps([unicodedata.normalize("NFC", text) for text in (pattern, *paths)])
    command = [sys.executable, "-I", "-c", _MATCHER]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=_PATTERN_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        said = f"--identity regex:{pattern}: not done in {_PATTERN_SECONDS} s; simplify the pattern"
        raise InputError(said) from error
    if done.returncode:
        reason = done.stderr.strip().rsplit("\n", 1)[-1]
        raise InputError(f"--identity regex:{pattern}: {reason}")
    names = json.loads(done.stdout)
    if not any(names):
        raise InputError(f"--identity regex:{pattern}: matches no photograph, as {paths[0]!r}")
    return dict(zip(paths, map(fold_name, names), strict=True))


def _by_table(
    source: str, file: str, column: str, paths: Sequence[str], root: PhotographRoot | None
) -> Identities:
    table = read_people_table(Path(file))
    column = fold_name(column)
    if column not in table:
        raise InputError(f"{file}: no column {column!r}; it has {', '.join(table.columns)}")
    image, named = _image_column(table.drop(columns=column), paths, file, root)
    table = table.assign(**{image: named, column: table[column].map(fold_name)})[named.notna()]
    _refuse_conflict(table, image, column, file)
    table = table.drop_duplicates(image).set_index(image)
    keys = table.index.astype(str)
    columns = {str(c): dict(zip(keys, table[c], strict=True)) for c in table.columns if c != column}
    people = dict(zip(keys, table[column], strict=True))
    _warn_of_missing(people, paths, named, file)
    return Identities(source, people, columns)


def _refuse_conflict(table: pd.DataFrame, image: str, column: str, file: str) -> None:
    """Raise InputError where a photograph is given two people."""
    given = table.drop_duplicates([image, column])
    twice = given[given.duplicated(image, keep=False)]
    if len(twice):
        path = twice[image].iloc[0]
        values = " and ".join(repr(v) for v in twice[twice[image] == path][column])
        raise InputError(f"{file}: {path} has two different values of {column!r}: {values}")


def _warn_of_missing(
    people: dict[str, str], paths: Sequence[str], named: pd.Series, file: str
) -> None:
    """A PrivacyWarning for photographs without a name, and for rows without a photograph."""
    missing = [path for path in paths if not people.get(path)]
    if missing:
        warn_user(
            f"{file}: {pluralize(len(missing), 'photograph has', 'photographs have')} no name in"
            f" it: who is there is not known ({_listed(missing)})"
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
    table: pd.DataFrame, paths: Sequence[str], file: str, root: PhotographRoot | None
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

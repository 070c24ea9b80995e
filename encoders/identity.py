"""Who is in a photograph: told by its folder, by a table, or by its name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.errors import InputError
from encoders.photographs.path_escape import escape

__all__ = ["Identities", "find_identities"]

_LARGEST_TABLE = 512 * 2**20
_PATTERN_SECONDS = 30
_MATCHER = """
import json, re, sys
pattern, names = json.load(sys.stdin)
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


def find_identities(source: str, paths: Sequence[str]) -> Identities:
    """Who is in the photographs ``paths`` (escaped, relative).

    ``source``
        ``folder``: the first folder of the path is the person, whatever lies below; pictures
        that lie in no folder show unknown people. ``csv:FILE:COLUMN``: the column of a table
        that names the photographs in another column (path or unique file name); further columns
        become attributes. ``regex:PATTERN``: the group ``identity``, or the first, where the
        pattern is found in the path. ``none``. ``auto``: ``folder`` if every picture lies in a
        folder, else ``none``.

    Raises InputError for a source that cannot be understood, read or finished in half a minute.
    """
    kind, _, rest = source.partition(":")
    if source == "auto":
        kind = "folder" if all("/" in path for path in paths) else "none"
    if kind == "none":
        return Identities("none")
    if kind == "folder":
        return Identities("folder", {p: p.split("/", 1)[0] if "/" in p else "" for p in paths})
    if kind == "regex" and rest:
        return Identities(source, _by_pattern(rest, paths))
    if kind == "csv" and ":" in rest:
        file, column = rest.rsplit(":", 1)
        return _by_table(source, file, column, paths)
    raise InputError(f"--identity {source}: expected folder, csv:FILE:COLUMN, regex:PATTERN, none")


def _by_pattern(pattern: str, paths: Sequence[str]) -> dict[str, str]:
    """Matched in a process of its own, since a pattern can take longer than the universe has."""
    given = json.dumps([pattern, list(paths)])
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
    return dict(zip(paths, names, strict=True))


def _by_table(source: str, file: str, column: str, paths: Sequence[str]) -> Identities:
    table = _read_table(Path(file))
    if column not in table:
        raise InputError(f"{file}: no column {column!r}; it has {', '.join(table.columns)}")
    image, named = _image_column(table.drop(columns=column), paths, file)
    table = table.assign(**{image: named})[named.notna()]
    if table.drop_duplicates([image, column]).duplicated(image).any():
        raise InputError(f"{file}: a photograph is given two different values of {column!r}")
    table = table.drop_duplicates(image).set_index(image)
    columns = {str(c): table[c].to_dict() for c in table.columns if c != column}
    return Identities(source, table[column].to_dict(), columns)


def _read_table(file: Path) -> pd.DataFrame:
    try:
        if file.stat().st_size > _LARGEST_TABLE:
            raise InputError(f"{file}: larger than {_LARGEST_TABLE} bytes")
        table = pd.read_csv(file, dtype=str, keep_default_na=False, skipinitialspace=True)
    except InputError:
        raise
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{file}: not a readable CSV table in UTF-8 ({error})") from error
    return table.set_axis([str(name).replace("/", "_") for name in table.columns], axis=1)


def _image_column(table: pd.DataFrame, paths: Sequence[str], file: str) -> tuple[str, Any]:
    """The column that names photographs, and their paths by it (missing where it does not)."""
    known = _spellings(paths)
    found = {c: table[c].map(lambda v: known.get(escape(v).removeprefix("./"))) for c in table}
    best = max(found, key=lambda c: found[c].notna().sum(), default=None)
    if best is None or not found[best].notna().any():
        raise InputError(f"{file}: no column names a photograph as {paths[0]!r} does")
    return str(best), found[best]


def _spellings(paths: Sequence[str]) -> dict[str, str]:
    """Each path by itself, and by its file name if no other photograph has it."""
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(path.rsplit("/", 1)[-1], []).append(path)
    unique = {name: found[0] for name, found in by_name.items() if len(found) == 1}
    return {**unique, **{path: path for path in paths}}


def _column(values: list[str]) -> NDArray[Any]:
    """Numbers where every value is one (empty: NaN), text otherwise."""
    try:
        numbers = np.array([float(v) if v else np.nan for v in values])
    except ValueError:
        return np.array(values, dtype=str) if values else np.empty(0, "<U1")
    whole = bool(len(numbers)) and bool(np.isfinite(numbers).all())
    exact = whole and bool((numbers == np.rint(numbers)).all()) and abs(numbers).max() < 2**53
    return numbers.astype(np.int64) if exact else numbers

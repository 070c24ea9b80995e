"""Tables of people as users have them: any separator, any encoding, paths as they were typed.

Spreadsheets write semicolons or tabs, UTF-16 or a local code page, and file names with
backslashes, as absolute paths or alone. A name is matched where only one reading fits. Everything
else is refused with a message that names what is near.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from anonbase.errors import InputError
from anonbase.identity_names import fold_name
from anonbase.notices import warn_user
from encoders.photographs.path_escape import escape
from encoders.photographs.remote import PhotographRoot

__all__ = ["match_photographs", "read_people_table"]

#: Bytes of a table that is read.
_LARGEST_TABLE = 512 * 2**20
_SEPARATORS = (",", ";", "\t", "|")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
#: Share of zero bytes from which a text without a mark is UTF-16.
_ZEROS = 0.2
_SHOWN = 3


def read_people_table(file: Path) -> pd.DataFrame:
    """Read all cells of a table as text, with its columns stripped of white space.

    The encoding is UTF-8, UTF-16, or else Windows' Western code page. The separator is the one of
    comma, semicolon, tab and bar that splits the first line into most columns.

    Raises
    ------
    InputError
        The file is not such a table.

    Warns
    -----
    PrivacyWarning
        The code page was assumed, so names may be read wrongly.
    """
    try:
        if file.stat().st_size > _LARGEST_TABLE:
            raise InputError(f"{file}: larger than {_LARGEST_TABLE} bytes")
        text = _decoded(file.read_bytes(), file)
        table = pd.read_csv(
            io.StringIO(text),
            sep=_separator(text),
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
        )
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{file}: there is no such file") from error
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise InputError(
            f"{file}: not a readable CSV table in UTF-8, UTF-16 or Latin-1 ({error})"
        ) from error
    columns = [fold_name(str(name)).replace("/", "_") for name in table.columns]
    return table.set_axis(columns, axis=1)


def match_photographs(
    values: Sequence[str], paths: Sequence[str], root: PhotographRoot | None = None
) -> list[str | None]:
    """For each name in a table the photograph of ``paths`` (escaped, relative) that it means.

    In this order: the path; the same with backslashes, in another Unicode form, with other
    blanks or another case of the extension; an absolute path or an address below ``root``; the
    file name alone, where only one photograph has it. None where nothing fits, or several do.
    """
    known = [_unique(paths, key) for key in (_as_is, _folded, _file_name)]
    return [_meant(escape(value), known, root) for value in values]


def nearest(value: str, paths: Sequence[str]) -> str:
    """The path that looks most like ``value``, for a message."""
    import difflib

    near = difflib.get_close_matches(_slashes(escape(value)), paths, 1, 0)
    return near[0] if near else paths[0]


def _decoded(data: bytes, file: Path) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding)
    if data[:1000].count(0) > _ZEROS * len(data[:1000]):
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    if "\0" in text:
        raise InputError(f"{file}: not a table; expected CSV in UTF-8")
    warn_user(
        f"{file}: not in UTF-8, read as Latin-1 (Windows-1252): look whether the names are right,"
        " or save it as CSV in UTF-8"
    )
    return text


def _separator(text: str) -> str:
    """The separator that splits the first line, outside of quotes, into most columns."""
    lines = io.StringIO(text)
    first = lines.readline()

    def columns(separator: str) -> int:
        return len(next(csv.reader([first], delimiter=separator), []))

    return max(_SEPARATORS, key=columns)


def _as_is(path: str) -> str:
    return path.removeprefix("./")


def _slashes(path: str) -> str:
    """With slashes for backslashes, which are written double where a name is escaped."""
    return path.replace("\\\\", "/").removeprefix("./")


def _folded(path: str) -> str:
    """One spelling for a path: slashes, NFC, single blanks, the extension in small letters."""
    parts = [fold_name(part) for part in _slashes(path).split("/")]
    stem, dot, extension = parts[-1].rpartition(".")
    return "/".join([*parts[:-1], f"{stem}{dot}{extension.lower()}" if dot else parts[-1]])


def _file_name(path: str) -> str:
    return _folded(path).rsplit("/", 1)[-1]


def _unique(paths: Sequence[str], key: Callable[[str], str]) -> dict[str, str]:
    """The path for each key that one path alone has."""
    paths_of: dict[str, list[str]] = {}
    for path in paths:
        paths_of.setdefault(key(path), []).append(path)
    return {name: those[0] for name, those in paths_of.items() if len(those) == 1}


def _meant(value: str, known: Sequence[dict[str, str]], root: PhotographRoot | None) -> str | None:
    as_is, folded, by_name = known
    if not value:
        return None
    here = as_is.get(_as_is(value)) or folded.get(_folded(value))
    if here or not _is_absolute(value):
        return here or (None if "/" in _slashes(value) else by_name.get(_file_name(value)))
    return None if root is None else folded.get(_below(_folded(value), root))


def _is_absolute(value: str) -> bool:
    return value.startswith(("/", "\\\\")) or value[1:2] == ":" or "://" in value


def _below(path: str, root: PhotographRoot) -> str:
    """The path relative to the root, '' where it lies elsewhere."""
    inside = _folded(escape(str(root.absolute()))).rstrip("/") + "/"
    return path.removeprefix(inside) if path.startswith(inside) else ""

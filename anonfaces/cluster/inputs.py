"""One reader for everything that holds embeddings, and no trust in any of it."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.errors import InputError, MixedExtractorsError, UtilityWarning
from anonbase.notices import warn_user
from anonbase.untrusted.stand_ins import stand_in
from anonfaces.cluster.checks import check_embedding, check_identity, check_texts
from anonfaces.cluster.constraints.columns_of_people import check_attributes
from anonfaces.cluster.frames import (
    doubtful_columns,
    holds_numbers,
    numbers_of,
    refuse_doubtful,
)
from anonfaces.cluster.parquet import embedding_columns, matrix

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Vectors", "check_leave_out", "non_embedding_columns", "read_input", "warn_of_dominant"]

_MOST_BYTES = 64 << 30
_DOMINANT = 0.9  # of the variance
_MOST_RATIO = 1000  # of a zip member: zeros pack 1000 to 1, embeddings hardly at all
_TABLES = (".csv", ".parquet")
_NUMBERED = re.compile(r"(.*?)\d+")
_IDENTITY, _IMAGE = ("identity", "person"), ("image", "path", "file", "filename")


@dataclass(frozen=True)
class Vectors:
    """Embeddings and what is known of them.

    Attributes:
        embedding: float64 (n, d), finite.
        identity: str (n,), '' where unknown; None if the source names nobody.
        image: str (n,), None if the source has none.
        extractor: what made the vectors, '' if the source does not say.
        columns: the columns of a table that were taken for the embedding, in order.
        attribute: further columns (n,) by name, those that were asked for.
    """

    embedding: np.ndarray
    identity: np.ndarray | None = None
    image: np.ndarray | None = None
    extractor: str = ""
    columns: tuple[str, ...] = ()
    attribute: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.embedding)

    @classmethod
    def join(cls, parts: list[Vectors]) -> Vectors:
        """All the parts in a row; MixedExtractorsError if they cannot be compared."""
        kinds = {(part.extractor, part.embedding.shape[1]) for part in parts}
        if len(kinds) != 1:
            told = ", ".join(f"{name or 'unnamed'} ({d}-d)" for name, d in sorted(kinds))
            raise MixedExtractorsError(f"embeddings of different extractors: {told}")
        return cls(
            np.concatenate([part.embedding for part in parts]),
            _joined([part.identity for part in parts], parts),
            _joined([part.image for part in parts], parts),
            parts[0].extractor,
            parts[0].columns,
        )


def _joined(columns: list[np.ndarray | None], parts: list[Vectors]) -> np.ndarray | None:
    if all(column is None for column in columns):
        return None
    blank = (np.full(len(part), "") for part in parts)
    return np.concatenate(
        [b if column is None else column for column, b in zip(columns, blank, strict=True)]
    )


def read_input(
    path: Path | str,
    *,
    identity_column: str | None = None,
    attribute_columns: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    take: Sequence[str] = (),
) -> Vectors:
    """Read embeddings from ``.npy``, ``.npz``, ``.csv``, ``.parquet`` or a ``faces.h5``.

    ``.npz`` holds ``embedding`` (or one 2-D array under any name), and maybe ``identity`` and
    ``image``. Tables (``.csv``, ``.parquet``) hold one numeric column a dimension; columns named
    identity or person, and image, path, file or filename, are taken as what they say. Nothing
    that would run code (pickles, object arrays) is read. A Parquet file may hold one column
    ``embedding`` of lists in place of a column a dimension. An index that pandas wrote, a running
    number, a label and a column named like an id are refused, for they would be dimensions that
    tell the rows apart and nothing else.

    Args:
        path: the file.
        identity_column: the column of a table that names the person, if not one of those names.
        attribute_columns: columns of a table (arrays of an ``.npz``) that are no part of the
            embedding.
        leave_out: columns of a table that are not read at all.
        take: columns of a table that are dimensions, though they look like an index or an id.

    Raises:
        InputError: the file cannot be read, or what is in it is not a table of finite numbers;
            the message names the file.
        MixedExtractorsError: a table whose column ``extractor`` has several values.
    """
    file = Path(path)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise InputError(f"{file}: embeddings come as {', '.join(sorted(_READERS))}")
    if not file.is_file():
        raise InputError(f"{file}: no such file")
    if file.stat().st_size > _MOST_BYTES:
        raise InputError(f"{file}: larger than {_MOST_BYTES >> 30} GiB")
    check_leave_out(file, leave_out)
    if kind := stand_in(file):
        raise InputError(f"{file}: {kind}")
    try:
        return reader(file, _Asked(identity_column, attribute_columns, leave_out, take))
    except InputError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error


def check_leave_out(path: Path, leave_out: Sequence[str]) -> None:
    """InputError where there are no columns to be left out, for ``path`` is no table."""
    if leave_out and path.suffix.lower() not in _TABLES:
        raise InputError(f"{path}: columns are left out of tables ({', '.join(_TABLES)}) alone")


def non_embedding_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Those not named as the longest numbered series among them (``e0``, ``e1``, …) is."""
    series = [found[1] if (found := _NUMBERED.fullmatch(name)) else None for name in names]
    counts = Counter(one for one in series if one is not None)
    longest, count = next(iter(counts.most_common(1)), ("", 0))
    if count < 2:
        return tuple(names)
    return tuple(name for name, own in zip(names, series, strict=True) if own != longest)


def warn_of_dominant(embedding: np.ndarray, columns: Sequence[str]) -> None:
    """UtilityWarning where one of three or more columns has nearly all of the variance.

    ``embedding`` (n, d), ``columns`` the names of all d, or of none where it is no table.
    """
    if len(columns) < 3:
        return
    variance = embedding.var(axis=0)
    most = int(variance.argmax())
    if variance[most] > _DOMINANT * variance.sum():
        warn_user(
            f"column {columns[most]!r} has more than {100 * _DOMINANT:.0f} % of the variance of all"
            f" {len(columns)}, so the groups follow it and hardly any other:"
            " standardise the columns first (each minus its mean, divided by its standard"
            f" deviation), or leave it out (--leave-out {columns[most]}; in Python leave_out)",
            UtilityWarning,
        )


@dataclass(frozen=True)
class _Asked:
    """Columns that are something else than a dimension."""

    identity: str | None
    attributes: Sequence[str]
    leave_out: Sequence[str]
    take: Sequence[str]


def _from_npy(file: Path, asked: _Asked) -> Vectors:
    _must_have(file, asked.attributes, ())
    loaded = np.load(file, mmap_mode="r", allow_pickle=False)
    if not isinstance(loaded, np.ndarray):
        raise InputError(f"{file}: not a NumPy array")
    return Vectors(check_embedding(loaded, str(file)))


def _from_npz(file: Path, asked: _Asked) -> Vectors:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            large = member.file_size > max(_MOST_RATIO * member.compress_size, 1 << 20)
            if large or member.file_size > _MOST_BYTES:
                raise InputError(f"{file}: {member.filename} unpacks to {member.file_size} bytes")
    with np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    _must_have(file, asked.attributes, arrays)
    if "embedding" not in arrays:
        tables = [name for name in arrays if arrays[name].ndim == 2]
        if len(tables) != 1:
            raise InputError(f"{file}: needs an array named embedding; it has {sorted(arrays)}")
        arrays["embedding"] = arrays[tables[0]]
    table = check_embedding(arrays["embedding"], str(file))
    identity, image = _named(arrays.get("identity"), arrays.get("image"), len(table), str(file))
    extractor = str(arrays.get("extractor", ""))
    attribute = check_attributes({name: arrays[name] for name in asked.attributes}, len(table))
    return Vectors(table, identity, image, extractor, attribute=attribute)


def _from_csv(file: Path, asked: _Asked) -> Vectors:
    import pandas as pd

    words = dict.fromkeys([*_IDENTITY, *_IMAGE, "extractor", asked.identity], str)
    there = pd.read_csv(file, nrows=0).columns
    text = {name: kind for name, kind in words.items() if name in there}
    return _from_table(file, pd.read_csv(file, dtype=text, low_memory=False), asked)


def _named(
    identity: Any, image: Any, n: int, file: str
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Names of people, folded, and of images, as they are; None where there are none."""
    names = None if identity is None else check_identity(identity, n, file)
    return names, None if image is None else check_texts(image, n, file)


def _from_parquet(file: Path, asked: _Asked) -> Vectors:
    import pandas as pd
    from pyarrow import parquet

    schema = parquet.read_schema(file)
    aside = [asked.identity, *asked.attributes, *asked.leave_out]
    _must_have(file, [name for name in [*aside, *asked.take] if name is not None], schema.names)
    if embedding_columns(file, schema, aside, asked.take) != ["embedding"]:
        return _from_table(file, pd.read_parquet(file), asked)
    table = parquet.read_table(file)
    values = check_embedding(matrix(table, ["embedding"], np.float64), str(file))
    beside = table.drop_columns(["embedding"]).to_pandas()
    return _from_table(file, beside, asked, values)


def _must_have(file: Path, columns: Sequence[str], there: Iterable[Any]) -> None:
    for column in columns:
        if column not in (names := list(map(str, there))):
            told = ", ".join(names[:20]) or "no columns"
            raise InputError(f"{file}: no column {column!r}; it has {told}")


def _from_table(
    file: Path, table: pd.DataFrame, asked: _Asked, values: np.ndarray | None = None
) -> Vectors:
    """Vectors of a table; its columns are the embedding where ``values`` are not."""
    column, attributes = asked.identity, asked.attributes
    named = [*attributes, *asked.leave_out, *([] if column is None else [column])]
    _must_have(file, named, table)
    table = table.drop(columns=[*{*asked.leave_out} - {*attributes, column}])
    names = [column] if column is not None else [name for name in _IDENTITY if name in table]
    images = [name for name in _IMAGE if name in table]
    extractor = table["extractor"].astype(str).unique() if "extractor" in table else [""]
    if len(extractor) > 1:
        raise MixedExtractorsError(f"{file}: embeddings of {', '.join(sorted(extractor))}")
    columns: tuple[str, ...] = ("embedding",)
    if values is None:
        beside = {*names, *images, *attributes, *({"extractor"} & set(table))}
        numbers = table.drop(columns=beside)
        columns, values = tuple(map(str, numbers)), _numbers(file, numbers, asked.take)
    name, picture = (table[found[0]] if found else None for found in (names, images))
    identity, image = _named(name, picture, len(values), str(file))
    attribute = check_attributes({name: table[name] for name in attributes}, len(values))
    return Vectors(values, identity, image, str(extractor[0]), columns, attribute)


def _numbers(file: Path, numbers: pd.DataFrame, take: Sequence[str]) -> np.ndarray:
    """The columns as float64 (n, d); InputError for what is no dimension."""
    odd = next((str(name) for name in numbers if not holds_numbers(numbers[name])), "")
    way_out = f" (--leave-out {odd or 'COLUMN'}; in Python leave_out=)"
    if numbers.empty:
        return check_embedding(np.zeros(numbers.shape), str(file))
    values = numbers_of(numbers, str(file), way_out)
    doubts = doubtful_columns(numbers)
    refuse_doubtful(str(file), {name: why for name, why in doubts.items() if name not in take})
    return check_embedding(values, str(file))


def _from_faces(file: Path, asked: _Asked) -> Vectors:
    from encoders.faceset import FaceSet

    faces = FaceSet.read(file)
    extractor = f"{faces.meta.get('extractor', '')} {faces.meta.get('alignment', '')}".strip()
    embedding = check_embedding(faces.embedding, str(file))
    _must_have(file, asked.attributes, faces.attribute)
    chosen = {name: faces.attribute[name] for name in asked.attributes}
    attribute = check_attributes(chosen, len(faces))
    names = check_identity(faces.identity, len(faces))
    return Vectors(embedding, names, faces.image, extractor, attribute=attribute)


_READERS: dict[str, Callable[[Path, _Asked], Vectors]] = {
    ".csv": _from_csv,
    ".h5": _from_faces,
    ".npy": _from_npy,
    ".npz": _from_npz,
    ".parquet": _from_parquet,
}

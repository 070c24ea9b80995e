"""The FaceSet of all results, old and new, in the order of the photographs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from encoders.faceset import FaceSet
from encoders.faceset_file import BYSTANDER_COLUMNS, LEDGER_COLUMNS, read_packed_chips
from encoders.identity import Identities
from encoders.photographs.walk import Photograph, Refused, ScanResult
from encoders.run.checkpoints import Checkpoint, load_part

__all__ = ["Merged", "merge", "table_rows"]

_FIELDS = ("embedding", "box", "landmark", "quality")


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Faces of one origin: a part file, or the output of an earlier run."""

    path: Path
    rows: list[dict[str, Any]]
    bystanders: list[dict[str, Any]]
    image: list[str]
    fields: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Merged:
    """A FaceSet without chips, and the file and place that each face's chips come from."""

    faces: FaceSet
    origins: list[tuple[Path, int]]

    def packed_chips(self) -> Iterator[bytes]:
        """The deflated chips in the order of the faces, one part in memory at a time."""
        old = self.faces.path
        old_rows = np.array([row for path, row in self.origins if path == old], np.int64)
        old_chips: Iterator[bytes] = iter(())
        if old is not None:
            old_chips = read_packed_chips(old, old_rows, self.faces.chip_size)
        for path, places in self._runs():
            if path == old:
                yield from islice(old_chips, len(places))
            else:
                part = _whole(path)
                yield from (part.packed_chip(place) for place in places)

    def aligned(self) -> Iterator[NDArray[np.uint8]]:
        """The chips that are yet to be embedded, some uint8 (m, s, s, 3) at a time."""
        for path, places in self._runs():
            yield _whole(path).aligned[places]

    def _runs(self) -> Iterator[tuple[Path, list[int]]]:
        for path, origins in groupby(self.origins, key=lambda origin: origin[0]):
            yield path, [place for _, place in origins]


def _whole(path: Path, without_chips: bool = False) -> Checkpoint:
    part = load_part(path, without_chips)
    if part is None:
        raise OSError(f"{path} was damaged while it was in use")
    return part


def merge(
    walk: ScanResult,
    old: FaceSet | None,
    parts: Sequence[Path],
    identities: Identities,
    meta: dict[str, Any],
) -> Merged:
    """Gather the faces of the photographs of ``walk`` from ``old`` and from ``parts``.

    Sorted by path and, in a photograph, the largest face first; what no longer is in the folder
    is left out.
    """
    sources = [_from_part(path) for path in parts]
    if old is not None:
        sources.append(_from_old(old))
    owner = _owners(sources, {p.path: p for p in walk.photographs})
    chosen = sorted(
        (image, number, place)
        for number, source in enumerate(sources)
        for place, image in enumerate(source.image)
        if owner.get(image) == number
    )
    image = [path for path, _, _ in chosen]
    known = np.array([n == 0 or image[n - 1] != path for n, path in enumerate(image)], bool)
    faces = FaceSet(
        **{name: _gather(sources, chosen, name) for name in _FIELDS},
        image=np.array(image, dtype=str) if image else np.empty(0, "<U1"),
        identity=identities.labels(image, known),
        attribute=identities.attributes(image, known),
        ledger=_ledger(sources, owner, walk),
        bystanders=_bystanders(sources, owner),
        meta=meta,
        path=None if old is None else old.path,
    )
    return Merged(faces, [(sources[number].path, place) for _, number, place in chosen])


def _from_part(path: Path) -> _Source:
    part = _whole(path, without_chips=True)
    fields = {name: getattr(part, name) for name in _FIELDS}
    if len(part.embedding) < len(part):  # they are made later, from the chips
        fields["embedding"] = np.zeros((len(part), 0), np.float32)
    return _Source(
        path=path, rows=part.ledger, bystanders=part.bystanders, image=_images(part), fields=fields
    )


def _images(part: Checkpoint) -> list[str]:
    return [part.ledger[place]["path"] for place in part.owner]


def _from_old(old: FaceSet) -> _Source:
    return _Source(
        path=Path(str(old.path)),
        rows=table_rows(old.ledger),
        bystanders=table_rows(old.bystanders),
        image=old.image.tolist(),
        fields={name: getattr(old, name) for name in _FIELDS},
    )


def table_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a ledger, or of the bystanders, as dicts."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _owners(sources: Sequence[_Source], photographs: dict[str, Photograph]) -> dict[str, int]:
    """Which source speaks for each photograph: the first that saw it as it is now."""
    owner: dict[str, int] = {}
    for number, source in enumerate(sources):
        for row in source.rows:
            now = photographs.get(row["path"])
            if now and (now.size, now.mtime_ns) == (row["size"], row["mtime_ns"]):
                owner.setdefault(row["path"], number)
    return owner


def _gather(
    sources: Sequence[_Source], chosen: Sequence[tuple[str, int, int]], name: str
) -> NDArray[Any]:
    """Rows of a field, which all sources have with the same trailing shape, in order."""
    starts = np.cumsum([0, *(len(source.image) for source in sources)])
    rows = [int(starts[number]) + place for _, number, place in chosen]
    filled = [source.fields[name] for source in sources if len(source.image)]
    if not filled:
        return sources[0].fields[name][:0]
    return np.concatenate(filled)[np.array(rows, np.int64)]


def _ledger(sources: Sequence[_Source], owner: dict[str, int], walk: ScanResult) -> pd.DataFrame:
    rows = list(_owned(sources, owner, "rows", "path"))
    rows += [_refused_row(refused) for refused in walk.refused]
    return _table(sorted(rows, key=lambda row: row["path"]), LEDGER_COLUMNS)


def _refused_row(refused: Refused) -> dict[str, Any]:
    values = (refused.path, 0, 0, "", refused.outcome, refused.reason, 0, 0, 0.0)
    return dict(zip(LEDGER_COLUMNS, values, strict=True))


def _bystanders(sources: Sequence[_Source], owner: dict[str, int]) -> pd.DataFrame:
    rows = list(_owned(sources, owner, "bystanders", "image"))
    return _table(sorted(rows, key=lambda row: row["image"]), BYSTANDER_COLUMNS)


def _owned(
    sources: Sequence[_Source], owner: dict[str, int], rows: str, path: str
) -> Iterable[dict[str, Any]]:
    for number, source in enumerate(sources):
        yield from (row for row in getattr(source, rows) if owner.get(row[path]) == number)


def _table(rows: list[dict[str, Any]], columns: dict[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(columns))
    return table.astype({name: dtype for name, dtype in columns.items() if dtype != "str"})

"""What lies between two stages: records on a disk that all workers see, sorted by where they go.

A run is one task's output. A task of the next stage reads from every run the stretch that is
its own; so the records of a stage are dealt anew without anybody holding them all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anonbase.errors import InputError
from anonbase.files import atomic_write

__all__ = ["Slices", "face_record", "person_record", "read_slices", "write_run"]

Slices = list[tuple[str, int, int]]  # file, first record, records


def face_record(d: int) -> np.dtype:
    """A face on its way to its person."""
    return np.dtype([("key", "<u8"), ("row", "<i8"), ("vector", "<f4", (d,))])


def person_record(d: int) -> np.dtype:
    """A person: number, group so far (-1: none), faces, their squared errors, and their mean."""
    fields = [("person", "<i8"), ("group", "<i8"), ("weight", "<f8"), ("within", "<f8")]
    return np.dtype([*fields, ("vector", "<f4", (d,))])


def write_run(path: Path, records: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    """Write records in the order of their places, all or nothing.

    Args:
        path: the run.
        records: (m,).
        place: int64 (m,), 0 to count - 1; records of one place keep their order.
        count: number of places.

    Returns:
        int32 (count,), records of each place.
    """
    with atomic_write(path) as beside:
        records[np.argsort(place, kind="stable")].tofile(beside)
    return np.bincount(place, minlength=count).astype(np.int32)


def read_slices(slices: Slices, record: np.dtype) -> np.ndarray:
    """The records of some stretches, one after the other; InputError where one is cut short."""
    records = np.empty(sum(count for _, _, count in slices), record)
    at = 0
    for name, first, count in slices:
        part = np.fromfile(name, record, count, offset=first * record.itemsize)
        if len(part) != count:
            raise InputError(f"{name}: was changed or cut while it was in use: start afresh")
        records[at : at + count] = part
        at += count
    return records

"""A release as the checks see it: read once, and taken for hostile."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.dask_workers import DaskWorkers
from anonbase.errors import InputError
from anonfaces.publish.card import CHECKSUMS, read_checksums
from anonfaces.publish.certificate import CERTIFICATE, read_json
from anonfaces.publish.key import ReleaseKey
from anonfaces.publish.place import release_files
from anonfaces.publish.signing import SIGNATURE

__all__ = ["TABLE", "Judge", "Release"]

Judge = Callable[[Iterable[NDArray[np.uint8]]], NDArray[np.float32]]

TABLE = "metadata.csv"
#: More than the table of ten million records has.
_MOST_BYTES = 2**30


@dataclass(frozen=True, kw_only=True)
class Release:
    """A folder that may be a release, and what else was given to check it with.

    Attributes
    ----------
    folder : the release
    key : what only the owner has, or None
    originals : the owner's photographs (a folder) or faces (a faces.h5), or None
    judge : a recogniser: RGB pictures -> vectors float32 (n, d), NaN where it finds no face
    public_key : whose signature it must be, 64 hexadecimal digits, or None
    progress : whether to show bars
    workers : who looks at many pictures, or None for this machine
    """

    folder: Path
    key: ReleaseKey | None = None
    originals: Path | None = None
    judge: Judge | None = None
    public_key: str | None = None
    progress: bool = False
    workers: DaskWorkers | None = None

    def has(self, need: str) -> bool:
        """Whether what a check needs was given."""
        if need == "signature":
            return (self.folder / SIGNATURE).exists() or self.public_key is not None
        return getattr(self, need) is not None

    @cached_property
    def files(self) -> set[str]:
        """Every file by its path in the folder."""
        return release_files(self.folder)

    @cached_property
    def regular(self) -> set[str]:
        """The plain files: a link can lead out of the folder, and a pipe or a device never ends."""
        return {n for n in self.files if stat.S_ISREG((self.folder / n).lstat().st_mode)}

    def read(self, name: str) -> bytes:
        """The bytes of a plain file; InputError where it is none, or larger than any can be."""
        if name not in self.regular or (self.folder / name).stat().st_size > _MOST_BYTES:
            raise InputError(f"{name} is missing, no plain file, or too large")
        return (self.folder / name).read_bytes()

    @cached_property
    def certificate(self) -> dict[str, Any]:
        """The certificate; InputError where it cannot be read."""
        self.read(CERTIFICATE)
        document = read_json(self.folder / CERTIFICATE, "certificate")
        if not isinstance(document, dict):
            raise InputError(f"{CERTIFICATE} is no certificate")
        return document

    @cached_property
    def checksums(self) -> dict[str, str]:
        """Name -> SHA-256, as listed."""
        self.read(CHECKSUMS)
        return read_checksums(self.folder / CHECKSUMS)

    @cached_property
    def splits(self) -> list[str]:
        """The splits that the folder has."""
        return sorted(name.split("/")[1] for name in self.regular if _is_table(name))

    @cached_property
    def pictures(self) -> list[str]:
        """The paths of the pictures."""
        return sorted(n for n in self.regular if n.startswith("data/") and not _is_table(n))

    @cached_property
    def faces(self) -> list[str]:
        """One path for each picture that is not the same as another to the byte."""
        first = {self.checksums.get(name, name): name for name in reversed(self.pictures)}
        return sorted(first.values())

    @cached_property
    def records(self) -> pd.DataFrame:
        """One row a record: split, path, file_name, group, people and the columns."""
        return pd.concat([self._table(split) for split in self.splits], ignore_index=True)

    def _table(self, split: str) -> pd.DataFrame:
        from anonfaces.dataset.tables import read_csv

        name = f"data/{split}/{TABLE}"
        self.read(name)
        table = read_csv(self.folder / name, ["file_name", "group"])
        if not {"file_name", "group", "people"} <= set(table):
            raise InputError(f"{name} lacks one of its columns file_name, group, people")
        return table.assign(split=split, path=f"data/{split}/" + table["file_name"])


def _is_table(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 3 and parts[0] == "data" and parts[2] == TABLE

"""The files of a condensed dataset: what each is, and which of them never leave the building.

All that is secret lies in the folder ``owner/``, which only its owner may enter (mode 0700, files
0600), so everything else can be copied as it is.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, OutputError
from anonbase.files import atomic_write

__all__ = [
    "FILES",
    "KEY_BYTES",
    "OWNER",
    "RELEASES",
    "SECRET_KEY",
    "DatasetFile",
    "find_file",
    "keep_secret_key",
    "make_owner_folder",
    "make_secret_key",
    "open_files",
    "owner_file",
    "protect",
    "random_numbers",
    "read_secret_key",
    "refuse_old_layout",
    "secret_files",
]

OWNER = "owner"
SECRET_KEY = f"{OWNER}/secret.key"
RELEASES = f"{OWNER}/releases.json"
EVALUATION = "evaluation.json"
#: Bytes of the secret key: as many as the hash that it goes into (SHAKE-256) is strong for.
KEY_BYTES = 32
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


@dataclass(frozen=True)
class DatasetFile:
    """A file of a condensed dataset.

    Attributes
    ----------
    name : path in the dataset's folder; a folder ends with ``/``
    about : what it is, in a few words
    """

    name: str
    about: str

    @property
    def secret(self) -> bool:
        """Whether it is its owner's alone."""
        return self.name.startswith(f"{OWNER}/")


FILES: tuple[DatasetFile, ...] = (
    DatasetFile("surrogates/", "one face a group"),
    DatasetFile("condensed.csv", "groups, their sizes and averaged columns"),
    DatasetFile("summary.json", "the numbers of this page"),
    DatasetFile("report.html", "this page"),
    DatasetFile(EVALUATION, "who would be recognized, as measured"),
    DatasetFile("owner/groups.csv", "which face and which person is in which group"),
    DatasetFile("owner/groups.parquet", "which row of the input is in which group"),
    DatasetFile("owner/group_facts.csv", "how alike the members of a group are"),
    DatasetFile("owner/surrogate_distances.csv", "how near surrogates are to their own members"),
    DatasetFile(
        "owner/centroids.h5", "mean embeddings; faces weigh, so one person can dominate a mean"
    ),
    DatasetFile("owner/faces.h5", "every face that was found, with its embedding and its name"),
    DatasetFile("owner/faces.pca.h5", "the principal components of these very faces"),
    DatasetFile("owner/faces.gallery.h5", "the faces of the gallery that surrogates come from"),
    DatasetFile("owner/not_found.csv", "the files without a face and the faces set aside, by name"),
    DatasetFile("owner/lookalikes.csv", "pairs of names that may be one person"),
    DatasetFile("owner/strangers.csv", "faces that may be somebody else than their name says"),
    DatasetFile(RELEASES, "which releases were made of this dataset, naming nobody"),
    DatasetFile(SECRET_KEY, "what makes numbers and surrogates of this dataset unpredictable"),
)
"""Every file that a condensed dataset can have, in the order in which a page lists them."""


def open_files(surrogates: bool) -> tuple[str, ...]:
    """Names of the files that may leave the building, as the main job makes them.

    Of vectors there are no surrogates. An evaluation is added by whoever makes one.
    """
    names = (file.name for file in FILES if not file.secret and file.name != EVALUATION)
    return tuple(name for name in names if surrogates or name != "surrogates/")


def secret_files(folder: Path) -> tuple[str, ...]:
    """Names of the secret files that the dataset in ``folder`` has."""
    return tuple(sorted(f"{OWNER}/{path.name}" for path in (folder / OWNER).iterdir()))


def owner_file(folder: Path, name: str) -> Path:
    """Where the secret file ``name`` of the dataset in ``folder`` is written."""
    return folder / OWNER / name


def find_file(folder: Path, name: str) -> Path:
    """Where the secret file ``name`` of a dataset lies; it need not be there.

    Datasets made before there was ``owner/`` have it in ``folder`` itself, and a folder with
    nothing but groups (``Groups.write``) does so too.
    """
    own, bare = owner_file(folder, name), folder / name
    return bare if bare.exists() and not own.exists() else own


def make_owner_folder(folder: Path) -> Path:
    """The folder ``owner/`` in ``folder``, made where it is missing; only its owner may enter."""
    place = folder / OWNER
    place.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    place.chmod(_FOLDER_MODE)
    return place


def protect(folder: Path) -> None:
    """Take away from everybody else the right to read the secret files of a dataset."""
    place = folder / OWNER
    if place.is_dir():
        place.chmod(_FOLDER_MODE)
        for path in place.rglob("*"):
            path.chmod(_FOLDER_MODE if path.is_dir() else _FILE_MODE)


def make_secret_key(folder: Path, given: Path | None, replaced: Path) -> bytes:
    """Write the secret key of the dataset in ``folder``, and return its 32 bytes.

    It is that of the file ``given``; without one that of the run that goes on, else that of the
    dataset that is ``replaced`` (the folder's), else a new one. The list of releases of that
    dataset stays.
    """
    path = make_owner_folder(folder) / Path(SECRET_KEY).name
    with suppress(FileNotFoundError):
        shutil.copyfile(replaced / RELEASES, folder / RELEASES)
    return keep_secret_key(path, given, replaced / SECRET_KEY)


def keep_secret_key(path: Path, given: Path | None, replaced: Path) -> bytes:
    """Write a secret key to ``path`` (mode 0600), and return its 32 bytes.

    It is that of the file ``given``; without one that which lies at ``path`` already, else that
    which is ``replaced``, else a new one. InputError where a file is no secret key.
    """
    there = given or next((one for one in (path, replaced) if one.exists()), None)
    key = secrets.token_bytes(KEY_BYTES) if there is None else read_secret_key(there)
    with atomic_write(path) as beside:
        beside.write_bytes(key)
    path.chmod(_FILE_MODE)
    return key


def read_secret_key(path: Path) -> bytes:
    """The 32 bytes of a secret key; InputError where the file is something else."""
    try:
        with path.open("rb") as file:
            key = file.read(KEY_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: no secret key can be read there: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise InputError(
            f"{path} is no secret key: that is a file of {KEY_BYTES} random bytes, as every"
            f" condensed dataset has one in {SECRET_KEY}"
        )
    return key


def random_numbers(key: bytes, count: int, about: bytes) -> NDArray[np.int64]:
    """Numbers 0 to ``count`` - 1 in an order that nobody can tell without ``key``; int64 (count,).

    The same for the same key and the same ``about``, which says what the numbers are for. The
    order is that of 64-bit words of SHAKE-256, a hash that no output of which tells another.
    """
    digest = hashlib.shake_256(key + hashlib.sha256(about).digest()).digest(8 * count)
    words = np.frombuffer(digest, np.uint64)
    rank = np.empty(count, np.int64)
    rank[np.argsort(words, kind="stable")] = np.arange(count)
    return rank


def refuse_old_layout(folder: Path) -> None:
    """OutputError where a dataset was made before secret files had a folder of their own."""
    if (folder / "condensed.csv").is_file() and not (folder / SECRET_KEY).is_file():
        raise OutputError(
            f"{folder} was made by an older version: its secret files lie beside those that may"
            " leave the building, and its group numbers tell something of the members. Condense"
            f" it anew: python -m anonfaces.cluster {folder}/faces.h5 --k K -o NEW"
        )

"""Photographs at an address: s3://, gs://, https:// and whatever else fsspec reads.

An address may hold a password, so what stands for one says its public part alone wherever it is
shown or written; the whole of it goes to workers and to fsspec. Credentials belong where the
protocol's package looks for them (the cloud's own files and environment, fsspec's settings).

What is listed there is as little believed as names in a folder: a name that leads out of the
address is refused, and of a file no more is read than of one on a disk.
"""

from __future__ import annotations

import errno
import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from anonbase.errors import InputError

__all__ = [
    "Entry",
    "PhotographRoot",
    "RemoteFolder",
    "TooLargeError",
    "address_of",
    "hide_secrets",
    "photograph_root",
]

_ADDRESS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://")
#: An address in a text: protocol, user and password, place, query. A password may hold slashes;
#: digits and a slash after a colon are a port.
_URL = re.compile(
    r"([a-zA-Z][a-zA-Z0-9+.-]+://)"
    r"(?:[^\s/'\"]*@|[^\s/'\":]+:(?!\d+/)[^\s'\"]*@)?"
    r"((?:(?!::[a-zA-Z][\w+.-]*://)[^\s'\"?#])*)"
    r"(?:[?#][^\s'\"]*)?"
)
_LOCAL = ("file", "local")
_WEB = ("http", "https")
#: What pip has to install for a protocol.
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az", "adl"), "adlfs"),
    **dict.fromkeys(_WEB, "aiohttp"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
    **dict.fromkeys(("hdfs", "arrow_hdfs"), "pyarrow"),
    **{"webhdfs": "requests", "smb": "smbprotocol", "hf": "huggingface_hub"},
}
#: Fields of a listing that change when a file does, the best first.
_TIMES = ("LastModified", "last_modified", "mtime", "modificationTime", "updated", "modified")
_TAGS = ("ETag", "etag", "md5Hash", "Content-MD5", "created")
_SECONDS = 10**11  # a time of change above it is in milliseconds
_WAITS = (1.0, 3.0, 9.0)  # seconds between tries of a read that failed
#: Protocols whose storage has no folders and lists everything below a prefix at once.
_FLAT = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory")
_DEEPEST = 32  # folders within folders, which may go on for ever
_ASKED_AT_ONCE = 16  # files whose size a listing does not say


class TooLargeError(Exception):
    """A file is larger than is read; the argument is its size, or None."""


class Entry(NamedTuple):
    """A file that is listed: its path in the folder, its size, and when it changed.

    ``refusal`` says why it is not to be read, '' where it may be. Where the storage has no time
    of change, a number that changes with the content stands for it, or 0.
    """

    path: str
    size: int = 0
    mtime_ns: int = 0
    refusal: str = ""


@dataclass(frozen=True)
class RemoteFolder:
    """A folder of photographs at an address that fsspec reads, used as a path would be."""

    address: str = field(repr=False)

    def __str__(self) -> str:
        return hide_secrets(self.address)

    @property
    def scheme(self) -> str:
        """The protocol, as s3."""
        return urlsplit(self.address).scheme.lower()

    def is_dir(self) -> bool:
        """True: it is taken for a folder until it is listed."""
        return True

    def absolute(self) -> RemoteFolder:
        """Itself."""
        return self

    def entries(self) -> Iterator[Entry]:
        """Every file below the address, whatever it holds; hidden ones are passed over.

        Raises ``InputError`` where nothing can be listed.
        """
        system, root = self._system()
        try:
            system.invalidate_cache()
            files = list(self._files(system, root))
        except Exception as error:  # each protocol has errors of its own
            raise InputError(f"{self}: cannot be listed: {_reason(error)}") from error
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
            yield from filter(None, pool.map(lambda info: self._entry(system, root, info), files))

    def read(self, path: str, most: int) -> bytes:
        """The bytes of the file ``path`` below the address.

        Raises
        ------
        TooLargeError
            It has more than ``most`` bytes.
        FileNotFoundError, PermissionError
            It is gone, or may not be read.
        OSError
            It could not be read for now; what is lost is the run, not the photograph.
        """
        system, root = self._system()
        name = f"{root.rstrip('/')}/{quote(path) if self.scheme in _WEB else path}"
        if _leaves(path):
            raise PermissionError(errno.EACCES, "a name that leads out of the folder")
        waits = iter(_WAITS)
        while True:
            try:
                return _read(system, name, most)
            except (TooLargeError, PermissionError):
                raise
            except Exception as error:  # each protocol has errors of its own
                missing = isinstance(error, FileNotFoundError) and self.scheme not in _WEB
                if missing or (wait := next(waits, None)) is None:
                    raise self._given_up(system, root, error) from error
                time.sleep(wait)

    def _given_up(self, system: Any, root: str, error: Exception) -> OSError:
        """A file alone is missing where its folder answers; otherwise the storage is away."""
        try:
            gone = isinstance(error, FileNotFoundError) and system.exists(root)
        except Exception:  # the storage is away
            gone = False
        if gone:
            return FileNotFoundError(errno.ENOENT, "no such file")
        message = f"{self} cannot be read now ({_reason(error)}): the same command goes on later"
        return OSError(errno.EIO, message)

    def _system(self) -> tuple[Any, str]:
        """What reads the protocol, and its name of the folder."""
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise InputError(f"{self}: photographs at an address need fsspec: {_pip(self)}") from (
                error
            )
        try:
            system, root = url_to_fs(self.address)
        except ImportError as error:
            raise InputError(f"{self}: {self.scheme}:// needs a package: {_pip(self)}") from error
        except Exception as error:  # each protocol has errors of its own
            raise InputError(f"{self}: {_reason(error)}") from error
        return system, str(root)

    def _files(self, system: Any, root: str) -> Iterable[Mapping[str, Any]]:
        """Where folders are lists of their own, each is asked for: fsspec leaves out what fails."""
        if self.scheme in _FLAT:
            return system.find(root, detail=True).values()
        return _walked(system, root, _DEEPEST)

    def _entry(self, system: Any, root: str, info: Mapping[str, Any]) -> Entry | None:
        """None for what is no file, or hidden."""
        name, inside = str(info["name"]), root.rstrip("/") + "/"
        if info.get("type") != "file" or name.endswith("/"):
            return None
        path = name.removeprefix(inside)
        path = unquote(path, errors="surrogateescape") if self.scheme in _WEB else path
        if any(part.startswith(".") and part.strip(".") for part in path.split("/")):
            return None
        parts = name.removeprefix(inside).count("/")
        if not name.startswith(inside) or _leaves(path) or path.count("/") != parts:
            return Entry(hide_secrets(path), refusal="a name that leads out of the folder")
        if info.get("size") is None:
            try:
                info = {**info, **system.info(name)}
            except Exception as error:  # each protocol has errors of its own
                return Entry(path, refusal=_reason(error))
        return Entry(path, int(info.get("size") or 0), _changed(info))


PhotographRoot = Path | RemoteFolder


def photograph_root(text: Path | str | RemoteFolder) -> PhotographRoot:
    """A folder of photographs as it was given: a path, or an address such as ``s3://bucket/a``.

    ``file://`` and ``local://`` are paths.

    Raises
    ------
    InputError
        The address holds a query, or chains protocols.

    Examples
    --------
    >>> str(photograph_root("s3://bucket/photos")), str(photograph_root("photos/"))
    ('s3://bucket/photos', 'photos')
    >>> str(photograph_root("https://ada:secret@host/photos"))
    'https://host/photos'
    """
    if not isinstance(text, str) or (found := _ADDRESS.match(text)) is None:
        return text if isinstance(text, RemoteFolder) else Path(text)
    if "::" in text:
        raise InputError(f"{hide_secrets(text)}: one protocol is read, not a chain of them")
    if found[1].lower() in _LOCAL:
        return Path(unquote(urlsplit(text).path) if found[1].lower() == "file" else text[8:])
    if "?" in text or "#" in text:
        raise InputError(
            f"{hide_secrets(text)}: an address of photographs ends before ? or #; keys and tokens"
            " belong into the environment or the settings of fsspec"
        )
    return RemoteFolder(text)


def address_of(root: PhotographRoot) -> str:
    """What ``photograph_root`` makes the same of, with all secrets: for workers alone."""
    return root.address if isinstance(root, RemoteFolder) else str(root)


def hide_secrets(text: str) -> str:
    """``text`` with users, passwords and queries of all addresses in it left out.

    Examples
    --------
    >>> hide_secrets("encoders s3://key:secret@bucket/photos -o faces.h5")
    'encoders s3://bucket/photos -o faces.h5'
    """
    return _URL.sub(r"\1\2", text)


def _pip(root: RemoteFolder) -> str:
    return f"pip install fsspec {_PACKAGES.get(root.scheme, '')}".strip()


def _walked(system: Any, folder: str, depth: int) -> Iterator[Mapping[str, Any]]:
    if not depth:
        raise InputError(f"folders lie more than {_DEEPEST} deep")
    for info in system.ls(folder, detail=True):
        name = str(info["name"]).rstrip("/")
        if info.get("type") != "directory":
            yield info
        elif _is_below(folder, name):
            yield from _walked(system, name, depth - 1)


def _is_below(folder: str, name: str) -> bool:
    """Whether it is a folder in ``folder``, and not the same or another by another name."""
    inside = folder.rstrip("/") + "/"
    return name.startswith(inside) and not _leaves(unquote(name.removeprefix(inside)))


def _leaves(path: str) -> bool:
    parts = path.split("/")
    return any(part in ("", ".", "..") for part in parts) or "\0" in path


def _read(system: Any, name: str, most: int) -> bytes:
    with system.open(name, "rb") as file:
        size = getattr(file, "size", None)
        if isinstance(size, int) and size > most:
            raise TooLargeError(size)
        data = bytes(file.read(most + 1))
    if len(data) > most:
        raise TooLargeError(None)
    return data


def _changed(info: Mapping[str, Any]) -> int:
    """When a file changed, or else a number of 62 bits that changes with its content."""
    value = next((info[name] for name in (*_TIMES, *_TAGS) if info.get(name) is not None), None)
    if value is None:
        return 0
    if isinstance(value, datetime):
        return int(value.timestamp()) * 10**9 + value.microsecond * 1000
    if isinstance(value, int | float):
        return int(value * (10**9 if value < _SECONDS else 10**6))
    return int.from_bytes(hashlib.sha256(str(value).encode()).digest()[:8], "big") >> 2


def _reason(error: Exception) -> str:
    """What an error of fsspec or of a protocol says, without secrets."""
    text = " ".join(hide_secrets(str(error)).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__

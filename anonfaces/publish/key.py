"""The key of a release, sealed: which record stands for which people. It is the owner's alone.

It is a file in the age format (age-encryption.org/v1), so the age command opens it too: JSON that
says for each released group who is in it and which photographs became which record.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from anonbase.errors import InputError, PrivacyWarning

__all__ = ["LOST", "Opener", "ReleaseKey", "Sealer", "open_key"]

FORMAT, FORMAT_VERSION = "anonfaces release key", 1
LOST = (
    "a lost passphrase, or a lost age identity, is final: nobody can open the key without it, and"
    " without the key nobody can tell which record a person is in (verify --key, --previous and"
    " withdraw need it)"
)
#: A shorter passphrase is guessed in hours by whoever has the file.
_LEAST_LETTERS = 12
#: More than the key of ten million photographs has.
_MOST_BYTES = 4 * 2**30


@dataclass(frozen=True, kw_only=True)
class ReleaseKey:
    """What only the owner may know of a release.

    Attributes
    ----------
    certificate_sha256 : hash of the release's certificate, which the key belongs to
    identity : where people's names come from, as in ``Summary.identity``
    members : one row a person: group (released name), identity
    records : one row a record: path, group, source (the owner's photograph, '' for a group's)
    pictures : released group -> SHA-256 of its picture
    """

    certificate_sha256: str
    identity: str
    members: pd.DataFrame
    records: pd.DataFrame
    pictures: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """JSON in UTF-8."""
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "certificate_sha256": self.certificate_sha256,
            "identity": self.identity,
            "members": self.members[["group", "identity"]].to_dict("list"),
            "records": self.records[["path", "group", "source"]].to_dict("list"),
            "pictures": self.pictures,
        }
        return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> ReleaseKey:
        """Read what ``to_bytes`` made; InputError names the file ``name`` where it is not that."""
        try:
            document = json.loads(data.decode("utf-8", "surrogatepass"))
            if (document["format"], document["format_version"]) != (FORMAT, FORMAT_VERSION):
                raise ValueError("another format or version")
            return cls(
                certificate_sha256=_word(document["certificate_sha256"]),
                identity=_word(document["identity"]),
                members=_table(document["members"], ("group", "identity")),
                records=_table(document["records"], ("path", "group", "source")),
                pictures={_word(k): _word(v) for k, v in document["pictures"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{name} holds no key of a release: {error}") from error


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _table(columns: dict[str, list[Any]], names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({name: [_word(value) for value in columns[name]] for name in names})


@dataclass(frozen=True)
class Sealer:
    """How a key is sealed: to age recipients (``age1...``), or with a passphrase of a file."""

    recipients: tuple[str, ...] = ()
    passphrase_file: Path | None = None

    def check(self) -> None:
        """InputError unless there is exactly one way, and it can be used."""
        if bool(self.recipients) == (self.passphrase_file is not None):
            raise InputError(
                "the key must be sealed: give --key-recipient age1... (python -m"
                " anonfaces.publish.keys makes one), or --passphrase-file FILE, and not both;"
                " --no-key keeps none, and nobody can tell later who is in which group"
            )
        self._recipients()
        if self.passphrase_file is not None:
            _passphrase(self.passphrase_file)

    def seal(self, key: ReleaseKey) -> bytes:
        """The bytes of the sealed file."""
        import pyrage

        if self.passphrase_file is not None:
            return pyrage.passphrase.encrypt(key.to_bytes(), _passphrase(self.passphrase_file))
        return pyrage.encrypt(key.to_bytes(), self._recipients())

    def _recipients(self) -> list[Any]:
        import pyrage

        try:
            return [pyrage.x25519.Recipient.from_str(one) for one in self.recipients]
        except pyrage.RecipientError as error:
            raise InputError(f"--key-recipient is an age recipient (age1...): {error}") from error


@dataclass(frozen=True)
class Opener:
    """What opens a key: a file with an age identity, or one with the passphrase."""

    identity_file: Path | None = None
    passphrase_file: Path | None = None

    def open(self, path: Path) -> ReleaseKey:
        """The key in the file ``path``; InputError where it cannot be opened or is none."""
        import pyrage

        sealed = _read(path, "key of a release")
        try:
            if self.passphrase_file is not None:
                data = pyrage.passphrase.decrypt(sealed, _passphrase(self.passphrase_file, False))
            else:
                data = pyrage.decrypt(sealed, self._identities())
        except pyrage.DecryptError as error:
            raise InputError(f"{path} cannot be opened with what was given: {error}") from error
        return ReleaseKey.from_bytes(data, str(path))

    def _identities(self) -> list[Any]:
        import pyrage

        if self.identity_file is None:
            raise InputError("a key is opened with --passphrase-file or --key-identity FILE")
        text = _read(self.identity_file, "age identity").decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines()]
        secrets = [line for line in lines if line.startswith("AGE-SECRET-KEY-")]
        try:
            return [pyrage.x25519.Identity.from_str(line) for line in secrets]
        except pyrage.IdentityError as error:
            raise InputError(f"{self.identity_file} is no age identity: {error}") from error


def open_key(path: Path, opener: Opener) -> ReleaseKey:
    """The key of a release; see ``Opener.open``."""
    return opener.open(path)


def _read(path: Path, what: str) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is too large to be a {what}")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: no {what} can be read there: {error.strerror}") from error


def _passphrase(path: Path, new: bool = True) -> str:
    """The first line of a file; PrivacyWarning where a new one is short."""
    from anonbase.notices import warn_user

    lines = _read(path, "passphrase").decode("utf-8", "replace").splitlines()
    if not lines or not lines[0].strip():
        raise InputError(f"{path} holds no passphrase: its first line is empty")
    if new and len(lines[0]) < _LEAST_LETTERS:
        warn_user(
            f"the passphrase has {len(lines[0])} letters: whoever gets the key file can guess it;"
            f" take {_LEAST_LETTERS} or more, or an age identity",
            PrivacyWarning,
        )
    return lines[0]

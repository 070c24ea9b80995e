"""The SHA-256 of a file of weights, and a warning where it is not a known one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anonbase.errors import WeightsWarning
from anonbase.files import sha256
from anonbase.notices import warn_user

__all__ = ["check_hash"]


def check_hash(path: Path, known: Mapping[str, str], found: str | None = None) -> str:
    """Return the SHA-256 of the file, with a ``WeightsWarning`` if it is not a key of ``known``.

    ``found`` is that of weights in several files, from the reader of them.
    """
    found = found or sha256(path)
    if found not in known:
        warn_user(
            f"{path}: SHA-256 {found} is not a known one; results depend on who made it",
            WeightsWarning,
        )
    return found

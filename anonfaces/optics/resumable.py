"""What a command says of Ctrl-C where its output holds finished work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anonbase.errors import AnonfacesError
from anonbase.files import mark_resumable

__all__ = ["STATE", "resumable"]

#: The file of a training run that a stopped one goes on from.
STATE = "state.h5"


@contextmanager
def resumable(folder: Path, kept: str) -> Iterator[None]:
    """Note on what stops the block that the same call goes on, where ``folder`` holds ``kept``.

    ``kept`` is a pattern of file names. Ctrl-C and a full disk are such stops; mistakes are not.
    """
    try:
        yield
    except (KeyboardInterrupt, OSError) as stop:
        if not isinstance(stop, AnonfacesError) and any(folder.expanduser().rglob(kept)):
            mark_resumable(stop)
        raise

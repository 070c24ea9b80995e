"""One clear error for every failure that a file of weights from outside causes."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from anonbase.errors import WeightsError

__all__ = ["DECODE_ERRORS", "UnsafeContentError", "untrusted_input"]

_MAX_MESSAGE = 300


class UnsafeContentError(Exception):
    """The file holds something that weights never need; ``untrusted_input`` adds its name."""


@contextmanager
def untrusted_input(source: str) -> Iterator[None]:
    """Turn every failure of the block on a damaged or hostile file into a ``WeightsError``."""
    try:
        yield
    except UnsafeContentError as error:
        raise WeightsError(f"{source}: {_shown(error)}") from None
    except WeightsError:
        raise
    except DAMAGE as error:
        message = f"{source}: damaged, or of another kind than expected ({_shown(error)})"
        raise WeightsError(message) from None


def _shown(error: Exception) -> str:
    """The message, which may quote the file: short, and nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in str(error)[:_MAX_MESSAGE])


# What pickletools, struct and numpy raise on bytes that make no sense.
DECODE_ERRORS = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    EOFError,
    struct.error,
)
DAMAGE = (*DECODE_ERRORS, RuntimeError, MemoryError, zipfile.BadZipFile)

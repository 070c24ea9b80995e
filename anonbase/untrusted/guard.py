"""Files of weights from outside: whatever they make of their reader, it is one clear error."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from anonbase.errors import WeightsError

__all__ = ["DECODE_ERRORS", "UnsafeContentError", "untrusted_input"]

_MAX_MESSAGE = 300


class UnsafeContentError(Exception):
    """What a file holds that weights never need; ``untrusted_input`` adds which file."""


@contextmanager
def untrusted_input(source: str) -> Iterator[None]:
    """Whatever a damaged or hostile file makes of the code within is a ``WeightsError``."""
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

"""Files of weights from outside: whatever they make of their reader, it is one clear error."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from anonbase.errors import WeightsError

__all__ = ["NONSENSE", "RefusedError", "hostile"]

_MAX_MESSAGE = 300


class RefusedError(Exception):
    """What a file holds that weights never need; ``hostile`` adds which file."""


@contextmanager
def hostile(source: str) -> Iterator[None]:
    """Whatever a damaged or hostile file makes of the code within is a ``WeightsError``."""
    try:
        yield
    except RefusedError as error:
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
NONSENSE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    EOFError,
    struct.error,
)
DAMAGE = (*NONSENSE, RuntimeError, MemoryError, zipfile.BadZipFile)

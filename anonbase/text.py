"""Words that every command says alike."""

from __future__ import annotations

__all__ = ["pluralize"]


def pluralize(count: int, one: str, more: str | None = None) -> str:
    """A number with its word, ``more`` being ``one`` with an s unless told.

    >>> counted(1, "face"), counted(2000, "person", "people")
    ('1 face', '2,000 people')
    """
    return f"{count:,} {one if count == 1 else more or one + 's'}"

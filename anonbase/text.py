"""Words that every command uses in the same way."""

from __future__ import annotations

__all__ = ["pluralize"]


def pluralize(count: int, one: str, more: str | None = None) -> str:
    """Put a number before its word; ``more`` is the plural, ``one`` with an s by default.

    Examples
    --------
    >>> pluralize(1, "face"), pluralize(2000, "person", "people")
    ('1 face', '2,000 people')
    """
    return f"{count:,} {one if count == 1 else more or one + 's'}"

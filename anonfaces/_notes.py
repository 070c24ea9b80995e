"""Privacy warnings on the way, for the user and for the page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anonfaces.errors import PrivacyWarning

__all__ = ["noting"]


@contextmanager
def noting(notes: list[str]) -> Iterator[None]:
    """Note every PrivacyWarning of the block, and let it go on to the user afterwards."""
    heard: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", PrivacyWarning)
        show = warnings.showwarning

        def hear(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, PrivacyWarning):
                heard.append(str(message))
            else:
                show(message, category, *rest, **more)

        warnings.showwarning = hear
        yield
    notes += [note for note in dict.fromkeys(heard) if note not in notes]
    for note in dict.fromkeys(heard):
        warnings.warn(note, PrivacyWarning, stacklevel=2)

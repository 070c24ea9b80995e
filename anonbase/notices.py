"""Warnings on their way to the user and to the page."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from anonbase.errors import PrivacyWarning

__all__ = ["collect_warnings", "warn_user"]

_NOT_THE_USERS = {"anonbase", "anonfaces", "encoders", "stylegan", "contextlib", "sklearn"}


def warn_user(message: str, category: type[Warning] = PrivacyWarning) -> None:
    """Warn, and point to the user's own line: the first one outside of our packages."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _package(frame) in _NOT_THE_USERS:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


@contextmanager
def collect_warnings(notes: list[str], kind: type[Warning] = PrivacyWarning) -> Iterator[None]:
    """Collect the warnings of a kind in the block, and warn the user of them afterwards."""
    heard: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", kind)
        show = warnings.showwarning

        def hear(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, kind):
                heard.append(str(message))
            else:
                show(message, category, *rest, **more)

        warnings.showwarning = hear
        yield
    notes += [note for note in dict.fromkeys(heard) if note not in notes]
    for note in dict.fromkeys(heard):
        warn_user(note, kind)

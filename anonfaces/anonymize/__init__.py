"""Whole photographs and videos, with every face replaced where it stands.

>>> from anonfaces.anonymize import anonymize
>>> anonymize("photos/", "out/").faces  # needs photographs  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "AnonymizationResult": "anonfaces.anonymize.result",
    "AnonymizationOptions": "anonfaces.anonymize.options",
    "InpaintOptions": "anonfaces.anonymize.inpainting.options",
    "Proposal": "anonfaces.anonymize.inpainting.options",
    "anonymize": "anonfaces.anonymize.job",
}

__all__ = [
    "AnonymizationOptions",
    "AnonymizationResult",
    "InpaintOptions",
    "Proposal",
    "anonymize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'anonfaces.anonymize' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

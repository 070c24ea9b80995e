"""Photographs to vectors: detect faces, align them, embed them.

Examples
--------
>>> from encoders import FaceSet, encode
>>> faces = encode("photos/", "faces.h5", extractor="dlib")  # needs photographs  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "FaceSet": "encoders.faceset",
    "encode": "encoders.run.pipeline",
}

__all__ = ["FaceSet", "encode"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'encoders' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

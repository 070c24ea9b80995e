"""Faces drawn anew from a label map of their parts and somebody's identity.

Pose, expression and layout stay, the person does not: the network sees the label map, hair and
background as pixels, and the vector of nobody. ``python -m anonfaces.semantic train`` trains it,
``anonymize --surrogate semantic`` uses it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "FaceRedrawer": "anonfaces.semantic.redraw",
    "load_redrawer": "anonfaces.semantic.redraw",
    "nobodies": "anonfaces.semantic.identities",
}

__all__ = ["FaceRedrawer", "load_redrawer", "nobodies"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'anonfaces.semantic' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

"""Label maps: which part of a face each pixel shows.

Ten classes: the background with the hair, the skin, two brows, two eyes, the nose, the lips and
the inner mouth; hair as an eleventh on request. ``label_map`` draws them from 68 landmarks and
the colors of the skin; the parser (``load_parser``) sees them without landmarks, in the square
``FRAME`` of an FFHQ-aligned chip.

Examples
--------
>>> import numpy as np
>>> from encoders.parsing import CLASSES, one_hot
>>> one_hot(np.zeros((1, 4, 4), np.uint8), 2).shape, CLASSES[0]
((1, 2, 2, 10), 'background')
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "CLASSES": "encoders.parsing.classes",
    "FRAME": "encoders.parsing.parser",
    "HAIR": "encoders.parsing.classes",
    "label_map": "encoders.parsing.polygons",
    "load_parser": "encoders.parsing.parser",
    "mirrored": "encoders.parsing.classes",
    "one_hot": "encoders.parsing.classes",
    "overlay": "encoders.parsing.overlays",
}

__all__ = ["CLASSES", "FRAME", "HAIR", "label_map", "load_parser", "mirrored", "one_hot", "overlay"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'encoders.parsing' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

"""Perceived age and gender, smile and yaw of a face, by a small network of ours.

The labels are what strangers guessed from photographs (UTKFace), gender as one of two. The
network measures how well groups and surrogates keep such traits on average. It is wrong about
many a person: do not use it to decide anything about anybody. See the card,
``datasets/attributes/README.md``.

Examples
--------
>>> import numpy as np
>>> from encoders.attributes import load_attributes
>>> columns = load_attributes()(np.zeros((2, 256, 256, 3), np.uint8))  # FFHQ-aligned chips
>>> sorted(columns), columns["age"].shape
(['age', 'female', 'smile', 'yaw'], (2,))
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Attributes": "encoders.attributes.network",
    "load_attributes": "encoders.attributes.network",
}

__all__ = ["Attributes", "load_attributes"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'encoders.attributes' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

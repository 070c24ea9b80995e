"""What a face looks like: perceived age and gender, smile and yaw, by a small network of ours.

>>> from encoders.attributes import load_attributes
>>> columns = load_attributes()(chips)                  # FFHQ-aligned chips
>>> columns["age"]                                      # years, float32 (n,)

Perceived, and no more: the labels are what strangers guessed from pictures (UTKFace), gender as
one of two. It is made to measure how well groups and surrogates keep such traits on average, and
is wrong about many a person: do not use it to decide anything about anybody. See the card,
``datasets/attributes/README.md``.
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

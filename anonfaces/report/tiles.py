"""Surrogates as small pictures inside the page, so that it needs no file beside it."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_TILES", "evenly", "tile"]

MOST_TILES = 240
"""The contact sheet shows at most this many; the page stays well under 5 MB."""

_SIDE = 128


def tile(path: Path) -> str:
    """A data URI of the picture at ``path``, 128 px wide, as WebP."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    memory = io.BytesIO()
    small.save(memory, "WEBP", quality=82, method=4)
    return "data:image/webp;base64," + base64.b64encode(memory.getvalue()).decode("ascii")


def evenly(count: int, most: int = MOST_TILES) -> NDArray[np.int64]:
    """At most ``most`` positions out of ``count``, evenly spread, in order."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))

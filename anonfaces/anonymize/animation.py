"""Pictures that hold more than one: animations, pages of a TIFF, the second of an MPO."""

from __future__ import annotations

import io

from encoders.photographs.walk import FORMATS

__all__ = ["further_frames"]


def further_frames(data: bytes) -> int:
    """How many pictures a file holds beyond its first, which alone is decoded; 0 where unknown.

    They are counted by their headers; none is decoded.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=(*FORMATS, "MPO")) as picture:
            return max(int(getattr(picture, "n_frames", 1)) - 1, 0)
    except Exception:  # a decoder that is lied to raises anything
        return 0

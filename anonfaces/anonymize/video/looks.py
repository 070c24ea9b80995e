"""How the faces look that were put on tracks: judged in a few frames of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Look", "describe_looks"]


class Look(NamedTuple):
    """What is seen of a track in one frame of the result.

    ``track`` is its number, ``distance`` how far the face is from the nearest original of the
    video by dlib's recognizer, ``unclear`` as ``anonfaces.anonymize.quality.unclear`` has it.
    """

    track: int
    distance: float
    unclear: float


def describe_looks(looks: Sequence[Look]) -> dict[str, Any]:
    """What the record of a track says of them: the nearest, and how unclear it mostly is."""
    if not looks:
        return {}
    return {
        "distance": round(min(look.distance for look in looks), 3),
        "unclear": round(float(np.median([look.unclear for look in looks])), 3),
    }

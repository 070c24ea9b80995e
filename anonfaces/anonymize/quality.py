"""Whether a face that was put in looks like one in its place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["WORSE_THAN_A_COVER", "misplaced"]

Pixels = NDArray[np.uint8]

WORSE_THAN_A_COVER = 0.07
"""From this ``misplaced`` on a face looks worse than a cover: eyes or mouth are doubled or astray.

On group photographs good replacements have 0.02 to 0.05.
"""


def misplaced(image: Pixels, box: NDArray[np.integer], landmark: NDArray[np.floating]) -> float:
    """How far the landmarks that are seen now lie from those asked for, in sizes of the face.

    The root of the mean square over eyes, nose and mouth (17 to 67); the jaw is the original's.
    ``landmark`` float (68, 2) is where they were.
    """
    from encoders.align import find_landmarks

    seen = find_landmarks(image, box)
    off = np.square(seen[17:] - landmark[17:]).sum(axis=1).mean()
    return float(np.sqrt(off) / max(float(np.ptp(landmark, axis=0).max()), 1.0))

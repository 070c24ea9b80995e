"""Whether a face that was put in looks like one in its place, or worse than a cover."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.pose import head_pose

__all__ = ["MOST_MISPLACED", "MOST_TURNED", "is_worse_than_a_cover", "misplaced"]

Pixels = NDArray[np.uint8]

MOST_MISPLACED = 0.05
"""``misplaced`` from which eyes or mouth look doubled or astray.

Six replacements on group photographs had 0.015 to 0.024.
"""
MOST_TURNED = 0.35
"""Difference in yaw, as ``head_pose`` has it, from which a face looks pasted on another head."""


def is_worse_than_a_cover(
    image: Pixels,
    box: NDArray[np.integer],
    landmark: NDArray[np.floating],
    source_landmark: NDArray[np.floating],
) -> bool:
    """Whether the face that is now in ``box`` looks worse than a grey cover would.

    ``landmark`` float (68, 2) are those of the face before, ``source_landmark`` those of the
    picture that the new one comes from.
    """
    yaw = head_pose(np.stack([landmark, source_landmark]))[:, 0]
    return bool(
        abs(yaw[0] - yaw[1]) > MOST_TURNED or misplaced(image, box, landmark) > MOST_MISPLACED
    )


def misplaced(image: Pixels, box: NDArray[np.integer], landmark: NDArray[np.floating]) -> float:
    """How far the landmarks that are seen now lie from those asked for, in sizes of the face.

    The root of the mean square over eyes, nose and mouth (17 to 67); the jaw is the original's.
    ``landmark`` float (68, 2) is where they were.
    """
    from encoders.align import find_landmarks

    seen = find_landmarks(image, box)
    off = np.square(seen[17:] - landmark[17:]).sum(axis=1).mean()
    return float(np.sqrt(off) / max(float(np.ptp(landmark, axis=0).max()), 1.0))

"""Whether a face that was put in looks like one in its place, or worse than a cover."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.paste import outline
from anonfaces.anonymize.pose import head_pose

if TYPE_CHECKING:
    from encoders.parsing.parser import Parser

__all__ = [
    "MOST_MISPLACED",
    "MOST_TURNED",
    "MOST_UNCLEAR",
    "is_worse_than_a_cover",
    "misplaced",
    "unclear",
    "unclear_pictures",
]

Pixels = NDArray[np.uint8]

MOST_MISPLACED = 0.05
"""``misplaced`` from which eyes or mouth look doubled or astray.

Six replacements on group photographs had 0.015 to 0.024.
"""
MOST_TURNED = 0.35
"""Difference in yaw, as ``head_pose`` has it, from which a face looks pasted on another head."""
MOST_UNCLEAR = 0.17
"""``unclear`` from which a face that was put in is one to look at.

Landmarks do not tell: dlib finds eyes in smears, and in a donor with half a pair of glasses or
hair on its forehead. Of 170 faces of ``fresh``, half of them in 11 group photographs and half in
75 of LFW, one person judged by eye: this tells 22 of the 38 that are plainly bad, 12 of the 30
between, and 18 of the 102 good ones. The measure and its limit were chosen on these very faces, so
elsewhere it tells rather less. It misses most thin traces of glasses.
"""
#: Sides in pixels of the aligned chip, and of the square of it that the parser sees.
_CHIP, _SEEN = 256, 128
#: Landmark of the nose's bridge: what lies above it in an upright face is looked at.
_BRIDGE = 29


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


def unclear(image: Pixels, landmark: NDArray[np.floating]) -> NDArray[np.float64]:
    """How unsure the parser of faces is of the upper halves of faces, float (n,).

    The mean entropy in nats of what each pixel shows, from the bridge of the nose to as far above
    the brows as faces are replaced. ``landmark`` float (n, 68, 2) is where the faces are.
    """
    return unclear_pictures([(image, points) for points in landmark])


def unclear_pictures(
    faces: Sequence[tuple[Pixels, NDArray[np.floating]]],
) -> NDArray[np.float64]:
    """``unclear`` of faces that each lie in a picture of their own, at landmarks (68, 2)."""
    from encoders.align import align_ffhq, ffhq_landmarks
    from encoders.parsing import FRAME

    if not len(faces):
        return np.empty(0)
    chips = np.array([align_ffhq(image, points, _CHIP) for image, points in faces])
    inside = np.array([ffhq_landmarks(points, _CHIP) for _, points in faces])
    unsure = _parser().uncertainty(FRAME.cut(chips, _SEEN))
    points = FRAME.points(inside, _CHIP, _SEEN)
    return np.array([own[_upper_half(at)].mean() for own, at in zip(unsure, points, strict=True)])


def _upper_half(landmark: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Where in the parser's square (128, 128) the upper half of what is replaced lies."""
    import cv2

    mask = np.zeros((_SEEN, _SEEN), np.uint8)
    cv2.fillConvexPoly(mask, outline(landmark), 1)
    mask[max(int(np.ceil(landmark[_BRIDGE, 1])), 1) :] = 0
    mask[0, 0] |= not mask.any()
    return mask > 0


@cache
def _parser() -> Parser:
    from encoders.parsing import load_parser

    return load_parser()

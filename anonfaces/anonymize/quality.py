"""Whether a face that was put in looks like one in its place, or worse than a cover."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.paste import outline
from anonfaces.anonymize.pose import head_pose
from encoders.parsing.classes import CLASSES

if TYPE_CHECKING:
    from encoders.parsing.parser import Parser

__all__ = [
    "MOST_MISPLACED",
    "MOST_TURNED",
    "MOST_UNCLEAR",
    "is_worse_than_a_cover",
    "misplaced",
    "reasons_to_cover",
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
#: ``unclear`` from which what was put in is no face. In eleven group photographs, by three ways, an
#: ear that a detector took for a face had 0.27 to 0.41, whole faces at most 0.27; of what a DCGAN
#: paints one in five lies above.
_MOST_BROKEN = 0.3
#: Part of a face's outline that the parser takes for background, from which landmarks lie beside a
#: face: 0.24 where the border of a collage's picture cut one. The most of whole ones of 20 px and
#: more in 11 group photographs, and of 665 in LFW, was 0.12. Half a face whose landmarks are right
#: is not told: it had 0.02 to 0.15 beside a plain wall.
_MOST_HIDDEN = 0.2
_CUT_AT_EYES = "the top of the picture cuts it at the eyes, and landmarks are guesses there"
_BESIDE = "much of the place shows no face: it is cut off or hidden there"
_EYES = slice(36, 48)
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
        abs(yaw[0] - yaw[1]) > MOST_TURNED
        or misplaced(image, box, landmark) > MOST_MISPLACED
        or unclear(image, landmark[None])[0] > _MOST_BROKEN
    )


def reasons_to_cover(image: Pixels, landmark: NDArray[np.floating]) -> list[str]:
    """Why what is put in place of a face would be a small mask and no face; "" where it would not.

    Where the eyes lie above the picture, or where much of the outline shows no face: dlib's
    landmarks then crowd on what is there. A face that another border of the picture cuts is
    completed by reflection. ``landmark`` float (n, 68, 2) is where the faces are.
    """
    astray = _background(image, landmark) > _MOST_HIDDEN
    beheaded = landmark[:, _EYES, 1].mean(axis=1) < 0
    return [
        _CUT_AT_EYES if eyes else _BESIDE if beside else ""
        for eyes, beside in zip(beheaded, astray, strict=True)
    ]


def _background(image: Pixels, landmark: NDArray[np.floating]) -> NDArray[np.float64]:
    """The part of each face's outline that the parser takes for background, float (n,)."""
    import cv2

    if not len(landmark):
        return np.empty(0)
    squares, points = _squares([(image, face) for face in landmark])
    share = []
    for parts, at in zip(_parser()(squares), points, strict=True):
        mask = np.zeros(parts.shape, np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(at).astype(np.int32)), 1)
        inside = parts[mask > 0]
        share.append(float((inside == CLASSES.index("background")).mean()) if inside.size else 1.0)
    return np.array(share)


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
    if not len(faces):
        return np.empty(0)
    squares, points = _squares(faces)
    unsure = _parser().uncertainty(squares)
    return np.array([own[_upper_half(at)].mean() for own, at in zip(unsure, points, strict=True)])


def _squares(
    faces: Sequence[tuple[Pixels, NDArray[np.floating]]],
) -> tuple[Pixels, NDArray[np.floating]]:
    """What the parser sees of each face, uint8 (n, 128, 128, 3), and the landmarks (n, 68, 2)."""
    from encoders.align import align_ffhq, ffhq_landmarks
    from encoders.parsing import FRAME

    chips = np.array([align_ffhq(image, points, _CHIP) for image, points in faces])
    inside = np.array([ffhq_landmarks(points, _CHIP) for _, points in faces])
    return FRAME.cut(chips, _SEEN), FRAME.points(inside, _CHIP, _SEEN)


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

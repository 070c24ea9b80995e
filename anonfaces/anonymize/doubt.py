"""How much a person should doubt what was done to a face, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from anonfaces.anonymize.detection import SAME_PERSON
from anonfaces.anonymize.quality import MOST_UNCLEAR

__all__ = ["LOOKS_DOUBTFUL", "face_doubts", "looks_doubtful", "picture_doubt"]

LOOKS_DOUBTFUL = "looks doubtful"
"""The reason to look at a face that was put in and may look broken."""

#: Confidence of a detector below which a find is doubtful; 0.5 is where its author would cut.
_UNSURE = 0.5
#: Pixels: side of a face below which it is small.
_SMALL = 40
#: Part of a face's side within which it is near the border of the picture.
_MARGIN = 0.25
#: The reason where the recogniser takes what was put in for somebody of the picture. The second
#: look passes by it where no detector finds a face there: an ear, or what a cover nearly hides.
_LIKE = "like an original"
#: What a reason weighs in the order of the page.
_WEIGHT = {
    "second look": 4,
    _LIKE: 4,
    "low score": 3,
    "small": 2,
    "near the border": 2,
    LOOKS_DOUBTFUL: 2,
    "covered": 1,
}


def face_doubts(face: dict[str, Any], width: int, height: int) -> list[str]:
    """The reasons to look at a face of a record, of a picture of that size, the gravest first."""
    left, top, right, bottom = face["box"]
    side = max(right - left, bottom - top)
    room = _MARGIN * side
    holds = {
        "second look": bool(face.get("second_look")),
        _LIKE: face["outcome"] == "replaced" and face.get("distance", np.inf) <= SAME_PERSON,
        "low score": face.get("confidence", 1.0) < _UNSURE,
        "small": side < _SMALL,
        "near the border": min(left, top, width - right, height - bottom) < room,
        LOOKS_DOUBTFUL: looks_doubtful(face),
        "covered": face["outcome"] == "covered" and bool(face.get("reason")),
    }
    return [reason for reason in _WEIGHT if holds[reason]]


def looks_doubtful(face: dict[str, Any]) -> bool:
    """Whether a face of a record was replaced, and looks as if that had gone wrong."""
    return bool(face.get("unclear", 0.0) > MOST_UNCLEAR)


def picture_doubt(doubts: list[list[str]]) -> int:
    """How doubtful a picture is: the weights of all reasons of its faces."""
    return sum(_WEIGHT[reason] for reasons in doubts for reason in reasons)

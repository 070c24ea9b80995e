"""What the faces of a run come to, in lines for the terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from anonfaces.anonymize.cover import COVERS
from anonfaces.anonymize.detection import SAME_PERSON
from anonfaces.anonymize.doubt import looks_doubtful
from anonfaces.anonymize.replace import COVERED, REPLACED

__all__ = ["describe_all_faces"]

#: Distance above the threshold within which a face is counted as near to it; chosen, not measured.
_MARGIN = 0.02
#: Covered ones of the faces that were to be replaced, from which another mode is worth a try:
#: their part, and how many.
_CONSIDERABLE, _FEW = 0.2, 3
_GROUPED = (
    "a group has one face for all its people, and where that suits a head badly there is no other"
    " to try: --surrogate fresh has"
)


class _Words(NamedTuple):
    """How lines speak of the faces of photographs, or of videos."""

    into: str
    file: str
    of: str


_PHOTOGRAPHS = _Words("in", "picture", "")
_VIDEOS = _Words("into videos", "video in the few frames that were looked at", " of videos")


def describe_all_faces(records: list[dict[str, Any]], review: Path, surrogate: str) -> list[str]:
    """Lines about the faces in photographs, and about those in videos: which look doubtful, how
    far they are from the originals, and why those are covered that were to be replaced.

    ``records`` are those of files, ``surrogate`` the mode.
    """
    lines = []
    for words in (_PHOTOGRAPHS, _VIDEOS):
        ours = [r for r in records if ("frames" in r) == (words is _VIDEOS)]
        faces = [face for r in ours for face in r.get("faces", [])]
        replaced = [face for face in faces if face["outcome"] == REPLACED]
        failed = [] if surrogate in COVERS else [face for face in faces if _failed(face)]
        lines += [
            *_doubtful(replaced, review, words),
            *_nearest(replaced, words),
            *_covered(replaced, failed, surrogate, words),
        ]
    return lines


def _failed(face: dict[str, Any]) -> bool:
    """Whether a face is covered that was to be replaced; what was to be covered has no reason."""
    return face["outcome"] == COVERED and bool(face.get("reason"))


def _doubtful(replaced: list[dict[str, Any]], review: Path, words: _Words) -> list[str]:
    number = sum(map(looks_doubtful, replaced))
    if not number:
        return []
    part = "" if len(replaced) == 1 else f"{number:,} of "
    return [
        f"{part}{_faces(len(replaced))} put {words.into} {_verb(number, 'look')} doubtful: look at"
        f" {_them(number)} in {review} (many broken ones are not told, so look at the others too)"
    ]


def _nearest(replaced: list[dict[str, Any]], words: _Words) -> list[str]:
    """How far the faces that were put in are from the originals of their picture."""
    away = sorted(face["distance"] for face in replaced if "distance" in face)
    if not away:
        return []
    like = sum(distance <= SAME_PERSON for distance in away)
    near = sum(SAME_PERSON < distance <= SAME_PERSON + _MARGIN for distance in away)
    nearest = "" if len(away) == 1 else "the nearest of "
    also = f", and {near:,} {_verb(near, 'lie')} at most {_MARGIN} above that" if near else ""
    lines = [
        f"by dlib's recogniser {nearest}{_faces(len(away))} put {words.into} is {away[0]:.3f}"
        f" from an original of its {words.file}; up to {SAME_PERSON} counts as the same"
        f" person{also}. Another recogniser may tell otherwise"
    ]
    if like:
        subject = "it" if len(away) == 1 else f"{like:,} of them"
        lines.append(
            f"{subject} {_verb(like, 'lie')} at {SAME_PERSON} or below, where no detector"
            " finds a face any more (an ear, a place that a cover nearly hides): look at"
            f" {_them(like)} on that page"
        )
    return lines


def _faces(number: int) -> str:
    return "the face that was" if number == 1 else f"the {number:,} faces that were"


def _verb(number: int, verb: str) -> str:
    return f"{verb}s" if number == 1 else verb


def _them(number: int) -> str:
    return "it" if number == 1 else "them"


def _covered(
    replaced: list[dict[str, Any]], failed: list[dict[str, Any]], surrogate: str, words: _Words
) -> list[str]:
    """Why faces are covered that were to be replaced."""
    number, total = len(failed), len(replaced) + len(failed)
    if not number:
        return []
    why = Counter(face["reason"] for face in failed)
    ordered = sorted(why.items(), key=lambda item: (-item[1], item[0]))
    lines = [
        f"{number:,} of {total:,} face{'s' * (total > 1)}{words.of}"
        f" {'is' if number == 1 else 'are'} covered, not replaced: "
        + "; ".join(f"{reason} ({count:,})" for reason, count in ordered)
    ]
    many = number >= max(_FEW, _CONSIDERABLE * total)
    return [*lines, *([_GROUPED] if many and surrogate == "group" else [])]

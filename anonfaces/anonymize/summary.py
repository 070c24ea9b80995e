"""What the faces of a run come to, in lines for the terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from anonfaces.anonymize.detection import SAME_PERSON
from anonfaces.anonymize.doubt import looks_doubtful
from anonfaces.anonymize.replace import COVERED, REPLACED

__all__ = ["describe_all_faces"]

#: Distance above the threshold within which a face is counted as near to it; chosen, not measured.
_MARGIN = 0.02
#: Part of the faces that were to be replaced, from which covers are worth a line, and how many.
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
    far they are from the originals, and why many are covered.

    ``records`` are those of files, ``surrogate`` the mode.
    """
    lines = []
    for words in (_PHOTOGRAPHS, _VIDEOS):
        ours = [r for r in records if ("frames" in r) == (words is _VIDEOS)]
        faces = [face for r in ours for face in r.get("faces", [])]
        replaced = [face for face in faces if face["outcome"] == REPLACED]
        failed = [face for face in faces if face["outcome"] == COVERED and face.get("reason")]
        lines += [
            *_doubtful(replaced, review, words),
            *_nearest(replaced, words),
            *_covered(replaced, failed, surrogate, words),
        ]
    return lines


def _doubtful(replaced: list[dict[str, Any]], review: Path, words: _Words) -> list[str]:
    number = sum(map(looks_doubtful, replaced))
    if not number:
        return []
    return [
        f"{number:,} of the {len(replaced):,} faces that were put {words.into} look doubtful: look"
        f" at them in {review} (many broken ones are not told, so look at the"
        " others too)"
    ]


def _nearest(replaced: list[dict[str, Any]], words: _Words) -> list[str]:
    """How far the faces that were put in are from the originals of their picture."""
    away = sorted(face["distance"] for face in replaced if "distance" in face)
    if not away:
        return []
    like = sum(distance <= SAME_PERSON for distance in away)
    near = sum(SAME_PERSON < distance <= SAME_PERSON + _MARGIN for distance in away)
    lines = [
        f"by dlib's recogniser the nearest of the {len(away):,} faces that were put {words.into} is"
        f" {away[0]:.3f} from an original of its {words.file}; up to {SAME_PERSON} counts as the"
        f" same person, and {near:,} {'lies' if near == 1 else 'lie'} at most {_MARGIN} above that."
        " Another recogniser may tell otherwise"
    ]
    if like:
        lines.append(
            f"{like:,} of them {'lies' if like == 1 else 'lie'} at {SAME_PERSON} or below, where"
            " no detector finds a face any more (an ear, a place that a cover nearly hides): look"
            " at them on that page"
        )
    return lines


def _covered(
    replaced: list[dict[str, Any]], failed: list[dict[str, Any]], surrogate: str, words: _Words
) -> list[str]:
    """Why a considerable part is covered."""
    total = len(replaced) + len(failed)
    if len(failed) < max(_FEW, _CONSIDERABLE * total):
        return []
    why = Counter(face["reason"] for face in failed).most_common()
    lines = [
        f"{len(failed):,} of {total:,} faces{words.of} are covered, not replaced: "
        + "; ".join(f"{reason} ({number:,})" for reason, number in why)
    ]
    return [*lines, *([_GROUPED] if surrogate == "group" else [])]

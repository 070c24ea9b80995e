"""What a run made, and what a person should know of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonbase.errors import UtilityWarning
from anonbase.notices import warn_user
from anonfaces.anonymize.cover import COVERS
from anonfaces.anonymize.detection import SMALLEST_FACE
from anonfaces.anonymize.photographs import WRITTEN
from anonfaces.anonymize.replace import COVERED, KEPT, REPLACED
from anonfaces.anonymize.summary import describe_all_faces

__all__ = [
    "AnonymizationResult",
    "make_result",
    "nothing_written",
    "warn_of_frames",
    "warn_of_smallest",
]

_LISTED = 5
#: What faces come to, in the order in which it is told.
_OUTCOMES = (REPLACED, COVERED, *COVERS, KEPT)


@dataclass(frozen=True)
class AnonymizationResult:
    """What a run made: the folder, the record beside it, and how many of what.

    ``pictures`` counts photographs and videos by outcome (written, no face, unreadable ...),
    ``faces`` the faces in those that were written (replaced, covered, mosaic, blur, kept), and
    under "second look" the places that were covered because the search of the result found
    something there. ``notes`` are lines about what to look at: faces that look doubtful, how near
    faces are to the originals, why some are covered, how much of a video is covered and when to
    look at it, what was not written. ``review`` is the page that shows all of it; it
    holds the originals. ``frames`` counts those of the videos that were written. ``key`` is the
    owner's key that groups' faces were drawn with.
    """

    folder: Path
    record: Path
    review: Path
    pictures: Counter[str]
    faces: Counter[str]
    notes: tuple[str, ...] = ()
    frames: int = 0
    key: Path | None = None


def make_result(
    folder: Path,
    record: Path,
    review: Path,
    records: list[dict[str, Any]],
    key: Path | None = None,
    surrogate: str = "fresh",
) -> AnonymizationResult:
    """The result that these records of files tell; ``surrogate`` is the mode."""
    seen = Counter(face["outcome"] for record in records for face in record.get("faces", []))
    faces = Counter({outcome: seen[outcome] for outcome in _OUTCOMES if seen[outcome]})
    residual = sum(len(record.get("second_look", [])) for record in records)
    if residual:
        faces["second look"] = residual
    frames = sum(record.get("frames", 0) for record in records)
    notes = (*describe_all_faces(records, review, surrogate), *_notes(records))
    return AnonymizationResult(
        folder, record, review, _by_outcome(records), faces, notes, frames, key
    )


def nothing_written(source: Path, records: list[dict[str, Any]]) -> str:
    """Why no file was written."""
    first = records[0]
    message = f"{first['outcome']}: {first['reason']}"
    if len(records) > 1:
        message = ", ".join(f"{n} {why}" for why, n in _by_outcome(records).items())
    return f"{source}: nothing was written ({message})"


def warn_of_smallest(records: list[dict[str, Any]]) -> None:
    """A PrivacyWarning where faces larger than ``SMALLEST_FACE`` could not have been found."""
    for smallest, what, way_out in (
        (_smallest(records, video=False), "photographs", "mtcnn finds those of 20 px (--detector)"),
        (_smallest(records, video=True), "videos", "frames are looked at in 960 px a side"),
    ):
        if smallest > SMALLEST_FACE:
            warn_user(
                f"faces of less than {smallest:.0f} px in {what} could not be found, and stay"
                f" open: {way_out}"
            )


def warn_of_frames(records: list[dict[str, Any]]) -> None:
    """A UtilityWarning that lists pictures of several frames, of which one is written."""
    several = [record["input"] for record in records if record.get("frames_not_written")]
    if several:
        more = f" and {len(several) - _LISTED} more" if len(several) > _LISTED else ""
        warn_user(
            f"of pictures with several frames the first alone is written:"
            f" {', '.join(several[:_LISTED])}{more}",
            UtilityWarning,
        )


def _smallest(records: list[dict[str, Any]], *, video: bool) -> float:
    """The largest of the sizes below which faces could not be found."""
    sizes = [r.get("smallest_face", 0.0) for r in records if ("frames" in r) == video]
    return max(sizes, default=0.0)


def _notes(records: list[dict[str, Any]]) -> list[str]:
    from anonfaces.anonymize.video.summary import describe_video

    lines = [line for r in records if "covers" in r for line in describe_video(r)]
    further = [r for r in records if r.get("frames_not_written")]
    lines += [
        f"{r['input']}: its first picture was done; {r['frames_not_written']} further"
        f" {'was' if r['frames_not_written'] == 1 else 'were'} neither looked at nor written"
        for r in further[:_LISTED]
    ]
    absent = [r for r in records if "output" not in r]
    lines += [
        f"{r['input']}: not written ({r['outcome']}: {r['reason']})" for r in absent[:_LISTED]
    ]
    more = max(len(further) - _LISTED, 0) + max(len(absent) - _LISTED, 0)
    return lines + ([f"and {more} more that the record lists"] if more else [])


def _by_outcome(records: list[dict[str, Any]]) -> Counter[str]:
    """How many files came to what, those first that were written."""
    seen = Counter(record["outcome"] for record in records)
    return Counter(dict(sorted(seen.items(), key=lambda item: (item[0] != WRITTEN, item[0]))))

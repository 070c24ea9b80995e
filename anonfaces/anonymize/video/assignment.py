"""What is done to each face of a video: one surrogate a track, for all of its frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.detection import (
    SAME_PERSON,
    SMALLEST_FACE,
    FaceAnalyzer,
    Faces,
    distances,
)
from anonfaces.anonymize.kept_people import kept
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.paste import SourceFace, fits, paste
from anonfaces.anonymize.quality import is_worse_than_a_cover, reasons_to_cover
from anonfaces.anonymize.replace import COVERED, KEPT, NO_FACE, REPLACED, TOO_SMALL
from anonfaces.anonymize.sources.choose import make_source
from anonfaces.anonymize.video.looks import Look, describe_looks
from anonfaces.anonymize.video.tracks import Track, Trajectory

__all__ = [
    "SurrogateAssignment",
    "TrackPlan",
    "analyze_frame",
    "assign_surrogates",
    "search_frame",
    "smallest_face",
]

Pixels = NDArray[np.uint8]

_LONGEST = 960
_TRIES, _REMEMBERED = 12, 5
#: In sizes of a face: how far it lies inside the frame by which a track is judged, where one does.
_INSIDE = 0.15
_ROOM, _OFFERS = 1.5, 16
#: How much nearer a face may come in frames that were not looked at, or in another box.
_ELSEWHERE = 0.05
_NONE_FITS = "no surrogate that was tried fits there, or is unlike the people here"


def analyze_frame(analyzer: FaceAnalyzer, image: Pixels) -> Faces:
    """The faces of a frame, looked for at no more than 960 pixels a side."""
    return _resized_back(analyzer.find, image)


def search_frame(analyzer: FaceAnalyzer, image: Pixels) -> Faces:
    """The faces of a frame of the result, with the detectors' usual thresholds."""
    return _resized_back(analyzer.search, image)


def smallest_face(analyzer: FaceAnalyzer, size: tuple[int, int]) -> float:
    """Side in pixels of the smallest face that can be found in frames of this height and width."""
    factor = max(max(size) / _LONGEST, 1)
    looked_at = np.zeros((round(size[0] / factor), round(size[1] / factor), 3), np.uint8)
    return round(analyzer.smallest(looked_at) * factor, 1)


def _resized_back(find: Callable[[Pixels], Faces], image: Pixels) -> Faces:
    import cv2

    factor = max(image.shape[:2]) / _LONGEST
    if factor <= 1:
        return find(image)
    size = (round(image.shape[1] / factor), round(image.shape[0] / factor))
    faces = find(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    box = np.rint(faces.box * factor).astype(np.int32)
    landmark = ((faces.landmark + 0.5) * factor - 0.5).astype(np.float32)
    return replace(faces, box=box, landmark=landmark)


@dataclass(frozen=True)
class TrackPlan:
    """A track without gaps, and what is done to it: a source, a mode that covers, or nothing.

    Attributes:
        number: the track's place among all.
        path: where it is in every frame.
        seen: the frames in which a detector found it.
        vectors: float32 (n, 128), of the frames ``looked_at``.
        looked_at: a few of the frames ``seen``, spread over them, in which its result is judged.
        action: what is done.
        reason: why it is covered, where a face was to be put there.
    """

    number: int
    path: Trajectory
    seen: tuple[int, ...]
    vectors: NDArray[np.float32]
    looked_at: frozenset[int]
    action: SourceFace | str
    reason: str = ""

    @property
    def outcome(self) -> str:
        """The word for what is done: replaced, covered, kept, blur, mosaic."""
        if isinstance(self.action, SourceFace):
            return REPLACED
        return COVERED if self.action == "solid" else self.action


@dataclass(frozen=True)
class SurrogateAssignment:
    """What is done to each track."""

    plans: list[TrackPlan]

    def present(self, number: int) -> list[tuple[TrackPlan, int]]:
        """The tracks that are in a frame, each with its row for it."""
        rows = [(plan, plan.path.row_at(number)) for plan in self.plans]
        return [(plan, row) for plan, row in rows if row is not None]

    @cached_property
    def hidden(self) -> NDArray[np.float32]:
        """Vectors float32 (n, 128) of everybody who is not kept."""
        vectors = [plan.vectors for plan in self.plans if plan.action != KEPT]
        return np.concatenate(vectors) if vectors else np.empty((0, 128), np.float32)

    def describe(self, looks: Sequence[Look]) -> list[dict[str, Any]]:
        """For the record: what was done to each track, how that looks, and where it is."""
        return [
            {
                "outcome": plan.outcome,
                "reason": plan.reason,
                **describe_looks([look for look in looks if look.track == plan.number]),
                "found_in_frames": len(plan.seen),
                "first_frame": plan.path.first,
                "boxes": plan.path.box.tolist(),
            }
            for plan in self.plans
        ]


def assign_surrogates(
    tracks: Sequence[Track],
    read: Callable[[int], Pixels],
    people: NDArray[np.float32],
    pad: int,
    shots: NDArray[np.int64],
    analyzer: FaceAnalyzer,
    options: AnonymizationOptions,
) -> SurrogateAssignment:
    """Choose what is done to each track.

    ``read`` gives a frame by its number, ``people`` are those to be kept, ``pad`` is as
    ``Track.path`` has it, ``shots`` (frames,) is the shot of each frame.
    """
    portraits = [_portrait(track, read) for track in tracks]
    views, best = [view for view, _ in portraits], [face for _, face in portraits]
    allowlisted = [kept(face, people) for face in best]
    how = make_source(options, analyzer, best, allowlisted, views.__getitem__)
    few = [_spread(track) for track in tracks]
    vectors = [
        np.array([track.embedding[i] for i in rows])
        for track, rows in zip(tracks, few, strict=True)
    ]
    hidden = [v for v, stays in zip(vectors, allowlisted, strict=True) if not stays]
    everyone = np.concatenate(hidden) if hidden else np.empty((0, 128), np.float32)
    plans: list[TrackPlan] = []
    for key, track in enumerate(tracks):
        action: SourceFace | str = "solid"
        reason = ""
        if allowlisted[key]:
            action = KEPT
        elif isinstance(how, str):
            action = how
        elif not (reason := _reason_to_cover(views[key], best[key])):
            offered = islice(how.candidates(views[key], best[key], 0, key), _OFFERS)
            # a square fits the view that it was filled for: in others landmarks are followed
            candidates = [replace(face, patch=None) if face.patch else face for face in offered]
            candidates.sort(key=lambda face: any(plan.action is face for plan in plans))
            fitting = _fitting(candidates[:_TRIES], views[key], best[key], everyone, analyzer)
            action, reason = fitting or "solid", "" if fitting else _NONE_FITS
        shot = np.flatnonzero(shots == shots[track.frame[0]])
        path = track.path(pad, int(shot[0]), int(shot[-1]))
        looked_at = frozenset(track.frame[i] for i in few[key])
        seen = tuple(track.frame)
        plans.append(TrackPlan(key, path, seen, vectors[key], looked_at, action, reason))
    return SurrogateAssignment(plans)


def _reason_to_cover(view: Pixels, face: Faces) -> str:
    """Why the track is covered before any source is tried; "" where one is."""
    if (face.box[0, 2:] - face.box[0, :2]).max() < SMALLEST_FACE:
        return TOO_SMALL
    if not fits(face.landmark[0]):
        return NO_FACE
    return reasons_to_cover(view, face.landmark)[0]


def _fitting(
    candidates: Sequence[SourceFace],
    view: Pixels,
    face: Faces,
    everyone: NDArray[np.float32],
    analyzer: FaceAnalyzer,
) -> SourceFace | None:
    """The first source that, in place, looks like a face and is unlike everybody.

    Unlike by a little more than the recognizer asks for: one frame is looked at here.
    """
    for source_face in candidates:
        result = paste(view, face.landmark[0], source_face)
        if result is None:
            return None
        if is_worse_than_a_cover(result, face.box[0], face.landmark[0], source_face.landmark):
            continue
        if distances(analyzer.embed(result, face.box), everyone).min() > SAME_PERSON + _ELSEWHERE:
            return source_face
    return None


def _portrait(track: Track, read: Callable[[int], Pixels]) -> tuple[Pixels, Faces]:
    """The clearest face of the track, cut out with much around it, as a picture of its own."""
    image = read(track.frame[track.best])
    i = _clearest(track, *image.shape[:2])
    if i != track.best:
        image = read(track.frame[i])
    box = track.box[i]
    room = int(_ROOM * (box[2:] - box[:2]).max())
    corner = np.clip(box[:2] - room, 0, None)
    view = image[corner[1] : box[3] + room, corner[0] : box[2] + room].copy()
    moved = track.box[i] - np.tile(corner, 2), track.landmark[i] - corner
    face = Faces(
        moved[0][None].astype(np.int32),
        moved[1][None].astype(np.float32),
        track.embedding[i][None],
        ("",),
    )
    return view, face


def _clearest(track: Track, height: int, width: int) -> int:
    """The largest face of the track that no border cuts; the largest of all where each is cut."""
    points = np.array(track.landmark)
    size = np.ptp(points, axis=1).max(axis=1)
    room = np.minimum(points.min(axis=1), (width, height) - points.max(axis=1)).min(axis=1)
    inside = [i for i, sure in enumerate(track.sure) if sure and room[i] > _INSIDE * size[i]]
    area = [float(np.prod(box[2:] - box[:2])) for box in track.box]
    return max(inside, key=area.__getitem__) if inside else track.best


def _spread(track: Track) -> list[int]:
    """Some detections of the track, spread over it, the largest face among them."""
    spread = np.linspace(0, len(track.frame) - 1, _REMEMBERED).round().astype(int)
    return sorted({track.best, *spread.tolist()})

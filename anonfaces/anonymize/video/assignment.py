"""Who plays whom in a video: one surrogate a track, for all of its frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.cover import COVERS, Area, around
from anonfaces.anonymize.detection import SAME_PERSON, FaceAnalyzer, Faces, distances, overlap
from anonfaces.anonymize.kept_people import kept
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.paste import SourceFace, paste
from anonfaces.anonymize.replace import COVERED, KEPT, REPLACED
from anonfaces.anonymize.sources.choose import make_source
from anonfaces.anonymize.video.frames import Frame
from anonfaces.anonymize.video.tracks import Track, Trajectory

__all__ = ["SurrogateAssignment", "analyze_frame", "assign_surrogates"]

Pixels = NDArray[np.uint8]
Late = tuple[int, NDArray[np.int32], str, Area]

_LONGEST = 960
_TRIES, _LOOKS, _REMEMBERED = 4, 3, 5
_TOUCHES, _ROOM, _OFFERS = 0.1, 1.5, 16


def analyze_frame(analyzer: FaceAnalyzer, image: Pixels) -> Faces:
    """The faces of a frame, looked for at no more than 960 pixels a side."""
    import cv2

    factor = max(image.shape[:2]) / _LONGEST
    if factor <= 1:
        return analyzer.find(image)
    size = (round(image.shape[1] / factor), round(image.shape[0] / factor))
    faces = analyzer.find(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    box = np.rint(faces.box * factor).astype(np.int32)
    landmark = ((faces.landmark + 0.5) * factor - 0.5).astype(np.float32)
    return Faces(box, landmark, faces.embedding, faces.by)


@dataclass(frozen=True)
class _TrackPlan:
    """A track without gaps, and what is done to it: a donor, a mode that covers, or nothing."""

    path: Trajectory
    found: int
    vectors: NDArray[np.float32]
    action: SourceFace | str

    @property
    def outcome(self) -> str:
        if isinstance(self.action, SourceFace):
            return REPLACED
        return COVERED if self.action == "solid" else self.action


@dataclass(frozen=True)
class SurrogateAssignment:
    """What is done to each track, and the search of what comes of it."""

    roles: list[_TrackPlan]
    analyzer: FaceAnalyzer

    def render(self, frame: Frame) -> Pixels:
        """A copy of the frame in which every track is replaced, covered or kept."""
        image = frame.image.copy()
        for role, row in self._present(frame.number):
            if role.action == KEPT:
                continue
            made = None
            if isinstance(role.action, SourceFace):
                made = paste(image, role.path.landmark[row], role.action, frame.image)
            if made is None:
                mode = role.action if isinstance(role.action, str) else "solid"
                # not the head alone: between detections a place is a guess
                COVERS[mode](image, around(role.path.box[row], role.path.landmark[row], image))
            else:
                image = made
        return image

    def second_look(self, image: Pixels, number: int) -> list[Late]:
        """Cover, in place, what still matches an original or was not found before."""
        residual: list[Late] = []
        for _ in range(_LOOKS):
            new = self._at_places(image, number) if not residual else []
            new += self._anywhere(image, number)
            if not new:
                break
            for _, _, _, where in new:
                COVERS["solid"](image, where)
            residual += new
        return residual

    def describe(self) -> list[dict[str, Any]]:
        """For the record: what was done to each track, and where it is."""
        return [
            {
                "outcome": role.outcome,
                "found_in_frames": role.found,
                "first_frame": role.path.first,
                "boxes": role.path.box.tolist(),
            }
            for role in self.roles
        ]

    def _present(self, number: int) -> list[tuple[_TrackPlan, int]]:
        rows = [(role, role.path.row_at(number)) for role in self.roles]
        return [(role, row) for role, row in rows if row is not None]

    def _at_places(self, image: Pixels, number: int) -> list[Late]:
        """What the recogniser takes for its own original in its place."""
        here = [(r, row) for r, row in self._present(number) if r.action not in (KEPT, "solid")]
        boxes = np.array([role.path.box[row] for role, row in here]).reshape(-1, 4)
        vectors = self.analyzer.embed(image, boxes)
        residual: list[Late] = []
        for (role, row), vector in zip(here, vectors, strict=True):
            if distances(vector[None], role.vectors).min() <= SAME_PERSON:
                where = around(role.path.box[row], role.path.landmark[row], image)
                residual.append((number, role.path.box[row], "still like the original", where))
        return residual

    def _anywhere(self, image: Pixels, number: int) -> list[Late]:
        """Faces that match an original, and those where none was found before."""
        again = analyze_frame(self.analyzer, image)
        here = self._present(number)
        places = np.array([role.path.box[row] for role, row in here]).reshape(-1, 4)
        touches = overlap(again.box, places) > _TOUCHES
        allowlisted = touches[
            :, [i for i, (role, _) in enumerate(here) if role.action == KEPT]
        ].any(axis=1)
        near = distances(again.embedding, self._hidden).min(axis=1, initial=np.inf)
        open_ = ~allowlisted & ((near <= SAME_PERSON) | ~touches.any(axis=1))
        return [
            (
                number,
                again.box[i],
                "matched an original" if near[i] <= SAME_PERSON else "was not found before",
                around(again.box[i], again.landmark[i], image),
            )
            for i in np.flatnonzero(open_)
        ]

    @property
    def _hidden(self) -> NDArray[np.float32]:
        vectors = [role.vectors for role in self.roles if role.action != KEPT]
        return np.concatenate(vectors) if vectors else np.empty((0, 128), np.float32)


def assign_surrogates(
    tracks: Sequence[Track],
    read: Callable[[int], Pixels],
    people: NDArray[np.float32],
    pad: int,
    frames: int,
    analyzer: FaceAnalyzer,
    options: AnonymizationOptions,
) -> SurrogateAssignment:
    """Choose what is done to each track.

    ``read`` gives a frame by its number, ``people`` are those to be kept, ``pad`` and ``frames``
    as ``Track.path`` has them.
    """
    portraits = [_portrait(track, read) for track in tracks]
    views, best = [view for view, _ in portraits], [face for _, face in portraits]
    allowlisted = [kept(face, people) for face in best]
    how = make_source(options, analyzer, best, allowlisted, views.__getitem__)
    vectors = [_vectors(track) for track in tracks]
    hidden = [v for v, stays in zip(vectors, allowlisted, strict=True) if not stays]
    everyone = np.concatenate(hidden) if hidden else np.empty((0, 128), np.float32)
    roles: list[_TrackPlan] = []
    for key, track in enumerate(tracks):
        action: SourceFace | str = (
            KEPT if allowlisted[key] else how if isinstance(how, str) else "solid"
        )
        if not allowlisted[key] and not isinstance(how, str):
            candidates = list(islice(how.candidates(views[key], best[key], 0, key), _OFFERS))
            candidates.sort(
                key=lambda source_face: any(role.action is source_face for role in roles)
            )
            action = (
                _fitting(candidates[:_TRIES], views[key], best[key], everyone, analyzer) or "solid"
            )
        roles.append(_TrackPlan(track.path(pad, frames), len(track.frame), vectors[key], action))
    return SurrogateAssignment(roles, analyzer)


def _fitting(
    candidates: Sequence[SourceFace],
    view: Pixels,
    face: Faces,
    everyone: NDArray[np.float32],
    analyzer: FaceAnalyzer,
) -> SourceFace | None:
    """The first donor that, in place, is unlike everybody."""
    for source_face in candidates:
        made = paste(view, face.landmark[0], source_face)
        if made is None:
            return None
        if distances(analyzer.embed(made, face.box), everyone).min() > SAME_PERSON:
            return source_face
    return None


def _portrait(track: Track, read: Callable[[int], Pixels]) -> tuple[Pixels, Faces]:
    """The track's largest face, cut out with much around it, as a picture of its own."""
    i, image = track.best, read(track.frame[track.best])
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


def _vectors(track: Track) -> NDArray[np.float32]:
    """Some vectors of the track, spread over it, the largest face's among them."""
    spread = np.linspace(0, len(track.frame) - 1, _REMEMBERED).round().astype(int)
    return np.array([track.embedding[i] for i in sorted({track.best, *spread.tolist()})])

"""Faces of single frames joined into tracks, with no frame left out.

A track is one face over time: each detection goes to the track whose last box it overlaps, or
whose face it is by the recogniser. Between two detections of a track box and landmarks are
interpolated, and they move on as they did for a while before its first and after its last, since
detectors come late and leave early.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.detection import Faces, distances, overlap

__all__ = ["Track", "Trajectory", "link_detections"]

_OVERLAPS, _LIKE, _UNLIKE = 0.2, 0.5, 0.85
_NEVER = 1e3
_SMOOTHED = 3
_ENDS = 5


@dataclass
class Track:
    """The detections of one face: frame numbers in order, and a row of ``Faces`` for each."""

    frame: list[int] = field(default_factory=list)
    box: list[NDArray[np.int32]] = field(default_factory=list)
    landmark: list[NDArray[np.float32]] = field(default_factory=list)
    embedding: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, frame: int, faces: Faces, index: int) -> None:
        """Append one detection."""
        self.frame.append(frame)
        self.box.append(faces.box[index])
        self.landmark.append(faces.landmark[index])
        self.embedding.append(faces.embedding[index])

    @property
    def best(self) -> int:
        """The detection with the largest box."""
        sides = [box[2:] - box[:2] for box in self.box]
        return int(np.argmax([int(side[0]) * int(side[1]) for side in sides]))

    def path(self, pad: int, frames: int) -> Trajectory:
        """Where the face is in every frame from ``pad`` before the first to ``pad`` after the last.

        ``frames`` is how many the video has.
        """
        first, last = max(self.frame[0] - pad, 0), min(self.frame[-1] + pad, frames - 1)
        every = np.arange(first, last + 1)
        box = _between(every, self.frame, np.array(self.box, np.float64))
        landmark = _between(every, self.frame, np.array(self.landmark, np.float64))
        return Trajectory(
            first, np.rint(box).astype(np.int32), _smooth(landmark).astype(np.float32)
        )


@dataclass(frozen=True)
class Trajectory:
    """A track without gaps: box int32 (n, 4) and landmark float32 (n, 68, 2) from ``first`` on."""

    first: int
    box: NDArray[np.int32]
    landmark: NDArray[np.float32]

    def row_at(self, frame: int) -> int | None:
        """The row for a frame, None where the face is not there."""
        row = frame - self.first
        return row if 0 <= row < len(self.box) else None


def link_detections(frames: Iterable[Faces], gap: int) -> list[Track]:
    """The tracks through the faces of consecutive frames; none has a gap of more than ``gap``."""
    tracks: list[Track] = []
    for number, faces in enumerate(frames):
        open_ = [track for track in tracks if number - track.frame[-1] <= gap]
        taken = _matched(open_, faces)
        for index in range(len(faces)):
            track = taken.get(index)
            if track is None:
                track = Track()
                tracks.append(track)
            track.add(number, faces, index)
    return tracks


def _matched(tracks: list[Track], faces: Faces) -> dict[int, Track]:
    """Which face goes on which track: the assignment of the least cost."""
    from scipy.optimize import linear_sum_assignment

    if not tracks or not len(faces):
        return {}
    near = overlap(np.array([track.box[-1] for track in tracks]), faces.box)
    away = distances(np.array([track.embedding[-1] for track in tracks]), faces.embedding)
    cost = np.where((near >= _OVERLAPS) & (away <= _UNLIKE), 1 - near, _NEVER)
    cost = np.minimum(cost, np.where(away <= _LIKE, 1 + away, _NEVER))
    rows, columns = linear_sum_assignment(cost)
    pairs = zip(rows, columns, strict=True)
    return {int(c): tracks[r] for r, c in pairs if cost[r, c] < _NEVER}


def _between(
    every: NDArray[np.int64], known: list[int], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values at ``every`` frame: interpolated, and at both ends moving on as they did there."""
    flat = values.reshape(len(known), -1)
    made = np.stack([np.interp(every, known, column) for column in flat.T], axis=1)
    some = min(_ENDS, len(known)) - 1
    if some >= 2:  # of fewer the motion is not known, and they are held
        early = (flat[some] - flat[0]) / (known[some] - known[0])
        residual = (flat[-1] - flat[-1 - some]) / (known[-1] - known[-1 - some])
        made += np.minimum(every - known[0], 0)[:, None] * early
        made += np.maximum(every - known[-1], 0)[:, None] * residual
    return made.reshape(len(every), *values.shape[1:])


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(values, _SMOOTHED, axis=0, mode="nearest")

"""A video in, the same video without its faces out.

It is decoded twice: to find all faces and join them into tracks, shot by shot, and to put one
surrogate on each track. Both go on at the last block of frames that an earlier run finished.
Every frame of the result is searched again before it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import GuaranteeError, InputError
from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.kept_people import nearest_distances
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.photographs import WRITTEN
from anonfaces.anonymize.video.assignment import (
    SurrogateAssignment,
    analyze_frame,
    assign_surrogates,
    smallest_face,
)
from anonfaces.anonymize.video.frames import Frame, Writer, check_sound, frames, joined, opened
from anonfaces.anonymize.video.looks import Look
from anonfaces.anonymize.video.render import FrameRenderer, RenderedFrame, hold
from anonfaces.anonymize.video.shots import change, find_cuts, shot_numbers, thumbnail
from anonfaces.anonymize.video.snapshots import SnapshotWriter
from anonfaces.anonymize.video.summary import FrameFacts, cover_share, find_moments
from anonfaces.anonymize.video.tracks import link_detections
from anonfaces.anonymize.workplace import Place
from encoders.photographs.path_escape import unescape

__all__ = ["VideoRun"]

Pixels = NDArray[np.uint8]

_BLOCK = 96
#: Seconds without a detection that a track bridges, that it goes on before its first and after
#: its last, and that what the second look covers is covered before and after.
_GAP, _PAD, _HOLD = 1.5, 0.7, 0.3
#: Confidence from which a face counts near a sure one or at the border, in thresholds.
_UNSURE = 0.5
_FACELESS = "no face was found in it: one may have been missed, so it is not written"


@dataclass
class VideoRun:
    """One run over one video.

    Attributes:
        source: the video.
        path: what the record calls it, escaped.
        name: what it is called in the output, escaped.
        people: vectors float32 (n, 128) of those who are to be kept.
        place: a hidden folder for what is finished.
        pictures: the folder that the video is written to.
        nearest: the distance (n,) of each of ``people`` to the face that is nearest to it.
    """

    source: Path
    path: str
    name: str
    options: AnonymizationOptions
    people: NDArray[np.float32]
    place: Place
    pictures: Path
    nearest: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    _times: list[Fraction] = field(default_factory=list)
    _changes: list[float] = field(default_factory=list)
    _last: NDArray[np.int16] | None = None
    _size: tuple[int, int] = (0, 0)
    _rate: Fraction = Fraction(25)

    def record(self) -> dict[str, Any]:
        """The record of the video, also where it cannot be done."""
        try:
            return self.go()
        except (InputError, GuaranteeError) as error:
            reason = str(error).removeprefix(f"{self.source}: ")
            return {"input": self.path, "outcome": "unreadable", "reason": reason}

    def go(self) -> dict[str, Any]:
        """Find faces, assign surrogates, render, join; the record of it."""
        self.nearest = np.full(len(self.people), np.inf)
        done = self.place.load("done", 0)
        if done is None:
            result = self._go()
            done = {"record": result, "nearest": self.nearest.tolist()}
            self.place.save("done", 0, done)
        self.nearest = np.array(done["nearest"], float)
        return done["record"]

    def _go(self) -> dict[str, Any]:
        with opened(self.source, self.options.max_pixels) as container:
            stream = container.streams.video[0]
            self._rate = Fraction(stream.average_rate or 25)
        suffix = Path(self.name).suffix.lower()
        has_sound = self.options.audio == "keep" and check_sound(self.source, suffix)
        detections = self._found()
        if not any(len(faces) for faces in detections) and not self.options.keep_faceless:
            raise InputError(f"{self.source}: {_FACELESS} (--keep-faceless)")
        self.nearest = nearest_distances(self.people, detections)
        cuts = find_cuts(self._changes)
        shots = shot_numbers(cuts, len(self._times))
        assignment = self._assignment(detections, shots)
        facts, residual, looks = self._render(assignment, shots)
        target = self.pictures / unescape(self.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._join(target, self.source if has_sound else None)
        return self._describe(assignment.describe(looks), cuts, facts, residual, has_sound)

    def _describe(
        self,
        faces: list[dict[str, Any]],
        cuts: list[int],
        facts: list[FrameFacts],
        residual: list[dict[str, Any]],
        has_sound: bool,
    ) -> dict[str, Any]:
        sound = (
            "the sound is kept"
            if has_sound
            else "no sound is written, since a voice identifies (--audio)"
        )
        return {
            "input": self.path,
            "output": self.name,
            "outcome": WRITTEN,
            "frames": len(self._times),
            "width": self._size[1],
            "height": self._size[0],
            "smallest_face": smallest_face(self._analyzer(), self._size),
            "shots_begin": [0, *cuts],
            "sound": sound,
            "covers": cover_share(facts),
            "moments": [asdict(moment) for moment in find_moments(facts, self._times)],
            "faces": faces,
            "second_look": residual,
        }

    def _analyzer(self, share: float = 1.0) -> FaceAnalyzer:
        return FaceAnalyzer(self.options.detector, self.options.threshold * share)

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * float(self._rate)))

    def _assignment(self, detections: list[Faces], shots: NDArray[np.int64]) -> SurrogateAssignment:
        tracks = link_detections(
            detections, shots, self._frames(_GAP), self.options.threshold, self._size
        )
        return assign_surrogates(
            tracks, self._read, self.people, self._frames(_PAD), shots, self._analyzer(),
            self.options,
        )  # fmt: skip

    def _decoded(self, first: int = 0) -> Iterator[Frame]:
        """From frame ``first`` on, which must have been decoded before or be the next."""
        options = self.options
        since = None
        if first:
            known = first < len(self._times)
            since = self._times[first] if known else self._times[-1] + Fraction(1, 10**6)
        yield from frames(self.source, options.max_pixels, options.start, options.end, first, since)

    def _read(self, number: int) -> Pixels:
        return next(self._decoded(number)).image

    def _bar(self, what: str, done: int, total: int | None) -> Any:
        from tqdm import tqdm

        hidden = not self.options.progress
        return tqdm(desc=what, unit="frame", initial=done, total=total, disable=hidden)

    def _found(self) -> list[Faces]:
        """The faces of every frame; blocks that are done are read back."""
        detections: list[Faces] = []
        while (block := self.place.load("seen", len(detections) // _BLOCK)) is not None:
            self._take(block, detections)
            if block["last"]:
                return detections
        analyzer = self._analyzer(_UNSURE)
        with self._bar("looking", len(detections), None) as bar:
            part = _SeenBlock(self._last)
            for frame in self._decoded(len(detections)):
                self._size = frame.image.shape[:2]
                part.add(frame, analyze_frame(analyzer, frame.image))
                bar.update()
                if len(part.times) == _BLOCK:
                    self._keep(part, detections, last=False)
                    part = _SeenBlock(self._last)
            self._keep(part, detections, last=True)
        return detections

    def _keep(self, part: _SeenBlock, detections: list[Faces], *, last: bool) -> None:
        block = part.to_json() | {"size": list(self._size), "last": last}
        self.place.save("seen", len(detections) // _BLOCK, block)
        self._take(block, detections)

    def _take(self, block: dict[str, Any], detections: list[Faces]) -> None:
        self._times += [Fraction(time) for time in block["times"]]
        self._changes += block["changes"]
        detections += [Faces.from_json(faces) for faces in block["faces"]]
        self._size = tuple(block["size"])
        self._last = np.array(block["thumbnail"], np.int16) if block["thumbnail"] else None

    def _render(
        self, assignment: SurrogateAssignment, shots: NDArray[np.int64]
    ) -> tuple[list[FrameFacts], list[dict[str, Any]], list[Look]]:
        """Write the pieces that are missing; the facts of all frames, the second look's, the looks
        at the result.
        """
        done = 0
        while self.place.load("piece", done) is not None:
            done += 1
        total = len(self._times)
        if done * _BLOCK < total:
            with self._bar("replacing", done * _BLOCK, total) as bar:
                self._write(self._rendered(assignment, shots, done * _BLOCK), done * _BLOCK, bar)
        pieces = [self.place.load("piece", n) or {} for n in range(-(-total // _BLOCK))]
        facts = [FrameFacts(*fact) for piece in pieces for fact in piece["facts"]]
        looks = [Look(*look) for piece in pieces for look in piece["looks"]]
        return facts, [entry for piece in pieces for entry in piece["second_look"]], looks

    def _rendered(
        self, assignment: SurrogateAssignment, shots: NDArray[np.int64], first: int
    ) -> Iterator[RenderedFrame]:
        some = self._frames(_HOLD)
        render = FrameRenderer(assignment, self._analyzer(), self.options.scale)
        yield from hold(map(render, self._decoded(max(first - some, 0))), shots, some)

    def _write(self, ready: Iterator[RenderedFrame], first: int, bar: Any) -> None:
        snapshots = SnapshotWriter(self.place, len(self._times))
        writer, piece = None, _empty_piece()
        for result in ready:
            if result.number < first:
                continue
            if writer is None:
                suffix = Path(self.name).suffix.lower()
                writer = Writer(self._piece(result.number // _BLOCK), suffix, self._rate)
            writer.add(Frame(result.number, result.time, result.image))
            facts = FrameFacts(result.share, result.guesses, len(result.residual))
            snapshots.add(result, facts)
            piece["facts"].append(list(asdict(facts).values()))
            piece["looks"] += result.looks
            piece["second_look"] += [
                {"frame": n, "box": box.tolist(), "reason": why}
                for n, box, why, _ in result.residual
            ]
            bar.update()
            if result.number % _BLOCK == _BLOCK - 1 or result.number == len(self._times) - 1:
                writer.close()
                self.place.save("piece", result.number // _BLOCK, piece)
                writer, piece = None, _empty_piece()

    def _piece(self, number: int) -> Path:
        return self.place.part("mp4", number)

    def _join(self, target: Path, sound: Path | None) -> None:
        starts = range(0, len(self._times), _BLOCK)
        pieces = [(self._piece(n // _BLOCK), self._times[n]) for n in starts]
        first = float(self._times[0])
        span = (first, self.options.end or float("inf"))
        joined(pieces, target, sound, span)


@dataclass
class _SeenBlock:
    """What was seen in consecutive frames; ``last`` is the thumbnail of the frame before."""

    last: NDArray[np.int16] | None
    times: list[str] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    faces: list[dict[str, Any]] = field(default_factory=list)

    def add(self, frame: Frame, faces: Faces) -> None:
        here = thumbnail(frame.image)
        self.times.append(str(frame.time))
        self.changes.append(0.0 if self.last is None else change(self.last, here))
        self.faces.append(faces.to_json())
        self.last = here

    def to_json(self) -> dict[str, Any]:
        small = [] if self.last is None else self.last.tolist()
        kept = {"times": self.times, "changes": self.changes, "faces": self.faces}
        return kept | {"thumbnail": small}


def _empty_piece() -> dict[str, list[Any]]:
    return {"facts": [], "second_look": [], "looks": []}

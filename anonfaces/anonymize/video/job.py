"""A video in, the same video without its faces out.

It is decoded twice: to find all faces and join them into tracks, and to put one surrogate on
each track. Both go on at the last block of frames that an earlier run finished. Every frame of
the result is searched again before it is written.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.anonymize.cover import Area, solid
from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.kept_people import load_reference_embeddings
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.photographs import WRITTEN, AnonymizationResult
from anonfaces.anonymize.video.assignment import (
    SurrogateAssignment,
    analyze_frame,
    assign_surrogates,
)
from anonfaces.anonymize.video.frames import Frame, Writer, check_sound, frames, joined, opened
from anonfaces.anonymize.video.tracks import link_detections
from anonfaces.anonymize.workplace import Place, workplace
from encoders.photographs.path_escape import escape

__all__ = ["anonymize_video"]

Pixels = NDArray[np.uint8]
Late = tuple[int, NDArray[np.int32], str, Area]

_BLOCK = 96
_GAP, _PAD, _HOLD = 1.5, 0.4, 0.3
_FACELESS = "no face was found in it: one may have been missed, so it is not written"


def anonymize_video(
    source: Path, output: Path, options: AnonymizationOptions
) -> AnonymizationResult:
    """Replace the faces of one video; see ``anonymize``."""
    if not source.is_file():
        raise InputError(f"{source}: there is no such file")
    analyzer = FaceAnalyzer(options.detector, options.threshold)
    people = load_reference_embeddings(options.keep, analyzer)
    state = source.stat()
    recipe = {
        **options.recipe(),
        "input": hashlib.sha256(str(source.resolve()).encode()).hexdigest(),
        "changed": [state.st_size, state.st_mtime_ns],
        "keep": people.tolist(),
    }
    with workplace(output, source, recipe, options.overwrite) as place:
        run = _Run(source, options, analyzer, people, place)
        record = run.go()
        place.finish({"options": options.recipe(), "pictures": [record]})
    faces = Counter(face["outcome"] for face in record["faces"])
    if record["second_look"]:
        faces["second look"] = len(record["second_look"])
    return AnonymizationResult(place.output, place.record, Counter([WRITTEN]), faces)


@dataclass
class _Run:
    """One run over one video."""

    source: Path
    options: AnonymizationOptions
    analyzer: FaceAnalyzer
    people: NDArray[np.float32]
    place: Place
    times: list[Fraction] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    rate: Fraction = Fraction(25)

    def go(self) -> dict[str, Any]:
        """Find, cast, replace, join; the record of it."""
        with opened(self.source, self.options.max_pixels) as container:
            stream = container.streams.video[0]
            self.rate = Fraction(stream.average_rate or 25)
        sound = self.options.audio == "copy" and check_sound(self.source)
        found = self._found()
        if not any(len(faces) for faces in found) and not self.options.keep_faceless:
            raise InputError(f"{self.source}: {_FACELESS} (--keep-faceless)")
        tracks = link_detections(found, self._frames(_GAP))
        assignment = assign_surrogates(
            tracks, self._read, self.people, self._frames(_PAD), len(self.times), self.analyzer,
            self.options,
        )  # fmt: skip
        residual = self._replace(assignment)
        name = self._name()
        self._join(self.place.pictures / name, self.source if sound else None)
        return {
            "input": escape(self.source.name),
            "output": escape(name),
            "outcome": WRITTEN,
            "frames": len(self.times),
            "width": self.size[1],
            "height": self.size[0],
            "faces": assignment.describe(),
            "second_look": residual,
        }

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * float(self.rate)))

    def _decoded(self, first: int = 0) -> Iterator[Frame]:
        """From frame ``first`` on, which must have been decoded before or be the next."""
        options = self.options
        since = None
        if first:
            known = first < len(self.times)
            since = self.times[first] if known else self.times[-1] + Fraction(1, 10**6)
        yield from frames(self.source, options.max_pixels, options.start, options.end, first, since)

    def _read(self, number: int) -> Pixels:
        return next(self._decoded(number)).image

    def _bar(self, what: str, done: int, total: int | None) -> Any:
        from tqdm import tqdm

        hidden = not self.options.progress
        return tqdm(desc=what, unit="frame", initial=done, total=total, disable=hidden)

    def _found(self) -> list[Faces]:
        """The faces of every frame; blocks that are done are read back."""
        found: list[Faces] = []
        while (block := self.place.load("seen", len(found) // _BLOCK)) is not None:
            self._take(block, found)
            if block["last"]:
                return found
        with self._bar("looking", len(found), None) as bar:
            part: list[tuple[Fraction, Faces]] = []
            for frame in self._decoded(len(found)):
                self.size = frame.image.shape[:2]
                part.append((frame.time, analyze_frame(self.analyzer, frame.image)))
                bar.update()
                if len(part) == _BLOCK:
                    self._keep(part, found, last=False)
                    part = []
            self._keep(part, found, last=True)
        return found

    def _keep(self, part: list[tuple[Fraction, Faces]], found: list[Faces], last: bool) -> None:
        block = {
            "times": [str(time) for time, _ in part],
            "faces": [faces.to_json() for _, faces in part],
            "size": list(self.size),
            "last": last,
        }
        self.place.save("seen", len(found) // _BLOCK, block)
        self._take(block, found)

    def _take(self, block: dict[str, Any], found: list[Faces]) -> None:
        self.times += [Fraction(time) for time in block["times"]]
        found += [Faces.from_json(faces) for faces in block["faces"]]
        self.size = tuple(block["size"])

    def _replace(self, assignment: SurrogateAssignment) -> list[dict[str, Any]]:
        """Write the pieces that are missing; what the second look covered, of all."""
        done = 0
        while self.place.load("piece", done) is not None:
            done += 1
        total = len(self.times)
        if done * _BLOCK < total:
            hold = self._frames(_HOLD)
            with self._bar("replacing", done * _BLOCK, total) as bar:
                ready = _held(self._made(assignment, max(done * _BLOCK - hold, 0)), hold)
                self._write(ready, done * _BLOCK, bar)
        pieces = [self.place.load("piece", n) or {} for n in range(-(-total // _BLOCK))]
        return [entry for piece in pieces for entry in piece["late"]]

    def _made(
        self, assignment: SurrogateAssignment, first: int
    ) -> Iterator[tuple[Frame, list[Late]]]:
        for frame in self._decoded(first):
            image = assignment.render(frame)
            residual = assignment.second_look(image, frame.number)
            yield Frame(frame.number, frame.time, image), residual

    def _write(self, ready: Iterator[tuple[Frame, list[Late]]], first: int, bar: Any) -> None:
        writer, message = None, []
        for frame, residual in ready:
            if frame.number < first:
                continue
            number = frame.number // _BLOCK
            if writer is None:
                writer = Writer(self._piece(number), self.source.suffix.lower(), self.rate)
            writer.add(frame)
            message += [
                {"frame": n, "box": box.tolist(), "reason": why} for n, box, why, _ in residual
            ]
            bar.update()
            if frame.number % _BLOCK == _BLOCK - 1 or frame.number == len(self.times) - 1:
                writer.close()
                self.place.save("piece", number, {"late": message})
                writer, message = None, []

    def _piece(self, number: int) -> Path:
        return self.place.part("mp4", number)

    def _join(self, target: Path, sound: Path | None) -> None:
        starts = range(0, len(self.times), _BLOCK)
        pieces = [(self._piece(n // _BLOCK), self.times[n]) for n in starts]
        first = float(self.times[0])
        span = (first, self.options.end or float("inf"))
        joined(pieces, target, sound, span)

    def _name(self) -> str:
        suffix = self.source.suffix.lower()
        if self.options.rename:
            return f"{secrets.token_hex(8)}{suffix}"
        return self.source.name


def _held(
    made: Iterator[tuple[Frame, list[Late]]], hold: int
) -> Iterator[tuple[Frame, list[Late]]]:
    """Frames with what the second look covers in one covered in ``hold`` frames around it, too.

    So that no frame flickers open between two in which the face was noticed.
    """
    waiting: deque[tuple[Frame, list[Late]]] = deque()
    residual: deque[Late] = deque()
    for entry in made:
        waiting.append(entry)
        residual += entry[1]
        if len(waiting) > hold:
            yield _covered(waiting.popleft(), residual, hold)
    while waiting:
        yield _covered(waiting.popleft(), residual, hold)


def _covered(
    entry: tuple[Frame, list[Late]], residual: deque[Late], hold: int
) -> tuple[Frame, list[Late]]:
    frame = entry[0]
    while residual and residual[0][0] < frame.number - hold:
        residual.popleft()
    for number, _, _, where in residual:
        if number <= frame.number + hold:
            solid(frame.image, where)
    return entry

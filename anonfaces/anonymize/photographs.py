"""Photographs in, the same photographs without their faces out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.kept_people import kept, nearest_distances
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.pictures import write_picture
from anonfaces.anonymize.quality import unclear
from anonfaces.anonymize.replace import (
    COVERED,
    KEPT,
    REPLACED,
    FrameResult,
    ResidualFaceError,
    replace,
)
from anonfaces.anonymize.sources.choose import make_source
from anonfaces.anonymize.sources.fresh import Source
from anonfaces.anonymize.workplace import Place
from encoders.photographs.reading import UnreadableImageError, decode, frame_count, read_bytes

__all__ = ["WRITTEN", "PhotographRun", "describe_faces"]

Pixels = NDArray[np.uint8]

WRITTEN = "written"
_LISTED = 5
_FACELESS = ("no face", "one may have been missed, so it is not written (--keep-faceless)")
_CHANGED = ("changed", "the file changed while the run was at work")


@dataclass
class PhotographRun:
    """One run over photographs.

    Attributes:
        root, paths: the photographs, escaped and relative to ``root``.
        names: what each is called in the output, escaped.
        people: vectors float32 (n, 128) of those who are to be kept.
        nearest: the distance (n,) of each of these to the face that is nearest to it.
    """

    root: Path
    paths: list[str]
    names: list[str]
    options: AnonymizationOptions
    analyzer: FaceAnalyzer
    people: NDArray[np.float32]
    place: Place
    nearest: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def go(self) -> list[dict[str, Any]]:
        """Look at all, then replace in each; both go on where they were stopped."""
        self.nearest = np.full(len(self.people), np.inf)
        if not self.paths:
            return []
        seen = [self._stored("seen", n, self._look) for n in self._bar("looking")]
        if not any("faces" in entry for entry in seen):  # none can be read
            return seen
        detections = [Faces.from_json(s["faces"]) if "faces" in s else Faces.none() for s in seen]
        allowlisted = [kept(faces, self.people) for faces in detections]
        self.nearest = nearest_distances(self.people, detections)
        how = make_source(self.options, self.analyzer, detections, allowlisted, self._picture)

        def make(number: int) -> dict[str, Any]:
            image = self._again(number, seen[number], detections[number])
            entry = self._make(
                number, image, detections[number], allowlisted[number], how, self.names[number]
            )
            return {"key": number, **entry, **_facts(seen[number])}

        return [self._stored("done", n, make) for n in self._bar("replacing")]

    def _bar(self, what: str) -> Iterator[int]:
        from tqdm import tqdm

        hidden = not self.options.progress
        yield from tqdm(range(len(self.paths)), desc=what, unit="picture", disable=hidden)

    def _stored(self, kind: str, number: int, make: Any) -> dict[str, Any]:
        """What ``make(number)`` gives, or gave when an earlier run asked; refusals are recorded."""
        before = self.place.load(kind, number)
        if before is not None:
            return before
        entry = {"input": self.paths[number]}
        try:
            entry |= make(number)
        except UnreadableImageError as unusable:
            entry |= {"outcome": unusable.outcome, "reason": unusable.reason}
        self.place.save(kind, number, entry)
        return entry

    def _read(self, number: int) -> tuple[Pixels, str]:
        data, digest = read_bytes(self.root, self.paths[number])
        return decode(data, self.options.max_pixels), digest

    def _look(self, number: int) -> dict[str, Any]:
        data, digest = read_bytes(self.root, self.paths[number])
        image = decode(data, self.options.max_pixels)
        smallest = self.analyzer.smallest(image)
        faces = self.analyzer.find(image).to_json()
        further = frame_count(data) - 1
        return {"sha256": digest, "smallest_face": smallest, "further": further, "faces": faces}

    def _picture(self, number: int) -> Pixels:
        try:
            return self._read(number)[0]
        except UnreadableImageError as unusable:
            raise InputError(f"{self.paths[number]}: {unusable}") from unusable

    def _again(self, number: int, seen: dict[str, Any], faces: Faces) -> Pixels:
        """The picture that was looked at, or why there is none to be worked on."""
        if "faces" not in seen:
            raise UnreadableImageError(seen["outcome"], seen["reason"])
        if not len(faces) and not self.options.keep_faceless:
            raise UnreadableImageError(*_FACELESS)
        image, digest = self._read(number)
        if digest != seen["sha256"]:
            raise UnreadableImageError(*_CHANGED)
        return image

    def _make(
        self,
        number: int,
        image: Pixels,
        faces: Faces,
        allowlisted: list[int],
        how: Source | str,
        name: str,
    ) -> dict[str, Any]:
        try:
            work = replace(
                image,
                faces,
                how,
                self.analyzer,
                kept=allowlisted,
                key=number,
                scale=self.options.scale,
            )
        except ResidualFaceError as open_:
            raise UnreadableImageError("withheld", str(open_)) from open_
        write_picture(self.place.pictures, name, work.image)
        size = {"width": image.shape[1], "height": image.shape[0]}
        return {"output": name, "outcome": WRITTEN, **size, **describe_faces(work, self.analyzer)}


def describe_faces(work: FrameResult, analyzer: FaceAnalyzer) -> dict[str, Any]:
    """What was found and done, for the record; no vector goes there.

    Of a cover no distance is told: the recognizer answers the same for every grey.
    """
    after = analyzer.embed(work.image, work.faces.box)
    near = distances(after, work.faces.embedding)
    detections = zip(work.faces.box.tolist(), work.faces.by, work.faces.confidence, strict=True)
    rows = zip(detections, work.outcome, work.reason, near, strict=True)
    faces = [
        {"box": box, "found_by": by, "confidence": round(float(confidence), 3)}
        | {"outcome": outcome, "reason": reason}
        | ({} if outcome in (KEPT, COVERED) else {"distance": round(float(row.min()), 3)})
        for (box, by, confidence), outcome, reason, row in rows
    ]
    new = work.where(REPLACED)
    for i, unsure in zip(new, unclear(work.image, work.faces.landmark[new]), strict=True):
        faces[i]["unclear"] = round(float(unsure), 3)
    residual = [{"box": box.tolist(), "reason": reason} for box, reason in work.residual]
    return {"faces": faces, "second_look": residual}


def _facts(seen: dict[str, Any]) -> dict[str, Any]:
    """What the first look tells the record."""
    facts = {"smallest_face": seen["smallest_face"], "sha256": seen["sha256"]}
    return facts | ({"frames_not_written": seen["further"]} if seen["further"] else {})

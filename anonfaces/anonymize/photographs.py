"""Photographs in, the same photographs without their faces out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.notices import warn_user
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.kept_people import kept, load_reference_embeddings
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.pictures import names, write_picture
from anonfaces.anonymize.replace import KEPT, FrameResult, ResidualFaceError, replace
from anonfaces.anonymize.sources.choose import make_source
from anonfaces.anonymize.sources.fresh import Source
from anonfaces.anonymize.workplace import Place, workplace
from encoders.photographs.path_escape import escape
from encoders.photographs.reading import UnreadableImageError, decode, read_bytes
from encoders.photographs.walk import find_photographs

__all__ = ["AnonymizationResult", "anonymize_photographs"]

Pixels = NDArray[np.uint8]

WRITTEN = "written"
SMALLEST_FACE = 20.0
"""Pixels: side of a face below which nobody is told by it; a limit above it is warned of."""
_FACELESS = ("no face", "one may have been missed, so it is not written (--keep-faceless)")
_CHANGED = ("changed", "the file changed while the run was at work")


@dataclass(frozen=True)
class AnonymizationResult:
    """What a run made: the folder, the record beside it, and how many of what.

    ``pictures`` counts them by outcome (written, no face, unreadable ...), ``faces`` the faces
    in those that were written (replaced, covered, blur, mosaic, kept), and under "second look"
    the places that were covered because the search of the result found something there.
    """

    folder: Path
    record: Path
    pictures: Counter[str]
    faces: Counter[str]


def anonymize_photographs(
    source: Path, output: Path, options: AnonymizationOptions
) -> AnonymizationResult:
    """Replace the faces of one photograph, or of all in a folder; see ``anonymize``."""
    root, paths, refused = _listed(source)
    analyzer = FaceAnalyzer(options.detector, options.threshold)
    people = load_reference_embeddings(options.keep, analyzer)
    recipe = {**options.recipe(), "input": _digest(root, paths), "keep": people.tolist()}
    with workplace(output, source, recipe, options.overwrite) as place:
        run = _Run(root, paths, options, analyzer, people, place)
        records = run.go() + refused
        _warn_of_smallest(records)
        if not any("output" in record for record in records):
            raise InputError(_nothing(source, records))
        place.finish({"options": options.recipe(), "pictures": records})
    return _done(place, records)


@dataclass(frozen=True)
class _Run:
    """One run over the photographs ``paths`` (escaped) under ``root``."""

    root: Path
    paths: list[str]
    options: AnonymizationOptions
    analyzer: FaceAnalyzer
    people: NDArray[np.float32]
    place: Place

    def go(self) -> list[dict[str, Any]]:
        """Look at all, then replace in each; both go on where they were stopped."""
        seen = [self._stored("seen", n, self._look) for n in self._bar("looking")]
        found = [Faces.from_json(s["faces"]) if "faces" in s else Faces.none() for s in seen]
        allowlisted = [kept(faces, self.people) for faces in found]
        how = make_source(self.options, self.analyzer, found, allowlisted, self._picture)
        planned = names(self.paths, self.options.rename)

        def make(number: int) -> dict[str, Any]:
            image = self._again(number, seen[number], found[number])
            made = self._make(
                number, image, found[number], allowlisted[number], how, planned[number]
            )
            return {**made, "smallest_face": seen[number]["smallest_face"]}

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
        made = {"input": self.paths[number]}
        try:
            made |= make(number)
        except UnreadableImageError as unusable:
            made |= {"outcome": unusable.outcome, "reason": unusable.reason}
        self.place.save(kind, number, made)
        return made

    def _read(self, number: int) -> tuple[Pixels, str]:
        data, digest = read_bytes(self.root, self.paths[number])
        return decode(data, self.options.max_pixels), digest

    def _look(self, number: int) -> dict[str, Any]:
        image, digest = self._read(number)
        smallest = self.analyzer.smallest(image)
        faces = self.analyzer.find(image).to_json()
        return {"sha256": digest, "smallest_face": smallest, "faces": faces}

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
        return {"output": name, "outcome": WRITTEN, **size, **_describe(work, self.analyzer)}


def _describe(work: FrameResult, analyzer: FaceAnalyzer) -> dict[str, Any]:
    """What was found and done, for the record; no vector goes there."""
    after = analyzer.embed(work.image, work.faces.box)
    near = distances(after, work.faces.embedding)
    found = zip(work.faces.box.tolist(), work.faces.by, work.faces.confidence, strict=True)
    rows = zip(found, work.outcome, work.reason, near, strict=True)
    faces = [
        {"box": box, "found_by": by, "confidence": round(float(confidence), 3)}
        | {"outcome": outcome, "reason": reason}
        | ({} if outcome == KEPT else {"distance": round(float(row.min()), 3)})
        for (box, by, confidence), outcome, reason, row in rows
    ]
    residual = [{"box": box.tolist(), "reason": reason} for box, reason in work.residual]
    return {"faces": faces, "second_look": residual}


def _warn_of_smallest(records: list[dict[str, Any]]) -> None:
    """A PrivacyWarning where faces larger than ``SMALLEST_FACE`` could not have been found."""
    smallest = max((record.get("smallest_face", 0) for record in records), default=0)
    if smallest > SMALLEST_FACE:
        warn_user(
            f"faces of less than {smallest:g} px could not be found with these detectors, and stay"
            f" open; mtcnn finds those of {SMALLEST_FACE:g} px (--detector)"
        )


def _listed(source: Path) -> tuple[Path, list[str], list[dict[str, Any]]]:
    """The root, the photographs under it (escaped), and records of what is refused."""
    if source.is_dir():
        walk = find_photographs(source)
        refused = [
            {"input": r.path, "outcome": r.outcome, "reason": r.reason} for r in walk.refused
        ]
        return source, [p.path for p in walk.photographs], refused
    real = source.resolve()
    if not real.exists():
        raise InputError(f"{source}: there is no such file or folder")
    return real.parent, [escape(real.name)], []


def _digest(root: Path, paths: list[str]) -> str:
    message = json.dumps([str(root.resolve()), paths])
    return hashlib.sha256(message.encode()).hexdigest()


def _nothing(source: Path, records: list[dict[str, Any]]) -> str:
    first = records[0]
    message = f"{first['outcome']}: {first['reason']}"
    if len(records) > 1:
        message = ", ".join(f"{n} {why}" for why, n in _by_outcome(records).items())
    return f"{source}: nothing was written ({message})"


def _by_outcome(records: list[dict[str, Any]]) -> Counter[str]:
    return Counter(record["outcome"] for record in records)


def _done(place: Place, records: list[dict[str, Any]]) -> AnonymizationResult:
    faces = Counter(face["outcome"] for record in records for face in record.get("faces", []))
    residual = sum(len(record.get("second_look", [])) for record in records)
    if residual:
        faces["second look"] = residual
    return AnonymizationResult(place.output, place.record, _by_outcome(records), faces)

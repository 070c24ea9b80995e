"""What a person decides about the faces of a run, and the pictures done again by it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.photographs import WRITTEN, describe_faces
from anonfaces.anonymize.pictures import names, write_picture
from anonfaces.anonymize.replace import ResidualFaceError, replace
from anonfaces.anonymize.review_page import update_review
from anonfaces.anonymize.sources.fresh import SyntheticFaces
from anonfaces.anonymize.workplace import record_path, review_path, write_secret
from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

__all__ = ["ACTIONS", "FaceDecision", "ReviewSession"]

Pixels = NDArray[np.uint8]

ACTIONS = ("surrogate", "cover", "open")
"""What can be done to a place: "open" for what is no face, or is to stay."""

#: Faces of one picture that a person may name, at most.
_MOST_FACES = 1000
#: Pixels: a drawn box is at least so wide and high.
_LEAST_SIDE = 4


@dataclass(frozen=True)
class FaceDecision:
    """What is to be done to one face.

    Attributes:
        box: left, top, right, bottom in pixels of the original.
        action: one of ``ACTIONS``.
    """

    box: tuple[int, int, int, int]
    action: str

    @classmethod
    def from_json(cls, value: Any, width: int, height: int) -> FaceDecision:
        """A decision that a page sent; InputError where it is none."""
        try:
            numbers = [round(float(side)) for side in value["box"]]
            action = value["action"]
        except (TypeError, KeyError, ValueError, OverflowError) as error:
            raise InputError("a face needs a box of four numbers and an action") from error
        if action not in ACTIONS:
            raise InputError(f"action {action!r}: expected {', '.join(ACTIONS)}")
        if len(numbers) != 4 or max(map(abs, numbers)) > 4 * max(width, height):
            raise InputError("a box is four numbers of pixels in the picture")
        left, top, right, bottom = numbers
        inside = min(right, width) - max(left, 0), min(bottom, height) - max(top, 0)
        if min(inside) < _LEAST_SIDE:
            raise InputError(f"a box is at least {_LEAST_SIDE} pixels wide and high")
        return cls((left, top, right, bottom), action)


class ReviewSession:
    """The record of a run of ``anonymize``, and the pictures that it wrote.

    Only photographs can be done again. Every change is written at once: the picture first, then
    the record and the review page beside the output.

    Raises InputError where ``output`` is not what a run of ``anonymize`` made.
    """

    def __init__(self, output: Path | str) -> None:
        self.output = Path(output).resolve()
        self._path = record_path(self.output)
        self._record = _load(self._path)
        self._root = Path(self._record["root"])
        options = self._record["options"]
        self._scale, self._mode = options["scale"], options["surrogate"]
        self._seed, self._rename = options["seed"], options["rename"]
        self._generator = Path(options["generator"]) if options["generator"] else None
        self._gallery = Path(options["gallery"]) if options.get("gallery") else None
        self._max_pixels = options["max_pixels"]
        self._analyzer = FaceAnalyzer(options["detector"], options["threshold"])
        self._source: SyntheticFaces | None = None
        self.applied = 0

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of all files, in the order of the run."""
        return self._record["pictures"]

    def editable(self, number: int) -> bool:
        """Whether the file is a photograph that was read."""
        record = self.records[number]
        return "frames" not in record and record["outcome"] in (WRITTEN, "no face", "withheld")

    def original(self, number: int) -> Pixels:
        """The photograph as it was. Raises InputError where it has changed or is gone."""
        record = self._editable(number)
        try:
            data, digest = read_bytes(self._root, record["input"])
            image = decode(data, self._max_pixels)
        except UnreadableImageError as unusable:
            raise InputError(f"{record['input']}: {unusable}") from unusable
        if digest != record.get("sha256", digest):
            raise InputError(f"{record['input']}: the file changed since it was done")
        return image

    def result(self, number: int) -> Pixels | None:
        """The picture that was written, None where there is none."""
        record = self._editable(number)
        if "output" not in record:
            return None
        try:
            data, _ = read_bytes(self.output, record["output"])
            return decode(data, self._max_pixels)
        except UnreadableImageError as unusable:
            raise InputError(f"{record['output']}: {unusable}") from unusable

    def apply(self, number: int, decisions: list[FaceDecision]) -> dict[str, Any]:
        """Do a photograph again with exactly these faces; its new record.

        What the second look finds in the result is covered as ever. Surrogates are those of
        ``fresh``, whatever the run's were.

        Raises InputError for a number or a file that cannot be, or where a face stays open.
        """
        if len(decisions) > _MOST_FACES:
            raise InputError(f"{len(decisions)} faces in one picture, at most {_MOST_FACES}")
        image = self.original(number)
        faces = self._faces(image, decisions)
        record = self.records[number]
        open_, covered = (
            [i for i, decision in enumerate(decisions) if decision.action == action]
            for action in ("open", "cover")
        )
        needs_source = len(open_) + len(covered) < len(decisions)
        try:
            work = replace(
                image,
                faces,
                self._synthetic() if needs_source else "solid",
                self._analyzer,
                kept=open_,
                covered=covered,
                key=record.get("key", number),
                scale=self._scale,
            )
        except ResidualFaceError as error:
            raise InputError(f"{record['input']}: {error}") from error
        entry = describe_faces(work, self._analyzer)
        for i in open_:
            entry["faces"][i]["reason"] = "left open in the review"
        self._write(number, work.image, entry)
        return self.records[number]

    def _editable(self, number: int) -> dict[str, Any]:
        if not 0 <= number < len(self.records) or not self.editable(number):
            raise InputError(f"picture {number} cannot be reviewed: it is no photograph of the run")
        return self.records[number]

    def _faces(self, image: Pixels, decisions: list[FaceDecision]) -> Faces:
        from encoders.align import find_landmarks

        boxes = np.array([decision.box for decision in decisions], np.int32).reshape(-1, 4)
        points = [find_landmarks(image, box) for box in boxes]
        landmark = np.array(points, np.float32).reshape(-1, 68, 2)
        sure = np.ones(len(boxes), np.float32)
        by = ("review",) * len(boxes)
        return Faces(boxes, landmark, self._analyzer.embed(image, boxes), by, sure)

    def _synthetic(self) -> SyntheticFaces:
        """Faces that are unlike everybody of the input, found once."""
        if self._source is None:
            vectors = [self._vectors(number) for number in range(len(self.records))]
            everyone = np.concatenate([np.empty((0, 128), np.float32), *vectors])
            self._source = SyntheticFaces(
                self._analyzer, everyone, self._seed, self._generator, self._gallery
            )
        return self._source

    def _vectors(self, number: int) -> NDArray[np.float32]:
        boxes = [face["box"] for face in self.records[number].get("faces", []) if "box" in face]
        if not boxes or not self.editable(number):
            return np.empty((0, 128), np.float32)
        return self._analyzer.embed(self.original(number), np.array(boxes, np.int32))

    def _write(self, number: int, image: Pixels, entry: dict[str, Any]) -> None:
        record = self.records[number]
        name = record.get("output") or self._free_name(record["input"])
        write_picture(self.output, name, image)
        size = {"width": image.shape[1], "height": image.shape[0]}
        record.pop("reason", None)
        record |= {"output": name, "outcome": WRITTEN, **size, **entry, "reviewed": True}
        write_secret(self._path, json.dumps(self._record, indent=1, ensure_ascii=False))
        page = review_path(self.output)
        update_review(page, self._root, self.output, self.records, number, self._max_pixels)
        self.applied += 1

    def _free_name(self, path: str) -> str:
        taken = [record["output"] for record in self.records if "output" in record]
        return names([*([] if self._rename else taken), path], self._rename)[-1]


def _load(path: Path) -> dict[str, Any]:
    """The record of a run, checked as far as the session relies on it."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        fields = set(AnonymizationOptions.__dataclass_fields__)
        complete = {"scale", "surrogate", "seed", "generator", "detector"} <= set(record["options"])
        known = set(record["options"]) <= fields and complete
        whole = isinstance(record["root"], str) and isinstance(record["pictures"], list)
    except FileNotFoundError as error:
        raise InputError(f"{path}: not there: name the folder that anonymize wrote") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a record of anonymize ({error})") from error
    if not known or not whole:
        raise InputError(f"{path}: not a record of this version of anonymize; run it again")
    return record

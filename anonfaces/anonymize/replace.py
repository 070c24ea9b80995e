"""All faces of one picture replaced, what cannot be replaced covered, and the result searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.cover import COVERS, Area, around, head, solid
from anonfaces.anonymize.detection import (
    SAME_PERSON,
    SMALLEST_FACE,
    FaceAnalyzer,
    Faces,
    distances,
    overlap,
)
from anonfaces.anonymize.mask_size import scaled
from anonfaces.anonymize.paste import SourceFace, fits, paste
from anonfaces.anonymize.quality import is_worse_than_a_cover, reasons_to_cover
from anonfaces.anonymize.sources.fresh import Source

__all__ = [
    "COVERED",
    "KEPT",
    "NO_FACE",
    "REPLACED",
    "TOO_SMALL",
    "FrameResult",
    "ResidualFaceError",
    "replace",
]

Pixels = NDArray[np.uint8]

REPLACED, COVERED, KEPT = "replaced", "covered", "kept"
_TRIES, _LOOKS = 4, 5
_THE_SAME = 0.1
#: Sources that are tried one after another until one looks like a face in its place.
_OFFERS = 3
TOO_SMALL = f"too small to judge: of less than {SMALLEST_FACE:g} px nobody is told"
NO_FACE = "its landmarks are not those of a face that can be replaced"
_WORSE = "every surrogate that was tried looks worse there than a cover"
_USED_UP = "no surrogate is left that is unlike the people here"


class ResidualFaceError(Exception):
    """A face may still be open in the picture, which must not be written."""


@dataclass
class FrameResult:
    """One picture under work.

    Attributes:
        image: RGB uint8 (height, width, 3), changed in place.
        faces: what was found in the original.
        outcome: a word a face: replaced, blurred ..., covered, kept; "" while it is open.
        reason: why a face was covered, else "".
        late: boxes that were covered because the second look found them, and why.
        wide: faces that were covered by more than the head, since that was not enough.
        scale: size of a cover in sizes of the head.
    """

    image: Pixels
    faces: Faces
    outcome: list[str]
    reason: list[str]
    residual: list[tuple[NDArray[np.int32], str]] = field(default_factory=list)
    wide: set[int] = field(default_factory=set)
    scale: float = 1.0

    def cover(self, index: int, reason: str, mode: str = "solid") -> None:
        """Cover the head, and say why; one that is covered already, with much around it.

        The first reason stays: what the recognizer says of a cover, or of a tiny face, is nothing.
        """
        covered = self.outcome[index] == COVERED
        where = around if covered else head
        size = scaled(self.faces.box[index], self.faces.landmark[index], self.scale)
        place = where(*size, self.image)
        COVERS[mode](self.image, place)
        self.outcome[index] = COVERED if mode == "solid" else mode
        first = self.reason[index] if covered else ""
        self.reason[index] = first or (TOO_SMALL if reason and self._is_tiny(index) else reason)
        if covered:
            self.wide.add(index)

    def _is_tiny(self, index: int) -> bool:
        left, top, right, bottom = self.faces.box[index]
        return bool(max(right - left, bottom - top) < SMALLEST_FACE)

    def where(self, outcome: str) -> list[int]:
        """The faces of that outcome."""
        return [i for i, word in enumerate(self.outcome) if word == outcome]


def replace(
    image: Pixels,
    faces: Faces,
    how: Source | str,
    analyzer: FaceAnalyzer,
    *,
    kept: Sequence[int] = (),
    covered: Sequence[int] = (),
    key: int = 0,
    scale: float = 1.0,
) -> FrameResult:
    """Replace or cover every face of a picture but ``kept``, search it again, cover what matches.

    ``how`` is a source of faces, or "solid", "blur" or "mosaic". ``scale`` is the size of a cover
    in sizes of the head. The faces ``covered`` are covered in any case. ``image`` is not changed.

    Raises ResidualFaceError if something still matches after five rounds of covering.
    """
    work = FrameResult(image.copy(), faces, [""] * len(faces), [""] * len(faces), scale=scale)
    for index in kept:
        work.outcome[index] = KEPT
    for index in covered:
        work.cover(index, "")
    if isinstance(how, str):
        _cover_all(work, how)
    else:
        _paste_all(work, image, how, analyzer, key)
    _search_again(work, analyzer)
    return work


def _cover_all(work: FrameResult, mode: str) -> None:
    for i in work.where(""):
        work.cover(i, "", mode)


def _paste_all(
    work: FrameResult, original: Pixels, source: Source, analyzer: FaceAnalyzer, key: int
) -> None:
    """Try donors in rounds: those whose result is still like an original get another one."""
    _cover_halves(work, original)
    open_ = work.where("")
    candidates = {i: source.candidates(original, work.faces, i, key) for i in open_}
    for _ in range(_TRIES):
        for i in open_:
            _paste_one(work, original, i, candidates[i])
        open_ = _still_alike(work, [i for i in open_ if not work.outcome[i]], analyzer)
        if not open_:
            break
    for i in open_:
        work.cover(i, "still like an original after several surrogates")
    for i in work.where(""):
        work.outcome[i] = REPLACED


def _cover_halves(work: FrameResult, original: Pixels) -> None:
    whole = [i for i in work.where("") if fits(work.faces.landmark[i])]
    reasons = reasons_to_cover(original, work.faces.landmark[whole])
    for i, reason in zip(whole, reasons, strict=True):
        if reason:
            work.cover(i, reason)


def _paste_one(
    work: FrameResult, original: Pixels, index: int, source_faces: Iterator[SourceFace]
) -> None:
    """Put the first of the next sources in that looks like a face in its place, or cover."""
    landmark = work.faces.landmark[index]
    offered = False
    for source_face in islice(source_faces, _OFFERS):
        offered = True
        result = paste(work.image, landmark, source_face, original)
        if result is None:
            work.cover(index, NO_FACE)
            return
        box = work.faces.box[index]
        if not is_worse_than_a_cover(result, box, landmark, source_face.landmark):
            work.image = result
            return
    work.cover(index, _WORSE if offered else _USED_UP)


def _still_alike(work: FrameResult, indices: list[int], analyzer: FaceAnalyzer) -> list[int]:
    vectors = analyzer.embed(work.image, work.faces.box[indices])
    near = distances(vectors, _hidden(work)).min(axis=1, initial=np.inf)
    return [i for i, distance in zip(indices, near, strict=True) if distance <= SAME_PERSON]


def _hidden(work: FrameResult) -> NDArray[np.float32]:
    """The vectors of all originals that are not to be kept."""
    return work.faces.embedding[[word != KEPT for word in work.outcome]]


def _search_again(work: FrameResult, analyzer: FaceAnalyzer) -> None:
    """Look at the result as a stranger would, and cover until nothing is left to be found."""
    for number in range(_LOOKS):
        where = head if number == 0 else around
        if not _cover_at_places(work, analyzer) and not _cover_found(work, analyzer, where):
            return
    raise ResidualFaceError(
        "something in it still matches an original, or looks like a face that was missed"
    )


def _cover_at_places(work: FrameResult, analyzer: FaceAnalyzer) -> bool:
    """Cover what is like its own original in its place, whether or not a detector finds it."""
    todo = [i for i, word in enumerate(work.outcome) if word != KEPT and i not in work.wide]
    vectors = analyzer.embed(work.image, work.faces.box[todo])
    away = np.linalg.norm(vectors - work.faces.embedding[todo], axis=1)
    alike = [i for i, distance in zip(todo, away, strict=True) if distance <= SAME_PERSON]
    for i in alike:
        work.cover(i, "the recogniser still took it for the original")
    return bool(alike)


def _cover_found(work: FrameResult, analyzer: FaceAnalyzer, where: Callable[..., Area]) -> bool:
    """Cover faces that match an original, and those where none was found before."""
    again = analyzer.search(work.image)
    over = overlap(again.box, work.faces.box) > _THE_SAME
    near = distances(again.embedding, _hidden(work)).min(axis=1, initial=np.inf)
    allowlisted = over[:, work.where(KEPT)].any(axis=1)
    open_ = np.flatnonzero(~allowlisted & ((near <= SAME_PERSON) | ~over.any(axis=1)))
    for i in open_:
        why = "matched an original" if near[i] <= SAME_PERSON else "was not found before"
        place = scaled(again.box[i], again.landmark[i], work.scale)
        solid(work.image, where(*place, work.image))
        work.residual.append((again.box[i], why))
        for known in np.flatnonzero(over[i]):
            work.cover(int(known), "the second look found that it matched an original")
    return bool(len(open_))

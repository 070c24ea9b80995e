"""Frames without their faces: every track replaced or covered, and the result searched again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.cover import COVERS, Area, head
from anonfaces.anonymize.detection import SAME_PERSON, FaceAnalyzer, distances, overlap
from anonfaces.anonymize.mask_size import scaled
from anonfaces.anonymize.paste import SourceFace, paste
from anonfaces.anonymize.quality import unclear
from anonfaces.anonymize.replace import KEPT, REPLACED
from anonfaces.anonymize.sources.semantic import SteeredFace
from anonfaces.anonymize.video.assignment import SurrogateAssignment, TrackPlan, search_frame
from anonfaces.anonymize.video.frames import Frame
from anonfaces.anonymize.video.looks import Look

__all__ = ["FrameRenderer", "RenderedFrame", "Residual", "hold"]

Pixels = NDArray[np.uint8]

_LOOKS = 3
_TOUCHES = 0.1
#: Frames to the nearest detection from which a place is a guess: covered, never replaced.
_GUESSED = 3
#: Size in heads of the cover of a guess, more by ``_PER_FRAME`` a frame, up to ``_LARGEST``.
_GUESS, _PER_FRAME, _LARGEST = 1.1, 0.02, 1.4
#: Size in heads of what the second look covers.
_SECOND_LOOK = 1.2
#: Part of a detection of the second look that is under covers, from which it is one of these.
_HIDDEN = 0.5


class Residual(NamedTuple):
    """A place that the second look covered in a frame: where, and why."""

    frame: int
    box: NDArray[np.int32]
    reason: str
    where: Area


@dataclass
class RenderedFrame:
    """A frame of the result.

    Attributes:
        number: of the frame.
        time: in seconds.
        image: RGB uint8 (height, width, 3), changed in place.
        original: the frame before.
        covered: bool (height, width), where a cover lies.
        guesses: places that were covered because the face was found in other frames only.
        residual: what the second look covered.
        looks: how the faces look of the tracks that are judged in this frame.
    """

    number: int
    time: Fraction
    image: Pixels
    original: Pixels
    covered: NDArray[np.bool_]
    guesses: int = 0
    residual: list[Residual] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    def cover(self, where: Area, mode: str = "solid") -> None:
        """Cover a place, in place."""
        COVERS[mode](self.image, where)
        self.covered[where.rows, where.columns] |= where.inside

    @property
    def share(self) -> float:
        """Part of the picture that is under covers, 0 to 1."""
        return float(self.covered.mean())


@dataclass(frozen=True)
class FrameRenderer:
    """Does what was planned for each track; ``scale`` is the size of a cover in heads."""

    assignment: SurrogateAssignment
    analyzer: FaceAnalyzer
    scale: float = 1.0

    def __call__(self, frame: Frame) -> RenderedFrame:
        """The frame with every track replaced, covered or kept, and searched again."""
        covered = np.zeros(frame.image.shape[:2], bool)
        result = RenderedFrame(frame.number, frame.time, frame.image.copy(), frame.image, covered)
        for plan, row in self.assignment.present(frame.number):
            if plan.action != KEPT:
                self._hide(result, frame.image, plan, row)
        self._second_look(result)
        result.looks = self._looks(result)
        return result

    def _hide(self, result: RenderedFrame, original: Pixels, plan: TrackPlan, row: int) -> None:
        apart = int(plan.path.apart[row])
        if isinstance(plan.action, SourceFace) and apart < _GUESSED:
            landmark, face = plan.path.landmark[row], plan.action
            if isinstance(face, SteeredFace):
                face = face.seen_at(original, landmark)
            image = paste(result.image, landmark, face, original)
            if image is not None:
                result.image = image
                return
        guess = min(_GUESS + _PER_FRAME * apart, _LARGEST) if apart else 1.0
        result.guesses += apart >= _GUESSED
        mode = plan.action if isinstance(plan.action, str) else "solid"
        result.cover(self._head(plan.path.box[row], plan.path.landmark[row], result, guess), mode)

    def _head(
        self,
        box: NDArray[np.int32],
        landmark: NDArray[np.float32],
        result: RenderedFrame,
        growth: float,
    ) -> Area:
        return head(*scaled(box, landmark, self.scale), result.image, growth)

    def _second_look(self, result: RenderedFrame) -> None:
        """Cover, in place, what still matches an original or was not found before."""
        for number in range(_LOOKS):
            new = self._at_places(result) if number == 0 else []
            new += self._anywhere(result)
            for residual in new:
                result.cover(residual.where)
            result.residual += new
            if not new:
                return

    def _looks(self, result: RenderedFrame) -> list[Look]:
        """How the faces look that were put in here, of the tracks that are judged in this frame."""
        here = [
            (plan, row)
            for plan, row in self.assignment.present(result.number)
            if plan.outcome == REPLACED and result.number in plan.looked_at
        ]
        boxes = np.array([plan.path.box[row] for plan, row in here], np.int32).reshape(-1, 4)
        open_ = np.flatnonzero(~_under_covers(boxes, result.covered))
        if not len(open_):
            return []
        vectors = self.analyzer.embed(result.image, boxes[open_])
        near = distances(vectors, self.assignment.hidden).min(axis=1)
        places = np.array([here[i][0].path.landmark[here[i][1]] for i in open_])
        unsure = unclear(result.image, places)
        return [
            Look(here[i][0].number, float(distance), float(part))
            for i, distance, part in zip(open_, near, unsure, strict=True)
        ]

    def _at_places(self, result: RenderedFrame) -> list[Residual]:
        """What the recogniser takes for its own original in its place."""
        here = [
            (plan, row)
            for plan, row in self.assignment.present(result.number)
            if plan.action not in (KEPT, "solid")
        ]
        boxes = np.array([plan.path.box[row] for plan, row in here], np.int32).reshape(-1, 4)
        vectors = self.analyzer.embed(result.image, boxes)
        residual: list[Residual] = []
        for (plan, row), box, vector in zip(here, boxes, vectors, strict=True):
            if distances(vector[None], plan.vectors).min() <= SAME_PERSON:
                where = self._head(box, plan.path.landmark[row], result, _SECOND_LOOK)
                residual.append(Residual(result.number, box, "still like the original", where))
        return residual

    def _anywhere(self, result: RenderedFrame) -> list[Residual]:
        """Faces that match an original, and those where none was found before."""
        again = search_frame(self.analyzer, result.image)
        here = self.assignment.present(result.number)
        places = np.array([plan.path.box[row] for plan, row in here]).reshape(-1, 4)
        touches = overlap(again.box, places) > _TOUCHES
        kept = touches[:, [i for i, (plan, _) in enumerate(here) if plan.action == KEPT]]
        near = distances(again.embedding, self.assignment.hidden).min(axis=1, initial=np.inf)
        alike = near <= SAME_PERSON
        new = ~touches.any(axis=1) & ~_under_covers(again.box, result.covered)
        return [
            Residual(
                result.number,
                again.box[i],
                "matched an original" if alike[i] else "was not found before",
                self._head(again.box[i], again.landmark[i], result, _SECOND_LOOK),
            )
            for i in np.flatnonzero(~kept.any(axis=1) & (alike | new))
        ]


def hold(
    rendered: Iterable[RenderedFrame], shots: NDArray[np.int64], frames: int
) -> Iterator[RenderedFrame]:
    """What the second look covers in one frame, covered in ``frames`` around it in its shot, too.

    So that no frame flickers open between two in which the face was noticed.
    """
    waiting: deque[RenderedFrame] = deque()
    residual: deque[Residual] = deque()
    for result in rendered:
        waiting.append(result)
        residual += result.residual
        if len(waiting) > frames:
            yield _held(waiting.popleft(), residual, shots, frames)
    while waiting:
        yield _held(waiting.popleft(), residual, shots, frames)


def _held(
    result: RenderedFrame, residual: deque[Residual], shots: NDArray[np.int64], frames: int
) -> RenderedFrame:
    while residual and residual[0].frame < result.number - frames:
        residual.popleft()
    for place in residual:
        near = place.frame <= result.number + frames
        if near and shots[place.frame] == shots[result.number]:
            result.cover(place.where)
    return result


def _under_covers(boxes: NDArray[np.int32], covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which boxes are for the most part under covers already."""
    parts = [
        covered[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        for left, top, right, bottom in boxes.tolist()
    ]
    return np.array([bool(part.size) and part.mean() > _HIDDEN for part in parts], bool)

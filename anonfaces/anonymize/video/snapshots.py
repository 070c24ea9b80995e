"""Frames before and after, kept for the review page: those to look at, and some in between."""

from __future__ import annotations

from pathlib import Path

from anonfaces.anonymize.pictures import jpeg
from anonfaces.anonymize.video.render import RenderedFrame
from anonfaces.anonymize.video.summary import FrameFacts
from anonfaces.anonymize.workplace import Place

__all__ = ["SnapshotWriter", "snapshots"]

#: Frames that are kept at even steps, and of those to look at, at most.
_EVEN, _DOUBTFUL = 8, 40
#: Longest side in pixels.
_SIDE = 640


class SnapshotWriter:
    """Keeps the first frame of each stretch that is to be looked at, and every eighth part's."""

    def __init__(self, place: Place, frames: int) -> None:
        self._place, self._step = place, max(1, -(-frames // _EVEN))
        self._before: set[str] = set()
        self._doubtful = 0

    def add(self, frame: RenderedFrame, facts: FrameFacts) -> None:
        """Keep the frame where it is one of these."""
        reasons = set(facts.reasons())
        new = bool(reasons - self._before) and self._doubtful < _DOUBTFUL
        self._doubtful += new
        self._before = reasons
        if new or frame.number % self._step == 0:
            self._place.part("before.jpg", frame.number).write_bytes(jpeg(frame.original, _SIDE))
            self._place.part("after.jpg", frame.number).write_bytes(jpeg(frame.image, _SIDE))


def snapshots(place: Place) -> list[tuple[int, Path, Path]]:
    """The frames that were kept: number, before and after."""
    before = sorted(place.folder.glob("*.before.jpg"))
    return [
        (int(path.name.split(".")[0]), path, path.with_name(path.name.replace("before", "after")))
        for path in before
    ]

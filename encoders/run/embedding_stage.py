"""The parent's work on the parts of the workers: look again, then embed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from encoders.detect import Detector, load_detector
from encoders.embed import Embedder
from encoders.photographs.walk import Photograph
from encoders.run.checkpoints import EMBEDDED, Checkpoint, load_part, with_examined
from encoders.run.examine import LOOK_AGAIN, ExaminationOptions, examine

__all__ = ["EmbeddingStage"]

_FACES_AT_ONCE = 256


class EmbeddingStage:
    """Turns ``*.found`` parts into ``*.done`` parts.

    Detectors that need TensorFlow run here, on photographs in which the workers saw no face.
    Vectors are made for some hundred faces at a time. Without an ``embedder`` they are made later.
    """

    def __init__(self, embedder: Embedder | None, options: ExaminationOptions) -> None:
        self._embedder = embedder
        self._options = replace(options, detector=options.second, again=False)
        self._again: Detector | None = None
        self._waiting: list[tuple[Path, Checkpoint]] = []

    def add(self, path: Path) -> bool:
        """Take in a part that was found; False if it is damaged."""
        part = load_part(path)
        if part is None:
            path.unlink(missing_ok=True)
            return False
        self._waiting.append((path, self._looked_again(part)))
        if sum(len(part) for _, part in self._waiting) >= _FACES_AT_ONCE:
            self.finish()
        return True

    def finish(self) -> None:
        """Embed the faces of all parts taken in, and write those parts as done."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        parts = [part for _, part in waiting]
        if self._embedder is not None:
            vectors = self._embedder(np.concatenate([part.aligned for part in parts]))
            ends = np.cumsum([len(part) for part in parts])[:-1]
            split = np.split(vectors, ends)
            parts = [part.embedded(v) for part, v in zip(parts, split, strict=True)]
        for (path, _), part in zip(waiting, parts, strict=True):
            part.save(path.with_suffix(EMBEDDED))
            # a task that was given up may have finished it too
            path.unlink(missing_ok=True)

    def _looked_again(self, part: Checkpoint) -> Checkpoint:
        rows = part.ledger
        places = [place for place, row in enumerate(rows) if row["outcome"] == LOOK_AGAIN]
        if not places:
            return part
        self._again = self._again or load_detector(self._options.second, self._options.upsample)
        photographs = [_photograph(rows[place]) for place in places]
        results = [examine(photograph, self._options, self._again) for photograph in photographs]
        return with_examined(part, places, results)


def _photograph(row: dict[str, object]) -> Photograph:
    return Photograph(str(row["path"]), int(str(row["size"])), int(str(row["mtime_ns"])))

"""Whether dlib finds a face in what was drawn: nothing is released in which it finds none.

Pictures are looked at in processes of their own, since dlib holds Python's lock; run as a
program (``python -m encoders.detect.pool``) this file is what such a process does.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anonbase.worker_pool import WorkerPool

__all__ = ["LOOKED_AT", "FaceDetectorPool", "enlarged", "shows_a_face"]

LOOKED_AT = 256
"""Pictures are brought to this side in pixels before dlib looks at them."""
_PART = 16


def enlarged(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A picture (s, s, 3) at ``size`` px: Lanczos up, area averages down. No detail is added."""
    import cv2

    if len(picture) == size:
        return picture
    way = cv2.INTER_LANCZOS4 if len(picture) < size else cv2.INTER_AREA
    return cv2.resize(picture, (size, size), interpolation=way)


def shows_a_face(picture: NDArray[np.uint8]) -> bool:
    """Whether dlib's HOG detector finds a face in an RGB picture, at 256 px, not doubled."""
    return len(_detector()(enlarged(picture, LOOKED_AT))) > 0


class FaceDetectorPool:
    """Processes that look at pictures, to be used in a ``with`` statement.

    ``show`` hands pictures on and returns at once; ``seen`` waits for the answer to the oldest
    that is open, so that drawing and looking go on side by side.
    """

    def __init__(self, jobs: int | None = None) -> None:
        self._jobs = jobs or os.cpu_count() or 1
        self._crew: WorkerPool | None = None
        self._shown = 0
        self._answers: dict[int, list[bool]] = {}
        self._open: list[list[int]] = []

    def __enter__(self) -> Self:
        from anonbase.worker_pool import WorkerPool

        command = (sys.executable, "-P", "-m", "encoders.detect.pool")
        self._crew = WorkerPool(self._jobs, command)
        self._crew.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._crew is not None:
            self._crew.__exit__(kind, error, trace)

    def show(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Hand on RGB pictures (s, s, 3) to be looked at."""
        numbers = []
        for start in range(0, len(pictures), _PART):
            self._put(pictures[start : start + _PART])
            numbers.append(self._shown)
            self._shown += 1
        self._open.append(numbers)

    def seen(self) -> NDArray[np.bool_]:
        """Which of the pictures of the oldest open ``show`` have a face, bool (n,)."""
        numbers = self._open.pop(0)
        while not all(number in self._answers for number in numbers):
            task, answer = self._at_work().next()
            if answer is None:
                raise RuntimeError("a process that looks for faces died; is memory short?")
            self._answers[task["number"]] = answer["faces"]
        return np.array([f for number in numbers for f in self._answers.pop(number)], bool)

    def _put(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        small = [enlarged(p, LOOKED_AT) if len(p) > LOOKED_AT else p for p in pictures]
        shown = [[len(p), base64.b64encode(p.tobytes()).decode("ascii")] for p in small]
        self._at_work().put({"number": self._shown, "pictures": shown})

    def _at_work(self) -> WorkerPool:
        if self._crew is None:
            raise RuntimeError("Onlookers are to be used in a with statement")
        return self._crew


@cache
def _detector() -> Any:
    from encoders.detect import load_detector

    return load_detector("hog", 0)


def _look(task: dict[str, Any]) -> dict[str, Any]:
    pictures = (
        np.frombuffer(base64.b64decode(text), np.uint8).reshape(side, side, 3)
        for side, text in task["pictures"]
    )
    return {"faces": [shows_a_face(picture) for picture in pictures]}


def main() -> None:
    """Answer tasks from standard input, a JSON line each, until it closes."""
    import cv2

    cv2.setNumThreads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    _detector()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_look(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()

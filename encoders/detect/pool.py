"""Whether dlib finds a face in what was drawn: nothing is released in which it finds none.

Pictures are looked at in processes of their own, since dlib holds Python's lock, but for the
first few, for which none is worth starting; run as a program (``python -m encoders.detect.pool``)
this file is what such a process does.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from anonbase.cores import count_cores
from anonbase.worker_pool import WorkerPool, serve
from encoders.detect import portrait_detector
from encoders.resize import enlarged

__all__ = ["LOOKED_AT", "FaceDetectorPool", "enlarged", "shows_a_face"]

LOOKED_AT = 256
"""Pictures are brought to this side in pixels before dlib looks at them."""
_PART = 16
_HERE = 64  # pictures: half a second's, where a process takes two to start


def shows_a_face(picture: NDArray[np.uint8]) -> bool:
    """Whether dlib's HOG detector finds a face in an RGB picture, at 256 px, not doubled."""
    return len(portrait_detector()(enlarged(picture, LOOKED_AT))) > 0


class FaceDetectorPool:
    """Processes that look at pictures, to be used in a ``with`` statement.

    ``submit`` hands pictures on and returns at once; ``results`` waits for the answer to the oldest
    that is open, so that drawing and looking go on side by side.
    """

    def __init__(self, jobs: int | None = None) -> None:
        self._jobs = jobs or count_cores()
        self._pool: WorkerPool | None = None
        self._pictures = self._shown = 0
        self._answers: dict[int, list[bool]] = {}
        self._open: list[list[int]] = []

    def __enter__(self) -> Self:
        self._pool = WorkerPool(self._jobs, "encoders.detect.pool")
        self._pool.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.__exit__(kind, error, trace)

    def submit(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Hand on RGB pictures (s, s, 3) to be looked at."""
        numbers = []
        self._pictures += len(pictures)
        for start in range(0, len(pictures), _PART):
            part = pictures[start : start + _PART]
            if self._pictures <= _HERE:
                self._answers[self._shown] = [shows_a_face(picture) for picture in part]
            else:
                self._put(part)
            numbers.append(self._shown)
            self._shown += 1
        self._open.append(numbers)

    def results(self) -> NDArray[np.bool_]:
        """Which of the pictures of the oldest open ``submit`` have a face, bool (n,)."""
        numbers = self._open.pop(0)
        while not all(number in self._answers for number in numbers):
            task, answer = self._at_work().next_result()
            if answer is None:
                raise RuntimeError("a process that looks for faces died; is memory short?")
            self._answers[task["number"]] = answer["faces"]
        return np.array([f for number in numbers for f in self._answers.pop(number)], bool)

    def _put(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        small = [enlarged(p, LOOKED_AT) if len(p) > LOOKED_AT else p for p in pictures]
        shown = [[len(p), base64.b64encode(p.tobytes()).decode("ascii")] for p in small]
        self._at_work().submit({"number": self._shown, "pictures": shown})

    def _at_work(self) -> WorkerPool:
        if self._pool is None:
            raise RuntimeError("A FaceDetectorPool is to be used in a with statement")
        return self._pool


def _look(task: dict[str, Any]) -> dict[str, Any]:
    pictures = (
        np.frombuffer(base64.b64decode(text), np.uint8).reshape(side, side, 3)
        for side, text in task["pictures"]
    )
    return {"faces": [shows_a_face(picture) for picture in pictures]}


def main() -> None:
    """Look at pictures until the parent closes standard input."""
    serve(_look, _prepare)


def _prepare() -> None:
    import cv2

    cv2.setNumThreads(1)
    portrait_detector()


if __name__ == "__main__":
    main()

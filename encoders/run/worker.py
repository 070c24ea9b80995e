"""The program that a worker runs: one photograph a line, for ``anonbase.worker_pool``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from anonbase.worker_pool import serve
from encoders.detect import Detector, load_detector
from encoders.photographs.walk import Photograph
from encoders.run.checkpoints import make_part
from encoders.run.examine import MAIN_FACE, ExaminationOptions, examine

__all__ = ["PROGRAM"]


#: The module that a ``WorkerPool`` runs to examine photographs.
PROGRAM = "encoders.run.worker"


def main() -> None:
    """Examine photographs until the parent closes standard input."""
    serve(_work, _prepare)


def _prepare() -> None:
    import cv2

    cv2.setNumThreads(1)
    _detector("hog", None)


def _work(task: dict[str, Any]) -> dict[str, Any]:
    """Examine the task's photographs and leave the part file that it names."""
    options = ExaminationOptions(**task["look"])
    detector = _detector(options.detector, options.upsample)
    photographs = [Photograph(*values) for values in task["photographs"]]
    examined = [examine(photograph, options, detector) for photograph in photographs]
    make_part(examined, options.alignment_size).save(Path(task["part"]))
    return {"examined": len(examined)}


@cache
def _detector(name: str | None, upsample: int | None) -> Detector | None:
    if name == MAIN_FACE:
        from encoders.detect.main_face import MainFaceDetector

        return MainFaceDetector()
    return None if name is None else load_detector(name, upsample)


if __name__ == "__main__":
    main()

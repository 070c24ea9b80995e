"""The program that a worker runs: one photograph a line, for ``anonbase.worker_pool``."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from encoders.detect import Detector, load_detector
from encoders.photographs.walk import Photograph
from encoders.run.checkpoints import make_part
from encoders.run.examine import MAIN_FACE, ExaminationOptions, examine


def main() -> None:
    """Answer tasks from standard input until it closes."""
    import cv2

    cv2.setNumThreads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    tasks: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    _detector("hog", None)
    print("ready", file=answers, flush=True)
    while True:
        print(json.dumps(_answer(json.loads(tasks.get()))), file=answers, flush=True)


def _listen(tasks: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        tasks.put(line)
    os._exit(0)  # the parent is gone, whatever this worker is in the middle of


def _answer(task: dict[str, Any]) -> dict[str, Any]:
    try:
        return _work(task)
    except OSError as error:
        return {"fault": traceback.format_exc(), "errno": error.errno, "said": error.strerror}
    except Exception:
        return {"fault": traceback.format_exc()}


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

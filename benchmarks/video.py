"""A video covered, and judged frame by frame: ``python -m benchmarks.video clip.mp4``.

How many frames of the result hold a face that a judge finds, what share of the picture is under
covers, and how far single frames go. The judge is a detector that may be another than those that
covered: ``--judge onnx:centerface.onnx``. A frame counts against us where the judge finds a face
in it, be it one or not. ``benchmarks.clips`` makes two clips of real photographs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from anonfaces.anonymize import anonymize
from anonfaces.anonymize.detection import DETECTOR, FaceAnalyzer
from anonfaces.anonymize.video.frames import frames
from benchmarks.machine import describe
from benchmarks.tables import print_table

PACKAGES = ("numpy", "av", "tensorflow-cpu", "dlib-bin", "mtcnn")
HEAD = ("clip", "frames", "judge finds a face", "hold covers", "mean share", "max share", "s/frame")
#: Confidence from which the judge counts a face: where its author cuts.
SURE = 0.5
MOST_PIXELS = 2**31


def main() -> None:
    """Print the table."""
    options = _options()
    print(describe(PACKAGES), "\n")
    print(f"covered by {options.detector}, judged by {options.judge}\n")
    print_table(HEAD, [_row(clip, options) for clip in options.clips])


def _row(clip: Path, options: argparse.Namespace) -> tuple[Any, ...]:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        place = (options.output or Path(folder)) / clip.stem
        place.parent.mkdir(parents=True, exist_ok=True)
        done = anonymize(clip, place, surrogate="solid", detector=options.detector)
        seconds = time.perf_counter() - started
        (record,) = json.loads(done.record.read_text(encoding="utf-8"))["pictures"]
        open_ = _open_frames(done.folder / record["output"], FaceAnalyzer(options.judge, SURE))
    covers, count = record["covers"], record["frames"]
    return (
        clip.name, count, open_, covers["frames_with_covers"], f"{covers['mean_share']:.1%}",
        f"{covers['max_share']:.1%}", f"{seconds / count:.2f}",
    )  # fmt: skip


def _open_frames(video: Path, judge: FaceAnalyzer) -> int:
    """Frames of the result in which the judge finds a face."""
    return sum(len(judge.detect(frame.image)) > 0 for frame in frames(video, MOST_PIXELS))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("clips", nargs="+", type=Path, help="videos")
    parser.add_argument("--detector", default=DETECTOR, help="what covers")
    parser.add_argument("--judge", default="cnn", help="what judges")
    parser.add_argument("--output", type=Path, help="folder that keeps the results, to look at")
    return parser.parse_args()


if __name__ == "__main__":
    main()

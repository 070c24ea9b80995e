"""Our detectors beside deface's CenterFace: ``python -m benchmarks.detection``.

Eleven group photographs with every head labelled that a person could recognise
(``labels/group_photos.json``: boxes from brow to chin; nine pictures as dlib's author drew them,
two and the heads he left out by us), as they are, made smaller, and turned. All detectors see the
same pictures in one run, ours as ``anonymize`` runs them: how many heads they find, how many of
their boxes show no head, and the seconds a megapixel, of the clock and of all cores. Heads that
nobody could recognise, and pictures of people in the picture, are neither misses nor false covers.

deface is measured with its own program where it lies in ``--deface`` or is installed:
``pip install --no-deps deface``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.tables import SHARED, print_table
from encoders.detect import overlap

LABELS = Path(__file__).resolve().parent / "labels" / "group_photos.json"
PACKAGES = ("numpy", "tensorflow-cpu", "dlib-bin", "mtcnn", "opencv-python-headless")
DETECTORS = ("hog", "mtcnn", "cnn", "hog+cnn+mtcnn", "auto")
THRESHOLDS = (0.5, 0.2)
DEFACE_THRESHOLD = 0.2  # its own default
HEAD = (
    *("detector, threshold", "view", "heads", "found", "recall", "false", "precision"),
    *("s/MP", "CPU s/MP"),
)
VIEWS = ("as it is", "smaller", "turned 30", "turned 60", "turned 90")
#: Intersection over union of a box and a head from which the head is found, and up to which the
#: box is false: what one draws to the hairline another draws to the brow.
FOUND, FALSE = 0.3, 0.15
#: Side in pixels to which a view that is made smaller, or turned, is brought.
SMALLER, TURNED = 640, 960

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]
Look = Callable[[Pixels], Boxes]


@dataclass(frozen=True)
class Case:
    """A picture, the boxes (n, 4) of its heads, and those of places that do not count."""

    image: Pixels
    heads: Boxes
    ignored: Boxes


@dataclass
class Tally:
    """What a detector did on the pictures of a view."""

    heads: int = 0
    found: int = 0
    false: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    megapixels: float = 0.0


def main() -> None:
    """Print the table; fails where the last of our detectors finds fewer heads than deface."""
    options = _options()
    print(describe(PACKAGES), "\n")
    looks = dict(_ours(options.detector, options.threshold))
    deface = _deface(options.deface)
    if deface is not None:
        looks[f"deface {DEFACE_THRESHOLD}"] = deface
    views = {view: list(_cases(options.photos, view)) for view in options.view}
    recall: dict[str, float] = {}
    print_table(HEAD, _rows(looks, views, recall))
    if deface is None:
        print("\ndeface is not here: pip install --no-deps deface, or --deface FOLDER")
        return
    *_, ours, theirs = recall.values()
    print(f"\nrecall over all views: {list(recall)[-2]} {ours:.3f}, deface {theirs:.3f}")
    sys.exit(int(ours < theirs))


def _rows(
    looks: dict[str, Look], views: dict[str, list[Case]], recall: dict[str, float]
) -> Iterator[list[object]]:
    """A row for each detector and view, as it is done; ``recall`` gets that over all views."""
    for name, look in looks.items():
        tallies = []
        for view, cases in views.items():
            tallies.append(_tally(look, cases))
            yield _row(name, view, tallies[-1])
        recall[name] = sum(t.found for t in tallies) / sum(t.heads for t in tallies)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    photos = SHARED / "group-photos"
    parser.add_argument("--photos", type=Path, default=photos, help="folder (default: %(default)s)")
    parser.add_argument("--deface", type=Path, help="folder that holds the package deface")
    parser.add_argument("--detector", nargs="+", default=DETECTORS, help="(default: %(default)s)")
    parser.add_argument("--threshold", nargs="+", type=float, default=THRESHOLDS)
    parser.add_argument("--view", nargs="+", choices=VIEWS, default=VIEWS)
    return parser.parse_args()


def _ours(names: list[str], thresholds: list[float]) -> Iterator[tuple[str, Look]]:
    from anonfaces.anonymize.detection import FaceAnalyzer

    for name in names:
        for threshold in thresholds:
            detector = FaceAnalyzer(name, threshold)
            said = name.split("onnx:")[0] + ("onnx" if "onnx:" in name else "")
            yield f"{said} {threshold}", lambda image, own=detector: own.detect(image).astype(float)


def _deface(folder: Path | None) -> Look | None:
    """deface's detector as deface runs it without ONNX Runtime, at full resolution."""
    if folder is not None:
        sys.path.insert(0, str(folder))
    try:
        network = import_module("deface.centerface").CenterFace(backend="opencv")
    except ImportError:
        return None
    return lambda image: network(image, threshold=DEFACE_THRESHOLD)[0][:, :4].astype(np.float64)


def _tally(look: Look, cases: list[Case]) -> Tally:
    tally = Tally()
    for case in cases:
        started, worked = time.perf_counter(), time.process_time()
        boxes = look(case.image)
        tally.seconds += time.perf_counter() - started
        tally.cpu_seconds += time.process_time() - worked
        tally.megapixels += case.image.shape[0] * case.image.shape[1] / 1e6
        over = overlap(boxes, case.heads)
        tally.heads += len(case.heads)
        tally.found += int((over >= FOUND).any(axis=0).sum())
        tally.false += int(_is_false(boxes, over, case.ignored).sum())
    return tally


def _is_false(boxes: Boxes, over: Boxes, ignored: Boxes) -> NDArray[np.bool_]:
    """Which boxes show no head, and do not lie in a place that does not count."""
    middle = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    within = (middle >= ignored[:, :2]).all(-1) & (middle <= ignored[:, 2:]).all(-1)
    return (over.max(axis=1, initial=0) < FALSE) & ~within.any(axis=1)


def _row(name: str, view: str, tally: Tally) -> list[object]:
    right = tally.found + tally.false
    return [
        name,
        view,
        tally.heads,
        tally.found,
        tally.found / tally.heads,
        tally.false,
        tally.found / max(right, 1),
        tally.seconds / tally.megapixels,
        tally.cpu_seconds / tally.megapixels,
    ]


def _cases(photos: Path, view: str) -> Iterator[Case]:
    from PIL import Image

    for file, drawn in json.loads(LABELS.read_text(encoding="utf-8")).items():
        image = np.asarray(Image.open(photos / file).convert("RGB"))
        heads = np.array(drawn["heads"], np.float64).reshape(-1, 4)
        ignored = np.array(drawn["ignored"], np.float64).reshape(-1, 4)
        yield _seen(Case(image, heads, ignored), view)


def _seen(case: Case, view: str) -> Case:
    if view == "as it is":
        return case
    if view == "smaller":
        # large pictures to 640 px, small ones to half: heads of 15 to 70 px
        side = max(case.image.shape[:2])
        return _resized(case, min(SMALLER / side, 0.5))
    smaller = _resized(case, min(1.0, TURNED / max(case.image.shape[:2])))
    return _turned(smaller, float(view.split()[1]))


def _resized(case: Case, factor: float) -> Case:
    import cv2

    if factor == 1:
        return case
    image = cv2.resize(case.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return Case(image, case.heads * factor, case.ignored * factor)


def _turned(case: Case, degrees: float) -> Case:
    """The whole picture turned on a larger, black one; boxes become squares of the same size."""
    import cv2

    height, width = case.image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = (int(height * sine + width * cosine), int(height * cosine + width * sine))
    turn[:, 2] += [size[0] / 2 - width / 2, size[1] / 2 - height / 2]
    image = cv2.warpAffine(case.image, turn, size)
    return Case(image, _turned_boxes(case.heads, turn), _turned_boxes(case.ignored, turn))


def _turned_boxes(boxes: Boxes, turn: NDArray[np.float64]) -> Boxes:
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 @ turn[:, :2].T + turn[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]).mean(axis=1, keepdims=True) / 2
    return np.hstack([middle - half, middle + half])


if __name__ == "__main__":
    main()

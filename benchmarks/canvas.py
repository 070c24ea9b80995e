"""Small faces in large pictures, and many at once: ``python -m benchmarks.canvas``.

Canvases of 12 to 120 megapixels with one face of 600 px, six of 45 px and six of 70 px (in the
panorama of 120 MP twelve of 90 px), and a crowd of 400 faces of 150 px in 9 MP: how many of them
are found as ``anonymize`` looks for them, in how long, and with how much memory. Faces are those
of the sample, people who do not exist. Each picture is looked at in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.tables import print_table

SAMPLE = Path(__file__).resolve().parent.parent / "datasets" / "sample"
PACKAGES = ("numpy", "tensorflow-cpu", "dlib-bin", "opencv-python-headless")
HEAD = ("picture", "MP", "faces", "found", "other boxes", "smallest px", "s", "CPU s", "GB")
CANVASES = {
    "12": (4000, 3000),
    "24": (6000, 4000),
    "36": (7360, 4912),
    "50": (8688, 5792),
    "120": (20_000, 6000),
    "crowd": (3000, 3000),
}
#: Sides of the sample's pictures to those of the faces in them, as dlib draws them.
PICTURE = 1.25
#: A face is found where the middle of a box lies within so much of its side from its own.
NEAR = 0.35

Pixels = NDArray[np.uint8]


def main() -> None:
    """Print the table; fails where a face was not found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.canvas", description=__doc__)
    parser.add_argument("pictures", nargs="*", default=list(CANVASES), help="(default: all)")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_measure(options.pictures[0], options.detector)))
        return
    print(describe(PACKAGES), "\n")
    rows = (_in_a_process(name, options.detector) for name in options.pictures)
    seen: list[list[object]] = []
    print_table(HEAD, (seen.append(row) or row for row in rows))  # type: ignore[func-returns-value]
    sys.exit(int(any(row[2] != row[3] for row in seen)))


def _in_a_process(name: str, detector: str) -> list[object]:
    command = [sys.executable, "-m", "benchmarks.canvas", name, "--detector", detector, "--one"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _measure(name: str, detector: str) -> list[object]:
    from anonfaces.anonymize.detection import FaceAnalyzer

    picture, faces = _crowd() if name == "crowd" else _canvas(name)
    analyzer = FaceAnalyzer(detector)
    started, worked = time.perf_counter(), time.process_time()
    boxes = analyzer.find(picture).box
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    away = np.abs((boxes[:, None, :2] + boxes[:, None, 2:]) / 2 - faces[:, :2]).max(axis=2)
    near = away < NEAR * faces[:, 2]
    found, other = int(near.any(axis=0).sum()), int((~near.any(axis=1)).sum())
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    megapixels = picture.shape[0] * picture.shape[1] / 1e6
    counts = [len(faces), found, other, analyzer.smallest(picture)]
    return [name, megapixels, *counts, seconds, cpu, held]


def _canvas(name: str) -> tuple[Pixels, NDArray[np.float64]]:
    """A textured canvas, and the middle x, y and side (n, 3) of the faces on it."""
    width, height = CANVASES[name]
    rng = np.random.default_rng(int(name))
    coarse = rng.integers(90, 160, (height // 40 + 1, width // 40 + 1, 3)).astype(np.uint8)
    picture = _resized(coarse, (width, height))
    sides = [90] * 12 if name == "120" else [600, *[45] * 6, *[70] * 6]
    cells = rng.permutation(20)[: len(sides)]
    placed = [
        _paste(picture, number, side, (int(cell) % 5 + 0.5) / 5, (int(cell) // 5 + 0.5) / 4)
        for number, (side, cell) in enumerate(zip(sides, cells, strict=True))
    ]
    return picture, np.array(placed)


def _crowd() -> tuple[Pixels, NDArray[np.float64]]:
    picture = np.zeros((3000, 3000, 3), np.uint8)
    places = [(x, y) for y in range(20) for x in range(20)]
    placed = [
        _paste(picture, number, 150 / PICTURE, (x + 0.5) / 20, (y + 0.5) / 20)
        for number, (x, y) in enumerate(places)
    ]
    return picture, np.array(placed)


def _paste(picture: Pixels, number: int, side: float, x: float, y: float) -> list[float]:
    """Put a face of this side at a place in shares of the picture; its middle and side."""
    from PIL import Image

    folders = sorted(path for path in SAMPLE.iterdir() if path.is_dir())
    path = sorted(folders[number % len(folders)].iterdir())[0]
    size = round(side * PICTURE)
    face = np.array(Image.open(path).convert("RGB").resize((size, size), Image.Resampling.LANCZOS))
    left, top = round(x * picture.shape[1] - size / 2), round(y * picture.shape[0] - size / 2)
    picture[top : top + size, left : left + size] = face
    return [left + size / 2, top + size * 0.53, side]


def _resized(picture: Pixels, size: tuple[int, int]) -> Pixels:
    import cv2

    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)


if __name__ == "__main__":
    main()

"""Our embedding beside dlib's own: ``python -m benchmarks.embedding``.

The same chips go through both in one run: how many faces a second, and how far apart the
vectors are. dlib works on one core and holds Python's lock, so it is also measured with a
process for each core.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import cores, describe
from benchmarks.tables import SHARED, print_table

SAMPLE = Path(__file__).resolve().parent.parent / "datasets" / "sample"
PACKAGES = ("numpy", "keras", "tensorflow-cpu", "dlib-bin")
BAR, TIMES = 1e-4, 8
HEAD = ("embedder", "batch", "faces", "s", "faces/s", "cores busy", "times dlib")

Chips = NDArray[np.uint8]


def main() -> None:
    """Print the table; fails where a number differs by more than 1e-4, or it is not 8 times."""
    options = _options()
    chips = np.stack(list(islice(_chips(options.photos), options.faces)))
    print(f"{len(chips)} chips from {options.photos}\n{describe(PACKAGES)}\n")
    rows, ours, theirs = _measure(chips, options.batch)
    print_table(HEAD, rows)
    apart = float(np.abs(ours - theirs).max())
    print(f"\nlargest absolute difference of a number: {apart:.1e} (bar: {BAR:.0e})")
    alone, default, all_cores = (float(str(row[4])) for row in rows[:3])
    print(f"times dlib as face_recognition runs it: {default / alone:.1f}")
    print(f"times dlib on all cores: {default / all_cores:.1f} (bar: {TIMES})")
    sys.exit(int(apart > BAR or default < TIMES * all_cores))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedding", description=__doc__)
    photos = SHARED / "lfw" if SHARED.is_dir() else SAMPLE
    parser.add_argument("--photos", type=Path, default=photos, help="folder (default: %(default)s)")
    parser.add_argument("--faces", type=int, default=1000, help="chips (default: %(default)s)")
    parser.add_argument(
        "--batch", type=int, nargs="*", default=[8, 16, 64, 128], help="batch sizes to try besides"
    )
    return parser.parse_args()


def _chips(photos: Path) -> Iterator[Chips]:
    from encoders.align import align_dlib5
    from encoders.detect import in_order, load_detector
    from encoders.photographs.reading import decode

    detector = load_detector("hog")
    for path in sorted(p for p in photos.rglob("*") if p.suffix in (".jpg", ".png")):
        image = decode(path.read_bytes())
        boxes = in_order(detector(image), image)
        if len(boxes):
            yield align_dlib5(image, boxes[0])


def _measure(
    chips: Chips, batches: list[int]
) -> tuple[list[list[object]], NDArray[np.float32], NDArray[np.float32]]:
    from encoders.embed import load_embedder
    from encoders.embed.dlib_resnet import load_dlib
    from encoders.embed.network import BATCH

    rows: list[list[object]] = []
    theirs = _timed(rows, "dlib-reference, one process", 16, load_embedder("dlib-reference"), chips)
    embedder = load_dlib()
    embedder(chips[:1])  # compiles
    ours = _timed(rows, "dlib in Keras", BATCH, embedder, chips)
    with ProcessPoolExecutor(cores(), get_context("spawn"), _load_reference) as pool:
        list(pool.map(_reference, np.array_split(chips[: 4 * cores()], cores())))
        _timed(rows, "dlib-reference, a process a core", 16, _Split(pool), chips[:400])
    for embedder.batch in batches:
        embedder(chips[:1])
        _timed(rows, "dlib in Keras", embedder.batch, embedder, chips)
    return rows, ours, theirs


def _timed(
    rows: list[list[object]],
    name: str,
    batch: int,
    embed: Callable[[Chips], NDArray[np.float32]],
    chips: Chips,
) -> NDArray[np.float32]:
    start, busy = time.perf_counter(), _processor_seconds()
    vectors = embed(chips)
    seconds, busy = time.perf_counter() - start, _processor_seconds() - busy
    rate = len(chips) / seconds
    in_here = "-" if isinstance(embed, _Split) else busy / seconds
    first = rows[0][4] if rows else rate
    rows.append([name, batch, len(chips), seconds, rate, in_here, rate / first])
    return vectors


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system


class _Split:
    """dlib's own program in the processes of a pool."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, chips: Chips) -> NDArray[np.float32]:
        return np.concatenate(list(self._pool.map(_reference, np.array_split(chips, cores()))))


def _load_reference() -> None:
    global _reference_embedder
    from encoders.embed import load_embedder

    _reference_embedder = load_embedder("dlib-reference")


def _reference(chips: Chips) -> NDArray[np.float32]:
    return _reference_embedder(chips)


if __name__ == "__main__":
    main()

"""Clips made of real photographs, for ``benchmarks.video``: ``python -m benchmarks.clips out/``.

``pan.mp4``: the camera goes over two group photographs with a cut between them, so that faces come
into view and leave it. ``close-up.mp4``: it runs up to three faces, blurred by its motion, and
cuts to a group. They show real people: keep them where the photographs are.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.video.frames import Frame, Writer
from benchmarks.tables import SHARED

Pixels = NDArray[np.uint8]

#: Width and height of a frame in pixels, and frames a second.
SIZE, RATE = (400, 300), 8
#: Of each clip its shots: a photograph, frames, and where the camera is at the beginning and at
#: the end: the middle and the width of what it sees, in shares of the photograph.
CLIPS = {
    "pan": (
        ("2008_002470.jpg", 8, (0.3, 0.5, 0.6), (0.7, 0.5, 0.6)),
        ("2007_007763.jpg", 8, (0.7, 0.4, 0.6), (0.3, 0.5, 0.6)),
    ),
    "close-up": (
        ("2008_002506.jpg", 10, (0.5, 0.45, 0.95), (0.75, 0.4, 0.4)),
        ("2008_004176.jpg", 6, (0.45, 0.4, 0.8), (0.5, 0.4, 0.7)),
    ),
}
#: Pixels of motion blur a frame, of what moves over the whole picture in a frame.
_BLURRED = 0.5

View = tuple[float, float, float]


def main() -> None:
    """Write the clips."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clips", description=__doc__)
    parser.add_argument("output", type=Path, help="folder for the clips")
    photos = SHARED / "group-photos"
    parser.add_argument("--photos", type=Path, default=photos, help="(default: %(default)s)")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name in CLIPS:
        writer = Writer(options.output / f"{name}.mp4", ".mp4", Fraction(RATE))
        for number, image in enumerate(_frames(name, options.photos)):
            writer.add(Frame(number, Fraction(number, RATE), image))
        writer.close()


def _frames(name: str, photos: Path) -> Iterator[Pixels]:
    from PIL import Image

    for file, count, start, end in CLIPS[name]:
        image = np.asarray(Image.open(photos / file).convert("RGB"))
        for share in np.linspace(0, 1, count):
            view = tuple(np.array(start) * (1 - share) + np.array(end) * share)
            moved = np.abs(np.array(end) - start).max() / count * SIZE[0]
            yield _seen(image, view, round(_BLURRED * moved))


def _seen(image: Pixels, view: View, blur: int) -> Pixels:
    """What a camera sees, moved by so many pixels while the shutter is open."""
    import cv2

    height, width = image.shape[:2]
    factor = SIZE[0] / (view[2] * width)
    move = np.array(
        [
            [factor, 0, SIZE[0] / 2 - factor * view[0] * width],
            [0, factor, SIZE[1] / 2 - factor * view[1] * height],
        ]
    )
    seen = cv2.warpAffine(image, move, SIZE, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    return cv2.blur(seen, (max(blur, 1), 1))


if __name__ == "__main__":
    main()

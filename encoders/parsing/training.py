"""Training the parser on label maps, and how well it agrees with them on faces held out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.keras_backend import load_engine
from encoders.align import ffhq_landmarks
from encoders.faceset import FaceSet
from encoders.latent.faces import is_held_out
from encoders.parsing.classes import CLASSES, mirrored
from encoders.parsing.parser import FRAME, SIZE, Parser, build_parser
from encoders.parsing.polygons import label_map

__all__ = ["Agreement", "agreement", "edges_of", "read_maps", "train"]

Pixels = NDArray[np.uint8]

#: Side of the chip in whose pixels landmarks are first put.
_FINE = 1 << 10
_RATE, _BATCH, _PART = 2e-3, 12, 512
#: Weights of the pixels, of the edges, and of pixels on edges once more, as EAGRNet has them.
_EDGE, _ON_EDGE = 1.0, 1.0
#: How far a found edge may lie from a true one, in pixels of 64.
_NEAR = 1


@dataclass(frozen=True)
class Agreement:
    """How a parser agrees with label maps: ``confusion`` int (10, 10), true by found."""

    confusion: NDArray[np.int64]
    edge_f1: float

    @property
    def iou(self) -> NDArray[np.float64]:
        """Of each class, what both say over what either says."""
        both = np.diag(self.confusion)
        either = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - both
        return both / np.maximum(either, 1)

    @property
    def miou(self) -> float:
        """The mean over classes."""
        return float(self.iou.mean())


def read_maps(faces: Path, held_out: bool) -> tuple[Pixels, Pixels]:
    """Chips uint8 (n, 128, 128, 3) and their label maps; those held out, or the others.

    ``InputError`` where there are none.
    """
    found = FaceSet.read(faces)
    rows = np.flatnonzero([is_held_out(name) == held_out for name in found.image])
    if not len(rows):
        raise InputError(
            f"{faces}: of {len(found):,} faces none is {'held out' if held_out else 'left'} to"
            f" {'measure by, which one person in twenty is' if held_out else 'learn from'}: give"
            " more"
        )
    points = FRAME.points(ffhq_landmarks(found.landmark[rows], _FINE), _FINE, SIZE)
    parts = [rows[i : i + _PART] for i in range(0, len(rows), _PART)]
    chips = np.concatenate([FRAME.cut(found.chips(part), SIZE) for part in parts])
    labels = [label_map(p, SIZE, chip) for p, chip in zip(points, chips, strict=True)]
    return chips, np.stack(labels)


def edges_of(labels: Pixels) -> NDArray[np.float32]:
    """Where two parts meet, of maps (n, s, s), at half the size: float32 (n, s / 2, s / 2, 1)."""
    differ = np.zeros(labels.shape, bool)
    differ[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    differ[:, :, 1:] |= labels[:, :, 1:] != labels[:, :, :-1]
    n, side, _ = labels.shape
    small = np.asarray(differ.reshape(n, side // 2, 2, side // 2, 2).any(axis=(2, 4)))
    return small[..., None].astype(np.float32)


def train(
    chips: Pixels,
    labels: Pixels,
    kpictures: float,
    minutes: float,
    seed: int = 0,
    report: Callable[[int, float], None] | None = None,
) -> Parser:
    """Train from nothing; ``report`` is called with the faces seen and the loss of a batch."""
    load_engine()
    import keras

    keras.utils.set_random_seed(seed)
    network, rng = build_parser(), np.random.default_rng(seed)
    optimizer = keras.optimizers.Adam(_RATE)
    network.compile(optimizer, loss=[_pixel_loss, _edge_loss], loss_weights=[1.0, _EDGE],
                    jit_compile=False)  # fmt: skip
    steps, started = max(1, round(kpictures * 1000 / _BATCH)), time.monotonic()
    for step in range(steps):
        done = max(step / steps, (time.monotonic() - started) / (60 * minutes))
        if done >= 1:
            break
        optimizer.learning_rate = _RATE * 0.5 * (1 + np.cos(np.pi * done))
        pictures, maps = _changed(chips, labels, rng)
        edges = edges_of(maps)
        weight = 1 + _ON_EDGE * edges.repeat(2, axis=1).repeat(2, axis=2)
        target = np.concatenate([maps[..., None].astype(np.float32), weight], axis=-1)
        loss = network.train_on_batch(pictures, [target, edges])
        if report is not None:
            report((step + 1) * _BATCH, float(np.ravel(loss)[0]))
    return Parser(network)


def agreement(parser: Parser, chips: Pixels, labels: Pixels) -> Agreement:
    """Of a parser and label maps; an edge counts as found within a pixel of 64."""
    found, n = parser(chips), len(CLASSES)
    counts = np.bincount(labels.ravel().astype(np.int64) * n + found.ravel(), minlength=n * n)
    true, said = edges_of(labels)[..., 0] > 0, edges_of(found)[..., 0] > 0
    precision = (said & _widened(true)).sum() / max(said.sum(), 1)
    recall = (true & _widened(said)).sum() / max(true.sum(), 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return Agreement(counts.reshape(n, n), float(f1))


def _widened(edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wide = np.pad(edges, ((0, 0), (_NEAR, _NEAR), (_NEAR, _NEAR)))
    side = edges.shape[1]
    moved = [wide[:, y : y + side, x : x + side]
             for y in range(2 * _NEAR + 1) for x in range(2 * _NEAR + 1)]  # fmt: skip
    return np.any(moved, axis=0)


def _pixel_loss(target: Any, scores: Any) -> Any:
    """Cross entropy; the last channel of ``target`` weighs pixels."""
    from keras import ops

    labels = ops.cast(target[..., 0], "int32")
    each = ops.sparse_categorical_crossentropy(labels, scores, from_logits=True)
    return ops.mean(each * target[..., 1]) / ops.mean(target[..., 1])


def _edge_loss(target: Any, odds: Any) -> Any:
    """Cross entropy in which edges and the rest weigh alike."""
    from keras import ops

    share = ops.clip(ops.mean(target), 0.01, 0.99)
    each = ops.softplus(odds) - odds * target
    weight = target * (0.5 / share) + (1 - target) * (0.5 / (1 - share))
    return ops.mean(each * weight)


def _changed(
    chips: Pixels, labels: Pixels, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Pixels]:
    """A batch: turned by 30 degrees at most, scaled by a quarter, moved, half of it mirrored."""
    import cv2

    rows = rng.integers(len(chips), size=_BATCH)
    pictures, maps = [], []
    for row in rows:
        picture, label = chips[row], labels[row]
        if rng.random() < 0.5:
            picture, label = picture[:, ::-1], mirrored(label)
        middle = (SIZE / 2, SIZE / 2)
        turn = cv2.getRotationMatrix2D(middle, rng.uniform(-30, 30), rng.uniform(0.8, 1.25))
        turn[:, 2] += rng.uniform(-6, 6, 2)
        size = (SIZE, SIZE)
        pictures.append(cv2.warpAffine(np.ascontiguousarray(picture), turn, size,
                                       borderMode=cv2.BORDER_REFLECT))  # fmt: skip
        maps.append(cv2.warpAffine(np.ascontiguousarray(label), turn, size,
                                   flags=cv2.INTER_NEAREST))  # fmt: skip
    levels = np.stack(pictures) * rng.uniform(0.7, 1.3, (_BATCH, 1, 1, 1))
    return np.clip(levels, 0, 255).astype(np.float32), np.stack(maps)

"""Training the attribute network on UTKFace, and its errors on held-out faces."""

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
from encoders import expression
from encoders.attributes.network import FACE, SIZE, YEARS, Attributes, build
from encoders.faceset import FaceSet
from encoders.latent.faces import is_held_out

__all__ = [
    *("Labelled", "TrainingConfig"),
    *("errors", "labels_of", "read_utkface", "train"),
]

RACES = ("White", "Black", "Asian", "Indian", "other")
_OLDEST = 116
_READ_AT_ONCE = 512
_RATE = 2e-3
_BLURRED = 0.5


@dataclass(frozen=True)
class Labelled:
    """Faces uint8 (n, 64, 64, 3); ``target`` float32 (n, 4) as the network answers: age in 50
    years, 1 for female, smile and yaw in standard deviations; ``race`` int (n,), to tell errors
    apart by group and for nothing else."""

    face: NDArray[np.uint8]
    target: NDArray[np.float32]
    race: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.face)

    def select(self, rows: NDArray[Any]) -> Labelled:
        """Those of ``rows`` (indices or a mask)."""
        return Labelled(self.face[rows], self.target[rows], self.race[rows])


@dataclass(frozen=True)
class TrainingConfig:
    """The length of a training run: at most ``epochs``, at most ``minutes``."""

    epochs: int = 12
    minutes: float = 8.0
    batch: int = 64
    seed: int = 0


def read_utkface(path: Path) -> tuple[Labelled, Labelled]:
    """To learn from, and one in twenty held out, of a FaceSet of UTKFace.

    The labels are in the names: ``age_gender_race_date.jpg``. Smile and yaw come from the
    landmarks. ``InputError`` for names that are otherwise.
    """
    faces = FaceSet.read(path)
    labels = np.array([labels_of(name) for name in faces.image])
    geometry = np.stack([expression.smile(faces.landmark), expression.yaw(faces.landmark)], axis=1)
    geometry = np.clip((geometry - geometry.mean(axis=0)) / geometry.std(axis=0), -3, 3)
    square = FACE.inverse()
    rows = np.arange(len(faces))
    parts = [rows[i : i + _READ_AT_ONCE] for i in range(0, len(rows), _READ_AT_ONCE)]
    cut = np.concatenate([square.cut(faces.chips(part), SIZE) for part in parts])
    target = np.column_stack([labels[:, 0] / YEARS, labels[:, 1], geometry]).astype(np.float32)
    whole = Labelled(cut, target, labels[:, 2])
    out = np.array([is_held_out(name) for name in faces.image])
    return whole.select(~out), whole.select(out)


def train(
    data: Labelled,
    course: TrainingConfig | None = None,
    report: Callable[[int, float], None] | None = None,
    start: Attributes | None = None,
) -> Attributes:
    """Train from nothing, or on from ``start``.

    ``report`` is called with the faces seen and the loss of a batch.
    """
    load_engine()
    import keras

    course = course or TrainingConfig()
    keras.utils.set_random_seed(course.seed)
    network, rng = build(), np.random.default_rng(course.seed)
    if start is not None:
        network.set_weights(start.network.get_weights())
    optimizer = keras.optimizers.AdamW(_RATE, weight_decay=1e-3)
    network.compile(optimizer, loss=_loss, jit_compile=False)
    shares = _shares(data)
    steps, started = course.epochs * len(data) // course.batch, time.monotonic()
    for step in range(steps):
        done = max(step / steps, (time.monotonic() - started) / (60 * course.minutes))
        if done >= 1:
            break
        optimizer.learning_rate = (
            _RATE * min(1.0, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * done))
        )
        rows = rng.choice(len(data), size=course.batch, p=shares)
        loss = network.train_on_batch(*_changed(data.select(rows), rng))
        if report is not None:
            report((step + 1) * course.batch, float(loss))
    return Attributes(network)


def errors(network: Attributes, data: Labelled) -> list[dict[str, Any]]:
    """A row a group of held-out faces: how many, mean error of age in years, share of genders
    that agree with the label, and the correlation of smile and yaw."""
    raw = np.concatenate(
        [network.network.predict_on_batch(data.face[i : i + 64].astype(np.float32))
         for i in range(0, len(data), 64)]
    )  # fmt: skip
    return [
        {"group": name, **_errors(raw[rows], data.target[rows])}
        for name, rows in _groups(data)
        if rows.sum() > 1
    ]


def _shares(data: Labelled) -> NDArray[np.float64]:
    """How often each face is drawn: the decades of age nearer to each other than they are."""
    decades = np.minimum(data.target[:, 0] * YEARS // 10, 8).astype(int)
    weights = 1 / np.sqrt(np.bincount(decades)[decades])
    return weights / weights.sum()


def labels_of(name: str) -> tuple[int, int, int]:
    """Age in years, 1 for female, and race by UTKFace's name of a picture; InputError otherwise."""
    parts = Path(name).name.split("_")
    if len(parts) != 4 or not all(part.isdecimal() and len(part) < 4 for part in parts[:3]):
        raise InputError(f"{name}: expected a name as UTKFace's, age_gender_race_date.jpg")
    age, gender, race = (int(part) for part in parts[:3])
    if age > _OLDEST or gender > 1 or race >= len(RACES):
        raise InputError(f"{name}: age {age}, gender {gender}, race {race} are none of UTKFace's")
    return age, gender, race


def _loss(target: Any, answer: Any) -> Any:
    from keras import ops

    age = ops.mean(ops.abs(answer[:, 0] - target[:, 0]))
    odds = answer[:, 1]
    gender = ops.mean(ops.softplus(odds) - odds * target[:, 1])
    geometry = ops.mean(ops.abs(answer[:, 2:] - target[:, 2:]))
    return 2 * age + gender + 0.5 * geometry


def _changed(
    data: Labelled, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mirrored (which turns the yaw), moved a little, brighter or darker, every other blurred.

    A generator's pictures are softer than photographs: softness must not make anybody older.
    """
    import cv2

    faces, target = data.face.copy(), data.target.copy()
    for i in range(len(faces)):
        face = faces[i]
        if rng.random() < 0.5:
            face, target[i, 3] = face[:, ::-1], -target[i, 3]
        x, y = rng.uniform(-3, 3, 2)
        scale = np.exp(rng.uniform(-0.08, 0.08))
        middle = (SIZE - 1) / 2
        moved = np.array(
            [[scale, 0, middle * (1 - scale) + x], [0, scale, middle * (1 - scale) + y]]
        )
        face = cv2.warpAffine(
            np.ascontiguousarray(face), moved, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT
        )
        if rng.random() < _BLURRED:
            face = cv2.GaussianBlur(face, (0, 0), rng.uniform(0.4, 2.0))
        faces[i] = face
    levels = faces.astype(np.float32) * rng.uniform(0.7, 1.3, (len(faces), 1, 1, 1))
    return np.clip(levels, 0, 255).astype(np.float32), target


def _groups(data: Labelled) -> list[tuple[str, NDArray[np.bool_]]]:
    years, female = data.target[:, 0] * YEARS, data.target[:, 1] > 0.5
    bands = ((0, 13), (13, 25), (25, 40), (40, 60), (60, 200))
    return [
        ("all", np.ones(len(data), bool)),
        ("labelled male", ~female),
        ("labelled female", female),
        *((f"age {low} to {high - 1}", (years >= low) & (years < high)) for low, high in bands),
        *((f"labelled {name}", data.race == i) for i, name in enumerate(RACES)),
    ]


def _errors(raw: NDArray[np.float32], target: NDArray[np.float32]) -> dict[str, Any]:
    agree = (raw[:, 1] > 0) == (target[:, 1] > 0.5)
    smile, yaw = (_correlation(raw[:, i], target[:, i]) for i in (2, 3))
    return {
        "faces": len(raw),
        "age_error": round(float(np.abs(raw[:, 0] - target[:, 0]).mean() * YEARS), 2),
        "age_bias": round(float((raw[:, 0] - target[:, 0]).mean() * YEARS), 2),
        "gender_agrees": round(float(agree.mean()), 4),
        "smile_correlation": round(smile, 3),
        "yaw_correlation": round(yaw, 3),
    }


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Pearson's; 0 where all are alike."""
    spread = a.std() * b.std()
    return float(np.mean((a - a.mean()) * (b - b.mean())) / spread) if spread > 0 else 0.0

"""Synthetic people with telling names, and what the tests of a release share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from encoders.faceset import FaceSet
from encoders.faceset_file import BYSTANDER_COLUMNS, LEDGER_COLUMNS

SIDE, PEOPLE, K = 32, 48, 4
SECRET = "correct horse battery staple"  # noqa: S105 - of a test


def people(seed: int = 0) -> pd.DataFrame:
    """A row a face: person (number), identity, image and columns."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(PEOPLE), rng.integers(1, 4, PEOPLE))
    identity = [f"Ophelia_Quill_{i:02d}" for i in who]
    return pd.DataFrame(
        {
            "person": who,
            "identity": identity,
            "image": [f"{name}/IMG_zq{i:04d}.jpg" for i, name in enumerate(identity)],
            "age": 20 + who % 50,
            "gender": np.where(who % 3, "female", "male"),
            "born": [f"{1950 + i % 40}-03-0{1 + i % 9}" for i in who],
            "remark": [f"likes pears, number {i}" for i in who],
        }
    )


def write_faces(path: Path, table: pd.DataFrame) -> Path:
    """A faces.h5 of smooth random pictures, alike for one person."""
    rng = np.random.default_rng(1)
    base = rng.normal(size=(PEOPLE, 16))
    who = table["person"].to_numpy()
    embedding = 3 * base[who] + 0.02 * rng.normal(size=(len(who), 16))
    ledger = [(name, 1, 1, "00" * 32, "faces", "", 1, 0, 80.0) for name in table["image"]]
    FaceSet(
        embedding=embedding.astype(np.float32),
        image=table["image"].to_numpy(str),
        box=np.tile(np.array([1, 2, 30, 40], np.int32), (len(who), 1)),
        landmark=np.zeros((len(who), 68, 2), np.float32),
        identity=table["identity"].to_numpy(str),
        quality=np.ones(len(who), np.float32),
        ledger=pd.DataFrame(ledger, columns=list(LEDGER_COLUMNS)),
        bystanders=pd.DataFrame([], columns=list(BYSTANDER_COLUMNS)),
        attribute={n: table[n].to_numpy() for n in ("age", "gender", "born", "remark")},
        meta={
            "extractor": "dlib",
            "extractor_sha256": "ab" * 32,
            "alignment": "dlib-5-150-0.25",
            "chip_alignment": f"ffhq-68-{SIDE}",
            "chip_size": SIDE,
            "identity": "folder",
        },
    ).write(path, [_chip(int(number), rng) for number in who])
    return path


def _chip(number: int, rng: np.random.Generator) -> np.ndarray:
    own = np.random.default_rng(100 + number)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    waves = sum(np.sin(6.3 * (own.normal() * 3 * x + own.normal() * 3 * y)) for _ in range(8))
    grey = 128 + 14 * waves + rng.normal(size=(SIDE, SIDE))
    return np.clip(np.stack([grey, grey * 0.9, grey * 0.8], axis=2), 0, 255).astype(np.uint8)


def contents(root: Path) -> dict[str, bytes]:
    """Every file under ``root`` with its bytes."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}

"""A folder of hostile inputs, and a FaceSet small enough to damage."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pictures
import pytest
from PIL import Image
from support import build_once

from encoders.faceset import FaceSet
from encoders.faceset_file import BYSTANDER_COLUMNS, LEDGER_COLUMNS


@pytest.fixture(scope="session")
def face(portraits: list[Path]) -> Image.Image:
    return Image.open(portraits[0]).convert("RGB")


@pytest.fixture(scope="session")
def hostile(
    tmp_path_factory: pytest.TempPathFactory, portraits: list[Path], face: Image.Image
) -> Path:
    """Everything that a folder of photographs should not hold, and a few good ones."""
    build = partial(_build_hostile, portraits=portraits, face=face)
    return build_once(tmp_path_factory, "hostile", build) / "hostile"


def _build_hostile(folder: Path, portraits: list[Path], face: Image.Image) -> None:
    outside, root = folder / "outside", folder / "hostile"
    outside.mkdir()
    face.save(outside / "secret.png")
    root.mkdir()
    pictures.damaged(root / "damaged", face)
    pictures.unusual(root / "unusual", face)
    pictures.names(root / "names", face)
    pictures.links(root / "links", outside)
    pictures.save(Image.new("RGB", (300, 200), (90, 120, 40)), root / "crowds/nobody.png")
    pictures.save(pictures.crowd(portraits), root / "crowds/twenty.png")
    (root / "README").write_text("not a photograph")
    (root / "people.csv").write_text("image,name\n")


@pytest.fixture
def small_faces(tmp_path: Path) -> FaceSet:
    """Three faces of two photographs with chips of 16 px, written to ``faces.h5``."""
    rng = np.random.default_rng(0)
    ledger = pd.DataFrame(
        [
            ("a.png", 10, 1, "00", "faces", "", 1, 1, 40.0),
            ("b/ü.png", 11, 2, "01", "faces", "", 2, 0, 40.0),
        ],
        columns=list(LEDGER_COLUMNS),
    )
    bystanders = pd.DataFrame([("a.png", 1, 2, 3, 4, 0.5)], columns=list(BYSTANDER_COLUMNS))
    faces = FaceSet(
        embedding=rng.normal(size=(3, 4)).astype(np.float32),
        image=np.array(["a.png", "b/ü.png", "b/ü.png"]),
        box=rng.integers(-5, 99, (3, 4)).astype(np.int32),
        landmark=rng.normal(size=(3, 68, 2)).astype(np.float32),
        identity=np.array(["", "Zoë", "\\x0a"]),
        quality=np.array([0, 0.5, 1], np.float32),
        attribute={"age": np.array([30, 40, 50]), "mood": np.array(["glad", "", "sad"])},
        ledger=ledger,
        bystanders=bystanders,
        meta={
            "extractor": "dlib",
            "extractor_sha256": "00",
            "alignment": "dlib-5-150-0.25",
            "chip_alignment": "ffhq-68-16",
            "chip_size": 16,
        },
    )
    return faces.write(tmp_path / "faces.h5", pictures.small_chips())

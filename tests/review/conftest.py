"""A run of ``anonymize`` over three photographs, to be corrected; and a browser."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonfaces.anonymize import anonymize

sys.path.append(str(Path(__file__).resolve().parent.parent / "report"))  # chromium_pipe

Pixels = NDArray[np.uint8]


def wall(width: int, height: int) -> Pixels:
    stripes = np.indices((height, width)).sum(0) // 8 % 2
    return np.repeat(np.uint8(90 + 40 * stripes)[..., None], 3, axis=2)


@pytest.fixture(scope="session")
def run(portraits: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``photographs/`` and what anonymize made of them, ``out``: done once."""
    root = tmp_path_factory.mktemp("run")
    photographs = root / "photographs"
    photographs.mkdir()
    for name, path in zip(("a", "b"), portraits, strict=False):
        image = wall(400, 220)
        image[20:180, 20:180] = np.asarray(Image.open(path).convert("RGB").resize((160, 160)))
        Image.fromarray(image).save(photographs / f"{name}.png")
    Image.fromarray(wall(200, 160)).save(photographs / "c.png")
    anonymize(photographs, root / "out", surrogate="solid", detector="mtcnn")
    return root


@pytest.fixture
def output(run: Path, tmp_path: Path) -> Path:
    """A copy of the folder that anonymize made of ``a.png``, ``b.png``; ``c.png`` is faceless."""
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    record = tmp_path / "out.detections.json"
    values = json.loads(record.read_text())
    values["root"] = str(tmp_path / "photographs")
    record.write_text(json.dumps(values))
    return tmp_path / "out"

"""What is to be grouped, as the files say it, and what is missing in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anonbase.errors import InputError
from anonfaces.condensation.gather import from_file
from encoders.faceset import FaceSet
from encoders.faceset_file import BYSTANDER_COLUMNS, LEDGER_COLUMNS


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Two faces of two people, whose city is known."""
    image = np.array(["a.png", "b.png"])
    ledger = [(name, 1, 1, "00" * 32, "faces", "", 1, 0, 80.0) for name in image]
    made = FaceSet(
        embedding=np.eye(2, 4, dtype=np.float32),
        image=image,
        box=np.full((2, 4), [1, 2, 30, 40], np.int32),
        landmark=np.zeros((2, 68, 2), np.float32),
        identity=np.array(["Ada", "Grace"]),
        quality=np.ones(2, np.float32),
        ledger=pd.DataFrame(ledger, columns=list(LEDGER_COLUMNS)),
        bystanders=pd.DataFrame(columns=list(BYSTANDER_COLUMNS)).astype(BYSTANDER_COLUMNS),
        meta=dict.fromkeys(("extractor", "extractor_sha256", "alignment", "chip_alignment"), "dlib")
        | {"chip_size": 4},
        attribute={"city": np.array(["London", "New York"])},
    )
    return made.write(tmp_path / "faces.h5", [np.zeros((4, 4, 3), np.uint8)] * 2).path or tmp_path


def test_columns_that_are_there_are_known(faces: Path) -> None:
    found = from_file(faces, None, ("city",))
    assert found.attribute["city"].tolist() == ["London", "New York"]


def test_a_column_that_is_not_there_is_told_with_where_it_would_come_from(faces: Path) -> None:
    message = r"no column 'age' \(their columns: city\).*encoders .*--identity csv:FILE:COLUMN"
    with pytest.raises(InputError, match=message):
        from_file(faces, None, ("city", "age"))

"""The contact sheet shows who is in a group beside what each method makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonfaces import group
from anonfaces.cluster import Groups
from anonfaces.errors import InputError
from anonfaces.report.contact import contact, contact_sheet
from anonfaces.synthesize import load_surrogate, surrogates
from encoders import FaceSet, encode


@pytest.fixture(scope="module")
def condensed(portraits: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six synthetic people in two groups, and the faces they were made of."""
    folder = tmp_path_factory.mktemp("condensed")
    for picture in portraits[:6]:
        person = folder / "photos" / picture.parent.name
        person.mkdir(parents=True)
        (person / picture.name).write_bytes(picture.read_bytes())
    faces = encode(folder / "photos", folder / "faces.h5", chip_size=128, jobs=1)
    group(faces.embedding, 3, faces.identity).write(folder)
    return folder


def tile(sheet: Image.Image, column: int, row: int) -> np.ndarray:
    apart = 6 if column >= 5 else 0
    corner = (3 + apart + column * 134, 30 + row * 134)
    return np.asarray(sheet.crop((*corner, corner[0] + 128, corner[1] + 128)))


def test_members_and_methods_stand_in_one_line(condensed: Path) -> None:
    faces, groups = FaceSet.read(condensed / "faces.h5"), Groups.read(condensed)
    sheet = contact_sheet(condensed, ["k-same", "k-same-m"], rows=2)
    assert sheet.size == (7 * 134 + 12, 30 + 2 * 134)
    for row in range(2):
        rows = np.flatnonzero(groups.labels == row)
        for column, chip in enumerate(faces.chips(rows)):
            np.testing.assert_array_equal(tile(sheet, column, row), chip)
        assert (tile(sheet, 4, row) == 255).all()  # a group of three leaves two places empty
        for column, method in enumerate(("k-same", "k-same-m"), start=5):
            made = surrogates(faces, groups.labels, groups.identity, load_surrogate(method))
            np.testing.assert_array_equal(tile(sheet, column, row), dict(made)[row])


def test_it_is_written_where_asked_and_nowhere_else(condensed: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in condensed.iterdir())
    contact(condensed, tmp_path / "sheet.png", ["k-same"], 1)
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (6 * 134 + 12, 164)
    assert sorted(path.name for path in condensed.iterdir()) == before


def test_what_cannot_be_shown_is_refused(condensed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no surrogate method"):
        contact_sheet(condensed, ["blur"])
    with pytest.raises(InputError, match=r"nothing\.h5.*--faces"):
        contact_sheet(condensed, ["k-same"], faces=tmp_path / "nothing.h5")
    half = FaceSet.read(condensed / "faces.h5").select(np.arange(3)).write(tmp_path / "half.h5")
    with pytest.raises(InputError, match="holds 3 faces, and 6"):
        contact_sheet(condensed, ["k-same"], faces=half.path)

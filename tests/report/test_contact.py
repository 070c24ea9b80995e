"""The contact sheet shows who is in a group beside what each method makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonbase.errors import GuaranteeError, InputError
from anonfaces import group
from anonfaces.cluster import Groups
from anonfaces.report.contact import _made, contact, contact_sheet
from anonfaces.synthesize import Members, load_surrogate, surrogates
from anonfaces.synthesize.k_same.average import KSame
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


class Choosy(KSame):
    """k-Same that is given all groups at once, and refuses one of them."""

    def __init__(self, refused: int | None = None) -> None:
        self.refused, self.asked = refused, list[list[int]]()

    def many(
        self, groups: Iterable[tuple[int, Members]]
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        given = dict(groups)
        self.asked.append(list(given))
        if self.refused in given:
            raise GuaranteeError("no face")
        for number, members in given.items():
            yield number, self(members)


@pytest.mark.parametrize(
    ("refused", "asked", "made"), [(None, [[0, 1]], [0, 1]), (1, [[0, 1], [0], [1]], [0])]
)
def test_a_method_is_asked_for_all_groups_at_once(
    condensed: Path, refused: int | None, asked: list[list[int]], made: list[int]
) -> None:
    faces, groups = FaceSet.read(condensed / "faces.h5"), Groups.read(condensed)
    method = Choosy(refused)
    found = _made(faces, groups, method, [0, 1])
    assert method.asked == asked
    alone = dict(surrogates(faces, groups.labels, groups.identity, KSame()))
    assert list(found) == made
    assert all((found[number] == alone[number]).all() for number in made)


def test_progress_is_shown_unless_quiet(
    condensed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contact(condensed, tmp_path / "loud.png", ["k-same"], 1)
    loud = capsys.readouterr()
    assert "1/1" in loud.err
    assert "keep it to yourself" in loud.out
    contact(condensed, tmp_path / "quiet.png", ["k-same"], 1, quiet=True)
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "quiet.png").read_bytes() == (tmp_path / "loud.png").read_bytes()


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


def test_a_file_is_no_condensed_dataset(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match="no condensed dataset"):
        contact_sheet(tmp_path / "a.txt", ["k-same"])

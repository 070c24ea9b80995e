"""Crops of faces: which, how they are cut, and that a run goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonbase.errors import InputError, OutputError
from anonbase.files import is_resumable
from encoders.crops import CropsConfig, centered_square, cut_square, make_crops

Pixels = NDArray[np.uint8]


class Bright:
    """Finds what is brighter than its ground: the whole bright box is one face."""

    def __init__(self, stop_at: int = 99) -> None:
        self.seen, self.stop_at = 0, stop_at

    def rectangles(
        self, image: Pixels, probability: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        self.seen += 1
        if self.seen > self.stop_at:
            raise KeyboardInterrupt
        found = []
        for color, sure in ((255, 0.99), (200, 0.8)):
            row, column = np.nonzero(image[..., 0] == color)
            if len(row) and sure >= probability:
                found.append([column.min(), row.min(), column.max() + 1, row.max() + 1, sure])
        rows = np.array(found, np.float64).reshape(-1, 5)[::-1]
        return rows[:, :4], rows[:, 4]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "ada").mkdir(parents=True)
    wide, small = np.zeros((120, 200, 3), np.uint8), np.zeros((120, 200, 3), np.uint8)
    wide[20:100, 10:80] = 255
    wide[10:110, 100:190] = 200
    small[0:40, 0:90] = 255
    Image.fromarray(wide).save(folder / "ada" / "two.png")
    Image.fromarray(small).save(folder / "small.png")
    Image.fromarray(np.zeros((99, 99, 3), np.uint8)).save(folder / "empty.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.mark.parametrize(
    ("box", "square"),
    [
        ([10, 20, 110, 120], [10, 20, 110, 120]),
        ([-20, 10, 100, 90], [10, 10, 90, 90]),
        ([10, 10, 80, 210], [10, 75, 80, 145]),
        ([10, 10, 73, 210], None),
        ([150, 10, 400, 90], None),
    ],
)
def test_a_box_is_clipped_and_its_middle_square_is_taken(
    box: list[int], square: list[int] | None
) -> None:
    found = centered_square(np.array(box, np.float64), (300, 200, 3), 64)
    assert (None if found is None else found.tolist()) == square


def test_a_square_is_cut_at_the_size_that_is_asked_for() -> None:
    image = np.zeros((90, 90, 3), np.uint8)
    image[:45] = 200
    for size in (30, 90, 200):
        crop = cut_square(image, np.array([0, 0, 90, 90]), size)
        assert crop.shape == (size, size, 3)
        assert abs(crop.mean() - 100) < 2


def test_the_surest_face_or_all_of_them_and_the_counts(photos: Path, tmp_path: Path) -> None:
    done = make_crops(photos, tmp_path / "one", finder=Bright(), progress=False)
    assert (done.photographs, done.crops, done.small, done.new) == (4, 1, 1, 4)
    assert done.outcomes == {"faces": 1, "too small": 1, "no face": 1, "unreadable": 1}
    with Image.open(tmp_path / "one" / "ada" / "two.png.0.png") as crop:
        assert crop.size == (64, 64)
        assert np.asarray(crop).min() == 255
    with Image.open(done.sheet) as sheet:
        assert sheet.size == (4 * 320, 160)
    every = CropsConfig(every_face=True, size=32)
    done = make_crops(photos, tmp_path / "all", every, finder=Bright(), progress=False)
    assert done.crops == 2
    assert (tmp_path / "all" / "ada" / "two.png.1.png").is_file()


def test_what_is_done_is_not_done_again(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "crops"
    with pytest.raises(KeyboardInterrupt) as stop:
        make_crops(photos, output, finder=Bright(stop_at=1), progress=False)
    assert is_resumable(stop.value)
    finder = Bright()
    done = make_crops(photos, output, finder=finder, progress=False)
    assert done.new < done.photographs == 4
    assert done.crops == 1
    assert make_crops(photos, output, finder=finder, progress=False).new == 0
    other = CropsConfig(probability=0.9)
    assert make_crops(photos, output, other, finder=finder, progress=False).new == 4
    (photos / "small.png").unlink()
    assert make_crops(photos, output, other, finder=finder, progress=False).photographs == 3


def test_a_ledger_that_was_cut_off_in_the_middle_of_a_line_is_read(
    photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "crops"
    make_crops(photos, output, finder=Bright(), progress=False)
    ledger = output / "crops.csv"
    ledger.write_text(ledger.read_text()[:-9])
    assert make_crops(photos, output, finder=Bright(), progress=False).new == 1


def test_an_output_inside_of_the_photographs_is_refused(photos: Path) -> None:
    with pytest.raises(OutputError):
        make_crops(photos, photos / "crops", finder=Bright())


@pytest.mark.parametrize(
    "options", [{"size": 4}, {"smallest": 0}, {"probability": 0.5}, {"probability": 1.0}]
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError):
        CropsConfig(**options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_mtcnns_own_boxes_hold_the_face(portraits: list[Path]) -> None:
    from encoders.detect.mtcnn import MtcnnDetector

    image = np.asarray(Image.open(portraits[0]).convert("RGB"))
    boxes, probability = MtcnnDetector().rectangles(image, 0.7)
    assert len(boxes) >= 1
    assert probability.max() >= 0.7
    left, top, right, bottom = boxes[probability.argmax()]
    assert left < image.shape[1] / 2 < right
    assert bottom - top > 0.3 * len(image)

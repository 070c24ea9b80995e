"""Inputs that went wrong once, whole: each stands for a kind, and no person in them exists.

The other rows of the same table are tested where their code is: formats and long names in
``encoders``, videos and animations in ``anonymize``, tables of people in ``test_people_table``.
"""

from __future__ import annotations

import json
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import run_command

from anonbase.errors import GuaranteeError, InputError, PrivacyWarning
from anonfaces.anonymize import anonymize
from anonfaces.cluster import group
from anonfaces.cluster.inputs import read_input
from encoders.detect import load_detector

Pixels = NDArray[np.uint8]

#: Sides of the faces on the canvas, in pixels, and where their pictures' corners lie.
FACES = {45: [(40, 640), (320, 700), (600, 620)], 70: [(900, 60), (1200, 120), (1480, 700)]}
#: Sides of the sample's pictures to those of the faces in them.
PICTURE = 1.25


def shown(path: Path, side: int) -> Pixels:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS))


@pytest.fixture
def canvas(portraits: list[Path], tmp_path: Path) -> tuple[Path, list[tuple[int, int, int]]]:
    """One large face and six small ones, larger than a tile: corners and sides of pictures."""
    image = np.full((820, 1640, 3), 128, np.uint8)
    image += np.random.default_rng(0).integers(0, 40, image.shape, np.uint8)
    places = [(420, 60, 480)]
    places += [(x, y, round(side * PICTURE)) for side in FACES for x, y in FACES[side]]
    for (x, y, side), portrait in zip(places, portraits[10:], strict=False):
        image[y : y + side, x : x + side] = shown(portrait, side)
    path = tmp_path / "canvas.png"
    Image.fromarray(image).save(path, compress_level=1)
    return path, places


def test_small_faces_beside_a_large_one_are_covered(
    canvas: tuple[Path, list[tuple[int, int, int]]], tmp_path: Path
) -> None:
    path, places = canvas
    with warnings.catch_warnings():
        warnings.simplefilter("error", PrivacyWarning)
        done = anonymize(path, tmp_path / "out", surrogate="solid", detector="mtcnn")
    grey = (shown_whole(done.folder / path.name) == 128).all(axis=2)
    for x, y, side in places:
        inner = slice(y + side // 4, y + 3 * side // 4), slice(x + side // 4, x + 3 * side // 4)
        assert grey[inner].mean() > 0.9, (x, y, side)
    (record,) = json.loads(done.record.read_text())["pictures"]
    assert record["smallest_face"] <= 20


def shown_whole(path: Path) -> Pixels:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize("name", ["hog", "mtcnn", "cnn"])
def test_memory_is_that_of_a_tile_however_large_the_picture(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MTCNN compares all candidates of a tile with one another: a crowd of 9 MP took 8 GB."""
    detector = load_detector(name, 0)
    tiles: list[int] = []

    def look(tile: Pixels, *_: object) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        tiles.append(tile.shape[0] * tile.shape[1])
        return np.empty((0, 4)), np.empty(0)

    monkeypatch.setattr(detector, "_find", look)
    detector.scored(np.zeros((3000, 3000, 3), np.uint8))
    most = {"hog": 2048, "mtcnn": 640, "cnn": 2048}[name]
    assert max(tiles) <= most**2
    assert sum(tiles) >= 3000**2


def test_a_name_in_two_unicode_forms_does_not_make_two_people(
    everybody: list[list[Path]], tmp_path: Path
) -> None:
    twice = [pictures for pictures in everybody if len(pictures) > 1]
    for name, pictures in zip(["José Añorga", "Gerhard Schröder"], twice, strict=False):
        for form, picture in zip(("NFC", "NFD"), pictures, strict=False):
            folder = tmp_path / "in" / unicodedata.normalize(form, name)
            folder.mkdir(parents=True)
            (folder / "0.jpg").write_bytes(picture.read_bytes())
    words = ["in", "--k", 2, "--identity", "folder", "--surrogate", "k-same", "-o", "out"]
    done = run_command("anonfaces.cluster", *words, cwd=tmp_path)
    assert done.code == 0, done.err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["people"], summary["groups"], summary["faces"]) == (2, 1, 4)
    refused = run_command("anonfaces.cluster", "in", "--k", 3, *words[3:-1], "three", cwd=tmp_path)
    assert refused.code == 2
    assert "of 2 (4 photographs)" in refused.err


def test_a_refusal_of_k_names_the_photographs_that_could_not_be_read(
    portraits: list[Path], tmp_path: Path
) -> None:
    for number in range(4):
        (tmp_path / "in" / f"person {number}").mkdir(parents=True)
        data = portraits[number].read_bytes()
        whole = data if number == 0 else data[: len(data) // 3] if number < 3 else b""
        (tmp_path / "in" / f"person {number}" / "0.jpg").write_bytes(whole)
    words = ["in", "--k", 2, "--identity", "folder", "--surrogate", "k-same", "-o", "out"]
    done = run_command("anonfaces.cluster", *words, cwd=tmp_path)
    assert done.code == 2
    assert "3 photographs gave no face" in done.err
    assert all(f"person {number}/0.jpg" in done.err for number in (1, 2, 3))
    assert not (tmp_path / "out").exists()


def test_nothing_is_kept_where_no_photograph_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_text("a text")
    (tmp_path / "in" / "b.png").write_bytes(b"")
    refused = run_command("anonfaces.cluster", "in", "-o", "out", "--quiet", cwd=tmp_path)
    assert refused.code == 2
    (message,) = refused.err.splitlines()
    assert "2 photographs gave no face: a.jpg (not a photograph in a supported format)" in message
    assert message.endswith("b.png (the file is empty); convert what cannot be read to JPEG or PNG,"
                            " or give another folder")  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_spellings_of_one_value_are_no_diversity(cases: Path) -> None:
    table = pd.read_csv(cases / "people_csv" / "spellings_of_a_value.csv")
    values = np.random.default_rng(0).normal(size=(len(table), 3))
    ages = {"attributes": {"age": table["age"]}, "l_diversity": {"age": 3}}
    with (
        pytest.warns(PrivacyWarning, match="differ by case"),
        pytest.raises(GuaranteeError, match="age"),
    ):
        group(values, 2, np.arange(len(table)), effort="fast", **ages)


def test_numbers_that_name_a_row_are_no_dimensions(cases: Path) -> None:
    for path in sorted((cases / "vectors").iterdir()):
        with pytest.raises(InputError, match="--leave-out"):
            read_input(path)
    named = read_input(
        cases / "vectors" / "label_and_id.csv", identity_column="subject_id", leave_out=["label"]
    )
    assert named.columns == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("name", "message"),
    [("web_page", "a web page"), ("lfs_pointer", "git lfs pull"), ("empty", "empty")],
)
def test_what_came_in_place_of_a_checkpoint_is_called_by_its_name(
    cases: Path, name: str, message: str, tmp_path: Path
) -> None:
    path = cases / "checkpoints" / f"{name}.pkl"
    done = run_command("stylegan.convert", path, "out", cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "out").exists()

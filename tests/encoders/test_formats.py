"""What lies among photographs besides JPEG and PNG: other formats, several frames, videos."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from pictures import save
from PIL import Image, features

from anonbase.errors import InputError
from anonbase.files import atomic_write, remove_stale
from encoders.photographs.reading import decode, frame_count
from encoders.photographs.walk import VIDEO, find_photographs
from encoders.run.pipeline import encode

FRAMES = {"two.gif": "GIF", "two.webp": "WEBP", "two.tif": "TIFF", "two.jpg": "MPO"}


@pytest.fixture(scope="module")
def faces(portraits: list[Path]) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in portraits[:2]]


def _save_two(faces: list[Image.Image], path: Path, kind: str) -> None:
    faces[0].save(path, kind, save_all=True, append_images=faces[1:])


@pytest.mark.parametrize(("name", "kind"), FRAMES.items())
def test_the_first_frame_is_read_and_all_are_counted(
    tmp_path: Path, faces: list[Image.Image], name: str, kind: str
) -> None:
    _save_two(faces, tmp_path / name, kind)
    data = (tmp_path / name).read_bytes()
    assert frame_count(data) == 2
    error = np.abs(decode(data).astype(int) - np.array(faces[0]).astype(int)).mean()
    assert error < 20  # a GIF has 256 colours


def test_one_frame_is_one_and_damage_is_one(faces: list[Image.Image], tmp_path: Path) -> None:
    save(faces[0], tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    assert frame_count(data) == frame_count(data[:40]) == frame_count(b"") == 1


@pytest.mark.parametrize("name", ["a.avif", "a.heic", "phone"])
def test_formats_of_telephones_are_read(
    tmp_path: Path, faces: list[Image.Image], name: str
) -> None:
    if name == "a.avif":
        if not features.check("avif"):
            pytest.skip("this Pillow was built without AVIF")
        faces[0].save(tmp_path / name, "AVIF", quality=90)
    else:
        heif = pytest.importorskip("pillow_heif")
        heif.from_pillow(faces[0]).save(tmp_path / name, quality=90, format="HEIF")
    (photograph,) = find_photographs(tmp_path).photographs
    assert photograph.path == name
    error = np.abs(decode((tmp_path / name).read_bytes()).astype(int) - np.array(faces[0]))
    assert error.mean() < 10


def test_a_run_lists_videos_and_frames_that_nobody_looked_at(
    tmp_path: Path, faces: list[Image.Image]
) -> None:
    """One person in two spellings of a folder's name, pictures of two frames, and a video."""
    root = tmp_path / "photos"
    for form, kind in (("NFC", "one.jpg"), ("NFD", "two.gif")):
        (root / unicodedata.normalize(form, "José")).mkdir(parents=True, exist_ok=True)
        folder = root / unicodedata.normalize(form, "José")
        if kind == "two.gif":
            _save_two(faces, folder / kind, "GIF")
        else:
            save(faces[0], folder / kind, quality=95)
    (root / "party.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    found = encode(root, tmp_path / "f.h5", extractor="dlib-reference", jobs=1, progress=False,
                   identity="folder")  # fmt: skip
    assert set(found.identity.tolist()) == {"José"}
    ledger = found.ledger.set_index(found.ledger["path"].map(lambda path: path.rsplit("/")[-1]))
    assert ledger.loc["party.mp4", "outcome"] == VIDEO
    assert "first of 2 frames" in ledger.loc["two.gif", "reason"]
    assert ledger.loc["one.jpg", "reason"] == ""
    assert set(ledger.loc[["one.jpg", "two.gif"], "smallest_face"]) == {40.0}


def test_a_folder_of_videos_alone_is_no_folder_of_photographs(tmp_path: Path) -> None:
    (tmp_path / "party.avi").write_bytes(b"RIFF\0\0\0\0AVI ")
    with pytest.raises(InputError, match=r"1 other file: party\.avi"):
        find_photographs(tmp_path)


@pytest.mark.parametrize("name", ["a" * 250 + ".jpg", "é" * 125 + ".jpg", "short.jpg"])
def test_names_of_any_length_can_be_written_beside(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with atomic_write(path) as beside:
        beside.write_bytes(b"x")
        left = beside.with_name(beside.name[:-8] + "left.new")
        left.write_bytes(b"half")
    assert path.read_bytes() == b"x"
    remove_stale(path)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_long_names_stay_apart_and_writable(tmp_path: Path) -> None:
    from anonfaces.anonymize.pictures import names, write_picture

    originals = ["b" * 250 + ".bmp", "b" * 249 + "c.bmp", "d" * 250 + ".jpg"]
    made = names(originals, rename=False)
    assert len(set(made)) == 3
    for name in made:
        write_picture(tmp_path, name, np.zeros((4, 4, 3), np.uint8))
    assert len(list(tmp_path.iterdir())) == 3

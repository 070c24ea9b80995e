from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from pictures import jpeg, png_header
from PIL import Image

from anonbase.errors import InputError
from encoders.photographs.reading import UnreadableImageError, decode, read_bytes
from encoders.photographs.walk import Refused, find_photographs

RAMP = np.linspace(0, 65535, 64 * 64).reshape(64, 64)


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "expected"),
    [
        ("RGB", (200, 30, 60), "BMP", (200, 30, 60)),
        ("RGB", (200, 30, 60), "WEBP", (200, 30, 60)),
        ("L", 77, "PNG", (77, 77, 77)),
        ("1", 1, "PNG", (255, 255, 255)),
        ("LA", (0, 0), "PNG", (255, 255, 255)),
        ("LA", (40, 255), "PNG", (40, 40, 40)),
        ("RGBA", (0, 0, 0, 128), "PNG", (127, 127, 127)),
        ("CMYK", (0, 255, 255, 0), "TIFF", (255, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "JPEG", (254, 0, 0)),
        ("P", 0, "GIF", (0, 0, 0)),
        ("I;16", 32768, "PNG", (128, 128, 128)),
        ("I", 32768, "TIFF", (128, 128, 128)),
        ("F", 0.5, "TIFF", (128, 128, 128)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(
    mode: str, colour: object, kind: str, expected: tuple[int, int, int]
) -> None:
    pixels = decode(_encoded(Image.new(mode, (16, 16), colour), kind))
    assert pixels.shape == (16, 16, 3)
    assert np.abs(pixels.astype(int) - expected).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_and_not_clipped(kind: str) -> None:
    pixels = decode(_encoded(Image.fromarray(RAMP.astype(np.uint16)), kind))
    np.testing.assert_allclose(pixels[:, :, 0], RAMP / 257, atol=0.51)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_puts_the_picture_upright(orientation: int) -> None:
    upright = np.arange(6 * 4, dtype=np.uint8).reshape(4, 6)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.ascontiguousarray(stored))
    np.testing.assert_array_equal(decode(_encoded(picture, "PNG", exif=exif))[:, :, 0], upright)


@pytest.mark.parametrize(
    ("data", "outcome", "reason"),
    [
        (b"", "unreadable", "empty"),
        (b"I am a picture, honestly", "unreadable", "not a photograph"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "unreadable", "not a photograph"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "unreadable", ""),
        (png_header(50_000, 50_000), "too large", "50000 x 50000"),
        (png_header(4000, 4000), "unreadable", ""),
        (jpeg(Image.effect_noise((99, 99), 50))[:2000], "unreadable", "truncated"),
    ],
)
def test_what_cannot_be_used_says_why(data: bytes, outcome: str, reason: str) -> None:
    with pytest.raises(UnreadableImageError) as message:
        decode(data)
    assert message.value.outcome == outcome
    assert reason in message.value.reason
    assert message.value.reason


def test_the_limit_counts_pixels_and_can_be_raised() -> None:
    data = _encoded(Image.new("L", (40, 30)), "PNG")
    assert decode(data, max_pixels=1200).shape == (30, 40, 3)
    with pytest.raises(UnreadableImageError, match="--max-pixels"):
        decode(data, max_pixels=1199)


def test_the_walk_lists_what_is_a_photograph_and_refuses_what_leads_out(hostile: Path) -> None:
    walk = find_photographs(hostile)
    paths = [photograph.path for photograph in walk.photographs]
    assert paths == sorted(paths)
    assert {p.split("/")[1] for p in paths if p.startswith("names/")} == {
        "new\\x0aline.png",
        "not\\xffutf8.png",
        "back\\\\x41slash.png",
        "no_extension",
    }
    assert [p for p in paths if p.startswith("links/")] == ["links/inside.png"]
    assert walk.refused == [
        Refused("damaged/pipe.jpg", "not a file", "a pipe, a socket or a device"),
        Refused("links/loop", "refused", "a link to a folder"),
        Refused("links/nowhere.png", "unreadable", "No such file or directory"),
        Refused("links/out.png", "refused", "a link that leads out of the folder"),
        Refused("links/outside", "refused", "a link that leads out of the folder"),
    ]
    assert len(walk.ignored) == 2
    assert find_photographs(hostile) == walk


@pytest.mark.parametrize("path", ["links/out.png", "damaged/pipe.jpg", "../etc/passwd", "gone.png"])
def test_reading_never_leaves_the_folder_nor_waits(hostile: Path, path: str) -> None:
    with pytest.raises(UnreadableImageError):
        read_bytes(hostile, path)


@pytest.mark.parametrize("name", ["missing", "file", "nothing"])
def test_no_photographs_is_the_users_mistake(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing/notes.txt").write_text("")
    with pytest.raises(InputError, match=name):
        find_photographs(tmp_path / name)


def test_what_lies_there_in_place_of_photographs_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no photograph in it \(it is empty\)"):
        find_photographs(tmp_path)
    for name in ("a.txt", "b.csv", "c.psd", "d.md", "e.md", "f.md", "g.md"):
        (tmp_path / name).touch()
    named = r"7 other files: c\.psd \(psd is not .*\), a\.txt, b\.csv, d\.md, e\.md and 2 more"
    with pytest.raises(InputError, match=named):
        find_photographs(tmp_path)


def test_what_is_no_folder_is_told_from_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "one.jpg").touch()
    with pytest.raises(InputError, match=f"one.jpg: a file, .*that holds it, {tmp_path}$"):
        find_photographs(tmp_path / "one.jpg")
    with pytest.raises(InputError, match="nowhere: there is no such folder"):
        find_photographs(tmp_path / "nowhere")

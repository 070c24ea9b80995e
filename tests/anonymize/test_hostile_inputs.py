"""Inputs that are strange: each ends in a clear error, or without an open face."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonbase.errors import InputError
from anonfaces.anonymize import anonymize
from anonfaces.anonymize.detection import FaceAnalyzer, distances
from anonfaces.anonymize.replace import replace
from anonfaces.anonymize.sources.fresh import SyntheticFaces
from anonfaces.anonymize.video.frames import frames
from anonfaces.anonymize.video.truncation import lacks_bytes

Pixels = NDArray[np.uint8]


def film(path: Path, images: list[Pixels], codec: str = "libx264", **options: str) -> Path:
    with av.open(str(path), "w", options=options) as made:
        stream = made.add_stream(codec, rate=10, options={"g": "5"})
        stream.height, stream.width = images[0].shape[:2] if images else (96, 128)
        stream.pix_fmt = "yuv420p"
        for image in images:
            made.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        made.mux(stream.encode(None))
    return path


def heard(path: Path) -> Path:
    """A file of a second of sound and no picture."""
    with av.open(str(path), "w") as made:
        voice = made.add_stream("aac", rate=8000, layout="mono")
        for start in range(0, 8000, 1024):
            block = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            block.sample_rate, block.pts = 8000, start
            made.mux(voice.encode(block))
        made.mux(voice.encode(None))
    return path


@pytest.fixture(scope="module")
def face(party) -> Pixels:
    return party(0, side=160)


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (7, 3), (25, 24)])
def test_a_picture_too_small_for_a_face_is_not_written(
    shape: tuple[int, int], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="no face"):
        anonymize(tmp_path / "a.png", tmp_path / "out", surrogate="solid")
    assert not (tmp_path / "out").exists()


def test_a_photograph_of_odd_sides_keeps_them(
    face: Pixels, analyzer: FaceAnalyzer, tmp_path: Path
) -> None:
    Image.fromarray(face[:199, :201]).save(tmp_path / "a.png")
    done = anonymize(tmp_path / "a.png", tmp_path / "out", surrogate="solid")
    made = np.asarray(Image.open(done.folder / "a.png"))
    assert made.shape == (199, 201, 3)
    assert not len(analyzer.detect(made))


@pytest.fixture(scope="module")
def strangers_faces(face: Pixels, analyzer: FaceAnalyzer) -> SyntheticFaces:
    return SyntheticFaces(analyzer, analyzer.find(face).embedding, 0, None)


@pytest.mark.parametrize("share", [0.12, 0.3])
@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
@pytest.mark.parametrize("mode", ["fresh", "solid"])
def test_a_face_that_the_border_cuts_is_not_left_open(
    mode: str,
    side: str,
    share: float,
    face: Pixels,
    analyzer: FaceAnalyzer,
    strangers_faces: SyntheticFaces,
    tmp_path: Path,
) -> None:
    left, top, right, bottom = (int(v) for v in analyzer.find(face).box[0])
    off = int(share * (right - left))
    cuts = {
        "left": face[:, left + off :],
        "right": face[:, : right - off],
        "top": face[top + off :],
        "bottom": face[: bottom - off],
    }
    part = np.ascontiguousarray(cuts[side])
    before = analyzer.find(part)
    if not len(before):
        Image.fromarray(part).save(tmp_path / "a.png")
        with pytest.raises(InputError, match="no face"):
            anonymize(tmp_path / "a.png", tmp_path / "out", surrogate=mode)
        return
    work = replace(part, before, strangers_faces if mode == "fresh" else mode, analyzer)
    assert work.image.shape == part.shape
    after = analyzer.find(work.image)
    assert (distances(after.embedding, before.embedding) > 0.6).all()
    middle = before.landmark[0, 27:36].round().astype(int).clip(0, np.array(part.shape[1::-1]) - 1)
    changed = np.abs(work.image.astype(int) - part).max(axis=2)
    assert changed[middle[:, 1], middle[:, 0]].mean() > 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_a_video_without_a_frame_ends_without_an_output(name: str, tmp_path: Path) -> None:
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    source = film(tmp_path / name, [], codec)
    with pytest.raises(InputError, match=name):
        anonymize(source, tmp_path / "out", surrogate="solid")
    assert not (tmp_path / "out").exists()


def test_a_video_of_sound_alone_ends_without_an_output(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture"):
        anonymize(heard(tmp_path / "a.mp4"), tmp_path / "out", surrogate="solid")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_a_video_of_one_frame_has_one_frame_without_a_face(
    name: str, face: Pixels, analyzer: FaceAnalyzer, tmp_path: Path
) -> None:
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    source = film(tmp_path / name, [face], codec)
    done = anonymize(source, tmp_path / "out", surrogate="solid")
    (made,) = frames(done.folder / name, 2**30)
    assert made.image.shape == face.shape
    assert not len(analyzer.detect(made.image))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_video_turned_by_its_header_is_read_upright(
    turns: int, face: Pixels, tmp_path: Path
) -> None:
    """The matrix of the track header, as telephones write it, for quarter turns clockwise."""
    source = film(tmp_path / "a.mp4", [np.ascontiguousarray(np.rot90(face, turns))])
    one = 0x10000
    cosine, sine = [(one, 0), (0, one), (-one, 0), (0, -one)][turns]
    data = bytearray(source.read_bytes())
    at = data.index(b"tkhd") + 44
    matrix = (cosine, sine, 0, -sine, cosine, 0, 0, 0, 0x40000000)
    data[at : at + 36] = struct.pack(">9i", *matrix)
    source.write_bytes(data)
    (read,) = frames(source, 2**30)
    assert read.image.shape == face.shape
    assert np.abs(read.image.astype(int) - face).mean() < 8


@pytest.mark.parametrize("share", [0.05, 0.5, 0.85])
@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mp4", {}), ("a.mp4", {"movflags": "faststart"}), ("a.mkv", {})],
)
def test_a_truncated_video_ends_without_an_output(
    name: str, options: dict[str, str], share: float, tmp_path: Path
) -> None:
    """With the index at the end nothing can be read; with it in front, or none, a part can."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 64, 96, 3), dtype=np.uint8)
    source = film(tmp_path / name, list(noise), **options)
    whole = source.read_bytes()
    source.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"truncated|damaged"):
        anonymize(source, tmp_path / "out", surrogate="solid")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "options"), [("a.mp4", {"movflags": "faststart"}), ("a.mkv", {})])
def test_a_video_that_lacks_its_last_moment_is_noticed(
    name: str, options: dict[str, str], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (150, 32, 32, 3), dtype=np.uint8)
    source = film(tmp_path / name, list(noise), **options)
    assert len(list(frames(source, 10**6))) == 150
    whole = source.read_bytes()
    source.write_bytes(whole[: int(len(whole) * 0.985)])
    with pytest.raises(InputError, match=r"truncated; --end"):
        list(frames(source, 10**6))
    assert list(frames(source, 10**6, end=4.0))


@pytest.mark.parametrize(
    ("data", "lacks"),
    [
        (b"", False),
        (b"\x1a\x45\xdf\xa3", False),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x84abcd", False),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x85abcd", True),
        (b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xffabcd", False),
        (b"\x1a\x45\xdf\xa3\x00", False),
        (b"\0\0\0\x0cmdatabcd", False),
        (b"\0\0\0\x0dmdatabcd", True),
        (b"\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xffabcd", False),
        (b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x15abcd", True),
        (b"\0\0\0\0mdatabcd", False),
        (b"\0\0\0\x0cmdatabcdSEFT of a telephone", False),
    ],
)
def test_what_a_file_says_of_its_own_length(data: bytes, lacks: bool, tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(data)
    assert lacks_bytes(tmp_path / "a.mkv") is lacks

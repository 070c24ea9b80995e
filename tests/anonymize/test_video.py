"""Video: every frame without an open face, and what ends without an output."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import film
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.anonymize import anonymize
from anonfaces.anonymize.cover import Area
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.video.assignment import _clearest
from anonfaces.anonymize.video.frames import Frame, frames
from anonfaces.anonymize.video.render import RenderedFrame, Residual, hold
from anonfaces.anonymize.video.shots import shot_numbers
from anonfaces.anonymize.video.tracks import Track, link_detections

Pixels = NDArray[np.uint8]
ALL = 2**30
FAST = "hog+mtcnn"  # the network of the default takes seconds a frame without a GPU


def pan(picture: Pixels, width: int, count: int) -> list[Pixels]:
    """The camera moves over a picture, from its left to its right."""
    steps = np.linspace(0, picture.shape[1] - width, count).round().astype(int)
    return [np.ascontiguousarray(picture[:, x : x + width]) for x in steps]


def read(path: Path) -> list[Pixels]:
    return [frame.image for frame in frames(path, ALL)]


def record(output: Path) -> dict:
    (entry,) = json.loads(output.with_name("out.detections.json").read_text())["pictures"]
    return entry


@pytest.fixture(scope="module")
def panned(party, tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = pan(party(0, 2, side=160), 280, 14)
    return film(tmp_path_factory.mktemp("film") / "party.mp4", images, sound=True)


@pytest.fixture(scope="module")
def fresh(panned: Path) -> Path:
    return anonymize(panned, panned.parent / "out", detector=FAST).folder


def test_no_frame_has_a_face_that_the_recogniser_knows(
    panned: Path, fresh: Path, analyzer: FaceAnalyzer
) -> None:
    before, after = read(panned), read(fresh / "party.mp4")
    assert len(before) == len(after) == 14
    quick = FaceAnalyzer(FAST)  # enough for the faces before; those after are looked for harder
    known = np.concatenate([quick.find(image).embedding for image in before[::4]])
    assert len(known) >= 6
    for image in after[:: len(after) // 2]:
        assert (distances(analyzer.find(image).embedding, known) > 0.6).all()
    for image in after[1::4]:
        assert (distances(quick.find(image).embedding, known) > 0.6).all()


def test_a_track_has_one_outcome_from_its_first_frame_to_its_last(fresh: Path) -> None:
    entry = record(fresh)
    assert entry["frames"] == 14
    assert 2 <= len(entry["faces"]) <= 4
    for face in entry["faces"]:
        assert face["outcome"] in ("replaced", "covered")
        assert len(face["boxes"]) >= face["found_in_frames"] >= 1
        assert bool(face["reason"]) == (face["outcome"] == "covered")
    judged = [face for face in entry["faces"] if "distance" in face]
    assert judged
    assert all(face["distance"] > 0.6 and 0 < face["unclear"] < np.log(10) for face in judged)
    seen = {face["first_frame"] for face in entry["faces"]}
    assert 0 in seen


def test_sound_and_titles_are_gone(fresh: Path) -> None:
    with av.open(str(fresh / "party.mp4")) as made:
        assert not made.streams.audio
        assert "title" not in made.metadata
    assert b"Quill" not in (fresh / "party.mp4").read_bytes()


@pytest.fixture(scope="module")
def still(party) -> list[Pixels]:
    return pan(party(0, side=160), 200, 4)


def test_sound_is_copied_when_asked_for_and_a_part_is_cut(
    still: list[Pixels], tmp_path: Path
) -> None:
    source = film(tmp_path / "still.mov", still * 5, sound=True)
    with pytest.warns(match="voice"):
        done = anonymize(
            source,
            tmp_path / "out",
            surrogate="solid",
            detector=FAST,
            audio="keep",
            start=0.5,
            end=1.2,
        )
    assert record(done.folder)["frames"] == 7
    with av.open(str(done.folder / "still.mov")) as made:
        assert len(made.streams.audio) == 1
        heard = sum(frame.samples for frame in made.decode(audio=0))
        assert heard == pytest.approx(0.7 * 8000, abs=2100)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.webm", "libvpx-vp9"),
        ("a.mkv", "libx264"),
        ("a.mov", "libx264"),
        ("a.avi", "mjpeg"),
    ],
)
def test_kinds_of_files(name: str, codec: str, still: list[Pixels], tmp_path: Path) -> None:
    source = film(tmp_path / name, still[:2], codec)
    done = anonymize(source, tmp_path / "out", surrogate="solid", detector=FAST)
    made = read(done.folder / name.replace(".avi", ".avi.mp4"))
    assert len(made) == 2
    assert (np.abs(made[0].astype(int) - 128).max(axis=2) < 9).mean() > 0.3


def test_odd_sides_grow_by_a_row_and_one_frame_is_enough(
    still: list[Pixels], tmp_path: Path
) -> None:
    odd = np.ascontiguousarray(still[0][:191, :199])
    source = film(tmp_path / "odd.mp4", [odd])
    done = anonymize(source, tmp_path / "out", surrogate="solid", detector=FAST)
    (made,) = read(done.folder / "odd.mp4")
    assert made.shape == (192, 200, 3)
    assert np.abs(made[:10, :10].astype(int) - odd[:10, :10]).mean() < 8


def test_a_turned_video_is_written_upright(
    still: list[Pixels], analyzer: FaceAnalyzer, tmp_path: Path
) -> None:
    turned = [np.ascontiguousarray(np.rot90(image)) for image in still[:2]]
    source = film(tmp_path / "turned.mp4", turned)
    data = bytearray(source.read_bytes())
    at = data.index(b"tkhd") + 44
    one = 0x10000
    data[at : at + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 0x40000000)
    source.write_bytes(data)
    assert read(source)[0].shape == still[0].shape
    done = anonymize(source, tmp_path / "out", surrogate="solid", detector=FAST)
    made = read(done.folder / "turned.mp4")
    assert made[0].shape == still[0].shape
    assert not len(analyzer.detect(made[0]))


def test_a_reference_keeps_a_person_through_all_frames(
    panned: Path, strangers: list[Path], tmp_path: Path
) -> None:
    with pytest.warns(match="look-alike"):
        done = anonymize(
            panned,
            tmp_path / "out",
            surrogate="solid",
            detector=FAST,
            keep=(strangers[0],),
            end=0.3,
        )
    assert [face["outcome"] for face in record(done.folder)["faces"]].count("kept") == 1


def test_a_stopped_run_goes_on_and_makes_the_same(
    still: list[Pixels], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anonfaces.anonymize.video import job

    monkeypatch.setattr(job, "_BLOCK", 3)
    source = film(tmp_path / "still.mp4", still * 2)
    whole = anonymize(source, tmp_path / "whole" / "out", surrogate="solid", detector=FAST).folder
    written = job.Writer.add

    def stop(self: job.Writer, frame: Frame) -> None:
        if frame.number == 5:
            raise KeyboardInterrupt
        written(self, frame)

    monkeypatch.setattr(job.Writer, "add", stop)
    with pytest.raises(KeyboardInterrupt):
        anonymize(source, tmp_path / "out", surrogate="solid", detector=FAST)
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(job.Writer, "add", written)
    assert (tmp_path / ".out.partial" / "video-0000000" / "0000000.mp4").is_file()
    looked: list[int] = []
    monkeypatch.setattr(job, "analyze_frame", lambda *_: looked.append(1))
    again = anonymize(source, tmp_path / "out", surrogate="solid", detector=FAST).folder
    assert not looked
    assert (again / "still.mp4").read_bytes() == (whole / "still.mp4").read_bytes()
    assert not (tmp_path / ".out.partial").exists()


def damaged(folder: Path, still: list[Pixels]) -> dict[str, Path]:
    whole = film(folder / "whole.mkv", still * 6).read_bytes()
    plain = film(folder / "plain.mp4", still * 6).read_bytes()
    made = {
        "empty.mp4": b"",
        "text.mp4": b"I am a film, honestly",
        "cut.mkv": whole[: len(whole) * 2 // 3],
        "cut.mp4": plain[: len(plain) // 2],
        "playlist.mp4": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    film(folder / "nobody.mp4", [np.full((96, 128, 3), 90, np.uint8)] * 3)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def bad(still: list[Pixels], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return damaged(tmp_path_factory.mktemp("damaged"), still)


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("empty.mp4", {}, "damaged"),
        ("text.mp4", {}, "damaged"),
        ("cut.mkv", {}, "truncated|damaged"),
        ("cut.mp4", {}, "damaged"),
        ("playlist.mp4", {}, "damaged"),
        ("nobody.mp4", {}, "no face"),
        ("whole.mkv", {"start": 99.0}, "no frame"),
        ("whole.mkv", {"max_pixels": 100}, "--max-pixels"),
        ("gone.mp4", {}, "no such file"),
    ],
)
def test_what_cannot_be_used_ends_in_an_error_and_no_output(
    name: str, options: dict, why: str, bad: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=why):
        anonymize(
            bad.get(name, tmp_path / name),
            tmp_path / "out",
            surrogate="solid",
            detector=FAST,
            **options,
        )
    assert not list(tmp_path.iterdir())


def test_sound_that_the_kind_of_file_cannot_hold_is_told(
    still: list[Pixels], tmp_path: Path
) -> None:
    source = film(tmp_path / "a.mkv", still[:2], sound=True).rename(tmp_path / "c.webm")
    with pytest.warns(match="voice"), pytest.raises(InputError, match="--audio drop"):
        anonymize(source, tmp_path / "out", surrogate="solid", detector=FAST, audio="keep")
    assert not (tmp_path / "out").exists()


def one_face(x: float, vector: float, confidence: float = 0.9) -> Faces:
    box = np.array([[x, 0, x + 10, 10]], np.int32)
    landmark = np.full((1, 68, 2), x, np.float32)
    embedding = np.full((1, 128), vector, np.float32)
    return Faces(box, landmark, embedding, ("hog",), np.array([confidence], np.float32))


def link(shown: list[Faces], gap: int, cuts: tuple[int, ...] = (), **more: Any) -> list[Track]:
    return link_detections(shown, shot_numbers(cuts, len(shown)), gap, **more)


def test_a_gap_is_bridged_on_the_line_between_and_the_ends_of_few_are_held() -> None:
    shown = [one_face(0, 0), Faces.none(), Faces.none(), one_face(6, 0), Faces.none()]
    (track,) = link(shown, gap=3)
    path = track.path(pad=9, first=0, last=4)
    assert (path.first, len(path.box)) == (0, 5)
    assert path.box[:, 0].tolist() == [0, 2, 4, 6, 6]
    assert path.apart.tolist() == [0, 1, 1, 0, 1]
    assert path.row_at(5) is None
    assert path.row_at(0) == 0


def test_a_face_that_came_into_view_is_followed_back_to_where_it_came_from() -> None:
    nobody = [Faces.none()] * 3
    shown = [*nobody, *(one_face(2.0 * n, 0) for n in range(3, 7)), *nobody]
    (track,) = link(shown, gap=3)
    assert track.path(2, 0, 9).box[:, 0].tolist() == [2, 4, 6, 8, 10, 12, 14, 16]


def test_a_place_that_is_guessed_moves_no_faster_than_a_head_and_keeps_its_size() -> None:
    shown = [one_face(5.0 * n, 0) for n in range(4)] + [Faces.none()] * 5
    (track,) = link(shown, gap=3)
    box = track.path(5, 0, 8).box
    assert np.diff(box[4:, 0]).max() <= 3
    assert (box[:, 2:] - box[:, :2] == 10).all()


def test_a_detection_that_is_much_larger_than_those_around_it_is_drawn_in() -> None:
    shown = [one_face(0, 0) for _ in range(5)]
    large = np.array([[-15, -15, 25, 25]], np.int32)
    shown[2] = replace(shown[2], box=large)
    (track,) = link(shown, gap=3)
    assert np.ptp(track.path(0, 0, 4).box.reshape(-1, 2, 2), axis=1).max() <= 15


def test_no_track_goes_over_a_cut_and_both_go_up_to_it() -> None:
    shown = [one_face(0, 0), Faces.none(), Faces.none(), one_face(0, 0)]
    before, after = link(shown, gap=3, cuts=(2,))
    assert before.path(9, 0, 1).box[:, 0].tolist() == [0, 0]
    assert after.path(9, 2, 3).first == 2


@pytest.mark.parametrize(
    ("confidence", "tracks"),
    [
        ((0.1, 0.9, 0.1), 1),  # unsure before and after a sure one
        ((0.1, 0.1, 0.1), 0),  # never sure
        ((0.9, 0.9, 0.9), 1),
    ],
)
def test_an_unsure_detection_counts_by_a_sure_one_of_its_track(
    confidence: tuple[float, ...], tracks: int
) -> None:
    shown = [one_face(40, 0, sure) for sure in confidence]
    shown = [replace(faces, box=faces.box + np.int32([0, 40, 0, 40])) for faces in shown]
    made = link(shown, gap=2, threshold=0.2, size=(100, 100))
    assert len(made) == tracks
    assert all(len(track.frame) == 3 for track in made)


def test_an_unsure_detection_counts_at_the_border_where_it_stays() -> None:
    shown = [one_face(0, 0, 0.1)] * 2
    assert len(link(shown, gap=2, threshold=0.2, size=(100, 100))) == 1
    assert len(link(shown[:1], gap=2, threshold=0.2, size=(100, 100))) == 0


@pytest.mark.parametrize(
    ("second", "gap", "tracks"),
    [
        (one_face(3, 0.01), 2, 1),  # moved a little
        (one_face(18, 0.01), 2, 1),  # elsewhere, and the same person by the recogniser
        (one_face(80, 0.01), 2, 2),  # farther away than a head moves
        (one_face(18, 0.2), 2, 2),  # elsewhere, and somebody else
        (one_face(0, 0.2), 2, 2),  # there, and somebody else: the scene was cut
        (one_face(0, 0.0), 1, 2),  # there again after too long
    ],
)
def test_which_detections_are_one_track(second: Faces, gap: int, tracks: int) -> None:
    assert len(link([one_face(0, 0), Faces.none(), second], gap)) == tracks


def rendered(number: int, residual: bool) -> RenderedFrame:
    image = np.zeros((4, 4, 3), np.uint8)
    made = RenderedFrame(number, Fraction(number), image, image.copy(), np.zeros((4, 4), bool))
    if residual:
        where = Area(slice(0, 2), slice(0, 2), np.ones((2, 2), bool))
        made.residual.append(Residual(number, np.zeros(4, np.int32), "", where))
    return made


@pytest.mark.parametrize(
    ("cuts", "expected"),
    [((), [0, 128, 128, 128, 128, 128, 0, 0]), ((3,), [0, 0, 0, 128, 128, 128, 0, 0])],
)
def test_what_the_second_look_finds_is_covered_before_and_after_in_its_shot(
    cuts: tuple[int, ...], expected: list[int]
) -> None:
    made = hold((rendered(n, n == 3) for n in range(8)), shot_numbers(cuts, 8), 2)
    assert [int(frame.image[0, 0, 0]) for frame in made] == expected


def test_a_track_is_judged_where_no_border_cuts_its_face() -> None:
    def seen(*places: tuple[int, int]) -> Track:
        """A track of squares by their left side and size, with landmarks over all of them."""
        track = Track()
        for frame, (left, size) in enumerate(places):
            corner, end = (left, 20), (left + size, 20 + size)
            points = np.linspace(corner, end, 68).astype(np.float32)
            box = np.array([*corner, *end], np.int32)
            vector = np.zeros((1, 128), np.float32)
            track.add(frame, Faces(box[None], points[None], vector, ("hog",)), 0)
        return track

    assert _clearest(seen((170, 50), (80, 30), (120, 40)), 100, 200) == 2
    assert _clearest(seen((180, 50), (170, 60)), 100, 200) == 1  # each is cut: the largest

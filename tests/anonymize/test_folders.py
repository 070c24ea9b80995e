"""A folder of photographs, videos, animations and other things: each is done or listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from clips import far, film
from PIL import Image

from anonbase.errors import InputError, OutputError, UtilityWarning
from anonfaces.anonymize import AnonymizationResult, anonymize
from anonfaces.anonymize.detection import FaceAnalyzer
from anonfaces.anonymize.inputs import find_inputs
from anonfaces.anonymize.pictures import names
from anonfaces.anonymize.video.frames import frames
from encoders.photographs.reading import frame_count


@pytest.fixture(scope="module")
def folder(portraits: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs, two videos, a GIF with another person in its second frame, and more."""
    root = tmp_path_factory.mktemp("input") / "in"
    (root / "sub").mkdir(parents=True)
    for number in range(2):
        (root / f"{number}.png").write_bytes(portraits[number].read_bytes())
    film(root / "one.mp4", far(portraits, 3))
    film(root / "sub" / "two.MP4", far(portraits, 3))
    first, second = (Image.open(path).convert("RGB").resize((160, 160)) for path in portraits[:2])
    first.save(root / "two_people.gif", save_all=True, append_images=[second], duration=100)
    (root / "bad.mkv").write_bytes(b"\x1a\x45\xdf\xa3 not a film")
    (root / "old.wmv").write_bytes(b"0")
    (root / "notes.txt").write_text("nothing to see")
    return root


@pytest.fixture(scope="module")
def done(folder: Path) -> AnonymizationResult:
    with pytest.warns(UtilityWarning, match="two_people.gif"):
        return anonymize(folder, folder.parent / "out", surrogate="solid", detector="mtcnn")


def test_photographs_and_videos_are_both_done(
    done: AnonymizationResult, analyzer: FaceAnalyzer
) -> None:
    made = {p.relative_to(done.folder).as_posix() for p in done.folder.rglob("*") if p.is_file()}
    assert made == {"0.png", "1.png", "one.mp4", "sub/two.MP4", "two_people.gif.png"}
    assert done.pictures["written"] == 5
    for name in ("one.mp4", "sub/two.MP4"):
        shown = [frame.image for frame in frames(done.folder / name, 2**30)]
        assert len(shown) == 3
        assert not len(FaceAnalyzer("mtcnn", 0.5).detect(shown[1]))


def test_what_cannot_be_done_is_listed(done: AnonymizationResult) -> None:
    records = {r["input"]: r for r in json.loads(done.record.read_text())["pictures"]}
    assert records["bad.mkv"]["outcome"] == "unreadable"
    assert "wmv is not read: convert it" in records["old.wmv"]["reason"]
    assert any(note.startswith("bad.mkv: not written") for note in done.notes)
    assert any(note.startswith("old.wmv: not written") for note in done.notes)


def test_the_second_person_of_a_gif_is_listed_and_not_written(done: AnonymizationResult) -> None:
    assert frame_count((done.folder / "two_people.gif.png").read_bytes()) == 1
    (record,) = [
        r for r in json.loads(done.record.read_text())["pictures"] if r["input"] == "two_people.gif"
    ]
    assert record["frames_not_written"] == 1
    assert any("two_people.gif: its first picture was done; 1 further" in n for n in done.notes)


def test_the_page_has_a_card_for_each_picture_and_lists_the_rest(done: AnonymizationResult) -> None:
    page = done.review.read_text()
    for title in ("0.png", "two_people.gif", "one.mp4, frame 0 of 3", "sub/two.MP4, frame 0 of 3"):
        assert f'"title": "{title}"' in page
    assert "old.wmv: unreadable" in page


def test_a_folder_of_videos_alone_is_an_input(folder: Path) -> None:
    assert find_inputs(folder / "sub").videos == ["two.MP4"]


def test_a_folder_with_neither_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match="no photograph"):
        find_inputs(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("notes.txt", r"neither a photograph \(JPEG, .*\) nor a video \(.*\.mp4"),
        ("notes.jpg", "neither a photograph"),
        ("film.wmv", "wmv is not read: convert it to MP4"),
    ],
)
def test_a_file_that_is_neither_is_refused_at_once(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("a text")
    with pytest.raises(InputError, match=message):
        find_inputs(tmp_path / name)
    with pytest.raises(InputError, match=message):
        anonymize(tmp_path / name, tmp_path / "out", surrogate="solid")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        ("in/a.jpg", "in/a.jpg", "is the input, which is never written over"),
        ("in", "in", "is the input, which is never written over"),
        ("in", "in/out", "lies inside the input"),
        ("in", ".", "lies inside the output"),
        ("in/a.jpg", "in", "lies inside the output"),
        ("in", "film.wmv", "is a file: name a folder"),
    ],
)
def test_an_output_in_the_way_of_the_input_is_refused_first(
    source: str, output: str, message: str, tmp_path: Path
) -> None:
    """Before anything is read, and before anything is warned of (warnings are errors here)."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_text("a text")
    (tmp_path / "film.wmv").write_text("a text")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=message):
        anonymize(tmp_path / source, tmp_path / output, surrogate="blur")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_refusal_comes_without_the_warnings_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a text")
    with pytest.raises(InputError, match="neither a photograph"):
        anonymize(tmp_path / "notes.txt", tmp_path / "out", surrogate="blur", keep_faceless=True)


def test_nothing_is_replaced_where_nothing_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_text("a text")
    with pytest.raises(InputError, match="nothing was written"):
        anonymize(tmp_path / "in", tmp_path / "out", surrogate="solid", progress=True)
    bars = capsys.readouterr().err
    assert ("looking" in bars, "replacing" in bars) == (True, False)


def test_a_link_that_leads_out_is_listed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes((folder / "0.png").read_bytes())
    (tmp_path / "in" / "film.mp4").symlink_to(folder / "one.mp4")
    inputs = find_inputs(tmp_path / "in")
    assert inputs.videos == []
    assert [(r["input"], r["outcome"]) for r in inputs.refused] == [("film.mp4", "refused")]


def test_names_keep_the_kind_of_a_video() -> None:
    assert names(["a.MOV", "b.avi", "c.webm", "d.gif"], rename=False) == [
        "a.MOV",
        "b.avi.mp4",
        "c.webm",
        "d.gif.png",
    ]
    assert names(["a.mkv"], rename=True)[0].endswith(".mkv")


def test_a_reference_that_matches_nobody_is_said(
    folder: Path, strangers: list[Path], tmp_path: Path
) -> None:
    with pytest.warns(match="look-alike"), pytest.warns(match="nobody was kept"):
        anonymize(
            folder / "0.png",
            tmp_path / "out",
            surrogate="solid",
            detector="mtcnn",
            keep=(strangers[-1],),
        )

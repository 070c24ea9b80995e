"""Photographs in, photographs without their faces out; and what ends without an output."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import wait_until

from anonbase.errors import AnonfacesError, InputError, OutputError, PrivacyWarning
from anonbase.files import is_resumable
from anonfaces.anonymize import anonymize
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.quality import reasons_to_cover
from anonfaces.anonymize.replace import COVERED, KEPT, REPLACED, replace
from anonfaces.anonymize.sources import fresh as fresh_faces
from anonfaces.anonymize.sources.fresh import SyntheticFaces
from anonfaces.anonymize.sources.pictures import draws
from anonfaces.anonymize.workplace import Place, workplace

Pixels = NDArray[np.uint8]

ROOT = Path(__file__).resolve().parent.parent.parent
TELLING = "Ophelia Quill was here"


def save(image: Pixels, path: Path, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)
    return path


def load(path: Path) -> Pixels:
    return np.asarray(Image.open(path).convert("RGB"))


def record(output: Path) -> list[dict]:
    beside = output.with_name(f"{output.name}.detections.json")
    return json.loads(beside.read_text())["pictures"]


def assert_hidden(image: Pixels, before: Faces, analyzer: FaceAnalyzer) -> None:
    """No face of the picture, found or at its old place, is taken for one of the originals."""
    after = analyzer.find(image)
    assert (distances(after.embedding, before.embedding) > 0.6).all()
    there = analyzer.embed(image, before.box)
    grey = [image[int(b[1:4:2].mean()), int(b[0:3:2].mean())] for b in before.box]
    away = np.linalg.norm(there - before.embedding, axis=1)
    assert all(d > 0.6 or (g == 128).all() for d, g in zip(away, grey, strict=True))


@pytest.fixture(scope="module")
def fresh(two: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fresh")
    save(two, place / "two.png")
    return anonymize(place / "two.png", place / "out").folder


def test_everybody_is_replaced_by_somebody_whom_the_recogniser_tells_apart(
    fresh: Path, two: Pixels, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    assert [p.name for p in fresh.iterdir()] == ["two.png"]
    made = load(fresh / "two.png")
    assert made.shape == two.shape
    assert_hidden(made, two_faces, analyzer)
    (entry,) = record(fresh)
    outcomes = [face["outcome"] for face in entry["faces"]]
    assert len(outcomes) == 2
    assert REPLACED in outcomes
    assert len(analyzer.find(made)) >= outcomes.count(REPLACED)
    replaced = [face for face in entry["faces"] if face["outcome"] == REPLACED]
    assert all(face["distance"] > 0.6 for face in replaced)
    assert all(0 < face["unclear"] < np.log(10) for face in replaced)


def test_the_wall_behind_who_is_replaced_is_untouched(fresh: Path, two: Pixels) -> None:
    made, (entry,) = load(fresh / "two.png"), record(fresh)
    np.testing.assert_array_equal(made[:, :20], two[:, :20])
    for face in entry["faces"]:
        if face["outcome"] == REPLACED:  # a cover is as large as the head
            left, _, right, _ = face["box"]
            above = slice(left, right)
            np.testing.assert_array_equal(made[:8, above], two[:8, above])  # foreheads go far up


def test_the_same_seed_gives_the_same_bytes_and_another_others(
    fresh: Path, two: Pixels, two_faces: Faces, analyzer: FaceAnalyzer, tmp_path: Path
) -> None:
    save(two, tmp_path / "two.png")
    same = anonymize(tmp_path / "two.png", tmp_path / "same").folder
    assert (same / "two.png").read_bytes() == (fresh / "two.png").read_bytes()
    other = SyntheticFaces(analyzer, two_faces.embedding, 5, None)
    theirs = replace(two, two_faces, other, analyzer)
    assert not np.array_equal(theirs.image, load(fresh / "two.png"))
    first, again = (next(draw(0, None)) for draw in (fresh_faces.draws, draws))
    assert all(np.array_equal(one, two) for (_, one), (_, two) in zip(first, again, strict=True))


@pytest.mark.parametrize("mode", ["solid", "mosaic", "blur"])
def test_covers_hide_everybody(
    mode: str, two: Pixels, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    work = replace(two, two_faces, mode, analyzer)
    assert_hidden(work.image, two_faces, analyzer)
    assert set(work.outcome) <= {mode, COVERED}


def test_what_no_surrogate_is_found_for_is_covered(
    two: Pixels, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    class Nobody:
        def candidates(self, *_: object):
            return iter(())

    work = replace(two, two_faces, Nobody(), analyzer)
    assert work.outcome == [COVERED] * 2
    assert all("no surrogate" in reason for reason in work.reason)
    for points in two_faces.landmark.round().astype(int):
        assert (work.image[points[:, 1], points[:, 0]] == 128).all()


def test_half_a_face_is_covered_and_a_whole_one_is_not(
    two: Pixels, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    """As dlib's landmarks lie where a collage's border cuts a face: half of them on the wall."""
    aside = two_faces.landmark.copy()
    aside[0, :, 0] -= 0.5 * np.ptp(aside[0, :, 0])
    assert reasons_to_cover(two, two_faces.landmark) == ["", ""]
    why, other = reasons_to_cover(two, aside)
    assert ("shows no face" in why, other) == (True, "")
    nobody: Any = SimpleNamespace(candidates=lambda *_: iter(()))
    work = replace(two, dataclasses.replace(two_faces, landmark=aside), nobody, analyzer)
    assert work.reason[0] == why


def test_a_face_without_its_eyes_is_covered(two: Pixels, two_faces: Faces) -> None:
    below = int(two_faces.landmark[:, 36:48, 1].max()) + 2
    cut, shifted = np.ascontiguousarray(two[below:]), two_faces.landmark - np.float32([0, below])
    assert all("at the eyes" in why for why in reasons_to_cover(cut, shifted))


def test_a_surrogate_that_is_the_original_is_seen_and_covered(
    two: Pixels, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    from anonfaces.anonymize.paste import SourceFace

    class Traitor:
        def candidates(self, image, faces, index, key):
            yield SourceFace(image, faces.landmark[index])

    work = replace(two, two_faces, Traitor(), analyzer)
    assert work.outcome == [COVERED] * 2


def test_a_face_that_was_missed_at_first_is_covered_when_it_is_found_again(
    two: Pixels, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    one = Faces(
        two_faces.box[:1], two_faces.landmark[:1], two_faces.embedding[:1], two_faces.by[:1]
    )
    work = replace(two, one, "solid", analyzer)
    assert [why for _, why in work.residual] == ["was not found before"]
    assert_hidden(work.image, two_faces, analyzer)


def test_a_reference_spares_that_person_alone(
    two: Pixels, strangers: list[Path], tmp_path: Path
) -> None:
    save(two, tmp_path / "two.png")
    with pytest.warns(PrivacyWarning, match="look-alike"):
        made = anonymize(
            tmp_path / "two.png", tmp_path / "out", surrogate="solid", keep=(strangers[0],)
        )
    assert made.faces == {KEPT: 1, COVERED: 1}
    half = two.shape[1] // 2 - 40
    np.testing.assert_array_equal(load(made.folder / "two.png")[:, :half], two[:, :half])


@pytest.fixture(scope="module")
def folder(two: Pixels, party, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good pictures, empty ones, damaged ones, with everything in them that is no pixel."""
    root = tmp_path_factory.mktemp("input") / "photos"
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, TELLING
    turned = np.rot90(two)
    save(turned, root / "a/turned.jpg", exif=exif, comment=TELLING.encode(), quality=95)
    save(two[:, :210], root / "one.webp", quality=95, xmp=TELLING.encode())
    save(np.full((90, 120, 3), 90, np.uint8), root / "nobody.png")
    (root / "empty.jpg").touch()
    (root / "text.png").write_text("no picture")
    whole = (root / "a/turned.jpg").read_bytes()
    (root / "truncated.jpg").write_bytes(whole[: len(whole) // 3])
    (root / "odd.txt").write_text("not a photograph")
    return root


@pytest.fixture(scope="module")
def covered(folder: Path) -> Path:
    return anonymize(folder, folder.parent / "out", surrogate="solid").folder


def test_a_folder_keeps_its_names_and_says_what_became_of_each(folder: Path, covered: Path) -> None:
    written = {p.relative_to(covered).as_posix() for p in covered.rglob("*") if p.is_file()}
    assert written == {"a/turned.jpg", "one.webp.png"}
    outcome = {entry["input"]: entry["outcome"] for entry in record(covered)}
    assert outcome == {
        "a/turned.jpg": "written",
        "one.webp": "written",
        "nobody.png": "no face",
        "empty.jpg": "unreadable",
        "text.png": "unreadable",
        "truncated.jpg": "unreadable",
    }


def test_pixels_are_written_upright_and_nothing_else(covered: Path, two: Pixels) -> None:
    for path in covered.rglob("*.*"):
        assert TELLING.encode() not in path.read_bytes()
        with Image.open(path) as picture:
            assert not picture.getexif()
            assert not set(picture.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    upright = load(covered / "a/turned.jpg")
    assert upright.shape == two.shape
    assert np.abs(upright[:, :8].astype(int) - two[:, :8]).mean() < 6  # covers reach far


def test_nobody_is_left_in_the_folder_written(
    covered: Path, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    assert_hidden(load(covered / "a/turned.jpg"), two_faces, analyzer)
    assert not len(analyzer.detect(load(covered / "one.webp.png")))


def test_random_names_and_pictures_without_a_face_only_when_asked(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.warns(PrivacyWarning, match="missed"):
        made = anonymize(
            folder, tmp_path / "out", surrogate="solid", rename=True, keep_faceless=True
        )
    names = [p.name for p in made.folder.rglob("*") if p.is_file()]
    assert len(names) == 3 == made.pictures["written"]
    assert not [n for n in names if any(part in n for part in ("turned", "one", "nobody"))]
    assert {e["output"] for e in record(made.folder) if "output" in e} == set(names)


def test_overwrite_replaces_what_is_ours_alone(folder: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "out", folder / "one.webp"
    anonymize(picture, out, surrogate="solid")
    with pytest.raises(OutputError, match="--overwrite"):
        anonymize(picture, out, surrogate="solid")
    anonymize(picture, out, surrogate="solid", overwrite=True)
    (out / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"diary\.txt"):
        anonymize(picture, out, surrogate="solid", overwrite=True)
    assert (out / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"surrogate": "cartoon"}, "cartoon"),
        ({"audio": "louder"}, "louder"),
        ({"seed": -1}, "seed"),
        ({"max_pixels": 0}, "max-pixels"),
        ({"max_pixels": 100}, "too large"),
        ({"start": -1.0}, "start"),
        ({"start": 5.0, "end": 4.0}, "end"),
        ({"generator": Path("nowhere.pkl")}, "nowhere"),
        ({"generator": Path("nowhere.pkl"), "surrogate": "blur"}, "is for fresh, group and"),
        ({"surrogate": "group", "method": "magic"}, "no surrogate method 'magic'"),
        ({"surrogate": "semantic", "semantic": Path("nowhere.h5")}, "nowhere"),
        ({"keep": (Path("nowhere.jpg"),)}, "nowhere"),
    ],
)
def test_a_wrong_option_is_told_and_nothing_is_written(
    options: dict, names: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AnonfacesError, match=names):
        anonymize(folder / "one.webp", tmp_path / "out", progress=True, **options)
    assert not list(tmp_path.iterdir())
    looked = "max_pixels" in options and options["max_pixels"] > 0
    assert ("looking" in capsys.readouterr().err) == looked


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nobody.png", "no face"),
        ("empty.jpg", "empty"),
        ("text.png", "neither a photograph"),
        ("truncated.jpg", "unreadable"),
        ("gone.jpg", "no such file"),
    ],
)
def test_a_photograph_that_cannot_be_used_ends_without_an_output(
    name: str, why: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=why):
        anonymize(folder / name, tmp_path / "out", surrogate="solid")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("output", ["photos/out", "photos", ".", "taken"])
def test_an_output_in_the_way_is_refused(output: str, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "photos")
    (tmp_path / "taken").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError):
        anonymize(tmp_path / "photos", tmp_path / output, surrogate="solid")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_that_was_killed_goes_on_and_leaves_no_trace(
    folder: Path, covered: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "anonfaces.anonymize", str(folder), "-o", str(out)]
    command += ["--surrogate", "solid"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    partial = tmp_path / ".out.partial"
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: list(partial.glob("*.seen")) or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    kept = {path.name: path.stat().st_mtime_ns for path in partial.glob("*.seen")}
    assert kept
    done = anonymize(folder, out, surrogate="solid")
    assert record(out) == record(covered)
    assert not partial.exists()
    assert done.pictures["written"] == 2


def halted(place: Place, stop: BaseException) -> None:
    place.save("seen", 0, {})
    raise stop


@pytest.mark.parametrize(
    ("stop", "kept"),
    [
        (KeyboardInterrupt(), True),
        (OSError(28, "No space left on device"), True),
        (OutputError("no such place"), False),
        (ZeroDivisionError(), False),
    ],
    ids=repr,
)
def test_only_what_can_be_gone_on_from_is_kept(
    stop: BaseException, kept: bool, tmp_path: Path
) -> None:
    with (
        pytest.raises(type(stop)),
        workplace(tmp_path / "out", {}) as place,
    ):
        halted(place, stop)
    assert is_resumable(stop) == kept
    assert bool(list(tmp_path.iterdir())) == kept


def test_real_group_photographs(shared_data: Path, analyzer: FaceAnalyzer, tmp_path: Path) -> None:
    photo = shared_data / "group-photos" / "2008_001322.jpg"
    before = analyzer.find(load(photo))
    done = anonymize(photo, tmp_path / "out")
    assert done.faces == {REPLACED: 3}
    made = load(done.folder / photo.name)
    assert_hidden(made, before, analyzer)
    assert len(analyzer.find(made)) == 3

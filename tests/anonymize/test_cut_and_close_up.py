"""Three shots, one of them a face as high as the picture that turns aside, blurred by its motion.

The detectors look twice at every frame, which takes half a minute on two cores.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from clips import CLOSE, FAR, HEIGHT, WIDTH, cut_and_close_up, film
from numpy.typing import NDArray

from anonfaces.anonymize import AnonymizationResult, anonymize
from anonfaces.anonymize.detection import FaceAnalyzer, distances
from anonfaces.anonymize.sources import pictures
from anonfaces.anonymize.video.frames import frames

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def clip(strangers: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4", cut_and_close_up(strangers))


@pytest.fixture(scope="module")
def done(clip: Path) -> AnonymizationResult:
    return anonymize(clip, clip.parent / "out", surrogate="solid", detector="hog+mtcnn")


@pytest.fixture(scope="module")
def after(done: AnonymizationResult) -> list[Pixels]:
    return [frame.image for frame in frames(done.folder / "clip.mp4", 2**30)]


def grey(image: Pixels) -> NDArray[np.bool_]:
    """Where a cover lies; the video's compression changes its grey a little."""
    return np.abs(image.astype(int) - 128).max(axis=2) < 6


def test_no_frame_has_an_open_face(after: list[Pixels], analyzer: FaceAnalyzer) -> None:
    assert len(after) == 2 * FAR + CLOSE
    sure = FaceAnalyzer("hog+mtcnn", 0.5)
    for image in after[::3]:
        assert not len(sure.detect(image))


def test_the_covers_of_a_frame_are_heads(after: list[Pixels]) -> None:
    for image in after[:FAR] + after[FAR + CLOSE :]:
        assert 0.5 < grey(image).sum() / (2 * 96 * 96) < 1.7
    for number, image in enumerate(after[FAR : FAR + CLOSE]):
        left = 20 + 12 * number
        assert grey(image)[:, left : left + 60].mean() > 0.5
        assert not grey(image)[:, : max(left - 70, 0)].any()


def test_the_record_says_what_share_is_covered_and_where_shots_begin(
    done: AnonymizationResult, after: list[Pixels]
) -> None:
    (entry,) = json.loads(done.record.read_text())["pictures"]
    assert entry["shots_begin"] == [0, FAR, FAR + CLOSE]
    shares = np.array([grey(image).mean() for image in after])
    assert entry["covers"]["frames_with_covers"] == len(after)
    assert entry["covers"]["mean_share"] == pytest.approx(shares.mean(), abs=0.03)
    assert entry["covers"]["max_share"] == pytest.approx(shares.max(), abs=0.05)
    assert (entry["width"], entry["height"]) == (WIDTH, HEIGHT)
    assert any("18 of 18 frames hold covers" in note for note in done.notes)
    assert any("no sound is written, since a voice identifies" in note for note in done.notes)


def test_no_place_goes_over_a_cut(done: AnonymizationResult) -> None:
    (entry,) = json.loads(done.record.read_text())["pictures"]
    for face in entry["faces"]:
        last = face["first_frame"] + len(face["boxes"]) - 1
        shots = np.searchsorted([FAR, FAR + CLOSE], [face["first_frame"], last], side="right")
        assert shots[0] == shots[1]


def test_the_review_page_is_the_owners_and_shows_the_video(done: AnonymizationResult) -> None:
    assert done.review.name == "out.review.html"
    assert done.review.stat().st_mode & 0o777 == 0o600
    assert done.record.stat().st_mode & 0o777 == 0o600
    assert "never publish it" in done.review.read_text()
    assert "clip.mp4, frame 0 of 18" in done.review.read_text()


def test_where_faces_are_put_in_nobody_of_the_clip_is_left(
    strangers: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_DRAWN", 24)  # the fewer to choose from, the more is covered
    before = cut_and_close_up(strangers)[::2]
    clip = film(tmp_path / "clip.mp4", before, rate=5)
    done = anonymize(clip, tmp_path / "out", surrogate="fresh", detector="hog+mtcnn")
    sure = FaceAnalyzer("hog+mtcnn", 0.5)
    known = np.concatenate([sure.find(before[number]).embedding for number in (0, FAR // 2)])
    assert len(known) == 3
    after = [frame.image for frame in frames(done.folder / "clip.mp4", 2**30)]
    assert len(after) == len(before)
    for image in after[::2]:
        assert (distances(sure.find(image).embedding, known) > 0.6).all()
    (entry,) = json.loads(done.record.read_text())["pictures"]
    assert entry["covers"]["max_share"] < 0.9
    assert {face["outcome"] for face in entry["faces"]} <= {"replaced", "covered"}

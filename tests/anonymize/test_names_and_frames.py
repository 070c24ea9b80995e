"""What is read, listed and told of the input: names, frames, videos, people who are not there."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anonbase.errors import InputError, PrivacyWarning, UtilityWarning
from anonfaces.anonymize import anonymize
from anonfaces.anonymize.detection import DETECTOR, FaceAnalyzer, detectors_of
from anonfaces.anonymize.mask_size import scaled
from anonfaces.anonymize.options import AnonymizationOptions
from encoders.detect.centerface import has_centerface

LONG = "p" * 250 + ".jpg"  # 254 bytes, which every file system takes


@pytest.fixture(scope="module")
def made(portraits: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """A folder with a long name, an animation and a video, anonymized once with HOG alone."""
    root = tmp_path_factory.mktemp("inputs")
    (root / "in").mkdir()
    faces = [Image.open(path).convert("RGB") for path in portraits[:3]]
    faces[0].save(root / "in" / LONG, quality=95)
    faces[0].save(root / "in" / "two.gif", save_all=True, append_images=[faces[1]])
    (root / "in" / "party.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    wide = Image.new("RGB", (900, 300), "gray")
    wide.paste(faces[0], (20, 20))
    wide.save(root / "in" / "wide.png")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        done = anonymize(
            root / "in",
            root / "out",
            surrogate="solid",
            detector="hog",
            threshold=0.5,
            keep=(portraits[20],),
        )
    record = json.loads(done.record.read_text(encoding="utf-8"))
    pictures = {picture["input"]: picture for picture in record["pictures"]}
    return {"done": done, "pictures": pictures, "heard": heard, "record": record}


def _heard(made: dict[str, object], kind: type[Warning]) -> str:
    heard = made["heard"]
    return " | ".join(str(w.message) for w in heard if w.category is kind)  # type: ignore[attr-defined]


def test_a_name_of_254_bytes_is_written(made: dict[str, object]) -> None:
    assert made["pictures"][LONG]["outcome"] == "written"  # type: ignore[index]
    assert (made["done"].folder / LONG).is_file()  # type: ignore[attr-defined]


def test_frames_that_are_not_written_are_listed(made: dict[str, object]) -> None:
    listed = made["pictures"]["two.gif"]  # type: ignore[index]
    assert (listed["frames_not_written"], listed["outcome"]) == (1, "written")
    assert "two.gif" in _heard(made, UtilityWarning)


def test_a_damaged_video_among_photographs_is_listed(made: dict[str, object]) -> None:
    listed = made["pictures"]["party.mp4"]  # type: ignore[index]
    assert (listed["outcome"], "Invalid data" in listed["reason"]) == ("unreadable", True)


def test_who_is_kept_and_in_no_picture_is_told(made: dict[str, object]) -> None:
    assert "nobody was kept" in _heard(made, UtilityWarning)


def test_the_smallest_face_is_in_the_record_and_a_large_one_is_warned_of(
    made: dict[str, object],
) -> None:
    pictures = made["pictures"]
    assert pictures["wide.png"]["smallest_face"] == 40.0  # type: ignore[index]
    assert pictures[LONG]["smallest_face"] == 20.0  # type: ignore[index]
    assert "less than 40 px in photographs could not be found" in _heard(made, PrivacyWarning)
    face = pictures["wide.png"]["faces"][0]  # type: ignore[index]
    assert face["found_by"] == "hog"
    assert 0.5 <= face["confidence"] <= 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"detector": "viola"}, "no detector 'viola'"),
        ({"threshold": 0.0}, "--threshold"),
        ({"threshold": 1.0}, "--threshold"),
        ({"scale": 0.1}, "--scale"),
        ({"scale": 9.0}, "--scale"),
    ],
)
def test_options_that_are_none(option: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AnonymizationOptions(**option)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"threshold": 0.6}, "stay open"),
        ({"scale": 0.8}, "leave parts"),
        ({}, "^fresh keeps hair .* FaceRes, .* took 22 % for their source"),
        ({"surrogate": "group"}, "^group keeps hair .* by which people are known$"),
    ],
)
def test_options_that_weaken_the_promise_warn(option: dict[str, Any], message: str) -> None:
    with pytest.warns(PrivacyWarning, match=message) as heard:
        AnonymizationOptions(**option).warn()
    assert sum(bool(re.search(message, str(one.message))) for one in heard) == 1
    assert not any("\n" in str(one.message) for one in heard)


def test_what_auto_stands_for_is_in_the_recipe() -> None:
    expected = "hog+centerface+mtcnn" if has_centerface() else "hog+cnn+mtcnn"
    assert detectors_of(DETECTOR) == expected
    assert AnonymizationOptions().recipe()["detector"] == expected
    assert FaceAnalyzer().detector == expected


def test_a_cover_grows_about_the_middle_of_the_box() -> None:
    box, points = np.array([10, 10, 20, 30]), np.array([[15.0, 20.0], [10.0, 10.0]])
    grown, moved = scaled(box, points, 2.0)
    assert grown.tolist() == [5, 0, 25, 40]
    assert moved.tolist() == [[15, 20], [5, 0]]

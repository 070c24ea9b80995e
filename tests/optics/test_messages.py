"""What the optics say of figures, options, folders and names that a user gave."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import run_command

from anonbase.errors import InputError, PrivacyWarning, UtilityWarning, WeightsError
from anonfaces.optics.baseline_spec import BASELINES, parse_baseline
from anonfaces.optics.faces import FaceFrames
from anonfaces.optics.job import attack_run, camera_named, split
from anonfaces.optics.names import OutputNames
from anonfaces.optics.store import SHIPPED, load_camera
from anonfaces.optics.verdict import exposed, warn_if_exposed, warn_if_few


def faces(names: list[str]) -> FaceFrames:
    count = len(names)
    return FaceFrames(
        chip=np.zeros((count, 128, 128, 3), np.uint8),
        landmark=np.full((count, 68, 2), 0.5, np.float32),
        vector=np.zeros((count, 128), np.float32),
        identity=np.array([name.split("/")[0] for name in names]),
        name=np.array(names),
    )


def measured(*rows: tuple[str, str, float, float]) -> dict[str, Any]:
    """Figures of a run by camera, attack, and the shares verified and confused."""
    return {
        "judges": ["dlib"],
        "curve": [{"camera": "mask", "pictures": 6}],
        "attacks": [
            {"camera": camera, "attack": attack, "dlib_verified": own, "dlib_confused": other}
            for camera, attack, own, other in rows
        ],
    }


def test_rates_of_few_pictures_are_told_to_say_little() -> None:
    warn_if_few(50)
    with pytest.warns(UtilityWarning, match=r"of 6 pictures, .* by 17%: fewer than 50 say little"):
        warn_if_few(6)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("mask", "none", 0.04, 0.02), ("mask", "network", 0.5, 0.02)], "after the attack 'netw"),
        ([("mask", "none", 0.94, 0.02), ("mask", "network", 0.5, 0.02)], "6 pictures as they are"),
        ([("mask", "network", 0.1, 0.02), ("box:9", "network", 0.9, 0.0)], None),
        ([("mask", "network", 0.6, 0.6)], None),  # everybody is taken for everybody
    ],
)
def test_a_camera_that_hides_nobody_is_called_that(rows: list[Any], words: str | None) -> None:
    found = measured(*rows)
    if words is None:
        assert exposed(found) is None
        warn_if_exposed(found)
        return
    assert words in str(exposed(found))
    with pytest.warns(PrivacyWarning, match=r"does not hide people: dlib verifies .*more than 10%"):
        warn_if_exposed(found)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("none:3", "'none' has no strength"),
        ("none:", "'none' has no strength"),
        *((name, f"missing: .*as {name}:") for name in BASELINES if name != "none"),
        ("box:", "its strength is missing"),
        ("box:nan", "'nan' is no number"),
        ("low:few", "'few' is no number"),
        ("fog:1", "no baseline 'fog'"),
    ],
)
def test_a_baseline_that_is_none_is_refused(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_baseline(spec)


def test_help_lists_every_baseline(tmp_path: Path) -> None:
    done = run_command("anonfaces.optics", "simulate", "--help", cwd=tmp_path)
    assert all(name in done.out for name in BASELINES)


@pytest.mark.parametrize("distance", [-1, 0, float("inf"), float("nan")])
def test_a_distance_is_refused_by_its_option_and_not_by_the_file(distance: float) -> None:
    with pytest.raises(InputError, match=f"^--distance {distance:g}: expected meters"):
        camera_named(None, None, distance)


@pytest.mark.parametrize("distance", [-1, 0, float("nan")])
def test_what_is_no_lens_is_no_fault_of_the_cameras_file(distance: float) -> None:
    with pytest.raises(InputError, match="every length of a lens"):
        load_camera(distance=distance)
    with pytest.raises(InputError, match="every length of a lens"):
        replace(load_camera().lens, focus=distance)


@pytest.mark.parametrize("command", ["attack", "report"])
def test_a_folder_that_train_did_not_write_is_told(command: str, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "run")
    done = run_command("anonfaces.optics", command, "run", "nowhere.h5", cwd=tmp_path)
    assert done.code == 2
    assert "run is no folder that train wrote: readers/mask.h5 is missing" in done.err
    assert "python -m anonfaces.optics train FACES -o FOLDER" in done.err
    help_ = " ".join(run_command("anonfaces.optics", command, "--help", cwd=tmp_path).out.split())
    assert "RUN is a folder that train wrote" in help_


def test_too_few_people_are_told_with_how_many_are_enough(tmp_path: Path) -> None:
    few = faces(["ada/1.jpg", "ada/2.jpg", "cyd/1.jpg"])
    with pytest.raises(InputError, match=r"of 3 faces of 2 people none .* give 60 people or more"):
        split(few)
    shutil.copytree(SHIPPED, tmp_path / "run")
    (tmp_path / "run" / "readers").mkdir()
    (tmp_path / "run" / "readers" / "mask.h5").touch()
    one = few.select(np.arange(2))
    with pytest.raises(InputError, match=r"of 1 person, .* give 95 people or more"):
        attack_run(few, one, tmp_path / "run")
    with pytest.warns(UtilityWarning, match="of 3 pictures"), pytest.raises(WeightsError):
        attack_run(few, few, tmp_path / "run")  # the network of this run is an empty file


def test_attack_ends_with_what_its_table_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anonfaces.optics import job

    found = measured(("mask", "network", 0.5, 0.02))
    monkeypatch.setattr(job, "read_faces", lambda *_: (None, None))
    monkeypatch.setattr(job, "attack_run", lambda *_: found)
    (tmp_path / "run" / "readers").mkdir(parents=True)
    (tmp_path / "run" / "readers" / "mask.h5").touch()
    done = run_command("anonfaces.optics", "attack", "run", "faces.h5", cwd=tmp_path)
    assert (done.code, "network" in done.out) == (0, True), done.err
    assert "this camera does not hide people: dlib verifies 50.0% of 6 pictures" in done.err


@pytest.fixture
def mixed(sample: Path, tmp_path: Path) -> Path:
    """A face, a wall without one, and a file that is no picture."""
    folder = tmp_path / "in"
    folder.mkdir()
    first = sorted((sample / "person_000").iterdir())[0]
    Image.open(first).convert("RGB").save(folder / "face.jpg")
    Image.new("RGB", (64, 64), "gray").save(folder / "wall.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return folder


@pytest.mark.parametrize("rename", [(), ("--rename",)])
def test_warnings_name_what_the_input_holds(
    rename: tuple[str, ...], mixed: Path, tmp_path: Path
) -> None:
    words = ("simulate", mixed, "-o", "out", "--align", *rename)
    done = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "Warning: wall.jpg: no face was found" in done.err
    assert "Warning: broken.jpg: " in done.err


def test_a_reference_without_a_face_is_named_as_it_is(mixed: Path, tmp_path: Path) -> None:
    words = ("deidentify", mixed, "-o", "out", "--reference", mixed, "--rename")
    done = run_command("anonfaces.optics", *words, "--corrections", 0, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "Warning: wall.jpg: no face was found in this reference" in done.err
    assert "face.jpg" in done.err.split("private pictures only: ")[1]


def recorded(path: Path) -> dict[str, list[str]]:
    lists = json.loads(path.read_text(encoding="utf-8"))
    return {key: sorted(one["input"] for one in some) for key, some in lists.items()}


def test_the_record_tells_what_was_written_from_what_was_not(mixed: Path, tmp_path: Path) -> None:
    words = ("simulate", mixed, "-o", "out", "--align", "--rename")
    for kept in (False, True):
        done = run_command("anonfaces.optics", *words, cwd=tmp_path)
        assert (done.code, "1 of them there before" in done.out) == (0, kept), done.err
        assert recorded(tmp_path / "out.names.json") == {
            "pictures": ["face.jpg"], "not_written": ["broken.jpg", "wall.jpg"],
        }  # fmt: skip
    record = json.loads((tmp_path / "out.names.json").read_text(encoding="utf-8"))
    assert (tmp_path / "out" / record["pictures"][0]["output"]).is_file()
    drawn = ("deidentify", mixed, "-o", "faces", "--rename", "--every", "--seeds", 2)
    done = run_command("anonfaces.optics", *drawn, "--corrections", 0, cwd=tmp_path)
    assert done.code == 0, done.err
    assert recorded(tmp_path / "faces.names.json") == {
        "pictures": ["face.jpg", "wall.jpg"], "not_written": ["broken.jpg"],
    }  # fmt: skip


def test_two_photographs_never_share_a_picture(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.jpg.png"):
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    with pytest.raises(InputError, match=r"a\.jpg and a\.jpg\.png would share one picture"):
        OutputNames(tmp_path, tmp_path.parent / "out", rename=False, seed=0)
    assert len(OutputNames(tmp_path, tmp_path.parent / "out", rename=True, seed=0).bases()) == 2


@pytest.mark.parametrize(("folder", "distance"), [(SHIPPED, None), (None, 0.5)])
def test_a_baseline_takes_no_camera_and_no_distance(
    folder: Path | None, distance: float | None
) -> None:
    with pytest.raises(InputError, match="leave out --camera and --distance"):
        camera_named(folder, "low:16", distance)
